"""What holds for machines that no enumeration can judge: more room, or less to place, is never worse."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from random import Random

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from models.edit import unplug
from models.legality import new_breaches
from models.mobility import Policy
from models.plan import Status
from models.resources import MIB, Range
from models.topology import Bar, Function, RootWindow, Topology
from solver.claims import false_claims
from solver.cpsat.engine import solve
from solver.engines import ENGINES, engine
from solver.request import PRESETS, Request
from solver.result import Result
from tests.enumeration import COUNTS
from tests.random_machines import random_machine

MANY = int(os.environ.get("BARPLAN_EXAMPLES", "1"))
"""How many times as many cases as usual."""

seeds = st.integers(0, 1 << 32)
few = settings(max_examples=14 * MANY)
FIXED_YARDSTICK = [name for name in COUNTS if name != "headroom"]
"""Objectives that do not measure by the root windows."""
GREEDIES = [name for name in ENGINES if name != "cp-sat"]


def machine(rng: Random) -> Topology:
    """A machine that breaks no rule today, with something to place, Resizable BARs and hotplug ports."""
    topology = random_machine(rng, disturbed=False).map_functions(lambda one: with_choices(one, rng))
    assume(any(bar.address is None and not bar.optional for _, bar in topology.bars()))
    return topology


def with_choices(function: Function, rng: Random) -> Function:
    """Some BARs are resizable, and some bridges are hotplug ports."""

    def resizable(bar: Bar) -> Bar:
        if bar.space == "io" or bar.fixed or not isinstance(bar.index, int) or rng.random() < 0.7:
            return bar
        return replace(bar, sizes=tuple(sorted({bar.size, *(bar.size << rng.randint(0, 3) for _ in range(2))})))

    function = replace(function, bars=tuple(resizable(bar) for bar in function.bars))
    if function.bridge is None or rng.random() < 0.5:
        return function
    return replace(function, bridge=replace(function.bridge, hotplug=True))


def request(rng: Random, names: Sequence[str] = COUNTS) -> Request:
    known = [order for order in PRESETS.values() if set(order) <= set(names)]
    order = rng.choice([*known, ("unplaced", *rng.sample(names[1:], 3))])
    return Request(rng.choice(list(Policy)), order, workers=1, time_limit=5)


def proved(topology: Topology, request: Request) -> Result:
    """A plan with its proof; the rare machine that takes too long is left out."""
    result = solve(topology, request)
    assume(result.plan.status is Status.OPTIMAL)
    return result


def values(result: Result) -> list[int]:
    return [result.measures.value(objective.name) for objective in result.plan.objectives]


@few
@given(seeds)
def test_no_legal_plan_of_any_engine_is_better(seed: int) -> None:
    rng = Random(seed)
    topology, asked = machine(rng), request(rng)
    exact = solve(topology, asked)
    assert exact.legal
    assert list(false_claims(exact.plan, topology)) == []
    immovable = asked.mobility(topology).immovable
    for name in GREEDIES:
        greedy = engine(name)(topology, asked)
        if not new_breaches(topology, greedy.plan.placement, immovable=immovable):
            assert values(exact) <= values(greedy), name
            assert (exact.plan.objectives[0].bound or 0) <= values(greedy)[0], name


@few
@given(seeds)
def test_a_pin_less_is_never_worse(seed: int) -> None:
    rng = Random(seed)
    topology, asked = machine(rng), request(rng)
    placed = [key for key, bar in topology.bars() if bar.address is not None]
    pins = [key for key in placed if rng.random() < 0.5]
    assume(pins)
    pinned = proved(topology, replace(asked, pins=frozenset(pins)))
    freed = proved(topology, replace(asked, pins=frozenset(pins[1:]), frees=frozenset(pins[:1])))
    assert values(freed) <= values(pinned)


@few
@given(seeds)
def test_a_larger_root_window_is_never_worse(seed: int) -> None:
    rng = Random(seed)
    topology, asked = machine(rng), request(rng, FIXED_YARDSTICK)
    root = topology.root_buses[0]
    window = rng.choice([window for window in root.windows if window.space == "mem"])
    by = rng.choice([1, 2, 8]) * MIB
    larger = replace(window, range=Range(window.range.start, window.range.end + by))
    if rng.random() < 0.5:
        larger = replace(window, range=Range(window.range.start - by, window.range.end))
    windows = tuple(larger if one is window else one for one in root.windows)
    assert_no_worse(topology, windows, asked)


@few
@given(seeds)
def test_a_root_window_more_is_never_worse(seed: int) -> None:
    rng = Random(seed)
    topology, asked = machine(rng), request(rng, FIXED_YARDSTICK)
    start = rng.choice([0xC000_0000, 0x30_0000_0000])
    more = RootWindow("mem", Range.of(start, rng.choice([1, 4, 32]) * MIB), prefetchable=rng.random() < 0.4)
    assert_no_worse(topology, (*topology.root_buses[0].windows, more), asked)


def assert_no_worse(topology: Topology, windows: tuple[RootWindow, ...], asked: Request) -> None:
    root = topology.root_buses[0]
    roomier = replace(topology, root_buses=(replace(root, windows=windows), *topology.root_buses[1:]))
    assert values(proved(roomier, asked)) <= values(proved(topology, asked))


@few
@given(seeds)
def test_unplugging_leaves_no_more_without_an_address(seed: int) -> None:
    rng = Random(seed)
    topology, asked = machine(rng), replace(request(rng), minimize=("unplaced",))
    functions = [function.address for function, _ in topology.functions()]
    assume(len(functions) > 1)
    less = unplug(topology, rng.choice(functions))
    assert values(proved(less, asked)) <= values(proved(topology, asked))
