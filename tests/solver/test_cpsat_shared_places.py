"""What may stand over something else, and what shares a block, is not counted twice: else bounds are too high."""

from __future__ import annotations

import pytest

from models.mobility import Policy
from models.plan import Status
from models.resources import KIB, MIB
from models.topology import Topology
from solver.cpsat.engine import solve
from solver.request import PRESETS, Request
from tests.topologies import Pair, bar, bridge, function, host, machine

X = 0x8000_0000


def port(number: int, *bars: object, window: Pair | None = None) -> object:
    return bridge(f"00:{number:02x}.0", function(f"{number:02x}:00.0", *bars), mem=window or ())  # type: ignore[arg-type]


def room(megabytes: int, *ports: object) -> Topology:
    return machine(host(*ports, mem=(X, X + megabytes * MIB - 1), pref=None))  # type: ignore[arg-type]


def mib(first: int, count: int = 1) -> Pair:
    return X + first * MIB, X + (first + count) * MIB - 1


def windows_that_overlap() -> Topology:
    """Two bridges over the same MiB today may stay so; the new 2 MiB fit once the BAR behind the last one moves."""
    return room(
        4,
        port(1, bar(0, "1M", at=X), window=mib(0)),
        port(2, bar(0, "1M", at=X), window=mib(0)),
        port(3, bar(0, "2M")),
        port(4, bar(0, "1M", at=X + 2 * MIB), window=mib(2)),
    )


def fixed_in_no_window() -> Topology:
    """A fixed BAR behind a closed bridge is in nobody's way on the root bus."""
    return room(
        4,
        port(1, bar(0, "2M", at=X, fixed=True)),
        port(3, bar(0, "2M")),
        port(4, bar(0, "1M", at=X), window=mib(0)),
        port(5, bar(0, "1M", at=X + 2 * MIB), window=mib(2)),
    )


def finer_child() -> Topology:
    """A child window of 1 KiB shares a block of 4 KiB with a BAR beside it."""
    inner = bridge(
        "01:01.0",
        function("02:00.0", bar(0, 256, io=True, at=0x2400)),
        io=(0x2400, 0x27FF),
        io_granularity=KIB,
    )
    ports = (
        bridge("00:01.0", function("01:00.0", bar(0, 256, io=True, at=0x2000)), inner, io=(0x2000, 0x2FFF)),
        bridge("00:02.0", function("03:00.0", bar(0, 8 * KIB, io=True))),
        bridge("00:03.0", function("04:00.0", bar(0, 4 * KIB, io=True, at=0x4000)), io=(0x4000, 0x4FFF)),
    )
    return machine(host(*ports, io=(0x2000, 0x5FFF)))


@pytest.mark.parametrize("make", [windows_that_overlap, fixed_in_no_window, finer_child])
def test_what_fits_with_one_move_is_placed(make: object) -> None:
    result = solve(make(), Request(policy=Policy.ALWAYS, minimize=PRESETS["moves"], workers=1))  # type: ignore[operator]
    assert result.plan.status is Status.OPTIMAL
    assert result.legal
    assert [one.value for one in result.plan.objectives][:2] == [0, 1]


@pytest.mark.parametrize("minimize", [("wasted_bytes",), ("wasted_bytes", "unplaced")])
def test_waste_before_places_may_leave_new_bars_out(minimize: tuple[str, ...]) -> None:
    inner = (bridge(f"01:0{number}.0", function(f"0{number + 1}:00.0", bar(0, "4K"))) for number in (1, 2))
    kept = function("01:00.0", bar(0, "512K", at=X), bar(1, "512K", at=X + 3 * MIB // 2))
    topology = machine(bridge("00:01.0", kept, *inner, mem=mib(0, 2)))
    result = solve(topology, Request(policy=Policy.ALWAYS, minimize=minimize, workers=1))
    assert result.plan.status is Status.OPTIMAL
    assert result.plan.objectives[0].value == 0


def test_a_fixed_bar_in_no_window_backs_one_that_another_fills() -> None:
    closed = bridge("01:01.0", function("02:00.0", bar(0, "1M", at=X, fixed=True)))
    other = bridge("01:02.0", function("03:00.0", bar(0, "1M", at=X + MIB)), mem=mib(1))
    topology = machine(bridge("00:01.0", closed, other, mem=mib(0, 2)))
    result = solve(topology, Request(policy=Policy.ALWAYS, minimize=PRESETS["waste"], workers=1))
    assert result.plan.status is Status.OPTIMAL
    assert result.legal
    assert result.plan.objectives[1].value == -MIB
