"""Pitfalls of greedy allocation on real kernels: what is said of them is what the records show."""

from __future__ import annotations

from dataclasses import replace

import pytest

from models.mobility import Policy
from models.resources import MIB, FunctionAddress, Range
from models.topology import RootBus, RootWindow, Topology, WindowKey
from solver.engines import engine
from solver.request import Request
from tests.kernel.pitfalls import BASE, BELOW_4G, SHAPES, slug
from tests.kernel.record import RECORDS, Record
from tests.pitfalls import NOT_SEEN, PITFALLS, SEEN, Seen

OTHER_SIZES = ("P10", "P16")
"""Pitfalls whose machine in QEMU has more BARs, or fewer."""

ROOT_WINDOW_PLAYED = ("P1", "P2", "P2b", "P3", "P4", "P5", "P6", "P14", "P16", "P17", "P17 twice", "P17 beside")
"""Pitfalls in which a bridge's window, opened by firmware, plays the part of the root window."""

CASES = [(name, version) for name, seen in SEEN.items() for version in seen]


def load(name: str, version: str) -> Record:
    event = "_pciehp-0" if SHAPES[name].plugs else ""
    return Record.load(RECORDS / f"{slug(name)}_{version}_qboot{event}.json")


def test_every_pitfall_was_seen_or_has_a_reason() -> None:
    assert {*SEEN, *NOT_SEEN} == set(PITFALLS)
    assert not set(SEEN) & set(NOT_SEEN)
    assert set(SEEN) == set(SHAPES)


@pytest.mark.parametrize(("name", "version"), CASES)
def test_the_kernel_did_what_the_table_says(name: str, version: str) -> None:
    record = load(name, version)
    left = {
        key.function: bar.address is not None
        for key, bar in sorted(record.topology.bars(), key=lambda one: one[1].address is not None)
        if record.result.bars[key] is None and not bar.optional
    }
    assert Seen(len(left), sum(left.values())) == SEEN[name][version]


@pytest.mark.parametrize("name", [name for name in SEEN if name not in OTHER_SIZES])
def test_the_kernel_leaves_out_what_the_small_machine_says(name: str) -> None:
    """The pitfalls are machines of a few BARs made by hand, and 6.1 does with QEMU's what is foretold of them."""
    assert SEEN[name]["6.1"].left_out == PITFALLS[name].classic


@pytest.mark.parametrize("version", ["6.1", "6.12"])
def test_reserves_went_to_the_last_port_alone(version: str) -> None:
    """P11: 127 VFs do not fit beside two reserves, so that no port but the last, which can grow, gets more."""
    record = load("P11", version)
    sizes = [
        held.size // MIB
        for key, held in sorted(record.result.windows.items())
        if key.bridge.startswith("0000:02") and key.kind == "mem" and held is not None
    ]
    assert sizes == [1, 1, 6]


@pytest.mark.parametrize("version", ["6.1", "6.12"])
def test_the_retry_leaves_the_port_without_a_window(version: str) -> None:
    """P7 with realloc: the second port had a window, and has none after the kernel's second try."""
    record = load("P7 realloc", version)
    lost = [
        key for key, window in record.topology.windows() if window.range is not None and not record.result.windows[key]
    ]
    assert lost == [WindowKey(FunctionAddress("0000:00:02.0"), "mem")]


@pytest.mark.parametrize("name", ROOT_WINDOW_PLAYED)
def test_a_legal_placement_exists_inside_the_window(name: str) -> None:
    result = engine("cp-sat")(_behind_the_window(load(name, "6.1").topology), _request("moved_bars"))
    assert result.legal
    # Of P16, the one BAR that never fits.
    assert result.measures.unplaced == (1 if name == "P16" else 0)
    assert PITFALLS[name].moves in (None, result.measures.moved_bars)


@pytest.mark.parametrize("name", [name for name in SEEN if name not in ROOT_WINDOW_PLAYED])
def test_a_legal_placement_exists(name: str) -> None:
    result = engine("cp-sat")(load(name, "6.1").topology, _request("moved_bars"))
    assert result.legal
    assert result.measures.unplaced == 0


def _request(*minimize: str) -> Request:
    return Request(policy=Policy.ALWAYS, minimize=("unplaced", *minimize), time_limit=20)


def _behind_the_window(topology: Topology) -> Topology:
    """The machine in which the bridge's window is the root window, with room elsewhere for the small BARs."""
    bridge = next(function.bridge for function, _ in topology.functions() if function.address == "0000:00:01.0")
    assert bridge is not None
    window = bridge.window("pref")
    assert window is not None
    assert window.range is not None
    assert window.range.start >= BASE
    windows = (
        RootWindow("io", Range(0x1000, 0x10000)),
        RootWindow("mem", Range.of(BELOW_4G, 15 * MIB)),
        RootWindow("mem", window.range, prefetchable=True),
    )
    assert bridge.secondary is not None
    return replace(topology, root_buses=(RootBus(0, bridge.secondary, windows, bridge.functions),))
