"""The exact engine beside bridges with the VGA enable bit, against a count of what can be placed there at most."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from models.legality import check, today_breaches
from models.mobility import Policy
from models.plan import Status
from models.resources import Range
from models.topology import Function, Reserved, Topology
from solver.cpsat.engine import solve
from solver.request import PRESETS, Request
from tests.topologies import bar, bridge, function, host, key, machine

GRAPHICS = function("01:00.0", class_code="030000")


def beside(*sizes: int, vga: int = 10, at: int | None = None, first: int = 0x4000, ports: int = 1024) -> Topology:
    """A port with a graphics card, and devices of one I/O BAR each on the root bus."""
    devices = [
        function(
            f"00:{2 + number // 8:02x}.{number % 8}",
            bar(0, size, io=True, at=at if number == 0 else None),
            driver="nvme",
        )
        for number, size in enumerate(sizes)
    ]
    return machine(host(bridge("00:01.0", GRAPHICS, vga=vga), *devices, io=(first, first + ports - 1)))


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize(("size", "most"), [(256, 3), (128, 7), (64, 14), (32, 30)])
def test_of_1024_ports_those_stay_free_that_vga_claims(size: int, most: int, preset: str) -> None:
    """32 ports hold 0x3b0-0x3bb, and 32 more 0x3c0-0x3df: as many blocks of a size as none of these are in."""
    for more in (0, 1):
        result = solve(beside(*[size] * (most + more)), Request(minimize=PRESETS[preset], workers=1))
        assert (result.plan.status, result.breaches) == (Status.OPTIMAL, ())
        assert (result.measures.unplaced, result.plan.objectives[0].bound) == (more, more)
    free = solve(beside(*[size] * (most + 1), vga=16), Request(minimize=PRESETS[preset], workers=1))
    assert free.measures.unplaced == 0


def test_sixteen_bits_keep_the_ports_themselves_free_and_nothing_where_they_are_reserved() -> None:
    topology = beside(*[256] * 4, vga=16, first=0)
    result = solve(topology, Request(workers=1))
    assert (result.measures.unplaced, result.plan.objectives[0].bound, result.breaches) == (1, 1, ())
    kept = replace(topology, reserved=(Reserved("io", Range(0x300, 0x400), "VGA"),))
    result = solve(kept, Request(workers=1))
    assert (result.measures.unplaced, result.plan.objectives[0].bound, result.breaches) == (1, 1, ())


def test_what_firmware_put_there_may_stay_and_moves_to_no_other_port_of_these() -> None:
    topology = beside(32, at=0x43A0)
    assert [breach.rule for breach in today_breaches(topology)] == ["vga"]
    for policy in Policy:
        result = solve(topology, Request(policy=policy, workers=1))
        assert (result.plan.status, result.measures.moved_bars, result.breaches) == (Status.OPTIMAL, 0, ())
    result = solve(beside(64, *[256] * 3, at=0x4000), Request(workers=1))
    assert (result.measures.unplaced, result.measures.moved_bars, result.breaches) == (0, 1, ())
    assert result.plan.placement.bars[key("00:02.0")] in (0x4300, 0x4340)


def test_the_way_to_the_bridge_is_free() -> None:
    card = function("01:00.0", *(bar(number, 256, io=True) for number in range(4)), class_code="030000")
    port = bridge("00:01.0", card, vga=10)
    result = solve(machine(host(port, io=(0x4000, 0x4FFF))), Request(workers=1))
    assert (result.measures.unplaced, result.breaches) == (0, ())


@pytest.mark.parametrize("preset", ["moves", "waste"])
def test_crowded_plans_keep_to_it_and_are_no_better_than_without(preset: str) -> None:
    matters = 0
    for seed in range(12):
        rng = random.Random(seed)
        sizes = [rng.choice([16, 32, 64, 128, 256]) for _ in range(rng.choice([6, 8, 10]))]
        strict = beside(*sizes, at=rng.choice([None, 0x4100]))
        request = Request(minimize=PRESETS[preset], workers=1)
        result, free = solve(strict, request), solve(with_16_bits(strict), request)
        assert (result.plan.status, result.breaches) == (Status.OPTIMAL, ())
        values, least = ([one.value for one in each.plan.objectives] for each in (result, free))
        assert values >= least
        matters += any(breach.rule == "vga" for breach in check(strict, free.plan.placement))
    assert matters


def with_16_bits(topology: Topology) -> Topology:
    def change(one: Function) -> Function:
        return one if one.bridge is None else replace(one, bridge=replace(one.bridge, vga=16))

    return topology.map_functions(change)
