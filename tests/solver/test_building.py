"""From a topology to placement problems: who stands where, what may move, what is in breach."""

from __future__ import annotations

from models.mobility import Policy
from models.resources import Range
from models.topology import BarKey, RootWindow, Topology
from solver.building import problems
from solver.problem import BarItem, Problem, WindowItem, accepts, cpu_range
from solver.request import Request
from tests.topologies import UNKNOWN, bar, bridge, function, host, key, machine, window_key

LOW, HIGH = 0x80000000, 0x4000000000


def problem_of(topology: Topology, policy: Policy = Policy.SAFE) -> Problem:
    (problem,) = problems(topology, Request(policy=policy).mobility(topology))
    return problem


def item(problem: Problem, name: BarKey) -> BarItem:
    return next(bar_ for bar_ in problem.bars if bar_.key == name)


def window(problem: Problem, address: str, kind: str) -> WindowItem:
    return next(window_ for window_ in problem.windows if window_.key == window_key(address, kind))  # type: ignore[arg-type]


def test_every_root_bus_with_functions_is_a_problem() -> None:
    topology = machine(host(function("00:01.0", bar())), host(domain=1), host(function("0002:00:01.0"), domain=2))
    found = problems(topology, Request().mobility(topology))
    assert [problem.root.domain for problem in found] == [0, 2]


def test_buses_are_numbered_from_the_root() -> None:
    problem = problem_of(machine(bridge("00:01.0", bridge("01:00.0", function("02:00.0", bar())))))
    assert [(bus.number, bus.name) for bus in problem.buses] == [
        (0, "bus 0000:00"),
        (1, "bus behind 0000:00:01.0"),
        (2, "bus behind 0000:01:00.0"),
    ]
    assert problem.buses[2].parent is problem.buses[1]
    assert problem.atoms == ["0000:00:01.0"]
    assert item(problem, key("02:00.0")).bus is problem.buses[2]


def test_places_follow_kind_and_reach() -> None:
    topology = machine(
        function(
            "00:01.0",
            bar(0, width=32),
            bar(1, width=32, pref=True),
            bar(2, width=64),
            bar(4, width=64, pref=True),
            bar(5, 256, io=True),
        )
    )
    problem = problem_of(topology)
    low, high = (LOW, 0xFEC00000), (HIGH, 0x8000000000)
    assert item(problem, key("00:01.0", 0)).places == [low]
    assert item(problem, key("00:01.0", 1)).places == [low]
    assert item(problem, key("00:01.0", 2)).places == [low]
    assert item(problem, key("00:01.0", 4)).places == [low, high]
    assert item(problem, key("00:01.0", 5)).places == [(0, 0x10000)]


def test_a_plain_64_bit_bar_behind_a_bridge_stays_in_reach_of_a_memory_window() -> None:
    plain = RootWindow("mem", Range.inclusive(HIGH, HIGH + 0xFFFFFF))
    topology = machine(
        host(
            function("00:01.0", bar(0, width=64)),
            bridge("00:02.0", function("01:00.0", bar(0, width=64))),
            pref=None,
            windows=[plain],
        )
    )
    problem = problem_of(topology)
    assert len(item(problem, key("00:01.0")).places) == 2
    assert item(problem, key("01:00.0")).places == [(LOW, 0xFEC00000)]


def test_starts_leave_reserved_ranges_out() -> None:
    topology = machine(
        host(function("00:01.0", bar(0, "1M")), mem=(LOW, LOW + 0x3FFFFF), pref=None),
        reserved=[("mem", (LOW + 0x100400, LOW + 0x1007FF))],
    )
    found = item(problem_of(topology), key("00:01.0"))
    assert found.starts == [(0x800, 0x800), (0x802, 0x803)]
    assert found.placeable


def test_a_bar_no_window_can_hold_has_no_starts() -> None:
    found = item(problem_of(machine(function("00:01.0", bar(0, "2G")))), key("00:01.0"))
    assert found.starts == []
    assert not found.placeable


def test_immovable_bars_are_obstacles_on_their_bus() -> None:
    topology = machine(
        function("00:01.0", bar(0, "1M", at=LOW), driver=UNKNOWN),
        function("00:02.0", bar(0, "1M", at=LOW + 0x200000)),
    )
    problem = problem_of(topology)
    assert problem.buses[0].obstacles["mem"] == [(LOW, LOW + 0x100000)]
    assert problem_of(topology, Policy.ALWAYS).buses[0].obstacles["mem"] == []


def test_obstacles_that_overlap_are_merged_and_shared() -> None:
    topology = machine(
        function("00:01.0", bar(0, "1M", at=LOW), driver=UNKNOWN),
        function("00:02.0", bar(0, "2M", at=LOW), driver=UNKNOWN),
        function("00:03.0", bar(0, "1M", at=LOW + 0x200000), driver=UNKNOWN),
    )
    problem = problem_of(topology)
    assert problem.buses[0].obstacles["mem"] == [(LOW, LOW + 0x200000), (LOW + 0x200000, LOW + 0x300000)]
    assert [item(problem, key(f"00:0{number}.0")).shared for number in (1, 2, 3)] == [True, False, False]


def test_fixed_bars_without_address_are_left_out() -> None:
    assert problem_of(machine(function("00:01.0", bar(0, fixed=True)))).bars == []


def test_what_is_kept_and_what_is_required() -> None:
    topology = machine(function("00:01.0", bar(0), bar(1, at=LOW), bar("rom"), bar("vf0", at=LOW + 0x100000)))
    problem = problem_of(topology)
    found = {bar_.key.index: (bar_.kept, bar_.required) for bar_ in problem.bars}
    assert found == {0: (False, True), 1: (True, True), "rom": (False, False), "vf0": (True, False)}


def test_a_bar_that_is_not_aligned_is_evicted() -> None:
    assert item(problem_of(machine(function("00:01.0", bar(0, "1M", at=LOW + 4096)))), key("00:01.0")).evicted


def test_a_bar_on_an_immovable_one_is_evicted() -> None:
    topology = machine(
        function("00:01.0", bar(0, "1M", at=LOW), driver=UNKNOWN), function("00:02.0", bar(0, "64K", at=LOW))
    )
    problem = problem_of(topology)
    assert item(problem, key("00:02.0")).evicted
    assert not item(problem, key("00:01.0")).evicted


def test_a_bar_outside_of_its_bridges_windows_is_homeless_but_not_evicted() -> None:
    """A window may come to it."""
    found = item(problem_of(machine(bridge("00:01.0", function("01:00.0", bar(0, "1M", at=LOW))))), key("01:00.0"))
    assert found.homeless
    assert not found.evicted


def test_an_immovable_bar_outside_of_windows_is_left_as_it_is() -> None:
    topology = machine(bridge("00:01.0", function("01:00.0", bar(0, "1M", at=LOW), driver=UNKNOWN)))
    found = item(problem_of(topology), key("01:00.0"))
    assert not found.nested
    assert not found.evicted


def test_behind_a_subtractive_bridge_the_parents_windows_serve_too() -> None:
    inner = function("01:00.0", bar(0, "1M", at=LOW), driver=UNKNOWN)
    assert item(problem_of(machine(bridge("00:01.0", inner, subtractive=True))), key("01:00.0")).nested


def test_windows_in_breach_are_tolerated() -> None:
    topology = machine(
        host(
            bridge("00:01.0", mem=(LOW, LOW + 0x7FFFF), pref=None, io=None),
            bridge("00:02.0", mem=(LOW + 0x100000, LOW + 0x2FFFFF), pref=None, io=None),
            bridge("00:03.0", mem=(LOW + 0x200000, LOW + 0x2FFFFF), pref=None, io=None),
            bridge("00:04.0", mem=(LOW + 0x300000, LOW + 0x3FFFFF), pref=None, io=None),
            bridge("00:05.0", mem=(0x70000000, 0x700FFFFF), pref=None, io=None),
        )
    )
    problem = problem_of(topology)
    found = {window_.key.bridge: (window_.tolerated, window_.homeless) for window_ in problem.windows}
    assert found == {
        "0000:00:01.0": (True, False),
        "0000:00:02.0": (True, False),
        "0000:00:03.0": (True, False),
        "0000:00:04.0": (False, False),
        "0000:00:05.0": (True, True),
    }
    assert window(problem, "00:02.0", "mem").exempt == {window_key("00:03.0", "mem")}


def test_a_window_over_an_immovable_bar_from_behind_a_subtractive_bridge_is_tolerated() -> None:
    topology = machine(
        bridge("00:01.0", function("01:00.0", bar(0, "1M", at=LOW), driver=UNKNOWN), subtractive=True),
        bridge("00:02.0", mem=(LOW, LOW + 0xFFFFF), pref=None, io=None),
    )
    assert window(problem_of(topology), "00:02.0", "mem").tolerated


def test_cardbus_windows_stand_in_the_way() -> None:
    topology = machine(bridge("00:01.0", cardbus=[("mem", (LOW, LOW + 0xFFFFF), True)], io=None, mem=None, pref=None))
    problem = problem_of(topology, Policy.ALWAYS)
    assert problem.buses[0].obstacles["mem"] == [(LOW, LOW + 0x100000)]
    (stand_in,) = problem.bars
    assert stand_in.stand_in
    assert not stand_in.required


def test_reserved_ranges_and_cpu_ranges_are_translated() -> None:
    topology = machine(
        host(function("00:01.0", bar()), mem=(0x90000000, 0x9FFFFFFF), pref=None, offset=0x10000000),
        reserved=[("mem", (0x90000000, 0x90000FFF))],
    )
    problem = problem_of(topology)
    assert problem.reserved["mem"] == [(LOW, LOW + 4096)]
    assert cpu_range(problem, "mem", (LOW, LOW + 4096)) == Range.of(0x90000000, 4096)


def test_windows_accept_by_kind() -> None:
    assert accepts("io", "io", False)
    assert not accepts("io", "mem", False)
    assert not accepts("mem", "io", False)
    assert accepts("mem", "mem", True)
    assert accepts("mem", "mem", False)
    assert accepts("pref", "mem", True)
    assert not accepts("pref", "mem", False)


def test_behind_subtractive_bridges_alone_a_64_bit_bar_reaches_what_lies_high() -> None:
    high = RootWindow("mem", Range.inclusive(0x4000000000, 0x40FFFFFFFF))
    for subtractive in (True, False):
        port = bridge("00:01.0", function("01:00.0", bar(0, width=64)), subtractive=subtractive)
        (only,) = problem_of(machine(host(port, pref=None, windows=(high,)))).bars
        assert any(start >= HIGH for start, _ in only.places) is subtractive
