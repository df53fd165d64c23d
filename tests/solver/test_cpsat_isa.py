"""The exact engine behind bridges with the ISA enable bit, against a count of what can be placed there at most."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from models.legality import check, today_breaches
from models.mobility import Policy
from models.plan import Status
from models.resources import KIB
from models.topology import Function, Topology
from solver.cpsat.engine import solve
from solver.request import PRESETS, Request
from tests.random_machines import random_machine
from tests.topologies import bar, bridge, function, host, machine


def behind(*sizes: int, isa: bool = True, at: int | None = None, window: int = 4 * KIB) -> Topology:
    """A port with devices of one I/O BAR each, below a root window of ``window`` ports at 0x4000."""
    devices = [
        function(f"01:{number:02x}.0", bar(0, size, io=True, at=at if number == 0 else None))
        for number, size in enumerate(sizes)
    ]
    port = bridge("00:01.0", *devices, isa=isa, io=() if at is None else (0x4000, 0x4FFF))
    return machine(host(port, io=(0x4000, 0x4000 + window - 1)))


@pytest.mark.parametrize(("count", "size"), [(4, 256), (8, 128), (16, 64)])
@pytest.mark.parametrize("preset", PRESETS)
def test_a_window_holds_a_quarter_of_its_ports(count: int, size: int, preset: str) -> None:
    for more in (0, 1):
        result = solve(behind(*[size] * (count + more)), Request(minimize=PRESETS[preset], workers=1))
        assert result.plan.status is Status.OPTIMAL
        assert (result.measures.unplaced, result.plan.objectives[0].bound) == (more, more)
        assert result.breaches == ()
        free = solve(behind(*[size] * (count + more), isa=False), Request(minimize=PRESETS[preset], workers=1))
        assert free.measures.unplaced == 0


def test_what_is_larger_than_256_ports_fits_above_64_kib_only() -> None:
    result = solve(behind(512), Request(workers=1))
    assert result.plan.objectives[0].bound == 1
    device = function("01:00.0", bar(0, 512, io=True))
    port = bridge("00:01.0", device, isa=True, io_width=32)
    result = solve(machine(host(port, io=(0xF000, 0x10FFF))), Request(workers=1))
    assert result.measures.unplaced == 0
    assert result.plan.bars[0].after is not None
    assert result.plan.bars[0].after >= 0x10000


def test_a_bar_that_the_bridge_keeps_back_today_moves_if_it_may() -> None:
    topology = behind(32, at=0x4100)
    result = solve(topology, Request(policy=Policy.ALWAYS, workers=1))
    assert (result.plan.status, result.measures.moved_bars, result.breaches) == (Status.OPTIMAL, 1, ())
    result = solve(topology, Request(policy=Policy.NEVER, workers=1))
    assert (result.plan.status, result.measures.moved_bars, result.breaches) == (Status.OPTIMAL, 0, ())


@pytest.mark.parametrize("preset", PRESETS)
def test_mixed_sizes_fill_the_blocks_as_far_as_counting_allows(preset: str) -> None:
    """BARs of powers of two fill blocks of 256 ports to the last, so at most the sum of sizes decides."""
    rng = random.Random(5)
    for _ in range(6):
        sizes = sorted((rng.choice([16, 32, 64, 128, 256]) for _ in range(9)), reverse=True)
        room, left = 4 * 256, 0
        for size in reversed(sizes):  # the most BARs: the smallest first
            if size <= room:
                room -= size
            else:
                left += 1
        result = solve(behind(*sizes), Request(minimize=PRESETS[preset], workers=1))
        assert (result.measures.unplaced, result.breaches) == (left, ())
        assert result.plan.objectives[0].bound == left


def with_isa(topology: Topology) -> Topology:
    """The machine with the bit set on every bridge."""

    def change(one: Function) -> Function:
        return one if one.bridge is None else replace(one, bridge=replace(one.bridge, isa=True))

    return topology.map_functions(change)


@pytest.mark.parametrize("preset", ["moves", "waste"])
def test_plans_of_random_machines_keep_to_it_and_are_no_better_than_without(preset: str) -> None:
    matters = 0
    for seed in range(30):
        topology = random_machine(random.Random(seed), disturbed=False)
        strict = with_isa(topology)
        if today_breaches(strict):
            continue  # what stays in breach counts in other ways
        request = Request(policy=Policy.ALWAYS, minimize=PRESETS[preset], workers=1)
        result, free = solve(strict, request), solve(topology, request)
        assert (result.plan.status, result.breaches) == (Status.OPTIMAL, ())
        values, least = ([one.value for one in each.plan.objectives] for each in (result, free))
        assert values >= least
        matters += any(breach.rule == "isa" for breach in check(strict, free.plan.placement))
    assert matters
