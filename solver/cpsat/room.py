"""The room that groups compete for, below 4 GiB: what a group is worth with how much of it, and how to share it best.

Memory windows reach no further than 4 GiB, and a group by itself may take room
there that all need. What stands there on the root bus is no longer than the
root windows are, so in any plan the groups divide that room, and none is worth
more than by itself with no more than its part. The best division over these
optima is a lower bound on every plan; where the arrangements that reach it can
be put beside each other, it is the optimum. Where exact lengths of windows
(:mod:`solver.cpsat.front`) tell what a group is worth with its part, no solver
is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from models.resources import Size
from solver.arrangement import Arrangement
from solver.cpsat.capacity import covered
from solver.cpsat.front import Front, Least
from solver.cpsat.group import Group, pinned
from solver.cpsat.limits import Limits
from solver.cpsat.model import Answer, PlacementModel
from solver.cpsat.worth import worth
from solver.problem import BarItem, BusNode, Problem, Span, WindowItem

_PARTS = 8
"""How many sizes of its part one group is solved for at most."""

_EXACT_PARTS = 64
"""The same where no solver is asked."""

_DRAWING = 2.0
"""Seconds for drawing in what one group takes."""

Worth = tuple[int, ...]
"""Values of the objectives, or bounds of them, in their order."""


@dataclass(frozen=True, slots=True)
class Part:
    """What a group is worth with some of the room.

    Attributes
    ----------
    least
        Bytes of the room from which on nothing better is possible than ``bounds``, up to the next larger part.
    taken
        Bytes that ``arrangement`` takes.
    values, bounds
        What the arrangement is worth, and what none undercuts.
    """

    least: Size
    taken: Size
    values: Worth
    bounds: Worth
    arrangement: Arrangement


class Room:
    """Shares the room below 4 GiB.

    Parameters
    ----------
    groups
        Groups that can stand elsewhere, each with an arrangement in which nothing is left out.
    others
        Groups that keep, of that room, what they can be nowhere else.
    minimize
        Objectives in lexicographic order.
    model
        Makes the model of a group with nothing in its way but what cannot move.
    front
        Tells what a group wastes at least with how much of the room, if that is known without a solver.
    """

    def __init__(
        self,
        problem: Problem,
        groups: Sequence[Group],
        others: Sequence[Group],
        minimize: tuple[str, ...],
        model: Callable[[Group], PlacementModel],
        front: Callable[[Group, Sequence[BarItem | WindowItem]], Front | None],
    ) -> None:
        self.groups, self.minimize, self.model, self.front = groups, minimize, model, front
        self.fronts: dict[int, Front | None] = {}
        places = {tuple(window.places) for group in groups for window in _outer_windows(group)}
        self.places: list[Span] = list(next(iter(places))) if len(places) == 1 else []
        self.step = max((window.granularity for group in groups for window in _outer_windows(group)), default=1)
        taken = [*problem.buses[0].obstacles["mem"], *problem.kept_clear("mem")]
        settled = [group for group in others if not any(window.tolerated for window in group.windows)]
        taken += [span for group in settled for space, span in pinned(group) if space == "mem"]
        self.settled = taken
        self.size = self.beside(())

    def beside(self, spans: Iterable[Span]) -> Size:
        """Bytes of the room that are left beside these ranges and what others can be nowhere else."""
        return sum(end - start for start, end in self.places) - covered(self.places, [*self.settled, *spans])

    def is_short(self, size: Size) -> bool:
        """Whether the groups, as they are, take more of the room than so many bytes."""
        if not self.places:
            return False
        return size < sum(self._taken(group, group.answer.arrangement or group.now) for group in self.groups)

    def share(self, limits: Limits, size: Size) -> tuple[Worth, list[list[Part]]] | None:
        """A lower bound on what the groups are worth together, and parts for them, the best first.

        ``None`` where they do not fit, or where that was not known in time.

        Parameters
        ----------
        size
            Bytes that the parts may take together; the bound holds for all of the room.
        """
        kinds: dict[Any, Group] = {}
        alike = [kinds.setdefault(_kind(group), group) for group in self.groups]
        smallest: dict[int, Part] = {}
        for number, group in enumerate(kinds.values()):
            self.fronts[id(group)] = self.front(group, self._items(group))
            part = self._smallest(group, limits.share(0.3 / (len(kinds) - number)))
            if part is None:
                return None
            smallest[id(group)] = part
        spare = self.size - sum(smallest[id(group)].least for group in alike)
        curves: dict[int, list[Part]] = {}
        for number, group in enumerate(kinds.values()):
            mine = limits.share(1 / (len(kinds) - number))
            curves[id(group)] = self._curve(group, smallest[id(group)], spare, mine)
        bound = self._best([[(part.least, part.bounds) for part in curves[id(group)]] for group in alike], self.size)
        if bound is None:
            return None
        shares: list[list[Part]] = []
        for _ in range(_PARTS):  # less than all of it where what is left lies in pieces
            found = self._best([[(part.taken, part.values) for part in curves[id(group)]] for group in alike], size)
            if found is None:
                break
            chosen = [curves[id(group)][number] for group, number in zip(alike, found[1], strict=True)]
            shares.append(
                [_carried(part, one, group) for part, one, group in zip(chosen, alike, self.groups, strict=True)]
            )
            size = sum(part.taken for part in chosen) - self.step
        return bound[0], shares

    # -- one group --------------------------------------------------------------------------------------------------

    def _smallest(self, group: Group, limits: Limits) -> Part | None:
        """The group with as little of the room as it can do with."""
        front = self.fronts[id(group)]
        exact = None if front is None else front.within(front.least)
        if front is not None and exact is not None and exact.arrangement is not None:
            taken = self._taken(group, exact.arrangement)
            if taken == front.least:
                return Part(taken, taken, self._worth(group, exact.arrangement), self._floor(), exact.arrangement)
        model = self.model(group)
        found = model.least_room(self._items(group), {}, limits, group.answer.arrangement)
        if found is None:
            return None
        arrangement, least = found
        return Part(least, self._taken(group, arrangement), self._worth(group, arrangement), self._floor(), arrangement)

    def _curve(self, group: Group, smallest: Part, spare: Size, limits: Limits) -> list[Part]:
        """The group's optimum for less and less of the room, the largest part first."""
        parts: list[Part] = []
        most, least = smallest.least + spare, smallest.least
        bounds = self._bounds(group.answer)
        front = self.fronts[id(group)]
        solved = 0
        while most >= least and len(parts) < _EXACT_PARTS and limits.left > 0:
            exact = None if front is None else front.within(most)
            if exact is not None and exact.waste is None:
                return parts
            bounds = max(bounds, self._raised(group, exact))
            known = [smallest.arrangement, *([exact.arrangement] if exact is not None else [])]
            fitting = [each for each in known if each is not None and self._taken(group, each) <= most]
            arrangement = min(reversed(fitting), key=lambda each: self._worth(group, each), default=None)
            if arrangement is None or self._worth(group, arrangement) != bounds:
                found = None
                if solved < _PARTS:
                    found = self._solved(group, most, arrangement, bounds, limits.share(0.7))
                if found is None:
                    break
                arrangement, bounds = found
                solved += 1
            taken = self._taken(group, arrangement)
            parts.append(Part(taken, taken, self._worth(group, arrangement), bounds, arrangement))
            most = taken - 1
        if most >= least:
            parts.append(Part(least, smallest.taken, smallest.values, bounds, smallest.arrangement))
        return parts

    def _raised(self, group: Group, exact: Least | None) -> Worth:
        """What the group is worth at least, by itself and by the exact lengths of its windows."""
        own = self._bounds(group.answer)
        if exact is None or exact.waste is None:
            return own
        number = self.minimize.index("wasted_bytes")
        if exact.waste <= own[number]:
            return own
        return *own[:number], exact.waste, *self._floor()[number + 1 :]

    def _solved(
        self, group: Group, most: Size, known: Arrangement | None, bounds: Worth, limits: Limits
    ) -> tuple[Arrangement, Worth] | None:
        """The group with no more than ``most`` bytes, as good as can be and then as small as is found in a moment."""
        own = group.answer
        assert own.arrangement is not None
        answer = own
        if not own.is_settled(self.minimize) or self._taken(group, own.arrangement) > most:
            model = self.model(group)
            model.limit_room(self._items(group), most)
            start = None
            if known is not None:
                start = Answer(known, dict(zip(self.minimize, self._worth(group, known), strict=True)), {})
            floors = dict(zip(self.minimize, bounds, strict=True))
            answer = model.minimize(self.minimize, limits, floors, own.arrangement, start)
            if answer.arrangement is None:
                return None
        drawn = self.model(group).least_room(
            self._items(group), answer.values, limits.share(0.1).moment(_DRAWING), answer.arrangement
        )
        arrangement = answer.arrangement if drawn is None else drawn[0]
        assert arrangement is not None
        return arrangement, self._bounds(answer)

    def _bounds(self, answer: Answer) -> Worth:
        return tuple(answer.bounds.get(name) or 0 for name in self.minimize)

    def _floor(self) -> Worth:
        return (0,) * len(self.minimize)

    def _worth(self, group: Group, arrangement: Arrangement) -> Worth:
        values = worth(group.bars, group.windows, arrangement)
        return tuple(values[name] for name in self.minimize)

    def _items(self, group: Group) -> list[BarItem | WindowItem]:
        """What of the group stands on the root bus and nowhere but in that room."""
        outer: list[BarItem | WindowItem] = [
            *(window for window in group.windows if window.bus.parent is None),
            *(bar for bar in group.bars if bar.bus.parent is None and bar.movable),
        ]
        return [item for item in outer if item.space == "mem" and set(item.places) <= set(self.places)]

    def _taken(self, group: Group, arrangement: Arrangement) -> Size:
        taken = 0
        for item in self._items(group):
            if isinstance(item, BarItem):
                taken += item.span if arrangement.bars.get(item.key) is not None else 0
            else:
                span = arrangement.windows.get(item.key)
                taken += span[1] - span[0] if span is not None else 0
        return taken

    # -- all groups -------------------------------------------------------------------------------------------------

    def _best(self, offers: Sequence[Sequence[tuple[Size, Worth]]], size: Size) -> tuple[Worth, list[int]] | None:
        """One offer for each group, the best of all that take no more than ``size``: its worth and the choices."""
        states: dict[Size, tuple[Worth, list[int]]] = {0: (self._floor(), [])}
        for group in offers:
            larger: dict[Size, tuple[Worth, list[int]]] = {}
            for taken, (value, choices) in states.items():
                for number, (more, added) in enumerate(group):
                    total = tuple(one + other for one, other in zip(value, added, strict=True))
                    known = larger.get(taken + more)
                    if taken + more <= size and (known is None or total < known[0]):
                        larger[taken + more] = total, [*choices, number]
            states = {}
            for taken in sorted(larger):  # more room is only worth it for something better
                if not states or larger[taken][0] < min(value for value, _ in states.values()):
                    states[taken] = larger[taken]
        return min(states.values(), key=lambda state: state[0], default=None)


def _outer_windows(group: Group) -> Iterator[WindowItem]:
    return (window for window in group.windows if window.bus.parent is None and window.kind == "mem")


def _kind(group: Group) -> Any:
    """The same for groups of which each is, item by item, as good as the other."""
    numbers: dict[int, int] = {}

    def number(bus: BusNode | None) -> tuple[int, bool, bool] | None:
        if bus is None:
            return None
        if any(bus.obstacles.values()) and bus.parent is not None:
            return id(bus), False, False
        return numbers.setdefault(bus.number, len(numbers)), bus.subtractive, bus.isa

    def plain(item: BarItem | WindowItem) -> tuple[Any, ...]:
        parent = None if item.bus.parent is None else number(item.bus.parent)
        return item.space, tuple(item.places), number(item.bus), parent, item.today, item.low

    bars = tuple(
        (
            *plain(bar),
            (bar.size, bar.span, bar.prefetchable, bar.required, bar.kept, bar.movable, bar.stand_in),
            (tuple(bar.starts), bar.cost, bar.largest, bar.halvings, bar.halvings_without),
        )
        for bar in group.bars
    )
    windows = tuple(
        (*plain(window), window.kind, window.granularity, number(window.inner), window.wide, window.most)
        for window in group.windows
        if not window.exempt
    )
    if len(windows) < len(group.windows):
        return id(group)
    return bars, windows


def _carried(part: Part, one: Group, other: Group) -> Part:
    """A part of a group for another one of the same kind."""
    if one is other:
        return part
    arrangement = Arrangement(
        {mine.key: part.arrangement.bars.get(its.key) for its, mine in zip(one.bars, other.bars, strict=True)},
        {mine.key: part.arrangement.windows.get(its.key) for its, mine in zip(one.windows, other.windows, strict=True)},
    )
    return Part(part.least, part.taken, part.values, part.bounds, arrangement)
