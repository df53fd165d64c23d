"""The exact engine against an enumeration of all placements, for every policy and any order of objectives."""

from __future__ import annotations

import os
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from models.legality import new_breaches, today_breaches
from models.mobility import Policy
from models.placement import Placement, measure
from models.plan import Status
from models.topology import Topology
from solver.cpsat.engine import solve
from solver.request import OBJECTIVES, PRESETS, Request
from tests.enumeration import COUNTS, Enumeration, SmallMachine

MANY = int(os.environ.get("BARPLAN_EXAMPLES", "1"))
"""How many times as many cases as usual."""

seeds = st.integers(0, 1 << 32)
some = settings(max_examples=80 * MANY)


def orders(rng: Random) -> list[tuple[str, ...]]:
    """A preset, and any order of any objectives."""
    return [rng.choice(list(PRESETS.values())), tuple(rng.sample(COUNTS, rng.randint(1, len(COUNTS))))]


def assert_best(topology: Topology, request: Request) -> None:
    """The engine's values and bounds are those of the enumeration."""
    staying = frozenset((key.function, key.index) for key in request.mobility(topology).immovable)
    best = Enumeration(topology, staying, {"other": request.weights.get("driver:other", 1)}).best(request.minimize)
    result = solve(topology, request)
    assert result.breaches == ()
    assert result.plan.status is Status.OPTIMAL
    assert [objective.value for objective in result.plan.objectives] == best, request
    assert [objective.bound for objective in result.plan.objectives] == best, request


@some
@given(seeds)
def test_the_optimum_is_that_of_the_enumeration(seed: int) -> None:
    machine = SmallMachine(seed)
    topology, rng = machine.topology, machine.rng
    assert not today_breaches(topology)
    policy = rng.choice(list(Policy))
    pins = frozenset(key for key, bar in topology.bars() if bar.address is not None and rng.random() < 0.15)
    for order in orders(rng):
        weights = {"driver:other": rng.choice([0, 1, 1, 2])}
        assert_best(topology, Request(policy=policy, minimize=order, pins=pins, weights=weights, workers=1))


def test_every_objective_is_enumerated_and_every_policy_drawn() -> None:
    assert set(COUNTS) == set(OBJECTIVES)
    drawn = {SmallMachine(seed).rng.choice(list(Policy)) for seed in range(200)}
    assert drawn == set(Policy)


def test_sizes_are_open_and_ports_are_empty_in_many_machines() -> None:
    """What nothing hinges on would be no test."""
    topologies = [SmallMachine(seed).topology for seed in range(200)]
    today = [measure(topology, Placement.today(topology)) for topology in topologies]
    for name in ("rebar", "rebar_halvings", "headroom"):
        better = [
            Enumeration(one, frozenset()).best([name])[0] < now.value(name)
            for one, now in zip(topologies, today, strict=True)
        ]
        assert sum(better) >= 20, name


def test_a_packed_plan_is_known_only_where_it_is_legal() -> None:
    """A 32-bit prefetchable BAR keeps a 64-bit window below 4 GiB, in a packing too."""
    assert_best(SmallMachine(1158).topology, Request(minimize=PRESETS["waste"], workers=1))


@settings(max_examples=30)
@given(seeds)
def test_the_enumeration_knows_today(seed: int) -> None:
    """No count of the best placement is above today's, which the checker calls legal and the measures count."""
    topology = SmallMachine(seed).topology
    today = measure(topology, Placement.today(topology))
    assert not new_breaches(topology, Placement.today(topology))
    for name in COUNTS:
        assert Enumeration(topology, frozenset()).best([name])[0] <= today.value(name)
