"""What empty hotplug ports have room for."""

from __future__ import annotations

import pytest

from models.headroom import doublings, headroom, largest_block
from models.placement import Placement, measure
from models.resources import GIB, MIB
from models.topology import Function, RootBus, Topology
from tests.topologies import Pair, bar, bridge, changed, function, host, machine, window_key


@pytest.mark.parametrize(
    ("start", "end", "block"),
    [(0, 8, 8), (4, 12, 4), (1, 4, 2), (3, 4, 1), (5, 5, 0), (7, 3, 0), (0x80100000, 0x80600000, 2 * MIB)],
)
def test_a_block_stands_at_a_multiple_of_itself(start: int, end: int, block: int) -> None:
    assert largest_block(start, end) == block


def test_doublings_begin_at_one_mebibyte() -> None:
    assert [doublings(size) for size in (0, 4096, MIB, 2 * MIB, GIB)] == [0, 0, 1, 2, 11]


def port(mem: Pair | tuple[()] = (), pref: Pair | tuple[()] = (), *behind: Function, hotplug: bool = True) -> Topology:
    return machine(bridge("00:01.0", *behind, mem=mem, pref=pref, hotplug=hotplug, secondary=1))


def test_both_memory_windows_count_by_themselves() -> None:
    topology = port((0x80100000, 0x805FFFFF), (0x4000000000, 0x403FFFFFFF))
    mem, pref = headroom(topology, Placement.today(topology))
    assert (mem.kind, mem.block) == ("mem", 2 * MIB)
    assert (pref.kind, pref.block) == ("pref", GIB)


def test_the_yardstick_is_the_root_windows() -> None:
    topology = port()
    mem, pref = headroom(topology, Placement.today(topology))
    assert (mem.block, mem.most, pref.most) == (0, GIB, 256 * GIB)
    assert (mem.missing, pref.missing) == (11, 19)
    assert measure(topology, Placement.today(topology)).headroom == 30


def test_a_closed_port_falls_short_by_all_of_it_and_an_open_one_by_less() -> None:
    topology = port()
    opened = changed(topology, windows={window_key("00:01.0", "mem"): (0x80000000, 0x80FFFFFF)})
    assert measure(topology, opened).headroom == 30 - 5


def test_what_is_occupied_or_no_hotplug_port_does_not_count() -> None:
    assert not headroom(port((), (), function("01:00.0")), Placement({}, {}))
    assert not headroom(port(hotplug=False), Placement({}, {}))


def test_bus_addresses_count() -> None:
    inner = bridge("00:01.0", mem=(0x80100000, 0x801FFFFF + MIB), pref=None, hotplug=True, secondary=1)
    root: RootBus = host(inner, mem=(0x80100000, 0x8FFFFFFF), offset=0x80100000, pref=None)
    topology = machine(root)
    assert headroom(topology, Placement.today(topology))[0].block == 2 * MIB


def test_a_32_bit_prefetchable_window_reaches_4_gib() -> None:
    topology = machine(bridge("00:01.0", hotplug=True, secondary=1, pref_width=32))
    assert [entry.most for entry in headroom(topology, Placement.today(topology))] == [GIB, GIB]


def test_a_bar_on_the_root_bus_takes_nothing_from_a_window() -> None:
    topology = machine(
        function("00:02.0", bar(0, at=0x90000000)),
        bridge("00:01.0", mem=(0x80000000, 0x80FFFFFF), hotplug=True, secondary=1),
    )
    assert headroom(topology, Placement.today(topology))[0].block == 16 * MIB
