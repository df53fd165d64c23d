"""Explanations: conflicts of which every member is needed, and ways out that work."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace

import pytest

from models.mobility import Policy
from models.plan import Status
from models.resources import KIB, MIB, Range
from models.sources.machine import read_machine
from models.topology import BarKey, Function, RootWindow, Topology
from solver.cpsat.engine import solve
from solver.engines import engine
from solver.explanation import case
from solver.explanation.explaining import explain
from solver.explanation.findings import (
    Conflict,
    Explanation,
    NoAlignedBlock,
    NoArrangement,
    NoWindow,
    TooFewBytes,
    Verdict,
    Way,
    WayKind,
)
from solver.explanation.sets import filter_needed
from solver.render.explanation import explanation_text
from solver.request import Request
from solver.result import Result
from tests.corpus import CORPUS, needs_corpus
from tests.pitfalls import at, over, port, span
from tests.topologies import bar, bridge, function, host, key, machine

QUICK = Request(time_limit=60, workers=2)


def device(number: int, size: int, where: float | None = None, *, driver: str | None = None) -> Function:
    """A function on the root bus with one BAR of ``size`` MiB."""
    return function(f"00:{number:02x}.0", bar(0, size * MIB, at=None if where is None else at(where)), driver=driver)


def one_pin() -> Topology:
    """12 MiB: 8 of them are in one aligned block only, and a BAR with an unprepared driver stands in it."""
    return over(0, 12, device(0, 1, 4, driver="mlx5_core"), device(1, 1, 9), device(2, 1, 10), device(3, 8))


def two_pins() -> Topology:
    """16 MiB, 14 of them free: an immovable BAR stands in each half, and 8 MiB are wanted."""
    return over(0, 16, device(0, 1, 4, driver="mlx5_core"), device(1, 1, 12, driver="ixgbe"), device(2, 8))


def too_small() -> Topology:
    """10 MiB for 8 and 1 behind a port and 2 beside it."""
    return over(0, 10, port(0, 8, 1), device(1, 2))


def stretched_window() -> Topology:
    """A port's window has to reach over two immovable BARs at its ends; nothing stands between them."""
    behind = [function(f"01:{n:02x}.0", bar(0, MIB, at=at(8 * n + 3)), driver="e1000e") for n in range(2)]
    return over(0, 12, bridge("00:00.0", *behind, io=None, pref=None, mem=span(3, 12)), device(1, 4))


def no_order() -> Topology:
    """Ten MiB for two BARs of 4 MiB and one of 1: bytes enough, and one block aligned to 4 MiB too few."""
    return over(1, 11, port(0, 4, 1), device(1, 4))


def one(explanation: Explanation) -> Conflict:
    """The only conflict."""
    (part,) = explanation.parts
    (conflict,) = part.conflicts
    return conflict


def way(explanation: Explanation, kind: WayKind) -> Way:
    """The first way of this kind."""
    return next(way for way in explanation.parts[0].ways if way.kind is kind)


def kinds(explanation: Explanation) -> list[WayKind]:
    return [way.kind for way in explanation.parts[0].ways]


def all_fit(topology: Topology, bars: set[BarKey], pins: set[BarKey]) -> bool:
    """Whether these BARs fit with nothing else there; asked of the engine by itself."""

    def strip(function: Function) -> Function:
        return replace(function, bars=tuple(b for b in function.bars if BarKey(function.address, b.index) in bars))

    request = Request(Policy.ALWAYS, ("unplaced",), pins=frozenset(pins), time_limit=60, workers=2)
    result = solve(topology.map_functions(strip), request)
    if result.plan.status is Status.INFEASIBLE:
        return False
    assert result.plan.status is Status.OPTIMAL
    assert result.legal
    return result.plan.objectives[0].value == 0


def assert_minimal(topology: Topology, conflict: Conflict) -> None:
    """Together its members do not fit; without any one of them, or with any one pin free, the rest does."""
    assert conflict.minimal
    bars = {member.key for member in conflict.members}
    pins = {member.key for member in conflict.pins}
    assert not all_fit(topology, bars, pins)
    for member in conflict.members:
        assert all_fit(topology, bars - {member.key}, pins - {member.key}), f"{member.key} is not needed"
        if member.role == "pin" and member.reason != "fixed":
            assert all_fit(topology, bars, pins - {member.key}), f"{member.key} could as well stay"


@pytest.mark.parametrize("build", [one_pin, two_pins, too_small, stretched_window, no_order])
def test_removing_any_member_of_a_conflict_makes_it_fit(build: Callable[[], Topology]) -> None:
    topology = build()
    explanation = explain(topology, QUICK)
    assert explanation.verdict is Verdict.DOES_NOT_FIT
    for part in explanation.parts:
        for conflict in part.conflicts:
            assert_minimal(topology, conflict)


def test_one_pin_that_blocks_everything_is_named_with_its_driver() -> None:
    conflict = one(explain(one_pin(), QUICK))
    new, pin = conflict.members
    assert (new.key, new.role) == (key("00:03.0"), "new")
    assert (pin.key, pin.role, pin.driver) == (key("00:00.0"), "pin", "mlx5_core")
    assert pin.reason == "driver mlx5_core is not verified to survive a BAR move"
    assert pin.range == Range.of(at(4), MIB)
    assert conflict.shortage == NoAlignedBlock(key("00:03.0"), 8 * MIB, 8 * MIB, largest=4 * MIB, free=11 * MIB)
    assert conflict.windows == (Range.of(at(0), 12 * MIB),)


def test_an_alignment_conflict_needs_both_pins() -> None:
    conflict = one(explain(two_pins(), QUICK))
    assert {member.key for member in conflict.pins} == {key("00:00.0"), key("00:01.0")}
    assert conflict.shortage == NoAlignedBlock(key("00:02.0"), 8 * MIB, 8 * MIB, largest=4 * MIB, free=14 * MIB)


def test_a_root_window_that_is_too_small_is_short_of_bytes() -> None:
    explanation = explain(too_small(), QUICK)
    conflict = one(explanation)
    assert conflict.shortage == TooFewBytes(needed=11 * MIB, room=10 * MIB)
    assert {member.role for member in conflict.members} == {"new"}
    assert len(conflict.members) == 3


def test_a_bridge_window_around_pins_takes_the_room_between_them() -> None:
    conflict = one(explain(stretched_window(), QUICK))
    assert isinstance(conflict.shortage, NoAlignedBlock)
    assert conflict.shortage.around == (("0000:00:00.0", "mem", Range(at(3), at(12))),)


def test_root_windows_that_hold_none_of_the_bars_are_no_room() -> None:
    legacy = RootWindow("mem", Range.inclusive(0xA0000, 0xBFFFF))
    explanation = explain(over(0, 8, device(0, 16), windows=(legacy,)), QUICK)
    conflict = one(explanation)
    assert conflict.shortage == TooFewBytes(needed=16 * MIB, room=8 * MIB)
    assert conflict.windows == (Range.of(at(0), 8 * MIB),)
    assert [way.window for way in explanation.parts[0].ways if way.kind is WayKind.WINDOW] == [Range.of(at(0), 8 * MIB)]


def test_bytes_enough_but_no_order() -> None:
    conflict = one(explain(no_order(), QUICK))
    assert conflict.shortage == NoArrangement(needed=8 * MIB, room=10 * MIB)


def test_a_bar_whose_bridge_has_no_such_window() -> None:
    io_behind = bridge("00:00.0", function("01:00.0", bar(0, 256, io=True), bar(1, 128, io=True)), io=None)
    conflict = one(explain(machine(io_behind), QUICK))
    assert conflict.shortage == NoWindow("io", prefetchable=False, bridge=io_behind.address)
    assert conflict.alike == (key("01:00.0", 1),)


def test_a_root_bus_without_such_a_window() -> None:
    topology = machine(host(bridge("00:00.0", function("01:00.0", bar(0, 256, io=True))), io=None))
    explanation = explain(topology, QUICK)
    assert one(explanation).shortage == NoWindow("io", prefetchable=False)
    new = way(explanation, WayKind.WINDOW)
    assert (new.window, new.grows, new.proved) == (None, 4 * KIB, True)


def test_a_bridge_window_takes_whole_blocks() -> None:
    topology = machine(
        host(port(0, 4), mem=span(0, 4.5), pref=None, io=None),
        reserved=[("mem", (at(0), at(0.25) - 1))],
    )
    small = bridge("00:00.0", function("01:00.0", bar(0, MIB // 2)), io=None, pref=None)
    topology = replace(topology, root_buses=(replace(topology.root_buses[0], functions=(small,)),))
    topology = replace(
        topology, root_buses=(replace(topology.root_buses[0], windows=(RootWindow("mem", Range(at(0), at(1.5))),)),)
    )
    shortage = one(explain(topology, QUICK)).shortage
    assert shortage == NoAlignedBlock(key("01:00.0"), MIB, MIB, largest=MIB // 2, free=int(1.25 * MIB), granularity=MIB)


def test_existing_bars_alone_can_be_the_conflict() -> None:
    fixed = function("00:00.0", bar(0, MIB, at=at(0), fixed=True))
    explanation = explain(over(0, 1, fixed, device(1, 1, 0)), QUICK)
    assert explanation.parts[0].impossible
    assert [(member.key, member.role) for member in one(explanation).members] == [
        (key("00:00.0"), "pin"),
        (key("00:01.0"), "existing"),
    ]


def test_what_fits_needs_no_explanation() -> None:
    topology = over(0, 16, device(0, 1, 4), device(1, 1, 12), device(2, 8))
    explanation = explain(topology, QUICK)
    assert explanation.verdict is Verdict.FITS
    assert (explanation.parts, explanation.given, explanation.moved) == ((), 1, 1)


def test_without_a_proof_there_is_no_conflict(monkeypatch: pytest.MonkeyPatch) -> None:
    def unproved(topology: Topology, request: Request) -> Result:
        result = solve(topology, request)
        open_ = tuple(replace(objective, bound=0) for objective in result.plan.objectives)
        return replace(result, plan=replace(result.plan, status=Status.FEASIBLE, objectives=open_))

    monkeypatch.setattr(case, "solve", unproved)
    explanation = explain(one_pin(), QUICK)
    assert explanation.verdict is Verdict.UNPROVED
    assert explanation.parts[0].conflicts == ()
    assert explanation.parts[0].unplaced


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


def test_a_conflict_says_of_pins_that_could_move_alone_that_all_fit_if_they_did() -> None:
    """What is fixed moves under no policy; here not even that would help."""
    fixed = function("00:01.0", bar(0, 3 * MIB, at=at(0), fixed=True))
    only_fixed = explanation_text(explain(over(0, 16, fixed, device(2, 16)), QUICK))
    assert "Conflict, minimal: without any one of them the others fit:\n" in only_fixed
    both = over(
        0, 16, function("00:01.0", bar(0, MIB, at=at(1), fixed=True)), device(3, 1, 9, driver="x"), device(2, 8)
    )
    text = explanation_text(explain(both, QUICK))
    assert "the others fit, and all fit if any that stays and is not fixed could move:\n" in text
    assert "the others fit, and all fit if any that stays could move:\n" in explanation_text(explain(one_pin(), QUICK))


def test_ways_stand_in_the_order_of_their_cost() -> None:
    order = list(WayKind)
    for build in (one_pin, two_pins, too_small):
        found = kinds(explain(build(), QUICK))
        assert found == sorted(found, key=order.index)
        assert found[-1] is WayKind.LEAVE_OUT


def test_under_policy_always_what_is_fixed_still_blocks() -> None:
    blocked = over(0, 12, function("00:00.0", bar(0, MIB, at=at(4), fixed=True)), device(1, 8))
    always = explain(blocked, QUICK).parts[0].always
    assert always is not None
    assert (always.verdict, always.bound) == (Verdict.DOES_NOT_FIT, 1)
    always = explain(one_pin(), QUICK).parts[0].always
    assert always is not None
    assert (always.verdict, always.moved) == (Verdict.FITS, 1)


@pytest.mark.parametrize("needed", [set(), {3}, {0, 9}, {2, 3, 4, 11}])
def test_the_filter_keeps_what_is_needed_and_nothing_else(needed: set[int]) -> None:
    keys = [key(f"00:{number:02x}.0") for number in range(12)]
    wanted = {keys[number] for number in needed}

    def fits(members: list[BarKey]) -> Verdict:
        return Verdict.DOES_NOT_FIT if wanted <= set(members) else Verdict.FITS

    kept, proved = filter_needed(keys, fits)
    assert (set(kept), proved) == (wanted, True)


def test_the_filter_asks_once_for_members_of_which_one_is_as_good_as_the_other() -> None:
    """Eight needed ones of one kind, and four of another that are not needed."""
    keys = [key(f"00:{number:02x}.0") for number in range(12)]
    asked: list[list[BarKey]] = []

    def fits(members: list[BarKey]) -> Verdict:
        asked.append(members)
        return Verdict.DOES_NOT_FIT if set(keys[:8]) <= set(members) else Verdict.FITS

    kept, proved = filter_needed(keys, fits, lambda member: member in keys[:8])
    assert (kept, proved) == (keys[:8], True)
    assert len(asked) < 8


def test_the_filter_says_when_a_solve_gave_no_answer() -> None:
    keys = [key("00:00.0"), key("00:01.0")]
    assert filter_needed(keys, lambda members: Verdict.UNPROVED) == (keys, False)


@pytest.mark.parametrize("seed", range(8))
def test_conflicts_of_random_machines_are_minimal(seed: int) -> None:
    rng = random.Random(seed)
    taken: list[Function] = []
    for number in range(4):
        where = 4 * number + rng.randrange(4)
        taken.append(device(number, 1, where, driver=rng.choice([None, "ixgbe", "mlx5_core"])))
    wanted = [device(8 + number, rng.choice([2, 4, 8])) for number in range(2)]
    topology = over(0, 16, *taken, *wanted, port(16, rng.choice([1, 2, 4]), 1))
    explanation = explain(topology, QUICK)
    unplaced = solve(topology, replace(QUICK, minimize=("unplaced",))).measures.unplaced
    assert (explanation.verdict is Verdict.DOES_NOT_FIT) == (unplaced > 0)
    for part in explanation.parts:
        assert part.bound == len(part.unplaced) == unplaced
        assert part.conflicts
        for conflict in part.conflicts:
            assert_minimal(topology, conflict)


def slots(number: int, *more: Function) -> Topology:
    """So many hotplug slots with a new drive each behind a switch, which take 1 MiB each of 3."""
    drives = [
        bridge(f"02:{n:02x}.0", function(f"{16 + n:02x}:00.0", bar(0, 16 * KIB)), hotplug=True) for n in range(number)
    ]
    switch = bridge("01:00.0", *drives, secondary=2, subordinate=0x40)
    return over(0, 3, bridge("00:01.0", switch, *more, subordinate=0x40))


def test_drives_in_slots_of_the_same_kind_share_one_conflict() -> None:
    topology = slots(8)
    conflict = one(explain(topology, QUICK))
    assert (len(conflict.members), len(conflict.alike)) == (4, 4)
    assert_minimal(topology, conflict)
    others = {member.key for member in conflict.members[1:]}
    for alike in conflict.alike:
        assert not all_fit(topology, {alike, *others}, set())
        for other in others:
            assert all_fit(topology, {alike, *others} - {other}, set())


def test_a_slot_with_more_behind_it_or_of_another_kind_is_not_alike() -> None:
    """A drive of two BARs, one behind a bridge with an ISA enable bit, and one whose slot is open."""
    odd = (
        bridge("02:10.0", function("30:00.0", bar(0, 16 * KIB), bar(2, 32 * KIB))),
        bridge("02:11.0", function("31:00.0", bar(0, 16 * KIB)), isa=True),
        bridge("02:12.0", function("32:00.0", bar(0, 16 * KIB)), mem=span(0, 1)),
    )
    plain = [bridge(f"02:{n:02x}.0", function(f"{16 + n:02x}:00.0", bar(0, 16 * KIB))) for n in range(2)]
    switch = bridge("00:01.0", *plain, *odd, secondary=2, subordinate=0x40, mem=span(0, 1))
    (part,) = explain(over(0, 1, switch), QUICK).parts
    assert part.conflicts
    for conflict in part.conflicts:
        for item in conflict.alike:
            assert {item.function, conflict.members[0].key.function} <= {"0000:10:00.0", "0000:11:00.0"}


@needs_corpus
@pytest.mark.parametrize(
    "name",
    [
        "alloc-failure/armada8k-rescan-256m",
        "arm64/adlink-ava-altra-rebar-fail",
        "arm64/rpi-cm4-radeon-5450",
        "riscv/sifive-unleashed-expansion",
    ],
)
def test_failures_of_real_machines_are_explained(name: str) -> None:
    explanation = explain(read_machine([str(CORPUS / name)]).topology, QUICK)
    assert explanation.verdict is Verdict.DOES_NOT_FIT
    for part in explanation.parts:
        assert part.explained
        assert all(conflict.minimal for conflict in part.conflicts)
        assert {way.kind for way in part.ways} >= {WayKind.WINDOW, WayKind.LEAVE_OUT}
