"""What holds for every machine: plans are legal, no worse than today or the greedy, and more freedom is never worse."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from models.legality import new_breaches, today_breaches
from models.mobility import Policy
from models.placement import Placement, measure
from models.plan import Status
from models.topology import BarKey, Topology
from solver.claims import false_claims
from solver.cpsat.engine import solve
from solver.engines import ENGINES, engine
from solver.request import OBJECTIVES, PRESETS, Request
from solver.result import Result
from tests.random_machines import machines, placed_machines

policies = st.sampled_from((Policy.SAFE, Policy.ALWAYS, Policy.NEVER, Policy.REFUSE))
orders = st.sampled_from((*PRESETS.values(), ("unplaced", "moved_functions", "windows_changed", "wasted_bytes")))
few = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
GREEDIES = [name for name in ENGINES if name.startswith("linux")]


def solved(topology: Topology, request: Request) -> Result:
    """A plan of a machine small enough to be proved; the rare one that is not is left out."""
    result = solve(topology, request)
    assume(result.plan.status is not Status.FEASIBLE)
    return result


def values(result: Result) -> list[int]:
    return [result.measures.value(objective.name) for objective in result.plan.objectives]


@few
@given(machines, policies, orders)
def test_every_plan_is_legal_and_claims_the_truth(topology: Topology, policy: Policy, order: tuple[str, ...]) -> None:
    request = Request(policy=policy, minimize=order, workers=1, time_limit=5)
    result = solve(topology, request)
    movement = request.mobility(topology)
    assert new_breaches(topology, result.plan.placement, immovable=movement.immovable) == []
    if result.plan.status in (Status.OPTIMAL, Status.FEASIBLE):
        assert list(false_claims(result.plan, topology)) == []
    else:
        assert result.plan.status is Status.INFEASIBLE
        assert today_breaches(topology)


@few
@given(placed_machines, policies, orders)
def test_no_plan_is_worse_than_today(topology: Topology, policy: Policy, order: tuple[str, ...]) -> None:
    result = solve(topology, Request(policy=policy, minimize=order, workers=1, time_limit=5))
    assert result.plan.status in (Status.OPTIMAL, Status.FEASIBLE)
    today = measure(topology, Placement.today(topology))
    assert values(result) <= [today.value(name) for name in order]


@few
@given(placed_machines, st.randoms(use_true_random=False), orders)
def test_freeing_a_pin_makes_nothing_worse(topology: Topology, rng: Random, order: tuple[str, ...]) -> None:
    placed = [key for key, bar in topology.bars() if bar.address is not None]
    pins: list[BarKey] = [key for key in placed if rng.random() < 0.5]
    assume(pins)
    freed = frozenset(pins[1:])
    pinned = solved(
        topology, Request(policy=Policy.ALWAYS, minimize=order, pins=frozenset(pins), workers=1, time_limit=5)
    )
    free = solved(topology, Request(policy=Policy.ALWAYS, minimize=order, pins=freed, workers=1, time_limit=5))
    assert values(free) <= values(pinned)


@few
@given(placed_machines, orders)
def test_more_freedom_is_never_worse(topology: Topology, order: tuple[str, ...]) -> None:
    results = [
        solved(topology, Request(policy=policy, minimize=order, workers=1, time_limit=5))
        for policy in (Policy.ALWAYS, Policy.SAFE, Policy.NEVER)
    ]
    assert [values(result) for result in results] == sorted(values(result) for result in results)


@pytest.mark.parametrize("name", GREEDIES)
@few
@given(placed_machines, orders)
def test_no_plan_is_worse_than_a_legal_greedy_one(name: str, topology: Topology, order: tuple[str, ...]) -> None:
    request = Request(policy=Policy.SAFE, minimize=order, workers=1, time_limit=5)
    greedy = engine(name)(topology, request)
    assume(greedy.legal)
    exact = solve(topology, request)
    assert values(exact) <= values(greedy)
    assert all(
        objective.bound is None or objective.bound <= greedy.measures.value(objective.name)
        for objective in exact.plan.objectives[:1]
    )


@few
@given(placed_machines, st.sampled_from(sorted(OBJECTIVES)))
def test_one_objective_alone_is_no_worse_than_in_company(topology: Topology, name: str) -> None:
    assume(name != "unplaced")
    alone = solved(topology, Request(policy=Policy.ALWAYS, minimize=(name,), workers=1, time_limit=5))
    after = solved(topology, Request(policy=Policy.ALWAYS, minimize=("unplaced", name), workers=1, time_limit=5))
    assert alone.measures.value(name) <= after.measures.value(name)
