"""The text for people, piece by piece."""

from __future__ import annotations

import json
from typing import Any

import pytest

from models.document import load_topology
from models.placement import Placement
from models.plan import Objective
from models.resources import FunctionAddress, Range
from models.sources.observation import Failure
from models.topology import Bar, BarKey, BridgeWindow, Topology, WindowKey
from solver.reasons import lost_reserves, why_moved
from solver.render.classes import class_name
from solver.render.columns import columns, labels, section
from solver.render.machine import failure_lines
from solver.render.plan import objective_text
from solver.render.words import bar_text, count, short_size, window_text

MIB = 1 << 20


@pytest.mark.parametrize(
    ("bar", "text"),
    [
        (
            Bar(0, "mem", 32 * MIB, width=64, prefetchable=True, address=0xF6000000),
            "Memory at f6000000 (64-bit, prefetchable) [size=32M]",
        ),
        (Bar(1, "mem", 4096), "Memory at <unassigned> (32-bit, non-prefetchable) [size=4K]"),
        (Bar(2, "io", 128, address=0xE000), "I/O ports at e000 [size=128]"),
        (Bar("rom", "mem", 512 << 10, address=0xF7000000), "Expansion ROM at f7000000 [size=512K]"),
        (
            Bar("vf0", "mem", 16384, width=64, address=0x4000000000, copies=64),
            "Memory at 4000000000 (64-bit, non-prefetchable) [size=16K] x 64 VFs",
        ),
    ],
)
def test_bars_read_as_in_lspci(bar: Bar, text: str) -> None:
    assert bar_text(bar) == text


@pytest.mark.parametrize(
    ("window", "text"),
    [
        (
            BridgeWindow("mem", 32, Range(0xF9F00000, 0xFA000000)),
            "Memory behind bridge: f9f00000-f9ffffff [size=1M] [32-bit]",
        ),
        (BridgeWindow("io", 16, Range(0xE000, 0xF000)), "I/O behind bridge: e000-efff [size=4K] [16-bit]"),
        (BridgeWindow("pref", 64), "Prefetchable memory behind bridge: [disabled] [64-bit]"),
    ],
)
def test_windows_read_as_in_lspci(window: BridgeWindow, text: str) -> None:
    assert window_text(window) == text


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0"),
        (4096, "4K"),
        (736 * MIB, "736M"),
        ((1 << 30) + 12345, "about 1.0G"),
        (12345678 << 10, "about 11.8G"),
        ((1 << 40) - 4096, "about 1.0T"),
    ],
)
def test_long_sizes_are_rounded(size: int, text: str) -> None:
    assert short_size(size) == text


def test_counts() -> None:
    assert [count(1, "BAR"), count(0, "BAR"), count(2, "entry")] == ["1 BAR", "0 BARs", "2 entries"]


@pytest.mark.parametrize(
    ("code", "name"),
    [("030000", "VGA compatible controller"), ("0x0604", "PCI bridge"), ("028500", "Network controller")],
)
def test_class_names(code: str, name: str) -> None:
    assert class_name(code) == name


def test_unknown_classes_are_numbered() -> None:
    assert class_name("fe0000") == "Class fe00"
    assert class_name(None) == ""


def test_columns_are_as_wide_as_their_contents() -> None:
    assert columns([("a", "1"), ("long", "22")], right=(1,)) == "  a      1\n  long  22\n"
    assert columns([("a", "", "b")]) == "  a  b\n"
    assert columns([]) == ""


def test_labels_are_right_aligned() -> None:
    assert labels([("a", "1"), ("long", "2")]) == "     a: 1\n  long: 2\n"


def test_a_section_without_a_body_is_nothing() -> None:
    assert section("Title", "") == ""


@pytest.mark.parametrize(
    ("value", "bound", "text"),
    [
        (2, 2, "2 (proved)"),
        (2, 1, "2 (at least 1 proved)"),
        (2, None, "2 (no bound proved)"),
        (None, None, "no plan"),
    ],
)
def test_objectives_tell_their_proof(value: int | None, bound: int | None, text: str) -> None:
    assert objective_text(Objective("moved_bars", value, bound)) == text


def test_bytes_are_also_told_as_a_size() -> None:
    assert objective_text(Objective("wasted_bytes", 3 * MIB, 3 * MIB)) == "3145728, 3M (proved)"


def test_repeated_failures_are_told_once() -> None:
    function = FunctionAddress("0000:01:00.0")
    failures = [
        Failure(function, 2, "mem", 128 * MIB, what, 7 + i) for i, what in enumerate(["no space", "failed"] * 2)
    ]
    failures.append(Failure(FunctionAddress("0000:00:01.0"), "pref", None, None, "failed to assign", 8))
    assert failure_lines(failures) == [
        "0000:01:00.0 BAR 2 [mem size 128M]: no space, failed (lines 7 to 10)",
        "0000:00:01.0 Prefetchable memory behind bridge: failed to assign (line 8)",
    ]


@pytest.fixture
def topology(machine: dict[str, Any]) -> Topology:
    return load_topology(json.dumps(machine), "machine.json")


MOVER = BarKey(FunctionAddress("0000:02:00.0"), 0)
NEWCOMER = BarKey(FunctionAddress("0000:03:00.0"), 0)


def test_a_bar_moves_for_what_takes_its_place(topology: Topology) -> None:
    placement = Placement.today(topology)
    placement.bars[MOVER] = 0x4010000000
    placement.bars[NEWCOMER] = 0x4020000000
    assert why_moved(topology, placement) == {MOVER: "makes room for 0000:03:00.0 BAR 0"}


def test_a_bar_moves_for_what_takes_its_window(topology: Topology) -> None:
    placement = Placement.today(topology)
    placement.bars[MOVER] = 0x4010000000
    placement.windows[WindowKey(MOVER.function, "pref")] = None
    placement.windows[WindowKey(FunctionAddress("0000:00:03.0"), "pref")] = Range(0x4020000000, 0x4040000000)
    assert why_moved(topology, placement) == {MOVER: "makes room for the 0000:00:03.0 pref window"}


def test_a_bar_moves_for_the_rule_it_breaks(machine: dict[str, Any]) -> None:
    bar = machine["root_buses"][0]["functions"][1]["bridge"]["functions"][0]["bars"][0]
    bar["address"] = "0x4020100000"
    topology = load_topology(json.dumps(machine), "machine.json")
    placement = Placement.today(topology)
    placement.bars[MOVER] = 0x4010000000
    placement.bars[NEWCOMER] = 0x4020000000
    assert why_moved(topology, placement) == {MOVER: "breaks a rule where it is (alignment)"}


def test_a_bar_that_nothing_pushes_has_no_reason(topology: Topology) -> None:
    placement = Placement.today(topology)
    placement.bars[MOVER] = 0x4010000000
    assert why_moved(topology, placement) == {}


def test_an_empty_hotplug_port_that_loses_room_is_named(machine: dict[str, Any]) -> None:
    del machine["root_buses"][0]["functions"][0]["bridge"]["functions"][:]
    topology = load_topology(json.dumps(machine), "machine.json")
    placement = Placement.today(topology)
    assert lost_reserves(topology, placement) == []
    placement.windows[WindowKey(FunctionAddress("0000:00:01.0"), "pref")] = None
    (warning,) = lost_reserves(topology, placement)
    assert "0000:00:01.0" in warning
