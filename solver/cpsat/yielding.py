"""Where bytes come before moves: groups take their places one after the other, each around those that stand by then.

What each group has at its best collides on the root bus. Those of which the
least moves come first, as they have the least choice; those behind yield to
them, and waste no more for it. Nothing is proved here: it is a plan that the
joint model has to beat, and one to fall back on where that takes too long.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

from solver.arrangement import Arrangement
from solver.cpsat.constraints import Walls
from solver.cpsat.group import Group, pinned
from solver.cpsat.limits import Limits
from solver.cpsat.model import PlacementModel
from solver.problem import overlap

_MOMENT = 1.0
"""Seconds in which one group has to find its place."""

_TRIES = 4
"""Orders that are tried: where a group finds no place, it comes first in the next one."""


class Yielding:
    """Asks one group after the other for its best arrangement around those before it.

    Parameters
    ----------
    model
        Makes the model of a group with nothing in its way but these ranges on the root bus.
    held, counted
        Objectives that each group keeps at its value, and those behind them that are minimised.
    """

    def __init__(
        self,
        groups: Sequence[Group],
        model: Callable[[Group, Walls], PlacementModel],
        held: tuple[str, ...],
        counted: tuple[str, ...],
        limits: Limits,
    ) -> None:
        self.groups, self.model, self.held, self.counted, self.limits = groups, model, held, counted, limits

    def run(self, chosen: Mapping[int, Arrangement]) -> dict[int, Arrangement] | None:
        """The arrangement of each group when no two collide any more; ``None`` where that fails.

        Parameters
        ----------
        chosen
            The best arrangement of each group by itself, by its ``id``.
        """
        order = sorted(self.groups, key=lambda group: [group.answer.values[name] for name in self.counted])
        for _ in range(_TRIES):
            placed = dict[int, Arrangement]()
            for group in order:
                found = self._placed(group, chosen[id(group)], placed)
                if found is None:
                    order = [group, *(other for other in order if other is not group)]
                    break
                placed[id(group)] = found
            else:
                return placed
            if self.limits.left <= 0:
                return None
        return None

    def _placed(self, group: Group, alone: Arrangement, placed: Mapping[int, Arrangement]) -> Arrangement | None:
        """The group as it is at its best alone if nothing is in its way, else around what is."""
        walls = self._walls(group, placed)
        if not any(overlap(span, wall) for space, span in group.spans(alone) for wall in walls[space]):
            return alone
        model, values = self.model(group, walls), group.answer.values
        for name in self.held:
            model.hold(name, values[name])
        proved = {name: group.answer.bounds.get(name) for name in self.counted}
        floors = {name: bound for name, bound in proved.items() if bound is not None}
        return model.minimize(self.counted, self.limits.moment(_MOMENT), floors, alone).arrangement

    def _walls(self, group: Group, placed: Mapping[int, Arrangement]) -> Walls:
        """What others take that have a place, and what the rest takes in any case."""
        walls: Walls = defaultdict(list)
        for other in self.groups:
            if other is not group:
                spans = other.spans(placed[id(other)]) if id(other) in placed else []
                for space, span in (*spans, *pinned(other)):
                    walls[space].append(span)
        return walls
