"""Decodes PCI configuration space: what the registers of one function say.

The layout is that of the PCI Local Bus Specification 3.0 (chapter 6), the PCI-to-PCI Bridge Architecture
Specification 1.2 (chapter 3) and the PCI Express Base Specification (7.5 to 7.8). Registers hold bus addresses
and no sizes; Enhanced Allocation and Resizable BAR capabilities are the only ones that tell a size.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from models.resources import ADDRESS_LIMIT, FOUR_GIB, MIB, Address, Range, Size, Space, WindowKind, is_power_of_two
from models.sources.observation import SeenBar, SeenFunction, SeenWindow
from models.topology import BarIndex

_BAR_COUNTS = {0: 6, 1: 2, 2: 1}
_EXPRESS, _ENHANCED_ALLOCATION = 0x10, 0x14
_SRIOV, _RESIZABLE, _VF_RESIZABLE = 0x10, 0x15, 0x24
_PORTS_WITH_SLOTS = (4, 6)
"""PCI Express port types: root port, downstream port of a switch."""

_ENHANCED_SPACES: dict[int, tuple[Space, bool]] = {
    0: ("mem", False), 1: ("mem", True), 2: ("io", False), 3: ("mem", True), 4: ("mem", False),
}  # fmt: skip
"""Enhanced Allocation properties that stand for a BAR: space, prefetchable (PCI Express Base 7.8.5)."""


@dataclass(frozen=True, slots=True)
class Sriov:
    """The SR-IOV capability: numbers of VFs, where they are, and their BARs' registers."""

    total: int
    enabled: int
    offset: int
    stride: int
    bars: dict[int, SeenBar] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Resizable:
    """One Resizable BAR: its size now and those it supports."""

    current: Size | None
    sizes: tuple[Size, ...]


@dataclass(frozen=True, slots=True)
class ConfigSpace:
    """The bytes of one function's configuration space, as many as are readable (64, 256 or 4096)."""

    data: bytes

    @property
    def responds(self) -> bool:
        """Not all ones: the function is there and powered."""
        return len(self.data) >= 64 and self.data[8:16] != b"\xff" * 8

    def _word(self, offset: int) -> int:
        return int.from_bytes(self.data[offset : offset + 2], "little")

    def _long(self, offset: int) -> int:
        return int.from_bytes(self.data[offset : offset + 4], "little")

    @property
    def id(self) -> str | None:
        """``vvvv:dddd``; a virtual function's own register reads ffff."""
        vendor = self._word(0)
        return None if vendor == 0xFFFF else f"{vendor:04x}:{self._word(2):04x}"

    @property
    def class_code(self) -> str:
        return f"{self.data[11]:02x}{self.data[10]:02x}{self.data[9]:02x}"

    @property
    def header(self) -> int:
        return self.data[14] & 0x7F

    @property
    def isa(self) -> bool:
        """The ISA enable bit of a bridge (PCI-to-PCI Bridge Architecture 1.2, 3.2.5.18)."""
        return bool(self._word(0x3E) & 4)

    @property
    def vga(self) -> int:
        """How many bits of an I/O port a bridge looks at for VGA (the VGA enable and VGA 16-bit decode bits), or 0."""
        control = self._word(0x3E)
        return 0 if not control & 8 else 16 if control & 0x10 else 10

    @property
    def secondary(self) -> int:
        return self.data[0x19]

    @property
    def subordinate(self) -> int:
        return self.data[0x1A]

    def decodes(self, space: Space) -> bool:
        """The command register lets the function answer in this space."""
        return bool(self.data[4] & (1 if space == "io" else 2))

    def bars(self) -> dict[BarIndex, SeenBar]:
        """BARs whose register is not zero (a register of zero may be an unassigned BAR, or none), and the ROM."""
        found: dict[BarIndex, SeenBar] = dict(self._registers(0x10, _BAR_COUNTS.get(self.header, 0)))
        for bar in found.values():
            bar.enabled = self.decodes(bar.space)
        rom = self._long(0x38 if self.header == 1 else 0x30) if self.header in (0, 1) else 0
        if rom & ~0x7FF:
            address = _rom_address(rom)
            found["rom"] = SeenBar(
                "rom",
                "mem",
                None,
                32,
                True,
                address,
                address is not None,
                enabled=bool(rom & 1 and self.decodes("mem")),
            )
        return found

    def _registers(self, base: int, count: int) -> Iterator[tuple[int, SeenBar]]:
        index = 0
        while index < count:
            low = self._long(base + 4 * index)
            here = index
            index += 1
            if low == 0:
                continue
            width, high = 32, 0
            space: Space = "io" if low & 1 else "mem"
            if space == "mem" and (low >> 1) & 3 == 2:
                width, high = 64, self._long(base + 4 * index)
                index += 1
            address = _real((low & ~(3 if space == "io" else 15)) | high << 32, width)
            prefetchable = space == "mem" and bool(low & 8)
            yield here, SeenBar(here, space, None, width, prefetchable, address, address is not None)

    def windows(self) -> dict[WindowKind, SeenWindow]:
        """The three windows of a PCI bridge."""
        if self.header != 1:
            return {}
        io_base, io_limit = self.data[0x1C], self.data[0x1D]
        base, limit = (io_base & 0xF0) << 8, (io_limit & 0xF0) << 8
        wide = io_base & 0xF == 1
        if wide:
            base, limit = base | self._word(0x30) << 16, limit | self._word(0x32) << 16
        io = window("io", base, limit | 0xFFF, 32 if wide else 16)
        mem = window("mem", (self._word(0x20) & 0xFFF0) << 16, (self._word(0x22) & 0xFFF0) << 16 | 0xFFFFF, 32)
        base, limit = (self._word(0x24) & 0xFFF0) << 16, (self._word(0x26) & 0xFFF0) << 16
        wide = self._word(0x24) & 0xF == 1
        if wide:
            base, limit = base | self._long(0x28) << 32, limit | self._long(0x2C) << 32
        pref = window("pref", base, limit | 0xFFFFF, 64 if wide else 32)
        return {"io": io, "mem": mem, "pref": pref}

    def cardbus(self) -> list[tuple[Space, Range, bool]]:
        """The open windows of a CardBus bridge; memory is in pages of 4 KiB, I/O in 4 bytes."""
        if self.header != 2:
            return []
        control = self._word(0x3E)
        registers: tuple[tuple[Space, int, int, bool], ...] = (
            ("mem", 0x1C, 0xFFF, bool(control & 0x100)),
            ("mem", 0x24, 0xFFF, bool(control & 0x200)),
            ("io", 0x2C, 3, False),
            ("io", 0x34, 3, False),
        )
        found = []
        for space, offset, page, prefetchable in registers:
            base, limit = self._long(offset) & ~page, self._long(offset + 4) | page
            if space == "io" and self._long(offset) & 3 == 0:
                limit &= 0xFFFF
            if 0 < base <= limit:
                found.append((space, Range.inclusive(base, limit), prefetchable))
        return found

    def hotplug(self) -> bool | None:
        """The port's slot is hot-plug capable; ``None`` where the registers are not readable or it is no PCIe port."""
        express = self._capability(_EXPRESS)
        if express is None or express + 0x18 > len(self.data):
            return None
        flags = self._word(express + 2)
        if (flags >> 4) & 0xF not in _PORTS_WITH_SLOTS:
            return None
        return bool(flags & 0x100 and self._long(express + 0x14) & 0x40)

    def enhanced(self) -> dict[BarIndex, SeenBar]:
        """BARs that Enhanced Allocation fixes, with their sizes."""
        start = self._capability(_ENHANCED_ALLOCATION)
        if start is None:
            return {}
        found: dict[BarIndex, SeenBar] = {}
        offset = start + (8 if self.header == 1 else 4)
        for _ in range(self.data[start + 2] & 0x3F):
            head = self._long(offset)
            entry = offset
            offset += 4 + 4 * (head & 7)
            if offset > len(self.data):
                break
            index = enhanced_index((head >> 4) & 0xF)
            properties = (head >> 8) & 0xFF
            if properties not in _ENHANCED_SPACES:
                properties = (head >> 16) & 0xFF
            if index is None or not head >> 31 or properties not in _ENHANCED_SPACES:
                continue
            base, last = self._long(entry + 4), self._long(entry + 8)
            high = self._long(entry + 12) if base & 2 else 0
            last_high = self._long(entry + (16 if base & 2 else 12)) if last & 2 else 0
            space, prefetchable = _ENHANCED_SPACES[properties]
            address = (base & ~3) | high << 32
            size = ((last | 3) | last_high << 32) + 1
            found[index] = SeenBar(
                index, space, size, 64 if base & 2 else 32, prefetchable, address, True, fixed=True
            )  # fmt: skip
        return found

    def sriov(self) -> Sriov | None:
        """The SR-IOV capability."""
        start = self._extended(_SRIOV)
        if start is None or start + 0x3C > len(self.data):
            return None
        bars = {
            index: SeenBar(
                f"vf{index}", bar.space, None, bar.width, bar.prefetchable, bar.address, bar.assigned
            )
            for index, bar in self._registers(start + 0x24, 6)
        }  # fmt: skip
        return Sriov(
            total=self._word(start + 0x0E),
            enabled=self._word(start + 0x10) if self._word(start + 8) & 1 else 0,
            offset=self._word(start + 0x14),
            stride=self._word(start + 0x16),
            bars=bars,
        )

    def resizable(self) -> dict[BarIndex, Resizable]:
        """Resizable BARs, those of VFs as ``vfN``."""
        found: dict[BarIndex, Resizable] = {}
        for capability in (_RESIZABLE, _VF_RESIZABLE):
            start = self._extended(capability)
            if start is None:
                continue
            count = min(self._long(start + 8) >> 5 & 7, 6)
            for entry in range(start + 4, start + 4 + 8 * count, 8):
                supported, control = self._long(entry), self._long(entry + 4)
                bits = supported >> 4 | (control >> 16) << 28
                number = control & 7
                index: BarIndex = number if capability == _RESIZABLE else f"vf{number}"
                found[index] = Resizable(MIB << (control >> 8 & 0x3F), sizes_of_bits(bits))
        return found

    def _capability(self, wanted: int) -> int | None:
        if not self.data[6] & 0x10:
            return None
        offset, steps = self.data[0x14 if self.header == 2 else 0x34] & ~3, 0
        while 0x40 <= offset < min(len(self.data), 256) - 3 and steps < 48:
            if self.data[offset] == wanted:
                return offset
            offset, steps = self.data[offset + 1] & ~3, steps + 1
        return None

    def _extended(self, wanted: int) -> int | None:
        offset, steps = 0x100, 0
        while 0x100 <= offset <= len(self.data) - 8 and steps < 480:
            head = self._long(offset)
            if head & 0xFFFF == wanted:
                return offset
            if head in (0, 0xFFFFFFFF):
                return None
            offset, steps = head >> 20 & ~3, steps + 1
        return None


def _real(address: Address, width: int) -> Address | None:
    """The address, unless the register holds none: zero, or all ones as after a size probe."""
    return None if address == 0 or address >= (1 << width) - (1 << 12) else address


def _rom_address(register: int) -> Address | None:
    """The ROM's address; a disabled one is often left holding the mask of a size probe, such as 0xfff00000."""
    address = register & ~0x7FF
    probed = not register & 1 and address >= 0xFF00_0000 and is_power_of_two((1 << 32) - address)
    return None if probed else _real(address, 32)


def window(kind: WindowKind, base: Address, last: Address, width: int | None) -> SeenWindow:
    """A bridge window with these (inclusive) limits: closed if they cross, or if both registers read zero."""
    untouched = base == 0 and last == (0xFFF if kind == "io" else 0xFFFFF)
    if base > last or untouched or last >= ADDRESS_LIMIT:
        return SeenWindow(kind, None, closed=True, width=width)
    if kind == "pref" and last >= FOUR_GIB:  # some versions of lspci print [32-bit] there
        width = 64
    return SeenWindow(kind, Range.inclusive(base, last), closed=False, width=width)


def enhanced_index(indicator: int) -> BarIndex | None:
    """The BAR that a BAR Equivalent Indicator stands for."""
    if indicator <= 5:
        return indicator
    if indicator == 8:
        return "rom"
    return f"vf{indicator - 9}" if 9 <= indicator <= 14 else None


def sizes_of_bits(bits: int) -> tuple[Size, ...]:
    """The sizes of a Resizable BAR bitmap: bit 0 is 1 MiB."""
    return tuple(MIB << bit for bit in range(44) if bits >> bit & 1)


def fill_from_registers(function: SeenFunction, config: ConfigSpace) -> None:
    """Add what registers tell and the source has not told: identity, header, bus numbers, windows, capabilities.

    BARs are not added: a listing shows all that the kernel knows of. Call :meth:`ConfigSpace.bars` where it shows none.
    """
    function.id = function.id or config.id
    if len(function.class_code or "") < 6:
        function.class_code = config.class_code
    function.header = config.header if function.header is None else function.header
    if config.header == 1:
        function.subtractive = config.class_code == "060401"
        function.isa = config.isa if function.isa is None else function.isa
        function.vga = config.vga if function.vga is None else function.vga
        for kind, seen in config.windows().items():
            known = function.windows.setdefault(kind, seen)
            known.width = known.width or seen.width
    if config.header in (1, 2) and function.secondary is None:
        function.secondary, function.subordinate = config.secondary, config.subordinate
    if config.header == 2 and not function.cardbus:
        function.cardbus = config.cardbus()
    if function.hotplug is None:
        function.hotplug = config.hotplug()
    for index, bar in config.enhanced().items():
        function.bars.setdefault(index, bar).fixed = True
    for index, resizable in config.resizable().items():
        known_bar = function.bars.get(index)
        if known_bar is not None:
            known_bar.sizes = known_bar.sizes or resizable.sizes
            known_bar.size = known_bar.size or resizable.current
