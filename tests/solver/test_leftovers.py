"""Optional BARs without an address get one where it costs nothing, and only there."""

from __future__ import annotations

from random import Random

import pytest

from models.legality import new_breaches
from models.placement import Placement, measure
from models.topology import Bar, Topology
from solver.arrangement import Arrangement
from solver.building import problems
from solver.cpsat.engine import solve
from solver.leftovers import place_leftovers
from solver.problem import cpu_range
from solver.request import PRESETS, Request
from tests.random_machines import random_machine
from tests.topologies import bar, bridge, changed, function, key, machine, window_key

MOVES = Request(time_limit=20.0, workers=1)
MEM = 0x80000000


def filled(topology: Topology, placement: Placement, request: Request = MOVES) -> Placement:
    """The placement with the leftovers placed; every root bus by itself."""
    result = Placement(dict(placement.bars), dict(placement.windows))
    for problem in problems(topology, request.mobility(topology)):
        arrangement = Arrangement()
        for item in (item for item in problem.bars if item.movable):
            at = placement.bars.get(item.key)
            arrangement.bars[item.key] = None if at is None else problem.coordinates.of(item.space, at)
        for window in problem.windows:
            range_ = placement.windows.get(window.key)
            span = None if range_ is None else problem.coordinates.of_range(window.space, range_)
            arrangement.windows[window.key] = span
        spaces = {item.key: item.space for item in problem.bars}
        after = place_leftovers(problem, arrangement, request.minimize)
        for key_, at in after.bars.items():
            if at is not None and at != arrangement.bars[key_]:
                result.bars[key_] = problem.coordinates.address(spaces[key_], at)
        for window in problem.windows:
            span = after.windows[window.key]
            if span is not None and span != arrangement.windows[window.key]:
                result.windows[window.key] = cpu_range(problem, window.space, span)
    assert not new_breaches(topology, result, immovable=request.mobility(topology).immovable)
    before, now = measure(topology, placement), measure(topology, result)
    assert all(now.value(name) <= before.value(name) for name in request.minimize)
    return result


def port(*bars: Bar, last: int) -> Topology:
    """A port whose memory window begins at 2 GiB and ends at ``last``."""
    return machine(bridge("00:01.0", function("01:00.0", *bars), mem=(MEM, last)))


class TestRoomInAWindow:
    def test_all_that_fits_gets_a_place_and_the_window_stays(self) -> None:
        topology = port(bar(0, "1M", at=MEM), bar("rom", "64K"), bar("vf0", "16K", copies=8), last=0x801FFFFF)
        after = filled(topology, Placement.today(topology))
        assert after.bars == {
            key("01:00.0", 0): MEM,
            key("01:00.0", "vf0"): 0x80100000,
            key("01:00.0", "rom"): 0x80120000,
        }
        assert after.windows == Placement.today(topology).windows

    def test_the_tightest_gap_first(self) -> None:
        """One of 64 KiB between two BARs, and the rest of the window."""
        topology = port(bar(0, "64K", at=MEM), bar(1, "64K", at=0x80020000), bar("rom", "64K"), last=0x800FFFFF)
        assert filled(topology, Placement.today(topology)).bars[key("01:00.0", "rom")] == 0x80010000

    def test_the_largest_first_and_the_rest_left_out(self) -> None:
        topology = port(bar(0, "512K", at=MEM), bar("rom", "256K"), bar("vf0", "64K", copies=8), last=0x800FFFFF)
        after = filled(topology, Placement.today(topology))
        assert after.bars[key("01:00.0", "vf0")] == 0x80080000
        assert after.bars[key("01:00.0", "rom")] is None

    def test_on_a_root_bus(self) -> None:
        topology = machine(function("00:05.0", bar(0, "1M", at=MEM), bar("rom", "64K")))
        assert filled(topology, Placement.today(topology)).bars[key("00:05.0", "rom")] == 0x80100000
        headroom = Request(minimize=PRESETS["headroom"])
        assert filled(topology, Placement.today(topology), headroom).bars[key("00:05.0", "rom")] is None


class TestWindows:
    def test_one_that_stays_gets_no_longer(self) -> None:
        topology = port(bar(0, "1M", at=MEM), bar("rom", "64K"), last=0x800FFFFF)
        assert filled(topology, Placement.today(topology)).bars[key("01:00.0", "rom")] is None

    def test_one_that_opens_anyway_may_be_longer(self) -> None:
        topology = machine(bridge("00:01.0", function("01:00.0", bar(0, "1M"), bar("rom", "64K"))))
        opened = changed(topology, {key("01:00.0"): MEM}, {window_key("00:01.0", "mem"): (MEM, 0x800FFFFF)})
        after = filled(topology, opened)
        assert after.bars[key("01:00.0", "rom")] == 0x80100000
        assert after.windows[window_key("00:01.0", "mem")].last == 0x801FFFFF  # type: ignore[union-attr]

    def test_but_not_where_waste_counts(self) -> None:
        topology = machine(bridge("00:01.0", function("01:00.0", bar(0, "1M"), bar("rom", "64K"))))
        opened = changed(topology, {key("01:00.0"): MEM}, {window_key("00:01.0", "mem"): (MEM, 0x800FFFFF)})
        waste = Request(minimize=PRESETS["waste"])
        assert filled(topology, opened, waste).bars[key("01:00.0", "rom")] is None

    def test_the_windows_around_it_follow_if_they_change_as_well(self) -> None:
        inner = bridge("01:00.0", function("02:00.0", bar(0, "1M"), bar("rom", "64K")))
        topology = machine(bridge("00:01.0", inner))
        both = {window_key(address, "mem"): (MEM, 0x800FFFFF) for address in ("00:01.0", "01:00.0")}
        after = filled(topology, changed(topology, {key("02:00.0"): MEM}, both))
        assert after.bars[key("02:00.0", "rom")] == 0x80100000
        assert {range_.last for range_ in after.windows.values() if range_ is not None} == {0x801FFFFF}

    def test_and_not_where_one_around_it_stays(self) -> None:
        inner = bridge("01:00.0", function("02:00.0", bar(0, "1M"), bar("rom", "64K")))
        topology = machine(bridge("00:01.0", inner, mem=(MEM, 0x800FFFFF)))
        after = filled(
            topology, changed(topology, {key("02:00.0"): MEM}, {window_key("01:00.0", "mem"): (MEM, 0x800FFFFF)})
        )
        assert after.bars[key("02:00.0", "rom")] is None

    def test_a_neighbour_is_not_run_over(self) -> None:
        topology = machine(
            bridge("00:01.0", function("01:00.0", bar(0, "1M"), bar("rom", "64K"))),
            bridge("00:02.0", function("02:00.0", bar(0, "1M", at=0x80200000)), mem=(0x80200000, 0x802FFFFF)),
        )
        opened = changed(
            topology, {key("01:00.0"): 0x80100000}, {window_key("00:01.0", "mem"): (0x80100000, 0x801FFFFF)}
        )
        after = filled(topology, opened)
        assert after.bars[key("01:00.0", "rom")] == 0x800F0000

    def test_nothing_is_done_behind_a_subtractive_bridge(self) -> None:
        topology = machine(bridge("00:01.0", function("01:00.0", bar("rom", "64K")), subtractive=True))
        assert filled(topology, Placement.today(topology)) == Placement.today(topology)


@pytest.mark.parametrize("seed", range(10))
def test_plans_of_random_machines_stay_legal_and_get_no_worse(seed: int) -> None:
    topology = random_machine(Random(seed))
    request = Request(time_limit=5.0, workers=1, minimize=PRESETS[("moves", "waste")[seed % 2]])
    placement = solve(topology, request).plan.placement
    filled(topology, placement, request)
