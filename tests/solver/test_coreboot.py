"""coreboot's allocator against small cases worked by hand; offsets in the texts are in MiB, searches from the top."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings

from benchmarks.corpus_counts import refusal_of
from models.edit import plug
from models.errors import InputError
from models.legality import today_breaches
from models.mobility import Policy
from models.resources import GIB, KIB, MIB, Range, WindowKind
from models.sources.machine import read_machine
from models.topology import BarKey, RootWindow, Topology
from solver.coreboot.options import Options, parse_options
from solver.engines import engine
from solver.request import Request
from solver.result import Result
from tests.corpus import machines, needs_corpus
from tests.pitfalls import PITFALLS, at, device, inner, over, port, span
from tests.random_machines import machines as random_machines
from tests.topologies import bar, bridge, function, host, key, machine, window_key


def run(topology: Topology, policy: Policy = Policy.SAFE, **options: str) -> Result:
    return engine("coreboot")(topology, Request(policy=policy, options=options))


def where(result: Result) -> dict[BarKey, float | None]:
    """Offset of every BAR in MiB; ``None`` = no address."""
    return {
        planned.key: None if planned.after is None else (planned.after - at(0)) / MIB for planned in result.plan.bars
    }


def window(result: Result, address: str, kind: WindowKind = "mem") -> tuple[float, float] | None:
    """A window of a bridge in MiB, its end excluded."""
    found = result.plan.placement.windows.get(window_key(address, kind))
    return None if found is None else ((found.start - at(0)) / MIB, (found.end - at(0)) / MIB)


def reason(result: Result, bar_key: BarKey) -> str | None:
    return next(planned.why for planned in result.plan.bars if planned.key == bar_key)


# -- packing ----------------------------------------------------------------------------------------------------------


def test_largest_first_and_no_rounding_of_the_tail() -> None:
    """P1: 8 at offset 0, 1 at 8, 9 in all, aligned to 8; in [0,10) that is [0,9)."""
    result = run(PITFALLS["P1"].build())
    assert window(result, "00:00.0") == (0, 9)
    assert where(result) == {key("01:00.0"): 8, key("01:01.0"): 0}
    assert result.legal


def test_offsets_are_fixed_level_by_level() -> None:
    """P17: ports of 17 at 16 and of 8 at 8; the second goes to offset 24, 32 in all, at 16; the top is 1024 - 32."""
    result = run(PITFALLS["P17"].build())
    assert window(result, "00:00.0") == (992, 1024)
    assert (window(result, "01:00.0"), window(result, "01:01.0")) == ((992, 1009), (1016, 1024))
    assert where(result) == {key("02:00.0"): 992, key("02:01.0"): 1008, key("03:00.0"): 1016}


def test_head_of_a_window_is_never_used() -> None:
    """P3: 4, 2, 2 make 8 at 4, and [1,10) has no 8 at a multiple of 4 below 10; a window [2,10) would do."""
    result = run(PITFALLS["P3"].build())
    assert result.measures.unplaced == 3
    assert reason(result, key("01:00.0")) == "did not fit"


def test_ties_of_alignment_go_by_size() -> None:
    """P2: the window of 20 at 16 goes before the BAR of 16: [16,36) from the top, the BAR at 0."""
    result = run(PITFALLS["P2"].build())
    assert window(result, "00:00.0") == (16, 36)
    assert where(result)[key("00:01.0")] == 0


def test_from_the_bottom() -> None:
    """P2 the other way: the window takes [0,20), and 16 finds no slot below 36."""
    result = run(PITFALLS["P2"].build(), top_down="off")
    assert window(result, "00:00.0") == (0, 20)
    assert where(result)[key("00:01.0")] is None


def test_small_bars_take_a_page_on_the_root_bus_and_no_more_than_they_need_behind_a_bridge() -> None:
    """From the top of [0,1): 256 bytes at 1 M - 4 K, again at 1 M - 8 K; behind a bridge at offsets 0 and 256."""
    on_root = function("00:00.0", bar(0, 256), bar(1, 256))
    assert where(run(over(0, 1, on_root))) == {key("00:00.0"): 1 - 4 / 1024, key("00:00.0", 1): 1 - 8 / 1024}
    behind = inner("00:00.0", function("01:00.0", bar(0, 256), bar(1, 256)))
    assert where(run(over(0, 1, behind))) == {key("01:00.0"): 0, key("01:00.0", 1): 256 / MIB}


def test_a_vf_block_is_aligned_to_one_instance() -> None:
    """Three VFs of 1 from the top of [0,8) go to [5,8)."""
    result = run(over(0, 8, function("00:00.0", bar("vf0", "1M", copies=3))))
    assert where(result) == {key("00:00.0", "vf0"): 5}


# -- windows and limits -----------------------------------------------------------------------------------------------

HIGH = RootWindow("mem", Range.of(64 * GIB, GIB))


def _high(result: Result, bar_key: BarKey) -> bool | None:
    address = result.plan.placement.bars[bar_key]
    return None if address is None else address >= 4 * GIB


@pytest.mark.parametrize(
    ("above_4g", "prefetchable", "plain"),
    [("none", False, False), ("prefetchable", True, False), ("all", True, True)],
)
def test_what_may_stand_above_4_gib(above_4g: str, prefetchable: bool, plain: bool) -> None:
    both = function("00:00.0", bar(0, "1M", width=64, pref=True), bar(2, "1M", width=64), bar(4, "1M"))
    result = run(over(0, 16, both, windows=(HIGH,)), above_4g=above_4g)
    assert [_high(result, key("00:00.0", index)) for index in (0, 2, 4)] == [prefetchable, plain, False]


def test_one_short_bar_keeps_a_window_below_4_gib() -> None:
    """A 64-bit prefetchable window with a 32-bit BAR inside is limited like it; a ROM counts as plain memory."""
    wide, short = bar(0, "1M", width=64, pref=True), bar(2, "1M", pref=True)
    rom = bar("rom", "64K", pref=True)
    for bars, high in (((wide, rom), True), ((wide, short), False)):
        result = run(over(0, 16, bridge("00:00.0", function("01:00.0", *bars), io=None), windows=(HIGH,)))
        assert _high(result, key("01:00.0")) is high
        assert result.measures.unplaced == 0


def test_prefetchable_root_windows_take_prefetchable_bars_only() -> None:
    low = RootWindow("mem", Range.inclusive(*span(16, 32)), prefetchable=True)
    result = run(
        over(0, 1, device(0, 0, 1), device(0, 1, 1), function("00:02.0", bar(0, "1M", pref=True)), windows=(low,))
    )
    # Two plain BARs for one MiB of plain memory: the second does not fit, although 15 MiB are free.
    assert where(result) == {key("00:00.0"): 0, key("00:01.0"): None, key("00:02.0"): 31}


def test_prefetchable_bar_behind_a_bridge_without_such_a_window() -> None:
    result = run(over(0, 16, bridge("00:00.0", function("01:00.0", bar(0, "1M", pref=True)), io=None, pref=None)))
    assert window(result, "00:00.0") == (15, 16)


def test_bar_for_a_window_that_the_bridge_lacks() -> None:
    result = run(over(0, 16, inner("00:00.0", function("01:00.0", bar(0, 256, io=True)))))
    assert reason(result, key("01:00.0")) == "there is no 0000:00:00.0 io window"


def test_low_ports_are_never_given_out() -> None:
    """32 ports from the bottom of [0,0xffff] go to 0x1000; a window of 4 KiB from the top to 0xf000."""
    ports = function("00:00.0", bar(0, 32, io=True))
    behind = bridge("00:01.0", function("01:00.0", bar(0, 32, io=True)), mem=None, pref=None)
    assert run(machine(ports), top_down="off").plan.placement.bars[key("00:00.0")] == 0x1000
    result = run(machine(behind))
    assert result.plan.placement.windows[window_key("00:01.0", "io")] == Range(0xF000, 0x10000)


def test_bus_addresses_count() -> None:
    """[8,24) of the CPU is [0,16) of the bus less its first MiB: 16 does not fit, 8 goes to 8 + 8."""
    shifted = {"mem": span(8, 24), "offset": at(8), "pref": None, "io": None}
    fits, too_large = (machine(host(device(0, 0, size), **shifted)) for size in (8, 16))  # type: ignore[arg-type]
    assert where(run(fits)) == {key("00:00.0"): 16}
    assert where(run(too_large)) == {key("00:00.0"): None}


# -- what stays -------------------------------------------------------------------------------------------------------


def test_immovable_bars_on_the_root_bus_are_holes() -> None:
    """P8b: [6,7) is taken, 8 goes to 8; reserved ranges are holes too."""
    assert where(run(PITFALLS["P8b"].build())) == {key("00:00.0"): 8, key("00:01.0"): 6}
    reserved = machine(host(device(0, 0, 4), mem=span(0, 16), pref=None, io=None), reserved=[("mem", span(13, 14))])
    assert where(run(reserved)) == {key("00:00.0"): 8}


def _pinned() -> Topology:
    """[0,16): a port [4,8) with a fixed 1@5, a 1@4 that may move and a new 2; a BAR 4@8 on the root bus."""
    behind = device(1, 0, 1, 5, fixed=True), device(1, 1, 1, 4), device(1, 2, 2)
    return over(0, 16, inner("00:00.0", *behind, window=span(4, 8)), device(0, 1, 4, 8))


def test_a_window_with_something_immovable_inside_stays_with_all_that_is_in_it() -> None:
    """The port and its 1@4 stay, the new 2 is left out although 6 is free, the BAR goes to the top."""
    result = run(_pinned())
    assert window(result, "00:00.0") == (4, 8)
    assert where(result) == {key("01:00.0"): 5, key("01:01.0"): 4, key("01:02.0"): None, key("00:01.0"): 12}
    assert reason(result, key("01:02.0")) == "the 0000:00:00.0 mem window stays, with what cannot move in it"
    assert result.legal


def test_windows_stay_up_to_the_root_bus_and_down_into_the_other_branches() -> None:
    """The upper window stays for the fixed BAR two levels down, and so does its other branch."""
    topology = over(
        0,
        16,
        inner(
            "00:00.0",
            inner("01:00.0", device(2, 0, 1, 3, fixed=True), window=span(3, 4)),
            inner("01:01.0", device(3, 0, 1, 5), window=span(5, 6)),
            window=span(3, 6),
        ),
    )
    result = run(topology)
    assert (result.measures.moved_bars, result.measures.windows_changed) == (0, 0)


def test_kinds_of_windows_stay_each_for_itself() -> None:
    """A fixed prefetchable BAR holds the prefetchable window, and the plain one moves to the top."""
    behind = function("01:00.0", bar(0, "1M", pref=True, at=at(2), fixed=True), bar(1, "1M", at=at(4)))
    result = run(over(0, 16, bridge("00:00.0", behind, io=None, mem=span(4, 5), pref=span(2, 3))))
    assert (window(result, "00:00.0", "pref"), window(result, "00:00.0")) == ((2, 3), (15, 16))


def test_cardbus_windows_and_what_is_behind_stay() -> None:
    card = function("05:00.0", bar(0, "1M", at=at(9)), bar(1, "1M"))
    cardbus = bridge("00:01.0", card, io=None, mem=None, pref=None, cardbus=[("mem", span(8, 16), False)], driver=None)
    result = run(over(0, 16, device(0, 0, 4), cardbus))
    assert where(result) == {key("00:00.0"): 4, key("05:00.0"): 9, key("05:00.0", 1): None}


def test_what_worked_may_be_lost() -> None:
    """8 goes first and takes [0,8) of [0,9); then there is no slot of 2 for what worked."""
    result = run(over(0, 9, device(0, 0, 2, 0), device(0, 1, 8)))
    assert where(result) == {key("00:00.0"): None, key("00:01.0"): 0}
    assert [breach.rule for breach in result.breaches] == ["kept"]
    assert any("lost it: did not fit" in warning for warning in result.plan.warnings)


def test_what_does_not_fit_is_skipped_with_all_below() -> None:
    """17 behind a bridge do not fit into 16, and the BAR of 1 behind it has no address either; the other port does."""
    result = run(over(0, 16, port(0, 16, 1), port(1, 2)))
    assert where(result) == {key("01:00.0"): None, key("01:01.0"): None, key("02:00.0"): 14}
    assert window(result, "00:00.0") is None


# -- padding and options ----------------------------------------------------------------------------------------------


def test_hotplug_ports_are_padded_on_demand() -> None:
    """2 KiB of ports are rounded to 4, 8 MiB and 256 MiB are as they are, the latter above 4 GiB."""
    empty = machine(host(bridge("00:01.0", hotplug=True, secondary=1), windows=(HIGH,), pref=None))
    assert all(planned.after is None for planned in run(empty).plan.windows)
    windows = run(empty, hotplug="on").plan.placement.windows
    sizes = {found.kind: range_.size for found, range_ in windows.items() if range_ is not None}
    assert sizes == {"io": 4 * KIB, "mem": 8 * MIB, "pref": 256 * MIB}
    high = windows[window_key("00:01.0", "pref")]
    assert high is not None
    assert high.start == 65 * GIB - 256 * MIB
    only = run(empty, hotplug="on", hotplug_io="0", hotplug_mem="3M", hotplug_pref="0").plan.placement.windows
    assert {found.kind for found, range_ in only.items() if range_ is not None} == {"mem"}


def test_options() -> None:
    assert parse_options({}) == Options()
    assert parse_options({"top_down": "off", "hotplug_io": "0x1000"}) == Options(top_down=False, hotplug_io=0x1000)
    for given_, words in (
        ({"realloc": "on"}, "unknown option 'realloc', expected one of top_down, above_4g, hotplug"),
        ({"above_4g": "yes"}, "above_4g: expected one of none, prefetchable, all, found 'yes'"),
        ({"hotplug_mem": "much"}, "hotplug_mem: expected a number"),
        ({"hotplug_mem": "-1"}, "hotplug_mem: expected a size"),
    ):
        with pytest.raises(InputError, match=words):
            parse_options(given_)


def test_log_tells_sizes_ranges_and_places() -> None:
    log = run(PITFALLS["P1"].build()).log
    assert log == (
        "domain 0000:00: 0000:00:00.0 mem window (memory, size 0x900000, alignment 0x800000), limit 0xffffffff",
        "domain 0000:00: free mem range 0x80000000-0x809fffff",
        "domain 0000:00: 0000:00:00.0 mem window (memory, size 0x900000, alignment 0x800000) at 0x80000000-0x808fffff",
        "domain 0000:00: 0000:01:01.0 BAR 0 (memory, size 0x800000, alignment 0x800000) at 0x80000000-0x807fffff",
        "domain 0000:00: 0000:01:00.0 BAR 0 (memory, size 0x100000, alignment 0x100000) at 0x80800000-0x808fffff",
    )


# -- pitfalls, random and real machines -------------------------------------------------------------------------------

UNPLACED = {"P3": 3, "P8a": 1, "P16": 17}
"""From the top; P8a because a window with something fixed inside takes nothing new."""
FROM_THE_BOTTOM = {**UNPLACED, "P2": 1, "P2b": 1, "P5": 1, "P10": 3, "P14": 3}


@pytest.mark.parametrize("name", PITFALLS)
def test_pitfalls(name: str) -> None:
    for top_down, expected in (("on", UNPLACED), ("off", FROM_THE_BOTTOM)):
        result = run(PITFALLS[name].build(), top_down=top_down)
        assert result.measures.unplaced == expected.get(name, 0)
        assert result.legal


@settings(max_examples=60, deadline=None)
@given(random_machines)
def test_plans_break_no_rule_but_that_something_is_lost(topology: Topology) -> None:
    assert {breach.rule for breach in run(topology).breaches} <= {"kept"}


def name_of(folder: Path) -> str:
    return f"{folder.parent.name}/{folder.name}"


READABLE = [folder for folder in machines() if refusal_of(name_of(folder)) is None]


@needs_corpus
@pytest.mark.parametrize("folder", READABLE, ids=name_of)
def test_real_machines(folder: Path) -> None:
    """No rule is broken on a real machine either, but that something is lost and coreboot knows no legacy bits.

    What stays under never is everything.
    """
    topology = read_machine([folder]).topology
    for policy in (Policy.SAFE, Policy.ALWAYS):
        assert {breach.rule for breach in run(topology, policy).breaches} <= {"kept", "isa", "vga"}
    stays = run(topology, Policy.NEVER)
    assert (stays.measures.moved_bars, stays.measures.lost_bars) == (0, 0)


def test_a_device_plugged_into_an_empty_port() -> None:
    """An NVMe disk makes a window of 1 at the top, although nothing else may move."""
    topology = over(0, 16, port(1, hotplug=True), device(0, 0, 1, 3))
    result = run(plug(topology, "nvme@0000:00:01.0"), Policy.NEVER)
    assert not today_breaches(topology)
    assert window(result, "00:01.0") == (15, 16)
    assert result.measures.moved_bars == 0
