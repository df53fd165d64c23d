"""``resource_alignment=``: what a kernel places anew where the parameter names a device or a bridge."""

from __future__ import annotations

import pytest

from models.errors import InputError
from models.resources import MIB
from models.topology import Topology
from solver.engines import engine
from solver.kernel.parameters import parse_parameters
from solver.request import Request
from solver.result import Result
from tests.pitfalls import at, inner, over, span
from tests.topologies import address, bar, function, key


def booted(topology: Topology, value: str, kernel: str = "linux-7") -> Result:
    return engine(kernel)(topology, Request(options={"resource_alignment": value}))


def one_in_the_way() -> Topology:
    """12 MiB, and 1 MiB stands in the only aligned block of 8."""
    return over(0, 12, function("00:00.0", bar(0, MIB, at=at(4))), function("00:01.0", bar(0, 8 * MIB)))


def window_in_the_way() -> Topology:
    """A port's window of 6 MiB that needs to be no longer than 2 keeps 8 MiB from having an aligned block."""
    behind = function("01:00.0", bar(0, 2 * MIB, at=at(4)))
    return over(0, 12, inner("00:00.0", behind, window=span(0, 6)), function("00:01.0", bar(0, 8 * MIB)))


def test_a_small_bar_of_a_named_device_grows_and_moves() -> None:
    topology = one_in_the_way()
    assert engine("linux-7")(topology, Request()).measures.unplaced == 1
    result = booted(topology, "21@00:00.0")
    assert (result.measures.unplaced, result.measures.moved_bars, result.legal) == (0, 1, True)
    assert (result.plan.placement.bars[key("00:00.0")] or 0) % (2 * MIB) == 0


def test_a_bar_that_is_as_large_as_the_alignment_stays() -> None:
    result = booted(one_in_the_way(), "20@00:00.0")
    assert result.plan.placement.bars[key("00:00.0")] == at(4)
    assert result.measures.unplaced == 1


def test_an_alignment_that_is_not_named_is_a_page() -> None:
    result = booted(one_in_the_way(), "00:00.0")
    assert result.plan.placement.bars[key("00:00.0")] == at(4)


def test_a_fixed_bar_of_a_named_device_stays() -> None:
    topology = over(0, 12, function("00:00.0", bar(0, MIB, at=at(4), fixed=True)))
    assert booted(topology, "24@00:00.0").plan.placement.bars[key("00:00.0")] == at(4)


@pytest.mark.parametrize("kernel", ["linux-6.1", "linux-6.12", "linux-7"])
def test_the_windows_of_a_named_bridge_are_sized_anew(kernel: str) -> None:
    topology = window_in_the_way()
    assert engine(kernel)(topology, Request()).measures.unplaced == 1
    result = booted(topology, "00:00.0", kernel)
    assert (result.measures.unplaced, result.measures.lost_bars, result.legal) == (0, 0, True)


def test_several_devices_each_with_its_order() -> None:
    topology = over(0, 12, function("00:00.0"), function("00:01.0"))
    parameters = parse_parameters({"resource_alignment": "21@0000:00:00.0;00:01.0;22@00:00.0"}, topology)
    assert parameters.alignments == ((address("00:00.0"), 2 * MIB), (address("00:01.0"), 4096))


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("21@00:09.0", "expected a function of the machine"),
        ("x@00:00.0", "expected an order such as 20"),
        ("99@00:00.0", "expected an order such as 20"),
        ("21@somewhere", "somewhere"),
    ],
)
def test_what_names_nothing_is_refused(value: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        parse_parameters({"resource_alignment": value}, one_in_the_way())
