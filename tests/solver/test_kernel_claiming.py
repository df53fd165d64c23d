"""What the firmware left: claimed and never moved, clipped, remembered, or thrown away; reserved ranges; offsets."""

from __future__ import annotations

import pytest

from models.resources import Range
from models.topology import RootWindow, Topology
from solver.kernel.driver import Outcome, allocate
from solver.kernel.parameters import parse_parameters
from solver.kernel.rules import RULES
from tests.pitfalls import BASE, at, device, inner, over, span
from tests.topologies import bar, bridge, function, host, key, machine, window_key

GENERATIONS = pytest.mark.parametrize("generation", RULES)


def run(generation: str, topology: Topology, **options: str) -> Outcome:
    return allocate(topology, RULES[generation], parse_parameters(options, topology))


@GENERATIONS
def test_what_can_be_claimed_stays(generation: str) -> None:
    topology = over(0, 16, inner("00:00.0", device(1, 0, 1, 5), window=span(5, 6)), device(0, 1, 2, 10))
    placement = run(generation, topology).placement
    assert placement.bars == {key("01:00.0"): at(5), key("00:01.0"): at(10)}
    assert placement.windows[window_key("00:00.0", "mem")] == Range.inclusive(*span(5, 6))


@GENERATIONS
def test_everything_is_placed_anew_where_the_firmware_is_ignored(generation: str) -> None:
    topology = over(0, 16, inner("00:00.0", device(1, 0, 1, 5), window=span(5, 6)), device(0, 1, 2, 10))
    placement = run(generation, topology, firmware="ignore").placement
    assert placement.bars == {key("00:01.0"): at(0), key("01:00.0"): at(2)}


def test_a_window_beyond_its_parent_is_clipped() -> None:
    topology = over(0, 16, inner("00:00.0", device(1, 0, 1, 12), window=span(12, 24)))
    outcome = run("linux-6.1", topology)
    assert outcome.placement.windows[window_key("00:00.0", "mem")] == Range.inclusive(*span(12, 16))
    assert outcome.placement.bars[key("01:00.0")] == at(12)
    assert "no compatible bridge window" in outcome.log[0]


def test_a_window_over_another_one_is_thrown_away_with_what_is_in_it() -> None:
    topology = over(
        0,
        16,
        inner("00:00.0", device(1, 0, 1, 0), window=span(0, 4)),
        inner("00:01.0", device(2, 0, 1, 3), window=span(3, 6)),
    )
    placement = run("linux-6.1", topology).placement
    assert placement.windows[window_key("00:01.0", "mem")] == Range.inclusive(*span(4, 5))
    assert placement.bars[key("02:00.0")] == at(4)


def test_of_two_bars_at_one_place_the_second_moves() -> None:
    topology = over(0, 16, device(0, 0, 2, 4), device(0, 1, 2, 4))
    placement = run("linux-6.1", topology).placement
    assert placement.bars == {key("00:00.0"): at(4), key("00:01.0"): at(0)}


def test_an_address_that_could_not_be_claimed_is_the_last_resort() -> None:
    """A BAR on the root bus, outside every root window, goes back to where the firmware had it."""
    topology = over(0, 1, device(0, 0, 1, 0), device(0, 1, 2, 64))
    outcome = run("linux-6.1", topology)
    assert outcome.placement.bars[key("00:01.0")] == at(64)
    assert any("trying firmware assignment" in line for line in outcome.log)


def test_behind_a_bridge_the_last_resort_needs_a_window() -> None:
    topology = over(0, 1, inner("00:00.0", device(1, 0, 2, 64)))
    assert run("linux-6.1", topology).placement.bars[key("01:00.0")] is None


def test_prefetchable_windows_take_nothing_else() -> None:
    topology = machine(
        host(
            function("00:00.0", bar(0, "1M", at=BASE)),
            mem=span(16, 32),
            pref=span(0, 16),
            io=None,
        )
    )
    assert run("linux-6.1", topology).placement.bars[key("00:00.0")] == at(16)


@GENERATIONS
def test_reserved_ranges_are_busy(generation: str) -> None:
    functions = inner("00:00.0", device(1, 0, 2), window=span(0, 8)), device(0, 1, 4)
    root = host(*functions, mem=span(0, 16), pref=None, io=None)
    topology = machine(root, reserved=[("mem", span(0, 1)), ("mem", span(8, 9))])
    placement = run(generation, topology).placement
    assert placement.bars == {key("01:00.0"): at(2), key("00:01.0"): at(12)}


def test_a_reserved_range_stays_busy_when_the_window_around_it_is_released() -> None:
    """The port's window of 2 holds a reserved range; a retry releases it for a BAR of 4."""
    root = host(inner("00:00.0", device(1, 0, 4), window=span(0, 2)), mem=span(0, 16), pref=None, io=None)
    topology = machine(root, reserved=[("mem", span(1, 2))])
    placement = run("linux-6.1", topology, realloc="on").placement
    assert placement.bars == {key("01:00.0"): at(4)}


@GENERATIONS
def test_alignment_counts_cpu_addresses_and_reach_bus_addresses(generation: str) -> None:
    """CPU 0x10_0010_0000 is bus address 0xc000_0000: 32-bit BARs reach it, and 512 MiB are aligned to the former."""
    window = RootWindow("mem", Range.of(0x10_0010_0000, 1 << 30), offset=0x10_0010_0000 - 0xC0000000)
    topology = machine(host(device(0, 0, 512), mem=None, pref=None, io=None, windows=[window]))
    assert run(generation, topology, arch="generic").placement.bars[key("00:00.0")] == 0x10_2000_0000


@GENERATIONS
def test_32_bit_bars_stay_below_4_gib(generation: str) -> None:
    topology = machine(
        host(
            function("00:00.0", bar(0, "1M"), bar(2, "1M", width=64)),
            mem=(0x100000000, 0x1FFFFFFFF),
            pref=None,
            io=None,
        )
    )
    placement = run(generation, topology).placement
    assert placement.bars == {key("00:00.0"): None, key("00:00.0", 2): 0x100000000}


def test_what_x86_keeps_below_4_gib() -> None:
    topology = over(2032, 2048, *(device(0, number, 2) for number in range(8)))
    lost = [address for address in run("linux-6.1", topology).placement.bars.values() if address is None]
    assert len(lost) == 1
    assert None not in run("linux-6.1", topology, arch="generic").placement.bars.values()


@GENERATIONS
def test_fixed_bars_are_claimed_first_where_the_firmware_counts(generation: str) -> None:
    topology = over(0, 16, device(0, 0, 8), device(0, 1, 1, 6, fixed=True))
    assert run(generation, topology).placement.bars == {key("00:00.0"): at(8), key("00:01.0"): at(6)}


@GENERATIONS
def test_host_bridges_and_interrupt_controllers_are_left_alone(generation: str) -> None:
    topology = over(
        0,
        16,
        function("00:00.0", bar(0, "1M"), class_code="060000"),
        function("00:01.0", bar(0, "1M", at=at(3)), bar(1, "1M"), class_code="080020"),
    )
    placement = run(generation, topology).placement
    assert placement.bars == {key("00:00.0"): None, key("00:01.0"): at(3), key("00:01.0", 1): None}


@GENERATIONS
def test_behind_a_subtractive_bridge_the_parents_windows_serve(generation: str) -> None:
    """Its own window was claimed with 1 MiB and is full; the new BAR goes beside it on the root bus."""
    behind = device(1, 0, 1, 0), device(1, 1, 2)
    topology = over(0, 16, bridge("00:00.0", *behind, io=None, pref=None, mem=span(0, 1), subtractive=True))
    assert run(generation, topology).placement.bars == {key("01:00.0"): at(0), key("01:01.0"): at(2)}


@GENERATIONS
def test_cardbus_windows_take_space(generation: str) -> None:
    """One window is claimed, the other one is optional and gets the aligned 64 MiB that are left."""
    cardbus = bridge("00:00.0", io=None, mem=None, pref=None, cardbus=[("mem", span(0, 64), True)], bars=[bar(0, "4K")])
    topology = over(0, 130, cardbus, device(0, 1, 1))
    outcome = run(generation, topology)
    assert outcome.placement.bars == {key("00:00.0"): at(129), key("00:01.0"): at(128)}
