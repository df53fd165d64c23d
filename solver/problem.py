"""From topology, mobility and request to independent placement problems.

Address spaces of different root buses never meet, so each root bus is a
problem of its own. A problem lists, in coordinates (:mod:`solver.coordinates`),
every BAR and bridge window that has to stand somewhere, where it may stand and
where it is today. It contains no solver.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from models.headroom import doublings, most_room, port_windows
from models.mobility import Mobility
from models.resources import FunctionAddress, Range, Size, Space, WindowKind, align_down, align_up, format_size
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
class Choice:
    """A BAR whose size is open: of its items, one for each size, at most one has a place.

    Attributes
    ----------
    key
        The BAR; each item has a key of its own.
    home
        Its coordinate today, whatever the size.
    kept, required
        As of a :class:`BarItem`; the items by themselves are neither.
    resized
        It has an address today and may not keep its size.
    """

    key: BarKey
    home: int | None
    kept: bool
    required: bool
    items: list[BarItem] = field(default_factory=list)
    resized: bool = False

    @property
    def placeable(self) -> bool:
        """Whether some root window can hold it at some size."""
        return any(item.placeable for item in self.items)


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
    low
        It is 32-bit prefetchable, and newly placed it shuns 64-bit prefetchable windows (window rule ``kernel``).
    choice
        The BAR whose size this item is one of; ``today`` is then set at the size of today only.
    may_stay
        Its place of today, at this item's size, breaks no rule whatever the windows are.
    largest
        Bytes it takes at the largest size it supports; 0 = no Resizable BAR.
    halvings, halvings_without
        How often the largest size is halved to get this one, and to have no address.
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
    low: bool = False
    choice: Choice | None = None
    may_stay: bool = False
    largest: Size = 0
    halvings: int = 0
    halvings_without: int = 0

    @property
    def home(self) -> int | None:
        """Where the BAR is today, whatever its size."""
        return self.today if self.choice is None else self.choice.home

    @property
    def placeable(self) -> bool:
        """Whether some root window can hold it."""
        return not self.movable or bool(self.starts)

    def may_lie_in(self, window: WindowItem) -> bool:
        """Whether a bridge window takes it."""
        here = None if self.today is None else (self.today, self.today + self.span)
        return accepts(window.kind, self.space, self.prefetchable) and not (self.low and window.shunned(here))


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
    wide
        It is a 64-bit prefetchable window.
    low
        As of a :class:`BarItem`, for a 32-bit prefetchable window.
    most
        Where ``headroom`` counts and this is a memory window of an empty hotplug port: the largest block that a root
        window could give it, in doublings (:mod:`models.headroom`); ``None`` elsewhere.
    stays
        It is outside of the scope: it stays as it is today, open or closed.
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
    most: int | None = None
    wide: bool = False
    low: bool = False
    stays: bool = False

    def may_lie_in(self, window: WindowItem) -> bool:
        """Whether another bridge's window takes it."""
        legal = accepts(window.kind, self.space, self.kind == "pref")
        return legal and not (self.low and window.shunned(self.today))

    def shunned(self, here: Span | None) -> bool:
        """Whether what shuns 64-bit prefetchable windows shuns this one: not where it is in it today."""
        inside = here is not None and self.today is not None and _inside(here, self.today)
        return self.wide and not inside


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


def problems(
    topology: Topology,
    movement: Mobility,
    sizes: Mapping[BarKey, tuple[Size, ...]] | None = None,
    *,
    window_rule: str = "free",
    headroom: bool = False,
) -> list[Problem]:
    """One problem for each root bus that has functions.

    Parameters
    ----------
    sizes
        BARs whose size is open, with the sizes each may take.
    window_rule
        Where 32-bit prefetchable BARs may lie (:data:`solver.request.WINDOW_RULES`).
    headroom
        What empty hotplug ports have room for counts.
    """
    builders = (
        _Builder(root, topology.reserved, movement, sizes or {}, window_rule, headroom=headroom)
        for root in topology.root_buses
        if root.functions
    )
    return [builder.build() for builder in builders]


def choices(bars: Iterable[BarItem]) -> list[Choice]:
    """The BARs whose size is open, once each."""
    return list(dict.fromkeys(bar.choice for bar in bars if bar.choice is not None))


def unplaceable(bars: Iterable[BarItem]) -> int:
    """How many required BARs no root window can hold, at any size."""
    bars = list(bars)
    plain = sum(bar.required and not bar.placeable for bar in bars)
    return plain + sum(choice.required and not choice.placeable for choice in choices(bars))


class _Builder:
    """Builds the problem of one root bus."""

    def __init__(
        self,
        root: RootBus,
        reserved: tuple[Reserved, ...],
        movement: Mobility,
        sizes: Mapping[BarKey, tuple[Size, ...]],
        window_rule: str,
        *,
        headroom: bool,
    ) -> None:
        self.root, self.movement, self.sizes = root, movement, sizes
        self.window_rule, self.headroom = window_rule, headroom
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
        if bar.address is None and not movable and bar.fixed:
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
        if bar.sizes and not bar.fixed:
            item.largest = bar.largest * bar.copies
            item.halvings, item.halvings_without = bar.halvings(bar.size), bar.halvings(None)
        if not movable and today is None:
            item.movable, item.places = True, []  # outside of the scope: as one that no root window can hold
        item.low = self.window_rule == "kernel" and bar.prefetchable and bar.width == 32 and movable
        item.starts = _starts(item, self.problem.reserved[bar.space])
        if not movable and today is not None:
            node.obstacles[bar.space].append((today, today + bar.span))
        if key in self.sizes and movable:
            self.problem.bars += self._alternatives(item, bar, self.sizes[key])
        else:
            self.problem.bars.append(item)

    def _alternatives(self, whole: BarItem, bar: Bar, sizes: tuple[Size, ...]) -> list[BarItem]:
        """One item for each size that a BAR may take."""
        choice = Choice(whole.key, whole.today, whole.kept, whole.required)
        for size in sizes:
            item = replace(
                whole,
                key=BarKey(whole.key.function, f"{whole.key.index} of {format_size(size)}"),
                size=size,
                span=size * bar.copies,
                today=whole.today if size == bar.size else None,
                kept=False,
                required=False,
                choice=choice,
                halvings=bar.halvings(size),
            )
            item.starts = _starts(item, self.problem.reserved[bar.space])
            choice.items.append(item)
        choice.resized = whole.today is not None and bar.size not in sizes
        return choice.items

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
        item.stays = item.key in self.movement.windows
        item.wide = window.kind == "pref" and window.width == 64
        item.low = self.window_rule == "kernel" and window.kind == "pref" and window.width == 32
        if self.headroom and window in port_windows(function):
            item.most = doublings(most_room(self.root, window))
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
            if bar.home is not None and bar.movable:
                here, remainder = divmod(bar.home, bar.size)
                allowed = remainder == 0 and any(first <= here <= last for first, last in bar.starts)
                bar.may_stay = allowed and not self._hits(bar.bus, bar.space, (bar.home, bar.home + bar.span))
            if bar.today is None:
                continue
            nested = self._bar_is_nested(bar, bar.today)
            if not bar.movable:
                bar.nested = nested
                # Merged with a neighbour it overlaps, it no longer stands among the obstacles by itself.
                bar.shared = (bar.today, bar.today + bar.span) not in bar.bus.obstacles[bar.space]
            else:
                bar.evicted = not bar.may_stay
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
