"""Part windows that collide around immovable BARs; what holds none can stand elsewhere, and is let shift afterwards."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

from models.resources import Space
from solver.arrangement import Arrangement
from solver.cpsat.assembly import held
from solver.cpsat.constraints import Walls
from solver.cpsat.group import Group, overlapping
from solver.cpsat.limits import Limits
from solver.cpsat.model import PlacementModel
from solver.problem import Span

_MOMENT = 1.0
"""Seconds in which another arrangement of one group has to be found."""


class Parting:
    """Asks one group after the other for another arrangement of the same value.

    Parameters
    ----------
    model
        Makes the model of a group with nothing in its way but these ranges on the root bus.
    values
        What each group may be worth at most, by its ``id``.

    Attributes
    ----------
    stuck
        Two groups that collide, of which neither has, in time, another arrangement around the windows of the others.
    """

    def __init__(
        self,
        groups: Sequence[Group],
        model: Callable[[Group, Walls], PlacementModel],
        values: Mapping[int, Mapping[str, int]],
        limits: Limits,
    ) -> None:
        self.groups, self.model, self.values, self.limits = groups, model, values, limits
        self.stuck: tuple[Group, ...] = ()

    def run(self, chosen: Mapping[int, Arrangement]) -> dict[int, Arrangement] | None:
        """The arrangement of each group when no windows around immovable BARs collide; ``None`` where that fails."""
        parted = dict(chosen)
        taken = {id(group): held(group, parted[id(group)]) for group in self.groups}
        for _ in self.groups:
            pairs = overlapping((group, taken[id(group)]) for group in self.groups)
            if not pairs:
                return parted
            for group in pairs[0]:
                found = self._another(group, taken, parted[id(group)])
                if found is not None:
                    parted[id(group)], taken[id(group)] = found, held(group, found)
                    break
            else:
                self.stuck = pairs[0]
                return None
        return None

    def _another(
        self, group: Group, taken: Mapping[int, Sequence[tuple[Space, Span]]], now: Arrangement
    ) -> Arrangement | None:
        walls: Walls = defaultdict(list)
        for other in self.groups:
            if other is not group:
                for space, span in taken[id(other)]:
                    walls[space].append(span)
        return self.model(group, walls).reach(self.values[id(group)], self.limits.moment(_MOMENT), now)
