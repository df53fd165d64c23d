"""Walking and changing the tree."""

from __future__ import annotations

import pickle
from dataclasses import replace

import pytest

from models.resources import Range
from models.topology import BarIndex, Function, bar_name
from tests.topologies import address, bar, bridge, function, host, key, machine, window_key

TREE = machine(
    bridge(
        "00:01.0",
        bridge("01:00.0", function("02:00.0", bar(0, at=0x80000000), bar("rom")), mem=(0x80000000, 0x800FFFFF)),
        function("01:01.0", bar("vf0", "4K", copies=8)),
        pref=None,
    ),
    function("00:02.0"),
    host(function("0001:00:00.0", bar(0)), domain=1),
)


def test_every_bus_comes_before_the_buses_behind_it() -> None:
    assert [bus.name for bus in TREE.buses()] == [
        "bus 0000:00",
        "bus behind 0000:00:01.0",
        "bus behind 0000:01:00.0",
        "bus 0001:00",
    ]
    assert [bus.depth for bus in TREE.buses()] == [0, 1, 2, 0]


def test_functions_come_with_the_bus_they_stand_on() -> None:
    assert {function.address: bus.name for function, bus in TREE.functions()} == {
        "0000:00:01.0": "bus 0000:00",
        "0000:00:02.0": "bus 0000:00",
        "0000:01:00.0": "bus behind 0000:00:01.0",
        "0000:01:01.0": "bus behind 0000:00:01.0",
        "0000:02:00.0": "bus behind 0000:01:00.0",
        "0001:00:00.0": "bus 0001:00",
    }


def test_bars_and_windows_by_key() -> None:
    bars, windows = dict(TREE.bars()), dict(TREE.windows())
    assert set(bars) == {key("02:00.0"), key("02:00.0", "rom"), key("01:01.0", "vf0"), key("0001:00:00.0")}
    assert set(windows) == {
        window_key("00:01.0", "io"),
        window_key("00:01.0", "mem"),
        *(window_key("01:00.0", kind) for kind in ("io", "mem", "pref")),
    }
    assert windows[window_key("01:00.0", "mem")].range == Range(0x80000000, 0x80100000)


def test_lookups() -> None:
    device = TREE.function(address("02:00.0"))
    assert device is not None
    assert device.bar("rom") is not None
    assert device.bar(1) is None
    assert TREE.function(address("03:00.0")) is None
    port = TREE.function(address("00:01.0"))
    assert port is not None
    assert port.bridge is not None
    assert port.bridge.window("pref") is None
    assert port.bridge.window("io") is not None


def test_a_vf_block_spans_all_its_instances() -> None:
    block = bar("vf0", "4K", copies=8, at=0x1000)
    assert block.span == 0x8000
    assert block.range == Range(0x1000, 0x9000)
    assert bar(0).range is None


@pytest.mark.parametrize(("index", "name"), [(2, "BAR 2"), ("rom", "ROM"), ("vf0", "VF BAR 0")])
def test_names(index: BarIndex, name: str) -> None:
    assert bar_name(index) == name
    assert str(key("01:00.0", index)) == f"0000:01:00.0 {name}"


def test_window_names() -> None:
    assert str(window_key("00:01.0", "pref")) == "0000:00:01.0 pref window"


class TestMapFunctions:
    def test_a_bridge_is_seen_after_what_is_behind_it(self) -> None:
        seen: list[str] = []
        TREE.map_functions(lambda function: seen.append(function.address) or function)  # type: ignore[func-returns-value]
        assert seen.index("0000:02:00.0") < seen.index("0000:01:00.0") < seen.index("0000:00:01.0")

    def test_none_removes(self) -> None:
        smaller = TREE.map_functions(lambda function: None if function.bars else function)
        assert [function.address for function, _ in smaller.functions()] == [
            "0000:00:01.0",
            "0000:00:02.0",
            "0000:01:00.0",
        ]
        assert len(list(TREE.functions())) == 6

    def test_changes_reach_every_depth(self) -> None:
        def renamed(function: Function) -> Function:
            return replace(function, driver="x", driver_known=True)

        assert {function.driver for function, _ in TREE.map_functions(renamed).functions()} == {"x"}


def test_a_topology_can_be_pickled() -> None:
    assert pickle.loads(pickle.dumps(TREE)) == TREE
