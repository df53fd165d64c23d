"""Results that need no solver: a machine, and what somebody says of it."""

from __future__ import annotations

from models.placement import Placement
from models.plan import Status
from models.topology import Topology
from solver.request import Request
from solver.result import Result, make_result
from tests.topologies import UNKNOWN, bar, bridge, changed, function, key, machine, window_key

HIGH = 0x7FFF_FFFF_FFF0_0000
"""An address above 2^53, where floating point would lose its last digits."""


def small_machine() -> Topology:
    """A port with two BARs, one of them not placed, and two BARs on the root bus, one of them very high."""
    port = bridge(
        "00:01.0",
        function("01:00.0", bar(0, at=0x8000_0000), bar(1), driver="nvme", class_code="010802"),
        mem=(0x80000000, 0x800FFFFF),
    )
    high = function("00:02.0", bar(0, width=64, pref=True, at=HIGH), driver=UNKNOWN)
    return machine(port, high, function("00:03.0", bar("rom", "64K"), bar(2, 32, io=True, at=0x3000)))


def planned(topology: Topology) -> Placement:
    """The port's window moves with one BAR and takes in the other; the I/O BAR is lost."""
    return changed(
        topology,
        {key("01:00.0", 0): 0x8020_0000, key("01:00.0", 1): 0x8030_0000, key("00:03.0", 2): None},
        {window_key("00:01.0", "mem"): (0x80200000, 0x803FFFFF)},
    )


def small_result(engine: str = "by hand", status: Status = Status.FEASIBLE) -> Result:
    topology = small_machine()
    return make_result(topology, Request(), engine, planned(topology), status=status, seconds=0.5)
