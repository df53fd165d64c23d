"""First arrangements without a solver, and what none undercuts: where the two meet, nothing is left to search."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from itertools import takewhile

from models.resources import Size, Space
from models.topology import BarKey
from solver.arrangement import Arrangement
from solver.cpsat.assembly import assemble, shifts
from solver.cpsat.capacity import Overflow, least_unplaced
from solver.cpsat.front import Front
from solver.cpsat.gathering import Gathering
from solver.cpsat.group import Group, collisions, must_change, part_of
from solver.cpsat.limits import Limits
from solver.cpsat.model import Answer
from solver.cpsat.shortest import Shortest
from solver.cpsat.worth import all_in_place, floors, lowest, worth
from solver.levels import pack_level
from solver.packing import TOGETHER, Packer, shrink
from solver.problem import BarItem, WindowItem

_EXACTLY: Sequence[Size] = ()
"""No way to divide BARs between windows, but the division with the shortest windows."""


class Opening(Gathering):
    """Begins with what needs no solver.

    Attributes
    ----------
    known_is_legal
        The known arrangement breaks no rule.
    """

    limits: Limits
    known_is_legal: bool
    shortest: Shortest

    def begin(self, part: float = 0.3) -> None:
        """First arrangements without a solver, group by group, as long as there is time.

        Parameters
        ----------
        part
            How much of the time left may be spent on what to leave out where root windows are too small.
        """
        for group in self.groups:
            self._settle(group)
        self._leave_out(self.limits.share(part))
        self.order = sorted(self.groups, key=lambda group: -max((bar.size for bar in group.bars), default=0))
        # Where nothing stands yet, the exact lengths are mostly the end of it.
        loose, others = [[group for group in self.order if shifts(group) == free] for free in (True, False)]
        rounds = ((_EXACTLY, loose), (TOGETHER[:1], self.order), (TOGETHER[1:], self.order), (_EXACTLY, others))
        for ways, groups in rounds:
            for group in groups:
                if self.limits.left > 0:
                    self._begin(group, ways)

    def learn(self, known: Arrangement) -> None:
        """Know a legal arrangement of the whole problem, and of each group what is better there."""
        parts = {id(group): part_of(known, group) for group in self.groups}
        if not self.known_is_legal or self._total(parts) < self._total(self._known_parts()):
            self._know(known)
        for group in self.groups:
            answer = group.answer
            if answer.proved or must_change(group):  # it may leave that alone
                continue
            part = parts[id(group)]
            for candidate in (part, shrink(group.bars, group.windows, part)):
                worths = worth(group.bars, group.windows, candidate)
                values = {name: worths[name] for name in self.minimize}
                if answer.arrangement is None or list(values.values()) < list(answer.values.values()):
                    group.answer = answer = Answer(candidate, values, self._bounds_of(group, values))

    @property
    def is_done(self) -> bool:
        """Whether every group is at its optimum, beside all others."""
        chosen = {id(group): group.answer.arrangement or group.now for group in self.groups}
        return all(group.answer.proved for group in self.groups) and not collisions(self.groups, chosen)

    def _settle(self, group: Group) -> None:
        """Where today's arrangement is worth the least there can be, nothing is left to do."""
        if must_change(group):
            return
        worths, least = worth(group.bars, group.windows, group.now), self._lowest(group)
        values = {name: worths[name] for name in self.minimize}
        if values == least:
            group.answer = Answer(group.now, values, dict(least))
            group.first = group.safe = group.now

    def _begin(self, group: Group, ways: Sequence[Size]) -> None:
        """A first arrangement without a solver, beside what the other groups have chosen."""
        if group.answer.proved:
            return
        group.exact = group.exact or not ways
        start = self._first_answer(group, ways)
        if start is not None:
            start.bounds = self._bounds_of(group, start.values)
            group.answer = start
            group.first = start.arrangement
            if group.safe is None and ways:
                group.safe = start.arrangement

    def _first_answer(self, group: Group, ways: Sequence[Size]) -> Answer | None:
        """The best arrangement that needs no solver: today's, today's with windows drawn in, or a packing."""
        candidates = [group.answer.arrangement] if group.answer.arrangement is not None else []
        if not must_change(group):
            candidates += [group.now, shrink(group.bars, group.windows, group.now)]
            if self.known_is_legal:  # but it may leave alone what has to change
                known = part_of(self.known, group)
                candidates += [known, shrink(group.bars, group.windows, known)]
        if "packings" not in self.without:
            candidates += self._packed(group, ways)
        if not candidates:
            return None
        worths = [worth(group.bars, group.windows, candidate) for candidate in candidates]
        values, arrangement = min(
            zip(worths, candidates, strict=True), key=lambda entry: [entry[0][name] for name in self.minimize]
        )
        return Answer(arrangement, {name: values[name] for name in self.minimize}, {})

    def _packed(self, group: Group, ways: Sequence[Size]) -> list[Arrangement]:
        """The group from scratch, beside all others if there is room, else beside what cannot move."""
        if not all(bar.movable for bar in group.bars) or any(bar.bus.subtractive or bar.isa for bar in group.bars):
            return []
        if any(window.stays for window in group.windows):
            return []  # a packing does not keep windows where they are
        spaces: set[Space] = {item.space for item in group.windows} | {item.space for item in group.bars}
        for everything in (True, False):
            walls = self._walls(group, everything=everything)
            if any(bar.choice is not None for bar in group.bars):
                packed = [pack_level(self.problem, group.atoms, spaces, walls, ways)]
            else:
                packed = [self.packers[way].pack(group.atoms, spaces, walls) for way in ways]
            if group.exact and "wasted_bytes" in self.minimize and "shapes" not in self.without:
                offered = self.shortest.offers(group)
                if offered is not None:
                    packed.append(self.packers[0].pack(group.atoms, spaces, walls, offered))
            found = [arrangement for arrangement in packed if arrangement is not None]
            if not found and everything and ways == TOGETHER[:1]:
                found = self._packed_in_part(group, spaces, walls)
            if found or (ways and group.answer.arrangement is not None):
                return found
        return []

    # -- what does not fit ---------------------------------------------------------------------------------------------

    def _leave_out(self, limits: Limits) -> None:
        """Where root windows are too small for all and nothing stands yet, a plan for all but the largest BARs."""
        if not {"packings", "floors"}.isdisjoint(self.without) or self.minimize[0] != "unplaced":
            return
        if limits.left <= 0:
            return
        if not all(shifts(group) and self._packs(group) for group in self.groups):
            return

        def fits(left_out: frozenset[BarKey]) -> bool:
            for together in TOGETHER[:2]:
                for exactly in (False, True):
                    if limits.left <= 0:
                        return False
                    found = self._all_but(Packer(self.problem, together, left_out), exactly=exactly)
                    if found is not None:
                        known = self._known_parts()
                        if self._total(found) < self._total(known):
                            self._know(Arrangement.of(found.values()))
                        return True
            return False

        overflow = Overflow(self.problem)
        if overflow.shortages:
            overflow.fewest(fits)

    def _all_but(self, packer: Packer, *, exactly: bool) -> dict[int, Arrangement] | None:
        """All groups packed, and put beside each other.

        Parameters
        ----------
        exactly
            Each bridge's windows are as short as can be.
        """
        if exactly and "shapes" in self.without:
            return None
        shortest = Shortest(packer, self.shortest.shapes, self.shortest.late)
        chosen: dict[int, Arrangement] = {}
        for group in self.groups:
            spaces: set[Space] = {item.space for item in group.windows} | {item.space for item in group.bars}
            layouts = shortest.by_size(group) if exactly else None
            packed = packer.pack(group.atoms, spaces, self._walls(group, everything=False), layouts)
            if packed is None:
                return None
            chosen[id(group)] = packed
        found = assemble(self.problem, self.groups, chosen)
        return None if found is None or collisions(self.groups, found) else found

    def _know(self, arrangement: Arrangement) -> None:
        """Take this for the known arrangement."""
        self.known, self.known_is_legal = arrangement, True

    # -- bounds -------------------------------------------------------------------------------------------------------

    def _bounds(self, group: Group) -> dict[str, int]:
        """Values that the group does not undercut, each with all earlier objectives at theirs."""
        base = self._floors(group)
        least = self._lowest(group)
        known = {**least, **{name: bound for name, bound in group.answer.bounds.items() if bound is not None}}
        bounds: dict[str, int] = {}
        for name in self.minimize:
            # Each counts only while what comes before it is at its own bound: less placed may waste less.
            told = [found for found in (base, known) if all(bounds[earlier] == found[earlier] for earlier in bounds)]
            bounds[name] = max((found[name] for found in told), default=least[name])
        return bounds

    def _bounds_of(self, group: Group, values: Mapping[str, int]) -> dict[str, int | None]:
        """Bounds as far as they count: what comes behind an objective only where that is at its bound."""
        bounds = self._bounds(group)
        reached = list(takewhile(lambda name: values[name] == bounds[name], self.minimize))
        return {name: bounds[name] for name in self.minimize[: len(reached) + 1]}

    def _lowest(self, group: Group, *names: str) -> dict[str, int]:
        """Values that the group does not undercut, each whatever the others are."""
        return {name: lowest(name, group.bars, group.windows) for name in names or self.minimize}

    def _floors(self, group: Group) -> dict[str, int]:
        """Values that the group does not undercut, by counting and by the exact lengths of windows."""
        if "floors" in self.without:
            return self._lowest(group)
        if group.floors is None:
            counted = floors(group.bars, group.windows, self.minimize)
            group.floors = counted, least_unplaced(self.problem, group.bars)
        base, least = dict(group.floors[0]), group.floors[1]
        if least > base["unplaced"]:  # what is known of everything in its place says nothing then
            return {**base, **self._lowest(group, "wasted_bytes", "windows_changed"), "unplaced": least}
        counts = "wasted_bytes" in self.minimize and all_in_place(group.bars, self.minimize, "wasted_bytes")
        if group.exact and counts and base["wasted_bytes"] >= 0 and "shapes" not in self.without:
            base["wasted_bytes"] = max(base["wasted_bytes"], self.shortest.waste(group) or 0)
        return base

    def _front(self, group: Group, items: Sequence[BarItem | WindowItem]) -> Front | None:
        """What is known of the group's waste without a solver."""
        if not {"shapes", "floors"}.isdisjoint(self.without):
            return None
        if "wasted_bytes" not in self.minimize or not all_in_place(group.bars, self.minimize, "wasted_bytes"):
            return None
        spaces: set[Space] = {item.space for item in group.windows} | {item.space for item in group.bars}
        walls = self._walls(group, everything=False)
        return Front(group, items, self.shortest, partial(self.packers[0].pack, group.atoms, spaces, walls))
