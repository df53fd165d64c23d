"""Placements built without a solver: chains without holes, first fit on the root bus, windows drawn in."""

from __future__ import annotations

from random import Random

import pytest

from models.legality import new_breaches
from models.mobility import Policy
from models.placement import Placement, measure
from models.resources import MIB, Range
from models.topology import Topology
from solver.arrangement import Arrangement
from solver.building import problems
from solver.cpsat.worth import today
from solver.packing import TOGETHER, Packer, shrink
from solver.problem import Problem, cpu_range
from solver.request import Request
from tests.random_machines import random_machine
from tests.topologies import bar, bridge, function, host, key, machine, window_key

LOW = 0x80000000
HIGH = 0x4000000000


def problem_of(topology: Topology, policy: Policy = Policy.ALWAYS) -> Problem:
    (problem,) = problems(topology, Request(policy=policy).mobility(topology))
    return problem


def packed(
    topology: Topology, together: int = TOGETHER[0], walls: tuple[tuple[int, int], ...] = ()
) -> Arrangement | None:
    """All functions of the only root bus, packed from scratch; the walls are in memory."""
    problem = problem_of(topology)
    return Packer(problem, together).pack(problem.atoms, ["io", "mem"], {"io": [], "mem": list(walls)})


def placement_of(problem: Problem, arrangement: Arrangement) -> Placement:
    """The placement in CPU addresses."""
    placement = Placement.today(Topology((problem.root,)))
    for bar_ in problem.bars:
        if bar_.key in arrangement.bars:
            start = arrangement.bars[bar_.key]
            placement.bars[bar_.key] = None if start is None else problem.coordinates.address(bar_.space, start)
    for window in problem.windows:
        span = arrangement.windows.get(window.key)
        placement.windows[window.key] = None if span is None else cpu_range(problem, window.space, span)
    return placement


def test_bars_form_a_chain_without_holes() -> None:
    inner = function("01:00.0", bar(0, "256K"), bar(1, "1M"), bar(2, "512K"), bar(3, "256K"))
    arrangement = packed(machine(bridge("00:01.0", inner, io=None, pref=None)))
    assert arrangement is not None
    assert arrangement.windows[window_key("00:01.0", "mem")] == (LOW, LOW + 2 * MIB)
    assert arrangement.bars == {
        key("01:00.0", 1): LOW,
        key("01:00.0", 2): LOW + MIB,
        key("01:00.0", 0): LOW + MIB + MIB // 2,
        key("01:00.0", 3): LOW + MIB + 3 * MIB // 4,
    }


def test_nested_windows_are_packed_from_the_leaves_up() -> None:
    deep = bridge("01:00.0", function("02:00.0", bar(0, "2M"), bar(1, "64K")), io=None, pref=None)
    beside = function("01:01.0", bar(0, "1M"))
    arrangement = packed(machine(bridge("00:01.0", deep, beside, io=None, pref=None)))
    assert arrangement is not None
    low, high = arrangement.windows[window_key("00:01.0", "mem")] or (0, 0)
    assert high - low == 4 * MIB


def test_an_odd_block_may_lead_so_that_two_windows_join() -> None:
    """Two windows of 3 MiB, each aligned to 2 MiB, take 6 MiB when one begins with its odd megabyte."""
    ports = [
        bridge(f"01:0{number}.0", function(f"0{number + 2}:00.0", bar(0, "2M"), bar(1, "1M")), io=None, pref=None)
        for number in range(2)
    ]
    arrangement = packed(machine(bridge("00:01.0", *ports, secondary=1, io=None, pref=None)))
    assert arrangement is not None
    low, high = arrangement.windows[window_key("00:01.0", "mem")] or (0, 0)
    assert high - low == 6 * MIB


def test_optional_bars_are_left_out() -> None:
    arrangement = packed(machine(function("00:01.0", bar(0, "1M"), bar("rom", "1M"))))
    assert arrangement is not None
    assert set(arrangement.bars) == {key("00:01.0")}


def test_walls_reserved_ranges_and_root_windows_are_respected() -> None:
    topology = machine(
        host(function("00:01.0", bar(0, "1M"), bar(1, "1M")), mem=(LOW, LOW + 4 * MIB - 1), pref=None),
        reserved=[("mem", (LOW + MIB, LOW + MIB + 0xFFF))],
    )
    arrangement = packed(topology, walls=((LOW, LOW + MIB),))
    assert arrangement is not None
    assert sorted(arrangement.bars.values(), key=str) == [LOW + 2 * MIB, LOW + 3 * MIB]


def test_what_does_not_fit_is_no_packing() -> None:
    full = machine(host(function("00:01.0", bar(0, "2M"), bar(1, "2M")), mem=(LOW, LOW + 3 * MIB - 1), pref=None))
    assert packed(full) is None


def test_what_no_root_window_can_hold_is_left_out() -> None:
    arrangement = packed(machine(function("00:01.0", bar(0, "2G"), bar(1, "1M"))))
    assert arrangement is not None
    assert [key.index for key in arrangement.bars] == [1]


def test_what_finds_no_window_is_no_packing() -> None:
    assert packed(machine(bridge("00:01.0", function("01:00.0", bar(0, 256, io=True)), io=None))) is None


def test_prefetchable_bars_have_a_window_of_their_own_or_share_one_on_demand() -> None:
    inner = function("01:00.0", bar(0, "1M"), bar(2, "1M", width=64, pref=True))
    topology = machine(bridge("00:01.0", inner, io=None))
    apart, together = packed(topology, TOGETHER[0]), packed(topology, TOGETHER[-1])
    assert apart is not None
    assert together is not None
    assert apart.windows.get(window_key("00:01.0", "pref")) is not None
    assert together.windows[window_key("00:01.0", "mem")] == (LOW, LOW + 2 * MIB)
    assert together.windows.get(window_key("00:01.0", "pref")) is None


@pytest.mark.parametrize("together", TOGETHER)
def test_packings_of_random_machines_are_legal(together: int) -> None:
    """With nothing immovable, and no subtractive bridge that would hide who stands where."""
    found = 0
    for seed in range(60):
        topology = random_machine(Random(seed), disturbed=False)
        for problem in problems(topology, Request(policy=Policy.ALWAYS).mobility(topology)):
            if any(bus.subtractive for bus in problem.buses):
                continue
            arrangement = Packer(problem, together).pack(problem.atoms, ["io", "mem"], {"io": [], "mem": []})
            if arrangement is None:
                continue
            found += 1
            cut = Topology((problem.root,))
            placement = placement_of(problem, arrangement)
            assert new_breaches(cut, placement) == [], seed
            assert measure(cut, placement).unplaced == sum(bar.required and not bar.placeable for bar in problem.bars)
            assert measure(cut, placement).lost_bars == 0
    assert found > 10


# -- windows drawn in -----------------------------------------------------------------------------------------------


def drawn_in(topology: Topology, policy: Policy = Policy.ALWAYS) -> Placement:
    problem = problem_of(topology, policy)
    return placement_of(problem, shrink(problem.bars, problem.windows, today(problem.bars, problem.windows)))


def test_windows_are_drawn_in_to_what_they_hold() -> None:
    inner = function("01:00.0", bar(0, "64K", at=LOW + 0x180000))
    topology = machine(bridge("00:01.0", inner, mem=(LOW, LOW + 4 * MIB - 1), pref=(HIGH, HIGH + MIB - 1), io=None))
    windows = drawn_in(topology).windows
    assert windows[window_key("00:01.0", "mem")] == Range(LOW + MIB, LOW + 2 * MIB)
    assert windows[window_key("00:01.0", "pref")] is None


def test_outer_windows_follow_inner_ones() -> None:
    deep = bridge(
        "01:00.0", function("02:00.0", bar(0, "1M", at=LOW)), mem=(LOW, LOW + 2 * MIB - 1), io=None, pref=None
    )
    topology = machine(bridge("00:01.0", deep, mem=(LOW, LOW + 4 * MIB - 1), io=None, pref=None))
    windows = drawn_in(topology).windows
    assert windows[window_key("00:01.0", "mem")] == windows[window_key("01:00.0", "mem")] == Range(LOW, LOW + MIB)


def test_windows_in_breach_are_left_alone() -> None:
    topology = machine(bridge("00:01.0", mem=(LOW, LOW + 0x17FFFF), io=None, pref=None))
    assert drawn_in(topology).windows == Placement.today(topology).windows


@pytest.mark.parametrize("windows", [None, (LOW, LOW + MIB - 1)])
def test_nothing_is_drawn_in_around_a_subtractive_bridge(windows: tuple[int, int] | None) -> None:
    inner = bridge(
        "01:00.0",
        function("02:00.0", bar(0, "64K", at=LOW + 3 * MIB)),
        mem=windows,
        io=None,
        pref=None,
        subtractive=True,
    )
    topology = machine(bridge("00:01.0", inner, mem=(LOW, LOW + 4 * MIB - 1), io=None, pref=None))
    assert drawn_in(topology).windows == Placement.today(topology).windows


def test_only_changed_windows_on_demand() -> None:
    inner = function("01:00.0", bar(0, "64K", at=LOW))
    topology = machine(bridge("00:01.0", inner, mem=(LOW, LOW + 4 * MIB - 1), io=None, pref=None))
    problem = problem_of(topology)
    now = today(problem.bars, problem.windows)
    assert shrink(problem.bars, problem.windows, now, only_changed=True).windows == now.windows


def test_drawing_in_random_machines_breaks_no_rule_and_moves_nothing() -> None:
    for seed in range(60):
        topology = random_machine(Random(seed), disturbed=False)
        for problem in problems(topology, Request(policy=Policy.ALWAYS).mobility(topology)):
            cut = Topology((problem.root,))
            arrangement = shrink(problem.bars, problem.windows, today(problem.bars, problem.windows))
            placement = placement_of(problem, arrangement)
            assert new_breaches(cut, placement) == [], seed
            assert measure(cut, placement).moved_bars == 0
            assert measure(cut, placement).wasted_bytes <= measure(cut, Placement.today(cut)).wasted_bytes
