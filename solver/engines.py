"""The table of engines. A new engine is one new file and one line here."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Protocol, cast

from models.errors import InputError
from models.topology import Topology
from solver.request import Request
from solver.result import Result

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
    return cast("Engine", getattr(import_module(module), function))
