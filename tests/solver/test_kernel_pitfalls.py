"""The greedy allocator fails on each pitfall in the way that is said of it."""

from __future__ import annotations

import pytest

from models.legality import new_breaches
from models.mobility import Policy, mobility
from models.placement import Measures, Placement, measure
from models.resources import MIB
from models.topology import Topology
from solver.kernel.driver import Outcome, allocate
from solver.kernel.parameters import parse_parameters
from solver.kernel.rules import RULES
from tests import pitfalls
from tests.pitfalls import PITFALLS, Pitfall, at, span
from tests.topologies import changed, key, window_key


def run(generation: str, pitfall: Pitfall) -> tuple[Topology, Outcome, Measures]:
    topology = pitfall.build()
    outcome = allocate(topology, RULES[generation], parse_parameters(pitfall.options, topology))
    return topology, outcome, measure(topology, outcome.placement)


def breaks(topology: Topology, placement: Placement) -> bool:
    return bool(new_breaches(topology, placement, immovable=mobility(topology, Policy.ALWAYS).immovable))


@pytest.mark.parametrize("name", PITFALLS)
def test_classic_rules(name: str) -> None:
    _, _, measures = run("linux-6.1", PITFALLS[name])
    assert measures.unplaced == PITFALLS[name].classic


@pytest.mark.parametrize("name", PITFALLS)
def test_tight_rules(name: str) -> None:
    _, _, measures = run("linux-7", PITFALLS[name])
    assert measures.unplaced == PITFALLS[name].tight


@pytest.mark.parametrize("generation", RULES)
@pytest.mark.parametrize("name", [name for name, pitfall in PITFALLS.items() if pitfall.greedy_breaks])
def test_fixed_bars_are_invisible(generation: str, name: str) -> None:
    topology, outcome, _ = run(generation, PITFALLS[name])
    assert breaks(topology, outcome.placement)


def test_classic_rules_place_two_ports_where_tight_ones_do_not() -> None:
    topology = pitfalls.over(0, 21, pitfalls.port(0, 8, 2), pitfalls.port(1, 8))
    unplaced = [
        measure(topology, allocate(topology, RULES[name], parse_parameters({}, topology)).placement).unplaced
        for name in ("linux-6.1", "linux-7")
    ]
    assert unplaced == [0, 1]


def test_retry_leaves_the_port_without_a_window() -> None:
    for generation in ("linux-6.1", "linux-7"):
        _, outcome, _ = run(generation, PITFALLS["P7 realloc"])
        assert outcome.placement.windows[window_key("00:01.0", "mem")] is None
        _, outcome, _ = run(generation, PITFALLS["P7"])
        assert outcome.placement.windows[window_key("00:01.0", "mem")] is not None


def test_third_try_takes_the_working_device_or_moves_it() -> None:
    pitfall = PITFALLS["P7 realloc, deeper"]
    _, classic, measures = run("linux-6.1", pitfall)
    assert measures.lost_bars == 1
    assert classic.placement.bars[key("01:00.0")] is None
    assert classic.placement.bars[key("02:00.0")] == at(0)
    _, tight, measures = run("linux-7", pitfall)
    assert (measures.lost_bars, measures.moved_bars) == (0, 1)
    assert tight.placement.bars[key("01:00.0")] == at(4)


def test_realloc_loses_what_worked() -> None:
    _, _, plain = run("linux-6.1", PITFALLS["P15"])
    _, _, with_realloc = run("linux-6.1", PITFALLS["P15 realloc"])
    _, _, tight = run("linux-7", PITFALLS["P15 realloc"])
    assert (plain.lost_bars, with_realloc.lost_bars) == (0, 1)
    assert (tight.lost_bars, tight.moved_bars) == (0, 1)


@pytest.mark.parametrize("generation", RULES)
def test_reserves_are_lost_to_one_impossible_request(generation: str) -> None:
    _, outcome, _ = run(generation, PITFALLS["P11"])
    assert outcome.placement.bars[key("00:00.0")] == at(0)
    for bridge, low, high in (("00:01.0", 4, 6), ("00:02.0", 6, 8)):
        range_ = outcome.placement.windows[window_key(bridge, "mem")]
        assert range_ is not None
        assert (range_.start, range_.last) == span(low, high)
    assert outcome.placement.bars[key("00:03.0")] == at(8)


def test_both_reserves_were_possible() -> None:
    topology = pitfalls.all_or_nothing()
    witness = changed(
        topology,
        {key("00:00.0"): at(0), key("02:00.0"): at(4), key("03:00.0"): at(8), key("00:03.0"): at(12)},
        {window_key("00:01.0", "mem"): span(4, 8), window_key("00:02.0", "mem"): span(8, 12)},
    )
    assert not breaks(topology, witness)


def test_wrong_slot_of_the_tight_rules() -> None:
    _, outcome, _ = run("linux-7", PITFALLS["P4"])
    range_ = outcome.placement.windows[window_key("00:02.0", "mem")]
    assert range_ is not None
    assert (range_.start, range_.last) == span(7, 16)


@pytest.mark.parametrize(
    ("generation", "expected"),
    [
        # To the byte where shares are not aligned, otherwise down to 1 MiB.
        ("linux-6.1", [(0, 1), (1, 32.5), (33, 64)]),
        ("linux-6.12", [(0, 1), (1, 32), (32, 63)]),
        ("linux-7", [(0, 1), (1, 32), (32, 63)]),
    ],
)
def test_dock_is_split_equally(generation: str, expected: list[tuple[float, float]]) -> None:
    pitfall = Pitfall(pitfalls.dock, 0, 0, 0, options={"event": "hotplug:0000:00:00.0"})
    _, outcome, measures = run(generation, pitfall)
    assert measures.unplaced == 0
    for number, (low, high) in enumerate(expected):
        range_ = outcome.placement.windows[window_key(f"02:0{number}.0", "mem")]
        assert range_ is not None
        assert (range_.start, range_.last) == span(low, high)


def test_sum_of_the_tight_sizes_is_the_sum_of_the_bars() -> None:
    sizes = {}
    for generation in ("linux-6.1", "linux-7"):
        for name in ("P17", "P17 twice", "P17 beside"):
            _, outcome, _ = run(generation, PITFALLS[name])
            sizes[generation, name] = outcome.sizes[window_key("00:00.0", "mem")].must // MIB
    assert [sizes["linux-7", name] for name in ("P17", "P17 twice", "P17 beside")] == [25, 34, 22]
    assert [sizes["linux-6.1", name] for name in ("P17", "P17 twice", "P17 beside")] == [32, 48, 28]
