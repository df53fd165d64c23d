"""Windows on one bus that hold the same, all of it away from its address: which stands where makes no difference.

Where two windows can change places with everything in them, and no objective
tells the one plan from the other, one order is enough. That is so of what has
no address as yet, and of what leaves the address it has: it has moved wherever
it goes. What stays is not in order, so the rule holds only while a window holds
certain BARs and none of them stays. Where nothing that leaves its place is
counted, whoever stays may be exchanged as well.

To exchange siblings whole (:mod:`solver.cpsat.siblings`) is one thing more, and
both together never go round in a circle. First counts which siblings have a
place, and no exchange changes that. Then, of memory windows on one bus, numbered
in their order, the sum of number times start grows with each exchange of two,
and with each of siblings that go by what lies in it; only then count the
prefetchable ones. Siblings that go by anything else are not put in order.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator
from itertools import combinations
from typing import Any

from models.resources import FunctionAddress
from solver.cpsat.constraints import Constraints
from solver.cpsat.objectives import CHANGES
from solver.cpsat.quick_model import Literal
from solver.cpsat.variables import BarVars, Variables, WindowVars
from solver.problem import Problem

_CHOICES = 3
"""BARs behind a bridge that may lie in either of its windows, or in none, up to which each division has its rule."""


class Exchange:
    """Finds windows that can change places, and orders them.

    Only bridges behind which there is no other bridge are looked at.

    Parameters
    ----------
    counted
        The objectives that the model will be asked for.

    Attributes
    ----------
    bridges
        Those with a window that is in order wherever it holds the same as another one.
    """

    def __init__(
        self, problem: Problem, variables: Variables, constraints: Constraints, counted: Collection[str]
    ) -> None:
        self.variables, self.constraints = variables, constraints
        self.free = set(CHANGES).isdisjoint(counted)
        self.windows_count = "windows_changed" in counted
        self.behind: dict[int, list[BarVars]] = defaultdict(list)
        for bar in variables.bars:
            self.behind[bar.item.bus.number].append(bar)
        bridged = {bus.parent.number for bus in problem.buses if bus.parent is not None}
        self.windows = [
            window for window in variables.windows if window.item.inner.number not in bridged and self._is_plain(window)
        ]
        self.bridges: set[FunctionAddress] = {window.item.key.bridge for window in self.windows}

    def order(self) -> int:
        """Put windows that hold the same in order, and say how many pairs were."""
        alike: dict[Any, list[tuple[WindowVars, list[Literal]]]] = defaultdict(list)
        for window in self.windows:
            for held, unless in self._divisions(window):
                if sum(bar.item.span for bar in held) >= window.item.granularity:  # else it costs more than it spares
                    alike[self._shape(window, held)].append((window, unless))
        pairs = 0
        for members in alike.values():
            if len({window.item.key for window, _ in members}) > 1:
                pairs += self._in_order(members)
        return pairs

    def _in_order(self, members: list[tuple[WindowVars, list[Literal]]]) -> int:
        model = self.variables.model
        if self.free:  # the order of today is the one that a plan to begin with is in
            members = sorted(members, key=lambda member: (member[0].item.today is None, member[0].item.today or (0, 0)))
        conditions: list[tuple[WindowVars, Literal]] = []
        for window, unless in members:
            condition: Literal = True
            if unless:
                condition = model.new_bool_var("")
                model.add_bool_or([condition, *unless])
            conditions.append((window, condition))
        pairs = 0
        for (earlier, first), (later, second) in combinations(conditions, 2):
            if earlier is not later:
                literals = [literal for literal in (first, second) if literal is not True]
                model.add(earlier.end <= later.start).only_enforce_if(literals)
                pairs += 1
        return pairs

    def _divisions(self, window: WindowVars) -> Iterator[tuple[list[BarVars], list[Literal]]]:
        """What the window may hold, and the literals of which one holds unless it has just that, away from home."""
        always: list[BarVars] = []
        open_: list[tuple[BarVars, Literal]] = []
        for bar in self.behind[window.item.inner.number]:
            options = self.constraints.options[bar.item.key]
            here = [literal for literal, place in options if place is window]
            if here and len(options) == 1 and bar.present is True:
                always.append(bar)
            elif here:
                open_.append((bar, here[0]))
        if len(open_) > _CHOICES:
            return
        away = self._unless_as_today(window)
        for number in range(1 << len(open_)):
            chosen = [bool(number >> place & 1) for place in range(len(open_))]
            held = [*always, *(bar for (bar, _), inside in zip(open_, chosen, strict=True) if inside)]
            unless = [~literal if inside else literal for (_, literal), inside in zip(open_, chosen, strict=True)]
            if not self.free:
                unless += [bar.stays for bar in held if bar.stays is not None]
            yield held, [*unless, *away]

    def _unless_as_today(self, window: WindowVars) -> list[Literal]:
        """A literal that holds only where the window has today's range, if that is worth something."""
        item = window.item
        if not self.windows_count or item.today is None:
            return []
        same = self.variables.model.new_bool_var(f"{item.key} as today")
        start, end = self.variables.units(item.space, item.today)
        self.variables.model.add_if(same, window.start == start)
        self.variables.model.add_if(same, window.end == end)
        self.variables.model.add_if_also(same, window.open)
        return [same]

    def _shape(self, window: WindowVars, held: list[BarVars]) -> Any:
        """The same for windows that can change places while they hold this."""
        item = window.item
        outer = tuple(None if place is None else place.item.key for _, place in self.constraints.options[item.key])
        bars = sorted((bar.item.size, bar.item.span, tuple(bar.item.starts)) for bar in held)
        return item.bus.number, item.kind, item.granularity, tuple(item.places), outer, tuple(bars)

    def leaves_in_order(self, function: FunctionAddress, first: BarVars) -> bool:
        """Whether siblings may be in order as well, by the BAR that comes first in or behind this one of them."""
        if function not in self.bridges:
            return True
        places = [place for _, place in self.constraints.options[first.item.key]]
        behind = first.item.bus.bridge == function
        return behind and len(places) == 1 and places[0] is not None and places[0].item.kind == "mem"

    def _is_plain(self, window: WindowVars) -> bool:
        """Whether the window is one of memory that is bound to nothing but what it holds, and that moves with it."""
        item = window.item
        bound = item.stays or item.tolerated or item.homeless or item.exempt or item.most is not None
        if item.space != "mem" or bound or item.bus.subtractive or item.inner.subtractive:
            return False
        alone = all(bar.item.choice is None for bar in self.behind[item.inner.number])
        return alone and not any(item.inner.obstacles.values())
