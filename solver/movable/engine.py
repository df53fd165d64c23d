"""The engine ``movable-bars``."""

from __future__ import annotations

import time

from models.placement import Placement
from models.plan import Status
from models.topology import BarKey, Topology
from solver.engines import Progress
from solver.kernel.parameters import parse_parameters
from solver.movable.rescan import Rescan
from solver.request import Request
from solver.result import Result, make_result

NAME = "movable-bars"


def solve(topology: Topology, request: Request, progress: Progress | None = None) -> Result:
    """What the "movable BARs" work on Linux (v9) would do on a rescan of every root bus.

    All bridge windows and all BARs but the immovable ones are released, sized and assigned again, first fit. Where a
    BAR that worked would be lost, more and more is given up (:func:`solver.movable.ladder.rungs`); in the end the old
    placement stands. Objectives and time limit of the request mean nothing to it.

    The request's options are kernel parameters (:mod:`solver.kernel.parameters`); ``event``, ``realloc`` and
    ``firmware`` change nothing here, as it is always a rescan of what is there, with no retries.

    Source: linux-pci, 20201218174011.340514-1-s.miroshnichenko@yadro.com. The lines about attempts in its log are
    worded here; those about BARs and windows are the kernel's.

    Raises
    ------
    InputError
        If an option is unknown, or its value is none that it takes.
    """
    started = time.monotonic()
    parameters = parse_parameters(request.options, topology)
    immovable = request.mobility(topology).immovable
    placement = Placement({}, {})
    warnings: list[str] = []
    log: list[str] = []
    why: dict[BarKey, str] = {}
    for root in topology.root_buses:
        outcome = Rescan(topology, root, parameters, immovable).run()
        placement.bars.update(outcome.placement.bars)
        placement.windows.update(outcome.placement.windows)
        log += outcome.log
        why.update(dict.fromkeys(outcome.dropped, "given up so that nothing that works is lost"))
        if outcome.old:
            warnings.append(f"bus {root.name}: the old placement stands, or {outcome.lost[0]} would be lost")
        if progress is not None:
            progress(f"bus {root.name}: " + ("the old placement stands" if outcome.old else "assigned again"))
    return make_result(
        topology,
        request,
        NAME,
        placement,
        status=Status.FEASIBLE,
        seconds=time.monotonic() - started,
        warnings=tuple(warnings),
        why=why,
        log=tuple(log),
    )
