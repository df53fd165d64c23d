"""What a plan means beyond its addresses: what takes the place of a BAR that moves, what empty ports lose."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from typing import Generic, TypeVar

from models.legality import today_breaches
from models.placement import Placement
from models.resources import Range, Space, format_size
from models.topology import Bar, BarKey, Bus, Topology, WindowKey, bar_name


def why_moved(topology: Topology, placement: Placement) -> dict[BarKey, str]:
    """For each BAR that moves, the rule it breaks today or what takes its place; one with neither is not listed.

    Its place is its range of today or, where nothing new stands there, the range of a window around it that
    changes, from the inside out. What takes it is another BAR with a new address, or another bridge's window.
    """
    bars = dict(placement.sized(topology).bars())
    movers = [key for key, bar in bars.items() if bar.address not in (None, placement.bars.get(key))]
    if not movers:
        return {}
    arrivals = _Ranges(_arrivals(bars, placement))
    windows = _Ranges(_changed_windows(topology, placement))
    broken = {party: breach.rule for breach in reversed(today_breaches(topology)) for party in breach.parties}
    reasons = {}
    for function, bus in topology.functions():
        for bar in function.bars:
            key = BarKey(function.address, bar.index)
            if bar.range is None or placement.bars.get(key) in (None, bar.address):
                continue
            if str(key) in broken:
                reasons[key] = f"breaks a rule where it is ({broken[str(key)]})"
                continue
            around = list(_bridges_above(bus))
            for place in [bar.range, *_windows_around(bar.space, bar.range, around, placement)]:
                taken = _takers(place, bar.space, key, arrivals) or _new_windows(place, bar.space, around, windows)
                if taken:
                    reasons[key] = f"makes room for {_some(taken)}"
                    break
    return reasons


def why_resized(topology: Topology, placement: Placement) -> dict[BarKey, str]:
    """For each BAR with another size than today, what it had."""
    today = dict(topology.bars())
    return {
        key: f"resized from {format_size(today[key].size)}"
        for key, bar in placement.sized(topology).bars()
        if bar.size != today[key].size
    }


def resized_drivers(topology: Topology, placement: Placement) -> list[str]:
    """A warning for each function with a driver that has to let go of it before a BAR is resized."""
    today = dict(topology.bars())
    warnings = []
    for function, _ in placement.sized(topology).functions():
        resized = [
            f"{bar_name(bar.index)} from {format_size(before.size)} to {format_size(bar.size)}"
            for bar in function.bars
            if (before := today[BarKey(function.address, bar.index)]).size != bar.size
        ]
        if resized and not (function.driver_known and function.driver is None):
            who = f"driver {function.driver}" if function.driver_known else "a driver, if one is bound,"
            warnings.append(f"{who} has to let go of {function.address} while it is resized: {', '.join(resized)}")
    return warnings


def lost_reserves(topology: Topology, placement: Placement) -> list[str]:
    """A warning where ports with nothing behind them end up with less room than they have today, else nothing."""
    ports = [
        function.address
        for function, _ in topology.functions()
        if function.bridge is not None
        and not function.bridge.functions
        and any(
            _size(placement.windows.get(WindowKey(function.address, window.kind))) < _size(window.range)
            for window in function.bridge.windows
        )
    ]
    if not ports:
        return []
    if len(ports) == 1:
        return [f"the empty port {ports[0]} has less room than today for a later device"]
    return [f"{len(ports)} empty ports have less room than today for later devices: {', '.join(ports)}"]


def _size(range_: Range | None) -> int:
    return 0 if range_ is None else range_.size


Key = TypeVar("Key", BarKey, WindowKey)

Arrival = tuple[BarKey, Space, Range]


def _arrivals(bars: Mapping[BarKey, Bar], placement: Placement) -> list[Arrival]:
    """The BARs that stand where they did not stand before; those that had no address come first."""
    arrived: list[Arrival] = []
    for key, bar in bars.items():
        address = placement.bars.get(key)
        if address is not None and address != bar.address:
            arrived.append((key, bar.space, Range.of(address, bar.span)))
    return sorted(arrived, key=lambda arrival: bars[arrival[0]].address is not None)


class _Ranges(Generic[Key]):
    """Ranges by where they are, to find those that overlap another one: large plans have thousands."""

    def __init__(self, entries: Sequence[tuple[Key, Space, Range]]) -> None:
        self.starts: dict[Space, list[int]] = {"io": [], "mem": []}
        self.ends: dict[Space, list[int]] = {"io": [], "mem": []}  # the largest of all that begin no later
        self.entries: dict[Space, list[tuple[int, Key, Range]]] = {"io": [], "mem": []}
        for number, (key, space, range_) in sorted(enumerate(entries), key=lambda entry: entry[1][2].start):
            self.starts[space].append(range_.start)
            self.ends[space].append(max(range_.end, self.ends[space][-1] if self.ends[space] else 0))
            self.entries[space].append((number, key, range_))

    def overlapping(self, space: Space, place: Range) -> list[Key]:
        """The keys of the ranges that share an address with ``place``, in the order in which they were given."""
        found: list[tuple[int, Key]] = []
        position = bisect_left(self.starts[space], place.end)
        while position and self.ends[space][position - 1] > place.start:
            position -= 1
            number, key, range_ = self.entries[space][position]
            if range_.overlaps(place):
                found.append((number, key))
        return [key for _, key in sorted(found, key=lambda entry: entry[0])]


def _takers(place: Range, space: Space, mover: BarKey, arrivals: _Ranges[BarKey]) -> list[str]:
    """The BARs of other functions that now stand in ``place``."""
    return [str(key) for key in arrivals.overlapping(space, place) if key.function != mover.function]


def _changed_windows(topology: Topology, placement: Placement) -> list[tuple[WindowKey, Space, Range]]:
    changed = []
    for key, window in topology.windows():
        range_ = placement.windows.get(key)
        if range_ is not None and range_ != window.range:
            changed.append((key, window.space, range_))
    return changed


def _new_windows(place: Range, space: Space, around: list[Bus], windows: _Ranges[WindowKey]) -> list[str]:
    """The changed windows of bridges that are not above the BAR and now cover some of ``place``."""
    above = {bus.bridge.address for bus in around if bus.bridge is not None}
    return [f"the {key}" for key in windows.overlapping(space, place) if key.bridge not in above]


def _bridges_above(bus: Bus) -> list[Bus]:
    """The buses behind a bridge that lead to ``bus``, itself first."""
    buses = []
    step: Bus | None = bus
    while step is not None and step.bridge is not None:
        buses.append(step)
        step = step.parent
    return buses


def _windows_around(space: Space, bar: Range, around: list[Bus], placement: Placement) -> list[Range]:
    """Today's ranges of the windows that hold ``bar`` and change, from the inside out."""
    ranges = []
    for bus in around:
        assert bus.bridge is not None
        assert bus.bridge.bridge is not None
        for window in bus.bridge.bridge.windows:
            holds = window.space == space and window.range is not None and window.range.contains(bar)
            if holds and placement.windows.get(WindowKey(bus.bridge.address, window.kind)) != window.range:
                assert window.range is not None
                ranges.append(window.range)
    return ranges


def _some(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"
