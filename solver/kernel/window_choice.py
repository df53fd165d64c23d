"""Which window of its bus a resource belongs to, for sizing and for releasing."""

from __future__ import annotations

from dataclasses import dataclass, field

from solver.kernel.resource import Resource
from solver.kernel.rules import Rules
from solver.kernel.tree import Bus


@dataclass(slots=True)
class MemoryByWindow:
    """The memory of one bus, by the window that has to hold it.

    Attributes
    ----------
    has_prefetchable
        The bus has a window for prefetchable memory; without one, its hotplug reserve goes to the other window.
    """

    has_prefetchable: bool
    memory: list[Resource] = field(default_factory=list)
    prefetchable: list[Resource] = field(default_factory=list)


def memory_by_window(rules: Rules, bus: Bus, resources: list[Resource]) -> MemoryByWindow:
    """Split the unassigned memory behind a bridge.

    A prefetchable window of 64 bits takes what is prefetchable and has 64 bits, one of 32 bits takes what is
    prefetchable; the rest goes to the memory window.
    """
    assert bus.bridge is not None
    own = bus.bridge.window("pref")
    # Masks of type bits also match the parent's windows behind a subtractive bridge.
    candidates = [own] if rules.selects_window else bus.windows
    split = MemoryByWindow(any(window is not None and window.pref for window in candidates))
    for resource in resources:
        fits = resource.pref and split.has_prefetchable and (resource.m64 or own is None or not own.m64)
        (split.prefetchable if fits else split.memory).append(resource)
    return split


def select_window(bus: Bus, resource: Resource) -> Resource | None:
    """The window of ``bus`` that serves a resource of this type, assigned or not."""
    if resource.parent is not None:
        return resource.parent
    return _on_root_bus(bus, resource) if bus.bridge is None else window_of_type(bus, resource)


def window_of_type(bus: Bus, resource: Resource) -> Resource | None:
    """The window, of the bridge that leads to ``bus``, for the type of ``resource``."""
    assert bus.bridge is not None
    if resource.io:
        return bus.bridge.window("io")
    prefetchable = bus.bridge.window("pref")
    if resource.pref and prefetchable is not None and (resource.m64 or not prefetchable.m64):
        return prefetchable
    return bus.bridge.window("mem")


def _on_root_bus(bus: Bus, resource: Resource) -> Resource | None:
    windows = [window for window in bus.windows if window.io == resource.io]
    for exact in (
        [window for window in windows if (window.pref, window.m64) == (resource.pref, resource.m64)],
        [window for window in windows if window.pref == resource.pref],
        [window for window in windows if not window.pref],
    ):
        if exact:
            return exact[0]
    return None
