"""The first pass, from the leaves up: offsets of everything inside bridge windows, and thereby the windows' sizes."""

from __future__ import annotations

from dataclasses import dataclass, field

from models.resources import ADDRESS_LIMIT, FOUR_GIB, KIB, Address, Size, Space, WindowKind, align_up
from models.topology import Bar, BarKey, Bridge, BridgeWindow, Function, WindowKey
from solver.coreboot.fixed import Fixed
from solver.coreboot.options import Options

_PADDING_ALIGNMENT = 4 * KIB


@dataclass(slots=True, eq=False)
class Entry:
    """A BAR, a bridge window, or (without a key) the padding of a hotplug port.

    Attributes
    ----------
    limit
        First bus address of memory that it does not reach; I/O reaches 64 KiB.
    inside
        What a window holds, with offsets from its start.
    """

    key: BarKey | WindowKey | None
    space: Space
    prefetchable: bool
    size: Size
    alignment: Size
    limit: Address = ADDRESS_LIMIT
    inside: list[tuple[Entry, Size]] = field(default_factory=list)

    def __str__(self) -> str:
        kind = "prefetchable memory" if self.prefetchable else "memory" if self.space == "mem" else "I/O"
        return f"{self.key or 'hotplug padding'} ({kind}, size {self.size:#x}, alignment {self.alignment:#x})"


@dataclass(slots=True)
class Packer:
    """Packs what lies behind the bridges of one root bus.

    Attributes
    ----------
    left_out
        BARs that no window takes, with the reason.
    """

    fixed: Fixed
    options: Options
    left_out: dict[BarKey, str] = field(default_factory=dict)
    log: list[str] = field(default_factory=list)

    def on_bus(self, functions: tuple[Function, ...]) -> list[Entry]:
        """Everything on a bus that needs an address, in the order of functions."""
        entries = []
        for function in functions:
            for bar in function.bars:
                key = BarKey(function.address, bar.index)
                if key not in self.fixed.bars and key not in self.fixed.cut_off:
                    entries.append(self._bar(key, bar))
            if function.bridge is not None:
                entries += self._windows(function, function.bridge)
        return entries

    def _bar(self, key: BarKey, bar: Bar) -> Entry:
        """An expansion ROM is plain memory; a VF block is taken like a BAR, although coreboot knows no SR-IOV."""
        above = bar.width == 64 and (
            self.options.above_4g == "all" or (self.options.above_4g == "prefetchable" and bar.prefetchable)
        )
        limit = ADDRESS_LIMIT if above else FOUR_GIB
        prefetchable = bar.space == "mem" and bar.prefetchable and bar.index != "rom"
        return Entry(key, bar.space, prefetchable, bar.span, bar.size, limit)

    def _windows(self, function: Function, bridge: Bridge) -> list[Entry]:
        behind: dict[WindowKind, list[Entry]] = {"io": [], "mem": [], "pref": []}
        for entry in self.on_bus(bridge.functions) + (self._padding() if bridge.hotplug else []):
            if entry.space == "io":
                behind["io"].append(entry)
            else:
                behind["pref" if entry.prefetchable and bridge.window("pref") else "mem"].append(entry)
        made = []
        for kind, entries in behind.items():
            window = bridge.window(kind)
            key = WindowKey(function.address, kind)
            if window is None or key in self.fixed.windows:
                why = f"there is no {key}" if window is None else f"the {key} stays, with what cannot move in it"
                for entry in entries:
                    self.leave_out(entry, why)
            elif entries:
                made.append(self._pack(key, window, entries))
        return made

    def _padding(self) -> list[Entry]:
        if not self.options.hotplug:
            return []
        sizes: tuple[tuple[Space, bool, Size, Address], ...] = (
            ("io", False, self.options.hotplug_io, ADDRESS_LIMIT),
            ("mem", False, self.options.hotplug_mem, FOUR_GIB),
            ("mem", True, self.options.hotplug_pref, ADDRESS_LIMIT),
        )
        return [
            Entry(None, space, prefetchable, size, _PADDING_ALIGNMENT, limit)
            for space, prefetchable, size, limit in sizes
            if size
        ]

    def _pack(self, key: WindowKey, window: BridgeWindow, entries: list[Entry]) -> Entry:
        """One entry behind the other by descending alignment, then size; nothing is ever put in front."""
        wide = window.kind == "io" or (window.kind == "pref" and window.width == 64)
        packed = Entry(
            key, window.space, window.kind == "pref", 0, window.granularity, ADDRESS_LIMIT if wide else FOUR_GIB
        )
        offset = 0
        for entry in sorted(entries, key=largest_first):
            packed.alignment = max(packed.alignment, entry.alignment)
            packed.limit = min(packed.limit, entry.limit)
            offset = align_up(offset, entry.alignment)
            packed.inside.append((entry, offset))
            offset += entry.size
        packed.size = align_up(offset, window.granularity)
        self.log.append(f"{packed}, limit {packed.limit - 1:#x}")
        return packed

    def leave_out(self, entry: Entry, why: str) -> None:
        """Skip an entry, and everything inside it."""
        self.log.append(f"{entry} skipped: {why}")
        self._skip(entry, why)

    def _skip(self, entry: Entry, why: str) -> None:
        if isinstance(entry.key, BarKey):
            self.left_out[entry.key] = why
        for inner, _ in entry.inside:
            self._skip(inner, why)


def largest_first(entry: Entry) -> tuple[int, int]:
    """Descending alignment, then size; ties keep the order of functions."""
    return -entry.alignment, -entry.size
