"""The kernel's allocator as an engine: options, results, warnings, lines; and its free gaps."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest

from models.errors import InputError
from models.plan import Status
from models.resources import MIB
from solver.engines import engine
from solver.kernel.gaps import Gaps
from solver.kernel.parameters import Event, Parameters, parse_parameters
from solver.kernel.rules import RULES
from solver.request import Request
from tests.pitfalls import PITFALLS, at, device, hopeless_bar, inner, over, realloc_makes_it_worse, span
from tests.topologies import address, bar, bridge, function, key, machine

MACHINE = machine(bridge("00:01.0", function("01:00.0")))


def test_defaults() -> None:
    assert parse_parameters({}, MACHINE) == Parameters()


def test_options_are_read() -> None:
    options = {
        "realloc": "on",
        "hpmmiosize": "8M",
        "hpmemsize": "4M",
        "hpiosize": "0x1000",
        "arch": "generic",
        "isa": "on",
        "firmware": "ignore",
        "event": "hotplug:00:01.0",
    }
    parameters = parse_parameters(options, MACHINE)
    assert parameters.realloc == "on"
    assert (parameters.memory_reserve, parameters.prefetchable_reserve) == (8 * MIB, 4 * MIB)
    assert parameters.io_reserve == 0x1000
    assert (parameters.arch, parameters.isa, parameters.firmware) == ("generic", True, "ignore")
    assert parameters.event == Event("hotplug", address("0000:00:01.0"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"nocrs": "on"}, "unknown option 'nocrs'"),
        ({"realloc": "maybe"}, "expected one of on, off, auto, found 'maybe'"),
        ({"hpmemsize": "many"}, "found 'many'"),
        ({"hpmemsize": "-0x1000"}, "expected a size"),
        ({"isa": "1"}, "expected one of on, off"),
        ({"event": "boot:00:01.0"}, "expected boot, rescan, rescan:BRIDGE or hotplug:BRIDGE"),
        ({"event": "hotplug:01:00.0"}, "expected a bridge of the machine"),
        ({"event": "hotplug:here"}, "expected a function address"),
    ],
)
def test_bad_options(options: dict[str, str], message: str) -> None:
    with pytest.raises(InputError, match=message.replace("[", r"\[")):
        parse_parameters(options, MACHINE)


@pytest.mark.parametrize("generation", RULES)
def test_every_generation_is_an_engine(generation: str) -> None:
    said: list[str] = []
    result = engine(generation)(hopeless_bar(), Request(options={"arch": "generic"}), said.append)
    assert result.plan.engine == generation
    assert result.plan.status is Status.FEASIBLE
    assert result.measures.unplaced == PITFALLS["P16"].classic
    assert all(objective.bound is None for objective in result.plan.objectives)
    assert any("no space" in line for line in result.log)
    assert len(said) == 1


def test_lost_bars_are_named() -> None:
    result = engine("linux-6.1")(realloc_makes_it_worse(), Request(options={"realloc": "on"}))
    assert result.measures.lost_bars == 1
    assert result.plan.warnings == ("0000:02:00.0 BAR 0 had the address 0x80500000 and lost it",)
    assert not result.legal


def test_words_of_both_generations() -> None:
    topology = realloc_makes_it_worse()
    lines = {name: engine(name)(topology, Request()).log for name in ("linux-6.1", "linux-6.12")}
    assert lines["linux-6.1"] == (
        "pci 0000:02:01.0: BAR 0: no space for [mem size 0x00400000]",
        "pci 0000:02:01.0: BAR 0: failed to assign [mem size 0x00400000]",
        "pci_bus 0000:00: Some PCI device resources are unassigned, try booting with pci=realloc",
    )
    assert lines["linux-6.12"][0] == "pci 0000:02:01.0: BAR 0 [mem size 0x00400000]: can't assign; no space"


def test_a_retry_is_told() -> None:
    log = engine("linux-6.1")(realloc_makes_it_worse(), Request(options={"realloc": "on"})).log
    assert "pci_bus 0000:00: No. 2 try to assign unassigned res" in log
    assert "pci 0000:00:01.0: resource 14 [mem 0x80500000-0x805fffff] released" in log


@pytest.mark.parametrize(("name", "moves"), [("linux-6.1", True), ("linux-6.12", True), ("linux-7", False)])
def test_a_retry_releases_the_memory_window_in_place_of_one_that_failed_before(name: str, *, moves: bool) -> None:
    """The prefetchable window of the inner bridge fails in the second try; older kernels then take it for absent."""
    pref = (0x4000000000, 0x4000FFFFFF)
    device = function(
        "02:00.0",
        bar(0, "1M", at=0x80100000),
        bar(2, "16M", width=64, pref=True, at=pref[0]),
        bar(4, "16M", width=64, pref=True),
    )
    inner_bridge = bridge("01:00.0", device, mem=(0x80100000, 0x801FFFFF), pref=pref)
    topology = machine(bridge("00:01.0", inner_bridge, mem=(0x80000000, 0x801FFFFF), pref=pref))
    placement = engine(name)(topology, Request(options={"realloc": "on"})).plan.placement
    assert None not in placement.bars.values()
    assert placement.bars[key("02:00.0")] == (0x80000000 if moves else 0x80100000)


@pytest.mark.parametrize("generation", RULES)
def test_realloc_turns_itself_on_for_vf_bars(generation: str) -> None:
    pitfall = PITFALLS["P11"]
    options = {**pitfall.options, "realloc": "auto"}
    log = engine(generation)(pitfall.build(), Request(options=options)).log
    assert any("No. 2 try" in line for line in log)
    assert not any(
        "No. 2 try" in line for line in engine(generation)(pitfall.build(), Request(options=pitfall.options)).log
    )


def test_bars_below_a_rescanned_bus_are_placed_and_no_other() -> None:
    """The rescan of one bus leaves other buses alone, where a boot places everything."""
    topology = over(0, 16, inner("00:00.0", device(1, 0, 1), window=span(0, 2)), device(0, 1, 1))
    result = engine("linux-6.1")(topology, Request(options={"event": "rescan:00:00.0"}))
    assert result.plan.placement.bars == {key("01:00.0"): at(0), key("00:01.0"): None}
    result = engine("linux-6.1")(topology, Request(options={"event": "rescan"}))
    assert result.plan.placement.bars == {key("01:00.0"): at(0), key("00:01.0"): at(2)}


def test_gaps_are_the_complement_of_what_is_taken() -> None:
    rng = random.Random(5)
    gaps, free = Gaps(0, 64), set(range(64))
    taken: list[tuple[int, int]] = []
    for _ in range(400):
        if taken and rng.random() < 0.5:
            start, end = taken.pop(rng.randrange(len(taken)))
            gaps.give(start, end)
            free |= set(range(start, end))
        else:
            start = rng.randrange(64)
            end = min(64, start + rng.randint(1, 9))
            assert gaps.is_free(start, end) == set(range(start, end)).issubset(free)
            if gaps.is_free(start, end):
                gaps.take(start, end)
                taken.append((start, end))
                free -= set(range(start, end))
        found = [number for low, high in gaps.between(0, 64) for number in range(low, high)]
        assert found == sorted(free)
        pairs = list(gaps.between(0, 64))
        assert all(left[1] < right[0] for left, right in pairwise(pairs))


def test_reserved_gaps_do_not_come_back() -> None:
    gaps = Gaps(0, 16)
    gaps.take(2, 10)
    gaps.reserve(4, 6)
    gaps.give(2, 10)
    assert list(gaps.between(0, 16)) == [(0, 4), (6, 16)]
    assert list(gaps.between(1, 8)) == [(1, 4), (6, 8)]
