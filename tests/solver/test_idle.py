"""Root buses on which nothing is left to do are not looked into, and only those."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest

from models.mobility import Policy
from models.plan import Status
from models.resources import MIB
from models.topology import Topology
from solver.cpsat.engine import solve
from solver.cpsat.idle import busy
from solver.request import PRESETS, Request
from solver.result import Result
from tests.random_machines import random_machine
from tests.topologies import bar, bridge, function, host, machine

LOW = 0x80000000

REQUEST = Request(policy=Policy.ALWAYS, minimize=PRESETS["moves"], workers=1)


def two_hosts(*, at: int = LOW + 64 * MIB, rom: int | None = LOW + 65 * MIB) -> Topology:
    """Something new on one root bus; a device on the other, with a ROM."""
    new = bridge("00:01.0", function("01:00.0", bar(0, MIB)), io=None)
    window = (LOW + 64 * MIB, LOW + 66 * MIB - 1)
    device = function("41:00.0", bar(0, MIB, at=at), bar("rom", MIB, at=rom))
    other = bridge("40:01.0", device, io=None, mem=window, pref=None)
    return machine(
        host(new, mem=(LOW, LOW + 8 * MIB - 1), pref=None, io=None),
        host(other, bus=0x40, mem=(LOW + 64 * MIB, LOW + 80 * MIB - 1), pref=None, io=None),
    )


def names(topology: Topology, request: Request = REQUEST) -> list[str]:
    return [root.name for root in busy(topology, request, request.sizes(topology))]


def test_where_all_is_well_nothing_is_done() -> None:
    assert names(two_hosts()) == ["0000:00"]


def test_where_a_rule_is_broken_there_is_something_to_do() -> None:
    assert names(two_hosts(at=LOW + 64 * MIB + MIB // 2)) == ["0000:00", "0000:40"]


def test_what_is_optional_may_get_an_address() -> None:
    assert names(two_hosts(rom=None)) == ["0000:00", "0000:40"]


def test_windows_may_be_shorter_where_that_counts() -> None:
    assert names(two_hosts(), replace(REQUEST, minimize=PRESETS["waste"])) == ["0000:00", "0000:40"]


def both(topology: Topology) -> list[Result]:
    """With the lever and without it."""
    found = [solve(topology, each) for each in (REQUEST, replace(REQUEST, options={"without": "idle"}))]
    assert [result.plan.status for result in found] == [Status.OPTIMAL] * 2
    assert found[0].plan.objectives == found[1].plan.objectives
    return found


def test_the_plan_is_the_same() -> None:
    found = both(two_hosts())
    assert found[0].plan.bars == found[1].plan.bars
    assert found[0].plan.windows == found[1].plan.windows


@pytest.mark.parametrize("seed", [40, 63, 64, 93, 103, 106, 112, 133, 136, 142, 144, 145, 148, 152, 156, 157, 193, 195])
def test_whatever_is_wrong_elsewhere_the_optimum_is_the_same(seed: int) -> None:
    topology = random_machine(Random(seed))
    assert len(names(topology)) < len(topology.root_buses)
    both(topology)


def test_where_nothing_at_all_is_to_be_done_that_is_proved() -> None:
    topology = two_hosts()
    idle = replace(topology, root_buses=topology.root_buses[1:])
    assert names(idle) == []
    result = solve(idle, REQUEST)
    assert result.plan.status is Status.OPTIMAL
    assert [(each.value, each.bound) for each in result.plan.objectives] == [(0, 0)] * 3
