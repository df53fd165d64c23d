"""From topology, mobility and request to independent placement problems.

Address spaces of different root buses never meet, so each root bus is a
problem of its own (:mod:`solver.problem`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from models.headroom import doublings, most_room, port_windows
from models.mobility import Mobility
from models.resources import (
    IO_REACH,
    ISA_BLOCK,
    ISA_PORTS,
    FunctionAddress,
    Size,
    Space,
    align_down,
    align_up,
    format_size,
    vga_ports,
)
from models.spans import merged
from models.topology import Bar, BarKey, BridgeWindow, Bus, Function, Reserved, RootBus, Topology, WindowKey
from solver.coordinates import Coordinates, Segment
from solver.items import BarItem, BusNode, Choice, Span, WindowItem, accepts, inside, overlap
from solver.problem import Problem


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


def kept_back(bar: BarItem, coordinates: Coordinates, *, vga: bool = True) -> list[Span]:
    """The I/O ports below 64 KiB that an ISA enable bit on the way or a VGA enable bit beside it keeps from a BAR."""
    ports = list(bar.bus.vga) if vga else []
    if bar.bus.isa:
        ports += [(block + ISA_PORTS, block + ISA_BLOCK) for block in range(0, IO_REACH, ISA_BLOCK)]
    zeros = {zero for _, zero in io_segments(coordinates)} if bar.space == "io" else set()
    return [(zero + first, zero + end) for zero in sorted(zeros) for first, end in ports]


def io_segments(coordinates: Coordinates) -> list[tuple[Segment, int]]:
    """The root windows of I/O ports, each with the coordinate of port 0."""
    return [
        (segment, segment.start - (segment.window.range.start - segment.window.offset))
        for segment in coordinates.segments
        if segment.space == "io"
    ]


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
        self.subtractive: list[BusNode] = []
        self.has_vga = _has_vga(root.functions)
        for item in reserved:
            self.problem.reserved[item.space] += self.coordinates.parts(item.space, item.range)

    def build(self) -> Problem:
        top = self._bus(Bus(self.root), None, None)
        for function in self.root.functions:
            self._function(function, Bus(self.root), top, function.address)
        for bus in self.problem.buses:
            bus.obstacles = {space: merged(spans, touching=False) for space, spans in bus.obstacles.items()}
        self._find_breaches()
        return self.problem

    # -- the tree ---------------------------------------------------------------------------------------------------

    def _bus(self, bus: Bus, node: BusNode | None, bridge: Function | None) -> BusNode:
        half = None if bridge is None else bridge.bridge
        subtractive = half is not None and half.subtractive
        isa = (node is not None and node.isa) or (half is not None and half.isa)
        made = BusNode(len(self.problem.buses), bus.name, node, bridge.address if bridge else None, subtractive, isa)
        made.vga = self._claimed(bus)
        self.problem.buses.append(made)
        if subtractive:
            self.subtractive.append(made)
        return made

    def _claimed(self, bus: Bus) -> list[Span]:
        """The ports below the root windows that VGA enable bits beside the way to a bus claim and nothing reserves."""
        if not self.has_vga:
            return []
        way = {bus.bridge.address} if bus.bridge is not None else set[FunctionAddress]()
        bits: set[int] = set()
        step: Bus | None = bus
        while step is not None:
            bits |= {one.bridge.vga for one in step.functions if one.bridge is not None and one.address not in way}
            way |= {step.bridge.address} if step.bridge is not None else set()
            step = step.parent
        ports = {ports for looked_at in bits for ports in vga_ports(looked_at)}
        return sorted(span for span in ports if self._is_open(span))

    def _is_open(self, ports: Span) -> bool:
        """Whether a BAR could have one of these ports, as far as root windows and reserved ranges go."""
        for segment, zero in io_segments(self.coordinates):
            low, high = max(segment.start, zero + ports[0]), min(segment.end, zero + ports[1])
            if low < high and not any(start <= low and high <= end for start, end in self.problem.reserved["io"]):
                return True
        return False

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
        top = node  # from behind subtractive bridges alone it may lie in a root window
        while top.subtractive and top.parent is not None:
            top = top.parent
        on_root = top.parent is None
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
        item.starts = self._starts(item)
        if item.movable and item.kept and key not in self.sizes and not (item.starts and _has_way(item)):
            # A breach of today that no plan can mend, and as any other it may stay.
            item.movable = movable = False
            self.problem.warnings.append(
                f"{key} breaks a rule where it is, and nothing leads to a legal place for it: it stays"
            )
        if not movable and today is not None:
            node.obstacles[bar.space].append((today, today + bar.span))
        if key in self.sizes and movable:
            self.problem.bars += self._alternatives(item, bar, self.sizes[key])
        else:
            self.problem.bars.append(item)

    def _starts(self, bar: BarItem) -> list[Span]:
        """Where a BAR may begin, clear of reserved ranges and of ports that ISA and VGA enable bits keep from it.

        Firmware leaves BARs at ports that are claimed for VGA, and they work well enough: such a BAR may stay.
        """
        reserved = self.problem.reserved[bar.space]
        if not bar.isa:
            return _starts(bar, reserved)
        starts = _starts(bar, [*reserved, *kept_back(bar, self.coordinates)])
        if bar.bus.vga and bar.today is not None and bar.today % bar.size == 0:
            here = bar.today // bar.size
            without = _starts(bar, [*reserved, *kept_back(bar, self.coordinates, vga=False)])
            if _among(here, without) and not _among(here, starts):
                starts = sorted([*starts, (here, here)])
        return starts

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
            item.starts = self._starts(item)
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
                allowed = remainder == 0 and _among(here, bar.starts)
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
            if accepts(window.kind, space, prefetchable) and window.today and inside(span, window.today):
                return True
        return bus.subtractive and self._fits_on(bus.parent, space, prefetchable, span)

    def _hits(self, bus: BusNode, space: Space, span: Span) -> bool:
        return any(overlap(span, other) for other in bus.obstacles[space])

    def _standing_obstacles(self, bus: BusNode, space: Space) -> list[Span]:
        """What stands immovable on a bus today, also from behind subtractive bridges."""
        found = list(bus.obstacles[space])
        for inner in self.subtractive:
            if inner.parent is bus:
                opened = [window.today for window in inner.windows if window.space == space and window.today]
                found += [
                    span
                    for span in self._standing_obstacles(inner, space)
                    if not any(inside(span, window) for window in opened)
                ]
        return found

    def _window_breaches(self, window: WindowItem, siblings: list[WindowItem]) -> None:
        if window.today is None:
            return
        span, grain = window.today, window.granularity
        prefetchable = window.kind == "pref"
        window.homeless = not self._fits_on(window.bus, window.space, prefetchable, span)
        if window.bus.parent is None:
            window.homeless = not any(inside(span, place) for place in _root_places(window, self.coordinates))
        legal = not window.homeless and span[0] % grain == 0 and span[1] % grain == 0
        legal = legal and any(inside(span, place) for place in window.places)
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


def _has_vga(functions: tuple[Function, ...]) -> bool:
    """Whether a bridge here or below has its VGA enable bit set."""
    bridges = [function.bridge for function in functions if function.bridge is not None]
    return any(bridge.vga or _has_vga(bridge.functions) for bridge in bridges)


def _has_way(bar: BarItem) -> bool:
    """Whether each bridge above a BAR has a window that may hold it, or needs none."""
    bus: BusNode | None = bar.bus
    while bus is not None and bus.parent is not None:
        if not bus.subtractive and not any(accepts(window.kind, bar.space, bar.prefetchable) for window in bus.windows):
            return False
        bus = bus.parent
    return True


def _among(here: int, starts: list[Span]) -> bool:
    return any(first <= here <= last for first, last in starts)


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
