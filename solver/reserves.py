"""Plans that leave room behind bridges for what is plugged in later.

A reserve is a required device for as long as the plan is made (:mod:`models.reserves`). No BAR of the machine gives
up its address for a reserve: where not everything fits, reserves are granted in the order given, each as long as no
more BARs stay without an address than without any reserve.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from models.bus_numbers import bus_shortages
from models.placement import Placement
from models.plan import Objective, Plan, Status
from models.reserves import Reserve, planned_reserves, stand_ins, with_stand_ins
from models.topology import Topology
from solver.engines import Engine, Progress, engine
from solver.reasons import lost_reserves
from solver.request import Request
from solver.result import Result, make_result

LAST_WORD = 1.0
"""Seconds for a plan once the user asked to stop."""


@dataclass(frozen=True, slots=True)
class Reserved:
    """A result with room left free.

    Attributes
    ----------
    result
        For the machine alone; its plan names the reserves. ``wasted_bytes`` counts them as content of windows.
    refused
        Reserves that do not fit beside what must, and beside those granted before them.
    proved
        Whether that was proved of each of them.
    """

    result: Result
    refused: tuple[Reserve, ...] = ()
    proved: bool = True


def solve_with_reserves(
    topology: Topology,
    request: Request,
    reserves: Sequence[Reserve],
    progress: Progress | None = None,
    *,
    run: Engine | None = None,
) -> Reserved:
    """The best plan that leaves the reserves free, as many as fit.

    Parameters
    ----------
    request
        Its time limit is for all of it.
    run
        An exact engine; ``cp-sat`` unless given.
    """
    started = time.monotonic()
    deadline = None if request.time_limit is None else started + request.time_limit
    probe = _Probe(topology, request, run or engine("cp-sat"), deadline)
    granted, refused, proved = _grant(probe, reserves, progress)
    left = None if deadline is None else max(0.1, deadline - time.monotonic())
    if probe.interrupted:
        left = LAST_WORD
    result = probe.run(with_stand_ins(topology, granted), replace(request, time_limit=left), progress)
    result = replace(result, interrupted=result.interrupted or probe.interrupted)
    result = _without_stand_ins(topology, request, granted, result, time.monotonic() - started)
    return Reserved(result, tuple(refused), proved)


def _grant(
    probe: _Probe, reserves: Sequence[Reserve], progress: Progress | None
) -> tuple[list[Reserve], list[Reserve], bool]:
    """The reserves that fit and those that do not, and whether the latter is proved."""
    tell = progress or (lambda line: None)
    tell("do all reserves fit?")
    everything = probe.unplaced(reserves, 0.25)
    if everything is not None and everything[1] == 0:
        return list(reserves), [], True
    alone = probe.unplaced([], 0.25)
    if alone is None:  # there is no plan at all, with reserves or without
        return [], list(reserves), False
    if everything is not None and everything[1] <= alone[0]:
        return list(reserves), [], True
    granted: list[Reserve] = []
    refused: list[Reserve] = []
    proved = True
    for number, reserve in enumerate(reserves):
        tell(f"does {reserve} fit?")
        reached = probe.unplaced([*granted, reserve], 1 / (len(reserves) - number + 1))
        if reached is not None and reached[1] <= alone[0]:
            granted.append(reserve)
        else:
            refused.append(reserve)
            proved = proved and reached is not None and reached[0] > alone[1]
    return granted, refused, proved


@dataclass(slots=True)
class _Probe:
    """Asks how many BARs stay without an address beside some reserves; nothing more once the user asked to stop."""

    topology: Topology
    request: Request
    run: Engine
    deadline: float | None
    interrupted: bool = False

    def unplaced(self, reserves: Sequence[Reserve], part: float) -> tuple[int, int] | None:
        """At least and at most, within a part of the time left, stand-ins counted; ``None`` where no plan was found."""
        limit = None if self.deadline is None else (self.deadline - time.monotonic()) * part
        if self.interrupted or (limit is not None and limit < 0.05):
            return None
        request = replace(self.request, minimize=("unplaced",), whole_functions=False, time_limit=limit)
        result = self.run(with_stand_ins(self.topology, reserves), request, None)
        self.interrupted = result.interrupted
        if not result.legal:
            return None
        value = next(objective for objective in result.plan.objectives if objective.name == "unplaced")
        return value.bound or 0, value.value or 0


def _without_stand_ins(
    topology: Topology, request: Request, reserves: Sequence[Reserve], found: Result, seconds: float
) -> Result:
    """The result for the machine alone: the same addresses, bounds as far as they hold for it."""
    if not reserves:
        return replace(found, seconds=seconds)
    plan = found.plan
    names = {key: f"the reserve behind {reserve.bridge}" for key, reserve in stand_ins(reserves)}
    said = {*lost_reserves(found.topology, plan.placement), *map(str, bus_shortages(found.topology))}
    placement = Placement(
        {key: at for key, at in plan.placement.bars.items() if key not in names},
        plan.placement.windows,
        {key: size for key, size in plan.placement.sizes.items() if key not in names},
    )
    why = {}
    for bar in plan.bars:
        if bar.moved and bar.why is not None and bar.key not in names:
            text = bar.why
            for key, name in names.items():
                text = text.replace(str(key), name)
            why[bar.key] = text
    result = make_result(
        topology,
        replace(request, minimize=tuple(objective.name for objective in plan.objectives)),
        plan.engine,
        placement,
        status=plan.status,
        bounds={},
        seconds=seconds,
        warnings=tuple(warning for warning in plan.warnings if warning not in said),
        why=why,
        log=found.log,
        interrupted=found.interrupted,
    )
    planned = tuple(planned_reserves(reserves, plan.placement.bars)) if found.legal else ()
    return replace(
        result,
        plan=_with_bounds(replace(result.plan, reserves=planned), plan),
        measures=replace(result.measures, wasted_bytes=found.measures.wasted_bytes),
    )


def _with_bounds(plan: Plan, filled: Plan) -> Plan:
    """Values of the plan, with a bound where the machine with stand-ins has the same value.

    Waste is what it is with the reserves as content of windows.
    """
    objectives = []
    proved = True
    there = {objective.name: objective for objective in filled.objectives}
    for objective in plan.objectives:
        other = there[objective.name]
        value = other.value if objective.name == "wasted_bytes" else objective.value
        bound = other.bound if proved and value == other.value else None
        objectives.append(Objective(objective.name, value, bound))
        proved = proved and bound is not None and bound == value
    status = Status.FEASIBLE if plan.status is Status.OPTIMAL and not proved else plan.status
    return replace(plan, objectives=tuple(objectives), status=status)
