"""What was proved of groups alone bounds their shares of the joint model, and changes no optimum."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

import pytest
from ortools.sat.python import cp_model

from benchmarks.families.toy import make
from models.topology import Topology
from solver.building import problems
from solver.cpsat import shifting
from solver.cpsat.constraints import Constraints
from solver.cpsat.engine import solve
from solver.cpsat.group import Group, merge
from solver.cpsat.limits import Crew, Limits
from solver.cpsat.model import ContradictionError, PlacementModel
from solver.cpsat.objectives import Term
from solver.cpsat.parts import Part, Tally, total
from solver.cpsat.variables import make_variables
from solver.cpsat.worth import today
from solver.problem import Problem
from tests.solver.test_levers import boxes

NAMES = ("unplaced", "moved_bars", "windows_changed")


def problem() -> tuple[Topology, Problem]:
    """Three BARs of 1 MiB with gaps between them, and a new one of 2 MiB: one has to move."""
    made = make(kind="comb", size=3)
    (found,) = problems(made.topology, made.request.mobility(made.topology))
    return made.topology, found


def parts_of(of: Problem, moved: int = 0) -> tuple[Part, ...]:
    floors = {"unplaced": 0, "moved_bars": moved, "windows_changed": 0}
    return tuple(Part([bar], [], {**floors, "moved_bars": moved if bar.home is not None else 0}) for bar in of.bars)


def limits() -> Limits:
    return Limits(time.monotonic() + 60, Crew(1))


def model(of: Problem, parts: tuple[Part, ...], *without: str) -> PlacementModel:
    return PlacementModel(of, of.bars, of.windows, {}, require_all=True, without=without, parts=parts)


@pytest.mark.parametrize("without", [(), ("parts",), ("cores",)])
def test_a_joint_model_of_parts_has_the_same_optimum(without: tuple[str, ...]) -> None:
    _, comb = problem()
    found = model(comb, parts_of(comb), *without).minimize(NAMES, limits(), {}, today(comb.bars, comb.windows))
    assert found.values == {"unplaced": 0, "moved_bars": 1, "windows_changed": 0}
    assert found.proved


def test_floors_that_lie_contradict_a_known_plan() -> None:
    _, comb = problem()
    known = model(comb, ()).minimize(NAMES, limits(), {}, today(comb.bars, comb.windows))
    assert known.arrangement is not None
    known.bounds = dict.fromkeys(NAMES)
    with pytest.raises(ContradictionError, match="contradicts a known plan"):
        model(comb, parts_of(comb, moved=1)).minimize(NAMES, limits(), {}, known.arrangement, known)


def test_groups_that_became_one_remember_what_they_were(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    hold = Tally.hold

    def noted(self: Tally, names: tuple[str, ...]) -> None:
        seen.append(len(self.inner))
        hold(self, names)

    monkeypatch.setattr(Tally, "hold", noted)
    made = make(kind="comb", size=5)
    assert [o.value for o in solve(made.topology, made.request).plan.objectives] == [0, 2, 0]
    assert 6 in seen


def test_where_room_was_shared_the_parts_are_known_too(monkeypatch: pytest.MonkeyPatch) -> None:
    known: list[list[str]] = []

    def noted(groups: list[Group], party: Sequence[Group], floors: Sequence[Mapping[str, int]] = ()) -> list[Group]:
        known.extend(list(each) for each in floors)
        return merge(groups, party, floors)

    monkeypatch.setattr(shifting, "merge", noted)
    request = make(kind="ladder", size=3).request
    assert solve(boxes(), request).plan.objectives[1].proved
    assert known == [list(request.minimize)] * 2


# -- tallies on their own --------------------------------------------------------------------------------------


def tallies(*floors: dict[str, int]) -> tuple[Tally, list[cp_model.IntVar]]:
    """A tally for each, with objectives ``a`` and ``b`` of 0 to 3; their variables in the order a, b, a, b."""
    _, comb = problem()
    variables = make_variables([], [], require_all=False)
    parts = tuple(Part([], [], each) for each in floors)
    whole = Tally(Part([], [], {}, parts), variables, Constraints(comb, variables, {}))
    values = []
    for number, tally in enumerate(whole.inner):
        for name in "ab":
            values.append(variables.model.new_int_var(0, 3, f"{name}{number}"))
            tally.terms[name] = Term(values[-1], 2, 1)
    return whole, values


def points(whole: Tally, values: list[cp_model.IntVar]) -> set[tuple[int, ...]]:
    """Everything that the model allows, in units."""

    class Collector(cp_model.CpSolverSolutionCallback):
        def __init__(self) -> None:
            super().__init__()
            self.found: set[tuple[int, ...]] = set()

        def on_solution_callback(self) -> None:
            self.found.add(tuple(int(self.value(value)) for value in values))

    solver, collector = cp_model.CpSolver(), Collector()
    solver.parameters.enumerate_all_solutions = True
    status: Any = solver.solve(whole.model, collector)
    assert status == cp_model.OPTIMAL
    return collector.found


ALL = set(product(range(4), repeat=4))


def test_a_later_floor_holds_where_the_earlier_one_is_reached() -> None:
    """Values are 2 * units + 1: floors 3 and 5 are 1 and 2 units."""
    whole, values = tallies({"a": 3, "b": 5}, {"a": 1, "b": 2})
    whole.hold(("a", "b"))
    first = {(a, b) for a, b in product(range(4), repeat=2) if a >= 1 and (a > 1 or b >= 2)}
    second = {(a, b) for a, b in product(range(4), repeat=2) if a > 0 or b >= 1}
    assert points(whole, values) == {(*one, *other) for one in first for other in second}


def test_at_the_sum_of_the_floors_each_part_is_at_its_own() -> None:
    whole, values = tallies({"a": 3, "b": 5}, {"a": 1, "b": 1})
    whole.hold(("a",))
    whole.settle("a", 4)
    whole.hold(("b",))
    assert points(whole, values) == {(a, b, c, d) for a, b, c, d in ALL if a == 1 and b >= 2 and c == 0}


def test_above_the_sum_what_comes_behind_is_bounded_for_parts_at_their_floors() -> None:
    whole, values = tallies({"a": 3, "b": 5}, {"a": 1, "b": 3})
    whole.hold(("a",))
    whole.settle("a", 6)
    whole.hold(("b",))
    whole.settle("b", 8)
    assert points(whole, values) == {
        (a, b, c, d) for a, b, c, d in ALL if a >= 1 and (a > 1 or b >= 2) and (c > 0 or d >= 1)
    }


def test_parts_of_parts_are_at_their_floors_where_these_are_all_that_the_outer_one_is() -> None:
    inner = (Part([], [], {"a": 1, "b": 3}), Part([], [], {"a": 3, "b": 3}))
    for least, certain in ((4, True), (6, False)):
        whole, _ = tallies({"a": 1, "b": 1})
        outer = Tally(Part([], [], {"a": least, "b": 6}, inner), whole.variables, whole.constraints)
        values = []
        for number, tally in enumerate(outer.inner):
            for name in "ab":
                values.append(whole.model.new_int_var(0, 3, f"inner {name}{number}"))
                tally.terms[name] = Term(values[-1], 2, 1)
        whole.inner = [outer]
        whole.hold(("a",))
        whole.settle("a", least)
        whole.hold(("b",))
        found = points(whole, values)
        sums = {2 * (a + c) + 2 for a, _, c, _ in found}
        assert max(sums) == least
        first = {(a, c) for a, _, c, _ in found}
        assert (first == {(0, 1)}) == certain


def test_units_of_terms_may_differ() -> None:
    built = cp_model.CpModel()
    x, y = built.new_int_var(0, 5, "x"), built.new_int_var(0, 5, "y")
    found = total([Term(x, 4096, 7), Term(y, 6144, -2), Term(3, 10, 1)])
    assert (found.unit, found.constant) == (2048, 36)
    built.add(found.expression == 2 * 2 + 3 * 3)
    built.add(x == 2)
    solver = cp_model.CpSolver()
    status: Any = solver.solve(built)
    assert status == cp_model.OPTIMAL
    assert solver.value(y) == 3
    assert total([]).value(0) == 0
