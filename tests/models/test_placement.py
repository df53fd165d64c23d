"""What a placement is worth, and what it leaves free."""

from __future__ import annotations

from models.placement import Measures, Placement, free_space, measure
from models.resources import MIB, Range
from models.topology import RootWindow, Topology
from tests.topologies import bar, bridge, changed, function, host, key, machine, window_key


def port() -> Topology:
    """A port with 4 MiB of memory window, of which 1 MiB and a VF block of 2 MiB are in use; a ROM nowhere."""
    device = function("01:00.0", bar(0, at=0x80000000), bar("vf0", copies=2, at=0x80200000), bar("rom"))
    return machine(bridge("00:01.0", device, mem=(0x80000000, 0x803FFFFF)))


def test_today_is_what_the_topology_says() -> None:
    today = Placement.today(port())
    assert today.bars == {
        key("01:00.0"): 0x80000000,
        key("01:00.0", "vf0"): 0x80200000,
        key("01:00.0", "rom"): None,
    }
    assert today.windows[window_key("00:01.0", "mem")] == Range(0x80000000, 0x80400000)
    assert today.windows[window_key("00:01.0", "pref")] is None


class TestMeasure:
    def test_today(self) -> None:
        assert measure(port(), Placement.today(port())) == Measures(0, 0, 0, 0, 0, 0, MIB)

    def test_a_bar_without_address_is_unplaced_unless_optional_or_fixed(self) -> None:
        topology = machine(function("00:02.0", bar(0), bar(1, optional=True), bar(2, fixed=True), bar("rom")))
        assert measure(topology, Placement.today(topology)).unplaced == 1

    def test_a_vf_block_moves_once_and_its_function_once(self) -> None:
        new = changed(port(), {key("01:00.0"): 0x80100000, key("01:00.0", "vf0"): 0x80000000})
        worth = measure(port(), new)
        assert (worth.moved_bars, worth.moved_functions) == (2, 1)

    def test_a_lost_bar_is_not_moved(self) -> None:
        worth = measure(port(), changed(port(), {key("01:00.0", "vf0"): None}))
        assert (worth.lost_bars, worth.moved_bars, worth.unplaced) == (1, 0, 0)

    def test_a_bar_that_had_no_address_does_not_move(self) -> None:
        assert measure(port(), changed(port(), {key("01:00.0", "rom"): 0x80100000})).moved_bars == 0

    def test_windows_are_counted_apart(self) -> None:
        windows = {window_key("00:01.0", "mem"): (0x80000000, 0x804FFFFF), window_key("00:01.0", "io"): (0, 0xFFF)}
        worth = measure(port(), changed(port(), windows=windows))
        assert (worth.windows_changed, worth.moved_bars) == (2, 0)
        assert worth.wasted_bytes == 2 * MIB + 4096

    def test_an_absent_key_is_unassigned_and_closed(self) -> None:
        worth = measure(port(), Placement({}, {}))
        assert (worth.lost_bars, worth.windows_changed, worth.wasted_bytes) == (2, 1, 0)

    def test_only_windows_on_the_root_bus_are_summed(self) -> None:
        inner = bridge("01:00.0", function("02:00.0", bar(0, at=0x80000000)), mem=(0x80000000, 0x801FFFFF))
        topology = machine(bridge("00:01.0", inner, mem=(0x80000000, 0x803FFFFF)))
        assert measure(topology, Placement.today(topology)).wasted_bytes == 3 * MIB

    def test_a_bar_outside_the_window_backs_nothing(self) -> None:
        device = function("01:00.0", bar(0, at=0x90000000))
        topology = machine(bridge("00:01.0", device, mem=(0x80000000, 0x800FFFFF)))
        assert measure(topology, Placement.today(topology)).wasted_bytes == MIB

    def test_values_by_name(self) -> None:
        worth = measure(port(), Placement.today(port()))
        assert worth.value("wasted_bytes") == MIB
        assert worth.value("unplaced") == 0


class TestFreeSpace:
    def test_gaps_between_what_stands_on_the_root_bus(self) -> None:
        root = host(
            bridge("00:01.0", function("01:00.0", bar(0, at=0x80100000)), mem=(0x80100000, 0x801FFFFF)),
            function("00:02.0", bar(0, at=0x80400000)),
            mem=(0x80000000, 0x807FFFFF),
            io=None,
            pref=None,
        )
        (free,) = free_space(machine(root), Placement.today(machine(root)))
        assert free.root == "0000:00"
        assert free.free == 6 * MIB
        assert free.largest_block == 2 * MIB

    def test_reserved_ranges_are_not_free(self) -> None:
        topology = machine(
            host(mem=(0x80000000, 0x801FFFFF), io=None, pref=None), reserved=[("mem", (0x80000000, 0x80000FFF))]
        )
        (free,) = free_space(topology, Placement.today(topology))
        assert (free.free, free.largest_block) == (2 * MIB - 4096, MIB)

    def test_blocks_are_aligned_on_bus_addresses(self) -> None:
        topology = machine(host(mem=(0x80100000, 0x804FFFFF), offset=0x100000, io=None, pref=None))
        (free,) = free_space(topology, Placement.today(topology))
        assert free.largest_block == 4 * MIB

    def test_a_full_window_has_none(self) -> None:
        topology = machine(
            host(function("00:02.0", bar(0, at=0x80000000)), mem=(0x80000000, 0x800FFFFF), io=None, pref=None)
        )
        (free,) = free_space(topology, Placement.today(topology))
        assert (free.free, free.largest_block) == (0, 0)

    def test_every_root_window_is_listed_in_order(self) -> None:
        windows = [RootWindow("mem", Range(0x1000_0000_0000, 0x1000_0010_0000))]
        topology = machine(host(windows=windows), host(bus=0x80, io=(0, 1), mem=None, pref=None))
        listed = free_space(topology, Placement.today(topology))
        assert [item.root for item in listed] == ["0000:00"] * 4 + ["0000:80"]
        assert listed[3].window == windows[0]

    def test_what_stands_behind_a_subtractive_bridge_takes_root_bus_space(self) -> None:
        device = function("01:00.0", bar(0, at=0x80000000))
        topology = machine(
            host(bridge("00:01.0", device, subtractive=True), mem=(0x80000000, 0x801FFFFF), io=None, pref=None)
        )
        (free,) = free_space(topology, Placement.today(topology))
        assert (free.free, free.largest_block) == (MIB, MIB)
