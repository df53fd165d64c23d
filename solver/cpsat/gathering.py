"""Putting groups together: the best arrangement of all of them in which no two collide."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import pairwise

from models.resources import Size, Space
from solver.arrangement import Arrangement
from solver.cpsat.assembly import assemble
from solver.cpsat.capacity import least_unplaced
from solver.cpsat.constraints import Walls
from solver.cpsat.group import Group, collisions, merge, must_change, part_of, pinned
from solver.cpsat.limits import Limits
from solver.cpsat.model import Answer
from solver.cpsat.worth import lowest, worth
from solver.packing import Packer
from solver.problem import BarItem, Problem, WindowItem

_LEFT_OUT = 8
"""How many BARs of a group that does not fit are left out at most to place the others."""


_STAY = (1, 2, 4, 0)
"""How many BARs with the address of today let a window stay where it is, one try after the other."""

_CONSTRUCTING, _CONSTRUCTING_LEAST = 0.00013, 0.02
"""Seconds for each BAR, and at least, to pack what lacks a place when time is up: many root buses come one by one."""


class Gathering:
    """The groups of a problem with what is known of each.

    Attributes
    ----------
    groups, order
        The groups, and as they were at first, those with the largest BARs first.
    known
        A legal arrangement of the whole problem; today's where no better one is known.
    alone
        Each function of the root bus by itself, as good as was found; they may collide.
    without
        Levers that are switched off.
    """

    limits: Limits
    problem: Problem
    minimize: tuple[str, ...]
    without: frozenset[str]
    groups: list[Group]
    order: list[Group]
    packers: dict[Size, Packer]
    known: Arrangement
    alone: Arrangement

    def _groups(self) -> list[Group]:
        """One group for each root-bus function and address space; functions that overlap today share one."""
        # A function moves once, whatever the address space of its BARs.
        joint = not {"moved_functions", "prepared_drivers", "unplaced_functions"}.isdisjoint(self.minimize)
        parts: dict[tuple[str, str], Group] = {}

        def group_of(item: BarItem | WindowItem) -> Group:
            atom = "all" if "groups" in self.without else item.atom
            label = (atom, "all" if joint or atom == "all" else item.space)
            group = parts.setdefault(label, Group((), [], []))
            if item.atom not in group.atoms:
                group.atoms = (*group.atoms, item.atom)
            return group

        for window in self.problem.windows:
            group_of(window).windows.append(window)
        for bar in self.problem.bars:
            group_of(bar).bars.append(bar)
        groups = list(parts.values())
        while clashes := collisions(groups, {id(group): group.now for group in groups}):
            groups = merge(groups, clashes[0])
        return groups

    def together(self) -> Answer:
        """All groups in one arrangement; where some still collide, or have none, they stay as in the known one.

        Whatever time was left, it is no worse than the known one or today's.
        """
        known = self._known_parts()
        chosen = {id(group): group.answer.arrangement or known[id(group)] for group in self.groups}
        if collisions(self.groups, chosen):
            now = {id(group): group.now for group in self.groups}
            bases = [known, now, self._constructed(known), self._constructed(now)]
            bases += self._assembled_anew([chosen, self._alone_parts(known)])
            chosen = min((self._one_by_one(base) for base in bases), key=self._total)
        candidates = [chosen]
        if not any(must_change(group) for group in self.groups):
            candidates += [known, {id(group): group.now for group in self.groups}]
        candidates = [each for number, each in enumerate(candidates) if each not in candidates[:number]]
        totals = [self._total(each) for each in candidates]
        least = min(totals)
        chosen = candidates[totals.index(least)]
        result = Answer(Arrangement.of(chosen[id(group)] for group in self.groups), {}, {})
        values = dict(zip(self.minimize, least, strict=True))
        open_ = raised = False
        for name in self.minimize:
            result.values[name] = values[name]
            bound = sum(self._part(group, name, known=not raised) for group in self.groups)
            if name == self.minimize[0] == "unplaced" and "floors" not in self.without:
                fewest = least_unplaced(self.problem)
                raised = fewest > bound  # what groups are worth with more in its place says nothing then
                bound = max(bound, fewest)
            # Out of time, what has to move may still stand where it was, which no bound allows for.
            result.bounds[name] = None if open_ or bound > values[name] else bound
            open_ = open_ or result.bounds[name] != result.values[name]
        return result

    def _alone_parts(self, known: Mapping[int, Arrangement]) -> dict[int, Arrangement]:
        """Each group as its functions were by themselves; as known where time was up before they were found."""
        windows, bars = self.alone.windows.keys(), self.alone.bars.keys()
        return {
            id(group): part_of(self.alone, group)
            if all(window.key in windows for window in group.windows)
            and all(bar.key in bars for bar in group.bars if bar.movable)
            else known[id(group)]
            for group in self.groups
        }

    def _known_parts(self) -> dict[int, Arrangement]:
        """The known arrangement, group by group."""
        return {id(group): part_of(self.known, group) for group in self.groups}

    def _part(self, group: Group, name: str, *, known: bool) -> int:
        """The group's bound, if what is known of it counts."""
        bound = group.answer.bounds.get(name) if known else None
        return lowest(name, group.bars, group.windows) if bound is None else bound

    def _walls(self, group: Group, *, everything: bool, bystanders: Sequence[Group] = ()) -> Walls:
        """What other groups take on the root bus: all they have chosen, or only what can be nowhere else."""
        walls: Walls = defaultdict(list)
        for other in self.groups:
            if other is group or other in bystanders:
                continue
            if everything:
                for space, span in other.spans(other.answer.arrangement or other.now):
                    walls[space].append(span)
            if not any(window.tolerated for window in other.windows):
                for space, span in pinned(other):
                    walls[space].append(span)
        return walls

    def _constructed(self, base: dict[int, Arrangement]) -> dict[int, Arrangement]:
        """Groups that lack a place packed from scratch, the largest first, around all that stands by then."""
        chosen = dict(base)
        moment = max(_CONSTRUCTING_LEAST, _CONSTRUCTING * len(self.problem.bars))
        until = time.monotonic() + max(moment, self.limits.left)
        for group in sorted(self.groups, key=lambda group: -max((bar.size for bar in group.bars), default=0)):
            if time.monotonic() > until:
                break
            if self.minimize[0] != "unplaced" or not self._worth(group, chosen[id(group)])[0]:
                continue
            if "packings" in self.without or not self._packs(group):
                continue
            walls: Walls = defaultdict(list)
            for other in self.groups:
                if other is not group:
                    for space, span in (*other.spans(chosen[id(other)]), *pinned(other)):
                        walls[space].append(span)
            spaces: set[Space] = {item.space for item in group.windows} | {item.space for item in group.bars}
            whole = self.packers[0].pack(group.atoms, spaces, walls)
            found = [whole] if whole is not None else self._packed_in_part(group, spaces, walls)
            for attempt in found:
                if self._worth(group, attempt) < self._worth(group, chosen[id(group)]):
                    chosen[id(group)] = attempt
        return chosen

    def _one_by_one(self, base: dict[int, Arrangement]) -> dict[int, Arrangement]:
        """Each group as it was found, one after the other, where that is better and hits no other."""
        chosen = dict(base)
        attempts = [(group, group.safe) for group in self.order if group in self.groups]
        attempts += [(group, group.first) for group in self.groups]
        attempts += [(group, group.answer.arrangement) for group in self.groups]
        for group, attempt in attempts:
            if attempt is None or self._hits_others(group, attempt, chosen):
                continue
            if must_change(group) or self._worth(group, attempt) <= self._worth(group, chosen[id(group)]):
                chosen[id(group)] = attempt
        return chosen

    def _assembled_anew(self, arrangements: Sequence[dict[int, Arrangement]]) -> list[dict[int, Arrangement]]:
        """Arrangements shifted until no groups collide, whatever may move for it."""
        if "packings" in self.without:
            return []
        moved = [
            assemble(self.problem, self.groups, each, move=True, stay=stay) for each in arrangements for stay in _STAY
        ]
        return [each for each in moved if each is not None and self._is_free(each)]

    def _is_free(self, chosen: dict[int, Arrangement]) -> bool:
        """Whether nothing overlaps on the root bus, within a group neither."""
        spans = sorted((space, span) for group in self.groups for space, span in group.spans(chosen[id(group)]))
        return all(one[0] != other[0] or one[1][1] <= other[1][0] for one, other in pairwise(spans))

    def _hits_others(self, group: Group, arrangement: Arrangement, chosen: dict[int, Arrangement]) -> bool:
        """Whether a group so arranged overlaps what the others take on the root bus."""
        mine = group.spans(arrangement)
        return any(
            space == theirs and span[0] < other_span[1] and other_span[0] < span[1]
            for other in self.groups
            if other is not group
            for theirs, other_span in other.spans(chosen[id(other)])
            for space, span in mine
        )

    def _packs(self, group: Group) -> bool:
        """Whether a packing from scratch is a legal arrangement of the group.

        It leaves immovable BARs and windows that stay out of account, and sizes are the model's to choose.
        """
        odd = any(not bar.movable or bar.choice or bar.bus.subtractive or bar.isa for bar in group.bars)
        return not odd and not any(window.stays for window in group.windows)

    def _packed_in_part(self, group: Group, spaces: set[Space], walls: Walls) -> list[Arrangement]:
        """The group from scratch without some new BARs: one, of those with the same room the largest, or more."""
        new = sorted((bar for bar in group.bars if bar.required and not bar.kept), key=lambda bar: -bar.span)
        alone = {tuple(bar.places): [bar] for bar in reversed(new)}
        for left_out in (*alone.values(), *(new[:count] for count in range(2, min(len(new), _LEFT_OUT) + 1))):
            packer = Packer(self.problem, 0, frozenset(bar.key for bar in left_out))
            found = packer.pack(group.atoms, spaces, walls)
            if found is not None:
                return [found]
        return []

    def _worth(self, group: Group, arrangement: Arrangement) -> list[int]:
        """What a group so arranged is worth, in the order of the objectives."""
        values = worth(group.bars, group.windows, arrangement)
        return [values[name] for name in self.minimize]

    def _total(self, chosen: dict[int, Arrangement]) -> list[int]:
        """What all groups together are worth, in the order of the objectives."""
        values = [self._worth(group, chosen[id(group)]) for group in self.groups]
        return [sum(value) for value in zip(*values, strict=True)] or [0] * len(self.minimize)
