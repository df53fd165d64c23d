"""Windows for a moment on the way: some functions where they were, some where they will be, some in between.

This is a search's own quick view. What comes out is checked by :mod:`models.legality` before it becomes a step.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from models.legality import today_breaches
from models.placement import Placement
from models.resources import FOUR_GIB, IO_REACH, Address, FunctionAddress, Range, Space, align_down, align_up
from models.topology import BarKey, WindowKey
from solver.steps.ground import Chain, Ground

Name = BarKey | WindowKey | str
Item = tuple[Space, Range, Name]
"""Something that stands on a bus."""
Need = tuple[Range, FunctionAddress | None]
"""What a window has to cover, and the mover whose it is; ``None`` = it stays put."""
Places = Mapping[BarKey, Address | None]
"""Where the BARs of movers are at a moment."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """Two things that cannot be where they are at once; ``movers`` are functions of which one has to be elsewhere."""

    movers: frozenset[FunctionAddress]


@dataclass(slots=True)
class Layout:
    """Finds windows for moments on the way between today and the plan."""

    ground: Ground
    movers: frozenset[FunctionAddress] = frozenset()
    touched: list[WindowKey] = field(default_factory=list)
    """Windows that may differ from today at some moment, from the root down."""
    tolerated: set[frozenset[str]] = field(default_factory=set)
    _bus: dict[FunctionAddress, str] = field(default_factory=dict)
    _fixed_need: dict[WindowKey, list[Need]] = field(default_factory=dict)
    _fixed_items: dict[str, list[Item]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        ground = self.ground
        self.movers = frozenset(ground.movers)
        self._bus = {address: ground.bus_name(address) for address in ground.functions}
        before, after = ground.chains
        touched = {key for key in ground.windows if ground.today.windows.get(key) != ground.planned.windows.get(key)}
        for key in ground.bars:
            if key.function in self.movers:
                touched |= {*(before[key] or ()), *(after[key] or ())}
        self.touched = sorted(touched, key=lambda key: (len(ground.above[key.bridge]), key))
        self.tolerated = {frozenset(breach.parties) for breach in today_breaches(ground.topology)}
        self._find_fixed()

    def conflict(self, places: Places) -> Conflict | None:
        """Who is in the way with movers at ``places``; ``None`` where windows can be found."""
        need = self._needs(places)
        return self._conflict(places, self._least(need), need)

    def windows(self, places: Places) -> dict[WindowKey, Range | None]:
        """Ranges for every touched window with movers at ``places``, between which there is no conflict."""
        now = self._least(self._needs(places))
        items = self._items(places, now)
        for key in self.touched:
            least = now[key]
            for wanted in self._wishes(key, least):
                if wanted == least:
                    break
                if self._may_be(key, wanted, now, items):
                    now[key] = wanted
                    standing = items.setdefault(self._bus[key.bridge], list(self._fixed_items[self._bus[key.bridge]]))
                    standing[:] = [item for item in standing if item[2] != key]
                    if wanted is not None:
                        standing.append((self.ground.windows[key].space, wanted, key))
                    break
        return now

    def _least(self, need: Mapping[WindowKey, list[Need]]) -> dict[WindowKey, Range | None]:
        """The smallest windows over what is needed."""
        return {
            key: self._grown(key, [range_ for range_, _ in parts]) if (parts := need.get(key)) else None
            for key in self.touched
        }

    # -- what has to be covered -------------------------------------------------------------------------------------

    def _find_fixed(self) -> None:
        """What stays put: its place on its bus, and the touched windows that have to cover it."""
        ground, touched = self.ground, set(self.touched)
        for address, function in ground.functions.items():
            items = self._fixed_items.setdefault(ground.bus_name(address), [])
            for bar in function.bars:
                key = BarKey(address, bar.index)
                range_ = ground.bar_range(key, ground.today)
                if address in self.movers or range_ is None:
                    continue
                items.append((bar.space, range_, key))
                for window in ground.chains[0][key] or ():
                    if window in touched:
                        self._fixed_need.setdefault(window, []).append((range_, None))
            if function.bridge is None:
                continue
            for number, cardbus in enumerate(function.bridge.cardbus):
                items.append((cardbus.space, cardbus.range, f"{address} CardBus window {number}"))
            for bridge_window in function.bridge.windows:
                window_key = WindowKey(address, bridge_window.kind)
                open_range = ground.today.windows.get(window_key)
                if window_key in touched or open_range is None:
                    continue
                items.append((bridge_window.space, open_range, window_key))
                for window in ground.window_chain(window_key, ground.today) or ():
                    if window in touched:
                        self._fixed_need.setdefault(window, []).append((open_range, None))

    def _needs(self, places: Places) -> dict[WindowKey, list[Need]]:
        """For every touched window what it has to cover."""
        ground = self.ground
        need = {key: list(parts) for key, parts in self._fixed_need.items()}
        for key, address in places.items():
            if address is None:
                continue
            range_ = Range.of(address, ground.bars[key].span)
            for window in self._chain(key, address):
                need.setdefault(window, []).append((range_, key.function))
        return need

    def _chain(self, key: BarKey, address: Address) -> Chain:
        """The windows that have to cover a mover's BAR: as today, as planned, or as planned for a stop in between."""
        before, after = self.ground.chains
        if address == self.ground.today.bars.get(key) and address != self.ground.planned.bars.get(key):
            return before[key] or ()
        return after[key] or before[key] or ()

    def _grown(self, key: WindowKey, ranges: list[Range]) -> Range:
        """The smallest window over these ranges, on the bridge's granularity."""
        window = self.ground.windows[key]
        whole = Range(min(range_.start for range_ in ranges), max(range_.end for range_ in ranges))
        offset = self.ground.offset(key.bridge, window.space, whole)
        start = align_down(whole.start - offset, window.granularity) + offset
        return Range(start, align_up(whole.end - offset, window.granularity) + offset)

    # -- who is in the way ------------------------------------------------------------------------------------------

    def _conflict(
        self,
        places: Places,
        now: Mapping[WindowKey, Range | None],
        need: Mapping[WindowKey, list[Need]],
    ) -> Conflict | None:
        for bus, items in self._items(places, now).items():
            one = self._overlap(bus, items, need)
            if one is not None:
                return one
        for key in self.touched:
            range_ = now[key]
            if range_ is not None and not self._fits(key, range_, now):
                return Conflict(frozenset(who for _, who in need[key] if who is not None))
        for bar, address in places.items():
            if address is None or address in (self.ground.today.bars.get(bar), self.ground.planned.bars.get(bar)):
                continue
            if not self._bar_fits(bar, address):
                return Conflict(frozenset({bar.function}))
        return None

    def _items(self, places: Places, now: Mapping[WindowKey, Range | None]) -> dict[str, list[Item]]:
        """What stands on every bus on which something may change."""
        ground = self.ground
        found: dict[str, list[Item]] = {}

        def put(bus: str, item: Item) -> None:
            if bus not in found:
                found[bus] = list(self._fixed_items.get(bus, ()))
            found[bus].append(item)

        for key, address in places.items():
            if address is not None:
                bar = ground.bars[key]
                put(self._bus[key.function], (bar.space, Range.of(address, bar.span), key))
        for window, range_ in now.items():
            if range_ is not None:
                put(self._bus[window.bridge], (ground.windows[window].space, range_, window))
        return found

    def _overlap(
        self,
        bus: str,
        items: list[Item],
        need: Mapping[WindowKey, list[Need]],
    ) -> Conflict | None:
        open_: list[Item] = []
        for item in sorted(items, key=lambda item: item[1].start):
            open_ = [other for other in open_ if other[1].end > item[1].start]
            for other in open_:
                if other[0] == item[0] and frozenset({str(other[2]), str(item[2])}) not in self.tolerated:
                    return Conflict(self._blamed(other, need) | self._blamed(item, need))
            open_.append(item)
        return None

    def _blamed(
        self,
        item: Item,
        need: Mapping[WindowKey, list[Need]],
    ) -> frozenset[FunctionAddress]:
        name = item[2]
        if isinstance(name, BarKey):
            return frozenset({name.function} & self.movers)
        if isinstance(name, WindowKey):
            return frozenset(who for _, who in need.get(name, ()) if who is not None)
        return frozenset()

    def _fits(self, key: WindowKey, range_: Range, now: Mapping[WindowKey, Range | None]) -> bool:
        """Whether a window may have this range by itself: reach, nesting, reserved ranges."""
        if range_ in (self.ground.today.windows.get(key), self.ground.planned.windows.get(key)) and self._nests(
            key, range_, now
        ):
            return True
        window = self.ground.windows[key]
        offset = self.ground.offset(key.bridge, window.space, range_)
        reach = FOUR_GIB if window.width == 32 else IO_REACH if window.width == 16 else None
        if reach is not None and range_.end - offset > reach and offset == 0:
            return False
        return self._nests(key, range_, now) and not self._reserved(window.space, range_, str(key))

    def _nests(self, key: WindowKey, range_: Range, now: Mapping[WindowKey, Range | None]) -> bool:
        """Whether a window of the bus above, of a kind that may hold this one, holds the range."""
        ground, window = self.ground, self.ground.windows[key]
        for parent in ground.above[key.bridge]:
            assert parent.bridge is not None
            for outer in parent.bridge.windows:
                if outer.space != window.space or (outer.kind == "pref" and window.kind != "pref"):
                    continue
                outer_key = WindowKey(parent.address, outer.kind)
                here = now[outer_key] if outer_key in now else ground.today.windows.get(outer_key)
                if here is not None and here.contains(range_):
                    return True
            if not parent.bridge.subtractive:
                return False
        return any(
            root.space == window.space
            and root.range.contains(range_)
            and (window.kind == "pref" or not root.prefetchable)
            for root in ground.root[key.bridge].windows
        )

    def _bar_fits(self, key: BarKey, address: Address) -> bool:
        """Whether a BAR may stop at ``address`` by itself: alignment, reach, root window, reserved ranges."""
        bar = self.ground.bars[key]
        range_ = Range.of(address, bar.span)
        root = self.ground.root_window(key.function, bar.space, range_)
        if root is None or not root.range.contains(range_) or (root.prefetchable and not bar.prefetchable):
            return False
        bus = range_.start - root.offset
        if bus % bar.size or (bar.width == 32 and bus + bar.span > FOUR_GIB):
            return False
        return not self._reserved(bar.space, range_, str(key))

    def _reserved(self, space: Space, range_: Range, name: str) -> bool:
        for entry in self.ground.topology.reserved:
            label = f"reserved {entry.range}" + (f" ({entry.what})" if entry.what else "")
            if entry.space == space and entry.range.overlaps(range_) and frozenset({name, label}) not in self.tolerated:
                return True
        return False

    # -- more than the least ----------------------------------------------------------------------------------------

    def _wishes(self, key: WindowKey, least: Range | None) -> Iterable[Range | None]:
        """What a window should be, best first: as planned, as today, no more than needed."""
        for placement in (self.ground.planned, self.ground.today):
            wanted = placement.windows.get(key)
            if least is None or (wanted is not None and wanted.contains(least)):
                yield wanted
        yield least

    def _may_be(
        self,
        key: WindowKey,
        wanted: Range | None,
        now: Mapping[WindowKey, Range | None],
        items: Mapping[str, list[Item]],
    ) -> bool:
        if wanted is None:
            return True
        if not self._fits(key, wanted, now):
            return False
        space = self.ground.windows[key].space
        bus = self._bus[key.bridge]
        return not any(
            other_space == space
            and range_.overlaps(wanted)
            and name != key
            and frozenset({str(name), str(key)}) not in self.tolerated
            for other_space, range_, name in items.get(bus, self._fixed_items[bus])
        )


def placement_at(ground: Ground, places: Places, windows: Mapping[WindowKey, Range | None]) -> Placement:
    """The whole placement of a moment."""
    return Placement({**ground.today.bars, **places}, {**ground.today.windows, **windows})
