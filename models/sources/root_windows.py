"""Finds the host bridge windows of each root bus, or estimates them from what stands on it.

The kernel log names them; /proc/iomem and /proc/ioports show them as the outermost ranges
of a root bus. Where both are missing they are estimated, and an estimate is conservative:

* Memory below 4 GiB: the hull of what stands on the bus, in whole MiB. A hole that could hold a PCIe configuration
  window (64 MiB, aligned) splits it, for nothing says that the hole is free. Items below 1 MiB and from
  0xfec00000 on (interrupt controllers, timers, flash) are windows of their own.
* Memory above 4 GiB: the hull in whole MiB, not across the HyperTransport range of AMD (0xfd00000000 to 0xffffffffff).
  32-bit items there can only have bus addresses below 4 GiB: their window gets the offset that makes it so.
* I/O: ports 0 to 0xffff for root bus 0000:00, the hull in whole 4 KiB elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from models.resources import (
    FOUR_GIB,
    IO_GRANULARITY,
    IO_REACH,
    MEMORY_GRANULARITY,
    MIB,
    Range,
    Space,
    align_down,
    align_up,
)
from models.sources.bus_tree import BusKey
from models.sources.iomem import is_function_name, pci_bus_name
from models.sources.observation import Observation, SeenRange
from models.spans import merged
from models.topology import RootWindow

CHIPSET_START = 0xFEC00000
"""Interrupt controllers, timers and flash stand from here to 4 GiB on PCs."""

_ECAM_MINIMUM = 64 * MIB
"""A configuration window (ECAM) for 64 buses; larger ones are aligned to more."""

_HYPERTRANSPORT = Range(0xFD00000000, 0x10000000000)
_NOT_HOST = ("system ram", "reserved", "system rom", "video rom", "kernel", "ram buffer", "acpi")


@dataclass(frozen=True, slots=True)
class Item:
    """Something that stands on a root bus.

    Attributes
    ----------
    reach32
        Its bus address is below 4 GiB.
    window
        It is a bridge window, which nothing works without being passed on by the host bridge.
    """

    space: Space
    range: Range
    reach32: bool = False
    window: bool = False


@dataclass(slots=True)
class RootWindows:
    """The windows of every root bus, and how they were found."""

    windows: dict[BusKey, list[RootWindow]]
    notes: list[str] = field(default_factory=list)
    estimated: list[BusKey] = field(default_factory=list)


def find_root_windows(
    observation: Observation, roots: dict[BusKey, list[Item]], *, behind: dict[BusKey, BusKey] | None = None
) -> RootWindows:
    """Root windows from the log, else from /proc/iomem and /proc/ioports, else estimated.

    Parameters
    ----------
    roots
        What stands on each root bus.
    behind
        The root bus above every other bus, to tell whose window a platform's range is.
    """
    found = RootWindows({key: [] for key in roots})
    listed = windows_from_ranges(observation.ranges, roots, behind or {})
    for key, items in roots.items():
        seen = observation.root_buses.get(key)
        windows = [RootWindow(w.space, w.range, bool(w.prefetchable), w.offset) for w in (seen.windows if seen else [])]
        windows = _without_whole_space(windows, key, items, found.notes)
        for extra in listed.get(key, []):
            if not any(extra.space == window.space and extra.range.overlaps(window.range) for window in windows):
                windows.append(extra)
        windows = [_with_whole_offset(window, found.notes) for window in windows]
        windows += _for_lost_lines(key, windows, items, found.notes)
        missing = _missing_spaces(key, windows, items, logged=bool(seen and seen.windows))
        guessed = [window for window in _estimate(key, items) if window.space in missing]
        if guessed:
            found.estimated.append(key)
        found.windows[key] = [*windows, *guessed]
    return found


def _missing_spaces(key: BusKey, windows: list[RootWindow], items: list[Item], *, logged: bool) -> set[Space]:
    """Spaces in which something stands and no window is known.

    A host bridge for which a log lists no I/O window has none.
    """
    missing = {item.space for item in items} - {window.space for window in windows}
    if logged:
        missing.discard("io")
    elif key == (0, 0) and items and not windows:
        missing.add("io")
    return missing


def _with_whole_offset(window: RootWindow, notes: list[str]) -> RootWindow:
    """The window with an offset in whole pages: no host bridge translates less."""
    if window.offset % IO_GRANULARITY == 0:
        return window
    notes.append(
        f"root window [{window.space} {window.range}]: offset {window.offset:#x} rounded to a multiple of 4 KiB"
    )
    return replace(window, offset=align_down(window.offset, IO_GRANULARITY))


def _for_lost_lines(key: BusKey, windows: list[RootWindow], items: list[Item], notes: list[str]) -> list[RootWindow]:
    """Windows for what stands outside of all listed ones, if bridge windows are among it: a line of the log was lost.

    A single BAR out there is firmware's, not a sign of a window.
    """
    outside = [
        item
        for item in items
        if not any(item.space == window.space and item.range.overlaps(window.range) for window in windows)
    ]
    spaces = {item.space for item in outside if item.window} & {window.space for window in windows}
    result = [w for w in _estimate(key, [item for item in outside if item.space in spaces]) if w.space in spaces]
    if result:
        notes.append(
            f"root bus {key[0]:04x}:{key[1]:02x}: bridges work outside of every window the source lists; "
            f"added {', '.join(f'[{w.space} {w.range}]' for w in result)}"
        )
    return result


def _without_whole_space(
    windows: list[RootWindow], key: BusKey, items: list[Item], notes: list[str]
) -> list[RootWindow]:
    """Without windows that are the whole memory space, RAM included: a host bridge with no ``_CRS`` has those."""
    kept = [
        w
        for w in windows
        if not (w.space == "mem" and w.offset == 0 and w.range.start == 0 and w.range.size >= FOUR_GIB // 2)
    ]
    if len(kept) == len(windows):
        return windows
    guessed = [window for window in _estimate(key, items) if window.space == "mem"]
    notes.append(
        f"root bus {key[0]:04x}:{key[1]:02x}: the kernel took the whole memory space as its window, RAM included; "
        "narrowed to what stands on the bus"
    )
    if not any(item.space == "io" for item in items):
        kept = [window for window in kept if window.space != "io"]
    return [*kept, *guessed]


def windows_from_ranges(
    ranges: Iterable[SeenRange], roots: Iterable[BusKey], behind: dict[BusKey, BusKey]
) -> dict[BusKey, list[RootWindow]]:
    """Root windows as /proc/iomem shows them: the outermost range named after the root bus.

    Where a platform names its window otherwise (``pcie@10000000``), it is the range just above the outermost PCI name.
    """
    roots = set(roots)
    result: dict[BusKey, list[RootWindow]] = {}
    stack: list[SeenRange] = []
    inside_depth: int | None = None
    for seen in ranges:
        while stack and (stack[-1].depth >= seen.depth or not stack[-1].range.contains(seen.range)):
            stack.pop()
        if inside_depth is not None and seen.depth <= inside_depth:
            inside_depth = None
        stack.append(seen)
        if inside_depth is not None:
            continue
        bus = pci_bus_name(seen.name)
        if bus is None and is_function_name(seen.name):
            bus = bus_of_name(seen.name)
            window = _host_range(stack[:-1])
        elif bus is not None:
            window = seen if bus in roots else _host_range(stack[:-1])
        else:
            continue
        inside_depth = seen.depth
        root = bus if bus in roots else behind.get(bus) if bus is not None else None
        if window is None or root is None:
            continue
        entry = RootWindow(window.space, window.range)
        if entry not in result.setdefault(root, []):
            result[root].append(entry)
    return result


def bus_of_name(name: str) -> BusKey:
    """Domain and bus of a range named after a function."""
    domain, bus, _ = name.split(":")
    return int(domain, 16), int(bus, 16)


def _host_range(above: list[SeenRange]) -> SeenRange | None:
    """The range of a host bridge right above a PCI name."""
    if above and not above[-1].name.lower().startswith(_NOT_HOST):
        return above[-1]
    return None


def _estimate(key: BusKey, items: list[Item]) -> list[RootWindow]:
    ports = [item.range for item in items if item.space == "io"]
    memory = [item for item in items if item.space == "mem"]
    return [*_estimate_io(key, ports), *_estimate_low(memory), *_estimate_high(memory)]


def _estimate_io(key: BusKey, ports: list[Range]) -> list[RootWindow]:
    if key == (0, 0):
        above = [r for r in ports if r.end > IO_REACH]
        return [RootWindow("io", Range(0, IO_REACH)), *([_hull("io", above, IO_GRANULARITY)] if above else [])]
    return [_hull("io", ports, IO_GRANULARITY)] if ports else []


def _hull(space: Space, ranges: list[Range], granularity: int, offset: int = 0) -> RootWindow:
    start = align_down(min(range_.start for range_ in ranges), granularity)
    return RootWindow(space, Range(start, align_up(max(range_.end for range_ in ranges), granularity)), offset=offset)


def _estimate_low(memory: list[Item]) -> list[RootWindow]:
    low = sorted(item.range for item in memory if item.range.start < FOUR_GIB)
    alone = [r for r in low if r.start < MIB or r.end > CHIPSET_START]
    windows = [RootWindow("mem", range_) for range_ in _merge_touching(alone)]
    group: list[Range] = []
    for range_ in (r for r in low if r not in alone):
        if group:
            hole_start = align_up(max(r.end for r in group), MEMORY_GRANULARITY)
            if align_up(hole_start, _ECAM_MINIMUM) + _ECAM_MINIMUM <= range_.start:
                windows.append(_hull("mem", group, MEMORY_GRANULARITY))
                group = []
        group.append(range_)
    if group:
        windows.append(_hull("mem", group, MEMORY_GRANULARITY))
    return windows


def _merge_touching(ranges: list[Range]) -> list[Range]:
    return [Range(start, end) for start, end in merged((one.start, one.end) for one in ranges)]


def _estimate_high(memory: list[Item]) -> list[RootWindow]:
    high = [item for item in memory if item.range.start >= FOUR_GIB]
    pages = sorted({align_down(item.range.start, FOUR_GIB) for item in high if item.reach32})
    windows = []
    rest = high
    for page in pages:
        here = [item.range for item in rest if page <= item.range.start and item.range.end <= page + FOUR_GIB]
        rest = [item for item in rest if item.range not in here]
        if here:
            windows.append(_hull("mem", here, MEMORY_GRANULARITY, offset=page))
    below = [item.range for item in rest if item.range.end <= _HYPERTRANSPORT.start]
    above = [item.range for item in rest if item.range.start >= _HYPERTRANSPORT.end]
    across = [item.range for item in rest if item.range not in below and item.range not in above]
    groups = [[*below, *across, *above]] if across else [below, above]
    return [*windows, *(_hull("mem", group, MEMORY_GRANULARITY) for group in groups if group)]
