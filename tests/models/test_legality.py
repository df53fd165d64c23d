"""Each rule by the smallest machine that breaks exactly that rule; then every exemption."""

from __future__ import annotations

import pytest

from models.legality import Breach, check, new_breaches, today_breaches
from models.placement import Placement
from models.resources import Range
from models.topology import BarKey, RootWindow, Topology
from tests.topologies import bar, bridge, changed, function, host, key, machine, window_key

DEVICE = "0000:01:00.0"
PORT = "0000:00:01.0"


def only(breaches: list[Breach]) -> Breach:
    assert len(breaches) == 1, [str(breach) for breach in breaches]
    return breaches[0]


def legal(topology: Topology) -> bool:
    return today_breaches(topology) == []


def port_with(*bars: object, **windows: object) -> Topology:
    """One port with one device behind it."""
    return machine(bridge("00:01.0", function("01:00.0", *bars), **windows))  # type: ignore[arg-type]


class TestAlignment:
    def test_a_bar_off_its_size(self) -> None:
        breach = only(today_breaches(machine(function("00:02.0", bar(0, "2M", at=0x80100000)))))
        assert (breach.rule, breach.parties) == ("alignment", ("0000:00:02.0 BAR 0",))
        assert breach.message == "0000:00:02.0 BAR 0 80100000-802fffff is not aligned to its size, 2M"

    def test_a_fixed_bar_is_exempt(self) -> None:
        assert legal(machine(function("00:02.0", bar(0, "2M", at=0x80100000, fixed=True))))

    def test_a_vf_block_is_aligned_to_one_instance(self) -> None:
        assert legal(machine(function("00:02.0", bar("vf0", "1M", copies=64, at=0x80100000))))

    def test_bus_addresses_count(self) -> None:
        shifted = host(function("00:02.0", bar(0, "2M", at=0x80100000)), mem=(0x80100000, 0x8FFFFFFF), offset=0x100000)
        assert legal(machine(shifted))
        unshifted = host(
            function("00:02.0", bar(0, "2M", at=0x80200000)), mem=(0x80100000, 0x8FFFFFFF), offset=0x100000
        )
        breach = only(today_breaches(machine(unshifted)))
        assert breach.rule == "alignment"
        assert breach.message.endswith("its size, 2M (bus addresses 80100000-802fffff)")

    def test_the_offset_is_that_of_the_root_window_it_lies_in(self) -> None:
        windows = [RootWindow("mem", Range(0x9000_0000, 0xA000_0000), offset=0x1000_0000 - 0x10_0000)]
        root = host(function("00:02.0", bar(0, "2M", at=0x9000_0000)), mem=(0x8000_0000, 0x8FFF_FFFF), windows=windows)
        assert only(today_breaches(machine(root))).rule == "alignment"


class TestNesting:
    def test_a_bar_outside_its_bridges_window(self) -> None:
        breach = only(today_breaches(port_with(bar(0, at=0x80200000), mem=(0x80000000, 0x800FFFFF))))
        assert (breach.rule, breach.parties) == ("nesting", (f"{DEVICE} BAR 0", f"bus behind {PORT}"))
        assert breach.message == (
            "0000:01:00.0 BAR 0 80200000-802fffff lies whole inside no window of bus behind 0000:00:01.0 "
            "(0000:00:01.0 mem window 80000000-800fffff)"
        )

    def test_a_bar_that_only_begins_inside(self) -> None:
        topology = port_with(bar("vf0", "1M", copies=2, at=0x80000000), mem=(0x80000000, 0x800FFFFF))
        assert only(today_breaches(topology)).rule == "nesting"

    def test_a_bar_behind_closed_windows(self) -> None:
        breach = only(today_breaches(port_with(bar(0, at=0x80000000))))
        assert breach.rule == "nesting"
        assert "none of this space" in breach.message

    def test_a_bar_that_spans_two_root_windows(self) -> None:
        windows = [RootWindow("mem", Range(0x80100000, 0x80200000)), RootWindow("mem", Range(0x80000000, 0x80100000))]
        root = host(function("00:02.0", bar(0, "2M", at=0x80000000)), mem=None, windows=windows)
        assert only(today_breaches(machine(root))).rule == "nesting"

    def test_a_window_outside_the_root_windows(self) -> None:
        breach = only(today_breaches(machine(bridge("00:01.0", mem=(0x70000000, 0x700FFFFF)))))
        assert (breach.rule, breach.parties) == ("nesting", (f"{PORT} mem window", "bus 0000:00"))

    def test_an_io_bar_is_in_no_memory_window(self) -> None:
        topology = port_with(bar(0, 256, io=True, at=0x80000000), mem=(0x80000000, 0x800FFFFF))
        assert only(today_breaches(topology)).rule == "nesting"

    @pytest.mark.parametrize(("start", "size"), [(0xA0000, 0x20000), (0xB8000, 0x8000)])
    def test_fixed_vga_memory_is_exempt(self, start: int, size: int) -> None:
        assert legal(port_with(bar(0, size, at=start, fixed=True)))

    @pytest.mark.parametrize(
        ("start", "size"),
        [(0x3B0, 12), (0x3C0, 32), (0x3B0, 48), (0x1F0, 8), (0x3F6, 1), (0x3F4, 4), (0x170, 8), (0x376, 1)],
    )
    def test_fixed_vga_and_ide_ports_are_exempt(self, start: int, size: int) -> None:
        assert legal(port_with(bar(0, size, io=True, at=start, fixed=True)))

    def test_a_legacy_range_that_is_not_fixed_is_not_exempt(self) -> None:
        assert only(today_breaches(port_with(bar(0, 8, io=True, at=0x1F0)))).rule == "nesting"

    def test_another_fixed_bar_is_not_exempt(self) -> None:
        assert only(today_breaches(port_with(bar(0, at=0x80000000, fixed=True)))).rule == "nesting"

    def test_behind_a_subtractive_bridge_the_parents_windows_serve_too(self) -> None:
        device = function("01:00.0", bar(0, at=0x80200000))
        assert legal(machine(bridge("00:01.0", device, subtractive=True, mem=(0x80000000, 0x800FFFFF))))

    def test_subtractive_bridges_in_a_row_reach_the_root_windows(self) -> None:
        inner = bridge("01:00.0", function("02:00.0", bar(0, at=0x80200000)), subtractive=True)
        assert legal(machine(bridge("00:01.0", inner, subtractive=True)))
        topology = machine(bridge("00:01.0", inner))
        assert only(today_breaches(topology)).parties == ("0000:02:00.0 BAR 0", "bus behind 0000:01:00.0")


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


class TestKind:
    def test_plain_memory_in_a_prefetchable_window(self) -> None:
        topology = port_with(bar(0, width=64, at=0x4000000000), pref=(0x4000000000, 0x40000FFFFF))
        breach = only(today_breaches(topology))
        assert (breach.rule, breach.parties) == ("kind", (f"{DEVICE} BAR 0", f"{PORT} pref window"))
        assert breach.message == (
            "0000:01:00.0 BAR 0 4000000000-40000fffff is not prefetchable but lies in the prefetchable "
            "0000:00:01.0 pref window 4000000000-40000fffff"
        )

    def test_plain_memory_in_a_prefetchable_root_window(self) -> None:
        breach = only(today_breaches(machine(function("00:02.0", bar(0, width=64, at=0x4000000000)))))
        assert breach.rule == "kind"
        assert breach.message.count("4000000000-7fffffffff") == 1

    def test_a_memory_window_in_a_prefetchable_window(self) -> None:
        root = host(
            bridge("00:01.0", mem=(0x90000000, 0x900FFFFF)),
            windows=[RootWindow("mem", Range(0x90000000, 0xA0000000), prefetchable=True)],
            mem=None,
        )
        assert only(today_breaches(machine(root))).parties[0] == f"{PORT} mem window"

    def test_prefetchable_memory_goes_anywhere(self) -> None:
        bars = [bar(0, pref=True, at=0x80000000), bar(2, pref=True, width=64, at=0x4000000000)]
        assert legal(machine(function("00:02.0", *bars)))
        assert legal(port_with(*bars, mem=(0x80000000, 0x800FFFFF), pref=(0x4000000000, 0x40000FFFFF)))

    def test_a_prefetchable_window_nests_in_plain_memory(self) -> None:
        inner = bridge("01:00.0", pref=(0x80000000, 0x800FFFFF))
        assert legal(machine(bridge("00:01.0", inner, mem=(0x80000000, 0x800FFFFF))))

    def test_overlapping_root_windows_of_both_kinds_hold_both(self) -> None:
        windows = [RootWindow("mem", Range(0x80000000, 0xF0000000), prefetchable=True)]
        assert legal(machine(host(function("00:02.0", bar(0, at=0x80000000)), windows=windows)))


class TestReach:
    HIGH = (0x100000000, 0x2FFFFFFFF)

    def test_a_32_bit_bar_above_4_gib(self) -> None:
        root = host(function("00:02.0", bar(0, at=0x100000000)), mem=self.HIGH)
        breach = only(today_breaches(machine(root)))
        assert (breach.rule, breach.parties) == ("reach", ("0000:00:02.0 BAR 0",))
        assert "100000000-1000fffff ends above 0xffffffff" in breach.message

    def test_a_64_bit_bar_goes_there(self) -> None:
        assert legal(machine(host(function("00:02.0", bar(0, width=64, at=0x100000000)), mem=self.HIGH)))

    def test_a_bar_may_end_at_4_gib(self) -> None:
        assert legal(machine(host(function("00:02.0", bar(0, at=0xFFF00000)), mem=(0xFFF00000, 0xFFFFFFFF))))

    def test_bus_addresses_count(self) -> None:
        root = host(function("00:02.0", bar(0, at=0x100000000)), mem=self.HIGH, offset=0x80000000)
        assert legal(machine(root))

    def test_a_memory_window_above_4_gib(self) -> None:
        topology = machine(host(bridge("00:01.0", mem=(0x100000000, 0x1000FFFFF)), mem=self.HIGH))
        assert only(today_breaches(topology)).parties == (f"{PORT} mem window",)

    def test_prefetchable_windows_reach_as_far_as_they_are_wide(self) -> None:
        pair = (0x4000000000, 0x40000FFFFF)
        assert only(today_breaches(machine(bridge("00:01.0", pref=pair, pref_width=32)))).rule == "reach"
        assert legal(machine(bridge("00:01.0", pref=pair, pref_width=64)))

    def test_a_16_bit_io_window_above_64_kib(self) -> None:
        root = host(bridge("00:01.0", io=(0x10000, 0x10FFF)), io=(0x0, 0x1FFFF))
        breach = only(today_breaches(machine(root)))
        assert (breach.rule, breach.parties) == ("reach", (f"{PORT} io window",))
        assert "ends above 0xffff," in breach.message

    def test_a_32_bit_io_window_goes_there(self) -> None:
        assert legal(machine(host(bridge("00:01.0", io=(0x10000, 0x10FFF), io_width=32), io=(0x0, 0x1FFFF))))

    def test_in_a_high_root_window_16_bit_reach_counts_from_its_start(self) -> None:
        assert legal(machine(host(bridge("00:01.0", io=(0x1F000, 0x1FFFF)), io=(0x10000, 0x2FFFF))))
        topology = machine(host(bridge("00:01.0", io=(0x20000, 0x20FFF)), io=(0x10000, 0x2FFFF)))
        assert only(today_breaches(topology)).rule == "reach"

    def test_a_bar_beyond_64_bits(self) -> None:
        topology = machine(function("00:02.0", bar(0, "2M", width=64)))
        for address in (-0x200000, (1 << 64) - 0x100000, 1 << 64):
            breach = only(check(topology, changed(topology, {key("00:02.0"): address})))
            assert (breach.rule, breach.parties) == ("reach", ("0000:00:02.0 BAR 0",))


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


class TestGranularity:
    def test_a_memory_window_off_1_mib(self) -> None:
        breach = only(today_breaches(machine(bridge("00:01.0", mem=(0x80000000, 0x8007FFFF)))))
        assert (breach.rule, breach.parties) == ("granularity", (f"{PORT} mem window",))
        assert breach.message == "0000:00:01.0 mem window 80000000-8007ffff does not start and end on a multiple of 1M"

    def test_an_io_window_off_4_kib(self) -> None:
        assert only(today_breaches(machine(bridge("00:01.0", io=(0x1400, 0x23FF))))).rule == "granularity"

    def test_a_bridge_with_1_kib_granularity(self) -> None:
        assert legal(machine(bridge("00:01.0", io=(0x1400, 0x17FF), io_granularity="1K")))


class TestDisjoint:
    def test_two_bars_behind_one_bridge(self) -> None:
        devices = function("01:00.0", bar(0, "16M", at=0x80000000)), function("01:01.0", bar(1, at=0x80800000))
        breach = only(today_breaches(machine(bridge("00:01.0", *devices, mem=(0x80000000, 0x80FFFFFF)))))
        assert (breach.rule, breach.parties) == ("disjoint", ("0000:01:00.0 BAR 0", "0000:01:01.0 BAR 1"))
        assert breach.message == (
            "0000:01:00.0 BAR 0 80000000-80ffffff overlaps 0000:01:01.0 BAR 1 80800000-808fffff "
            "on bus behind 0000:00:01.0"
        )

    def test_a_bar_and_a_window(self) -> None:
        topology = machine(function("00:02.0", bar(0, at=0x80000000)), bridge("00:01.0", mem=(0x80000000, 0x800FFFFF)))
        assert only(today_breaches(topology)).parties == ("0000:00:01.0 mem window", "0000:00:02.0 BAR 0")

    def test_two_windows_of_one_bridge(self) -> None:
        topology = machine(bridge("00:01.0", mem=(0x80000000, 0x801FFFFF), pref=(0x80100000, 0x802FFFFF)))
        assert only(today_breaches(topology)).parties == ("0000:00:01.0 mem window", "0000:00:01.0 pref window")

    def test_a_bar_and_a_cardbus_window(self) -> None:
        cardbus = bridge("00:01.0", mem=None, cardbus=[("mem", (0x80000000, 0x83FFFFFF), False)])
        topology = machine(cardbus, function("00:02.0", bar(0, at=0x80000000)))
        assert only(today_breaches(topology)).parties == ("0000:00:01.0 CardBus window 0", "0000:00:02.0 BAR 0")

    def test_every_pair_of_three(self) -> None:
        devices = [function(f"00:0{i}.0", bar(0, at=0x80000000)) for i in (2, 3, 4)]
        assert len(today_breaches(machine(*devices))) == 3

    def test_a_short_one_between_does_not_hide_a_long_one(self) -> None:
        items = [("00:02.0", "16M", 0x80000000), ("00:03.0", "1M", 0x80000000), ("00:04.0", "1M", 0x80F00000)]
        pairs = {
            breach.parties for breach in today_breaches(machine(*(function(a, bar(0, s, at=at)) for a, s, at in items)))
        }
        assert pairs == {
            ("0000:00:02.0 BAR 0", "0000:00:03.0 BAR 0"),
            ("0000:00:02.0 BAR 0", "0000:00:04.0 BAR 0"),
        }

    def test_address_spaces_are_apart(self) -> None:
        topology = machine(function("00:02.0", bar(0, 256, io=True, at=0x1000), bar(1, 256, at=0x1000, fixed=True)))
        assert [breach.rule for breach in today_breaches(topology)] == ["nesting"]

    def test_buses_are_apart(self) -> None:
        devices = function("01:00.0", bar(0, at=0x80000000)), function("02:00.0", bar(0, at=0x80100000))
        assert legal(
            machine(
                bridge("00:01.0", devices[0], mem=(0x80000000, 0x800FFFFF)),
                bridge("00:02.0", devices[1], mem=(0x80100000, 0x801FFFFF)),
            )
        )

    def test_what_lies_outside_a_subtractive_bridges_windows_stands_on_the_parent_bus(self) -> None:
        subtractive = bridge("00:01.0", function("01:00.0", bar(0, at=0x80200000)), subtractive=True)
        breach = only(today_breaches(machine(subtractive, function("00:02.0", bar(0, at=0x80200000)))))
        assert (breach.rule, breach.parties) == ("disjoint", ("0000:00:02.0 BAR 0", "0000:01:00.0 BAR 0"))
        assert breach.message.endswith("on bus 0000:00")

    def test_what_lies_inside_them_does_not(self) -> None:
        window = (0x80200000, 0x802FFFFF)
        subtractive = bridge("00:01.0", function("01:00.0", bar(0, at=0x80200000)), subtractive=True, mem=window)
        assert legal(machine(subtractive))

    def test_through_two_subtractive_bridges(self) -> None:
        inner = bridge("01:00.0", function("02:00.0", bar(0, at=0x80200000)), subtractive=True)
        outer = bridge("00:01.0", inner, subtractive=True)
        breach = only(today_breaches(machine(outer, function("00:02.0", bar(0, at=0x80200000)))))
        assert breach.parties == ("0000:00:02.0 BAR 0", "0000:02:00.0 BAR 0")

    def test_a_bar_half_out_of_a_subtractive_bridges_window_overlaps_that_window(self) -> None:
        device = function("01:00.0", bar(0, "2M", at=0x80200000))
        topology = machine(bridge("00:01.0", device, subtractive=True, mem=(0x80200000, 0x802FFFFF)))
        assert only(today_breaches(topology)).parties == ("0000:00:01.0 mem window", "0000:01:00.0 BAR 0")

    def test_a_pair_is_named_once_although_it_overlaps_on_two_buses(self) -> None:
        devices = [function(f"01:0{i}.0", bar(0, at=0x80200000)) for i in (0, 1)]
        assert only(today_breaches(machine(bridge("00:01.0", *devices, subtractive=True)))).rule == "disjoint"


class TestReserved:
    IOAPIC = ("mem", (0x80000000, 0x800003FF))

    def test_a_bar_on_a_reserved_range(self) -> None:
        topology = machine(function("00:02.0", bar(0, at=0x80000000)), reserved=[self.IOAPIC])  # type: ignore[list-item]
        breach = only(today_breaches(topology))
        assert (breach.rule, breach.parties) == (
            "reserved",
            ("0000:00:02.0 BAR 0", "reserved 80000000-800003ff (test)"),
        )
        assert breach.message == "0000:00:02.0 BAR 0 80000000-800fffff touches reserved 80000000-800003ff (test)"

    def test_a_window_on_a_reserved_range_of_any_depth(self) -> None:
        inner = bridge("01:00.0", mem=(0x80000000, 0x800FFFFF))
        outer = bridge("00:01.0", inner, mem=(0x80000000, 0x801FFFFF))
        topology = machine(outer, reserved=[("mem", (0x80000000, 0x80000FFF))])
        assert [breach.parties[0] for breach in today_breaches(topology)] == [
            "0000:00:01.0 mem window",
            "0000:01:00.0 mem window",
        ]

    def test_the_other_space_is_no_matter(self) -> None:
        topology = machine(function("00:02.0", bar(0, at=0x80000000)), reserved=[("io", (0x80000000, 0x80000FFF))])
        assert legal(topology)

    def test_a_fixed_bar_may_be_the_reserved_range(self) -> None:
        fixed = function("00:02.0", bar(0, 1024, at=0x80000000, fixed=True))
        assert legal(machine(fixed, reserved=[("mem", (0x80000000, 0x800003FF))]))
        assert not legal(machine(fixed, reserved=[("mem", (0x80000000, 0x800007FF))]))


class TestImmovable:
    def test_an_immovable_bar_that_moves(self) -> None:
        topology = machine(function("00:02.0", bar(0, at=0x80000000)))
        placement = changed(topology, {key("00:02.0"): 0x80100000})
        breach = only(check(topology, placement, immovable={key("00:02.0")}))
        assert (breach.rule, breach.parties) == ("immovable", ("0000:00:02.0 BAR 0",))
        assert breach.message == "0000:00:02.0 BAR 0 may not move but goes from 80000000 to 80100000"
        assert check(topology, placement) == []

    def test_a_fixed_bar_never_moves(self) -> None:
        topology = machine(function("00:02.0", bar(0, at=0x80000000, fixed=True)))
        placement = changed(topology, {key("00:02.0"): 0x80100000})
        assert only(check(topology, placement)).rule == "immovable"

    def test_a_fixed_bar_without_an_address_gets_none(self) -> None:
        topology = machine(function("00:02.0", bar(0, fixed=True)))
        breach = only(check(topology, changed(topology, {key("00:02.0"): 0x80000000})))
        assert breach.message == "0000:00:02.0 BAR 0 may not move but goes from unassigned to 80000000"

    def test_what_is_immovable_elsewhere_is_no_matter(self) -> None:
        topology = machine(function("00:02.0", bar(0, at=0x80000000)))
        assert check(topology, Placement.today(topology), immovable={key("00:02.0"), key("00:03.0")}) == []


class TestKept:
    @pytest.mark.parametrize("optional", [False, True])
    def test_a_bar_that_loses_its_address(self, optional: bool) -> None:
        topology = machine(function("00:02.0", bar(0, at=0x80000000, optional=optional)))
        breach = only(check(topology, changed(topology, {key("00:02.0"): None})))
        assert (breach.rule, breach.parties) == ("kept", ("0000:00:02.0 BAR 0",))
        assert breach.message == "0000:00:02.0 BAR 0 80000000-800fffff loses its address"

    def test_a_key_that_is_absent_means_unassigned(self) -> None:
        topology = machine(function("00:02.0", bar(0, at=0x80000000)))
        assert only(check(topology, Placement({}, {}))).rule == "kept"

    def test_what_may_be_dropped_may_go_even_when_it_may_not_move(self) -> None:
        topology = machine(function("00:02.0", bar(0, at=0x80000000)))
        bars = {key("00:02.0")}
        assert check(topology, changed(topology, {key("00:02.0"): None}), immovable=bars, droppable=bars) == []

    def test_what_had_none_needs_none(self) -> None:
        topology = machine(function("00:02.0", bar(0)))
        assert legal(topology)


def test_keys_the_machine_does_not_have_are_breaches() -> None:
    topology = machine(function("00:02.0", bar(0)), bridge("00:01.0", pref=None))
    placement = changed(topology, {key("00:02.0", 1): None}, {window_key("00:01.0", "pref"): None})
    assert [(breach.rule, breach.parties) for breach in check(topology, placement)] == [
        ("unknown", ("0000:00:02.0 BAR 1",)),
        ("unknown", ("0000:00:01.0 pref window",)),
    ]


def test_an_enabled_vf_without_bars_breaks_nothing() -> None:
    assert legal(machine(function("00:02.0", bar("vf0", copies=2, at=0x80000000)), function("00:02.1")))


class TestNewBreaches:
    """A rule broken today is a warning as long as the same parties break it in the plan."""

    def overlapping(self) -> Topology:
        return machine(
            function("00:02.0", bar(0, at=0x80000000)),
            function("00:03.0", bar(0, at=0x80000000)),
            function("00:04.0", bar(0, at=0x80100000)),
        )

    def test_todays_placement_has_none(self) -> None:
        topology = self.overlapping()
        assert only(today_breaches(topology)).rule == "disjoint"
        assert new_breaches(topology, Placement.today(topology)) == []

    def test_the_same_parties_elsewhere_are_tolerated(self) -> None:
        topology = self.overlapping()
        placement = changed(topology, {key("00:02.0"): 0x90000000, key("00:03.0"): 0x90000000})
        assert new_breaches(topology, placement) == []

    def test_other_parties_are_not(self) -> None:
        topology = self.overlapping()
        breach = only(new_breaches(topology, changed(topology, {key("00:03.0"): 0x80100000})))
        assert breach.parties == ("0000:00:03.0 BAR 0", "0000:00:04.0 BAR 0")

    def test_another_rule_is_not(self) -> None:
        topology = self.overlapping()
        placement = changed(topology, {key("00:02.0"): 0x80080000, key("00:03.0"): 0x80080000 - 0x80000})
        rules = {(breach.rule, breach.parties[0]) for breach in new_breaches(topology, placement)}
        assert ("alignment", "0000:00:02.0 BAR 0") in rules

    def test_immovable_and_kept_are_asked_of_the_plan_alone(self) -> None:
        topology = self.overlapping()
        bars: frozenset[BarKey] = frozenset({key("00:04.0")})
        breaches = new_breaches(topology, changed(topology, {key("00:04.0"): None}), immovable=bars)
        assert {breach.rule for breach in breaches} == {"immovable", "kept"}
        assert new_breaches(topology, changed(topology, {key("00:04.0"): None}), droppable=bars) == []


def test_one_overlap_among_ten_thousand_bars_is_found() -> None:
    starts = [0x4000000000 + number * 0x100000 for number in range(10_000)]
    starts[5000] = starts[4999]
    functions = (
        function(f"{number >> 8:x}:00:{number % 32:02x}.{number // 32 % 8}", bar(0, width=64, pref=True, at=start))
        for number, start in enumerate(starts)
    )
    breach = only(today_breaches(machine(*functions)))
    assert breach.parties == ("0013:00:07.4 BAR 0", "0013:00:08.4 BAR 0")
