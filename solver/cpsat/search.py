"""The search for one root bus: solve its parts alone, put them together, merge those that are in each other's way.

A *group* is one or more functions of the root bus with everything behind them,
in one address space. What a group can reach while it ignores all that may move
in other groups is a lower bound on what it contributes to any plan, so a plan
in which every group reaches its own optimum is optimal, objective by objective.
Where optima collide on the root bus, a group in which nothing moves is asked for
another arrangement of the same value around its neighbours; otherwise groups
become one, beside what may stay as it is where that spares much, and the
argument starts again. In the end all is one group, the joint model, so nothing
is lost but time.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import zip_longest

from models.resources import Size
from solver.arrangement import Arrangement
from solver.cpsat.assembly import shifts
from solver.cpsat.bystanders import COUNTED
from solver.cpsat.constraints import Walls
from solver.cpsat.group import Group, blame, collisions, may_stand_by, merge, must_change, neighbours, part_of
from solver.cpsat.limits import Limits
from solver.cpsat.model import Answer, PlacementModel
from solver.cpsat.objectives import MOVES
from solver.cpsat.shifting import Shifting
from solver.cpsat.shortest import Shortest
from solver.cpsat.worth import today, worth
from solver.packing import TOGETHER, Packer
from solver.problem import Problem, unplaceable
from solver.shapes import Shapes

_JOINT = 400
"""BARs of an address space up to which groups that collide become one with all others: what was proved of each group
bounds its part of the model, so one model is sooner proved than a row of growing ones."""

_BESIDE = 40
"""BARs of bystanders from which on they are left out of the model."""

_TRIES = 3
"""How often the solver is asked for one group."""


class Search(Shifting):
    """Finds the best arrangement of one problem.

    Parameters
    ----------
    minimize
        Objectives in lexicographic order.
    progress
        Receives one line now and then.
    known
        A legal arrangement of the whole problem to start from; today's where none is given.
    without
        Levers that are switched off (:data:`solver.levers.LEVERS`).
    shapes
        Tables of windows that several root buses share.
    """

    def __init__(
        self,
        problem: Problem,
        minimize: tuple[str, ...],
        limits: Limits,
        progress: Callable[[str], None] | None = None,
        known: Arrangement | None = None,
        without: frozenset[str] = frozenset(),
        shapes: dict[Size, Shapes] | None = None,
    ) -> None:
        self.problem, self.minimize, self.limits, self.without = problem, minimize, limits, without
        self.pursued, self.pursued_since = minimize, time.monotonic()
        self.progress = progress or (lambda line: None)
        self.known_is_legal = known is not None
        self.known = known or today(problem.bars, problem.windows)
        self.alone = Arrangement()
        self.shared = self.inserted = self.yielded = False
        self.standing_by = True
        self.proved: tuple[Group, PlacementModel, Walls] | None = None
        self.groups = self.order = self._groups()
        self.shifted, self.stuck = (0, list[int]()), tuple[Group, ...]()
        self.packers = {way: Packer(problem, way) for way in TOGETHER}
        self.shortest = Shortest(self.packers[0], {} if shapes is None else shapes, lambda: self.limits.left <= 0)

    @property
    def lacks(self) -> bool:
        """Whether the known arrangement leaves out more than it has to, of functions of which something stands."""
        if self.minimize[0] != "unplaced" or not self._may_insert:
            return False
        return any(not shifts(group) for group in self._lacking()) and self._leaves_out_more

    def insert(self, limits: Limits) -> None:
        """Know a plan in which new BARs have a place beside as much of what stands as can stay; nothing is proved."""
        if limits.left <= 0:
            return
        self.limits = limits
        try:
            self._insert(1.0)
        except KeyboardInterrupt:
            self.limits.interrupt()

    def pursue(self, names: tuple[str, ...], limits: Limits) -> None:
        """Prove the first objectives as far as time allows; an interrupt ends the search, not the answer.

        Parameters
        ----------
        names
            Those to prove: all objectives in the end, but bytes first where they come before moves.
        """
        self.pursued, self.limits = names, limits
        self.pursued_since = time.monotonic()
        try:
            self._search()
            if names == self.minimize:
                self._polish()
            else:
                self._remember()
        except KeyboardInterrupt:
            self.limits.interrupt()

    def keep(self) -> None:
        """Know what all is worth together so far: to go on may end with something worse, for want of time."""
        if any(must_change(group) for group in self.groups):  # what is best so far may leave that alone
            return
        found = self.together().arrangement
        assert found is not None
        parts = {id(group): part_of(found, group) for group in self.groups}
        if not self.known_is_legal or self._total(parts) < self._total(self._known_parts()):
            self._know(found)

    def conclude(self) -> Answer:
        """The best arrangement, its value and its bound."""
        for group in self.groups:
            if group.answer.infeasible:
                return Answer(None, {}, {}, infeasible=True, blame=blame(group))
        return self.together()

    def is_settled(self, names: tuple[str, ...]) -> bool:
        """Whether all groups are at their optimum by these objectives; they may still collide."""
        return all(group.answer.is_settled(names) for group in self.groups)

    def has_reached(self, names: tuple[str, ...]) -> bool:
        """Whether all groups are at their optimum by these objectives, beside each other."""
        chosen = {id(group): group.answer.arrangement or group.now for group in self.groups}
        return self.is_settled(names) and not collisions(self.groups, chosen)

    @property
    def is_infeasible(self) -> bool:
        """Whether some group admits no legal arrangement."""
        return any(group.answer.infeasible for group in self.groups)

    def _search(self) -> None:
        """Solve, merge and solve again until all is proved, time is up, or there is no legal arrangement at all."""
        pending = [group for group in self.order if group in self.groups]
        pending += [group for group in self.groups if group not in self.order]
        turns = Counter[Group]()
        while pending:
            waiting = sum(not group.answer.is_settled(self.pursued) for group in pending)
            for group in pending:
                if group.answer.is_settled(self.pursued):
                    continue
                self._solve_alone(group, min(1.0, 1.5 / waiting))
                turns[group] += 1
                waiting -= 1
                if group.answer.infeasible:
                    return
            pending = self._resolve_conflicts() or self._unproved(turns)

    def _remember(self) -> None:
        """Know what is the best so far: later objectives may need groups merged, and begin there."""
        chosen = {id(group): group.answer.arrangement or group.now for group in self.groups}
        if not collisions(self.groups, chosen) and not self._stands_illegally(chosen):
            known = self._known_parts()
            if not self.known_is_legal or self._total(chosen) < self._total(known):
                self._know(Arrangement.of(chosen.values()))

    def _stands_illegally(self, chosen: dict[int, Arrangement]) -> bool:
        return any(chosen[id(group)] is group.now and must_change(group) for group in self.groups)

    def _unproved(self, turns: Mapping[Group, int]) -> list[Group]:
        """Groups that may use the time the others left over, but for those that had so many turns."""
        if self.limits.left < 0.1:
            return []
        unsettled = [group for group in self.groups if not group.answer.is_settled(self.pursued)]
        return [group for group in unsettled if turns[group] < _TRIES]

    # -- putting together -------------------------------------------------------------------------------------------

    def _resolve_conflicts(self) -> list[Group]:
        """Rearrange groups that collide; merge those that cannot be, and return what has to be solved again."""
        while self.limits.left > 0:
            chosen = {id(group): group.answer.arrangement or Arrangement() for group in self.groups}
            colliding = collisions(self.groups, chosen)
            if not colliding or self._assemble(chosen) or self._shift_all(chosen) or self._yield(chosen):
                return []
            sharing = self._share_room()
            if sharing is not None:
                return sharing
            if not self.alone.windows:
                self.alone = Arrangement.of([self.alone, *chosen.values()])
            if self.stuck or not any(
                self._may_be_rearranged(group) and self._rearrange(group) for group in colliding[0]
            ):
                with_some = None if self.stuck else self._with_bystanders(colliding)
                party, bystanders = with_some or (self._joined(self.stuck or self._party(colliding[0])), ())
                parts = [self._bounds_alone(group) for group in party]
                values = {name: sum(part[name] for part in parts) for name in self.minimize}
                self.groups = merge(self.groups, party, parts)
                merged = self.groups[-1]
                merged.bystanders = bystanders
                merged.answer = self._one_as_today(party, merged) or Answer(None, {}, {})
                if any(bar.choice is not None for bar in merged.bars):
                    merged.answer = self._first_answer(merged, TOGETHER) or merged.answer
                merged.answer.bounds = dict(values)
                return [merged]
        return []

    def _may_be_rearranged(self, group: Group) -> bool:
        """Whether to ask for another arrangement: of what is new often, of what moves only where one model is long."""
        moves = any(group.answer.values[name] for name in self.pursued if name in MOVES)
        return not moves or len(self.problem.bars) > _JOINT

    def _with_bystanders(
        self, colliding: Sequence[tuple[Group, Group]]
    ) -> tuple[list[Group], tuple[Group, ...]] | None:
        """All groups that collide, and others that may stay as they are, where a plan leaves nothing out.

        None where that spares little.
        """
        if "bystanders" in self.without or not self.standing_by:
            return None
        if self.pursued != self.minimize or set(self.minimize) != COUNTED:
            return None
        if len(self._lacking()) == 1 and self._may_insert:
            self._insert()
        if self._lacking():
            return None  # to find that not all can be placed may take long, and longer among bystanders
        party = self._joined(dict.fromkeys(group for pair in colliding for group in pair))
        if 2 * sum(len(group.bars) for group in party) > len(self.problem.bars):
            return None
        spaces = {bar.space for group in party for bar in group.bars}
        others = [group for group in self.groups if group not in party]
        engaged = [each for group in others for each in group.bystanders]
        bystanders = [group for group in others if group not in engaged and may_stand_by(group)]
        nearby = [group for group in bystanders if any(space in spaces for space, _ in group.spans(group.now))]
        return (party, tuple(nearby)) if sum(len(group.bars) for group in nearby) > _BESIDE else None

    def _lacking(self) -> list[Group]:
        """Groups that lack a place in the known arrangement which they may have."""
        known = self._known_parts()
        return [group for group in self.groups if self._worth(group, known[id(group)])[0] != unplaceable(group.bars)]

    def _joined(self, groups: Iterable[Group]) -> list[Group]:
        """Groups, and those that were solved beside one of them: what was proved there holds for both together only."""
        party = list(groups)
        for group in party:  # it grows
            party += [other for other in self.groups if group in other.bystanders and other not in party]
        return party

    def _party(self, pair: tuple[Group, Group]) -> list[Group]:
        """Two groups that cannot be told apart any more, and their neighbours: all of a small machine.

        What is merged doubles each time, so that a long row of collisions takes few models. Where sizes are open,
        a model of many groups has to count combinations of sizes, so there it is only the two.
        """
        if any(bar.choice is not None for group in pair for bar in group.bars):
            return list(pair)
        chosen = {id(group): group.answer.arrangement or group.now for group in self.groups}
        near = [neighbours(group, self.groups, chosen) for group in pair]
        others = [group for each in zip_longest(*near) for group in each if group is not None]
        bars = sum(len(group.bars) for group in pair)
        spaces = {item.space for group in pair for item in group.bars}
        all_bars = sum(bar.space in spaces for bar in self.problem.bars)
        limit = all_bars if all_bars <= max(_JOINT, 4 * bars) else 2 * bars
        party = list(pair)
        for group in dict.fromkeys(others):
            if group not in party and bars + len(group.bars) <= limit:
                party.append(group)
                bars += len(group.bars)
        return party

    def _one_as_today(self, party: Sequence[Group], merged: Group) -> Answer | None:
        """The best first answer of merged groups: all as they were found or as they began, one as it was found and the
        others as they are today, or all as known.
        """
        candidates = [{id(group): group.answer.arrangement or group.now for group in party}]
        candidates.append({id(group): group.first or group.now for group in party})
        candidates += [
            {**{id(other): other.now for other in party}, id(group): candidates[0][id(group)]} for group in party
        ]
        if self.known_is_legal and not any(must_change(group) for group in party):  # it may leave that alone
            candidates.append({id(group): part_of(self.known, group) for group in party})
        best: Answer | None = None
        for parts in candidates:
            if any(must_change(group) and parts[id(group)] is group.now for group in party):
                continue
            if collisions(list(party), parts):
                continue
            together = Arrangement.of(parts.values())
            values = worth(merged.bars, merged.windows, together)
            answer = Answer(together, {name: values[name] for name in self.minimize}, {})
            if best is None or list(answer.values.values()) < list(best.values.values()):
                best = answer
        return best
