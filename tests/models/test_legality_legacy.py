"""Rules on I/O ports that the VGA and ISA enable bits of bridges keep."""

from __future__ import annotations

import pytest

from models.legality import today_breaches
from models.topology import Topology
from tests.models.breaches import DEVICE, PORT, legal, only
from tests.topologies import bar, bridge, function, host, machine


class TestVga:
    """Ports that a bridge with the VGA enable bit claims from what stands beside it."""

    @staticmethod
    def beside(start: int, size: int = 16, *, vga: int = 10, fixed: bool = False, offset: int = 0) -> Topology:
        device = function("00:02.0", bar(0, size, io=True, at=start, fixed=fixed))
        port = bridge("00:01.0", function("01:00.0", class_code="030000"), vga=vga)
        return machine(host(port, device, io=(offset, offset + 0x1FFFF), io_offset=offset))

    def test_a_bar_at_a_port_that_looks_the_same_in_ten_bits(self) -> None:
        breach = only(today_breaches(self.beside(0x2FB0)))
        assert (breach.rule, breach.parties) == ("vga", ("0000:00:02.0 BAR 0", PORT))
        assert breach.message == (
            "0000:00:02.0 BAR 0 00002fb0-00002fbf has port 2fb0, which the VGA enable bit of 0000:00:01.0 claims"
        )
        assert only(today_breaches(self.beside(0x2F00, 256))).rule == "vga"
        assert only(today_breaches(self.beside(0xF3C0))).rule == "vga"

    @pytest.mark.parametrize("start", [0x2FA0, 0x2FE0, 0x2CB0, 0x123B0])
    def test_other_ports_and_those_from_64_kib_on_are_free(self, start: int) -> None:
        assert legal(self.beside(start))

    def test_four_ports_between_the_two_ranges_are_free(self) -> None:
        assert legal(self.beside(0x2FBC, 4))
        assert only(today_breaches(self.beside(0x2FB8, 4))).rule == "vga"

    def test_sixteen_bits_leave_all_but_the_ports_themselves(self) -> None:
        assert legal(self.beside(0x2FB0, vga=16))
        assert only(today_breaches(self.beside(0x3B0, vga=16))).rule == "vga"
        assert legal(self.beside(0x3B0, vga=0))

    def test_fixed_bars_are_exempt(self) -> None:
        assert legal(self.beside(0x2FB0, fixed=True))

    def test_bus_addresses_count(self) -> None:
        assert only(today_breaches(self.beside(0x42FB0, offset=0x40000))).rule == "vga"

    def test_the_bridge_claims_them_for_what_is_behind_it_and_from_all_that_its_siblings_lead_to(self) -> None:
        there = bridge("00:01.0", function("01:00.0", bar(0, 16, io=True, at=0x2FB0)), io=(0x2000, 0x2FFF), vga=10)
        assert legal(machine(there))
        deep = bridge("02:00.0", function("03:00.0", bar(0, 16, io=True, at=0x3FB0)), io=(0x3000, 0x3FFF))
        other = bridge("00:02.0", deep, io=(0x3000, 0x3FFF))
        assert only(today_breaches(machine(there, other))).parties == ("0000:03:00.0 BAR 0", PORT)

    def test_a_bridge_behind_a_bridge_claims_them_on_its_own_bus(self) -> None:
        inner = bridge("01:00.0", function("02:00.0", class_code="030000"), vga=10)
        beside = function("01:01.0", bar(0, 16, io=True, at=0x2FB0))
        topology = machine(bridge("00:01.0", inner, beside, io=(0x2000, 0x2FFF), vga=10))
        assert only(today_breaches(topology)).parties == ("0000:01:01.0 BAR 0", "0000:01:00.0")
        outside = function("00:02.0", bar(0, 16, io=True, at=0x3FB0))
        hidden = bridge("00:01.0", inner)  # passes none of them on
        assert legal(machine(hidden, outside))

    def test_windows_of_a_cardbus_bridge_serve_the_bus_behind_it(self) -> None:
        device = function("02:00.0", bar(0, at=0x80000000))
        root = machine(bridge("00:01.0", device, mem=None, cardbus=[("mem", (0x80000000, 0x83FFFFFF), False)]))
        assert legal(root)


class TestIsa:
    """What a bridge with the ISA enable bit keeps back."""

    @staticmethod
    def behind(start: int, size: int, *, isa: bool = True, fixed: bool = False, offset: int = 0) -> Topology:
        device = function("01:00.0", bar(0, size, io=True, at=start, fixed=fixed))
        port = bridge("00:01.0", device, io=(start & ~0xFFF, start | 0xFFF), io_width=32, isa=isa)
        return machine(host(port, io=(0, 0x1FFFF) if not offset else (offset, offset + 0xFFFF), io_offset=offset))

    def test_a_bar_among_the_ports_that_are_kept_back(self) -> None:
        breach = only(today_breaches(self.behind(0x2100, 32)))
        assert (breach.rule, breach.parties) == ("isa", (f"{DEVICE} BAR 0", f"bus behind {PORT}"))
        assert breach.message == (
            "0000:01:00.0 BAR 0 00002100-0000211f is not in the first 256 of each 1024 ports, "
            "all that the ISA enable bit leaves bus behind 0000:00:01.0"
        )
        assert only(today_breaches(self.behind(0x2000, 512))).rule == "isa"

    def test_the_first_256_of_1024_ports_from_64_kib_on_and_fixed_ones_are_free(self) -> None:
        assert legal(self.behind(0x2400, 256))
        assert legal(self.behind(0x24E0, 32))
        assert legal(self.behind(0x10100, 32))
        assert legal(self.behind(0x2100, 32, fixed=True))
        assert legal(self.behind(0x2100, 32, isa=False))

    def test_bus_addresses_count(self) -> None:
        assert only(today_breaches(self.behind(0x42100, 32, offset=0x40000))).rule == "isa"

    def test_a_bridge_further_up_counts(self) -> None:
        inner = bridge("01:00.0", function("02:00.0", bar(0, 32, io=True, at=0x2100)), io=(0x2000, 0x2FFF))
        topology = machine(bridge("00:01.0", inner, io=(0x2000, 0x2FFF), isa=True))
        assert only(today_breaches(topology)).parties == ("0000:02:00.0 BAR 0", "bus behind 0000:01:00.0")
