"""From topology, mobility and request to independent placement problems.

Address spaces of different root buses never meet, so each root bus is a
problem of its own. A problem lists, in coordinates (:mod:`solver.coordinates`),
every BAR and bridge window that has to stand somewhere, where it may stand and
where it is today. It contains no solver.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from models.mobility import Mobility
from models.resources import FunctionAddress, Range, Size, Space, WindowKind, align_down, align_up
from models.topology import Bar, BarKey, BridgeWindow, Bus, Function, Reserved, RootBus, Topology, WindowKey
from solver.coordinates import Coordinates

Span = tuple[int, int]
"""A half-open range of coordinates."""


@dataclass(slots=True, eq=False)
class BusNode:
    """One bus: what stands on it is kept apart, in each address space.

    Attributes
    ----------
    windows
        Windows of the bridge that leads here; empty on the root bus.
    obstacles
        Ranges on this bus that nothing else may touch: immovable BARs and CardBus windows, merged, by space.
    """

    number: int
    name: str
    parent: BusNode | None
    bridge: FunctionAddress | None
    subtractive: bool
    windows: list[WindowItem] = field(default_factory=list)
    obstacles: dict[Space, list[Span]] = field(default_factory=lambda: {"io": [], "mem": []})


@dataclass(slots=True, eq=False)
class BarItem:
    """A BAR that has, or may get, an address.

    Attributes
    ----------
    atom
        The function on the root bus at or above this BAR.
    places
        Where the root windows allow it, by kind and reach: the whole BAR lies in one of these.
    today
        Its coordinate today.
    movable
        It may leave ``today``.
    kept
        It has an address today, so it must have one afterwards.
    required
        It counts as ``unplaced`` when it gets none.
    evicted
        A movable BAR whose place today breaks a rule whatever the windows are: it has to move.
    homeless
        A movable BAR that lies in no window today: it moves, or a window comes to it.
    nested
        Whether it must lie in a window; an immovable BAR that does not today is left as it is.
    starts
        Where a movable BAR may begin, in multiples of its size, as far as the root windows and the reserved ranges
        allow; inclusive at both ends. Empty = nowhere.
    cost
        What it costs to prepare the function's driver for a move; 0 where it survives one.
    shared
        An immovable BAR that overlaps another one.
    stand_in
        No BAR at all but a CardBus window, which stays where it is and backs nothing.
    """

    key: BarKey
    bus: BusNode
    atom: FunctionAddress
    space: Space
    size: Size
    span: Size
    prefetchable: bool
    places: list[Span]
    today: int | None
    movable: bool
    kept: bool
    required: bool
    evicted: bool = False
    homeless: bool = False
    nested: bool = True
    shared: bool = False
    stand_in: bool = False
    starts: list[Span] = field(default_factory=list)
    cost: int = 0

    @property
    def placeable(self) -> bool:
        """Whether some root window can hold it."""
        return not self.movable or bool(self.starts)


@dataclass(slots=True, eq=False)
class WindowItem:
    """A bridge window.

    Attributes
    ----------
    bus
        Where the bridge stands.
    inner
        The bus behind it.
    today
        Its range today; ``None`` = closed.
    tolerated
        Today's range breaks a rule: it may stay exactly so, or become legal.
    homeless
        The rule it breaks is nesting: it lies in no window of the bus it stands on.
    exempt
        Items it overlaps today (keys of windows and immovable BARs, labels of reserved ranges).
    """

    key: WindowKey
    bus: BusNode
    inner: BusNode
    atom: FunctionAddress
    space: Space
    kind: WindowKind
    granularity: Size
    places: list[Span]
    today: Span | None
    tolerated: bool = False
    homeless: bool = False
    exempt: set[object] = field(default_factory=set)


@dataclass(slots=True)
class Problem:
    """Everything that can be placed under one root bus.

    Attributes
    ----------
    reserved
        Reserved ranges in coordinates, by space.
    warnings
        Breaches of today that the plan works around, in words.
    """

    root: RootBus
    coordinates: Coordinates
    buses: list[BusNode] = field(default_factory=list)
    bars: list[BarItem] = field(default_factory=list)
    windows: list[WindowItem] = field(default_factory=list)
    reserved: dict[Space, list[Span]] = field(default_factory=lambda: {"io": [], "mem": []})
    warnings: list[str] = field(default_factory=list)

    @property
    def atoms(self) -> list[FunctionAddress]:
        """The functions of the root bus that have something to place at or below them."""
        return list(dict.fromkeys([item.atom for item in self.windows] + [item.atom for item in self.bars]))


def problems(topology: Topology, movement: Mobility) -> list[Problem]:
    """One problem for each root bus that has functions."""
    return [_Builder(root, topology.reserved, movement).build() for root in topology.root_buses if root.functions]


class _Builder:
    """Builds the problem of one root bus."""

    def __init__(self, root: RootBus, reserved: tuple[Reserved, ...], movement: Mobility) -> None:
        self.root, self.movement = root, movement
        self.problem = Problem(root, Coordinates(root))
        self.coordinates = self.problem.coordinates
        for item in reserved:
            self.problem.reserved[item.space] += self.coordinates.parts(item.space, item.range)

    def build(self) -> Problem:
        top = self._bus(Bus(self.root), None, None)
        for function in self.root.functions:
            self._function(function, Bus(self.root), top, function.address)
        for bus in self.problem.buses:
            bus.obstacles = {space: _merge(spans) for space, spans in bus.obstacles.items()}
        self._find_breaches()
        return self.problem

    # -- the tree ---------------------------------------------------------------------------------------------------

    def _bus(self, bus: Bus, node: BusNode | None, bridge: Function | None) -> BusNode:
        subtractive = bridge is not None and bridge.bridge is not None and bridge.bridge.subtractive
        made = BusNode(len(self.problem.buses), bus.name, node, bridge.address if bridge else None, subtractive)
        self.problem.buses.append(made)
        return made

    def _function(self, function: Function, bus: Bus, node: BusNode, atom: FunctionAddress) -> None:
        for bar in function.bars:
            self._bar(function, bar, node, atom)
        if function.bridge is None:
            return
        inner_bus = Bus(self.root, function, bus)
        inner = self._bus(inner_bus, node, function)
        for window in function.bridge.windows:
            self._window(function, window, node, inner, atom)
        for number, cardbus in enumerate(function.bridge.cardbus):
            # A CardBus window stays where it is, like an immovable BAR that nobody counts.
            stand_in = Bar(
                f"cardbus{number}",
                cardbus.space,
                cardbus.range.size,
                address=cardbus.range.start,
                prefetchable=cardbus.prefetchable,
                optional=True,
            )
            self._bar(function, stand_in, node, atom, stand_in=True)
        for child in function.bridge.functions:
            self._function(child, inner_bus, inner, atom)

    def _bar(
        self, function: Function, bar: Bar, node: BusNode, atom: FunctionAddress, *, stand_in: bool = False
    ) -> None:
        key = BarKey(function.address, bar.index)
        movable = not stand_in and self.movement.may_move(key)
        if bar.address is None and not movable:
            return
        today = None if bar.range is None else self.coordinates.of_range(bar.space, bar.range)[0]
        on_root = node.parent is None
        item = BarItem(
            key=key,
            bus=node,
            atom=atom,
            space=bar.space,
            size=bar.size,
            span=bar.span,
            prefetchable=bar.prefetchable,
            places=self._places(
                bar.space,
                prefetchable=bar.prefetchable,
                short=bar.space == "mem" and (bar.width == 32 or not (on_root or bar.prefetchable)),
            ),
            today=today,
            movable=movable,
            kept=bar.address is not None,
            required=not bar.optional,
            stand_in=stand_in,
            cost=self.movement.costs.get(function.address, 0) if key in self.movement.unprepared else 0,
        )
        item.starts = _starts(item, self.problem.reserved[bar.space])
        if not movable and today is not None:
            node.obstacles[bar.space].append((today, today + bar.span))
        self.problem.bars.append(item)

    def _window(
        self, function: Function, window: BridgeWindow, node: BusNode, inner: BusNode, atom: FunctionAddress
    ) -> None:
        item = WindowItem(
            key=WindowKey(function.address, window.kind),
            bus=node,
            inner=inner,
            atom=atom,
            space=window.space,
            kind=window.kind,
            granularity=window.granularity,
            places=self._places(
                window.space,
                prefetchable=window.kind == "pref",
                short={"io": window.width == 16, "mem": True, "pref": window.width == 32}[window.kind],
            ),
            today=None if window.range is None else self.coordinates.of_range(window.space, window.range),
        )
        inner.windows.append(item)
        self.problem.windows.append(item)

    def _places(self, space: Space, *, prefetchable: bool, short: bool) -> list[Span]:
        """The parts of the root windows that serve an item of this kind and reach."""
        places = []
        for segment in self.coordinates.segments:
            if segment.space != space or (segment.window.prefetchable and not prefetchable):
                continue
            end = min(segment.end, segment.reach) if short else segment.end
            if end > segment.start:
                places.append((segment.start, end))
        return places

    # -- today's breaches -------------------------------------------------------------------------------------------

    def _find_breaches(self) -> None:
        for bar in self.problem.bars:
            if bar.today is None:
                continue
            nested = self._bar_is_nested(bar, bar.today)
            if not bar.movable:
                bar.nested = nested
                # Merged with a neighbour it overlaps, it no longer stands among the obstacles by itself.
                bar.shared = (bar.today, bar.today + bar.span) not in bar.bus.obstacles[bar.space]
            else:
                here, remainder = divmod(bar.today, bar.size)
                allowed = remainder == 0 and any(first <= here <= last for first, last in bar.starts)
                bar.evicted = not allowed or self._hits(bar.bus, bar.space, (bar.today, bar.today + bar.span))
                bar.homeless = not nested
        beside: dict[tuple[int, Space], list[WindowItem]] = {}
        for window in self.problem.windows:
            beside.setdefault((window.bus.number, window.space), []).append(window)
        for window in self.problem.windows:
            self._window_breaches(window, beside[window.bus.number, window.space])

    def _bar_is_nested(self, bar: BarItem, start: int) -> bool:
        end = start + bar.span
        if not any(low <= start and end <= high for low, high in bar.places):
            return False
        return self._fits_on(bar.bus, bar.space, bar.prefetchable, (start, end))

    def _fits_on(self, bus: BusNode, space: Space, prefetchable: bool, span: Span) -> bool:
        if bus.parent is None:
            return True  # the root windows were asked through ``places``
        for window in bus.windows:
            if accepts(window.kind, space, prefetchable) and window.today and _inside(span, window.today):
                return True
        return bus.subtractive and self._fits_on(bus.parent, space, prefetchable, span)

    def _hits(self, bus: BusNode, space: Space, span: Span) -> bool:
        return any(overlap(span, other) for other in bus.obstacles[space])

    def _standing_obstacles(self, bus: BusNode, space: Space) -> list[Span]:
        """What stands immovable on a bus today, also from behind subtractive bridges."""
        found = list(bus.obstacles[space])
        for inner in self.problem.buses:
            if inner.parent is bus and inner.subtractive:
                opened = [window.today for window in inner.windows if window.space == space and window.today]
                found += [
                    span
                    for span in self._standing_obstacles(inner, space)
                    if not any(_inside(span, window) for window in opened)
                ]
        return found

    def _window_breaches(self, window: WindowItem, siblings: list[WindowItem]) -> None:
        if window.today is None:
            return
        span, grain = window.today, window.granularity
        prefetchable = window.kind == "pref"
        window.homeless = not self._fits_on(window.bus, window.space, prefetchable, span)
        if window.bus.parent is None:
            window.homeless = not any(_inside(span, place) for place in _root_places(window, self.coordinates))
        legal = not window.homeless and span[0] % grain == 0 and span[1] % grain == 0
        legal = legal and any(_inside(span, place) for place in window.places)
        for obstacle in self._standing_obstacles(window.bus, window.space):
            if overlap(span, obstacle):
                legal = False
                window.exempt.add(obstacle)
        for other in siblings:
            if other is not window and other.today and overlap(span, other.today):
                legal = False
                window.exempt.add(other.key)
        for reserved in self.problem.reserved[window.space]:
            if overlap(span, reserved):
                window.exempt.add(reserved)
        window.tolerated = not legal


def _starts(bar: BarItem, reserved: list[Span]) -> list[Span]:
    """The multiples of the BAR's size at which it lies in a root window and touches no reserved range."""
    ranges = []
    for low, high in bar.places:
        cuts = [(low, high - bar.span)]
        for reserved_start, reserved_end in reserved:
            cuts = [
                piece
                for start, end in cuts
                for piece in ((start, min(end, reserved_start - bar.span)), (max(start, reserved_end), end))
                if piece[0] <= piece[1]
            ]
        for start, end in cuts:
            first, last = align_up(start, bar.size) // bar.size, align_down(end, bar.size) // bar.size
            if first <= last:
                ranges.append((first, last))
    return sorted(set(ranges))


def _root_places(window: WindowItem, coordinates: Coordinates) -> list[Span]:
    """The root windows that take a window of this kind, whatever its reach."""
    return [
        (segment.start, segment.end)
        for segment in coordinates.segments
        if segment.space == window.space and (window.kind == "pref" or not segment.window.prefetchable)
    ]


def accepts(kind: WindowKind, space: Space, prefetchable: bool) -> bool:
    """Whether a bridge window of this kind takes an item of this space and prefetchability."""
    return space == "io" if kind == "io" else space == "mem" and (kind == "mem" or prefetchable)


def _inside(inner: Span, outer: Span) -> bool:
    return outer[0] <= inner[0] and inner[1] <= outer[1]


def overlap(a: Span, b: Span) -> bool:
    """Whether two ranges share a coordinate."""
    return a[0] < b[1] and b[0] < a[1]


def _merge(spans: list[Span]) -> list[Span]:
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def cpu_range(problem: Problem, space: Space, span: Span) -> Range:
    """The CPU range of coordinates."""
    return Range.of(problem.coordinates.address(space, span[0]), span[1] - span[0])
