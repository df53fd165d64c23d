"""Kernel parameters with which the next boot reaches what a plan does, found by simulating the kernels' rules."""

from __future__ import annotations

import time
from dataclasses import dataclass

from models.placement import Placement
from models.topology import BarKey, Topology
from solver.explanation.case import Budget
from solver.explanation.kernel_ways import KernelTrials
from solver.request import Request
from solver.steps.ground import Ground

_NAMED = 12
"""How many bridges ``resource_alignment`` is tried with at most."""


@dataclass(frozen=True, slots=True)
class BootParameters:
    """What the kernel has to be told.

    Attributes
    ----------
    parameters
        Values of ``pci=``; none = the kernel does it by itself.
    kernels
        Engines of the kernels that do.
    elsewhere
        BARs that the first of them puts at another address than the plan does.
    """

    parameters: tuple[str, ...]
    kernels: tuple[str, ...]
    elsewhere: int

    @property
    def line(self) -> str:
        """``pci=realloc,hpmmioprefsize=512M``, or nothing."""
        return f"pci={','.join(self.parameters)}" if self.parameters else ""


def boot_parameters(topology: Topology, planned: Placement, seconds: float) -> BootParameters | None:
    """The fewest parameters with which some kernel gives every BAR an address that has one in the plan.

    The registers at that boot are taken to be today's. ``None`` where none were found within ``seconds``.
    """
    ground = Ground(topology, planned)
    wanted = frozenset(key for key, at in ground.planned.bars.items() if at is not None)
    new = [key for key in wanted if ground.bars[key].address is None]
    short = {
        key: (ground.bars[key].prefetchable, ground.bars[key].span) for key in new if ground.bars[key].space != "io"
    }
    trials = KernelTrials(topology, Request(), Budget(time.monotonic() + seconds, seconds))
    way = trials.way(wanted, short, _near(ground, new), seconds)
    if way is None:
        return None
    options = tuple(tuple(one.split("=", 1)) if "=" in one else (one, "on") for one in way.parameters)
    trial = next(
        (trial for (name, made), trial in trials.done.items() if name == way.kernels[0] and made == options), None
    )
    placement = ground.today if trial is None else trial.placement
    elsewhere = sum(placement.bars.get(key) != ground.planned.bars.get(key) for key in wanted)
    return BootParameters(way.parameters, way.kernels, elsewhere)


def _near(ground: Ground, new: list[BarKey]) -> list[str]:
    """The bridges above what is new, those on the root bus first."""
    found: dict[str, int] = {}
    for key in new:
        if ground.bars[key].space != "io":
            for depth, bridge in enumerate(reversed(ground.above[key.function])):
                found.setdefault(bridge.address, depth)
    return sorted(found, key=lambda name: found[name])[:_NAMED]
