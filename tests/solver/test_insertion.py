"""New BARs let in beside what stands: only where a plan takes long to find, or one device alone lacks a place."""

from __future__ import annotations

import time
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from benchmarks.families.making import Made
from benchmarks.families.rack import make
from models.mobility import Policy
from models.plan import Status
from models.resources import MIB
from solver.arrangement import Arrangement
from solver.building import problems
from solver.cpsat import asking, engine
from solver.cpsat.engine import solve
from solver.cpsat.group import merge, must_change
from solver.cpsat.insertion import Insertion
from solver.cpsat.limits import Crew, Limits
from solver.cpsat.model import Answer
from solver.cpsat.search import Search
from solver.request import PRESETS, Request
from tests.random_machines import random_machine
from tests.topologies import bar, function, host, key, machine

LOW = 0x80000000


@pytest.fixture
def insertions(monkeypatch: pytest.MonkeyPatch) -> list[Insertion]:
    """Those that were run; no machine is too small for them."""
    noted: list[Insertion] = []
    run = Insertion.run

    def noting(self: Insertion) -> dict[int, Arrangement]:
        noted.append(self)
        return run(self)

    monkeypatch.setattr(Insertion, "run", noting)
    monkeypatch.setattr(asking, "LARGE", 0)
    return noted


def values(made: Made, without: str = "") -> list[int | None]:
    request = replace(made.request, workers=1, options={"without": without} if without else {})
    result = solve(made.topology, request)
    assert result.legal
    assert result.plan.status is Status.OPTIMAL
    return [objective.value for objective in result.plan.objectives]


@pytest.mark.parametrize("goal", ["moves", "moves-full"])
def test_where_a_plan_is_soon_found_nothing_is_inserted(
    goal: str, insertions: list[Insertion], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "_SOON", 60.0)  # soon on a slow machine too
    values(make(1, bars=60, new=12, goal=goal))
    assert not insertions


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_where_a_plan_takes_long_one_grows_beside_what_stands(
    seed: int, insertions: list[Insertion], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "_SOON", 0.0)
    made = make(seed, bars=40, new=8, goal="moves-full")
    found = values(made)
    assert len(insertions) == 1
    assert found == values(made, "insertion")
    assert len(insertions) == 1


def test_the_plan_that_grew_is_where_the_search_begins(
    insertions: list[Insertion], monkeypatch: pytest.MonkeyPatch
) -> None:
    known: list[int] = []
    insert = Search._insert

    def noted(self: Search) -> None:
        known.append(self._total(self._known_parts())[0])
        insert(self)
        known.append(self._total(self._known_parts())[0])

    monkeypatch.setattr(asking, "_SOON", 0.0)
    monkeypatch.setattr(Search, "_insert", noted)
    values(make(1, bars=40, new=8, goal="moves-full"))
    before, after = known
    assert after < before


@pytest.mark.parametrize("goal", ["moves", "moves-full"])
@pytest.mark.parametrize(("tight", "times"), [(1e12, 1), (0.0, 0)])
def test_where_time_is_short_a_plan_grows_before_any_other_is_looked_for(
    tight: float, times: int, goal: str, insertions: list[Insertion], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the plans that leave nothing out are looked for by cores, and then the first one is the best one."""
    asked: list[int] = []
    directly = Search._all_placed

    def noted(self: Search, *args: Any) -> Answer:
        asked.append(len(insertions))
        return directly(self, *args)

    made = make(1, bars=40, new=8, goal=goal)
    best = values(made)
    insertions.clear()
    monkeypatch.setattr(asking, "_SOON", 60.0)
    monkeypatch.setattr(engine, "_TIGHT", tight)
    monkeypatch.setattr(Search, "_all_placed", noted)
    assert values(made) == best
    assert asked[:1] in ([], [times])
    assert len(insertions) == times


@pytest.mark.parametrize("goal", ["boot", "waste"])
def test_however_short_the_time_nothing_is_inserted_where_nothing_stands_or_all_does(
    goal: str, insertions: list[Insertion], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "_TIGHT", 1e12)
    values(make(1, bars=40, goal=goal))
    assert not insertions


@pytest.mark.parametrize("preset", ["moves", "waste"])
@pytest.mark.parametrize("seed", range(40))
def test_whatever_is_wrong_today_the_optimum_is_the_same(
    seed: int, preset: str, insertions: list[Insertion], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "_SOON", 0.0)
    monkeypatch.setattr(engine, "_TIGHT", 1e12 if seed % 2 else 0.0)
    topology = random_machine(Random(seed))
    request = Request(policy=Policy.ALWAYS, minimize=PRESETS[preset], workers=1)
    found = [solve(topology, each) for each in (request, replace(request, options={"without": "insertion"}))]
    assert [result.plan.status for result in found] == [Status.OPTIMAL] * 2
    assert found[0].plan.objectives == found[1].plan.objectives


def test_some_of_them_need_it(insertions: list[Insertion], monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the test before this one shows nothing."""
    monkeypatch.setattr(asking, "_SOON", 0.0)
    for seed in range(4):
        solve(random_machine(Random(seed)), Request(policy=Policy.ALWAYS, minimize=PRESETS["waste"], workers=1))
    assert len(insertions) >= 4


def test_a_plan_that_leaves_alone_what_has_to_change_is_no_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """Today's breach is legal where it is left alone; the model mends it, and then there is no room for the new BAR."""
    monkeypatch.setattr(asking, "LARGE", 0)
    monkeypatch.setattr(asking, "_SOON", 0.0)
    askew = function("00:01.0", bar(0, 2 * MIB, at=LOW + MIB))
    fixed = function("00:02.0", bar(0, "64K", at=LOW + 3 * MIB, fixed=True))
    topology = machine(
        host(askew, fixed, function("00:03.0", bar(0, 2 * MIB)), mem=(LOW + MIB, LOW + 6 * MIB - 1), pref=None, io=None)
    )
    request = Request(policy=Policy.ALWAYS, minimize=PRESETS["moves"], workers=1)
    (problem,) = problems(topology, request.mobility(topology))
    limits = Limits(time.monotonic() + 60, Crew(1))
    known = Arrangement({bar.key: bar.today for bar in problem.bars if bar.movable})
    known.bars[key("00:03.0")] = problem.coordinates.of("mem", LOW + 4 * MIB)
    search = Search(problem, request.minimize, limits, known=known)
    (all_of_it,) = merge(search.groups, search.groups)
    assert must_change(all_of_it)
    found = search._place_most(all_of_it, {"unplaced": 0}, limits, None)
    assert found.values == found.bounds == {"unplaced": 1}
