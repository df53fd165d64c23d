"""Configuration space of one function: what reads back after a write, and what it decodes."""

from __future__ import annotations

from collections.abc import Iterator

from models.resources import Range, Space
from models.topology import Bar, BarIndex, BarKey, BridgeWindow, Function, RootBus, WindowKey

COMMAND = 0x04
SRIOV = 0x160
"""Where a function with VF BARs has its SR-IOV capability."""
VF_ENABLE, VF_MEMORY = 0x1, 0x8
BITS: dict[Space, int] = {"io": 0x1, "mem": 0x2}
WINDOWS = {"io": (0x1C, 2), "mem": (0x20, 4), "pref": (0x24, 4)}


class ConfigSpace:
    """4096 bytes, of which BARs, bridge windows, the command register and SR-IOV can be written."""

    def __init__(self, function: Function, root: RootBus) -> None:
        self.function, self.root = function, root
        self.bytes = bytearray(4096)
        self.writable = bytearray(4096)
        self.unassigned: set[BarIndex] = set()
        """BARs that nobody has given an address yet; they decode nothing."""
        self._fill()

    # -- bytes ------------------------------------------------------------------------------------------------------

    def read(self, offset: int, width: int) -> int:
        return int.from_bytes(self.bytes[offset : offset + width], "little")

    def write(self, offset: int, width: int, value: int) -> None:
        for i, new in enumerate(value.to_bytes(width, "little")):
            mask = self.writable[offset + i]
            self.bytes[offset + i] = self.bytes[offset + i] & ~mask | new & mask
        for bar in self.function.bars:
            end = self.register(bar.index) + (8 if bar.width == 64 and bar.space == "mem" else 4)
            if offset < end and self.register(bar.index) < offset + width:
                self.unassigned.discard(bar.index)

    def _set(self, offset: int, width: int, value: int, writable: int) -> None:
        self.bytes[offset : offset + width] = value.to_bytes(width, "little")
        self.writable[offset : offset + width] = writable.to_bytes(width, "little")

    # -- what is there at the start ---------------------------------------------------------------------------------

    def _fill(self) -> None:
        function = self.function
        vendor, device = (int(part, 16) for part in (function.id or "1234:5678").split(":"))
        self._set(0x00, 4, device << 16 | vendor, 0)
        self._set(COMMAND, 2, 0, 0x0407)
        self._set(0x0E, 1, 0 if function.bridge is None else 1, 0)
        if any(str(bar.index).startswith("vf") for bar in function.bars):
            self._set(0x100, 4, 0x0001 | 1 << 16 | SRIOV << 20, 0)
            self._set(SRIOV, 4, 0x0010 | 1 << 16, 0)
            self._set(SRIOV + 0x08, 2, 0, VF_ENABLE | VF_MEMORY)
            self._set(SRIOV + 0x0E, 2, max(bar.copies for bar in function.bars), 0)
            self._set(SRIOV + 0x10, 2, 0, 0xFFFF)
        command = 0
        for bar in function.bars:
            self._fill_bar(bar)
            if bar.address is not None and not isinstance(bar.index, str):
                command |= BITS[bar.space]
        if function.bridge is not None:
            for window in function.bridge.windows:
                self._fill_window(window)
                command |= BITS[window.space] if window.range is not None else 0
        self.bytes[COMMAND] = command | (4 if command else 0)

    def register(self, index: BarIndex) -> int:
        """Where a BAR's register is."""
        if index == "rom":
            return 0x30 if self.function.bridge is None else 0x38
        return SRIOV + 0x24 + 4 * int(index[2:]) if isinstance(index, str) else 0x10 + 4 * index

    def _fill_bar(self, bar: Bar) -> None:
        at = 0 if bar.address is None else bar.address - self._offset(bar.space, bar.address)
        kind = 0 if bar.index == "rom" else 1 if bar.space == "io" else (bar.width == 64) << 2 | bar.prefetchable << 3
        low_bits = 0x7FF if bar.index == "rom" else 0x3 if bar.space == "io" else 0xF
        size = bar.size if bar.size & (bar.size - 1) == 0 else 1
        writable = ~(max(size, low_bits + 1) - 1) & (1 << 64) - 1
        self._set(self.register(bar.index), 4, at & 0xFFFFFFFF & ~low_bits | kind, writable & 0xFFFFFFFF)
        if bar.width == 64 and bar.space == "mem" and bar.index != "rom":
            self._set(self.register(bar.index) + 4, 4, at >> 32, writable >> 32)
        if bar.address is None:
            self.unassigned.add(bar.index)

    def _fill_window(self, window: BridgeWindow) -> None:
        offset, width = WINDOWS[window.kind]
        wide = (window.kind == "io" and window.width == 32) or (window.kind == "pref" and window.width == 64)
        bits = 0xFC if window.kind == "io" and window.granularity < 4096 else 0xF0
        if window.kind == "io":
            self._set(offset, width, 0xF0 | wide * 0x0101, bits << 8 | bits)
            if wide:
                self._set(0x30, 4, 0, 0xFFFFFFFF)
        else:
            self._set(offset, width, 0xFFF0 | (wide and window.kind == "pref") * 0x00010001, 0xFFF0FFF0)
            if wide:
                self._set(0x28, 8, 0, (1 << 64) - 1)
        if window.range is None:
            return
        shift = self._offset(window.space, window.range.start)
        start, last = window.range.start - shift, window.range.last - shift
        if window.kind == "io":
            self.write(offset, 1, start >> 8 & 0xFF)
            self.write(offset + 1, 1, last >> 8 & 0xFF)
            self.write(0x30, 4, (last >> 16 << 16 | start >> 16) & 0xFFFFFFFF)
        else:
            self.write(offset, 4, last & 0xFFF00000 | start >> 16 & 0xFFF0)
            if wide:
                self.write(0x28, 4, start >> 32)
                self.write(0x2C, 4, last >> 32)

    def _offset(self, space: Space, cpu: int | None = None, bus: int = 0) -> int:
        """CPU address minus bus address, of the root window that one of them lies in."""
        windows = [window for window in self.root.windows if window.space == space]
        for window in windows:
            if (bus + window.offset if cpu is None else cpu) in window.range:
                return window.offset
        return windows[0].offset if windows else 0

    # -- what it decodes --------------------------------------------------------------------------------------------

    def bar(self, bar: Bar) -> Range | None:
        """Where a BAR's register points, as CPU addresses."""
        if bar.index in self.unassigned:
            return None
        register = self.register(bar.index)
        low_bits = 0x7FF if bar.index == "rom" else 0x3 if bar.space == "io" else 0xF
        at = self.read(register, 4) & ~low_bits
        if bar.width == 64 and bar.space == "mem" and bar.index != "rom":
            at |= self.read(register + 4, 4) << 32
        return Range.of(at + self._offset(bar.space, bus=at), bar.span)

    def window(self, window: BridgeWindow) -> Range | None:
        """What a window's registers say, as CPU addresses."""
        offset, _ = WINDOWS[window.kind]
        if window.kind == "io":
            bits, tail = (0xFC, 0x3FF) if window.granularity < 4096 else (0xF0, 0xFFF)
            upper = self.read(0x30, 4)
            base = (self.read(offset, 1) & bits) << 8 | (upper & 0xFFFF) << 16
            limit = (self.read(offset + 1, 1) & bits) << 8 | upper >> 16 << 16 | tail
        else:
            high = offset == 0x24
            base = (self.read(offset, 2) & 0xFFF0) << 16 | (self.read(0x28, 4) << 32 if high else 0)
            limit = (self.read(offset + 2, 2) & 0xFFF0) << 16 | (self.read(0x2C, 4) << 32 if high else 0) | 0xFFFFF
        shift = self._offset(window.space, bus=base)
        return Range.inclusive(base + shift, limit + shift) if base <= limit else None

    def decodes(self, space: Space) -> bool:
        return bool(self.read(COMMAND, 2) & BITS[space])

    def decoded(self) -> Iterator[tuple[str, Space, Range]]:
        """Name, space and range of all that it answers to or passes on now."""
        for bar in self.function.bars:
            on = self.decodes(bar.space)
            if bar.index == "rom":
                on = on and bool(self.read(self.register("rom"), 1) & 1)
            elif isinstance(bar.index, str):
                on = self.read(SRIOV + 8, 2) & (VF_ENABLE | VF_MEMORY) == VF_ENABLE | VF_MEMORY
            range_ = self.bar(bar)
            if on and range_ is not None:
                yield str(BarKey(self.function.address, bar.index)), bar.space, range_
        if self.function.bridge is not None:
            for window in self.function.bridge.windows:
                range_ = self.window(window)
                if self.decodes(window.space) and range_ is not None:
                    yield str(WindowKey(self.function.address, window.kind)), window.space, range_
