"""The placements that a machine goes through on its way to a plan, for pictures."""

from __future__ import annotations

from models.legality import new_breaches
from models.placement import Placement
from models.topology import Topology
from solver.steps.ground import Ground
from solver.steps.legs import find_legs

SHOWN = 24
"""More functions that move are no picture."""


def frames(topology: Topology, planned: Placement) -> list[tuple[str, Placement]] | None:
    """Title and placement after each group of steps of the route ``live``.

    ``None`` where the plan breaks a rule or resizes a BAR and has no steps, or moves more than :data:`SHOWN` functions.
    """
    if new_breaches(topology, planned) or any(
        size != bar.size for key, bar in topology.bars() if (size := planned.sizes.get(key)) is not None
    ):
        return None
    ground = Ground(topology, planned)
    if len(ground.movers) > SHOWN:
        return None
    legs, _ = find_legs(ground)
    return [(leg.title(ground), leg.after) for leg in legs]
