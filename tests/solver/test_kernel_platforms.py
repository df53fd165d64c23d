"""Where platforms part ways: I/O aliases, and windows that the firmware put around others."""

from __future__ import annotations

import pytest

from models.resources import Range
from models.topology import Topology
from solver.kernel.driver import Outcome, allocate
from solver.kernel.parameters import parse_parameters
from solver.kernel.rules import RULES
from tests.topologies import bar, bridge, function, host, key, machine, window_key


def run(topology: Topology, **options: str) -> Outcome:
    return allocate(topology, RULES["linux-6.1"], parse_parameters(options, topology))


@pytest.mark.parametrize(
    ("arch", "second"), [("x86", 0x2400), ("mips", 0x2400), ("powerpc", 0x2100), ("generic", 0x2100)]
)
def test_io_skips_isa_aliases_where_the_platform_does(arch: str, second: int) -> None:
    functions = (function(f"00:0{number}.0", bar(0, "256", io=True)) for number in (1, 2))
    topology = machine(host(*functions, io=(0x2000, 0x3FFF), mem=None, pref=None))
    assert run(topology, arch=arch).placement.bars == {key("00:01.0"): 0x2000, key("00:02.0"): second}


def around(start: int) -> Topology:
    """A port's I/O window and then another's, of 16 KiB from ``start`` on; a BAR in the first, one in the second."""
    inside = bridge("00:01.0", function("01:00.0", bar(0, "256", io=True, at=0x4000)), io=(0x4000, 0x5FFF))
    outer = bridge("00:02.0", function("02:00.0", bar(0, "256", io=True, at=start)), io=(start, start + 0x3FFF))
    return machine(host(inside, outer, function("00:03.0", bar(0, "4K", io=True)), io=(0x2000, 0x9FFF)))


def test_a_powerpc_window_around_another_one_takes_it_in() -> None:
    placement = run(around(0x2000), arch="powerpc").placement
    assert placement.windows[window_key("00:01.0", "io")] == Range(0x4000, 0x6000)
    assert placement.windows[window_key("00:02.0", "io")] == Range(0x2000, 0x6000)
    assert placement.bars == {key("01:00.0"): 0x4000, key("02:00.0"): 0x2000, key("00:03.0"): 0x6000}


def test_elsewhere_the_second_window_is_thrown_away() -> None:
    placement = run(around(0x2000), arch="generic").placement
    assert placement.windows[window_key("00:01.0", "io")] == Range(0x4000, 0x6000)
    assert placement.windows[window_key("00:02.0", "io")] == Range(0x2000, 0x3000)


def test_a_window_that_another_one_sticks_out_of_is_not_taken_in() -> None:
    placement = run(around(0x5000), arch="powerpc").placement
    assert placement.windows[window_key("00:02.0", "io")] != Range(0x5000, 0x9000)
