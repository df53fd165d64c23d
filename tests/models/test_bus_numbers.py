"""Bus numbers of what is plugged in: who gets which, and who has too few."""

from __future__ import annotations

from models.bus_numbers import bus_shortages
from models.edit import plug
from models.topology import Function, Topology
from tests.topologies import bridge, function, machine


def numbers(topology: Topology) -> dict[str, tuple[int | None, int | None]]:
    """Secondary and subordinate number of every bridge, by address without its domain."""
    return {
        found.address.removeprefix("0000:"): (found.bridge.secondary, found.bridge.subordinate)
        for found, _ in topology.functions()
        if found.bridge is not None
    }


def port(last: int, *behind: Function, hotplug: bool = False) -> Topology:
    """A port with the buses 4 to ``last``, and beside it one with the buses from there on."""
    return machine(
        bridge("00:1c.0", *behind, secondary=4, subordinate=last, hotplug=hotplug),
        bridge("00:1d.0", function("20:00.0"), secondary=0x20, subordinate=0x2F),
    )


class TestNumbersGivenOut:
    def test_one_for_each_bridge_in_the_order_of_the_tree(self) -> None:
        after = numbers(plug(port(0x1F), "tb-dock@00:1c.0"))
        assert after["04:00.0"] == (5, 8)
        assert [after[f"05:0{slot}.0"] for slot in (1, 2, 4)] == [(6, 6), (7, 7), (8, 8)]

    def test_behind_a_hotplug_port_its_hotplug_ports_share_what_is_left(self) -> None:
        after = numbers(plug(port(0x1F, hotplug=True), "tb-dock@00:1c.0"))
        assert after["04:00.0"] == (5, 0x1F)
        assert [after[f"05:0{slot}.0"] for slot in (1, 2, 4)] == [(6, 0x11), (0x12, 0x12), (0x13, 0x1F)]

    def test_a_second_device_behind_the_first(self) -> None:
        once = plug(port(0x1F, hotplug=True), "tb-dock@00:1c.0")
        twice = plug(once, "tb-dock@05:01.0")
        assert numbers(twice)["06:00.0"] == (7, 0x11)
        assert not bus_shortages(twice)

    def test_numbers_that_others_have_are_left_alone(self) -> None:
        taken = bridge("04:00.0", secondary=5, subordinate=7)
        assert numbers(plug(port(0x1F, taken), "tb-dock@00:1c.0"))["04:01.0"] == (8, 11)

    def test_on_a_root_bus_the_first_that_no_bridge_has(self) -> None:
        assert numbers(plug(port(0x1F), "tb-dock@0000:00"))["00:00.0"] == (0x30, 0x33)


class TestShortages:
    def test_just_enough(self) -> None:
        assert not bus_shortages(plug(port(8), "tb-dock@00:1c.0"))

    def test_one_short(self) -> None:
        (shortage,) = bus_shortages(plug(port(7, hotplug=True), "tb-dock@00:1c.0"))
        assert (shortage.bridge, shortage.needed, shortage.free, shortage.short) == ("0000:00:1c.0", 4, 3, 1)
        assert str(shortage) == (
            "0000:00:1c.0 passes on the bus numbers 04-07; behind it are 4 bridges that need a number each, 3 in a row "
            "are free, 1 short: the kernel cannot reach what lies behind them until it is booted with "
            "pci=assign-busses,hpbussize=4"
        )

    def test_the_kernel_reserves_for_hotplug_ports_alone(self) -> None:
        (shortage,) = bus_shortages(plug(port(4), "jbof-24@00:1c.0"))
        assert shortage.short == 25
        assert str(shortage).endswith(
            "none is free, 25 short: the kernel cannot reach what lies behind them until it is "
            "booted with pci=assign-busses"
        )

    def test_numbers_are_needed_in_a_row(self) -> None:
        behind = bridge("04:00.0", secondary=8, subordinate=8)
        (shortage,) = bus_shortages(plug(port(11, behind), "tb-dock@00:1c.0"))
        assert (shortage.needed, shortage.free) == (4, 3)

    def test_a_device_without_bridges_needs_none(self) -> None:
        assert not bus_shortages(plug(port(4), "gpu-80g@00:1c.0"))

    def test_unknown_numbers_say_nothing(self) -> None:
        assert not bus_shortages(machine(bridge("00:1c.0", bridge("04:00.0"), secondary=4)))

    def test_every_function_has_an_address_of_its_own_all_the_same(self) -> None:
        after = plug(port(4), "jbof-24@00:1c.0")
        addresses = [found.address for found, _ in after.functions()]
        assert len(set(addresses)) == len(addresses)
