"""The table of engines. A new engine is one new file and one line here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from typing import Protocol, cast

from models.errors import InputError
from models.resizing import release
from models.topology import Topology
from solver.request import Request
from solver.result import Result, make_result

Progress = Callable[[str], None]
"""Receives one line of progress; never called when nobody looks."""


class Engine(Protocol):
    """From machine and request to a result; pure, picklable in and out, knows no terminal."""

    def __call__(self, topology: Topology, request: Request, progress: Progress | None = None) -> Result: ...


ENGINES: dict[str, str] = {
    "cp-sat": "solver.cpsat.engine:solve",
    "linux-6.1": "solver.kernel.engine:solve_linux_6_1",
    "linux-6.12": "solver.kernel.engine:solve_linux_6_12",
    "linux-6.15": "solver.kernel.engine:solve_linux_6_15",
    "linux-6.18.0": "solver.kernel.engine:solve_linux_6_18_0",
    "linux-6.18": "solver.kernel.engine:solve_linux_6_18",
    "linux-7": "solver.kernel.engine:solve_linux_7",
    "movable-bars": "solver.movable.engine:solve",
    "coreboot": "solver.coreboot.engine:solve",
}
"""Engine by name, as ``module:function``; imported only when used."""

EXACT = frozenset({"cp-sat"})
"""The engines that prove what they find and keep to the scope of a request; the others follow a rule."""


def engine(name: str) -> Engine:
    """The engine of this name.

    Raises
    ------
    InputError
        If there is none.
    """
    if name not in ENGINES:
        raise InputError(f"unknown engine {name!r}, expected one of {', '.join(ENGINES)}", source="--engine")
    module, function = ENGINES[name].split(":")
    run = cast("Engine", getattr(import_module(module), function))
    return run if name in CHOOSES_SIZES else _resizing(run)


CHOOSES_SIZES = frozenset({"cp-sat"})
"""Engines that resize BARs themselves. For all others a BAR to be resized has its new size from the outset and no
address, as a kernel has it that released the BAR for resizing."""


def _resizing(run: Engine) -> Engine:
    def resized(topology: Topology, request: Request, progress: Progress | None = None) -> Result:
        sizes = {key: sizes[0] for key, sizes in request.sizes(topology).items() if len(sizes) == 1}
        if not sizes:
            return run(topology, request, progress)
        result = run(release(topology, sizes), replace(request, resizes={}), progress)
        return make_result(
            topology,
            request,
            result.plan.engine,
            replace(result.plan.placement, sizes=sizes),
            status=result.plan.status,
            bounds={objective.name: objective.bound for objective in result.plan.objectives},
            seconds=result.seconds,
            warnings=result.plan.warnings,
            log=result.log,
            interrupted=result.interrupted,
        )

    return resized
