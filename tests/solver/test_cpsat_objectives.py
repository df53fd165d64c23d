"""Each objective's value and bound on a machine small enough to be counted by hand."""

from __future__ import annotations

import pytest

from models.errors import InputError
from models.mobility import Policy, mobility
from models.plan import Status
from models.resources import Range
from models.topology import RootWindow, Topology
from solver.building import problems
from solver.cpsat.engine import solve
from solver.cpsat.variables import make_variables
from solver.request import Request
from solver.result import Result
from tests.topologies import MEM, bar, bridge, function, host, key, machine

MIB = 1 << 20


def optimum(topology: Topology, *names: str, policy: Policy = Policy.ALWAYS) -> list[int]:
    """The proved values of these objectives."""
    result = solved(topology, *names, policy=policy)
    assert result.plan.status is Status.OPTIMAL
    assert [objective.bound for objective in result.plan.objectives] == values(result)
    return values(result)


def solved(topology: Topology, *names: str, policy: Policy = Policy.ALWAYS) -> Result:
    result = solve(topology, Request(policy=policy, minimize=names, workers=1))
    assert result.breaches == ()
    assert [objective.name for objective in result.plan.objectives] == list(names)
    return result


def values(result: Result) -> list[int]:
    found = [result.measures.value(objective.name) for objective in result.plan.objectives]
    assert found == [objective.value for objective in result.plan.objectives]
    return found


def crowded() -> Topology:
    """Two BARs of 1 MiB in the middle of both halves of 4 MiB, and a new one of 2 MiB."""
    return machine(
        host(
            function("00:01.0", bar(0, "1M", at=0x80000000)),
            function("00:02.0", bar(0, "1M", at=0x80200000)),
            function("00:03.0", bar(0, "2M")),
            mem=(0x80000000, 0x803FFFFF),
            pref=None,
        )
    )


def test_unplaced_counts_required_bars_alone() -> None:
    new = function("00:01.0", bar(0, "2M"), bar(1, "2M"), bar(2, "2M"), bar("rom", "2M"))
    topology = machine(host(new, mem=(0x80000000, 0x803FFFFF), pref=None))
    assert optimum(topology, "unplaced") == [1]


def test_unplaced_counts_bars_no_window_can_hold() -> None:
    topology = machine(function("00:01.0", bar(0, "2G"), bar(1, "1M")))
    assert optimum(topology, "unplaced") == [1]


def test_moved_bars_is_the_fewest() -> None:
    assert optimum(crowded(), "unplaced", "moved_bars") == [0, 1]


def test_a_vf_block_moves_once() -> None:
    topology = machine(
        host(
            function("00:01.0", bar("vf0", "64K", copies=16, at=0x80100000)),
            function("00:02.0", bar(0, "2M")),
            mem=(0x80000000, 0x802FFFFF),
            pref=None,
        )
    )
    assert optimum(topology, "unplaced", "moved_bars") == [0, 1]


def test_wasted_bytes_is_what_windows_hold_beyond_bars() -> None:
    topology = machine(bridge("00:01.0", function("01:00.0", bar(0, "64K"), bar(1, "1M")), io=None, pref=None))
    assert optimum(topology, "unplaced", "wasted_bytes") == [0, 2 * MIB - MIB - 65536]


def test_wasted_bytes_counts_ports_too() -> None:
    topology = machine(bridge("00:01.0", function("01:00.0", bar(0, 256, io=True)), mem=None, pref=None))
    assert optimum(topology, "unplaced", "wasted_bytes") == [0, 4096 - 256]


def test_optional_bars_fill_what_is_wasted_anyway() -> None:
    inner = function("01:00.0", bar(0, "512K"), bar("rom", "512K"))
    topology = machine(bridge("00:01.0", inner, io=None, pref=None))
    assert optimum(topology, "unplaced", "wasted_bytes") == [0, 0]


def test_windows_of_empty_ports_are_closed_by_waste_and_kept_by_moves() -> None:
    topology = machine(bridge("00:01.0", mem=(0x80000000, 0x801FFFFF), io=None, pref=None))
    assert optimum(topology, "unplaced", "wasted_bytes") == [0, 0]
    assert optimum(topology, "unplaced", "windows_changed", "wasted_bytes") == [0, 0, 2 * MIB]


def test_windows_changed_counts_opened_closed_and_shifted_ones() -> None:
    topology = machine(
        bridge("00:01.0", function("01:00.0", bar(0, "1M")), io=None, pref=None),
        bridge("00:02.0", mem=(0x80000000, 0x800FFFFF), io=None, pref=None),
    )
    assert optimum(topology, "unplaced", "windows_changed") == [0, 1]
    assert optimum(topology, "unplaced", "wasted_bytes", "windows_changed") == [0, 0, 2]


def test_moved_functions_prefers_two_bars_of_one_function() -> None:
    """Room for 2 MiB is made by two BARs of one function, or by one BAR of each of two functions."""
    topology = machine(
        host(
            function("00:01.0", bar(0, "1M", at=0x80200000), bar(1, "1M", at=0x80300000)),
            function("00:02.0", bar(0, "1M", at=0x80000000)),
            function("00:03.0", bar(0, "1M", at=0x80100000)),
            function("00:04.0", bar(0, "1M", at=0x80500000, fixed=True), bar(1, "1M", at=0x80700000, fixed=True)),
            function("00:05.0", bar(0, "2M")),
            mem=(0x80000000, 0x807FFFFF),
            pref=None,
        )
    )
    result = solved(topology, "unplaced", "moved_functions", "moved_bars")
    assert values(result) == [0, 1, 2]
    assert {bar_.key.function for bar_ in result.plan.bars if bar_.moved} == {"0000:00:01.0"}


def test_moved_functions_counts_a_function_once_over_both_spaces() -> None:
    topology = machine(
        host(
            function("00:01.0", bar(0, "1M", at=0x80100000), bar(1, 4096, io=True, at=0x1000)),
            function("00:02.0", bar(0, "2M"), bar(1, 8192, io=True)),
            mem=(0x80000000, 0x802FFFFF),
            pref=None,
            io=(0, 0x2FFF),
        )
    )
    assert optimum(topology, "unplaced", "moved_functions", "moved_bars") == [0, 1, 2]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("unplaced", "moved_bars", "windows_changed"), [0, 1, 1]),
        (("unplaced", "windows_changed", "moved_bars"), [0, 1, 1]),
        (("windows_changed", "unplaced"), [0, 1]),
        (("moved_bars", "unplaced"), [0, 1]),
        (("wasted_bytes", "unplaced", "moved_bars"), [0, 0, 1]),
    ],
    ids=lambda part: ",".join(map(str, part)),
)
def test_the_first_objective_comes_first(names: tuple[str, ...], expected: list[int]) -> None:
    """A window of 2 MiB full of two BARs, one of them in the way of its growth, and a new BAR behind it."""
    topology = machine(
        host(
            bridge(
                "00:01.0",
                function("01:00.0", bar(0, "1M", at=0x80000000), bar(1, "1M", at=0x80100000), bar(2, "2M")),
                mem=(0x80000000, 0x801FFFFF),
                io=None,
                pref=None,
            ),
            function("00:02.0", bar(0, "1M", at=0x80300000)),
            mem=(0x80000000, 0x804FFFFF),
            pref=None,
        )
    )
    assert optimum(topology, *names) == expected


def test_what_nothing_asks_for_is_still_measured() -> None:
    result = solved(crowded(), "unplaced")
    assert result.measures.moved_bars >= 1


def test_the_bound_behind_an_open_objective_is_open() -> None:
    result = solve(crowded(), Request(policy=Policy.ALWAYS, minimize=("unplaced", "moved_bars"), time_limit=0))
    first, second = result.plan.objectives
    assert first.bound is not None
    assert first.bound <= 0
    assert second.bound is None or first.proved


def test_values_of_independent_root_buses_add_up() -> None:
    one = host(
        function("00:01.0", bar(0, "1M", at=0x80100000)),
        function("00:02.0", bar(0, "2M")),
        mem=(0x80000000, 0x802FFFFF),
    )
    other = host(
        function("0001:00:01.0", bar(0, "1M", at=0x90100000)),
        function("0001:00:02.0", bar(0, "2M"), bar(1, "4M")),
        mem=(0x90000000, 0x902FFFFF),
        pref=None,
        io=None,
        domain=1,
    )
    assert optimum(machine(one, other), "unplaced", "moved_bars") == [1, 2]


def test_nothing_to_do_is_proved_at_once() -> None:
    topology = machine(function("00:01.0", bar(0, "1M", at=MEM[0])))
    assert optimum(topology, "unplaced", "moved_bars", "windows_changed", "wasted_bytes") == [0, 0, 0, 0]
    assert optimum(machine(), "unplaced") == [0]


def test_a_pinned_bar_makes_moves_dearer() -> None:
    free = solve(crowded(), Request(policy=Policy.ALWAYS, workers=1))
    pins = frozenset({key("00:01.0"), key("00:02.0")})
    pinned = solve(crowded(), Request(policy=Policy.ALWAYS, pins=pins, workers=1))
    assert [objective.value for objective in free.plan.objectives] == [0, 1, 0]
    assert [objective.value for objective in pinned.plan.objectives] == [1, 0, 0]
    assert pinned.plan.status is Status.OPTIMAL


def test_addresses_beyond_the_solver_are_refused_in_one_line() -> None:
    """Small I/O BARs near the end of 64 bits once made the solver raise an error of its own."""
    high = RootWindow("io", Range(1 << 62, (1 << 62) + 0x10000))
    topology = machine(host(function("00:01.0", bar(0, 4, io=True)), mem=None, pref=None, io=None, windows=[high]))
    (problem,) = problems(topology, mobility(topology))
    with pytest.raises(InputError, match="expected fewer than"):
        make_variables(problem.bars, problem.windows, require_all=False)
