"""What a user would otherwise try: textbook models, kept simple on purpose, behind the interface of engines."""

from __future__ import annotations

from importlib import import_module
from typing import cast

from models.errors import InputError
from solver.engines import ENGINES, Engine, engine

PEERS: dict[str, str] = {
    "textbook": "benchmarks.peers.textbook:solve",
    "minizinc-gecode": "benchmarks.peers.minizinc:solve_gecode",
    "minizinc-chuffed": "benchmarks.peers.minizinc:solve_chuffed",
}
"""Peer by name, as ``module:function``."""


def any_engine(name: str) -> Engine:
    """The engine or the peer of this name.

    Raises
    ------
    InputError
        If there is none.
    """
    if name not in PEERS:
        if name not in ENGINES:
            raise InputError(
                f"unknown engine {name!r}, expected one of {', '.join((*ENGINES, *PEERS))}", source="--engine"
            )
        return engine(name)
    module, function = PEERS[name].split(":")
    return cast("Engine", getattr(import_module(module), function))


def missing(name: str) -> str:
    """Why a peer cannot run here; empty where it can."""
    if not name.startswith("minizinc-"):
        return ""
    from benchmarks.peers.minizinc import missing_solver

    return missing_solver(name.removeprefix("minizinc-"))
