"""Solving in a line: plans that are expected to be legal, and where they put things."""

from __future__ import annotations

from dataclasses import replace

from models.mobility import Policy
from models.plan import Status
from models.resources import Range, WindowKind
from models.topology import BarIndex, Topology
from solver.cpsat.engine import solve
from solver.request import Request
from solver.result import Result
from tests.topologies import key, window_key


def solved(
    topology: Topology, policy: Policy = Policy.SAFE, *, status: Status = Status.OPTIMAL, **more: object
) -> Result:
    """The exact engine's plan, legal and with the status expected; ``more`` are fields of the request."""
    result = solve(topology, replace(Request(policy=policy, workers=1), **more))  # type: ignore[arg-type]
    assert result.breaches == ()
    assert result.plan.status is status
    return result


def at(result: Result, address: str, index: BarIndex = 0) -> int | None:
    """Where the plan puts a BAR."""
    return result.plan.placement.bars[key(address, index)]


def opened(result: Result, address: str, kind: WindowKind) -> Range | None:
    """Where the plan puts a window."""
    return result.plan.placement.windows.get(window_key(address, kind))
