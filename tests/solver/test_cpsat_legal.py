"""The exact engine keeps every rule: what may move, and what stands in the way."""

from __future__ import annotations

from dataclasses import replace

import pytest

from models.mobility import Policy
from models.placement import Placement
from models.plan import Status
from models.resources import GIB, KIB, MIB, Range
from models.topology import RootWindow, Topology
from solver.request import PRESETS
from tests.plans import at, opened, solved
from tests.topologies import UNKNOWN, bar, bridge, function, host, key, machine

LOW = 0x80000000
HIGH = 0x4000000000


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
