"""What an address map shows, before any geometry: each root window with what stands in it today and in the plan."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from models.mobility import Mobility
from models.placement import Placement
from models.resources import Range, Space, align_up
from models.topology import Bar, BarKey, Bus, Function, RootBus, RootWindow, Topology, WindowKey

Kind = Literal["window", "cardbus", "bar", "reserved"]
Change = Literal["same", "moved", "new", "lost", "changed"]
"""BARs and windows may be ``moved``, ``new`` or ``lost``; a window that overlaps its old self is ``changed``."""


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that occupies addresses.

    Attributes
    ----------
    level
        1 + the number of bridge windows it is nested in.
    track
        0, or more where something that is not nested around it already stands there (a broken rule).
    stays
        Why a BAR that stays may not move, else ``None``.
    """

    kind: Kind
    name: str
    space: Space
    range: Range
    level: int
    key: BarKey | WindowKey | None = None
    track: int = 0
    change: Change = "same"
    stays: str | None = None


@dataclass(frozen=True, slots=True)
class Lane:
    """One root window at one time.

    Attributes
    ----------
    free
        The gaps between what stands on the root bus.
    largest
        The largest aligned block of these.
    waste
        The gaps inside bridge windows, each with its window.
    """

    items: tuple[Item, ...]
    free: tuple[Range, ...]
    largest: Range | None
    waste: tuple[tuple[Item, Range], ...] = ()

    @property
    def free_bytes(self) -> int:
        return sum(gap.size for gap in self.free)


@dataclass(frozen=True, slots=True)
class Band:
    """One root window, or (``window`` is ``None``) the addresses of a space that lie outside every root window."""

    root: str
    space: Space
    range: Range
    window: RootWindow | None
    today: Lane
    plan: Lane | None

    @property
    def lanes(self) -> tuple[Lane, ...]:
        return (self.today,) if self.plan is None else (self.today, self.plan)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A BAR with no address today or none in the plan."""

    key: BarKey
    bar: Bar
    before: int | None
    after: int | None


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything an address map shows; ``planned`` is ``None`` where there is only today.

    ``why`` says of BARs why they move, or stay without an address.
    """

    topology: Topology
    movement: Mobility
    planned: Placement | None
    bands: tuple[Band, ...]
    waiting: tuple[Waiting, ...]
    functions: dict[str, Function] = field(default_factory=dict)
    why: Mapping[BarKey, str] = field(default_factory=dict)


def make_scene(
    topology: Topology,
    movement: Mobility,
    planned: Placement | None = None,
    why: Mapping[BarKey, str] | None = None,
) -> Scene:
    """What the map of ``topology`` shows.

    Parameters
    ----------
    planned
        The placement afterwards; a lane of its own wherever it differs from today's.
    """
    today = Placement.today(topology)
    placements = [today] if planned is None else [today, planned]
    found = [list(_items(topology, placement, today, planned, movement)) for placement in placements]
    bands = [
        band
        for root in topology.root_buses
        for window in root.windows
        if (band := _band(root.name, window.space, window.range, window, found, topology)) is not None
    ]
    for space in ("io", "mem"):
        bands.extend(_outside(topology, space, found))
    return Scene(
        topology,
        movement,
        planned,
        tuple(bands),
        tuple(_waiting(topology, planned)),
        {function.address: function for function, _ in topology.functions()},
        why or {},
    )


def _waiting(topology: Topology, planned: Placement | None) -> Iterator[Waiting]:
    """BARs that the bands cannot show at both times; a fixed BAR with no address never had one to show."""
    for key, bar in topology.bars():
        after = bar.address if planned is None else planned.bars.get(key)
        if (bar.address is None or after is None) and not (bar.fixed and bar.address is None):
            yield Waiting(key, bar, bar.address, after)


def _items(
    topology: Topology, placement: Placement, today: Placement, planned: Placement | None, movement: Mobility
) -> Iterator[tuple[RootBus, Item]]:
    """Every item with its root bus; an item's level counts the windows of the bridges above that hold it."""
    for bus in topology.buses():
        around = _around(bus, placement)
        for function in bus.functions:
            for bar in function.bars:
                key = BarKey(function.address, bar.index)
                address = placement.bars.get(key)
                if address is not None:
                    here = Range.of(address, placement.sizes.get(key, bar.size) * bar.copies)
                    change = _bar_change(key, today, planned)
                    level = _level(here, bar.space, around)
                    stays = movement.reasons.get(key) if change == "same" else None  # a greedy may lose what may not
                    yield bus.root, Item("bar", str(key), bar.space, here, level, key, 0, change, stays)
            if function.bridge is None:
                continue
            for window in function.bridge.windows:
                window_key = WindowKey(function.address, window.kind)
                range_ = placement.windows.get(window_key)
                if range_ is not None:
                    change = _window_change(window_key, today, planned)
                    level = _level(range_, window.space, around)
                    yield (
                        bus.root,
                        Item("window", str(window_key), window.space, range_, level, window_key, 0, change),
                    )
            for cardbus in function.bridge.cardbus:
                level = _level(cardbus.range, cardbus.space, around)
                yield (
                    bus.root,
                    Item("cardbus", f"{function.address} CardBus window", cardbus.space, cardbus.range, level),
                )


def _around(bus: Bus, placement: Placement) -> list[tuple[Space, Range]]:
    """The open windows of every bridge above ``bus``."""
    around: list[tuple[Space, Range]] = []
    step: Bus | None = bus
    while step is not None and step.bridge is not None:
        assert step.bridge.bridge is not None
        for window in step.bridge.bridge.windows:
            range_ = placement.windows.get(WindowKey(step.bridge.address, window.kind))
            if range_ is not None:
                around.append((window.space, range_))
        step = step.parent
    return around


def _level(here: Range, space: Space, around: Iterable[tuple[Space, Range]]) -> int:
    return 1 + sum(its_space == space and range_.contains(here) for its_space, range_ in around)


def _bar_change(key: BarKey, today: Placement, planned: Placement | None) -> Change:
    if planned is None:
        return "same"
    before, after = today.bars.get(key), planned.bars.get(key)
    if before == after:
        return "same"
    return "new" if before is None else "lost" if after is None else "moved"


def _window_change(key: WindowKey, today: Placement, planned: Placement | None) -> Change:
    if planned is None:
        return "same"
    before, after = today.windows.get(key), planned.windows.get(key)
    if before == after:
        return "same"
    if before is None or after is None:
        return "new" if before is None else "lost"
    return "changed" if before.overlaps(after) else "moved"


def _outside(topology: Topology, space: Space, found: list[list[tuple[RootBus, Item]]]) -> list[Band]:
    """A band for what lies in no root window of its own root bus, if there is any."""
    lost = [
        [
            (root, item)
            for root, item in items
            if item.space == space
            and not any(window.space == space and window.range.overlaps(item.range) for window in root.windows)
        ]
        for items in found
    ]
    ranges = [item.range for items in lost for _, item in items]
    if not ranges:
        return []
    whole = Range(min(range_.start for range_ in ranges), max(range_.end for range_ in ranges))
    lanes = [_lane([item for _, item in items], whole, None, ()) for items in lost]
    return [Band("", space, whole, None, lanes[0], lanes[1] if len(lanes) > 1 else None)]


def _band(
    root: str,
    space: Space,
    whole: Range,
    window: RootWindow,
    found: list[list[tuple[RootBus, Item]]],
    topology: Topology,
) -> Band | None:
    reserved = [
        Item("reserved", f"reserved: {reserved.what}", space, clipped, 1)
        for reserved in topology.reserved
        if reserved.space == space and (clipped := reserved.range.clip(whole)) is not None
    ]
    lanes = []
    for items in found:
        here = [
            item
            for its_root, item in items
            if its_root.name == root and item.space == space and item.range.overlaps(whole)
        ]
        lanes.append(_lane([_clipped(item, whole) for item in here], whole, window.offset, reserved))
    return Band(root, space, whole, window, lanes[0], lanes[1] if len(lanes) > 1 else None)


def _clipped(item: Item, whole: Range) -> Item:
    range_ = item.range.clip(whole)
    assert range_ is not None
    if range_ == item.range:
        return item
    return Item(item.kind, item.name, item.space, range_, item.level, item.key, 0, item.change, item.stays)


def _lane(items: list[Item], whole: Range, offset: int | None, reserved: Iterable[Item]) -> Lane:
    """Items with free tracks, sorted; free space only where there is a root window to be free in."""
    placed = _with_tracks([*items, *reserved])
    waste = tuple(_waste(placed))
    if offset is None:
        return Lane(placed, (), None, waste)
    gaps = tuple(_gaps(whole, sorted(item.range for item in placed if item.level == 1)))
    return Lane(placed, gaps, _largest(gaps, offset), waste)


def _waste(items: tuple[Item, ...]) -> Iterator[tuple[Item, Range]]:
    """What stands in no BAR and no inner window, window by window."""
    by_level: dict[int, list[Range]] = {}
    for item in items:
        by_level.setdefault(item.level, []).append(item.range)
    for window in items:
        if window.kind == "window":
            inside = [clip for range_ in by_level.get(window.level + 1, ()) if (clip := range_.clip(window.range))]
            for gap in _gaps(window.range, sorted(inside)):
                yield window, gap


def _with_tracks(items: list[Item]) -> tuple[Item, ...]:
    """The items in drawing order, outer ones first, each on a track where no other of its level stands.

    Legal placements need one track. BARs share one level of tracks, for they are drawn on one line.
    """
    ends: dict[tuple[bool, int], list[int]] = {}
    placed = []
    for item in sorted(items, key=lambda item: (item.range.start, -item.range.size, item.level, item.name)):
        leaf = item.kind != "window"
        tracks = ends.setdefault((leaf, 0 if leaf else item.level), [])
        track = next((number for number, end in enumerate(tracks) if end <= item.range.start), len(tracks))
        tracks[track : track + 1] = [item.range.end]
        placed.append(
            Item(item.kind, item.name, item.space, item.range, item.level, item.key, track, item.change, item.stays)
        )
    return tuple(sorted(placed, key=lambda item: (item.level, item.kind != "window", item.range.start)))


def _gaps(whole: Range, used: list[Range]) -> Iterator[Range]:
    position = whole.start
    for range_ in used:
        if range_.start > position:
            yield Range(position, range_.start)
        position = max(position, range_.end)
    if position < whole.end:
        yield Range(position, whole.end)


def _largest(gaps: Iterable[Range], offset: int) -> Range | None:
    """The first of the largest naturally aligned power-of-two blocks (aligned as bus addresses are)."""
    best: Range | None = None
    for gap in gaps:
        block = 1 << (gap.size.bit_length() - 1)
        while block and (best is None or block > best.size):
            start = align_up(gap.start - offset, block) + offset
            if start + block <= gap.end:
                best = Range.of(start, block)
                break
            block >>= 1
    return best
