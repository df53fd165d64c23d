"""Worked examples: sizes and alignments of single windows, growth through levels, SR-IOV, I/O, a desktop."""

from __future__ import annotations

import random

import pytest

from models.placement import measure
from models.resources import MIB, WindowKind
from models.topology import BarIndex, Function, Topology
from solver.kernel.context import WindowSize
from solver.kernel.driver import Outcome, allocate
from solver.kernel.parameters import parse_parameters
from solver.kernel.rules import RULES
from tests.pitfalls import device, inner, over, port
from tests.topologies import bar, bridge, function, host, key, machine, window_key


def run(generation: str, topology: Topology, **options: str) -> Outcome:
    return allocate(topology, RULES[generation], parse_parameters(options, topology))


def size(outcome: Outcome, address: str, kind: WindowKind = "mem") -> WindowSize:
    return outcome.sizes[window_key(address, kind)]


@pytest.mark.parametrize(
    ("children", "classic", "tight"),
    [
        ((8,), (8, 8), (8, 8)),
        ((8, 1), (4, 12), (8, 9)),
        ((16, 1), (8, 24), (16, 17)),
        ((16, 4), (8, 24), (16, 20)),
        ((64, 1), (32, 96), (64, 65)),
        ((128, 32), (64, 192), (128, 160)),
        ((256, 32), (128, 384), (256, 288)),
        ((256, 1, 1, 1), (128, 384), (256, 259)),
        ((2, 4, 2), (2, 8), (1, 8)),
    ],
)
def test_alignment_and_size_of_one_window(
    children: tuple[int, ...], classic: tuple[int, int], tight: tuple[int, int]
) -> None:
    topology = over(0, 1024, port(0, *children))
    for generation, expected in (("linux-6.1", classic), ("linux-7", tight)):
        found = size(run(generation, topology), "00:00.0")
        assert (found.alignment // MIB, found.must // MIB) == expected


def test_a_child_window_larger_than_its_alignment() -> None:
    """A window of 24 aligned to 8 beside 1: 28 aligned to 4, where 25 would do."""
    topology = over(0, 1024, inner("00:00.0", port(0, 16, 1, bus=1, secondary=2), device(1, 1, 1)))
    found = size(run("linux-6.1", topology), "00:00.0")
    assert (found.alignment // MIB, found.must // MIB) == (4, 28)


def test_growth_through_levels() -> None:
    """A port with 64 + 1, and one more BAR of 1 on each level above."""
    chain: tuple[Function, ...] = (device(4, 0, 64), device(4, 1, 1))
    for level in (3, 2, 1, 0):
        chain = (inner(f"{level:02x}:1f.0", *chain), device(level, 0, 1))
    topology = over(0, 1024, *chain)
    for generation, expected in (("linux-6.1", [96, 112, 120, 124]), ("linux-7", [65, 66, 67, 68])):
        outcome = run(generation, topology)
        assert [size(outcome, f"{level:02x}:1f.0").must // MIB for level in (3, 2, 1, 0)] == expected


def nic(address: str) -> Function:
    return function(address, bar(0, "64K", width=64, pref=True), bar("vf0", "16K", width=64, pref=True, copies=64))


@pytest.mark.parametrize("generation", RULES)
def test_vf_bars_are_optional(generation: str) -> None:
    outcome = run(generation, machine(bridge("00:01.0", nic("01:00.0"))), realloc="off")
    found = size(outcome, "00:01.0", "pref")
    assert (found.must, found.optional) == (MIB, 2 * MIB)
    base = outcome.placement.bars[key("01:00.0")]
    assert base is not None
    assert outcome.placement.bars[key("01:00.0", "vf0")] == base + 0x10000


@pytest.mark.parametrize("generation", RULES)
def test_vf_bars_are_required_in_a_try_without_optional_list(generation: str) -> None:
    outcome = run(generation, machine(bridge("00:01.0", nic("01:00.0"))), realloc="on")
    found = size(outcome, "00:01.0", "pref")
    assert (found.must, found.optional) == (2 * MIB, 2 * MIB)


def desktop() -> Topology:
    graphics = function(
        "01:00.0",
        bar(0, "16M"),
        bar(1, "256M", width=64, pref=True),
        bar(3, "32M", width=64, pref=True),
        bar(5, 128, io=True),
        bar("rom", "512K"),
    )
    ports = [
        bridge(f"04:{number:02x}.0", function(f"{5 + number:02x}:00.0", bar(0, "16K", width=64))) for number in range(2)
    ]
    return machine(
        host(
            bridge("00:01.0", graphics, function("01:00.1", bar(0, "16K"))),
            bridge("00:02.0", secondary=2, hotplug=True),
            bridge("00:03.0", bridge("03:00.0", *ports, bars=[bar(0, "256K")])),
            bridge("00:04.0", nic("07:00.0")),
            function("00:14.0", bar(0, "64K", width=64)),
            function("00:17.0", bar(4, 32, io=True), bar(5, "2K")),
            function("00:1f.0", bar(0, "256"), bar(4, 32, io=True)),
            mem=(0x90000000, 0x9FFFFFFF),
            pref=(0x4000000000, 0x7FFFFFFFFF),
        )
    )


def test_desktop_order() -> None:
    for generation in ("linux-6.1", "linux-7"):
        outcome = run(generation, desktop(), realloc="off")
        on_root = [str(attempt.key).removeprefix("0000:") for attempt in outcome.attempts][:13]
        assert on_root == [
            "00:01.0 pref window",
            "00:01.0 mem window",
            "00:02.0 mem window",
            "00:02.0 pref window",
            "00:03.0 mem window",
            "00:04.0 pref window",
            "00:14.0 BAR 0",
            "00:01.0 io window",
            "00:02.0 io window",
            "00:17.0 BAR 5",
            "00:1f.0 BAR 0",
            "00:17.0 BAR 4",
            "00:1f.0 BAR 4",
        ]


@pytest.mark.parametrize(
    ("generation", "windows", "bars"),
    [
        (
            "linux-6.1",
            [
                (0x4000000000, 384),
                (0x90000000, 24),
                (0x91800000, 2),
                (0x4018000000, 2),
                (0x91A00000, 3),
                (0x4018200000, 2),
            ],
            [0x91D00000, 0x91D10000, 0x91D10800],
        ),
        (
            "linux-7",
            [
                (0x4000000000, 288),
                (0x90000000, 17),
                (0x91100000, 2),
                (0x4012000000, 2),
                (0x91300000, 3),
                (0x4012200000, 2),
            ],
            [0x91600000, 0x91610000, 0x91610800],
        ),
    ],
)
def test_desktop(generation: str, windows: list[tuple[int, int]], bars: list[int]) -> None:
    placement = run(generation, desktop(), realloc="off").placement
    keys: list[tuple[str, WindowKind]] = [
        ("00:01.0", "pref"),
        ("00:01.0", "mem"),
        ("00:02.0", "mem"),
        ("00:02.0", "pref"),
        ("00:03.0", "mem"),
        ("00:04.0", "pref"),
    ]
    for (address, kind), (start, megabytes) in zip(keys, windows, strict=True):
        range_ = placement.windows[window_key(address, kind)]
        assert range_ is not None
        assert (range_.start, range_.size) == (start, megabytes * MIB)
    assert [placement.bars[key("00:14.0")], placement.bars[key("00:17.0", 5)], placement.bars[key("00:1f.0")]] == bars
    for address, start in (("00:01.0", 0x1000), ("00:02.0", 0x2000)):
        range_ = placement.windows[window_key(address, "io")]
        assert range_ is not None
        assert range_.start == start
    assert placement.bars[key("00:17.0", 4)] == 0x3000
    assert placement.bars[key("00:1f.0", 4)] == 0x3020
    expected: dict[tuple[str, BarIndex], int] = {
        ("01:00.0", 1): 0x4000000000,
        ("01:00.0", 3): 0x4010000000,
        ("01:00.0", 0): 0x90000000,
        ("01:00.0", "rom"): 0x91000000,
        ("01:00.1", 0): 0x91080000,
        ("01:00.0", 5): 0x1000,
    }
    assert {name: placement.bars[key(*name)] for name in expected} == expected
    switch = windows[4][0]
    assert placement.bars[key("03:00.0")] == switch + 2 * MIB
    for number in range(2):
        assert placement.bars[key(f"{5 + number:02x}:00.0")] == switch + number * MIB


@pytest.mark.parametrize(("isa", "expected"), [("on", 0x2000), ("off", 0x1000)])
def test_io_counts_four_times_on_an_isa_machine(isa: str, expected: int) -> None:
    """Five BARs of 256 bytes."""
    behind = function("01:00.0", *(bar(index, 256, io=True) for index in range(5)))
    outcome = run("linux-6.1", machine(bridge("00:01.0", behind)), isa=isa)
    assert size(outcome, "00:01.0", "io").must == expected


def random_tree(rng: random.Random) -> Topology:
    """Up to three levels in unlimited space."""

    def level(bus: int, depth: int) -> list[Function]:
        functions = []
        for number in range(rng.randint(1, 3)):
            if depth and rng.random() < 0.4:
                behind = next(buses)
                functions.append(inner(f"{bus:02x}:{number:02x}.0", *level(behind, depth - 1)))
            else:
                functions.append(device(bus, number, 1 << rng.randint(0, 4)))
        return functions

    buses = iter(range(1, 256))
    return over(rng.choice((0, 1, 2, 3, 4, 8)), 1024, *level(0, 3))


def test_tight_sizes_fail_more_often_where_space_is_unlimited() -> None:
    """Space never runs out; what fails are windows too small or too weakly aligned for what they hold."""
    rng = random.Random(18)
    failed = {"linux-6.1": 0, "linux-7": 0}
    for _ in range(250):
        topology = random_tree(rng)
        for generation in failed:
            placement = run(generation, topology).placement
            failed[generation] += measure(topology, placement).unplaced > 0
    assert 0 < failed["linux-6.1"] < 10
    assert 20 < failed["linux-7"] < 100
