"""Ways out where one change is not enough, and the smallest sets of changes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from models.mobility import Policy
from models.reserves import Reserve, stand_ins, with_stand_ins
from models.resources import FOUR_GIB, KIB, MIB, Range, WindowKind
from models.topology import Function, RootWindow, Topology, WindowKey
from solver.cpsat.engine import solve
from solver.engines import engine
from solver.explanation.explaining import explain
from solver.explanation.findings import Explanation, NoAlignedBlock, TooFewBytes, Verdict, Way, WayKind
from solver.explanation.sets import smallest_set
from solver.render.explanation import shortage_lines, way_text
from solver.request import Request
from tests.pitfalls import at, inner, over, span
from tests.topologies import bar, bridge, function, host, key, machine

QUICK = Request(time_limit=60, workers=2)


def device(
    number: int, size: int, where: int | None = None, *, driver: str | None = None, fixed: bool = False
) -> Function:
    """A function on the root bus with one BAR of ``size`` MiB."""
    where_at = None if where is None else at(where)
    return function(f"00:{number:02x}.0", bar(0, size * MIB, at=where_at, fixed=fixed), driver=driver)


def with_rom(number: int, size: int, where: int) -> Function:
    """A function whose ROM has an address, and whose driver is not prepared."""
    return function(f"00:{number:02x}.0", bar("rom", size * MIB, at=at(where)), driver="ixgbe")


def ways(explanation: Explanation) -> tuple[Way, ...]:
    assert explanation.verdict is Verdict.DOES_NOT_FIT
    return explanation.parts[0].ways


def way(explanation: Explanation, kind: WayKind) -> Way:
    return next(way for way in ways(explanation) if way.kind is kind)


def pin_and_driver() -> Topology:
    """Both a pinned BAR and one with an unprepared driver stand in the only aligned block of 8 MiB."""
    return over(0, 12, device(0, 1, 4), device(1, 1, 6, driver="mlx5_core"), device(2, 8))


def pin_and_rom() -> Topology:
    """The pinned BAR could leave the aligned block only for the place of a ROM."""
    return over(0, 11, device(0, 1, 4), with_rom(1, 2, 8), device(2, 1, 10, fixed=True), device(3, 8))


def two_roms() -> Topology:
    """Two ROMs stand in the only aligned block of 8 MiB, and there is no other place for them."""
    return over(0, 12, with_rom(0, 1, 2), with_rom(1, 1, 5), device(2, 4, 8, fixed=True), device(3, 8))


def two_sizes() -> Topology:
    """16 MiB for two Resizable BARs of 16 MiB."""
    sizes = [2 * MIB, 4 * MIB, 8 * MIB, 16 * MIB]
    return over(0, 16, *(function(f"00:{n:02x}.0", bar(0, 16 * MIB, sizes=sizes)) for n in range(2)))


def rom_and_size() -> Topology:
    """12 MiB: half of a Resizable BAR of 16 MiB has an aligned block when the ROM in it is gone."""
    new = function("00:02.0", bar(0, 16 * MIB, sizes=[8 * MIB, 16 * MIB]))
    return over(0, 12, with_rom(0, 1, 4), device(1, 4, 8, fixed=True), new)


def test_a_pin_and_a_driver_together() -> None:
    request = replace(QUICK, pins=frozenset({key("00:00.0")}))
    found = ways(explain(pin_and_driver(), request))
    assert not {WayKind.PINS, WayKind.DRIVERS} & {way.kind for way in found}
    both = next(way for way in found if way.kind is WayKind.COMBINED)
    pins, drivers = both.combines
    assert (both.cost, both.proved, both.moved) == (2, True, 2)
    assert (pins.kind, pins.bars) == (WayKind.PINS, (key("00:00.0"),))
    assert drivers.functions == (("0000:00:01.0", "mlx5_core"),)
    assert way_text(both) == (
        "give up the pin of 0000:00:00.0 BAR 0, and prepare or unbind 1 driver: mlx5_core of 0000:00:01.0 "
        "(together; no cheaper set does, proved); 2 BARs move (barplan solve --policy on-demand)"
    )


def test_a_pin_and_a_bar_that_is_not_needed_together() -> None:
    explanation = explain(pin_and_rom(), replace(QUICK, pins=frozenset({key("00:00.0")})))
    both = way(explanation, WayKind.COMBINED)
    assert [(part.kind, part.bars) for part in both.combines] == [
        (WayKind.PINS, (key("00:00.0"),)),
        (WayKind.OPTIONAL, (key("00:01.0", "rom"),)),
    ]
    assert (both.cost, both.proved) == (2, True)


def test_a_bar_that_is_not_needed_and_a_size_together() -> None:
    both = way(explain(rom_and_size(), QUICK), WayKind.COMBINED)
    assert [(part.kind, part.size) for part in both.combines] == [
        (WayKind.OPTIONAL, None),
        (WayKind.SIZES, 8 * MIB),
    ]
    assert both.cost == 2


def test_a_weight_makes_another_combination_the_cheapest() -> None:
    """To prepare the ROM's driver costs 1, to drop a ROM costs 1; with a weight of 3 the ROM is dropped."""
    topology = over(0, 15, device(0, 1, 4), with_rom(1, 2, 6), device(2, 4, 8, fixed=True), device(3, 8))
    pinned = replace(QUICK, pins=frozenset({key("00:00.0")}))
    light, heavy = (
        way(explain(topology, replace(pinned, weights={"driver:ixgbe": weight})), WayKind.COMBINED) for weight in (1, 3)
    )
    assert [part.kind for part in light.combines] == [WayKind.PINS, WayKind.DRIVERS]
    assert ([part.kind for part in heavy.combines], heavy.cost) == ([WayKind.PINS, WayKind.OPTIONAL], 2)


def test_two_bars_that_are_not_needed_are_proved_to_be_the_fewest() -> None:
    dropped = way(explain(two_roms(), QUICK), WayKind.OPTIONAL)
    assert (set(dropped.bars), dropped.proved) == ({key("00:00.0", "rom"), key("00:01.0", "rom")}, True)


def test_several_resizable_bars_get_one_limit() -> None:
    smaller = way(explain(two_sizes(), QUICK), WayKind.SIZES)
    assert (smaller.bars, smaller.size) == ((key("00:00.0"), key("00:01.0")), 8 * MIB)
    assert way_text(smaller).startswith("resize 0000:00:00.0 BAR 0 and 0000:00:01.0 BAR 0 to at most 8M")

    def limited(size: int) -> Topology:
        def change(function: Function) -> Function:
            return replace(function, bars=tuple(replace(one, size=size) for one in function.bars))

        return two_sizes().map_functions(change)

    assert [solve(limited(size * MIB), QUICK).measures.unplaced for size in (8, 16)] == [0, 1]


def test_two_root_windows_grow_together() -> None:
    """Neither may grow enough for both kinds of memory: the windows of other root buses are in the way."""
    first = host(
        device(0, 8, 0, fixed=True),
        function("00:01.0", bar(0, 8 * MIB)),
        function("00:02.0", bar(0, 16 * MIB, width=64, pref=True)),
        mem=span(0, 8),
        pref=span(1024, 1032),
        io=None,
    )
    around = [RootWindow("mem", Range.of(at(low), 8 * MIB)) for low in (-8, 24, 1016, 1048)]
    other = replace(host(domain=1, mem=None, pref=None, io=None), windows=tuple(around))
    found = [way for way in ways(explain(machine(first, other), QUICK)) if way.kind is WayKind.WINDOW]
    both = found[0]
    assert [(part.window, part.grows) for part in both.combines] == [
        (Range.of(at(0), 8 * MIB), 8 * MIB),
        (Range.of(at(1024), 8 * MIB), 8 * MIB),
    ]
    assert "enlarge the root window 1024 by" not in way_text(both)
    assert way_text(both).count("enlarge the root window") == 2


@pytest.mark.parametrize(("low", "high"), [(-8, 0), (0, 8)])
def test_no_root_window_grows_over_4_gib(low: int, high: int) -> None:
    """Firmware describes memory on either side apart: a full window grows at its other end, by more."""
    window = FOUR_GIB + low * MIB, FOUR_GIB + high * MIB - 1
    full = function("00:00.0", bar(0, 8 * MIB, at=window[0], fixed=True))
    topology = machine(host(full, function("00:01.0", bar(0, 16 * MIB, width=64)), mem=window, pref=None, io=None))
    grown = way(explain(topology, QUICK), WayKind.WINDOW)
    assert (grown.grows, grown.at_start) == (24 * MIB, low < 0)


@pytest.mark.parametrize(("kind", "parameter"), [("mem", "hpmmiosize"), ("pref", "hpmmioprefsize")])
def test_a_reserve_parameter_makes_the_kernel_leave_room_behind_a_hotplug_port(
    kind: WindowKind, parameter: str
) -> None:
    """Behind the port 4 MiB are asked for, and its window of 1 MiB is shut in by what may not move.

    The kernel leaves a window alone that has addresses, so the parameter alone would do nothing.
    """
    pref = kind == "pref"
    there = function("02:00.0", bar(0, MIB, at=at(5), pref=pref, width=64 if pref else 32), driver="e1000e")
    windows = {"mem": None, "pref": None, kind: span(5, 6)}
    shut_in = bridge("00:01.0", there, hotplug=True, io=None, **windows)  # type: ignore[arg-type]
    other = function("01:00.0", bar(0, MIB, at=at(0)), driver="e1000e")
    beside = function("00:02.0", bar(0, MIB, at=at(8)), driver="e1000e")
    topology = over(0, 24, bridge("00:00.0", other, io=None, pref=None, mem=span(0, 4)), shut_in, beside)
    reserves = [Reserve(shut_in.address, kind, 4 * MIB)]
    absent = frozenset(item for item, _ in stand_ins(reserves))
    asked = replace(QUICK, policy=Policy.NEVER)
    found = way(explain(with_stand_ins(topology, reserves), asked, None, absent), WayKind.KERNEL)
    reserve, named = found.parameters
    assert (reserve.split("=")[0], named) == (parameter, "resource_alignment=0000:00:01.0")
    for name in found.kernels:
        options = dict(text.split("=") for text in found.parameters)
        result = engine(name)(topology, Request(policy=Policy.ALWAYS, options=options))
        window = result.plan.placement.windows[WindowKey(shut_in.address, kind)]
        behind = result.plan.placement.bars[key("02:00.0")]
        assert window is not None
        assert behind is not None
        assert (result.legal, result.measures.lost_bars) == (True, 0)
        blocks = range(-(-window.start // (4 * MIB)), window.end // (4 * MIB))
        assert any(not block * 4 * MIB <= behind < (block + 1) * 4 * MIB for block in blocks)
        useless = engine(name)(topology, Request(policy=Policy.ALWAYS, options={"realloc": "on", parameter: "16M"}))
        assert useless.plan.placement.windows[WindowKey(shut_in.address, kind)] == Range.inclusive(*span(5, 6))


def test_resource_alignment_makes_the_kernel_size_a_window_anew() -> None:
    behind = function("01:00.0", bar(0, 2 * MIB, at=at(4)), driver="e1000e")
    topology = over(0, 12, inner("00:00.0", behind, window=span(0, 6)), device(1, 8))
    found = way(explain(topology, QUICK), WayKind.KERNEL)
    assert found.parameters == ("resource_alignment=0000:00:00.0",)
    name, _, value = found.parameters[0].partition("=")
    result = engine(found.kernels[0])(topology, replace(QUICK, policy=Policy.ALWAYS, options={name: value}))
    assert (result.measures.unplaced, result.measures.lost_bars, result.legal) == (0, 0, True)


def test_a_device_that_is_not_there_gets_nothing_from_a_kernel_that_reserves_nothing() -> None:
    behind = function("01:00.0", bar(0, 2 * MIB, at=at(4)), driver="e1000e")
    absent = device(1, 8)
    topology = over(0, 12, inner("00:00.0", behind, window=span(0, 6)), absent)
    keys = frozenset(key for key, _ in topology.bars() if key.function == absent.address)
    assert any(way.kind is WayKind.KERNEL for part in explain(topology, QUICK).parts for way in part.ways)
    assert all(
        way.kind is not WayKind.KERNEL for part in explain(topology, QUICK, None, keys).parts for way in part.ways
    )


def test_resource_alignment_names_no_device_in_vain() -> None:
    """Two ports keep the aligned block from being free; a third one needs to be named for nothing."""
    ports = [
        inner(
            f"00:{n:02x}.0",
            function(f"{n + 1:02x}:00.0", bar(0, MIB, at=at(low)), driver="e1000e"),
            window=span(low, low + 1),
        )
        for n, low in enumerate((2, 5, 9))
    ]
    found = way(explain(over(0, 12, *ports, device(4, 8)), QUICK), WayKind.KERNEL)
    name, _, value = found.parameters[0].partition("=")
    assert (name, set(value.split(";"))) == ("resource_alignment", {"0000:00:00.0", "0000:00:01.0"})
    assert found.cost == 2


@pytest.mark.parametrize("wanted", [{3}, {0, 9}, {2, 4, 11}])
def test_the_smallest_set_is_found_and_proved(wanted: set[int]) -> None:
    def test(some: list[int]) -> Verdict:
        return Verdict.FITS if wanted <= set(some) else Verdict.DOES_NOT_FIT

    found, proved = smallest_set(range(12), test)
    assert found is not None
    # Of twelve changes there are more pairs than are tried, so a third one is not proved to be needed.
    assert (set(found), proved) == (wanted, len(wanted) < 3)


def test_a_smaller_set_is_found_where_another_one_is_minimal() -> None:
    def test(some: list[int]) -> Verdict:
        return Verdict.FITS if {1, 2, 3} <= set(some) or {0, 4} <= set(some) else Verdict.DOES_NOT_FIT

    found, proved = smallest_set(range(5), test)
    assert (found, proved) == ([0, 4], True)


def test_sets_that_change_nothing_of_a_conflict_are_not_tried() -> None:
    tried: list[tuple[int, ...]] = []

    def test(some: list[int]) -> Verdict:
        tried.append(tuple(some))
        return Verdict.FITS if {1, 3} <= set(some) else Verdict.DOES_NOT_FIT

    found, proved = smallest_set(range(6), test, [{1, 5}, {3}])
    assert (found, proved) == ([1, 3], True)
    assert not {(0, 2), (0, 4), (2, 4), (4, 5)} & set(tried)


def test_without_an_answer_nothing_is_proved() -> None:
    def test(some: list[int]) -> Verdict:
        return Verdict.FITS if len(some) >= 2 else Verdict.UNPROVED

    assert smallest_set(range(3), test)[1] is False
    assert smallest_set([], test) == (None, False)
    assert smallest_set([1], test) == (None, False)


def test_the_window_rule_is_a_way_out_and_says_what_it_keeps_back() -> None:
    """A 32-bit prefetchable BAR of 8 MiB behind a bridge, and 4 MiB of windows that are not prefetchable."""
    port = bridge("00:01.0", function("01:00.0", bar(0, 8 * MIB, pref=True)))
    topology = machine(host(port, mem=span(0, 4), pref=span(8, 24), io=None))
    assert explain(topology, QUICK).verdict is Verdict.FITS
    explanation = explain(topology, replace(QUICK, window_rule="kernel"))
    assert ways(explanation)[0].kind is WayKind.RULE
    assert ways(explanation)[0].options == ("--window-rule", "free")
    (conflict,) = explanation.parts[0].conflicts
    assert conflict.shortage == TooFewBytes(8 * MIB, 4 * MIB, "windows")
    assert "64-bit prefetchable bridge windows do not serve" in shortage_lines(conflict, "mem")[1]
    plain = machine(host(function("00:01.0", bar(0, 32 * MIB, pref=True)), mem=span(0, 4), pref=span(8, 24), io=None))
    assert WayKind.RULE not in {way.kind for way in ways(explain(plain, replace(QUICK, window_rule="kernel")))}


def test_ports_that_legacy_bits_keep_back_are_not_counted() -> None:
    """256 of each 1024 ports are left behind the ISA enable bit, all but 44 of each 1024 beside a VGA enable bit."""
    device = function("02:00.0", bar(0, 2 * KIB, io=True))
    behind = machine(host(bridge("00:01.0", device, isa=True), mem=None, pref=None, io=(0, 0xFFFF)))
    ports = bridge("00:01.0", vga=10), bridge("00:02.0", device)
    beside = machine(host(*ports, mem=None, pref=None, io=(0, 0xFFFF)))
    for topology, free in ((behind, 64 * 256), (beside, 64 * (1024 - 44))):
        (conflict,) = explain(topology, QUICK).parts[0].conflicts
        assert isinstance(conflict.shortage, NoAlignedBlock)
        assert (conflict.shortage.free, conflict.shortage.kept_back) == (free, "ports")
        assert "an ISA or a VGA enable bit keeps from them" in shortage_lines(conflict, "io")[-1]
