"""The greedy engines' placements as plans to fall back on: one root bus at a time, as many as there is time for.

Root buses do not meet, so the best of several greedy placements is put together
from the best for each, and where one engine leaves nothing out, no other is asked.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from models.legality import new_breaches
from models.mobility import Mobility
from models.placement import Placement
from models.resizing import release
from models.topology import BarKey, Topology
from solver.arrangement import Arrangement
from solver.coreboot.engine import place as place_by_coreboot
from solver.cpsat.capacity import least_unplaced
from solver.cpsat.limits import Limits
from solver.cpsat.worth import lowest, worth
from solver.kernel.engine import place as place_by_kernel
from solver.problem import Problem, choices
from solver.request import Request

Greedy = Callable[[Topology, frozenset[BarKey]], Placement]
"""From a machine, and what may not move in it, to the placement of an engine."""

_KERNELS: tuple[Greedy, ...] = (
    lambda topology, _: place_by_kernel(topology, "linux-7"),
    lambda topology, _: place_by_kernel(topology, "linux-6.1"),
)


_AT_BOOT: tuple[Greedy, ...] = (_KERNELS[0], place_by_coreboot, _KERNELS[1])
"""Where nothing stands."""

_IN_A_HURRY: tuple[Greedy, ...] = (place_by_coreboot, *_KERNELS)
"""The same where there may be time for one only: the quickest first, which leaves out least where all have room."""

_HURRY = 0.001
"""Seconds left for each BAR with which there is no hurry."""

_LEISURE = 0.003
"""Seconds left for each BAR with which what needs no greedy plan comes first."""

_AMPLE = 10.0
"""How many times what one more engine may take has to be left, to ask it for more than a place for each BAR."""


@dataclass(slots=True)
class _Start:
    """One root bus.

    Attributes
    ----------
    least
        A bound of the BARs without a place.
    greedies
        The engines to ask, in order.
    best, values
        The best placement, and what it is worth.
    seconds
        What has been spent here.
    """

    problem: Problem
    least: int
    greedies: tuple[Greedy, ...]
    best: Arrangement | None = None
    values: list[int] | None = None
    seconds: float = 0.0


class Greedies:
    """Asks greedy engines for placements.

    Parameters
    ----------
    latest
        On the monotonic clock: when no engine is asked any more just to give more BARs a place.
    """

    def __init__(self, topology: Topology, request: Request, movement: Mobility, limits: Limits, latest: float) -> None:
        self.topology, self.request = topology, request
        self.immovable, self.windows = movement.immovable, movement.windows
        self.limits, self.latest = limits, latest
        self.starts: list[_Start] = []
        self.hurry = False
        self.sizes = {key: sizes[0] for key, sizes in request.sizes(topology).items() if len(sizes) == 1}

    def come_first(self, problems: Sequence[Problem]) -> bool:
        """Whether there is little time: then a plan to fall back on is the first thing to have."""
        return self._is_short_of(_LEISURE, problems)

    def ask(self, problems: Sequence[Problem]) -> list[Arrangement | None]:
        """For each problem the best greedy placement that breaks no rule, where something has no address yet."""
        self.hurry = self._is_short_of(_HURRY, problems)
        starts = self.starts = [self._start(problem) for problem in problems]
        try:
            for number in range(len(_AT_BOOT)):
                for start in starts:
                    if number < len(start.greedies) and self._is_worthwhile(start, number):
                        self._ask(start, start.greedies[number])
        except KeyboardInterrupt:
            self.limits.interrupt()
        return [start.best for start in starts]

    def _is_short_of(self, seconds: float, problems: Sequence[Problem]) -> bool:
        """Whether fewer seconds than that are left for each BAR."""
        return self.limits.left < seconds * sum(len(problem.bars) for problem in problems)

    def _start(self, problem: Problem) -> _Start:
        waiting = [bar for bar in problem.bars if bar.choice is None and bar.required and not bar.kept]
        if not waiting and not any(choice.required and not choice.kept for choice in choices(problem.bars)):
            return _Start(problem, 0, ())
        least = least_unplaced(problem)
        if self.request.window_rule == "kernel" or any(bar.kept for bar in problem.bars):  # coreboot has another rule
            return _Start(problem, least, _KERNELS)
        # Where root windows are too small, coreboot leaves out a whole window with all that is in it.
        return _Start(problem, least, _IN_A_HURRY if self.hurry and not least else _AT_BOOT)

    def _is_worthwhile(self, start: _Start, number: int) -> bool:
        """Whether to ask one more engine: for places as long as can be, for the rest where it takes next to nothing."""
        if number == 0:
            return True
        if self.limits.interrupted or start.values == self._lowest(start.problem):
            return False
        leaves_out = start.values is None or start.values[0] > start.least
        if leaves_out and self.request.minimize[0] == "unplaced" and time.monotonic() < self.latest:
            return True
        return _AMPLE * start.seconds * len(self.starts) < self.limits.left

    def _lowest(self, problem: Problem) -> list[int]:
        return [lowest(name, problem.bars, problem.windows) for name in self.request.minimize]

    def _ask(self, start: _Start, greedy: Greedy) -> None:
        """Take what an engine finds, if it is better."""
        begun = time.monotonic()
        problem, part = start.problem, replace(self.topology, root_buses=(start.problem.root,))
        sizes = {key: self.sizes[key] for key, _ in part.bars() if key in self.sizes} if self.sizes else {}
        placement = replace(greedy(release(part, sizes), self.immovable), sizes=sizes)
        found = as_arrangement(problem, placement)
        if found is not None:
            worths = worth(problem.bars, problem.windows, found)
            values = [worths[name] for name in self.request.minimize]
            if (start.values is None or values < start.values) and self._is_legal(part, placement):
                start.values, start.best = values, found
        start.seconds += time.monotonic() - begun

    def _is_legal(self, part: Topology, placement: Placement) -> bool:
        return not new_breaches(part, placement, immovable=self.immovable, windows=self.windows, whole=self.topology)


def as_arrangement(problem: Problem, placement: Placement) -> Arrangement | None:
    """A placement in the coordinates of a problem; none where a window breaks a rule in another way than today."""
    arrangement = Arrangement()
    for bar in problem.bars:
        at = placement.bars.get(bar.key) if bar.movable else None
        if bar.choice is not None:  # the item of the size it has there stands for it
            key = bar.choice.key
            same = placement.sizes[key] == bar.size if key in placement.sizes else bar.today is not None
            at = placement.bars.get(key) if same else None
        arrangement.bars[bar.key] = None if at is None else problem.coordinates.of(bar.space, at)
    for window in problem.windows:
        range_ = placement.windows.get(window.key)
        span = None if range_ is None else problem.coordinates.of_range(window.space, range_)
        arrangement.windows[window.key] = span
        if not window.tolerated or span is None or span == window.today:
            continue
        if (span[0] | span[1]) % window.granularity:
            return None
    return arrangement
