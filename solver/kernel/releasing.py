"""What a retry releases: the window around each failed resource, and what that drags along."""

from __future__ import annotations

from solver.kernel.assigning import FailList
from solver.kernel.context import Context
from solver.kernel.resource import Resource
from solver.kernel.tree import Bus
from solver.kernel.window_choice import select_window, window_of_type


def release_and_restore(context: Context, failed: FailList, *, whole_subtree: bool) -> None:
    """Release windows for every failure, then give the failed resources their sizes back.

    Parameters
    ----------
    whole_subtree
        Release also the windows of bridges further down; otherwise only a bus without bridges is touched.
    """
    done: set[object] = set()
    for resource, _ in failed.failed:
        assert resource.device is not None
        bus = resource.device.bus
        if context.rules.releases_selected_window:
            window = select_window(bus, resource)
            if window is not None and window not in done:
                done.add(window)
                _release_selected(context, bus, window, whole_subtree)
        else:
            _release_by_type(context, bus, resource, whole_subtree, done)
    for resource, state in failed.failed:
        if resource.parent is None:
            resource.restore(state)


def _release_by_type(context: Context, bus: Bus, resource: Resource, whole_subtree: bool, done: set[object]) -> None:
    """Every window of the failed type, from the leaves up to the bridge that leads to ``bus``.

    A prefetchable window that failed in the try before does not exist: the memory window is released in its place.
    ``done`` holds what was released for the failures before: a second time would find nothing.
    """
    this = (bus, resource.io, resource.pref, resource.m64)
    if this in done:
        return
    done.add(this)
    leaf = True
    for child in bus.children:
        leaf = False
        if whole_subtree and not _is_cardbus(child):
            _release_by_type(context, child, resource, whole_subtree, done)
    if bus.bridge is None or _is_cardbus(bus) or not (whole_subtree or leaf):
        return
    window = window_of_type(bus, resource)
    if window is not None and not window.present and not window.io:
        window = bus.bridge.window("mem")
    if window is not None and window.parent is not None:
        _release(context, window)


def _release_selected(context: Context, bus: Bus, window: Resource, whole_subtree: bool) -> None:
    """This window of ``bus`` and, with the whole subtree, those further down that stand in it."""
    leaf = True
    for child in bus.children:
        leaf = False
        if not whole_subtree or _is_cardbus(child):
            continue
        for inner in list(child.windows):
            if inner.parent is window:
                _release_selected(context, child, inner, whole_subtree)
    if bus.bridge is not None and not _is_cardbus(bus) and (whole_subtree or leaf) and window.parent is not None:
        _release(context, window)


def _release(context: Context, window: Resource) -> None:
    context.journal.released(window)
    window.release()


def _is_cardbus(bus: Bus) -> bool:
    return bus.bridge is not None and bus.bridge.cardbus
