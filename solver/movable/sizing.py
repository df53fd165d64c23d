"""Sizing with hulls: a window is as large as the kernel makes it, and at least as large as its hull."""

from __future__ import annotations

from dataclasses import replace

from models.resources import IO_GRANULARITY, MEMORY_GRANULARITY
from solver.kernel.context import Context
from solver.kernel.ordering import OptionalList
from solver.kernel.resource import Resource
from solver.kernel.sizing import size_bridges
from solver.kernel.tree import Bus
from solver.movable.anchors import Anchors, Hull


def size_windows(context: Context, bus: Bus, anchors: Anchors, optional: OptionalList) -> None:
    """Size every window below ``bus``, and those that lead to it, from the leaves up; what is fixed counts too."""
    for child in bus.children:
        size_windows(context, child, anchors, optional)
    if bus.bridge is None:
        return
    # The kernel's pass over this bus alone: what is below has its sizes, hulls included.
    size_bridges(context, replace(bus, devices=[replace(device, child=None) for device in bus.devices]), optional)
    for window in bus.bridge.resources:
        if window in anchors.hulls:
            cover_hull(window, anchors.hulls[window], optional)


def cover_hull(window: Resource, hull: Hull, optional: OptionalList) -> None:
    """Make ``window`` at least as large as its hull; its optional bytes shrink by what it grows."""
    if not window.present:
        window.present, window.stash = True, IO_GRANULARITY if window.io else MEMORY_GRANULARITY
    growth = hull[1] - hull[0] - window.size
    if growth <= 0:
        return
    window.size += growth
    entry = optional.get(window)
    if entry is not None:
        entry.extra = max(entry.extra - growth, 0)
        if entry.extra == 0:
            optional.drop(window)
