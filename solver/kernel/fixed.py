"""Fixed resources: they are where they are, and the kernel only notes them in a window that happens to hold them."""

from __future__ import annotations

from solver.kernel.resource import Resource
from solver.kernel.tree import Bus, Device


def note_fixed(device: Device) -> None:
    """Claim the fixed resources of ``device`` in the nearest window above that holds them; silence where none does.

    The window may be one on a bus far above, although the bridges between do not forward it.
    """
    for resource in device.resources:
        bus: Bus | None = device.bus
        while resource.fixed and resource.present and resource.parent is None and bus is not None:
            _note_on(bus, resource)
            bus = bus.parent


def _note_on(bus: Bus, resource: Resource) -> None:
    assert resource.before is not None
    start, end = resource.before, resource.before + resource.size
    for window in bus.windows:
        same = window.io == resource.io and window.pref == resource.pref
        if window.is_open and same and window.contains(start, end) and window.gaps.is_free(start, end):
            window.insert(resource, start)
            return
