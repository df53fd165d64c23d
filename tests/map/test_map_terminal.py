"""The narrow map of ``barplan show --map``."""

from __future__ import annotations

from models.mobility import mobility
from models.topology import Topology
from solver.map.scene import make_scene
from solver.map.terminal import BLOCKS, narrow_map
from tests.map.machines import big_server
from tests.topologies import bar, bridge, function, machine


def small() -> Topology:
    port = bridge(
        "00:01.0",
        function("01:00.0", bar(0, "16K", at=0x8000_0000), bar(1, "64K"), driver="other"),
        mem=(0x80000000, 0x800FFFFF),
    )
    return machine(port, function("00:02.0", bar(0, 32, io=True, at=0x3000)))


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


def test_it_is_narrow_whatever_the_machine() -> None:
    topology = big_server(500)
    text = narrow_map(make_scene(topology, mobility(topology)), BLOCKS)
    assert max(map(len, text.splitlines())) <= 80
