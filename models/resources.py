"""Addresses, sizes and ranges: the numbers everything else is made of.

Inside barplan an address or a size is an ``int`` in bytes and a range is
half-open. Inclusive ends and hex digits exist only at the edges, where a text
is read or written: :func:`parse_number`, :func:`format_range` and their
neighbours here are that edge.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, NewType

Address = int
"""A CPU address in bytes."""

Size = int
"""A number of bytes."""

FunctionAddress = NewType("FunctionAddress", str)
"""A canonical function address, ``dddd:bb:dd.f`` (the domain may be longer)."""

Space = Literal["io", "mem"]
"""The two address spaces of PCI."""

WindowKind = Literal["io", "mem", "pref"]
"""The three windows of a PCI-to-PCI bridge, in the kernel's order."""

WINDOW_KINDS: tuple[WindowKind, ...] = ("io", "mem", "pref")

KIB = 1 << 10
MIB = 1 << 20
GIB = 1 << 30
FOUR_GIB = 1 << 32
ADDRESS_LIMIT = 1 << 64
"""First address that no longer has 64 bits."""

MEMORY_GRANULARITY = MIB
"""Memory windows start and end on 1 MiB (PCI-to-PCI Bridge Architecture 1.2, 3.2.5.8)."""

IO_GRANULARITY = 4 * KIB
"""I/O windows start and end on 4 KiB unless the bridge supports 1 KiB."""

IO_REACH = 1 << 16
"""A 16-bit I/O window ends below 64 KiB."""

ISA_BLOCK, ISA_PORTS = 1024, 256
"""Of each so many I/O ports below 64 KiB, a bridge whose ISA enable bit is set passes on the first so many
(PCI-to-PCI Bridge Architecture 1.2, 3.2.5.18)."""

VGA_PORTS = ((0x3B0, 0x3BC), (0x3C0, 0x3E0))
"""I/O ports that a bridge passes on whose VGA enable bit is set: the first, and the one behind the last. If it looks at
the lowest 10 bits of a port alone, those of each 1024 below 64 KiB (PCI-to-PCI Bridge Architecture 1.2, 3.2.5.18)."""


_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40, "P": 1 << 50, "E": 1 << 60}
_SIZE = re.compile(r"(\d+)\s*([KMGTPE]?)(?:i?B)?", re.IGNORECASE)
_FUNCTION = re.compile(
    r"(?:(?:(?P<domain>[0-9a-f]{1,8}):)?(?P<bus>[0-9a-f]{1,2}):)(?P<device>[0-9a-f]{1,2})\.(?P<function>[0-7])",
    re.IGNORECASE,
)


@dataclass(frozen=True, order=True, slots=True)
class Range:
    """A half-open range of addresses, ``[start, end)``."""

    start: Address
    end: Address

    def __post_init__(self) -> None:
        if not 0 <= self.start < self.end <= ADDRESS_LIMIT:
            raise ValueError(f"a range needs 0 <= start < end <= 2^64, not [{self.start:#x}, {self.end:#x})")

    @classmethod
    def of(cls, start: Address, size: Size) -> Range:
        """The range of ``size`` bytes that begins at ``start``."""
        return cls(start, start + size)

    @classmethod
    def inclusive(cls, start: Address, last: Address) -> Range:
        """The range from ``start`` to ``last``, both included (as /proc/iomem writes it)."""
        return cls(start, last + 1)

    @property
    def size(self) -> Size:
        return self.end - self.start

    @property
    def last(self) -> Address:
        """The last address inside: the inclusive end."""
        return self.end - 1

    def __contains__(self, address: Address) -> bool:
        return self.start <= address < self.end

    def contains(self, other: Range) -> bool:
        """Whether all of ``other`` lies inside."""
        return self.start <= other.start and other.end <= self.end

    def overlaps(self, other: Range) -> bool:
        """Whether the two share an address."""
        return self.start < other.end and other.start < self.end

    def clip(self, other: Range) -> Range | None:
        """What ``self`` and ``other`` share, or ``None``."""
        start, end = max(self.start, other.start), min(self.end, other.end)
        return Range(start, end) if start < end else None

    def __str__(self) -> str:
        return format_range(self)


def align_up(value: int, alignment: int) -> int:
    """The smallest multiple of ``alignment`` that is at least ``value``."""
    return -(-value // alignment) * alignment


def align_down(value: int, alignment: int) -> int:
    """The largest multiple of ``alignment`` that is at most ``value``."""
    return value // alignment * alignment


def is_power_of_two(value: int) -> bool:
    """Whether ``value`` is 1, 2, 4, ...; 0 and what is below are none."""
    return value > 0 and value & (value - 1) == 0


def parse_number(text: str | int) -> int:
    """An address, size or offset: an integer, ``"0x..."``, ``"-0x..."``, ``"256M"`` or ``"16G"`` (binary units).

    Raises
    ------
    ValueError
        If the text is none of these.
    """
    if isinstance(text, bool):
        raise ValueError("expected a number, found a truth value")
    if isinstance(text, int):
        return text
    stripped = text.strip()
    sign, digits = (-1, stripped[1:]) if stripped.startswith("-") else (1, stripped)
    if re.fullmatch(r"0[xX][0-9a-fA-F]+", digits):
        return sign * int(digits, 16)
    match = _SIZE.fullmatch(digits)
    if match is None:
        raise ValueError(f"expected a number such as 0xfe000000, 4096 or 256M, found {text!r}")
    return sign * int(match[1]) * _UNITS[match[2].upper()]


def format_size(size: Size) -> str:
    """A size as lspci writes it: the largest binary unit that divides it (``32M``, ``1536K``, ``128``)."""
    for unit in "EPTGMK":
        scale = _UNITS[unit]
        if size and size % scale == 0:
            return f"{size // scale}{unit}"
    return str(size)


def format_range(range_: Range | None) -> str:
    """A range with inclusive ends, as /proc/iomem writes it: ``f6000000-f7ffffff``."""
    return "closed" if range_ is None else f"{range_.start:08x}-{range_.last:08x}"


def vga_ports(bits: int) -> list[tuple[int, int]]:
    """The I/O ports that a VGA enable bit claims where so many bits of a port are looked at; none for 0 bits."""
    blocks = {0: range(0), 10: range(0, IO_REACH, 1 << 10)}.get(bits, range(1))
    return [(block + first, block + end) for block in blocks for first, end in VGA_PORTS]


def parse_function_address(text: str) -> FunctionAddress:
    """The canonical form of ``[domain:]bus:device.function``.

    Raises
    ------
    ValueError
        If the text is no function address.
    """
    match = _FUNCTION.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"expected a function address such as 0000:01:00.0, found {text!r}")
    device = int(match["device"], 16)
    if device > 0x1F:
        raise ValueError(f"device number {device:#x} in {text!r} is above 1f")
    return function_address(int(match["domain"] or "0", 16), int(match["bus"], 16), device, int(match["function"]))


def function_address(domain: int, bus: int, device: int, function: int) -> FunctionAddress:
    """The canonical function address of these numbers."""
    return FunctionAddress(f"{domain:04x}:{bus:02x}:{device:02x}.{function}")


def split_function_address(address: FunctionAddress) -> tuple[int, int, int, int]:
    """Domain, bus, device and function number of a canonical function address."""
    domain, bus, rest = address.split(":")
    device, function = rest.split(".")
    return int(domain, 16), int(bus, 16), int(device, 16), int(function)
