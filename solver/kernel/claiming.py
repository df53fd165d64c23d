"""Claiming what the firmware, or the running kernel, left in the registers: whatever can be claimed never moves."""

from __future__ import annotations

from models.resources import Address
from models.topology import Topology
from solver.kernel.context import Context
from solver.kernel.realigning import realign
from solver.kernel.resource import Resource
from solver.kernel.tree import Bus, Tree


def claim(context: Context, tree: Tree, topology: Topology) -> None:
    """Claim windows, then BARs, then put reserved ranges aside, then claim ROMs."""
    claims = context.parameters.firmware == "claim"
    realign(tree, context.parameters.alignments)
    for root in tree.roots:
        if claims:
            _claim_windows(context, root)
            _claim_bars(context, root)
        else:
            _forget(root)
    for reserved in topology.reserved:
        for root in tree.roots:
            for window in [*root.windows, *root.outside]:
                if window.io == (reserved.space == "io"):
                    _reserve(window, reserved.range.start, reserved.range.end)
    for root in tree.roots if claims else ():
        for device in root.walk():
            for resource in device.resources:
                if resource.is_rom and resource.before is not None:
                    _claim(context, device.bus, resource, resource.before)


def _forget(root: Bus) -> None:
    """Bridge windows start closed; BARs without addresses are what they are already."""
    for device in root.walk():
        for resource in device.resources:
            if resource.is_window:
                resource.wipe()


def _claim_windows(context: Context, bus: Bus) -> None:
    for device in bus.devices:
        for window in device.resources:
            if not window.is_window:
                continue
            if window.before is None or not (
                _claim(context, bus, window, window.before) or _claim_clipped(context, bus, window)
            ):
                window.wipe()
        if device.child is not None:
            _claim_windows(context, device.child)


def _claim_bars(context: Context, root: Bus) -> None:
    for device in root.walk():
        for resource in device.resources:
            if resource.is_window or resource.is_rom or resource.before is None:
                continue
            if not _claim(context, device.bus, resource, resource.before) and not resource.fixed:
                resource.remembered = resource.before


def _claim(context: Context, bus: Bus, resource: Resource, start: Address) -> bool:
    """Put ``resource`` at ``start`` if the first window of ``bus`` that holds it allows it and is free there."""
    end = start + resource.size
    window = next(
        (
            window
            for window in bus.windows
            if window.is_open and window.io == resource.io and window.contains(start, end)
        ),
        None,
    )
    if window is None or (window.pref and not resource.pref):
        context.journal.not_claimed(resource, start, "no compatible bridge window")
        return False
    if context.takes_in_windows and resource.is_window and _take_in(window, resource, start, end):
        context.journal.claimed(resource)
        return True
    if not window.gaps.is_free(start, end):
        context.journal.not_claimed(resource, start, "address conflict")
        return False
    window.insert(resource, start)
    context.journal.claimed(resource)
    return True


def _take_in(window: Resource, resource: Resource, start: Address, end: Address) -> bool:
    """Put a bridge window around what was claimed inside it before, which then stands in it."""
    inside = [child for child in window.children if child.start < end and start < child.end]
    if not inside or not all(start <= child.start and child.end <= end for child in inside):
        return False
    places = [(child, child.start, child.gaps) for child in inside]
    for child in inside:
        child.detach()
    window.insert(resource, start)
    for child, at, gaps in places:
        resource.insert(child, at)
        child.gaps = gaps
    return True


def _claim_clipped(context: Context, bus: Bus, window: Resource) -> bool:
    """Try once more with what a window of ``bus`` that overlaps ``window`` leaves of it."""
    assert window.before is not None
    end = window.before + window.size
    for outer in bus.windows:
        if not outer.is_open or outer.io != window.io:
            continue
        low, high = max(outer.start, window.before), min(outer.end, end)
        if low < high:
            if (low, high) == (window.before, end):
                return False  # it is inside, and something else was wrong
            window.size = high - low
            return _claim(context, bus, window, low)
    return False


def _reserve(window: Resource, start: Address, end: Address) -> None:
    """Put a range aside in ``window`` and in the windows inside it, but for BARs that are there already."""
    start, end = max(start, window.start), min(end, window.end)
    if start >= end:
        return
    window.gaps.reserve(start, end)
    for child in window.children:
        if child.is_window:
            _reserve(child, start, end)
