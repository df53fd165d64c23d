"""How prefetchable BARs are divided between a bridge's two memory windows so that the windows are shortest.

A prefetchable BAR may stand in the prefetchable window or in the memory window,
and so may a prefetchable window in those of the bridge above. Every division
is a leaf of a tree of choices; a branch is worth at least what its decided
contents need (:mod:`solver.shapes`), so searching the best branch first ends
with the shortest windows, or, given up, with a lower bound. A branch whose
windows are longer than the room there is for them is none.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from models.resources import Size, Space
from solver.packing import Layout
from solver.problem import BarItem, BusNode, WindowItem, accepts
from solver.shapes import Shape, Shapes

_NODES = 4000
"""Branches looked at before the search gives up."""

_OPEN = -1

_TOO_LONG = (1 << 62, 0)

Cost: TypeAlias = tuple[int, int]
"""Units of all windows, and of those that share a room, if that counts."""

_OFFERS = 6
"""Starts offered for each window."""


@dataclass(frozen=True, slots=True)
class Division:
    """The shortest windows of one bridge in one address space.

    Attributes
    ----------
    bound
        Bytes that its windows have at least, together; ``None`` where they are longer than there is room, whatever the
        division.
    layouts
        Windows of that length, each at a few starts; ``None`` where none was found.
    """

    bound: Size | None
    layouts: dict[WindowItem, list[Layout]] | None


@dataclass(frozen=True, slots=True)
class Share:
    """What some windows may take together of a room.

    Attributes
    ----------
    windows
        Of those of the bridge, the windows that stand in that room and nowhere else.
    most
        Bytes they may take.
    """

    windows: frozenset[WindowItem]
    most: Size


class Divider:
    """Divides the contents of one bridge on the root bus.

    Parameters
    ----------
    bus
        The bus behind the bridge.
    bars_on, bridges_on
        BARs that get a place and buses behind bridges, by the number of the bus they stand on.
    floor
        Bytes that the windows have at least beyond what the BARs take, known from elsewhere.
    """

    def __init__(
        self,
        bus: BusNode,
        space: Space,
        bars_on: dict[int, list[BarItem]],
        bridges_on: dict[int, list[BusNode]],
        shapes: Shapes,
        floor: Size = 0,
    ) -> None:
        self.bus, self.space, self.shapes = bus, space, shapes
        self.bars_on, self.bridges_on = bars_on, bridges_on
        self.choices: list[list[WindowItem]] = []
        self.items: list[BarItem | WindowItem] = []
        self.number: dict[object, int] = {}
        self.subtree: dict[int, tuple[int, int]] = {}
        self.known: dict[tuple[int, tuple[int, ...]], dict[WindowItem, Shape] | None] = {}
        self.bars_of: dict[int, list[BarItem]] = {}
        self.classes: dict[tuple[int, tuple[int, ...]], int] = {}
        self.names: dict[object, int] = {}
        self.possible = True
        self.share: Share | None = None
        self.rooms = {
            window: max((high - low for low, high in window.places), default=0) // shapes.unit for window in bus.windows
        }
        self.volume = 0
        self._list_choices(bus)
        self.volume += floor
        self.order = self._ordered()

    def _list_choices(self, bus: BusNode) -> None:
        """Everything on and behind a bus with the windows it may stand in."""
        first = len(self.choices)
        for inner in self.bridges_on.get(bus.number, []):
            self._list_choices(inner)
            for window in inner.windows:
                self._choose(bus, window, prefetchable=window.kind == "pref")
        self.bars_of[bus.number] = [bar for bar in self.bars_on.get(bus.number, []) if bar.space == self.space]
        for bar in self.bars_of[bus.number]:
            self.volume += bar.span
            self._choose(bus, bar, prefetchable=bar.prefetchable)
        self.subtree[bus.number] = first, len(self.choices)

    def _choose(self, bus: BusNode, item: BarItem | WindowItem, *, prefetchable: bool) -> None:
        if item.space != self.space:
            return
        windows = [window for window in bus.windows if accepts(window.kind, item.space, prefetchable)]
        if not windows and isinstance(item, BarItem):
            self.possible = False
        self.number[item.key] = len(self.choices)
        self.items.append(item)
        self.choices.append(sorted(windows, key=lambda window: window.kind != "pref"))

    def _ordered(self) -> list[int]:
        """Where there is a choice: the largest BAR first, each followed by the windows around it."""
        order: dict[int, None] = {}
        bars = [item for item in self.items if isinstance(item, BarItem)]
        for bar in sorted(bars, key=lambda bar: -bar.span):
            keys: list[object] = [bar.key]
            bus = bar.bus
            while bus is not self.bus and bus.parent is not None:
                keys += [window.key for window in bus.windows if window.space == self.space]
                bus = bus.parent
            for key in keys:
                if len(self.choices[self.number[key]]) > 1:
                    order.setdefault(self.number[key])
        return list(order)

    def divide(
        self, known: Size | None = None, late: Callable[[], bool] = lambda: False, share: Share | None = None
    ) -> Division | None:
        """Climb to a good division, then search the best branch first until none is better.

        ``None`` where something has no window or the tables would be too large.

        Parameters
        ----------
        known
            Bytes of windows in which all is known to fit: nothing is searched if they cannot be fewer.
        late
            Says when to give up.
        share
            What some windows may take of a room: of the shortest windows, those that take least of it are found.
        """
        self.share = share
        open_ = (_OPEN,) * len(self.choices)
        first = self._least(open_) if self.possible else None
        if first is None:
            return None
        if first >= _TOO_LONG or (known is not None and first[0] * self.shapes.unit >= known):
            return Division(self._bytes(first), None)
        best = self._climb(first)
        if best is None:
            return None
        value, division = best
        branches: list[tuple[Cost, int, tuple[int, ...]]] = [(first, 0, open_)]
        seen = set()
        for _ in range(_NODES):
            if late():
                break
            if not branches or branches[0][0] >= value:
                return self._division(value, division)
            least, depth, decided = heapq.heappop(branches)
            if known is not None and least[0] * self.shapes.unit >= known:
                return Division(self._bytes(least), None)
            number = next((number for number in self.order if self._matters(number, decided)), None)
            if number is None:
                return self._division(least, decided)
            for choice in range(len(self.choices[number])):
                branch = (*decided[:number], choice, *decided[number + 1 :])
                least_of_branch = self._least(branch)
                if least_of_branch is None:
                    return None
                alike = self._alike(self.bus, branch)
                if alike not in seen and least_of_branch < value:
                    seen.add(alike)
                    heapq.heappush(branches, (least_of_branch, depth - 1, branch))
        return self._division(min([value, *(least for least, _, _ in branches[:1])]), division)

    def by_size(self, limit: Size) -> dict[WindowItem, list[Layout]] | None:
        """The shortest windows with BARs of at most ``limit`` bytes in the memory window, all others in the other one.

        ``None`` where something has no window or the tables would be too large.
        """
        decided = self._by_size(limit)
        known = self.possible and self._windows(self.bus, decided) is not None
        return self._layouts(decided) if known else None

    def length(self, windows: Iterable[WindowItem]) -> Size:
        """Bytes that some of the windows have at least together, whatever the division; 0 where nothing is known."""
        shapes = self._windows(self.bus, (_OPEN,) * len(self.choices)) if self.possible else None
        found = [shapes[window] for window in windows if window in shapes] if shapes is not None else []
        return sum(shape.table.least for shape in found) * self.shapes.unit

    def _bytes(self, cost: Cost) -> Size | None:
        return None if cost >= _TOO_LONG else cost[0] * self.shapes.unit

    def _division(self, bound: Cost, decided: tuple[int, ...]) -> Division:
        fits = self._least(decided) != _TOO_LONG
        return Division(self._bytes(bound), self._layouts(decided) if fits else None)

    def _climb(self, least: Cost) -> tuple[Cost, tuple[int, ...]] | None:
        """A good division: by size, then one choice changed after the other while that helps."""
        bars = [item for item in (self.items[number] for number in self.order) if isinstance(item, BarItem)]
        sizes = sorted({bar.span for bar in bars})
        best: tuple[Cost, tuple[int, ...]] | None = None
        for limit in [0, *sizes]:
            best = self._better(best, self._by_size(limit))
            if best is None or best[0] <= least:
                return best
        improved = True
        while improved and best is not None:
            before = best[0]
            for number in self.order:
                for choice in range(len(self.choices[number])):
                    if choice != best[1][number]:
                        best = self._better(best, (*best[1][:number], choice, *best[1][number + 1 :])) or best
                        if best[0] <= least:
                            return best
            improved = best[0] < before
        return best

    def _better(
        self, best: tuple[Cost, tuple[int, ...]] | None, decided: tuple[int, ...]
    ) -> tuple[Cost, tuple[int, ...]] | None:
        value = self._least(decided)
        return best if value is None or (best is not None and best[0] <= value) else (value, decided)

    def _by_size(self, limit: Size) -> tuple[int, ...]:
        """BARs of at most ``limit`` bytes in the memory window, all others in the prefetchable one."""
        decided = [0] * len(self.choices)
        for number, item in enumerate(self.items):
            if isinstance(item, BarItem) and len(self.choices[number]) > 1 and item.span <= limit:
                decided[number] = 1
        return tuple(decided)

    def _alike(self, bus: BusNode, decided: Sequence[int]) -> int:
        """The same number for branches that differ only in which of several equal devices is which."""
        first, last = self.subtree[bus.number]
        key = (bus.number, tuple(decided[first:last]))
        if key not in self.classes:
            windows = self._windows(bus, decided) or {}
            mine = tuple((window.kind, shape.table.number) for window, shape in windows.items())
            inner = tuple(sorted(self._alike(each, decided) for each in self.bridges_on.get(bus.number, [])))
            waiting = tuple(
                sorted(bar.span for bar in self.bars_of[bus.number] if decided[self.number[bar.key]] == _OPEN)
            )
            self.classes[key] = self.names.setdefault((mine, inner, waiting), len(self.names))
        return self.classes[key]

    def _matters(self, number: int, decided: tuple[int, ...]) -> bool:
        """Whether this choice is open and holds anything."""
        item = self.items[number]
        if decided[number] != _OPEN or isinstance(item, BarItem):
            return decided[number] == _OPEN
        return item in (self._windows(item.inner, decided) or {})

    def _least(self, decided: tuple[int, ...]) -> Cost | None:
        """Units that the windows need at least: for what is decided, and for the bytes of all."""
        windows = self._windows(self.bus, decided)
        if windows is None:
            return None
        if any(shape.table.least > self.rooms[window] for window, shape in windows.items()):
            return _TOO_LONG
        shared = 0
        if self.share is not None:
            shared = sum(windows[window].table.least for window in self.share.windows if window in windows)
            if shared * self.shapes.unit > self.share.most:
                return _TOO_LONG
        return max(sum(shape.table.least for shape in windows.values()), -(-self.volume // self.shapes.unit)), shared

    def _windows(self, bus: BusNode, decided: Sequence[int]) -> dict[WindowItem, Shape] | None:
        first, last = self.subtree[bus.number]
        mine = tuple(decided[first:last])
        key = (bus.number, mine)
        if key not in self.known:
            self.known[key] = self._made(bus, decided)
        return self.known[key]

    def _made(self, bus: BusNode, decided: Sequence[int]) -> dict[WindowItem, Shape] | None:
        bars: dict[WindowItem, list[BarItem]] = defaultdict(list)
        inside: dict[WindowItem, list[tuple[WindowItem, Shape]]] = defaultdict(list)
        for inner in self.bridges_on.get(bus.number, []):
            shapes = self._windows(inner, decided)
            if shapes is None:
                return None
            for window, shape in shapes.items():
                outer = self._chosen(window, decided)
                if outer is not None:
                    inside[outer].append((window, shape))
        for bar in self.bars_of[bus.number]:
            outer = self._chosen(bar, decided)
            if outer is not None:
                bars[outer].append(bar)
        made: dict[WindowItem, Shape] = {}
        for window in bus.windows:
            if bars[window] or inside[window]:
                found = self.shapes.shape(bars[window], inside[window])
                if found is None:
                    return None
                made[window] = found
        return made

    def _chosen(self, item: BarItem | WindowItem, decided: Sequence[int]) -> WindowItem | None:
        """The window an item stands in: the only one there is, the chosen one, or none as yet."""
        number = self.number[item.key]
        options = self.choices[number]
        if len(options) < 2:
            return options[0] if options else None
        return None if decided[number] == _OPEN else options[decided[number]]

    def _layouts(self, decided: tuple[int, ...]) -> dict[WindowItem, list[Layout]] | None:
        windows = self._windows(self.bus, decided)
        assert windows is not None
        result: dict[WindowItem, list[Layout]] = {}
        for window, shape in windows.items():
            table = shape.table
            starts = [int(start) for start in table.ends[0][table.lengths == table.least]]
            step = -(-len(starts) // _OFFERS)
            laid = [self.shapes.layout(shape, window, start) for start in starts[::step]]
            if any(layout is None for layout in laid):
                return None
            result[window] = [layout for layout in laid if layout is not None]
        return result
