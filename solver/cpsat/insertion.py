"""A plan for large machines: let new BARs in one function of the root bus at a time, beside what stands.

Each step is a small model of one group, then of a group and a few of its
neighbours, around everything else as it is. Nothing is proved here; what is
found is a plan to fall back on. Where the solver finds one by itself within a
second, that is quicker; but where there are few seconds it comes first, as the
solver has no plan before it has the best.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from solver.arrangement import Arrangement
from solver.cpsat.constraints import Walls
from solver.cpsat.group import Group, neighbours, part_of, pinned
from solver.cpsat.limits import Limits
from solver.cpsat.model import Answer, PlacementModel
from solver.cpsat.worth import worth
from solver.problem import Problem

LARGE = 150
"""BARs of a root bus from which on a plan is looked for so."""

_WIDTHS = (0, 1, 2, 4, 6)
"""How many neighbours may move beside a group, one round after the other."""

_PART = 0.15
"""Part of the time left that one step may take."""


class Insertion:
    """Improves a legal arrangement of all groups.

    Parameters
    ----------
    minimize
        Objectives in lexicographic order, the first of which counts BARs without an address.
    chosen
        The arrangement of each group, by its ``id``; no two collide.
    without
        Levers that are switched off (:data:`solver.levers.LEVERS`).
    fewest
        BARs without an address that no plan undercuts.
    """

    def __init__(
        self,
        problem: Problem,
        groups: Sequence[Group],
        minimize: tuple[str, ...],
        limits: Limits,
        chosen: dict[int, Arrangement],
        without: frozenset[str] = frozenset(),
        fewest: int = 0,
    ) -> None:
        self.problem, self.groups, self.minimize, self.limits = problem, groups, minimize[:2], limits
        self.chosen, self.without, self.fewest = chosen, without, fewest

    def run(self) -> dict[int, Arrangement]:
        """The arrangement of each group when everything has a place that can have one, or time is up."""
        lacking = {id(group): self._values(group)[0] for group in self.groups}
        for width in _WIDTHS:
            for group in self.groups:
                if self.limits.left <= 0 or sum(lacking.values()) <= self.fewest:
                    return self.chosen
                if lacking[id(group)]:
                    party = [group, *neighbours(group, self.groups, self.chosen)[:width]]
                    self._improve(party)
                    lacking |= {id(each): self._values(each)[0] for each in party}
        return self.chosen

    def _values(self, group: Group) -> list[int]:
        values = worth(group.bars, group.windows, self.chosen[id(group)])
        return [values[name] for name in self.minimize]

    def _improve(self, party: list[Group]) -> None:
        """Place these groups anew around all others, if that is better."""
        bars = [bar for group in party for bar in group.bars]
        windows = [window for group in party for window in group.windows]
        now = Arrangement.of(self.chosen[id(group)] for group in party)
        values = worth(bars, windows, now)
        start = Answer(now, {name: values[name] for name in self.minimize}, {})
        before = list(start.values.values())
        walls = self._walls(party)
        model = PlacementModel(
            self.problem, bars, windows, walls, require_all=False, without=self.without, counted=self.minimize
        )
        limits = self.limits.share(_PART)
        found = model.minimize(self.minimize, limits, {}, now, start)
        if found.arrangement is not None and list(found.values.values()) < before:
            for group in party:
                self.chosen[id(group)] = part_of(found.arrangement, group)

    def _walls(self, party: list[Group]) -> Walls:
        walls: Walls = defaultdict(list)
        for group in self.groups:
            if group not in party:
                for space, span in (*group.spans(self.chosen[id(group)]), *pinned(group)):
                    walls[space].append(span)
        return walls
