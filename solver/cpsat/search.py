"""The search for one root bus: solve its parts alone, put them together, merge those that are in each other's way.

A *group* is one or more functions of the root bus with everything behind them,
in one address space. What a group can reach while it ignores all that may move
in other groups is a lower bound on what it contributes to any plan, so a plan
in which every group reaches its own optimum is optimal, objective by objective.
Where optima collide on the root bus, a group is asked for another arrangement
of the same value around its neighbours; where there is none, the two become
one group and the argument starts again. In the end all is one group, the joint
model, so nothing is lost but time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import partial
from itertools import zip_longest

from models.resources import Size, Space
from models.topology import BarKey
from solver.arrangement import Arrangement
from solver.cpsat.assembly import assemble, shifts
from solver.cpsat.capacity import Overflow, least_unplaced
from solver.cpsat.constraints import Walls
from solver.cpsat.gathering import Gathering
from solver.cpsat.group import Group, blame, collisions, merge, must_change, neighbours, part_of, pinned
from solver.cpsat.insertion import LARGE, Insertion
from solver.cpsat.limits import Limits
from solver.cpsat.model import Answer, PlacementModel
from solver.cpsat.room import Room
from solver.cpsat.shortest import Shortest
from solver.cpsat.worth import floors, lowest, today, worth
from solver.levels import pack_level
from solver.packing import TOGETHER, Packer, shrink
from solver.problem import BarItem, Problem, WindowItem, choices, unplaceable
from solver.shapes import Shapes

_JOINT = 120
"""BARs of an address space up to which groups that collide become one with all others."""

_MOMENT = 0.05
"""Part of the time left in which another arrangement of a group has to be found."""

_POLISH_SECONDS = 0.2
"""What one group may take at the end to find shorter windows."""

_TRIES = 3
"""How often the solver is asked for one group."""


class Search(Gathering):
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
        self.progress = progress or (lambda line: None)
        self.known_is_legal = known is not None
        self.known = known or today(problem.bars, problem.windows)
        self.alone = Arrangement()
        self.shared = False
        self.groups = self.order = self._groups()
        self.packers = {way: Packer(problem, way) for way in TOGETHER}
        self.shortest = Shortest(self.packers[0], {} if shapes is None else shapes)

    def begin(self, part: float = 0.3) -> None:
        """First arrangements without a solver, group by group, as long as there is time.

        Parameters
        ----------
        part
            How much of the time left may be spent on what to leave out where root windows are too small.
        """
        self._leave_out(self.limits.share(part))
        self.order = sorted(self.groups, key=lambda group: -max((bar.size for bar in group.bars), default=0))
        # The kernel's way to divide prefetchable BARs first: it spares the room below 4 GiB, so that all find some.
        for ways in (TOGETHER[:1], TOGETHER[1:], ()):
            for group in self.order:
                if self.limits.left > 0:
                    self._begin(group, ways)

    def run(self, limits: Limits) -> Answer:
        """The best arrangement, its value and its bound; an interrupt ends the search, not the answer."""
        self.limits = limits
        try:
            self._insert()
            infeasible = self._search()
            self._polish()
        except KeyboardInterrupt:
            self.limits.interrupt()
            infeasible = None
        return infeasible or self.together()

    def _leave_out(self, limits: Limits) -> None:
        """Where root windows are too small for all and nothing stands yet, a plan for all but the largest BARs."""
        if not {"packings", "floors"}.isdisjoint(self.without) or self.minimize[0] != "unplaced":
            return
        if not all(shifts(group) and self._packs(group) for group in self.groups):
            return

        def fits(left_out: frozenset[BarKey]) -> bool:
            for together in TOGETHER[:2]:
                found = self._all_but(Packer(self.problem, together, left_out)) if limits.left > 0 else None
                if found is not None:
                    known = {id(group): part_of(self.known, group) for group in self.groups}
                    if self._total(found) < self._total(known):
                        self._know(found)
                    return True
            return False

        overflow = Overflow(self.problem)
        if overflow.shortages:
            overflow.fewest(fits)

    def _all_but(self, packer: Packer) -> dict[int, Arrangement] | None:
        """All groups packed, and put beside each other."""
        chosen: dict[int, Arrangement] = {}
        for group in self.groups:
            spaces: set[Space] = {item.space for item in group.windows} | {item.space for item in group.bars}
            packed = packer.pack(group.atoms, spaces, self._walls(group, everything=False))
            if packed is None:
                return None
            chosen[id(group)] = packed
        found = assemble(self.problem, self.groups, chosen)
        return None if found is None or collisions(self.groups, found) else found

    def _know(self, chosen: dict[int, Arrangement]) -> None:
        """Take this for the known arrangement."""
        self.known, self.known_is_legal = Arrangement(), True
        for group in self.groups:
            self.known.bars.update(chosen[id(group)].bars)
            self.known.windows.update(chosen[id(group)].windows)

    def _insert(self) -> None:
        """On a large root bus, improve the known arrangement before anything is proved."""
        if "insertion" in self.without or self.minimize[0] != "unplaced" or len(self.problem.bars) < LARGE:
            return
        chosen = {id(group): part_of(self.known, group) for group in self.groups}
        if any(must_change(group) for group in self.groups) or collisions(self.groups, chosen):
            return
        if self._total(chosen)[0] == least_unplaced(self.problem):
            return
        limits = self.limits.share(0.4)
        self._know(Insertion(self.problem, self.groups, self.minimize, limits, chosen).run())

    @property
    def proved(self) -> bool:
        """Whether all groups are at their optimum; they may still collide."""
        return all(group.answer.proved for group in self.groups)

    def _search(self) -> Answer | None:
        """Solve, merge and solve again until all is proved or time is up; an answer where there is none at all."""
        pending = self.order
        while pending:
            for number, group in enumerate(pending):
                self._solve_alone(group, min(1.0, 1.5 / (len(pending) - number)))
                if group.answer.infeasible:
                    return Answer(None, {}, {}, infeasible=True, blame=blame(group))
            pending = self._resolve_conflicts() or self._unproved()
        return None

    def _polish(self) -> None:
        """Shorter windows where the solver moved something, as far as a moment tells, around all others."""
        if "wasted_bytes" in self.minimize:
            return
        for group in self.groups:
            found = group.answer.arrangement
            if found is None or not group.answer.proved or not group.tries or not any(group.answer.values.values()):
                continue
            limits = self.limits.moment(_POLISH_SECONDS)
            if limits.left > 0:
                shorter = self._model(group, everything=True).polish(group.answer.values, limits, found)
                chosen = {id(other): other.answer.arrangement or other.now for other in self.groups}
                if shorter is not None and not self._hits_others(group, shorter, chosen):
                    group.answer.arrangement = shorter

    def _unproved(self) -> list[Group]:
        """Groups that may use the time the others left over."""
        if self.limits.left < 0.1:
            return []
        return [group for group in self.groups if not group.answer.proved and group.tries < _TRIES]

    # -- groups -----------------------------------------------------------------------------------------------------

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

    def _begin(self, group: Group, ways: Sequence[Size]) -> None:
        """A first arrangement without a solver, beside what the other groups have chosen."""
        if group.answer.proved:
            return
        group.exact = group.exact or not ways
        bounds = self._bounds(group)
        start = self._first_answer(group, ways)
        if start is not None:
            at_floor = all(start.values[name] == bounds[name] for name in self.minimize)
            start.bounds = dict(bounds) if at_floor else {}
            group.answer = start
            group.first = start.arrangement
            if group.safe is None and ways:
                group.safe = start.arrangement

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

    def _lowest(self, group: Group, *names: str) -> dict[str, int]:
        """Values that the group does not undercut, each whatever the others are."""
        return {name: lowest(name, group.bars, group.windows) for name in names or self.minimize}

    def _floors(self, group: Group) -> dict[str, int]:
        """Values that the group does not undercut, by counting and by the exact lengths of windows."""
        if "floors" in self.without:
            return self._lowest(group)
        base = floors(group.bars, group.windows, self.minimize)
        least = least_unplaced(self.problem, group.bars)
        if least > base["unplaced"]:  # what is known of everything in its place says nothing then
            return {**base, **self._lowest(group, "wasted_bytes", "windows_changed"), "unplaced": least}
        if group.exact and "wasted_bytes" in self.minimize and "shapes" not in self.without:
            base["wasted_bytes"] = max(base["wasted_bytes"], self.shortest.waste(group))
        return base

    def _solve_alone(self, group: Group, part: float) -> None:
        """The group's optimum with nothing in its way but what cannot move, within a part of the time left."""
        if group.answer.proved or (self.limits.left <= 0 and group.answer.arrangement is not None):
            return
        group.exact = True
        bounds = self._bounds(group)
        start = group.answer if group.answer.arrangement is not None else None
        self.progress(f"{self.problem.root.name}: {len(group.bars)} BARs at {', '.join(group.atoms[:3])}")
        limits = self.limits.share(part)
        group.tries += 1
        group.answer = self._improve(group, bounds, limits, start)

    def _improve(self, group: Group, bounds: dict[str, int], limits: Limits, start: Answer | None) -> Answer:
        """Ask the solver: first whether all required BARs find a place, where that comes first, then for the rest."""
        names = self.minimize
        everything = all(bar.kept or not bar.required for bar in group.bars)
        everything = everything and all(choice.kept or not choice.required for choice in choices(group.bars))
        if not everything and names[0] == "unplaced":
            if start is None or start.values["unplaced"] > bounds["unplaced"]:
                start = self._model(group).minimize(names[:1], limits, bounds, self._hint(group, start), start)
                if start.arrangement is None:
                    return start
                unplaced = start.bounds["unplaced"]
                values = worth(group.bars, group.windows, start.arrangement)
                start = Answer(start.arrangement, {name: values[name] for name in names}, dict.fromkeys(names))
                start.bounds["unplaced"] = unplaced
                if unplaced != values["unplaced"]:
                    return start
                if unplaced > bounds["unplaced"]:
                    bounds = {**self._lowest(group), "unplaced": unplaced}
            everything = start.values["unplaced"] == unplaceable(group.bars)
        model = self._model(group, require_all=everything)
        return model.minimize(names, limits, bounds, self._hint(group, start), start)

    def _model(self, group: Group, *, require_all: bool = False, everything: bool = False) -> PlacementModel:
        walls = self._walls(group, everything=everything)
        return PlacementModel(
            self.problem, group.bars, group.windows, walls, require_all=require_all, without=self.without
        )

    def _hint(self, group: Group, answer: Answer | None) -> Arrangement:
        known = answer.arrangement if answer is not None else None
        return known or group.now

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

    def _walls(self, group: Group, *, everything: bool) -> Walls:
        """What other groups take on the root bus: all they have chosen, or only what can be nowhere else."""
        walls: Walls = defaultdict(list)
        for other in self.groups:
            if other is group:
                continue
            if everything:
                for space, span in other.spans(other.answer.arrangement or other.now):
                    walls[space].append(span)
            if not any(window.tolerated for window in other.windows):
                for space, span in pinned(other):
                    walls[space].append(span)
        return walls

    # -- putting together -------------------------------------------------------------------------------------------

    def _resolve_conflicts(self) -> list[Group]:
        """Rearrange groups that collide; merge those that cannot be, and return what has to be solved again."""
        while self.limits.left > 0:
            chosen = {id(group): group.answer.arrangement or Arrangement() for group in self.groups}
            colliding = collisions(self.groups, chosen)
            if not colliding or self._assemble(chosen):
                return []
            sharing = self._share_room()
            if sharing is not None:
                return [sharing]
            if not self.alone.windows:
                for arrangement in chosen.values():
                    self.alone.bars.update(arrangement.bars)
                    self.alone.windows.update(arrangement.windows)
            if not any(self._rearrange(group) for group in colliding[0]):
                party = self._party(colliding[0])
                parts = [self._bounds(group) for group in party]
                values = {name: sum(part[name] for part in parts) for name in self.minimize}
                self.groups = merge(self.groups, party)
                merged = self.groups[-1]
                merged.answer = self._one_as_today(party, merged) or Answer(None, {}, {})
                if any(bar.choice is not None for bar in merged.bars):
                    merged.answer = self._first_answer(merged, TOGETHER) or merged.answer
                merged.answer.bounds = dict(values)
                return [merged]
        return []

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

    def _share_room(self) -> Group | None:
        """Groups without an address that take too much room below 4 GiB, as one with the best share for each; once."""
        if self.shared or not {"room", "packings"}.isdisjoint(self.without) or self.minimize[0] != "unplaced":
            return None
        self.shared = True
        party = [group for group in self.groups if shifts(group) and _all_in(group)]
        others = [group for group in self.groups if group not in party]
        room = Room(self.problem, party, others, self.minimize, partial(self._model, require_all=True))
        if not room.is_short:
            return None
        self.progress(f"{self.problem.root.name}: the room below 4 GiB, shared by {len(party)}")
        limits = self.limits.share(0.7)
        shared = room.share(limits)
        if shared is None:
            return None
        bound, shares = shared
        for parts in shares:
            chosen = {id(group): group.answer.arrangement or Arrangement() for group in self.groups}
            chosen |= {id(group): part.arrangement for group, part in zip(party, parts, strict=True)}
            found = assemble(self.problem, self.groups, chosen)
            if found is not None and not collisions(party, found):
                break
        else:
            return None
        self.groups = merge(self.groups, party)
        merged, together = self.groups[-1], Arrangement()
        for group in party:
            together.bars.update(found[id(group)].bars)
            together.windows.update(found[id(group)].windows)
        values = worth(merged.bars, merged.windows, together)
        merged.answer = Answer(together, {name: values[name] for name in self.minimize}, {})
        for name, least in zip(self.minimize, bound, strict=True):
            merged.answer.bounds[name] = least
            if least != values[name]:
                break
        return merged

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
        """A first answer of merged groups: one of them as it was found, the others as they are today; or as known."""
        candidates = [{id(group): group.answer.arrangement or group.now for group in party}]
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
            together = Arrangement()
            for part in parts.values():
                together.bars.update(part.bars)
                together.windows.update(part.windows)
            values = worth(merged.bars, merged.windows, together)
            answer = Answer(together, {name: values[name] for name in self.minimize}, {})
            if best is None or list(answer.values.values()) < list(best.values.values()):
                best = answer
        return best

    def _rearrange(self, group: Group) -> bool:
        """Another arrangement of the same value, around everything the others have chosen."""
        if not group.answer.proved:
            return False
        self.progress(f"{self.problem.root.name}: another place for {', '.join(group.atoms[:3])}")
        model = self._model(group, everything=True)
        moment = self.limits.share(_MOMENT)
        found = model.reach(group.answer.values, moment, group.answer.arrangement)
        chosen = {id(other): other.answer.arrangement or Arrangement() for other in self.groups}
        if found is None or self._hits_others(group, found, chosen):
            return False
        group.answer.arrangement = found
        return True


def _all_in(group: Group) -> bool:
    """Whether the group has an arrangement that leaves nothing out."""
    return group.answer.arrangement is not None and group.answer.values["unplaced"] == unplaceable(group.bars)
