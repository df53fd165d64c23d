"""What the solver says of one group: its optimum alone, another arrangement of the same value, shorter windows."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

from solver.arrangement import Arrangement
from solver.cpsat.capacity import least_unplaced
from solver.cpsat.constraints import Walls
from solver.cpsat.group import Group, as_bystander, collisions, must_change, part_of
from solver.cpsat.insertion import LARGE, Insertion
from solver.cpsat.limits import Limits
from solver.cpsat.model import Answer, PlacementModel
from solver.cpsat.objectives import BYTES
from solver.cpsat.opening import Opening
from solver.cpsat.worth import worth
from solver.packing import shrink
from solver.problem import choices, unplaceable

_MOMENT = 0.05
"""Part of the time left in which another arrangement of a group has to be found."""

_REARRANGING = 30.0
"""Seconds in which another arrangement has to be found, whatever the time left."""

_DIRECTLY = 0.2
"""Part of the time left in which the best plan that leaves nothing out has to be found."""

_DIRECTLY_LEAST, _DIRECTLY_MOST = 1.0, 0.5
"""Seconds that it has at least, where these are no more than that part of the time left."""

_FEW = 400
"""BARs of a group up to which it is asked for that plan first."""

_SOON, _SOON_MOST = 1.0, 0.4
"""Seconds, or part of the time left, in which a large group is asked for the fewest BARs without an address, before a
plan is looked for."""

_INSERTING = 0.4
"""Part of the time left in which that plan has to be found."""

_PLACING = 0.8
"""Part of the time left in which the fewest BARs without an address have to be found, where more counts."""

_AMONG = 5.0
"""Seconds in which that plan has to be found among bystanders; beyond, all is one model."""

_POLISHED = 64
"""BARs of a group up to which the solver is asked for shorter windows; of larger ones it finds none in a moment."""

_POLISH_LEAST, _POLISH_MOST, _POLISH_PART = 0.05, 0.2, 0.2
"""Seconds that one group may take at the end to find shorter windows: a part of what its root bus has taken so far."""


class Asking(Opening):
    """Asks the solver for one group at a time.

    Attributes
    ----------
    pursued
        The objectives that are to be proved now, the first of all.
    pursued_since
        On the monotonic clock.
    inserted
        It was tried to let new BARs in beside what stands.
    proved
        The last group that was asked for, its model, and what was in its way.
    standing_by
        Groups that may stay as they are have not been in vain beside those that collide.
    """

    standing_by: bool
    inserted: bool
    pursued: tuple[str, ...]
    pursued_since: float
    progress: Callable[[str], None]
    proved: tuple[Group, PlacementModel, Walls] | None

    def _solve_alone(self, group: Group, part: float) -> None:
        """The group's optimum with nothing in its way but what cannot move, within a part of the time left."""
        if group.answer.is_settled(self.pursued):
            return
        if self.limits.left <= 0 and (group.answer.arrangement is not None or not must_change(group)):
            return
        group.exact = True
        bounds = self._bounds(group)
        start = group.answer if group.answer.arrangement is not None else None
        self.progress(f"{self.problem.root.name}: {len(group.bars)} BARs at {', '.join(group.atoms[:3])}")
        limits = self.limits.share(part)
        group.tries += 1
        if group.bystanders:
            found = self._among_bystanders(group, bounds, limits)
            if found is not None:
                group.answer = found
                return
            bounds = self._bounds_alone(group)
            group.bystanders, self.standing_by = (), False
        group.answer = self._improve(group, bounds, limits, start)

    def _bounds_alone(self, group: Group) -> dict[str, int]:
        """What a group is worth at least by itself: what is proved beside bystanders holds for all together."""
        if not group.bystanders:
            return self._bounds(group)
        return {name: sum(part.floors[name] for part in group.parts) for name in self.minimize}

    def _among_bystanders(self, group: Group, bounds: dict[str, int], limits: Limits) -> Answer | None:
        """The best plan of all in the group and of its bystanders, these as they are if that can be; if it is proved.

        What it says of the group holds for both together. Where a bystander does not stay the group is in its way, or
        what is proved is more than the group is worth.
        """
        if bounds["unplaced"] != unplaceable(group.bars):
            return None
        model = self._model(group, require_all=True, bystanders=group.bystanders)
        found = self._all_placed(group, model, bounds, limits.share(_DIRECTLY).moment(_AMONG))
        return self._in_full(group, found, model) if found.is_settled(self.pursued) else None

    def _improve(self, group: Group, bounds: dict[str, int], limits: Limits, start: Answer | None) -> Answer:
        """Ask the solver: first whether all required BARs find a place, where that comes first, then for the rest."""
        names = self.minimize
        everything = all(bar.kept or not bar.required for bar in group.bars)
        everything = everything and all(choice.kept or not choice.required for choice in choices(group.bars))
        if not everything and names[0] == "unplaced":
            if self._may_be_direct(group, bounds, start):
                model = self._model(group, require_all=True)
                part = max(_DIRECTLY, min(_DIRECTLY_MOST, _DIRECTLY_LEAST / max(limits.left, _DIRECTLY_LEAST)))
                direct = self._all_placed(group, model, bounds, limits.share(part))
                direct = self._in_full(group, direct, model)
                if direct.is_settled(self.pursued):
                    return direct
                if direct.infeasible:  # not all that was to be placed can be
                    bounds = {**self._lowest(group), "unplaced": bounds["unplaced"] + 1}
                elif direct.arrangement is not None:
                    start = direct
            if start is None or _leaves_out(start, bounds):  # the former is for the type checker
                most = limits.share(_PLACING) if len(self.pursued) > 1 else limits
                start = self._place_most(group, bounds, most, start)
                if start.arrangement is None:
                    return start
                unplaced = start.bounds["unplaced"]
                values = worth(group.bars, group.windows, start.arrangement)
                start = Answer(start.arrangement, {name: values[name] for name in names}, dict.fromkeys(names))
                start.bounds["unplaced"] = unplaced
                if unplaced != values["unplaced"]:
                    return self._improve_unproved(group, limits, start)
                if unplaced > bounds["unplaced"]:
                    bounds = {**self._lowest(group), "unplaced": unplaced}
            everything = start.values["unplaced"] == unplaceable(group.bars)
        model = self._model(group, require_all=everything)
        found = model.minimize(self.pursued, limits, bounds, self._hint(group, start), start)
        return self._in_full(group, found, model)

    def _improve_unproved(self, group: Group, limits: Limits, start: Answer) -> Answer:
        """The best that is found with as few BARs without an address as are known, though fewer may do."""
        first, *rest = self.pursued
        if not rest or limits.left <= 0:
            return start
        model = self._model(group)
        model.hold(first, start.values[first])
        better = Answer(start.arrangement, dict(start.values), {})
        found = model.minimize(tuple(rest), limits, self._lowest(group), self._hint(group, start), better)
        values = worth(group.bars, group.windows, found.arrangement or group.now)
        bounds = {**dict.fromkeys(self.minimize), first: start.bounds[first]}
        return Answer(found.arrangement, {name: values[name] for name in self.minimize}, bounds)

    def _place_most(self, group: Group, bounds: dict[str, int], limits: Limits, start: Answer | None) -> Answer:
        """As few BARs without an address as can be; where that takes long, a plan is let grow beside what stands."""
        names, (first, *_) = self.minimize[:1], self.minimize
        if self.inserted:
            start = self._as_known(group, start)
        if start is not None and start.arrangement is not None and limits.left <= 0:
            return Answer(start.arrangement, start.values, {first: bounds[first]})
        if self._may_insert:
            soon = self._model(group, counted=names).minimize(
                names, limits.share(_SOON_MOST).moment(_SOON), bounds, self._hint(group, start), start
            )
            if soon.infeasible or soon.is_settled(names):
                return soon
            self._insert()
            start = self._as_known(group, soon)
            bounds = {**bounds, first: max(bounds[first], soon.bounds[first] or 0)}
        return self._model(group, counted=names).minimize(names, limits, bounds, self._hint(group, start), start)

    def _as_known(self, group: Group, start: Answer | None) -> Answer | None:
        """What is known of a group, where that leaves fewer BARs without an address than another start."""
        if not self.known_is_legal or must_change(group):  # it may leave that alone
            return start
        known = part_of(self.known, group)
        worths = worth(group.bars, group.windows, known)
        values = {name: worths[name] for name in self.minimize}
        first = self.minimize[0]
        if start is None or start.arrangement is None or values[first] < start.values[first]:
            return Answer(known, values, {})
        return start

    @property
    def _may_insert(self) -> bool:
        """Whether the root bus is large, and new BARs were not yet let in beside what stands."""
        return not self.inserted and "insertion" not in self.without and len(self.problem.bars) >= LARGE

    @property
    def _leaves_out_more(self) -> bool:
        """Whether more lacks an address in the known arrangement than has to by counting."""
        return "floors" in self.without or self._total(self._known_parts())[0] > least_unplaced(self.problem)

    def _insert(self, part: float = _INSERTING) -> None:
        """Know a plan in which new BARs have a place beside as much of what stands as can stay."""
        self.inserted = True
        groups = self._groups()
        chosen = {id(group): part_of(self.known, group) for group in groups}
        if any(must_change(group) for group in groups) or collisions(groups, chosen):
            return
        limits = self.limits.share(part)
        fewest = 0 if "floors" in self.without else least_unplaced(self.problem)
        found = Insertion(self.problem, groups, self.minimize, limits, chosen, self.without, fewest).run()
        self._know(Arrangement.of(found.values()))

    def _may_be_direct(self, group: Group, bounds: dict[str, int], start: Answer | None) -> bool:
        """Whether to ask first for the best plan that leaves nothing out: where few BARs are counted, that is quick."""
        counts = len(self.pursued) > 1 and BYTES.isdisjoint(self.pursued)
        few = len(group.bars) <= _FEW and bounds["unplaced"] == unplaceable(group.bars)
        return _leaves_out(start, bounds) and counts and few

    def _all_placed(self, group: Group, model: PlacementModel, bounds: dict[str, int], limits: Limits) -> Answer:
        """The best plan that leaves nothing out, and what the model says it is worth."""
        found = model.minimize(self.pursued[1:], limits, bounds, self._hint(group, None))
        least = {"unplaced": bounds["unplaced"]}
        found.bounds = {**least, **found.bounds}
        if found.arrangement is not None:
            found.values = {**least, **found.values}
        return found

    def _in_full(self, group: Group, found: Answer, model: PlacementModel) -> Answer:
        """An answer with all objectives; a model that led to a proof is kept, as it may tell more."""
        if found.arrangement is not None:
            if BYTES.isdisjoint(self.minimize):  # nothing asked for short windows, and long ones are in others' way
                found.arrangement = shrink(group.bars, group.windows, found.arrangement, only_changed=True)
            values = worth(group.bars, group.windows, found.arrangement)
            found.values = {name: values[name] for name in self.minimize}
            found.bounds = {**dict.fromkeys(self.minimize), **found.bounds}
            self.proved = group, model, self._walls(group, everything=False)
        return found

    def _model(
        self,
        group: Group,
        *,
        require_all: bool = False,
        everything: bool = False,
        bystanders: Sequence[Group] = (),
        counted: Sequence[str] = (),
    ) -> PlacementModel:
        walls = self._walls(group, everything=everything, bystanders=bystanders)
        return PlacementModel(
            self.problem,
            group.bars,
            group.windows,
            walls,
            require_all=require_all,
            without=self.without,
            parts=group.parts,
            bystanders=[as_bystander(each) for each in bystanders],
            counted=counted or self.minimize,
        )

    def _hint(self, group: Group, answer: Answer | None) -> Arrangement:
        known = answer.arrangement if answer is not None else None
        return known or group.now

    def _rearrange(self, group: Group) -> bool:
        """Another arrangement of the same value, around everything the others have chosen."""
        if not group.answer.is_settled(self.pursued) or self._is_as_today(group):
            return False
        self.progress(f"{self.problem.root.name}: another place for {', '.join(group.atoms[:3])}")
        model = self._model(group, everything=True)
        moment = self.limits.share(_MOMENT).moment(_REARRANGING)
        values = {name: group.answer.values[name] for name in self.pursued}
        found = model.reach(values, moment, group.answer.arrangement)
        chosen = {id(other): other.answer.arrangement or Arrangement() for other in self.groups}
        if found is None or self._hits_others(group, found, chosen):
            return False
        self._rearranged(group, found)
        return True

    def _rearranged(self, group: Group, found: Arrangement) -> None:
        """Another arrangement; all are worth the same by what is pursued, but may be worse by what comes behind."""
        worths = worth(group.bars, group.windows, found)
        group.answer.arrangement = found
        group.answer.values = {name: worths[name] for name in self.minimize}

    def _is_as_today(self, group: Group) -> bool:
        """Whether a group has no other arrangement of its value: nothing in it is new, moves or changes."""
        changes = [group.answer.values[name] for name in self.pursued if name in ("moved_bars", "windows_changed")]
        old = all(bar.choice is None and (bar.kept or not bar.movable) for bar in group.bars)
        return changes == [0, 0] and old

    def _polish(self) -> None:
        """Shorter windows where the solver moved something, as far as a moment tells, around all others.

        Whatever it finds, windows that change are drawn in to what they hold (:mod:`solver.tidy`).
        """
        if "wasted_bytes" in self.minimize:
            return
        for group in self.groups:
            found = group.answer.arrangement
            if found is None or not group.answer.proved or not group.tries or not any(group.answer.values.values()):
                continue
            if len(group.bars) > _POLISHED:
                continue
            spent = _POLISH_PART * (time.monotonic() - self.pursued_since)
            limits = self.limits.moment(min(_POLISH_MOST, max(_POLISH_LEAST, spent)))
            if limits.left > 0:
                shorter = self._polished(group, limits, found)
                chosen = {id(other): other.answer.arrangement or other.now for other in self.groups}
                if shorter is not None and not self._hits_others(group, shorter, chosen):
                    group.answer.arrangement = shorter

    def _polished(self, group: Group, limits: Limits, found: Arrangement) -> Arrangement | None:
        walls = self._walls(group, everything=True)
        if self.proved is not None and self.proved[0] is group and self.proved[2] == walls:  # nothing else to be told
            return self.proved[1].polish({}, limits, found)
        return self._model(group, everything=True).polish(group.answer.values, limits, found)


def _leaves_out(start: Answer | None, bounds: Mapping[str, int]) -> bool:
    """Whether fewer BARs without an address may do than in this start."""
    return start is None or start.values["unplaced"] > bounds["unplaced"]
