"""The exact engine keeps every rule: what may move, what stands in the way, and what is in breach today."""

from __future__ import annotations

from dataclasses import replace

import pytest

from models.mobility import Policy
from models.placement import Placement
from models.plan import Status
from models.resources import GIB, KIB, MIB, Range
from models.topology import BarIndex, RootWindow, Topology
from solver.cpsat.engine import solve
from solver.request import PRESETS, Request
from solver.result import Result
from tests.topologies import UNKNOWN, bar, bridge, function, host, key, machine, window_key

LOW = 0x80000000
HIGH = 0x4000000000


def solved(
    topology: Topology, policy: Policy = Policy.SAFE, *, status: Status = Status.OPTIMAL, **more: object
) -> Result:
    """The plan, legal and with the status expected."""
    result = solve(topology, replace(Request(policy=policy, workers=1), **more))  # type: ignore[arg-type]
    assert result.breaches == ()
    assert result.plan.status is status
    return result


def at(result: Result, address: str, index: BarIndex = 0) -> int | None:
    """Where the plan puts a BAR."""
    return result.plan.placement.bars[key(address, index)]


def opened(result: Result, address: str, kind: str) -> Range | None:
    """Where the plan puts a window."""
    return result.plan.placement.windows.get(window_key(address, kind))  # type: ignore[arg-type]


# -- what may move --------------------------------------------------------------------------------------------------


def in_the_way(driver: str | None = None) -> Topology:
    """A BAR in the middle of 3 MiB, and a new one of 2 MiB."""
    return machine(
        host(
            function("00:01.0", bar(0, "1M", at=LOW + MIB), driver=driver),
            function("00:02.0", bar(0, "2M")),
            mem=(LOW, LOW + 3 * MIB - 1),
            pref=None,
        )
    )


@pytest.mark.parametrize(
    ("driver", "policy", "unplaced"),
    [
        (None, Policy.SAFE, 0),
        ("nvme", Policy.SAFE, 0),
        ("other", Policy.SAFE, 1),
        (UNKNOWN, Policy.SAFE, 1),
        ("other", Policy.ALWAYS, 0),
        ("nvme", Policy.REFUSE, 0),
        ("other", Policy.REFUSE, 1),
        ("nvme", Policy.NEVER, 1),
        (None, Policy.NEVER, 1),
    ],
)
def test_policies_decide_what_moves(driver: str | None, policy: Policy, unplaced: int) -> None:
    result = solved(in_the_way(driver), policy)
    assert result.measures.unplaced == unplaced
    assert result.measures.moved_bars == 1 - unplaced


def test_refuse_stands_for_the_whole_machine() -> None:
    """One unprepared driver elsewhere keeps a prepared one where it is; under safe it does not."""
    topology = machine(
        host(
            function("00:01.0", bar(0, "1M", at=LOW + MIB), driver="nvme"),
            function("00:02.0", bar(0, "2M")),
            function("00:03.0", bar(0, 256, io=True, at=0x1000), driver="other"),
            mem=(LOW, LOW + 3 * MIB - 1),
            pref=None,
        )
    )
    assert solved(topology, Policy.SAFE).measures.unplaced == 0
    assert solved(topology, Policy.REFUSE).measures.unplaced == 1


def test_moving_an_unprepared_driver_is_said() -> None:
    warnings = solved(in_the_way("other"), Policy.ALWAYS).plan.warnings
    assert warnings == (
        "0000:00:01.0 moves although its driver other is not verified to survive a BAR move (policy always)",
    )


def test_a_pin_holds_under_every_policy() -> None:
    pins = frozenset({key("00:01.0")})
    for policy in (Policy.SAFE, Policy.ALWAYS):
        result = solved(in_the_way(), policy, pins=pins)
        assert result.measures.unplaced == 1
        assert at(result, "00:01.0") == LOW + MIB


def test_a_pin_on_a_new_bar_does_not_keep_it_out() -> None:
    assert solved(in_the_way(), pins=frozenset({key("00:02.0")})).measures.unplaced == 0


def test_a_freed_bar_moves_against_the_policy() -> None:
    result = solved(in_the_way("other"), Policy.NEVER, frees=frozenset({key("00:01.0")}))
    assert result.measures.unplaced == 0
    assert len(result.plan.warnings) == 1


def test_a_fixed_bar_moves_under_no_policy() -> None:
    topology = in_the_way().map_functions(
        lambda one: replace(one, bars=tuple(replace(bar_, fixed=bar_.address is not None) for bar_ in one.bars))
    )
    result = solved(topology, Policy.ALWAYS, frees=frozenset({key("00:01.0")}))
    assert result.measures.unplaced == 1


def test_a_fixed_bar_of_odd_size_is_kept_clear() -> None:
    topology = machine(
        host(
            function("00:01.0", bar(0, 3 * MIB + 4096, at=LOW + 16, fixed=True)),
            function("00:02.0", bar(0, "1M"), bar(1, "1M")),
            mem=(LOW, LOW + 5 * MIB - 1),
            pref=None,
        )
    )
    result = solved(topology)
    assert result.measures.unplaced == 1
    assert LOW + 4 * MIB in (at(result, "00:02.0", 0), at(result, "00:02.0", 1))


# -- where things may stand -----------------------------------------------------------------------------------------


def test_alignment_holds_on_bus_addresses() -> None:
    """The CPU sees the window 1 MiB off: no 2 MiB multiple of the CPU is one of the bus."""
    topology = machine(host(function("00:01.0", bar(0, "2M")), mem=(LOW, LOW + 4 * MIB - 1), pref=None, offset=MIB))
    assert at(solved(topology), "00:01.0") == LOW + MIB


def test_root_windows_with_different_offsets_are_all_used() -> None:
    topology = machine(
        host(
            function("00:01.0", bar(0, "2M", width=64), bar(2, "2M", width=64), bar(4, "2M", width=64)),
            mem=(LOW, LOW + 2 * MIB - 1),
            pref=None,
            windows=[
                RootWindow("mem", Range.of(HIGH + MIB, 3 * MIB), offset=MIB),
                RootWindow("mem", Range.of(2 * HIGH, 2 * MIB), offset=-4 * GIB),
            ],
        )
    )
    result = solved(topology)
    assert {at(result, "00:01.0", index) for index in (0, 2, 4)} == {LOW, HIGH + MIB, 2 * HIGH}


def test_root_windows_with_the_same_bus_addresses_are_apart() -> None:
    topology = machine(
        host(
            function("00:01.0", bar(0, "1M"), bar(1, "1M")),
            mem=None,
            pref=None,
            windows=[RootWindow("mem", Range.of(start, MIB), offset=start - LOW) for start in (HIGH, 2 * HIGH)],
        )
    )
    result = solved(topology)
    assert {at(result, "00:01.0", 0), at(result, "00:01.0", 1)} == {HIGH, 2 * HIGH}


def test_nothing_spans_two_root_windows() -> None:
    touching = [RootWindow("mem", Range.of(LOW + number * MIB, MIB)) for number in range(2)]
    topology = machine(host(function("00:01.0", bar(0, "2M")), mem=None, pref=None, windows=touching))
    assert solved(topology).measures.unplaced == 1
    topology = machine(
        host(bridge("00:01.0", function("01:00.0", bar(0, "1M"), bar(1, "1M"))), mem=None, pref=None, windows=touching)
    )
    assert solved(topology).measures.unplaced == 1


def test_a_32_bit_prefetchable_bar_stays_below_4_gib() -> None:
    topology = machine(function("00:01.0", bar(0, "1M", width=32, pref=True), bar(1, "1M", width=64, pref=True)))
    result = solved(topology)
    assert at(result, "00:01.0", 0) == LOW
    narrow = machine(host(function("00:01.0", bar(0, "1M", width=32, pref=True)), mem=None))
    assert solved(narrow).measures.unplaced == 1


def test_a_32_bit_prefetchable_bar_pulls_its_window_below_4_gib() -> None:
    inner = function("01:00.0", bar(0, "1M", width=32, pref=True), bar(2, "2M", width=64, pref=True))
    result = solved(machine(host(bridge("00:01.0", inner, mem=None, io=None))))
    window = opened(result, "00:01.0", "pref")
    assert window is not None
    assert window.end <= 4 * GIB
    assert result.measures.unplaced == 0


def test_a_32_bit_prefetchable_window_stays_below_4_gib() -> None:
    inner = function("01:00.0", bar(0, "1M", width=64, pref=True))
    topology = machine(host(bridge("00:01.0", inner, pref_width=32, mem=None), mem=None))
    assert solved(topology).measures.unplaced == 1


def test_plain_memory_finds_no_place_in_prefetchable_windows() -> None:
    assert solved(machine(host(function("00:01.0", bar(0, "1M", width=64)), mem=None))).measures.unplaced == 1
    inner = function("01:00.0", bar(0, "1M", width=64))
    assert solved(machine(bridge("00:01.0", inner, mem=None))).measures.unplaced == 1


def test_a_bar_larger_than_every_window_is_proved_unplaced() -> None:
    result = solved(machine(function("00:01.0", bar(0, "2G"), bar(1, "1M"))))
    assert (result.plan.objectives[0].value, result.plan.objectives[0].bound) == (1, 1)
    assert at(result, "00:01.0", 1) == LOW


@pytest.mark.parametrize(("granularity", "placed"), [("4K", 1), ("1K", 4)])
def test_io_windows_come_in_their_bridges_granularity(granularity: str, placed: int) -> None:
    ports = [
        bridge(f"00:0{number}.0", function(f"0{number}:00.0", bar(0, 256, io=True)), io_granularity=granularity)
        for number in range(1, 5)
    ]
    result = solved(machine(host(*ports, io=(0x1000, 0x1FFF))))
    assert result.measures.unplaced == 4 - placed


@pytest.mark.parametrize(("width", "unplaced"), [(16, 1), (32, 0)])
def test_io_windows_reach_by_their_width(width: int, unplaced: int) -> None:
    port = bridge("00:01.0", function("01:00.0", bar(0, "4K", io=True)), io_width=width)
    taken = function("00:02.0", bar(0, "64K", io=True, at=0x0), driver=UNKNOWN)
    result = solved(machine(host(port, taken, io=(0x0, 0x1FFFF))))
    assert result.measures.unplaced == unplaced


def test_io_reach_counts_from_a_root_window_above_64_kib() -> None:
    port = bridge("00:01.0", function("01:00.0", bar(0, "4K", io=True)))
    result = solved(machine(host(port, io=(0x30000, 0x3FFFF))))
    assert at(result, "01:00.0") == 0x30000


def test_reserved_ranges_are_left_alone_on_every_bus() -> None:
    inner = function("01:00.0", bar(0, "1M"))
    topology = machine(
        host(bridge("00:01.0", inner), function("00:02.0", bar(0, "64K")), mem=(LOW, LOW + 2 * MIB - 1), pref=None),
        reserved=[("mem", (LOW, LOW + 0xFFF))],
    )
    result = solved(topology)
    assert at(result, "01:00.0") == LOW + MIB
    assert at(result, "00:02.0") in range(LOW + 64 * KIB, LOW + MIB)


def test_a_bar_that_is_the_reserved_range_itself_may_be_fixed_there() -> None:
    topology = machine(function("00:01.0", bar(0, "4K", at=LOW, fixed=True)), reserved=[("mem", (LOW, LOW + 0xFFF))])
    assert at(solved(topology), "00:01.0") == LOW


def test_vf_blocks_are_aligned_to_one_vf_and_need_room_for_all() -> None:
    topology = machine(
        host(
            function("00:01.0", bar(0, "64K", at=LOW)),
            function("00:02.0", bar("vf0", "64K", copies=15, optional=False)),
            mem=(LOW, LOW + MIB - 1),
            pref=None,
        )
    )
    assert at(solved(topology), "00:02.0", "vf0") == LOW + 64 * KIB
    larger = topology.map_functions(
        lambda one: replace(one, bars=tuple(replace(b, copies=16) if b.index == "vf0" else b for b in one.bars))
    )
    assert solved(larger).measures.unplaced == 1


def test_an_optional_rom_makes_way_for_what_is_required() -> None:
    new = function("00:01.0", bar("rom", "1M"), bar(0, "1M"))
    result = solved(machine(host(new, mem=(LOW, LOW + MIB - 1), pref=None)))
    assert result.measures.unplaced == 0
    assert at(result, "00:01.0", "rom") is None


def test_an_optional_rom_with_an_address_keeps_one() -> None:
    taken = function("00:01.0", bar("rom", "1M", at=LOW), bar(0, "1M"))
    result = solved(machine(host(taken, mem=(LOW, LOW + MIB - 1), pref=None)))
    assert result.measures.unplaced == 1
    assert at(result, "00:01.0", "rom") == LOW


def test_cardbus_windows_are_kept_and_kept_clear() -> None:
    card = bridge("00:01.0", cardbus=[("mem", (LOW, LOW + MIB - 1), False)], io=None, mem=None, pref=None)
    topology = machine(host(card, function("00:02.0", bar(0, "1M")), mem=(LOW, LOW + 2 * MIB - 1), pref=None))
    assert at(solved(topology, Policy.ALWAYS), "00:02.0") == LOW + MIB


# -- subtractive bridges --------------------------------------------------------------------------------------------


def test_behind_a_subtractive_bridge_no_window_is_needed() -> None:
    inner = function("01:00.0", bar(0, "1M"))
    result = solved(machine(bridge("00:01.0", inner, subtractive=True)), minimize=PRESETS["waste"])
    assert result.measures.unplaced == 0
    assert result.measures.wasted_bytes == 0
    assert solved(machine(bridge("00:01.0", inner, subtractive=True))).measures.windows_changed == 0


def test_what_is_outside_a_subtractive_bridges_windows_stands_on_the_parent_bus() -> None:
    topology = machine(
        host(
            bridge("00:01.0", function("01:00.0", bar(0, "1M")), subtractive=True, mem=None, pref=None, io=None),
            function("00:02.0", bar(0, "1M")),
            mem=(LOW, LOW + 2 * MIB - 1),
            pref=None,
        )
    )
    result = solved(topology)
    assert {at(result, "01:00.0"), at(result, "00:02.0")} == {LOW, LOW + MIB}


def test_an_immovable_bar_behind_a_subtractive_bridge_is_overlapped_by_nothing_on_the_parent_bus() -> None:
    """Only BARs on the very bus were obstacles, so a new one was put over one behind a subtractive bridge."""
    inner = function("01:00.0", bar(0, "1M", at=LOW + MIB), driver=UNKNOWN)
    topology = machine(
        host(
            bridge("00:01.0", inner, subtractive=True, mem=(LOW + 2 * MIB, LOW + 2 * MIB + 0x7FFFF), io=None),
            function("00:02.0", bar(0, "2M")),
            mem=(LOW, LOW + 3 * MIB - 1),
            pref=None,
        )
    )
    assert solved(topology).measures.unplaced == 1


def test_a_bridge_before_a_subtractive_one_keeps_room_for_what_lies_behind() -> None:
    """Its window was drawn in over a subtractive bridge without windows, as if nothing stood there."""
    inner = bridge("01:00.0", function("02:00.0", bar(0, 256, io=True)), io=None, mem=None, pref=None, subtractive=True)
    beside = bridge("01:01.0", function("03:00.0", bar(0, "4K", io=True, at=0x2000)), mem=None, pref=None)
    topology = machine(bridge("00:02.0", inner, beside, mem=None, pref=None, io=(0x1000, 0x4FFF)))
    result = solved(topology, Policy.ALWAYS, minimize=PRESETS["waste"])
    assert [objective.value for objective in result.plan.objectives] == [0, 4096 - 256, 0]


# -- breaches of today ----------------------------------------------------------------------------------------------


def test_a_movable_bar_in_breach_moves() -> None:
    result = solved(machine(function("00:01.0", bar(0, "1M", at=LOW + 4096))))
    assert result.measures.moved_bars == 1
    assert [objective.bound for objective in result.plan.objectives][:2] == [0, 1]


def test_of_two_movable_bars_that_overlap_one_moves() -> None:
    topology = machine(function("00:01.0", bar(0, "1M", at=LOW)), function("00:02.0", bar(0, "2M", at=LOW)))
    assert solved(topology).measures.moved_bars == 1


def test_a_movable_bar_on_an_immovable_one_moves() -> None:
    topology = machine(
        function("00:01.0", bar(0, "1M", at=LOW)), function("00:02.0", bar(0, "2M", at=LOW), driver=UNKNOWN)
    )
    result = solved(topology)
    assert at(result, "00:02.0") == LOW
    assert result.measures.moved_bars == 1


def test_an_immovable_bar_in_breach_stays() -> None:
    topology = machine(
        function("00:01.0", bar(0, "1M", at=LOW + 4096), driver=UNKNOWN),
        function("00:02.0", bar(0, "1M", at=LOW + 8192), driver=UNKNOWN),
        function("00:03.0", bar(0, "1M", at=0x10000000), driver=UNKNOWN),
        function("00:04.0", bar(0, "1M")),
    )
    result = solved(topology)
    assert result.measures.moved_bars == 0
    assert at(result, "00:04.0") == LOW + 2 * MIB


def test_a_movable_bar_outside_of_its_windows_stays_where_a_window_can_come_to_it() -> None:
    """It counted as one that has to move, and a plan that moves it was called optimal."""
    topology = machine(bridge("00:01.0", function("01:00.0", bar(0, "1M", at=LOW + 3 * MIB))))
    result = solved(topology)
    assert [(objective.value, objective.bound) for objective in result.plan.objectives] == [(0, 0), (0, 0), (1, 1)]
    assert at(result, "01:00.0") == LOW + 3 * MIB


def test_a_movable_bar_outside_of_all_root_windows_moves_into_one() -> None:
    result = solved(machine(function("00:01.0", bar(0, "1M", at=0x10000000))))
    assert at(result, "00:01.0") == LOW


def test_a_greedy_plan_that_leaves_a_breach_alone_is_not_taken_over() -> None:
    """A new BAR beside one in breach made the kernel's plan the first one, and that leaves the breach alone."""
    topology = machine(
        host(
            function("00:01.0", bar(2, "2M", width=64, pref=True, at=HIGH + 3 * MIB), bar(0, "4K", io=True)),
            mem=None,
            pref=(HIGH, HIGH + 8 * MIB - 1),
        )
    )
    result = solved(topology, Policy.ALWAYS)
    assert [(objective.value, objective.bound) for objective in result.plan.objectives] == [(0, 0), (1, 1), (0, 0)]


def test_a_window_in_breach_may_stay() -> None:
    topology = machine(
        bridge("00:01.0", mem=(LOW, LOW + 0x17FFFF), io=None, pref=None),
        bridge("00:02.0", mem=(LOW + 0x100000, LOW + 0x1FFFFF), io=None, pref=None),
    )
    assert solved(topology).measures.windows_changed == 0


def test_a_window_in_breach_takes_in_nothing_new_that_it_overlaps() -> None:
    """What stays in breach was compared with its own bus's items only as far as they were inside the model's places."""
    topology = machine(
        host(
            function("00:00.0", bar(0, "64K")),
            bridge("00:01.0", mem=(0x8FF80000, 0x9007FFFF), io=None, pref=None),
            mem=(0x90000000, 0x903FFFFF),
            pref=None,
            offset=0x10000000,
        )
    )
    address = at(solved(topology), "00:00.0")
    assert address is not None
    assert address >= 0x90080000


def test_a_homeless_window_behind_a_subtractive_bridge_is_kept_clear_on_the_parent_bus() -> None:
    """A BAR from behind the bridge was put over the bridge's own window, which lies in no window."""
    inner = bridge(
        "01:00.0",
        function("02:00.0", bar(0, "4M"), bar(2, "4M", width=64, pref=True)),
        mem=(LOW + 3 * MIB, LOW + 8 * MIB - 1),
        io=None,
        pref=None,
        subtractive=True,
    )
    topology = machine(host(bridge("00:02.0", inner, io=None, mem=None), mem=(LOW, LOW + 8 * MIB - 1), pref=None))
    assert solved(topology, status=Status.OPTIMAL).legal


def test_a_window_in_breach_that_closes_wastes_nothing() -> None:
    """A closed window that might have stayed in breach had any length, even a negative one."""
    inner = function("01:00.0", bar(0, "64K", width=64, pref=True))
    topology = machine(bridge("00:01.0", inner, mem=(0x70000000, 0x700FFFFF), io=None))
    result = solved(topology, minimize=PRESETS["waste"])
    assert [objective.bound for objective in result.plan.objectives] == [0, MIB - 64 * KIB, 0]


def test_an_address_outside_of_root_windows_blocks_no_bus_address_inside() -> None:
    """The CPU address of a BAR outside was taken for a bus address inside, and the room there was lost."""
    topology = machine(
        host(
            function("00:01.0", bar(0, "1M", at=LOW), driver=UNKNOWN),
            function("00:02.0", bar(0, "1M")),
            mem=(0x90000000, 0x900FFFFF),
            pref=None,
            offset=0x10000000,
        )
    )
    assert at(solved(topology), "00:02.0") == 0x90000000


def test_waste_floors_count_only_while_all_are_placed() -> None:
    """One of four BARs fits: the rounding of all four was taken as a bound for plans with one."""
    ports = [
        bridge(f"01:0{number}.0", function(f"0{number}:00.0", bar(0, "64K")), io=None, pref=None)
        for number in range(2, 5)
    ]
    topology = machine(
        host(
            bridge("00:01.0", *ports, function("01:00.0", bar(0, "1M")), secondary=1, io=None, pref=None),
            mem=(LOW, LOW + MIB - 1),
            pref=None,
        )
    )
    result = solved(topology, minimize=PRESETS["waste"])
    assert [(objective.value, objective.bound) for objective in result.plan.objectives] == [(3, 3), (0, 0), (0, 0)]


# -- no plan, and nothing to plan -----------------------------------------------------------------------------------


def test_what_has_to_move_and_cannot_is_infeasible() -> None:
    topology = machine(
        host(
            function("00:01.0", bar(0, "1M", at=LOW), driver=UNKNOWN),
            function("00:02.0", bar(0, "1M", at=LOW)),
            mem=(LOW, LOW + MIB - 1),
            pref=None,
        )
    )
    result = solved(topology, status=Status.INFEASIBLE)
    assert result.plan.placement.bars == Placement.today(topology).bars
    assert [(objective.value, objective.bound) for objective in result.plan.objectives] == [(None, None)] * 3
    assert any("0000:00:02.0 BAR 0" in warning for warning in result.plan.warnings)


def test_a_machine_where_nothing_is_placed_is_filled() -> None:
    inner = function(
        "01:00.0",
        bar(0, "16M"),
        bar(1, "256M", width=64, pref=True),
        bar(3, "32M", width=64, pref=True),
        bar(5, 128, io=True),
    )
    topology = machine(bridge("00:01.0", inner), function("00:02.0", bar(0, "16K"), bar("rom", "64K")))
    for preset in PRESETS.values():
        result = solved(topology, minimize=preset)
        assert result.measures.unplaced == 0
        assert result.measures.lost_bars == 0


def test_root_buses_without_windows_place_nothing() -> None:
    topology = machine(host(function("00:01.0", bar(0, "1M")), mem=None, pref=None, io=None))
    assert solved(topology).measures.unplaced == 1
