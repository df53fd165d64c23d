"""How many virtual functions of a function fit, with proof.

A placement with room for some number of VFs has room for fewer: a block of VF BARs is aligned to one VF whatever
their number, so it can be cut at its end and everything else stay where it is. What cannot be placed therefore
never gets less with more VFs, and bisection finds the largest number.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

from models.edit import with_vfs
from models.plan import Status
from models.resources import FunctionAddress
from models.topology import Topology
from solver.engines import Engine, Progress, engine
from solver.request import Request

_NOWHERE = (1 << 62, 1 << 62)
"""What stays out where no legal placement exists at all."""


@dataclass(frozen=True, slots=True)
class VfCount:
    """How many VFs of a function fit.

    Attributes
    ----------
    total
        The VFs it has (TotalVFs).
    fit
        The most for which a legal, checked plan was found that leaves out no more required BARs than one with no VFs;
        ``None`` where there is none, not even for 0.
    too_many
        The fewest that were proved not to fit; ``None`` = none were.
    interrupted
        The user asked to stop.
    """

    function: FunctionAddress
    total: int
    fit: int | None
    too_many: int | None
    interrupted: bool = False

    @property
    def proved(self) -> bool:
        """Whether ``fit`` is the largest number."""
        return self.fit is not None and (self.fit == self.total or self.too_many == self.fit + 1)

    def __str__(self) -> str:
        if self.fit is None:
            return f"no number of VFs of {self.function} was found to fit: not even without VFs is there a plan"
        text = f"{self.fit} of {self.total} VFs of {self.function} fit"
        if self.fit == self.total:
            return text
        known = ""
        if self.too_many is not None:
            known = f"proved: {self.too_many} {'does' if self.too_many == 1 else 'do'} not"
        if not self.proved:
            known = f"{known}; " * bool(known) + "time ran out for those in between"
        return f"{text} ({known})"


def how_many_fit(
    topology: Topology,
    function: FunctionAddress,
    total: int,
    request: Request,
    progress: Progress | None = None,
    *,
    run: Engine | None = None,
) -> VfCount:
    """The most VFs of a function for which as few required BARs stay out as without any.

    Parameters
    ----------
    total
        The VFs it has.
    request
        Its objectives mean nothing here; its time limit is for all of the search.
    run
        An exact engine; ``cp-sat`` unless given.
    """
    tell = progress or (lambda line: None)
    search = _Search(topology, function, request, run or engine("cp-sat"))
    low, high = 0, total + 1
    best = search.reach(0)
    if best is None:
        return VfCount(function, total, None, None, search.interrupted)
    wanted = total
    while low + 1 < high:
        tell(f"do {wanted} of {total} VFs of {function} fit?")
        fits = search.fits(wanted)
        if fits is None:
            break
        low, high = (wanted, high) if fits else (low, wanted)
        wanted = (low + high) // 2
    return VfCount(function, total, low, high if high <= total else None, search.interrupted)


class _Search:
    """Asks the engine for one number of VFs at a time."""

    def __init__(self, topology: Topology, function: FunctionAddress, request: Request, run: Engine) -> None:
        self.topology, self.function, self.run = topology, function, run
        self.request = replace(request, minimize=("unplaced",), whole_functions=False)
        self.deadline = None if request.time_limit is None else time.monotonic() + request.time_limit
        self.without: tuple[int, int] = (0, 0)
        self.interrupted = False

    def reach(self, count: int) -> tuple[int, int] | None:
        """What stays out with ``count`` VFs, at least and at most; ``None`` where there is no plan."""
        limit = None if self.deadline is None else max(0.1, (self.deadline - time.monotonic()) / 2)
        request = replace(self.request, time_limit=limit)
        result = self.run(with_vfs(self.topology, self.function, count), request, None)
        self.interrupted |= result.interrupted
        if count and result.plan.status is Status.INFEASIBLE:
            return _NOWHERE
        if not result.legal:
            return None
        unplaced = next(objective for objective in result.plan.objectives if objective.name == "unplaced")
        reached = (unplaced.bound or 0, unplaced.value or 0)
        if count == 0:
            self.without = reached
        return reached

    def fits(self, count: int) -> bool | None:
        """Whether so many VFs fit; ``None`` where that was not found out."""
        if self.interrupted or (self.deadline is not None and time.monotonic() > self.deadline):
            return None
        reached = self.reach(count)
        if reached is None:
            return None
        least, most = reached
        if most <= self.without[0]:
            return True
        return False if least > self.without[1] else None
