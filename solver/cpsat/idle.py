"""Root buses where nothing is left to do: every BAR has an address, and no rule is broken.

Objectives that count what lacks an address, moves or changes are 0 there as it
is, and none is ever less. Most root buses of a large machine with one new
device are so, and to state their problems took longer than to solve the one
that is not.
"""

from __future__ import annotations

from collections.abc import Collection

from models.legality import today_breaches
from models.topology import BarKey, RootBus, Topology
from solver.cpsat.objectives import CHANGES
from solver.request import Request

_ZERO_AS_TODAY = frozenset({"unplaced", "unplaced_functions", *CHANGES})
"""Objectives that are 0 where everything has an address and stays as it is."""


def busy(topology: Topology, request: Request, open_: Collection[BarKey]) -> tuple[RootBus, ...]:
    """The root buses on which there may be something to do.

    Parameters
    ----------
    open_
        BARs whose size is open, or has to change.
    """
    roots = topology.root_buses
    if not _ZERO_AS_TODAY.issuperset(request.minimize) or request.window_rule != "free":
        return roots
    resized = {key.function for key in open_}
    waiting = {
        bus.root.name
        for function, bus in topology.functions()
        if function.address in resized or any(bar.address is None for bar in function.bars)
    }
    if len(waiting) < len(roots):
        waiting |= _broken(topology)
    return tuple(root for root in roots if root.name in waiting)


def _broken(topology: Topology) -> set[str]:
    """The names of root buses on which a rule is broken."""
    parties = {party.split(" ")[0] for breach in today_breaches(topology) for party in breach.parties}
    if not parties:
        return set()
    return {bus.root.name for function, bus in topology.functions() if str(function.address) in parties}
