"""The relaxed sizes of kernels between classic and tight sizing, and what 6.18 made of them."""

from __future__ import annotations

import pytest

from models.resources import MIB
from models.topology import Topology
from solver.kernel.driver import Outcome, allocate
from solver.kernel.parameters import parse_parameters
from solver.kernel.rules import RULES
from tests.topologies import bar, bridge, function, machine, window_key


def run(generation: str, topology: Topology, **options: str) -> Outcome:
    return allocate(topology, RULES[generation], parse_parameters(options, topology))


def nested(levels: int) -> Topology:
    """BARs of 64 MiB, 2 MiB and 64 KiB behind so many bridges, none of which has an address."""
    made = function(f"{levels:02x}:00.0", bar(0, "64M"), bar(1, "2M"), bar(2, "64K"))
    for bus in reversed(range(levels)):
        made = bridge(f"{bus:02x}:00.0", made)
    return machine(made)


def windows(generation: str, levels: int, **options: str) -> list[tuple[int, int]]:
    """Size and alignment of each memory window, in MiB, from the root port inwards."""
    sizes = run(generation, nested(levels), **options).sizes
    found = (sizes[window_key(f"{bus:02x}:00.0", "mem")] for bus in range(levels))
    return [(size.must // MIB, size.alignment // MIB) for size in found]


@pytest.mark.parametrize(
    ("generation", "innermost"), [("linux-6.12", (96, 32)), ("linux-6.15", (96, 32)), ("linux-6.18.0", (67, 32))]
)
def test_a_window_below_two_without_addresses_is_relaxed_by_one_generation(
    generation: str, innermost: tuple[int, int]
) -> None:
    assert windows(generation, 3)[-1] == innermost


def test_nothing_is_relaxed_directly_below_a_root_port_or_after_the_boot() -> None:
    assert windows("linux-6.18.0", 2) == windows("linux-6.12", 2) == [(96, 32), (96, 32)]
    assert windows("linux-6.18.0", 3, event="rescan") == windows("linux-6.12", 3, event="rescan")


@pytest.mark.parametrize(("generation", "must"), [("linux-6.12", 2), ("linux-6.15", 1), ("linux-6.18.0", 1)])
def test_a_rom_is_required_until_6_14(generation: str, must: int) -> None:
    topology = machine(bridge("00:00.0", function("01:00.0", bar(0, "1M"), bar("rom", "1M"))))
    size = run(generation, topology).sizes[window_key("00:00.0", "mem")]
    assert (size.must, size.optional) == (must * MIB, 2 * MIB)
