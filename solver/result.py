"""What an engine hands back: a checked plan and what it is worth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from models.bus_numbers import bus_shortages
from models.document import topology_sha256
from models.legality import Breach, new_breaches
from models.placement import Measures, Placement, measure
from models.plan import Objective, Plan, PlannedBar, PlannedWindow, Status
from models.topology import BarKey, Topology, WindowKey
from solver.reasons import lost_reserves, resized_drivers, why_moved, why_resized
from solver.request import Request


@dataclass(frozen=True, slots=True)
class Result:
    """A plan with the machine it is for.

    Attributes
    ----------
    breaches
        Rules the plan breaks that today's placement does not; never anything but empty for an exact engine.
    log
        Lines the engine would have logged, in order (kernel engines).
    seconds
        Wall time of the engine.
    interrupted
        The user asked to stop before the engine was done.
    """

    topology: Topology
    plan: Plan
    measures: Measures
    breaches: tuple[Breach, ...]
    seconds: float
    log: tuple[str, ...] = ()
    interrupted: bool = False

    @property
    def legal(self) -> bool:
        return not self.breaches and self.plan.status in (Status.OPTIMAL, Status.FEASIBLE)

    def _repr_html_(self) -> str:
        """The address map before and after, with what the plan is worth: what Jupyter shows."""
        from solver.map.drawing import result_svg

        return result_svg(self)


def make_result(
    topology: Topology,
    request: Request,
    engine: str,
    placement: Placement,
    *,
    status: Status,
    bounds: Mapping[str, int | None] | None = None,
    seconds: float,
    warnings: tuple[str, ...] = (),
    why: Mapping[BarKey, str] | None = None,
    log: tuple[str, ...] = (),
    interrupted: bool = False,
) -> Result:
    """Check and measure ``placement`` and wrap it as a result.

    Parameters
    ----------
    bounds
        Proved lower bound by objective; absent = none.
    why
        Why a BAR moves or is left out; for the rest it is what takes its place, or the reason why it may not move.
    """
    movement = request.mobility(topology)
    measures = measure(topology, placement, request.weights, request.drivers)
    breaches = new_breaches(topology, placement, immovable=movement.immovable, windows=movement.windows)
    placed = status in (Status.OPTIMAL, Status.FEASIBLE)
    objectives = tuple(
        Objective(name, measures.value(name) if placed else None, (bounds or {}).get(name)) for name in request.minimize
    )
    reasons = {**movement.reasons, **why_moved(topology, placement), **why_resized(topology, placement), **(why or {})}
    bars = tuple(
        PlannedBar(key, bar.size, bar.address, placement.bars.get(key), reasons[key])
        for key, bar in placement.sized(topology).bars()
    )
    windows = tuple(
        PlannedWindow(WindowKey(*key), window.range, after)
        for key, window in topology.windows()
        if (after := placement.windows.get(key)) is not None or window.range is not None
    )
    plan = Plan(
        topology_sha256=topology_sha256(topology),
        engine=engine,
        policy=str(request.policy),
        status=status,
        objectives=objectives,
        bars=bars,
        windows=windows,
        warnings=tuple(
            dict.fromkeys(
                [
                    *warnings,
                    *resized_drivers(topology, placement),
                    *lost_reserves(topology, placement),
                    *map(str, bus_shortages(topology)),
                ]
            )
        ),
    )
    return Result(topology, plan, measures, tuple(breaches), seconds, log, interrupted)
