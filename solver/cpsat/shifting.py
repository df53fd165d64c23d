"""Put groups at their best beside each other, where they have no address as yet or nothing but bytes counts.

Windows shift as blocks; those around immovable BARs are parted first, and what
is too long together for the room below 4 GiB is given its best share of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial

from solver.arrangement import Arrangement
from solver.cpsat.asking import Asking
from solver.cpsat.assembly import assemble, shifts, shifts_in_part
from solver.cpsat.constraints import Walls
from solver.cpsat.group import Group, collisions, merge, must_change
from solver.cpsat.model import Answer, PlacementModel
from solver.cpsat.objectives import CHANGES
from solver.cpsat.parting import Parting
from solver.cpsat.room import Room
from solver.cpsat.worth import worth
from solver.cpsat.yielding import Yielding
from solver.problem import unplaceable

_PARTING = 0.1
"""Part of the time left in which windows around immovable BARs have to be parted."""

_YIELDING = 0.6
"""Part of the time left in which groups have to have yielded to each other."""

_SHARING = 0.7
"""Part of the time left in which the room below 4 GiB has to be shared."""

_SHARING_FREELY = 0.2
"""The same where there may be another reason why groups do not find a place beside each other."""


class Shifting(Asking):
    """Shifts whole windows on the root bus.

    Attributes
    ----------
    shared
        The room below 4 GiB was shared already.
    shifted
        Groups that there were, and what they were worth, when all were last shifted.
    yielded
        It was tried to let groups yield to each other.
    stuck
        Groups whose windows around immovable BARs are in each other's way, wherever these stand.
    """

    shared: bool
    yielded: bool
    shifted: tuple[int, list[int]]
    stuck: tuple[Group, ...]

    def _assemble(self, chosen: dict[int, Arrangement]) -> bool:
        """Shift groups that have no address as yet until no two collide, if that can be."""
        if "packings" in self.without:
            return False
        found = assemble(self.problem, self.groups, chosen)
        if found is None or collisions(self.groups, found):
            return False
        for group in self.groups:
            if group.answer.arrangement is not None:
                group.answer.arrangement = found[id(group)]
        return True

    def _shift_all(self, chosen: dict[int, Arrangement]) -> bool:
        """Where bytes count before moves, put all groups at their best beside each other, whatever moves for it.

        Says whether that is the end of it.
        """
        self.stuck = ()
        first = next((name for name in self.minimize if name == "wasted_bytes" or name in CHANGES), None)
        if "packings" in self.without or first != "wasted_bytes":
            return False
        best = self._total(chosen)[: len(self.pursued)]
        if self.shifted == (len(self.groups), best) or any(group.answer.arrangement is None for group in self.groups):
            return False
        self.shifted = len(self.groups), best
        packed = {id(group): group.first or chosen[id(group)] for group in self.groups}  # it spares room below 4 GiB
        candidates = self._assembled_anew([chosen, packed])
        if not any(must_change(group) for group in self.groups):  # what is known may leave that alone
            candidates.append(self._known_parts())
        if self._moves_freely and "parting" not in self.without and self._least(candidates) != best:
            parting = self._parting()
            parted = parting.run(chosen)
            self.stuck = parting.stuck
            if parted is not None:
                candidates += self._assembled_anew([parted])
                self._rearrange_all(self.groups, parted)
        if not candidates:
            return False
        found = min(candidates, key=self._total)
        if not self.known_is_legal or self._total(found) < self._total(self._known_parts()):
            self._know(Arrangement.of(found.values()))
        if not self._moves_freely or self._least(candidates) != best:
            return False
        self._rearrange_all(self.groups, found)
        return True

    def _yield(self, chosen: dict[int, Arrangement]) -> bool:
        """Where bytes count before moves and are at their least, know a plan in which groups yield to each other.

        Says whether that is the end of it.
        """
        ends = [number for number, name in enumerate(self.pursued, 1) if name == "wasted_bytes"]
        if "yielding" in self.without or not ends or ends[-1] == len(self.pursued) or self.yielded:
            return False
        held, counted = self.pursued[: ends[-1]], self.pursued[ends[-1] :]
        if not all(group.answer.arrangement is not None and group.answer.is_settled(held) for group in self.groups):
            return False
        self.yielded = True
        self.progress(f"{self.problem.root.name}: {len(self.groups)} groups yield to each other")
        model = partial(self._model_around, require_all=all(_all_in(group) for group in self.groups))
        found = Yielding(self.groups, model, held, counted, self.limits.share(_YIELDING)).run(chosen)
        if found is None or not self._is_free(found):
            return False
        if not self.known_is_legal or self._total(found) < self._total(self._known_parts()):
            self._know(Arrangement.of(found.values()))
        if self._total(found)[: len(self.pursued)] != self._total(chosen)[: len(self.pursued)]:
            return False
        self._rearrange_all(self.groups, found)
        return True

    def _least(self, candidates: Sequence[dict[int, Arrangement]]) -> list[int] | None:
        """What the best of these is worth by what is pursued; ``None`` where there is none."""
        return min((self._total(each)[: len(self.pursued)] for each in candidates), default=None)

    def _rearrange_all(self, groups: Iterable[Group], chosen: Mapping[int, Arrangement]) -> None:
        for group in groups:
            self._rearranged(group, chosen[id(group)])

    @property
    def _moves_freely(self) -> bool:
        """Whether nothing that is pursued now counts what leaves its place, but what is wasted."""
        return "wasted_bytes" in self.pursued and set(CHANGES).isdisjoint(self.pursued)

    def _parting(self) -> Parting:
        """Looks for arrangements that are worth no less by what is pursued."""
        values = {id(group): {name: group.answer.values[name] for name in self.pursued} for group in self.groups}

        model = partial(self._model_around, require_all=False)
        return Parting(self.groups, model, values, self.limits.share(_PARTING))

    def _model_around(self, group: Group, walls: Walls, *, require_all: bool) -> PlacementModel:
        """The model of a group with nothing in its way but these ranges on the root bus."""
        counted, without = self.minimize, self.without
        return PlacementModel(
            self.problem, group.bars, group.windows, walls, require_all=require_all, without=without, counted=counted
        )

    def _share_room(self) -> list[Group] | None:
        """Give groups that take too much room below 4 GiB the best share for each, once; what has to be solved again.

        They are those without an address, as one from then on, and where nothing but bytes counts all that hold no
        immovable BAR. ``None`` where nothing came of it.
        """
        if self.shared or not {"room", "packings"}.isdisjoint(self.without) or self.minimize[0] != "unplaced":
            return None
        self.shared = True
        free = self._moves_freely and not all(shifts(group) for group in self.groups)
        if free and any(group.answer.arrangement is None for group in self.groups):
            return None
        names = self.pursued if free else self.minimize
        party = [group for group in self.groups if _all_in(group) and (_is_loose(group) if free else shifts(group))]
        others = [group for group in self.groups if group not in party]
        room = Room(self.problem, party, others, names, partial(self._model, require_all=True), self._front)
        chosen = before = {id(group): group.answer.arrangement or Arrangement() for group in self.groups}
        beside = [span for group in others for space, span in group.spans(chosen[id(group)]) if space == "mem"]
        size = room.beside(beside) if free else room.size
        if not room.places or not (free or room.is_short(size)):  # it may be long enough, but in pieces
            return None
        self.progress(f"{self.problem.root.name}: the room below 4 GiB, shared by {len(party)}")
        shared = room.share(self.limits.share(_SHARING_FREELY if free else _SHARING), size)
        if shared is None:
            return None
        bound, shares = shared
        for parts in shares:
            chosen = chosen | {id(group): part.arrangement for group, part in zip(party, parts, strict=True)}
            found = assemble(self.problem, self.groups, chosen, move=free)
            if found is not None and (self._is_free(found) if free else not collisions(party, found)):
                break
        else:
            return None
        if not free:
            return [self._as_one(party, found, dict(zip(names, bound, strict=True)))]
        lossless = self._total(found)[: len(names)] == self._total(before)[: len(names)]
        self._rearrange_all(self.groups if lossless else others, found)
        return [] if lossless else [self._as_one(party, found, dict(zip(names, bound, strict=True)))]

    def _as_one(self, party: list[Group], found: dict[int, Arrangement], bounds: dict[str, int]) -> Group:
        """Groups merged, with their arrangement and what none of all together undercuts."""
        self.groups = merge(self.groups, party, [self._bounds(group) for group in party])
        merged, together = self.groups[-1], Arrangement.of(found[id(group)] for group in party)
        values = worth(merged.bars, merged.windows, together)
        merged.answer = Answer(together, {name: values[name] for name in self.minimize}, {})
        for name, least in bounds.items():
            merged.answer.bounds[name] = least
            if least != values[name]:
                break
        return merged


def _is_loose(group: Group) -> bool:
    """Whether every window of a group can stand elsewhere on the root bus."""
    return shifts_in_part(group) and all(bar.movable for bar in group.bars)


def _all_in(group: Group) -> bool:
    """Whether the group has an arrangement that leaves nothing out."""
    return group.answer.arrangement is not None and group.answer.values["unplaced"] == unplaceable(group.bars)
