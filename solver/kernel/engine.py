"""The kernel's allocator as engines, one per generation."""

from __future__ import annotations

import time

from models.placement import Placement
from models.plan import Status
from models.topology import Topology
from solver.engines import Progress
from solver.kernel.driver import Outcome, allocate
from solver.kernel.journal import Silence
from solver.kernel.parameters import Parameters, parse_parameters
from solver.kernel.rules import RULES
from solver.request import Request
from solver.result import Result, make_result


def solve_linux_6_1(topology: Topology, request: Request, progress: Progress | None = None) -> Result:
    """What Linux 6.1 (and the kernels up to 6.9) would do."""
    return _solve("linux-6.1", topology, request, progress)


def solve_linux_6_12(topology: Topology, request: Request, progress: Progress | None = None) -> Result:
    """What Linux 6.12 would do."""
    return _solve("linux-6.12", topology, request, progress)


def solve_linux_6_15(topology: Topology, request: Request, progress: Progress | None = None) -> Result:
    """What Linux 6.15 (and the kernels up to 6.17) would do."""
    return _solve("linux-6.15", topology, request, progress)


def solve_linux_6_18_0(topology: Topology, request: Request, progress: Progress | None = None) -> Result:
    """What Linux 6.18 would do before 6.18.16."""
    return _solve("linux-6.18.0", topology, request, progress)


def solve_linux_6_18(topology: Topology, request: Request, progress: Progress | None = None) -> Result:
    """What Linux 6.18 (from 6.18.16 on) would do."""
    return _solve("linux-6.18", topology, request, progress)


def solve_linux_7(topology: Topology, request: Request, progress: Progress | None = None) -> Result:
    """What Linux 7.0, with what was merged for 7.1, would do."""
    return _solve("linux-7", topology, request, progress)


def place(topology: Topology, generation: str) -> Placement:
    """The placement of a generation with no kernel parameters, and nothing else."""
    return allocate(topology, RULES[generation], Parameters(), Silence(named_resources=True)).placement


def _solve(name: str, topology: Topology, request: Request, progress: Progress | None) -> Result:
    """Run one generation; policy, objectives and time limit of the request mean nothing to a kernel."""
    started = time.monotonic()
    parameters = parse_parameters(request.options, topology)
    outcome = allocate(topology, RULES[name], parameters)
    if progress is not None:
        progress(f"{len(outcome.failures)} times no space")
    return make_result(
        topology,
        request,
        name,
        outcome.placement,
        status=Status.FEASIBLE,
        seconds=time.monotonic() - started,
        warnings=_warnings(topology, outcome),
        log=outcome.log,
    )


def _warnings(topology: Topology, outcome: Outcome) -> tuple[str, ...]:
    """A line for each BAR that worked and has no address any more."""
    return tuple(
        f"{key} had the address {bar.address:#x} and lost it"
        for key, bar in topology.bars()
        if bar.address is not None and outcome.placement.bars.get(key) is None
    )
