"""Counting how many BARs cannot have a place."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from models.mobility import Policy
from models.plan import Status
from models.resources import KIB, MIB, Range
from models.topology import (
    Bar,
    BarKey,
    Bridge,
    BridgeWindow,
    Function,
    Reserved,
    RootBus,
    RootWindow,
    Topology,
)
from solver.building import problems
from solver.cpsat.capacity import Overflow, Shortage, fewest, least_unplaced
from solver.cpsat.engine import solve
from solver.request import PRESETS, Request
from tests.topologies import bar, bridge, function, host
from tests.topologies import machine as machine_of

BASE = 0x4000_0000


def machine(room: int, *sizes: int, reserved: tuple[Reserved, ...] = (), fixed: int = 0) -> Topology:
    bars = [Bar(0, "mem", size * MIB) for size in sizes]
    if fixed:
        bars.append(Bar(0, "mem", fixed * MIB, address=BASE, fixed=True))
    functions = tuple(
        Function(f"0000:00:{number:02x}.0", driver=None, driver_known=True, bars=(bar,))  # type: ignore[arg-type]
        for number, bar in enumerate(bars, 1)
    )
    window = RootWindow("mem", Range.of(BASE, room * MIB))
    return Topology((RootBus(0, 0, (window,), functions),), reserved=reserved)


def least(topology: Topology) -> int:
    return sum(least_unplaced(problem) for problem in problems(topology, Request().mobility(topology)))


@pytest.mark.parametrize(
    ("topology", "count"),
    [
        (machine(8, 4, 2, 1, 1), 0),
        (machine(8, 4, 4, 1), 1),
        (machine(8, 2, 2, 2, 2, 2, 2), 2),
        (machine(8, 4, 1, 1, 1, fixed=4), 1),
        (machine(8, 4, 4, reserved=(Reserved("mem", Range.of(BASE, MIB), "board"),)), 1),
        (machine(8, 4, 4, fixed=1, reserved=(Reserved("mem", Range.of(BASE, MIB), "board"),)), 1),
        (machine(4, 8), 1),
    ],
)
def test_as_many_as_an_optimal_plan_leaves_out(topology: Topology, count: int) -> None:
    assert least(topology) == count
    result = solve(topology, Request(policy=Policy.SAFE, workers=2))
    unplaced = result.plan.objectives[0]
    assert (unplaced.value, unplaced.bound) == (count, count)


def behind_bridges(room: int, *buses: tuple[int, ...]) -> Topology:
    """A bridge for each, with BARs of so many KiB behind it, none with an address."""
    bridges = []
    for number, sizes in enumerate(buses, 1):
        bars = tuple(Bar(index, "mem", size << 10) for index, size in enumerate(sizes))
        device = Function(f"0000:{number:02x}:00.0", driver=None, driver_known=True, bars=bars)  # type: ignore[arg-type]
        bridge = Bridge(number, number, windows=(BridgeWindow("mem"),), functions=(device,))
        bridges.append(Function(f"0000:00:{number:02x}.0", class_code="060400", bridge=bridge))  # type: ignore[arg-type]
    return Topology((RootBus(0, 0, (RootWindow("mem", Range.of(BASE, room * MIB)),), tuple(bridges)),))


@pytest.mark.parametrize(
    ("topology", "count"),
    [
        (behind_bridges(3, (16,), (16,), (16,), (16,)), 1),  # 64 KiB in all, but each window has a MiB
        (behind_bridges(2, (16,), (16,), (16, 64), (16,)), 2),
        (behind_bridges(3, (1024,), (512, 256), (2048,)), 1),
        (behind_bridges(4, (1024,), (512, 512), (2048,)), 0),
    ],
)
def test_windows_take_whole_blocks(topology: Topology, count: int) -> None:
    assert least(topology) == count
    unplaced = solve(topology, Request(policy=Policy.SAFE, workers=2)).plan.objectives[0]
    assert (unplaced.value, unplaced.bound) == (count, count)


def test_what_is_left_out_first_grows_until_all_else_fits_and_then_shrinks() -> None:
    topology = behind_bridges(8, (4096,), (2048,), (2048,), (1024,), (1024,))
    (problem,) = problems(topology, Request().mobility(topology))
    asked: list[int] = []

    def fits(left_out: frozenset[BarKey]) -> bool:
        asked.append(len(left_out))
        return len(left_out) >= 3

    Overflow(problem).fewest(fits)
    assert asked[0] == least_unplaced(problem) == 1
    assert min(count for count in asked if count >= 3) == 3
    assert len(asked) <= 6


def test_out_of_time_as_much_as_packs_stands() -> None:
    """Without a moment for the solver, a boot in root windows that are too small leaves out the largest alone."""
    buses = [(16,)] * 20 + [(8192, 16)] * 3
    topology = behind_bridges(32, *buses)
    result = solve(topology, Request(policy=Policy.SAFE, time_limit=1.0, workers=1, options={"without": "greedy"}))
    assert result.legal
    assert result.plan.objectives[0].bound == result.plan.objectives[0].value == 2


def two_rooms(low: int, high: int, plain: tuple[int, ...], wide: tuple[int, ...]) -> Topology:
    """BARs of so many MiB, some for the root window below 4 GiB alone; none has an address."""
    bars = [Bar(0, "mem", size * MIB) for size in plain]
    bars += [Bar(0, "mem", size * MIB, width=64, prefetchable=True) for size in wide]
    functions = tuple(
        Function(f"0000:00:{number:02x}.0", driver=None, driver_known=True, bars=(bar,))  # type: ignore[arg-type]
        for number, bar in enumerate(bars, 1)
    )
    windows = [RootWindow("mem", Range.of(BASE, low * MIB))]
    if high:
        windows.append(RootWindow("mem", Range.of(1 << 32, high * MIB), prefetchable=True))
    return Topology((RootBus(0, 0, tuple(windows), functions),))


@pytest.mark.parametrize(
    ("topology", "count"),
    [
        (two_rooms(4, 8, (2, 2, 1, 1), (8, 4)), 2),  # each root window alone lacks room for one
        (two_rooms(4, 8, (2, 2, 1), (8, 4)), 2),
        (two_rooms(4, 8, (2, 1, 1, 1, 1, 1), (4, 4, 4)), 3),  # two below, and one of those that may be above
        (two_rooms(8, 8, (4,), (8, 4)), 0),
        (two_rooms(8, 8, (4,), (8, 4, 1)), 1),
    ],
)
def test_what_has_to_be_left_out_of_one_root_window_counts_for_both(topology: Topology, count: int) -> None:
    assert least(topology) == count
    unplaced = solve(topology, Request(policy=Policy.SAFE, workers=2)).plan.objectives[0]
    assert (unplaced.value, unplaced.bound) == (count, count)


def test_a_window_may_cover_a_reserved_range_that_it_touches_today() -> None:
    """What is beside a small BAR in its window is wasted anyway; without that, 3 MiB would be 1 KiB too much."""
    there = Bar(0, "mem", 16 * KIB, address=BASE)
    window = BridgeWindow("mem", range=Range.of(BASE, MIB))
    ports = []
    for number, bars, opened in ((1, (there,), window), (2, (Bar(0, "mem", 2 * MIB), Bar(1, "mem", MIB)), None)):
        device = Function(f"0000:{number:02x}:00.0", driver=None, driver_known=True, bars=bars)  # type: ignore[arg-type]
        bridge = Bridge(number, number, windows=(opened or BridgeWindow("mem"),), functions=(device,))
        ports.append(Function(f"0000:00:{number:02x}.0", class_code="060400", bridge=bridge))  # type: ignore[arg-type]
    root = RootBus(0, 0, (RootWindow("mem", Range.of(BASE, 4 * MIB)),), tuple(ports))
    topology = Topology((root,), reserved=(Reserved("mem", Range.of(BASE + 512 * KIB, KIB), "board"),))
    assert least(topology) == 0
    unplaced = solve(topology, Request(policy=Policy.ALWAYS, workers=2)).plan.objectives[0]
    assert (unplaced.value, unplaced.bound) == (0, 0)


def test_what_is_behind_a_subtractive_bridge_may_share_a_block_with_what_is_beside_it() -> None:
    device = function("02:00.0", bar(0, 512 * KIB))
    subtractive = bridge("01:01.0", device, io=None, mem=None, pref=None, subtractive=True, secondary=2)
    beside = function("01:00.0", bar(0, 4 * KIB, at=BASE))
    port = bridge("00:01.0", beside, subtractive, io=None, mem=(BASE, BASE + MIB - 1), pref=None, secondary=1)
    topology = machine_of(host(port, mem=(BASE, BASE + MIB - 1), pref=None, io=None))
    assert least(topology) == 0
    for preset in ("moves", "waste"):
        result = solve(topology, Request(policy=Policy.ALWAYS, minimize=PRESETS[preset], workers=1))
        assert result.plan.status is Status.OPTIMAL
        assert result.plan.objectives[0].value == 0


def shortage(size: int, *bars: tuple[str, int]) -> Shortage:
    """So many bytes are lacking; BARs by name with what each frees."""
    new = [(frees, SimpleNamespace(key=name)) for name, frees in bars]
    return Shortage("mem", size, sorted(new, key=lambda entry: -entry[0]))  # type: ignore[arg-type]


A, B, C, D = ("a", 4), ("b", 2), ("c", 8), ("d", 1)


@pytest.mark.parametrize(
    ("shortages", "count"),
    [
        ([], 0),
        ([shortage(3, A, B)], 1),
        ([shortage(3, A, B), shortage(5, C, D)], 2),  # apart
        ([shortage(3, A, B), shortage(12, A, B, C, D)], 2),  # one in the other
        ([shortage(5, A, B), shortage(13, A, B, C, D)], 3),
        ([shortage(3, A, B), shortage(5, B, C)], 1),  # neither: one BAR may do for both
        ([shortage(3, A, B), shortage(5, B, C), shortage(13, A, B, C, D)], 3),
        ([shortage(1, B), shortage(1, D), shortage(13, A, B, C, D)], 4),
        ([shortage(99, A, B)], 2),
    ],
)
def test_shortages_within_each_other_and_apart(shortages: list[Shortage], count: int) -> None:
    assert fewest(shortages) == count
    assert count == max((len(each.relief()) for each in shortages), default=0) or len(shortages) > 1
