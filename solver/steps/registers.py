"""What stands in registers: BARs and bridge windows as configuration space holds them.

PCI Local Bus 3.0, 6.2.5; PCI-to-PCI Bridge Architecture 1.2, 3.2.5.6 to 3.2.5.10; SR-IOV 1.1, 3.3.14.
All addresses here are bus addresses.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from models.resources import FunctionAddress, Range, WindowKind
from models.topology import Bar, BridgeWindow, bar_name
from solver.steps.step import Register, RegisterWrite, bar_offset

_LOW = 0xFFFFFFFF
_CLOSED_MEMORY, _CLOSED_IO = 0x0000FFF0, 0x00F0
"""A limit below the base (3.2.5.6, 3.2.5.8): what the kernel writes as well."""


def type_bits(bar: Bar) -> int:
    """The low bits of a BAR's register, which are read-only."""
    if bar.index == "rom":
        return 0
    if bar.space == "io":
        return 0x1
    return (0x4 if bar.width == 64 else 0) | (0x8 if bar.prefetchable else 0)


def bar_writes(
    function: FunctionAddress, bar: Bar, before: int | None, after: int, *, bridge: bool
) -> Iterator[RegisterWrite]:
    """The writes that give a BAR its bus address ``after``, low half first; its function decodes nothing meanwhile.

    A half that stays is not written.
    """
    capability, offset = bar_offset(bar.index, bridge=bridge)
    mask = 0xFFFFF800 if bar.index == "rom" else 0xFFFFFFFC if bar.space == "io" else 0xFFFFFFF0
    wide = bar.width == 64 and bar.space == "mem" and bar.index != "rom"
    name = bar_name(bar.index)
    old = None if before is None else before & _LOW | type_bits(bar)
    if before is None or before & _LOW != after & _LOW:
        low = Register(function, offset, 4, capability)
        yield RegisterWrite(low, after & _LOW | type_bits(bar), mask, old, f"{name}, low half" if wide else name)
    if wide and (before is None or before >> 32 != after >> 32):
        high = Register(function, offset + 4, 4, capability)
        yield RegisterWrite(high, after >> 32, _LOW, None if before is None else before >> 32, f"{name}, high half")


State = tuple[int, ...]
"""Values of a window's registers, in the order of :attr:`Coding.registers`."""


@dataclass(frozen=True, slots=True)
class Coding:
    """How one bridge window stands in registers.

    Attributes
    ----------
    registers
        Offset, width, mask of the bits that count, and a name.
    """

    kind: WindowKind
    wide: bool
    fine: bool
    registers: tuple[tuple[int, int, int, str], ...]

    @classmethod
    def of(cls, window: BridgeWindow) -> Coding:
        """The coding of this window."""
        if window.kind == "io":
            fine, wide = window.granularity < 0x1000, window.width == 32
            upper = ((0x30, 4, _LOW, "upper halves"),) if wide else ()
            return cls("io", wide, fine, ((0x1C, 2, 0xFCFC if fine else 0xF0F0, "base and limit"), *upper))
        if window.kind == "mem":
            return cls("mem", False, False, ((0x20, 4, 0xFFF0FFF0, "base and limit"),))
        wide = window.width == 64
        halves = ((0x28, 4, _LOW, "base, upper half"), (0x2C, 4, _LOW, "limit, upper half")) if wide else ()
        return cls("pref", wide, False, ((0x24, 4, 0xFFF0FFF0, "base and limit"), *halves))

    @property
    def closed(self) -> State:
        """The values of a closed window."""
        low = _CLOSED_IO if self.kind == "io" else _CLOSED_MEMORY
        return (low, *(0 for _ in self.registers[1:]))

    def encode(self, range_: Range | None) -> State:
        """The values of a window with these bus addresses."""
        if range_ is None:
            return self.closed
        start, last = range_.start, range_.last
        if self.kind == "io":
            bits = 0xFC if self.fine else 0xF0
            low = last >> 8 & bits & 0xFF
            values = (low << 8 | start >> 8 & bits & 0xFF, (last >> 16 & 0xFFFF) << 16 | start >> 16 & 0xFFFF)
            return values[: len(self.registers)]
        values3 = (last & 0xFFF00000 | start >> 16 & 0xFFF0, start >> 32, last >> 32)
        return values3[: len(self.registers)]

    def decode(self, state: State) -> Range | None:
        """The bus addresses that these values pass on."""
        if self.kind == "io":
            bits = 0xFC if self.fine else 0xF0
            upper = state[1] if self.wide else 0
            base = (state[0] & bits) << 8 | (upper & 0xFFFF) << 16
            limit = (state[0] >> 8 & bits) << 8 | (upper >> 16) << 16 | (0x3FF if self.fine else 0xFFF)
        else:
            base_high, limit_high = (state[1], state[2]) if self.wide else (0, 0)
            base = (state[0] & 0xFFF0) << 16 | base_high << 32
            limit = state[0] & 0xFFF00000 | limit_high << 32 | 0xFFFFF
        return Range.inclusive(base, limit) if base <= limit else None

    def path(self, state: State | None, new: State, *, grow: bool) -> list[tuple[int, int]]:
        """Number and value of the writes from ``state`` (``None`` = closed, in whatever way) to ``new``, in order.

        A window that shrinks gets its low halves first, one that grows its upper halves; one that was closed is
        given the usual closed values first, so that nothing opens before its time.
        """
        writes: list[tuple[int, int]] = []
        if state is None and len(self.registers) > 1:
            writes.append((0, self.closed[0]))
        upper = list(range(1, len(self.registers)))
        for number in [*upper, 0] if grow else [0, *upper[::-1]]:
            if state is None or new[number] != state[number] or (number == 0 and writes):
                writes.append((number, new[number]))
        return writes
