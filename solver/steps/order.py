"""The order in which functions move, so that few are down at once.

A moment is a tuple with the place of every mover: where it was, where it will be, or a stop in free space. One group
leads from a legal moment to a legal moment and takes down exactly the functions whose place changes. First a greedy
walk is tried; where it needs more than one function down at once and few functions move, a search over moments looks
for the order with the smallest worst group, and among these for the fewest functions taken down.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field

from models.resources import Address, FunctionAddress, Range, Space, align_down, align_up
from models.topology import BarIndex, BarKey
from solver.steps.ground import Ground
from solver.steps.layout import Conflict, Layout, Places

SEARCHED = 7
"""So many movers are searched exactly; more are moved by the greedy walk."""
LOOKS = 3000
"""After so many moments that were looked at, the search gives up."""

STOPS = 500
"""After so many moments that were looked at, the greedy walk looks for no more stops."""
CHOICES = 64
"""So many combinations of stops are looked at for one function, or one group."""
ALONE = "something that works has to move, so there is no better order"

TODAY, PLANNED = "today", "planned"
Place = str | tuple[tuple[BarIndex, Address], ...]
"""``TODAY``, ``PLANNED``, or the addresses of a stop in free space."""
Moment = tuple[Place, ...]


@dataclass(frozen=True, slots=True)
class Order:
    """Moments from today to the plan.

    Attributes
    ----------
    exact
        No order is better, as far as ``limits`` says.
    """

    moments: tuple[Moment, ...]
    exact: bool
    limits: str


@dataclass(slots=True)
class Mover:
    """Finds orders."""

    ground: Ground
    layout: Layout
    gave_up: bool = False
    """A search did not look at every order."""
    _known: dict[Moment, Conflict | None] = field(default_factory=dict)
    _at: dict[tuple[int, Place], list[tuple[Space, Range]]] = field(default_factory=dict)

    def places(self, moment: Moment) -> dict[BarKey, Address | None]:
        """Where the movers' BARs are at a moment."""
        found: dict[BarKey, Address | None] = {}
        for address, place in zip(self.ground.movers, moment, strict=True):
            end = self.ground.planned if place == PLANNED else self.ground.today
            stop = dict(place) if isinstance(place, tuple) else {}
            for bar in self.ground.functions[address].bars:
                key = BarKey(address, bar.index)
                found[key] = stop.get(bar.index, end.bars.get(key))
        return found

    def conflict(self, moment: Moment) -> Conflict | None:
        """Who is in the way at this moment; ``None`` = it is legal."""
        if moment not in self._known:
            ends = set(moment) <= {TODAY} or set(moment) <= {PLANNED}
            self._known[moment] = None if ends else self.layout.conflict(self.places(moment))
        return self._known[moment]

    def order(self) -> Order:
        """The best order that is found."""
        movers = self.ground.movers
        if not movers:
            return Order((), True, "nothing that works has to move")
        walk = self._greedy()
        worst = _worst(walk)
        if worst == 1:
            return Order(walk, True, ALONE)
        if len(movers) > SEARCHED:
            limits = f"{len(movers)} functions move: the order is a greedy one, there may be a better one"
            return Order(walk, False, limits)
        for size in range(1, worst):
            for stops in (False, True):
                found = self._search(size, stops=stops)
                if found is not None:
                    return self._searched(found, size)
        better = self._search(worst, stops=False)
        return self._searched(better if better is not None else walk, worst)

    def _searched(self, way: tuple[Moment, ...], worst: int) -> Order:
        if worst == 1:
            return Order(way, True, ALONE)
        if self.gave_up:
            return Order(way, False, "not every order was looked at, there may be a better one")
        return Order(
            way,
            True,
            f"no order takes down fewer than {worst} at once, neither one that moves functions straight to their "
            "places nor one in which they stop at the edges of free space on the way",
        )

    # -- greedy -----------------------------------------------------------------------------------------------------

    def _greedy(self) -> tuple[Moment, ...]:
        """Move whatever can move alone; else stop somewhere in between; else move the smallest set that can."""
        count = len(self.ground.movers)
        index = {address: i for i, address in enumerate(self.ground.movers)}
        moment: Moment = (TODAY,) * count
        way = [moment]
        stopped: set[int] = set()
        waits: dict[int, frozenset[int]] = {}
        """Whom a mover waits for: one of these has to move first."""
        while pending := [i for i, place in enumerate(moment) if place != PLANNED]:
            for i in [i for i in pending if i not in waits]:
                if there := self._in_its_place(moment, i):
                    waits[i] = there
                    continue
                new = _with(moment, {i: PLANNED})
                conflict = self.conflict(new)
                if conflict is None:
                    changed = {i}
                    break
                waits[i] = frozenset(index[who] for who in conflict.movers) - {i}
            else:
                new = self._stop(moment, waits, stopped) or self._set(moment, pending)
                changed = {i for i in pending if new[i] != moment[i]}
            moment = new
            way.append(moment)
            waits = {i: others for i, others in waits.items() if i not in changed and others and not others & changed}
        return tuple(way)

    def _in_its_place(self, moment: Moment, i: int) -> frozenset[int]:
        """Movers whose BARs are now where those of ``i`` are to be: a quick look before the whole one."""
        wanted = self._ranges_at(i, PLANNED)
        return frozenset(
            j
            for j, place in enumerate(moment)
            if j != i
            and place != PLANNED
            and any(
                space == other and range_.overlaps(taken)
                for space, range_ in wanted
                for other, taken in self._ranges_at(j, place)
            )
            and self.ground.root[self.ground.movers[i]] is self.ground.root[self.ground.movers[j]]
        )

    def _ranges_at(self, i: int, place: Place) -> list[tuple[Space, Range]]:
        """The BARs of one mover at a place."""
        if (i, place) not in self._at:
            address = self.ground.movers[i]
            end = self.ground.planned if place == PLANNED else self.ground.today
            stop = dict(place) if isinstance(place, tuple) else {}
            self._at[i, place] = [
                (bar.space, Range.of(at, bar.span))
                for bar in self.ground.functions[address].bars
                if (at := stop.get(bar.index, end.bars.get(BarKey(address, bar.index)))) is not None
            ]
        return self._at[i, place]

    def _stop(self, moment: Moment, waits: dict[int, frozenset[int]], stopped: set[int]) -> Moment | None:
        """One function goes to free space if that lets another one move; each does so once."""
        for i in sorted({i for others in waits.values() for i in others} - stopped):
            if moment[i] == PLANNED or len(self._known) > STOPS:
                continue
            for stop in itertools.islice(self._stops(moment, i, (i,)), 8):
                there = _with(moment, {i: stop})
                if self.conflict(there) is not None:
                    continue
                if any(self.conflict(_with(there, {j: PLANNED})) is None for j, others in waits.items() if i in others):
                    stopped.add(i)
                    return there
        return None

    def _set(self, moment: Moment, pending: list[int]) -> Moment:
        """The smallest set found that moves together: each one with all that is in its way."""
        index = {address: i for i, address in enumerate(self.ground.movers)}
        best = set(pending)
        for i in pending:
            group = {i}
            while len(group) < len(best):
                conflict = self.conflict(_with(moment, dict.fromkeys(group, PLANNED)))
                if conflict is None:
                    best = group
                    break
                more = {index[who] for who in conflict.movers if who in index} & set(pending) - group
                if not more:
                    break
                group |= more
        return _with(moment, dict.fromkeys(best, PLANNED))

    # -- search -----------------------------------------------------------------------------------------------------

    def _search(self, size: int, *, stops: bool) -> tuple[Moment, ...] | None:
        """The way with at most ``size`` functions in one group that costs least (the sum of squares of the groups)."""
        count = len(self.ground.movers)
        start, end = (TODAY,) * count, (PLANNED,) * count
        costs: dict[Moment, int] = {start: 0}
        came: dict[Moment, Moment] = {}
        number = itertools.count()
        queue: list[tuple[int, int, Moment]] = [(0, next(number), start)]
        done: set[Moment] = set()
        looks = len(self._known) + LOOKS
        while queue:
            if len(self._known) > looks:
                self.gave_up = True
                return None
            cost, _, moment = heapq.heappop(queue)
            if moment in done:
                continue
            done.add(moment)
            if moment == end:
                way = [moment]
                while moment != start:
                    moment = came[moment]
                    way.append(moment)
                return tuple(reversed(way))
            for new, changed in self._onward(moment, size, stops=stops):
                total = cost + changed * changed
                if total < costs.get(new, total + 1) and self.conflict(new) is None:
                    costs[new], came[new] = total, moment
                    heapq.heappush(queue, (total, next(number), new))
        return None

    def _onward(self, moment: Moment, size: int, *, stops: bool) -> Iterator[tuple[Moment, int]]:
        pending = [i for i, place in enumerate(moment) if place != PLANNED]
        for many in range(1, min(size, len(pending)) + 1):
            for group in itertools.combinations(pending, many):
                yield _with(moment, dict.fromkeys(group, PLANNED)), many
        if stops:
            everyone = range(len(moment))
            for many in range(1, size + 1):
                for group in itertools.combinations(everyone, many):
                    choices = [[PLANNED, *self._stops(moment, i, group)] for i in group]
                    for choice in itertools.islice(itertools.product(*choices), CHOICES):
                        if all(place != moment[i] for i, place in zip(group, choice, strict=True)):
                            yield _with(moment, dict(zip(group, choice, strict=True))), many

    # -- stops in free space ----------------------------------------------------------------------------------------

    def _stops(self, moment: Moment, i: int, group: tuple[int, ...]) -> Iterator[Place]:
        """Free places for the moving BARs of one function: first those that nobody wants later, then any.

        What the functions of ``group`` take now counts as free: they move at the same time.
        """
        address = self.ground.movers[i]
        bars = [
            (bar.index, BarKey(address, bar.index))
            for bar in self.ground.functions[address].bars
            if self.ground.today.bars.get(key := BarKey(address, bar.index)) is not None
            and self.ground.planned.bars.get(key) != self.ground.today.bars.get(key)
        ]
        if not bars:
            return
        places = self.places(moment)
        leaving = frozenset(self.ground.movers[j] for j in group)
        ends = {
            tuple((index, end.bars.get(key)) for index, key in bars): name
            for name, end in ((TODAY, self.ground.today), (PLANNED, self.ground.planned))
        }
        seen: set[Place] = {moment[i], PLANNED}
        for wanted in (True, False):
            choices = [
                [(index, at) for at in self._free(key, places, leaving, wanted=wanted)] + [(index, places[key])]
                for index, key in bars
            ]
            for choice in itertools.islice(itertools.product(*choices), CHOICES):
                stop: Place = ends.get(choice) or tuple((index, at) for index, at in choice if at is not None)
                if stop not in seen:
                    seen.add(stop)
                    yield stop

    def _free(self, key: BarKey, places: Places, leaving: frozenset[FunctionAddress], *, wanted: bool) -> list[Address]:
        """First and last fitting address of every gap between BARs (with ``wanted`` also those of the plan)."""
        ground, bar = self.ground, self.ground.bars[key]
        taken = [
            range_
            for placement in ([places, ground.planned.bars] if wanted else [places])
            for range_ in self._ranges(bar.space, placement, leaving)
        ]
        taken.sort(key=lambda range_: range_.start)
        found: list[Address] = []
        for window in ground.root[key.function].windows:
            if window.space != bar.space or (window.prefetchable and not bar.prefetchable):
                continue
            position = window.range.start
            for range_ in [*taken, Range(window.range.end, window.range.end + 1)]:
                first = align_up(position - window.offset, bar.size) + window.offset
                last = align_down(min(range_.start, window.range.end) - bar.span - window.offset, bar.size)
                last += window.offset
                if first <= last and first >= position:
                    found += [first, last] if last > first else [first]
                position = max(position, range_.end)
        here = places.get(key) or 0
        return sorted(found, key=lambda at: abs(at - here))[:10]

    def _ranges(self, space: Space, places: Places, leaving: frozenset[FunctionAddress]) -> Iterator[Range]:
        """What is taken by BARs that stay, by movers at ``places`` and by reserved ranges."""
        ground = self.ground
        for key, bar in ground.bars.items():
            at = places.get(key, ground.today.bars.get(key))
            if bar.space == space and at is not None and key.function not in leaving:
                yield Range.of(at, bar.span)
        for entry in ground.topology.reserved:
            if entry.space == space:
                yield entry.range


def changed_movers(movers: tuple[FunctionAddress, ...], one: Moment, other: Moment) -> list[FunctionAddress]:
    """The movers whose place differs between two moments."""
    return [address for address, here, there in zip(movers, one, other, strict=True) if here != there]


def _with(moment: Moment, new: dict[int, str] | dict[int, Place]) -> Moment:
    return tuple(new.get(i, place) for i, place in enumerate(moment))


def _worst(way: tuple[Moment, ...]) -> int:
    return max(sum(a != b for a, b in zip(one, two, strict=True)) for one, two in itertools.pairwise(way))
