"""Families of instances, one file each; :func:`make` makes any of them from its seed and parameters."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from models.errors import InputError

if TYPE_CHECKING:
    from models.topology import Topology
    from solver.request import Request

FAMILIES: dict[str, str] = {
    "rack": "benchmarks.families.rack",
}
"""Module of each family; its ``make(seed, **parameters)`` returns machine and request."""


def make(family: str, *, seed: int = 1, **parameters: int | str) -> tuple[Topology, Request]:
    """The machine and the request that a family makes of a seed and parameters; the same ones each time.

    Raises
    ------
    InputError
        If the family is unknown.
    """
    if family not in FAMILIES:
        raise InputError(f"unknown family {family!r}, expected one of {', '.join(FAMILIES)}", source="--family")
    made: tuple[Topology, Request] = import_module(FAMILIES[family]).make(seed, **parameters)
    return made
