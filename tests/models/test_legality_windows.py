"""Rules on what bridge windows hold: nesting, kind, reach and granularity."""

from __future__ import annotations

import pytest

from models.legality import check, today_breaches
from models.resources import Range
from models.topology import RootWindow
from tests.models.breaches import DEVICE, PORT, legal, only, port_with
from tests.topologies import bar, bridge, changed, function, host, key, machine


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


class TestGranularity:
    def test_a_memory_window_off_1_mib(self) -> None:
        breach = only(today_breaches(machine(bridge("00:01.0", mem=(0x80000000, 0x8007FFFF)))))
        assert (breach.rule, breach.parties) == ("granularity", (f"{PORT} mem window",))
        assert breach.message == "0000:00:01.0 mem window 80000000-8007ffff does not start and end on a multiple of 1M"

    def test_an_io_window_off_4_kib(self) -> None:
        assert only(today_breaches(machine(bridge("00:01.0", io=(0x1400, 0x23FF))))).rule == "granularity"

    def test_a_bridge_with_1_kib_granularity(self) -> None:
        assert legal(machine(bridge("00:01.0", io=(0x1400, 0x17FF), io_granularity="1K")))
