"""Small machines on which not everything fits, and what is asked of their explanations."""

from __future__ import annotations

from models.resources import MIB
from models.topology import Function, Topology
from solver.explanation.findings import Conflict, Explanation, Way, WayKind
from solver.request import Request
from tests.pitfalls import at, over, port, span
from tests.topologies import bar, bridge, function

QUICK = Request(time_limit=60, workers=2)


def device(number: int, size: int, where: float | None = None, *, driver: str | None = None) -> Function:
    """A function on the root bus with one BAR of ``size`` MiB."""
    return function(f"00:{number:02x}.0", bar(0, size * MIB, at=None if where is None else at(where)), driver=driver)


def one_pin() -> Topology:
    """12 MiB: 8 of them are in one aligned block only, and a BAR with an unprepared driver stands in it."""
    return over(0, 12, device(0, 1, 4, driver="mlx5_core"), device(1, 1, 9), device(2, 1, 10), device(3, 8))


def two_pins() -> Topology:
    """16 MiB, 14 of them free: an immovable BAR stands in each half, and 8 MiB are wanted."""
    return over(0, 16, device(0, 1, 4, driver="mlx5_core"), device(1, 1, 12, driver="ixgbe"), device(2, 8))


def too_small() -> Topology:
    """10 MiB for 8 and 1 behind a port and 2 beside it."""
    return over(0, 10, port(0, 8, 1), device(1, 2))


def stretched_window() -> Topology:
    """A port's window has to reach over two immovable BARs at its ends; nothing stands between them."""
    behind = [function(f"01:{n:02x}.0", bar(0, MIB, at=at(8 * n + 3)), driver="e1000e") for n in range(2)]
    return over(0, 12, bridge("00:00.0", *behind, io=None, pref=None, mem=span(3, 12)), device(1, 4))


def no_order() -> Topology:
    """Ten MiB for two BARs of 4 MiB and one of 1: bytes enough, and one block aligned to 4 MiB too few."""
    return over(1, 11, port(0, 4, 1), device(1, 4))


def one(explanation: Explanation) -> Conflict:
    """The only conflict."""
    (part,) = explanation.parts
    (conflict,) = part.conflicts
    return conflict


def way(explanation: Explanation, kind: WayKind) -> Way:
    """The first way of this kind."""
    return next(way for way in explanation.parts[0].ways if way.kind is kind)


def kinds(explanation: Explanation) -> list[WayKind]:
    return [way.kind for way in explanation.parts[0].ways]
