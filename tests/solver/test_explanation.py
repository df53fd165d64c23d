"""Conflicts of which every member is needed."""

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
from solver.explanation import case
from solver.explanation.explaining import explain
from solver.explanation.findings import Conflict, NoAlignedBlock, NoArrangement, NoWindow, TooFewBytes, Verdict, WayKind
from solver.render.explanation import explanation_text
from solver.request import Request
from solver.result import Result
from tests.corpus import CORPUS, needs_corpus
from tests.pitfalls import at, over, port, span
from tests.solver.explained import QUICK, device, no_order, one, one_pin, stretched_window, too_small, two_pins, way
from tests.topologies import bar, bridge, function, host, key, machine


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


def test_under_policy_always_what_is_fixed_still_blocks() -> None:
    blocked = over(0, 12, function("00:00.0", bar(0, MIB, at=at(4), fixed=True)), device(1, 8))
    always = explain(blocked, QUICK).parts[0].always
    assert always is not None
    assert (always.verdict, always.bound) == (Verdict.DOES_NOT_FIT, 1)
    always = explain(one_pin(), QUICK).parts[0].always
    assert always is not None
    assert (always.verdict, always.moved) == (Verdict.FITS, 1)


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
