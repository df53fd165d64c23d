"""The second pass: the windows and BARs on a root bus find their place, and what is inside follows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from models.placement import Placement
from models.resources import IO_REACH, KIB, MIB, Address, Range, Size, Space, align_down, align_up
from models.topology import BarKey, RootBus, RootWindow, WindowKey
from solver.coreboot.options import Options
from solver.coreboot.packing import Entry, Packer, largest_first

_MEMORY_GRANULE = 4 * KIB
_LEGACY: dict[Space, tuple[Address, Address]] = {"io": (0, 0x1000), "mem": (0, MIB)}
"""Bus addresses that chipset drivers report as fixed; the ports of VGA, 0x3b0-0x3df, are among them."""


@dataclass(frozen=True, slots=True)
class Free:
    """A free range of bus addresses in a root window."""

    start: Address
    end: Address
    window: RootWindow


class Domain:
    """The free space of one root bus."""

    def __init__(self, root: RootBus, holes: dict[Space, list[Range]], options: Options) -> None:
        self.options = options
        self.free: dict[Space, list[Free]] = {"io": [], "mem": []}
        for window in root.windows:
            start, end = window.range.start - window.offset, window.range.end - window.offset
            if window.space == "mem":
                start, end = align_up(start, _MEMORY_GRANULE), align_down(end, _MEMORY_GRANULE)
            if start < end:
                self.free[window.space].append(Free(start, end, window))
            self._take(window, *_LEGACY[window.space])
            for hole in holes[window.space]:
                if hole.overlaps(window.range):
                    self._take(window, hole.start - window.offset, hole.end - window.offset)
        for ranges in self.free.values():
            ranges.sort(key=lambda free: free.start)

    def lines(self) -> list[str]:
        """The free ranges as lines for a log, in CPU addresses."""
        lines = []
        for free in [*self.free["io"], *self.free["mem"]]:
            start, last = free.start + free.window.offset, free.end + free.window.offset - 1
            lines.append(f"free {free.window.space} range {start:#x}-{last:#x}")
        return lines

    def allocate(self, entries: Iterable[Entry], packer: Packer, placement: Placement) -> None:
        """Place the entries of the root bus, I/O first; what does not fit is skipped with everything inside."""
        ordered = sorted(entries, key=largest_first)
        for space in ("io", "mem"):
            for entry in ordered:
                if entry.space == space:
                    self._allocate(entry, packer, placement)

    def _allocate(self, entry: Entry, packer: Packer, placement: Placement) -> None:
        found = self.find(entry)
        if found is None:
            packer.leave_out(entry, "did not fit")
            return
        free, start = found
        end = start + entry.size
        if entry.space == "mem":
            start, end = align_down(start, _MEMORY_GRANULE), align_up(end, _MEMORY_GRANULE)
        self._take(free.window, start, end)
        _put(entry, start + free.window.offset, placement, packer.log)

    def find(self, entry: Entry) -> tuple[Free, Address] | None:
        """The first range that holds the entry, from the top of the space or from its bottom, and where in it."""
        alignment = max(entry.alignment, _MEMORY_GRANULE) if entry.space == "mem" else entry.alignment
        ranges = self.free[entry.space]
        for free in reversed(ranges) if self.options.top_down else ranges:
            if free.window.prefetchable and not entry.prefetchable:
                continue
            end = min(free.end, _limit(entry, free.window))
            lowest, highest = align_up(free.start, alignment), align_down(end - entry.size, alignment)
            if lowest <= highest:
                return free, highest if self.options.top_down else lowest
        return None

    def _take(self, window: RootWindow, start: Address, end: Address) -> None:
        """Use up a range of bus addresses, as far as it is free."""
        left: list[Free] = []
        for free in self.free[window.space]:
            if free.window is not window or end <= free.start or free.end <= start:
                left.append(free)
                continue
            for low, high in ((free.start, start), (end, free.end)):
                low, high = max(low, free.start), min(high, free.end)
                if window.space == "mem":
                    low, high = align_up(low, _MEMORY_GRANULE), align_down(high, _MEMORY_GRANULE)
                if low < high:
                    left.append(Free(low, high, window))
        self.free[window.space] = left


def _limit(entry: Entry, window: RootWindow) -> Address:
    """The first bus address that is out of reach; where a root window lies above 64 KiB, I/O counts from its start."""
    if entry.space == "mem":
        return entry.limit
    start: Size = window.range.start - window.offset
    return IO_REACH if start < IO_REACH else start + IO_REACH


def _put(entry: Entry, start: Address, placement: Placement, log: list[str]) -> None:
    """Give an entry its CPU address, and everything inside it the address that follows from its offset."""
    log.append(f"{entry} at {start:#x}-{start + entry.size - 1:#x}")
    if isinstance(entry.key, WindowKey):
        placement.windows[entry.key] = Range.of(start, entry.size)
    elif isinstance(entry.key, BarKey):
        placement.bars[entry.key] = start
    for inner, offset in entry.inside:
        _put(inner, start + offset, placement, log)
