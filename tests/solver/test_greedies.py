"""Greedy placements as first plans: no plan leaves out more than the newest kernel's, however little time there is."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from dataclasses import replace

import pytest

from models.mobility import Policy
from models.resources import MIB
from models.topology import Topology
from solver.arrangement import Arrangement
from solver.building import problems
from solver.coreboot.engine import place
from solver.cpsat.engine import solve
from solver.cpsat.greedies import Greedies
from solver.cpsat.limits import Crew, Limits
from solver.cpsat.worth import worth
from solver.engines import engine
from solver.problem import Problem
from solver.request import PRESETS, Request
from tests.random_machines import random_machine
from tests.topologies import bar, bridge, function, host, machine

LOW = 0x80000000

REQUEST = Request(policy=Policy.ALWAYS, minimize=PRESETS["waste"], workers=1)


def unplaced(topology: Topology, seconds: float) -> int:
    """BARs left out by the best first plans when there are so many seconds."""
    movement, now = REQUEST.mobility(topology), time.monotonic()
    parts = problems(topology, movement)
    limits = Limits(now + seconds, Crew(1))
    found = Greedies(topology, REQUEST, movement, limits, now + seconds).ask(parts)
    total = 0
    for problem, arrangement in zip(parts, found, strict=True):
        if arrangement is not None:
            total += worth(problem.bars, problem.windows, arrangement)["unplaced"]
    return total


def empty(seed: int) -> Topology:
    """Nothing has an address."""
    return random_machine(random.Random(seed), disturbed=False).map_functions(
        lambda function: replace(
            function,
            bars=tuple(bar if bar.fixed else replace(bar, address=None) for bar in function.bars),
            bridge=None
            if function.bridge is None
            else replace(
                function.bridge, windows=tuple(replace(window, range=None) for window in function.bridge.windows)
            ),
        )
    )


@pytest.mark.parametrize("seed", range(30))
def test_with_time_the_first_plan_leaves_out_no_more_than_any_greedy(seed: int) -> None:
    topology = empty(seed)
    legal = [
        result.measures.unplaced
        for name in ("linux-7", "linux-6.1", "coreboot")
        if (result := engine(name)(topology, REQUEST)).legal
    ]
    if legal:
        assert unplaced(topology, 1e6) <= min(legal)


@pytest.mark.parametrize("seed", range(30))
def test_without_time_one_greedy_is_asked(seed: int) -> None:
    topology = empty(seed)
    assert unplaced(topology, 1e6) <= unplaced(topology, 0.0)
    result = solve(topology, replace(REQUEST, time_limit=0.0))
    assert result.breaches == ()
    assert result.measures.unplaced <= unplaced(topology, 0.0)


@pytest.mark.parametrize(("seconds", "asked"), [(60.0, 0), (0.001, 1)])
def test_with_time_greedies_are_asked_only_where_packings_are_not_the_end_of_it(
    seconds: float, asked: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    topology = machine(host(bridge("00:01.0", function("01:00.0", bar(0, "1M"), bar(1, "1M")))))
    numbers: list[int] = []
    ask = Greedies.ask

    def record(self: Greedies, problems: Sequence[Problem]) -> list[Arrangement | None]:
        numbers.append(len(problems))
        return ask(self, problems)

    monkeypatch.setattr(Greedies, "ask", record)
    result = solve(topology, replace(REQUEST, time_limit=seconds))
    assert result.measures.unplaced == 0
    assert numbers == [asked]


def test_under_the_kernel_s_window_rule_only_kernels_are_asked() -> None:
    """Coreboot puts 32-bit prefetchable BARs into 64-bit windows, and no rule of the checker is against it."""
    low = bar(0, "1M", pref=True)
    topology = machine(
        host(bridge("00:01.0", function("01:00.0", low), io=None, mem=None), mem=None, pref=(LOW, LOW + MIB))
    )
    request = replace(REQUEST, window_rule="kernel")
    parts = problems(topology, request.mobility(topology), window_rule="kernel")
    asked = Greedies(topology, request, request.mobility(topology), Limits(time.monotonic(), Crew(1)), 0.0)
    assert asked.ask(parts)[0] is not None
    assert not any(greedy is place for start in asked.starts for greedy in start.greedies)
