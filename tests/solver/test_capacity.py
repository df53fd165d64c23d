"""Counting how many BARs cannot have a place."""

from __future__ import annotations

import pytest

from models.mobility import Policy
from models.resources import MIB, Range
from models.topology import Bar, Function, Reserved, RootBus, RootWindow, Topology
from solver.cpsat.capacity import least_unplaced
from solver.cpsat.engine import solve
from solver.problem import problems
from solver.request import Request

BASE = 0x4000_0000


def machine(room: int, *sizes: int, reserved: tuple[Reserved, ...] = (), fixed: int = 0) -> Topology:
    bars = [Bar(0, "mem", size * MIB) for size in sizes]
    if fixed:
        bars.append(Bar(0, "mem", fixed * MIB, address=BASE, fixed=True))
    functions = tuple(
        Function(f"0000:00:{number:02x}.0", driver=None, driver_known=True, bars=(bar,))  # type: ignore[arg-type]
        for number, bar in enumerate(bars, 1)
    )
    window = RootWindow("mem", Range.of(BASE, room * MIB))
    return Topology((RootBus(0, 0, (window,), functions),), reserved=reserved)


def least(topology: Topology) -> int:
    return sum(least_unplaced(problem) for problem in problems(topology, Request().mobility(topology)))


@pytest.mark.parametrize(
    ("topology", "count"),
    [
        (machine(8, 4, 2, 1, 1), 0),
        (machine(8, 4, 4, 1), 1),
        (machine(8, 2, 2, 2, 2, 2, 2), 2),
        (machine(8, 4, 1, 1, 1, fixed=4), 1),
        (machine(8, 4, 4, reserved=(Reserved("mem", Range.of(BASE, MIB), "board"),)), 1),
        (machine(8, 4, 4, fixed=1, reserved=(Reserved("mem", Range.of(BASE, MIB), "board"),)), 1),
        (machine(4, 8), 1),
    ],
)
def test_as_many_as_an_optimal_plan_leaves_out(topology: Topology, count: int) -> None:
    assert least(topology) == count
    result = solve(topology, Request(policy=Policy.SAFE, workers=2))
    unplaced = result.plan.objectives[0]
    assert (unplaced.value, unplaced.bound) == (count, count)
