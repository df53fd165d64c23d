"""Rules on where BARs stand: aligned, apart, and off what is reserved."""

from __future__ import annotations

from models.legality import today_breaches
from models.resources import Range
from models.topology import RootWindow
from tests.models.breaches import legal, only
from tests.topologies import bar, bridge, function, host, machine


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


def test_one_overlap_among_ten_thousand_bars_is_found() -> None:
    starts = [0x4000000000 + number * 0x100000 for number in range(10_000)]
    starts[5000] = starts[4999]
    functions = (
        function(f"{number >> 8:x}:00:{number % 32:02x}.{number // 32 % 8}", bar(0, width=64, pref=True, at=start))
        for number, start in enumerate(starts)
    )
    breach = only(today_breaches(machine(*functions)))
    assert breach.parties == ("0013:00:07.4 BAR 0", "0013:00:08.4 BAR 0")
