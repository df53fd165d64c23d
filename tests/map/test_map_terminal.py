"""The narrow map of ``barplan show --map``."""

from __future__ import annotations

from dataclasses import replace

import pytest

from models.mobility import mobility
from models.resources import Range
from models.topology import RootWindow, Topology
from solver.map.scene import make_scene
from solver.map.terminal import BLOCKS, narrow_map
from tests.map.machines import big_server
from tests.map.shipped import sample
from tests.topologies import bar, bridge, function, host, machine


def small() -> Topology:
    port = bridge(
        "00:01.0",
        function("01:00.0", bar(0, "16K", at=0x8000_0000), bar(1, "64K"), driver="other"),
        mem=(0x80000000, 0x800FFFFF),
    )
    return machine(port, function("00:02.0", bar(0, 32, io=True, at=0x3000)))


def deep() -> Topology:
    """A controller behind seven bridges, far up in the addresses."""
    start = 0x6000000000000
    inner = function("08:00.0", bar(0, "1G", pref=True, width=64, at=start), driver="xhci_hcd")
    for bus in range(7, -1, -1):
        inner = bridge(f"{bus:02x}:01.0", inner, pref=(start, start + (1 << 30) - 1))
    root = RootWindow("mem", Range(start, 0x6003FC0000000), prefetchable=True)
    return Topology((replace(host(inner), windows=(root,)),))


def test_every_thing_and_every_gap_has_its_line() -> None:
    text = narrow_map(make_scene(small(), mobility(small())))
    lines = [" ".join(line.split()) for line in text.splitlines()]
    for line in (
        "3000 32 # 00:02.0 BAR 0",
        "80000000 1M ===== 00:01.0 memory window",
        "80000000 16K %%%% | 01:00.0 BAR 0 (1)",
        "1008K ::::: | waste",
        "2027M ........ free",
        "Without an address (1)",
        "01:00.0 BAR 1 64K",
        "(1) driver other is not verified to survive a BAR move",
    ):
        assert line in lines, line


@pytest.mark.parametrize("width", [60, 80])
def test_it_fits_into_the_terminal(width: int) -> None:
    for topology in (sample("laptop-thunderbolt")[0], deep()):
        scene = make_scene(topology, mobility(topology))
        lines = narrow_map(scene, BLOCKS, width).splitlines()
        assert max(map(len, lines)) <= width
        assert max(map(len, narrow_map(scene, BLOCKS).splitlines())) > 60  # it would not fit of itself
        for name in ("xhci_hcd", "One character for every", "bridge window"):
            assert name in "\n".join(lines)


def test_what_is_piped_goes_on_in_no_second_line() -> None:
    text = narrow_map(make_scene(deep(), mobility(deep())), BLOCKS)
    assert "root bus 0000:00: prefetchable memory window 6000000000000-6003fbfffffff [size=255G]" in text.splitlines()


def test_it_is_narrow_whatever_the_machine() -> None:
    topology = big_server(500)
    text = narrow_map(make_scene(topology, mobility(topology)), BLOCKS)
    assert max(map(len, text.splitlines())) <= 80
