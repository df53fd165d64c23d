"""A search that had too little time goes on where it ended: no bound is wrong then, and no plan becomes worse."""

from __future__ import annotations

import time
from dataclasses import replace
from random import Random

import pytest

from benchmarks.families.rack import make
from models.mobility import Policy
from models.topology import Topology
from solver.building import problems
from solver.cpsat.engine import solve
from solver.cpsat.group import must_change, part_of
from solver.cpsat.limits import Crew, Limits
from solver.cpsat.model import Answer, PlacementModel
from solver.cpsat.search import Search
from solver.request import PRESETS, Request
from tests.random_machines import random_machine


def searches(topology: Topology, request: Request) -> list[Search]:
    limits = Limits(time.monotonic() + 60, Crew(1))
    made = problems(topology, request.mobility(topology))
    found = [Search(problem, request.minimize, limits) for problem in made]
    for search in found:
        search.begin()
    return found


def held_in_goes(search: Search) -> None:
    """In goes of more and more time, each against the end of all."""
    goes: list[Answer] = []
    for seconds in (0.0, 0.003, 0.01, 0.03, 0.1, 60.0):
        if goes:
            search.keep()
        search.pursue(search.minimize, Limits(time.monotonic() + seconds, Crew(1)))
        goes.append(search.conclude())
    *earlier, end = goes
    if end.infeasible:
        assert not any(go.proved for go in earlier)
        return
    assert end.proved
    best = [end.values[name] for name in search.minimize]
    for go in earlier:
        for name, value in zip(search.minimize, best, strict=True):
            bound = go.bounds[name]
            assert bound is None or bound <= value
            if bound != value:
                break
    if not any(must_change(group) for group in search.groups):
        totals = [[go.values[name] for name in search.minimize] for go in goes]
        assert totals == sorted(totals, reverse=True)


@pytest.mark.parametrize("preset", ["moves", "waste"])
@pytest.mark.parametrize("seed", range(40))
def test_on_random_machines(seed: int, preset: str) -> None:
    topology = random_machine(Random(seed))
    request = Request(policy=Policy.ALWAYS, minimize=PRESETS[preset], workers=1)
    for search in searches(topology, request):
        held_in_goes(search)


@pytest.mark.parametrize("goal", ["moves", "moves-full", "waste", "waste-pinned", "boot-full"])
def test_on_racks(goal: str) -> None:
    made = make(3, bars=40, goal=goal, per_host=40, **({"new": 6} if goal.startswith("moves") else {}))
    for search in searches(made.topology, made.request):
        held_in_goes(search)


@pytest.mark.parametrize("when", [1, 2, 3, 4, 5, 6])
def test_an_interrupt_between_two_models_ends_with_a_plan(when: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A group that is asked for its first objectives has no values of the others yet."""
    made = make(1, bars=40, new=8, goal="moves-full")
    built: list[PlacementModel] = []
    begin = PlacementModel._order

    def interrupted(self: PlacementModel, *args: object, **options: bool) -> None:
        built.append(self)
        if len(built) == when:
            raise KeyboardInterrupt
        begin(self, *args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(PlacementModel, "_order", interrupted)
    result = solve(made.topology, Request(minimize=made.request.minimize, policy=made.request.policy, workers=1))
    assert len(built) == when
    assert result.interrupted
    assert result.legal


@pytest.mark.parametrize("seed", range(12))
def test_out_of_time_before_anything_was_asked_there_is_a_legal_plan(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No group was solved by itself then: a bridge with nothing but immovable BARs behind it has its windows still."""
    made = make(seed, bars=40, goal="waste-pinned", per_host=40)
    monkeypatch.setattr(Search, "pursue", lambda self, names, limits: None)
    assert solve(made.topology, replace(made.request, workers=1, options={"without": "greedy"})).legal


def test_what_was_never_found_alone_is_as_known() -> None:
    """Else the windows of a group that was not solved by itself count as closed, around immovable BARs as well."""
    made = make(2, bars=40, goal="waste-pinned", per_host=40)
    (search,) = searches(made.topology, made.request)
    known = search._known_parts()
    assert search._alone_parts(known) == known
    found = {id(group): part_of(group.answer.arrangement or group.now, group) for group in search.groups}
    other = next(group for group in search.groups if found[id(group)] != known[id(group)])
    search.alone = found[id(other)]
    assert search._alone_parts(known) == {**known, id(other): found[id(other)]}
