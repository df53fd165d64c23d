"""Where bytes come before moves: groups at their best that collide yield to each other, one after the other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from random import Random

import pytest

from benchmarks.families.making import Made
from benchmarks.families.rack import make
from models.mobility import Policy
from models.plan import Status
from solver.arrangement import Arrangement
from solver.cpsat.engine import solve
from solver.cpsat.group import Group
from solver.cpsat.search import Search
from solver.cpsat.yielding import Yielding
from solver.request import PRESETS, Request
from tests.random_machines import random_machine
from tests.solver.noting import runs_of

WASTE = Request(policy=Policy.ALWAYS, minimize=PRESETS["waste"], workers=1)

Runs = list[tuple[Yielding, dict[int, Arrangement] | None]]


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> Runs:
    """Those that were made, with what came of each."""
    return runs_of(Yielding, monkeypatch)


def rack(seed: int, goal: str = "waste") -> Made:
    return make(seed, bars=60, goal=goal, per_host=60)


def values(made: Made, without: str = "") -> list[int | None]:
    result = solve(made.topology, replace(made.request, workers=1, options={"without": without} if without else {}))
    assert result.legal
    assert result.plan.status is Status.OPTIMAL
    return [objective.value for objective in result.plan.objectives]


@pytest.mark.parametrize("goal", ["waste", "waste-pinned"])
@pytest.mark.parametrize("seed", range(3))
def test_the_optimum_is_the_same(seed: int, goal: str, runs: Runs) -> None:
    made = rack(seed, goal)
    best = values(made)
    assert len(runs) == 1
    assert values(made, "yielding") == best
    assert len(runs) == 1


@pytest.mark.parametrize("seed", range(60))
def test_on_odd_machines_too(seed: int) -> None:
    topology = random_machine(Random(seed))
    found = [solve(topology, replace(WASTE, options=options)) for options in ({}, {"without": "yielding"})]
    assert [result.plan.status for result in found] == [Status.OPTIMAL] * 2
    assert found[0].plan.objectives == found[1].plan.objectives


def test_some_of_them_need_it(runs: Runs) -> None:
    """Else the test before this one shows nothing."""
    for seed in range(60):
        solve(random_machine(Random(seed)), WASTE)
    assert any(found is not None for _, found in runs)


def test_nothing_collides_then_and_no_byte_more_is_wasted(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is the plan that is left where there is no time for the joint model."""
    made = rack(1)
    best = values(made)
    runs.clear()
    resolve, left = Search._resolve_conflicts, list[list[int]]()

    def only_yield(self: Search) -> list[Group]:
        chosen = {id(group): group.answer.arrangement or group.now for group in self.groups}
        if "moved_bars" not in self.pursued:
            return resolve(self)
        left.append(self._total(self._known_parts()))
        self._yield(chosen)
        return []

    monkeypatch.setattr(Search, "_resolve_conflicts", only_yield)
    result = solve(made.topology, replace(made.request, workers=1, time_limit=60.0))
    assert result.legal
    assert result.plan.status is Status.FEASIBLE
    unplaced, wasted, moved = (objective.value for objective in result.plan.objectives)
    assert [unplaced, wasted] == best[:2]
    assert best[2] is not None
    assert moved is not None
    assert best[2] <= moved < left[0][2]


def test_a_group_that_finds_no_place_comes_first_in_the_next_order(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    made = rack(1)
    best = values(made)
    runs.clear()
    asked: list[Group] = []
    placed = Yielding._placed

    def last_fails(
        self: Yielding, group: Group, alone: Arrangement, others: Mapping[int, Arrangement]
    ) -> Arrangement | None:
        asked.append(group)
        return placed(self, group, alone, others) if len(asked) != len(self.groups) else None

    monkeypatch.setattr(Yielding, "_placed", last_fails)
    assert values(made) == best
    ((yielding, found),) = runs
    assert found is not None
    count = len(yielding.groups)
    assert asked[count] is asked[count - 1]
    assert len(asked) >= 2 * count


@pytest.mark.parametrize("preset", ["moves", "headroom", "rebar"])
def test_where_no_bytes_come_before_moves_nothing_yields(preset: str, runs: Runs) -> None:
    made = rack(1)
    solve(made.topology, replace(made.request, workers=1, minimize=PRESETS[preset], time_limit=10.0))
    assert not runs
