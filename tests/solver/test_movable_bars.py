"""The greedy of the movable-BARs work, against small cases worked by hand; offsets in the texts are in MiB."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings

from benchmarks.corpus_counts import refusal_of
from models.edit import plug
from models.errors import InputError
from models.mobility import Policy
from models.resources import MIB, Range
from models.sources.machine import read_machine
from models.topology import BarKey, Function, Topology, WindowKey
from solver.engines import engine
from solver.kernel.parameters import Parameters
from solver.movable.ladder import rungs
from solver.request import Request
from solver.result import Result
from tests.corpus import machines, needs_corpus
from tests.pitfalls import PITFALLS, at, device, inner, over, port, span
from tests.random_machines import machines as random_machines
from tests.topologies import bar, bridge, function, host, key, machine, window_key


def run(topology: Topology, request: Request | None = None) -> Result:
    return engine("movable-bars")(topology, request or Request())


def where(result: Result) -> dict[BarKey, float | None]:
    """Offset of every BAR in MiB; ``None`` = no address."""
    return {
        planned.key: None if planned.after is None else (planned.after - at(0)) / MIB for planned in result.plan.bars
    }


def window(result: Result, address: str) -> tuple[float, float] | None:
    """The memory window of a bridge in MiB, its end excluded."""
    found = result.plan.placement.windows.get(window_key(address, "mem"))
    return None if found is None else ((found.start - at(0)) / MIB, (found.end - at(0)) / MIB)


def outcome(result: Result) -> tuple[int, int, int]:
    """Unplaced, moved and lost BARs of a plan that breaks no rule."""
    assert result.legal, result.breaches
    return result.measures.unplaced, result.measures.moved_bars, result.measures.lost_bars


def fixed_in(*more: Function, at_: float = 6, outer: tuple[float, float] = (0, 16), today: float = 0) -> Topology:
    """A fixed BAR of 1 MiB behind a bridge, whose window begins at ``today``, with more behind the bridge."""
    last = device(1, 9, 1, at_, fixed=True)
    return over(*outer, inner("00:00.0", *more, last, window=span(today, at_ + 1)))


# -- release, sort, assign --------------------------------------------------------------------------------------------


def test_everything_movable_is_assigned_again_by_alignment() -> None:
    """P6: 1@4 and 1@12 are released; the new 8 goes first to 0, then 1 to 8 and 1 to 9."""
    result = run(PITFALLS["P6"].build())
    assert where(result) == {key("00:00.0"): 8, key("00:01.0"): 9, key("00:02.0"): 0}
    assert outcome(result) == (0, 2, 0)


def test_windows_are_sized_from_scratch() -> None:
    """P7: the first port needs 1 now, not its 8; the second asks for 4, goes first to [0,4), the other to [4,5)."""
    result = run(PITFALLS["P7"].build())
    assert (window(result, "00:00.0"), window(result, "00:01.0")) == ((4, 5), (0, 4))
    assert outcome(result) == (0, 1, 0)


def test_tail_is_rounded_as_in_the_kernel_of_its_time() -> None:
    """P15: the second port has 1 + 4, aligned to 2 and rounded to 6: [0,6), 4@0, 1@4; the first gets [6,7)."""
    result = run(PITFALLS["P15"].build())
    assert (window(result, "00:00.0"), window(result, "00:01.0")) == ((6, 7), (0, 6))
    assert where(result) == {key("01:00.0"): 6, key("02:00.0"): 4, key("02:01.0"): 0}
    assert outcome(result) == (0, 2, 0)


def test_nothing_moves_that_may_not() -> None:
    """Policy never on P6: 1@4 and 1@12 stay, so that there is no slot of 8."""
    result = run(PITFALLS["P6"].build(), Request(policy=Policy.NEVER))
    assert where(result) == {key("00:00.0"): 4, key("00:01.0"): 12, key("00:02.0"): None}
    assert outcome(result) == (1, 0, 0)


def test_a_pinned_bar_stays_and_the_rest_goes_around_it() -> None:
    """P6 with 1@4 pinned: 8 goes to 8, the other 1 to 0."""
    result = run(PITFALLS["P6"].build(), Request(pins=frozenset({key("00:00.0")})))
    assert where(result) == {key("00:00.0"): 4, key("00:01.0"): 0, key("00:02.0"): 8}


# -- hulls ------------------------------------------------------------------------------------------------------------


def test_a_window_larger_than_its_hull_ends_with_it() -> None:
    """Hull [6,7); 2 and the fixed 1 make 3, aligned to 1: the search starts at 7 - 3 = 4, [4,7) covers the hull."""
    result = run(fixed_in(device(1, 0, 2)))
    assert window(result, "00:00.0") == (4, 7)
    assert where(result) == {key("01:00.0"): 4, key("01:09.0"): 6}
    assert outcome(result) == (0, 0, 0)


def test_a_window_no_larger_than_its_hull_begins_with_it() -> None:
    """Hull [2,10) of two BARs of 1, more than their sum of 2: [2,10), whatever else there is; 2 goes inside."""
    topology = over(
        0, 16, inner("00:00.0", device(1, 0, 1, 2, fixed=True), device(1, 1, 1, 9, fixed=True), window=span(2, 10))
    )
    assert window(run(topology), "00:00.0") == (2, 10)
    more = plug(topology, "mem32:2M@00:00.0")
    result = run(more)
    assert window(result, "00:00.0") == (2, 10)
    assert where(result)[key("01:02.0")] == 4


def test_hulls_add_up_over_the_levels() -> None:
    """The inner window covers [3,4), the outer one that and [8,9): [3,9); the new 2 goes to 4 beside the inner one."""
    topology = over(
        0,
        16,
        inner(
            "00:00.0",
            inner("01:00.0", device(2, 0, 1, 3, fixed=True), window=span(3, 4)),
            device(1, 1, 1, 8, fixed=True),
            device(1, 2, 2),
            window=span(3, 9),
        ),
    )
    result = run(topology)
    assert (window(result, "00:00.0"), window(result, "01:00.0")) == ((3, 9), (3, 4))
    assert where(result)[key("01:02.0")] == 4
    assert outcome(result) == (0, 0, 0)


def test_fixed_bar_of_the_root_bus_is_avoided() -> None:
    """P8b: the fixed 1@6 goes first, then 8 to 8."""
    assert where(run(PITFALLS["P8b"].build())) == {key("00:00.0"): 8, key("00:01.0"): 6}


def test_hull_counts_where_the_bar_is_and_not_by_its_type() -> None:
    """A 32-bit prefetchable BAR that stands in a 64-bit prefetchable window keeps that window."""
    topology = over(
        0,
        16,
        bridge("00:00.0", function("01:00.0", bar(0, "1M", pref=True, at=at(2), fixed=True)), io=None, pref=span(2, 3)),
    )
    result = run(topology)
    assert result.plan.placement.windows[window_key("00:00.0", "pref")] == Range.inclusive(*span(2, 3))
    assert outcome(result) == (0, 0, 0)


def test_legacy_ranges_are_in_no_hull() -> None:
    """A fixed BAR at 0xa0000 is no reason for a window there."""
    vga = function("01:00.0", bar(0, "128K", at=0xA0000, fixed=True), bar(1, "1M"))
    low = host(inner("00:00.0", vga), mem=(0xA0000, 0x1FFFFFFF), pref=None, io=None)
    result = run(machine(low))
    # 1 MiB is the lowest address of a window on x86.
    assert result.plan.placement.windows[window_key("00:00.0", "mem")] == Range.of(MIB, MIB)
    assert outcome(result) == (0, 0, 0)


def test_covering_the_hull_is_not_enough_for_what_is_inside() -> None:
    """Hull [5,6), 16 + 1 make 24 at 8: 6 - 24 < 0, so [0,24); the fixed 1@5 then leaves no slot of 16."""
    result = run(fixed_in(device(1, 0, 16), at_=5, outer=(0, 64), today=5))
    assert window(result, "00:00.0") == (0, 24)
    assert outcome(result) == (1, 0, 0)


def _two_hulls(*behind_first: Function) -> Topology:
    """Two ports with one fixed BAR each, at 0 and at 2."""
    return over(
        0,
        16,
        inner("00:00.0", device(1, 9, 1, 0, fixed=True), *behind_first, window=span(0, 1)),
        inner("00:01.0", device(2, 0, 1, 2, fixed=True), window=span(2, 3)),
    )


def test_first_fit_that_misses_the_hull_fails() -> None:
    """The first port grows to [0,3); the second may begin at 2 at most, its first fit is 3: the new 2 is given up."""
    result = run(_two_hulls(device(1, 0, 2)))
    assert (window(result, "00:00.0"), window(result, "00:01.0")) == ((0, 1), (2, 3))
    assert outcome(result) == (1, 0, 0)
    given_up = next(planned for planned in result.plan.bars if planned.key == key("01:00.0"))
    assert given_up.why == "given up so that nothing that works is lost"
    assert any("without the new device 0000:01:00.0" in line for line in result.log)


def test_windows_with_a_hull_go_by_address() -> None:
    """The second port goes to [2,3) although it comes later and the first one, without a hull, is aligned to 4."""
    topology = over(0, 8, port(0, 4), inner("00:01.0", device(2, 0, 1, 2, fixed=True), window=span(2, 3)))
    result = run(topology)
    assert (window(result, "00:00.0"), window(result, "00:01.0")) == ((4, 8), (2, 3))


# -- optional bytes ---------------------------------------------------------------------------------------------------


def _reserve(*more: Function) -> Result:
    """A hotplug port with a fixed 1@4 behind it and a reserve of 4, on a root bus of 8."""
    topology = over(0, 8, inner("00:00.0", device(1, 0, 1, 4, fixed=True), window=span(4, 5), hotplug=True), *more)
    return run(topology, Request(options={"hpmmiosize": "4M", "hpmmioprefsize": "0"}))


def test_reserve_of_a_window_with_a_hull() -> None:
    """1 needed, 4 with the reserve: the search starts at 5 - 4 = 1."""
    assert window(_reserve(), "00:00.0") == (1, 5)


def test_reserve_is_given_up_and_asked_for_again() -> None:
    """With [1,5) the BAR of 4 has no slot; with [4,5) it goes to 0, and the window then grows to [4,8)."""
    result = _reserve(device(0, 1, 4))
    assert where(result)[key("00:01.0")] == 0
    assert window(result, "00:00.0") == (4, 8)


# -- the ladder -------------------------------------------------------------------------------------------------------


def test_steps_of_the_ladder() -> None:
    """Reserves, then all that failed before, then new devices one by one, what is behind a bridge before the bridge."""
    new = inner("00:01.0", function("02:00.0", bar(0)), function("02:01.0", bar(0)), hotplug=True)
    half = function("00:02.0", bar(0, at=at(0)), bar(1), bar(2))
    root = host(device(0, 0, 1, 4), new, half, function("00:03.0", bar(0)))
    steps = list(rungs(root, Parameters()))
    assert [step.without for step in steps] == [
        "",
        "the extra sizes of windows",
        "the 2 BARs not assigned before",
        "the new device 0000:02:00.0",
        "the new device 0000:02:01.0",
        "the new device 0000:00:03.0",
    ]
    assert [step.parameters.memory_reserve for step in steps] == [2 * MIB] + [0] * 5
    failed = {key("00:02.0", 1), key("00:02.0", 2)}
    assert steps[2].dropped == failed
    assert steps[-1].dropped == failed | {key("02:00.0"), key("02:01.0"), key("00:03.0")}
    assert not steps[1].dropped


def test_bars_that_failed_before_go_first() -> None:
    """On 6 the second port's 4 + 1 become 6, and the first port would lose 1@0: without the 4 both fit."""
    topology = over(
        0,
        6,
        inner("00:00.0", device(1, 0, 1, 0), window=span(0, 4)),
        inner("00:01.0", function("02:00.0", bar(0, "1M", at=at(5)), bar(1, "4M")), window=span(5, 6)),
    )
    result = run(topology)
    assert (window(result, "00:00.0"), window(result, "00:01.0")) == ((0, 1), (1, 2))
    assert outcome(result) == (1, 1, 0)


def test_new_devices_are_given_up_one_by_one() -> None:
    """The new 8 takes [0,8) from the working 2. Given up after the new 1, both are; given up before it, only it is."""
    working, one, eight = device(0, 0, 2, 0), device(0, 1, 1), device(0, 2, 8)
    assert where(run(over(0, 8, working, one, eight))) == {
        key("00:00.0"): 0,
        key("00:01.0"): None,
        key("00:02.0"): None,
    }
    first = device(0, 1, 8), device(0, 2, 1)
    assert where(run(over(0, 8, working, *first))) == {key("00:00.0"): 0, key("00:01.0"): None, key("00:02.0"): 2}


def test_new_device_that_fits_nowhere_costs_nothing() -> None:
    """The new 16 fails, the working 1 is moved to 0, and nobody is given up."""
    result = run(over(0, 8, device(0, 0, 1, 4), device(0, 1, 16)))
    assert outcome(result) == (1, 1, 0)
    assert not any("once more" in line for line in result.log)


def test_old_placement_stands_at_the_end_of_the_ladder() -> None:
    """P1 assigned as in its witness: 9 are rounded to 12, which do not fit into 10, so nothing changes."""
    topology = over(0, 10, inner("00:00.0", device(1, 0, 1, 8), device(1, 1, 8, 0), window=span(0, 9)))
    result = run(topology)
    assert outcome(result) == (0, 0, 0)
    assert result.measures.windows_changed == 0
    assert result.log[-1].endswith("the old placement stands")
    assert "old placement stands" in result.plan.warnings[0]


def test_other_root_buses_do_not_suffer() -> None:
    """What is lost on one root bus leaves the other one assigned again."""
    stuck = over(0, 10, inner("00:00.0", device(1, 0, 1, 8), device(1, 1, 8, 0), window=span(0, 9))).root_buses[0]
    other = host(function("80:00.0", bar(0, "1M", at=at(24))), mem=span(16, 32), pref=None, io=None, bus=0x80)
    result = run(machine(stuck, other))
    assert where(result)[key("80:00.0")] == 16
    assert where(result)[key("01:00.0")] == 8


def test_nothing_is_movable_beside_a_transparent_bridge() -> None:
    """P6 with such a bridge: the new 8 has no slot, and nothing moves."""
    topology = over(
        0, 16, device(0, 0, 1, 4), device(0, 1, 1, 12), device(0, 2, 8), bridge("00:1e.0", subtractive=True)
    )
    result = run(topology)
    assert outcome(result) == (1, 0, 0)
    assert "transparent" in result.log[0]


def test_cardbus_windows_and_what_is_behind_stay() -> None:
    """The windows are in the way: the new 8 has [0,8) left of [0,16), and the card behind keeps its address."""
    card = function("05:00.0", bar(0, "1M", at=at(9)))
    cardbus = bridge("00:01.0", card, io=None, mem=None, pref=None, cardbus=[("mem", span(8, 10), False)], driver=None)
    result = run(over(0, 16, device(0, 0, 1, 2), device(0, 2, 4), cardbus))
    assert where(result) == {key("00:00.0"): 4, key("00:02.0"): 0, key("05:00.0"): 9}
    assert outcome(result) == (0, 1, 0)


def test_reserved_ranges_are_avoided() -> None:
    topology = machine(host(device(0, 0, 4), mem=span(0, 16), pref=None, io=None), reserved=[("mem", span(1, 2))])
    assert where(run(topology)) == {key("00:00.0"): 4}


# -- pitfalls, options, real machines ---------------------------------------------------------------------------------

UNPLACED = {
    "P1": 2,
    "P2": 2,
    "P2b": 2,
    "P4": 2,
    "P5": 1,
    "P9": 2,
    "P10": 3,
    "P12": 1,
    "P12 small": 1,
    "P14": 3,
    "P16": 17,
}
"""Pitfalls of sizing and first fit, which stay those of the kernel; the others come from never moving, and vanish."""


@pytest.mark.parametrize("name", PITFALLS)
def test_pitfalls(name: str) -> None:
    result = run(PITFALLS[name].build(), Request(options=PITFALLS[name].options))
    unplaced, _, lost = outcome(result)
    assert (unplaced, lost) == (UNPLACED.get(name, 0), 0)


def test_options_are_kernel_parameters() -> None:
    with pytest.raises(InputError, match="unknown option 'top_down'"):
        run(PITFALLS["P1"].build(), Request(options={"top_down": "on"}))


@settings(max_examples=60, deadline=None)
@given(random_machines)
def test_nothing_is_lost_and_what_may_not_move_stays(topology: Topology) -> None:
    result = run(topology)
    assert result.measures.lost_bars == 0
    assert not {breach.rule for breach in result.breaches} & {"immovable", "kept"}


def name_of(folder: Path) -> str:
    return f"{folder.parent.name}/{folder.name}"


READABLE = [folder for folder in machines() if refusal_of(name_of(folder)) is None]


@cache
def topology_of(folder: Path) -> Topology:
    return read_machine([folder]).topology


@needs_corpus
@pytest.mark.parametrize("folder", READABLE, ids=name_of)
def test_real_machines_lose_nothing(folder: Path) -> None:
    """As they are, and with a disk plugged into each hotplug port that has a free number."""
    topology = topology_of(folder)
    plugged = topology
    for key_, _ in topology.windows():
        plugged = _with_disk(plugged, key_)
    for policy in (Policy.SAFE, Policy.ALWAYS):
        for changed in (topology, plugged):
            result = run(changed, Request(policy=policy))
            assert result.measures.lost_bars == 0
            assert not {breach.rule for breach in result.breaches} & {"immovable", "kept", "nesting", "disjoint"}


def _with_disk(topology: Topology, window_: WindowKey) -> Topology:
    found = topology.function(window_.bridge)
    if found is None or found.bridge is None or not found.bridge.hotplug or window_.kind != "mem":
        return topology
    try:
        return plug(topology, f"nvme@{window_.bridge}")
    except InputError:  # no bus number behind it, or all device numbers taken
        return topology
