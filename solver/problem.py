"""A placement problem: what has to stand somewhere below one root bus.

It lists, in coordinates (:mod:`solver.coordinates`), every BAR and bridge
window, where it may stand and where it is today. It contains no solver, and is
built from a topology in :mod:`solver.building`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from models.resources import FunctionAddress, Range, Space
from models.topology import RootBus
from solver.coordinates import Coordinates
from solver.items import (
    BarItem,
    BusNode,
    Choice,
    Span,
    WindowItem,
    accepts,
    choices,
    overlap,
    unplaceable,
)

__all__ = [
    "BarItem",
    "BusNode",
    "Choice",
    "Problem",
    "Span",
    "WindowItem",
    "accepts",
    "choices",
    "cpu_range",
    "overlap",
    "unplaceable",
]

Found = TypeVar("Found")


@dataclass(slots=True)
class Problem:
    """Everything that can be placed under one root bus.

    Attributes
    ----------
    reserved
        Reserved ranges in coordinates, by space.
    warnings
        Breaches of today that no plan can mend, in words.
    """

    root: RootBus
    coordinates: Coordinates
    buses: list[BusNode] = field(default_factory=list)
    bars: list[BarItem] = field(default_factory=list)
    windows: list[WindowItem] = field(default_factory=list)
    reserved: dict[Space, list[Span]] = field(default_factory=lambda: {"io": [], "mem": []})
    warnings: list[str] = field(default_factory=list)
    _known: dict[str, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    def once(self, name: str, work_out: Callable[[Problem], Found]) -> Found:
        """What ``work_out`` says of this problem as it was built: asked for the first time only."""
        if name not in self._known:
            self._known[name] = work_out(self)
        found: Found = self._known[name]
        return found

    def kept_clear(self, space: Space) -> list[Span]:
        """Reserved ranges that no bridge window may touch: those that one touches today it may touch anywhere."""
        touched = self.once("touched", _touched)
        return [span for span in self.reserved[space] if span not in touched]

    @property
    def atoms(self) -> list[FunctionAddress]:
        """The functions of the root bus that have something to place at or below them."""
        return list(dict.fromkeys([item.atom for item in self.windows] + [item.atom for item in self.bars]))


def _touched(problem: Problem) -> frozenset[object]:
    return frozenset[object]().union(*(window.exempt for window in problem.windows))


def cpu_range(problem: Problem, space: Space, span: Span) -> Range:
    """The CPU range of coordinates."""
    return Range.of(problem.coordinates.address(space, span[0]), span[1] - span[0])
