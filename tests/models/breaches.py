"""What the tests of the rules share: each rule by the smallest machine that breaks exactly that, then exemptions."""

from __future__ import annotations

from models.legality import Breach, today_breaches
from models.topology import Topology
from tests.topologies import bridge, function, machine

DEVICE = "0000:01:00.0"
PORT = "0000:00:01.0"


def only(breaches: list[Breach]) -> Breach:
    assert len(breaches) == 1, [str(breach) for breach in breaches]
    return breaches[0]


def legal(topology: Topology) -> bool:
    return today_breaches(topology) == []


def port_with(*bars: object, **windows: object) -> Topology:
    """One port with one device behind it."""
    return machine(bridge("00:01.0", function("01:00.0", *bars), **windows))  # type: ignore[arg-type]
