"""Ways out by one kind of change, which work."""

from __future__ import annotations

from dataclasses import replace

from models.mobility import Policy
from models.resources import MIB, Range
from solver.cpsat.engine import solve
from solver.engines import engine
from solver.explanation.explaining import explain
from solver.explanation.findings import Verdict, WayKind
from tests.pitfalls import at, over, port, span
from tests.solver.explained import QUICK, device, kinds, one, one_pin, too_small, two_pins, way
from tests.topologies import bar, bridge, function, host, key, machine


def test_the_fewest_drivers_are_prepared_and_the_plan_is_there() -> None:
    explanation = explain(two_pins(), QUICK)
    prepared = way(explanation, WayKind.DRIVERS)
    assert (prepared.cost, prepared.proved, prepared.moved) == (1, True, 1)
    (function_, driver), *_ = prepared.functions
    assert (function_, driver) in {("0000:00:00.0", "mlx5_core"), ("0000:00:01.0", "ixgbe")}
    assert solve(two_pins(), replace(QUICK, frees=frozenset(prepared.bars))).measures.unplaced == 0


def test_weights_choose_between_drivers() -> None:
    request = replace(QUICK, weights={"driver:mlx5_core": 5})
    prepared = way(explain(two_pins(), request), WayKind.DRIVERS)
    assert prepared.functions == (("0000:00:01.0", "ixgbe"),)


def test_a_pin_of_the_request_can_be_given_up() -> None:
    topology = over(0, 12, device(0, 1, 4), device(1, 1, 9), device(2, 8))
    request = replace(QUICK, pins=frozenset({key("00:00.0"), key("00:01.0")}))
    explanation = explain(topology, request)
    assert one(explanation).members[1].reason == "pinned"
    given_up = way(explanation, WayKind.PINS)
    assert given_up.bars == (key("00:00.0"),)
    assert WayKind.DRIVERS not in kinds(explanation)
    assert explanation.parts[0].always is not None
    assert explanation.parts[0].always.verdict is Verdict.DOES_NOT_FIT


def test_a_stricter_policy_gives_way_to_safe() -> None:
    topology = over(0, 12, device(0, 1, 4, driver="nvme"), device(1, 8))
    explanation = explain(topology, replace(QUICK, policy=Policy.NEVER))
    assert way(explanation, WayKind.POLICY).options == ("--policy", "safe")
    assert kinds(explanation)[0] is WayKind.POLICY


def test_the_policy_refuse_counts_drivers_outside_of_the_conflict() -> None:
    topology = machine(
        host(device(0, 1, 4, driver="nvme"), device(1, 8), mem=span(0, 12), pref=None, io=None),
        host(function("0001:00:00.0", bar(0, MIB, at=at(32)), driver="ixgbe"), domain=1, mem=span(32, 36)),
    )
    explanation = explain(topology, replace(QUICK, policy=Policy.REFUSE))
    reason = one(explanation).pins[0].reason
    assert reason is not None
    assert "0001:00:00.0" in reason


def test_an_optional_bar_can_lose_its_address() -> None:
    rom = bar("rom", 4 * MIB, at=at(8))
    topology = over(0, 12, function("00:00.0", bar(0, MIB, at=at(0)), rom, driver="ixgbe"), device(1, 4), device(2, 4))
    dropped = way(explain(topology, QUICK), WayKind.OPTIONAL)
    assert dropped.bars == (key("00:00.0", "rom"),)


def test_a_resizable_bar_can_be_smaller() -> None:
    new = function("00:01.0", bar(0, 16 * MIB, sizes=[2 * MIB, 4 * MIB, 8 * MIB, 16 * MIB]))
    topology = over(0, 12, device(0, 1, 4, driver="ixgbe"), new)
    smaller = way(explain(topology, QUICK), WayKind.SIZES)
    assert (smaller.bars, smaller.size) == ((key("00:01.0"),), 4 * MIB)


def test_a_root_window_grows_by_just_enough() -> None:
    explanation = explain(too_small(), QUICK)
    grown = way(explanation, WayKind.WINDOW)
    assert (grown.window, grown.at_start) == (Range.of(at(0), 10 * MIB), True)
    assert (grown.grows, grown.proved) == (MIB, True)
    assert solve(over(-1, 10, *too_small().root_buses[0].functions), QUICK).measures.unplaced == 0


def test_no_less_than_what_a_root_window_grows_by_is_enough() -> None:
    topology = over(0, 4, device(0, 4), port(1, 2, 1))
    grown = way(explain(topology, QUICK), WayKind.WINDOW)
    assert (grown.grows, grown.at_start, grown.proved) == (3 * MIB, False, True)

    def with_end(megabytes: int) -> int:
        return solve(over(0, megabytes, *topology.root_buses[0].functions), QUICK).measures.unplaced

    assert (with_end(7), with_end(6)) == (0, 1)


def test_kernel_parameters_are_found_by_running_the_kernels() -> None:
    topology = over(
        0,
        9,
        bridge(
            "00:00.0", function("01:00.0", bar(0, MIB, at=at(0)), driver="e1000e"), io=None, pref=None, mem=span(0, 4)
        ),
        bridge(
            "00:01.0",
            function("02:00.0", bar(0, MIB, at=at(5)), driver="e1000e"),
            function("02:01.0", bar(0, 4 * MIB)),
            io=None,
            pref=None,
            mem=span(5, 6),
        ),
    )
    found = way(explain(topology, replace(QUICK, policy=Policy.NEVER)), WayKind.KERNEL)
    assert found.parameters == ("realloc",)
    assert "linux-7" in found.kernels
    assert "linux-6.1" not in found.kernels
    result = engine("linux-7")(topology, replace(QUICK, policy=Policy.ALWAYS, options={"realloc": "on"}))
    assert (result.measures.unplaced, result.measures.lost_bars) == (0, 0)


def test_ways_stand_in_the_order_of_their_cost() -> None:
    order = list(WayKind)
    for build in (one_pin, two_pins, too_small):
        found = kinds(explain(build(), QUICK))
        assert found == sorted(found, key=order.index)
        assert found[-1] is WayKind.LEAVE_OUT
