"""Families of instances, one file each; :func:`make` makes any of them from its seed and parameters."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from models.errors import InputError

if TYPE_CHECKING:
    from benchmarks.families.making import Made
    from models.topology import Topology
    from solver.request import Request

FAMILIES: dict[str, str] = {
    "toy": "benchmarks.families.toy",
    "desktop": "benchmarks.families.desktop",
    "server": "benchmarks.families.server",
    "gpu-box": "benchmarks.families.gpu_box",
    "deep-switch": "benchmarks.families.deep_switch",
    "hotplug": "benchmarks.families.hotplug",
    "jbof": "benchmarks.families.jbof",
    "sriov": "benchmarks.families.sriov",
    "pinned": "benchmarks.families.pinned",
    "tight": "benchmarks.families.tight",
    "infeasible": "benchmarks.families.infeasible",
    "rack": "benchmarks.families.rack",
}
"""Module of each family: ``make(seed, **parameters)`` makes one, ``instances()`` lists name, seed and parameters."""


def make(family: str, *, seed: int = 1, **parameters: int | str) -> tuple[Topology, Request]:
    """The machine and the request that a family makes of a seed and parameters; the same ones each time.

    Raises
    ------
    InputError
        If the family is unknown.
    """
    made = make_all(family, seed=seed, **parameters)
    return made.topology, made.request


def make_all(family: str, *, seed: int = 1, **parameters: int | str) -> Made:
    """As :func:`make`, with the plan that the generator knows, if it knows one.

    Raises
    ------
    InputError
        If the family is unknown.
    """
    if family not in FAMILIES:
        raise InputError(f"unknown family {family!r}, expected one of {', '.join(FAMILIES)}", source="--family")
    made: Made = import_module(FAMILIES[family]).make(seed, **parameters)
    return made
