"""Distributing the spare space of a hotplug bridge among the hotplug ports below it, in equal shares."""

from __future__ import annotations

from models.resources import WINDOW_KINDS, Size, WindowKind, align_down, align_up
from solver.kernel.context import Context
from solver.kernel.ordering import OptionalList
from solver.kernel.resource import Resource
from solver.kernel.tree import Bus, Device
from solver.kernel.window_choice import window_of_type

Available = dict[WindowKind, tuple[int, int]]
"""What may be given out, by kind of window: a half-open range, which may be empty."""


def distribute_at_boot(context: Context, bus: Bus, optional: OptionalList | None) -> None:
    """Distribute the windows that the firmware gave to a hotplug bridge, where those of a bridge below are missing.

    Where the kernel sizes everything itself it hands out nothing at boot (as 6.12 behaves, with either firmware).
    """
    above = bus.bridge
    for bridge in _bridges(bus):
        assert bridge.child is not None
        if above is not None and above.hotplug and _has_windows(above) and not _has_windows(bridge):
            _distribute(context, bus, {kind: _assigned(above.window(kind)) for kind in WINDOW_KINDS}, optional)
            return
        distribute_at_boot(context, bridge.child, optional)


def distribute_behind(context: Context, bridge: Device, optional: OptionalList | None) -> None:
    """Distribute what a hotplug bridge has, or is about to get, among what was added behind it."""
    if not bridge.hotplug or bridge.child is None:
        return
    available: Available = {}
    for kind in WINDOW_KINDS:
        window = bridge.window(kind)
        available[kind] = _assigned(window)
        if window is not None and window.wants_place:
            available[kind] = (window.stash, window.stash + window.size)
    _distribute(context, bridge.child, available, optional)


def _has_windows(bridge: Device) -> bool:
    return any(item.is_window and item.parent is not None for item in bridge.resources)


def _assigned(window: Resource | None) -> tuple[int, int]:
    return (0, 0) if window is None or window.parent is None else (window.start, window.end)


def _distribute(context: Context, bus: Bus, available: Available, optional: OptionalList | None) -> None:
    """Let the windows of the bridge that leads to ``bus`` have this much, and pass on what is spare."""
    assert bus.bridge is not None
    available = dict(available)
    for kind in WINDOW_KINDS:
        window = bus.bridge.window(kind)
        if window is None or not window.wants_place or not window.stash:
            continue
        start, end = available[kind]
        available[kind] = (min(align_up(start, window.stash), end), end)
        _resize(context, window, end - available[kind][0], optional)
    bridges = _bridges(bus)
    hotplug = [bridge for bridge in bridges if bridge.hotplug]
    if context.rules.shares_aligned:
        _share_aligned(context, bus, hotplug or bridges, available, optional)
    elif len(bridges) == 1:
        assert bridges[0].child is not None
        _distribute(context, bridges[0].child, available, optional)
    elif hotplug:
        _share(context, bridges, hotplug, available, optional)


def _bridges(bus: Bus) -> list[Device]:
    return [device for device in bus.devices if device.child is not None and not device.cardbus]


def _resize(context: Context, window: Resource, size: Size, optional: OptionalList | None) -> None:
    """Make a window as large as what is available; its optional request is thereby settled."""
    if size in (0, window.size):
        return
    if size < window.size and context.rules.distribution_keeps_required:
        if window.size > _reserve(context, window):
            return
    else:
        window.size = size
    if optional is not None:
        optional.drop(window)


def _reserve(context: Context, window: Resource) -> Size:
    """The hotplug reserve for a window of this kind."""
    if window.io:
        return context.parameters.io_reserve
    return context.parameters.prefetchable_reserve if window.pref else context.parameters.memory_reserve


def _share(
    context: Context,
    bridges: list[Device],
    hotplug: list[Device],
    available: Available,
    optional: OptionalList | None,
) -> None:
    """What normal bridges leave, split equally, to the byte, among hotplug bridges."""
    for bridge in bridges:
        if bridge.hotplug:
            continue
        for kind in WINDOW_KINDS:
            window = bridge.window(kind)
            if window is not None and window.wants_place:
                available[kind] = _without(available[kind], window)
    shares = {kind: (end - start) // len(hotplug) for kind, (start, end) in available.items()}
    for bridge in hotplug:
        assert bridge.child is not None
        given: Available = {kind: (available[kind][0], available[kind][0] + shares[kind]) for kind in WINDOW_KINDS}
        _distribute(context, bridge.child, given, optional)
        available = {kind: (given[kind][1], available[kind][1]) for kind in WINDOW_KINDS}


def _share_aligned(
    context: Context, bus: Bus, bridges: list[Device], available: Available, optional: OptionalList | None
) -> None:
    """What everything on the bus leaves, split equally: a bridge gets what it requires and an aligned share."""
    if not bridges:
        return
    kinds = {window: kind for kind in WINDOW_KINDS if (window := _own(bus, kind)) is not None}
    for device in bus.devices:
        for resource in device.resources:
            window = window_of_type(bus, resource)
            if window is not None and resource.present and not resource.disabled and resource.size:
                available[kinds[window]] = _without(available[kinds[window]], resource)
    shares = {kind: (end - start) // len(bridges) for kind, (start, end) in available.items()}
    for bridge in bridges:
        assert bridge.child is not None
        given: Available = {}
        for kind in WINDOW_KINDS:
            own = bridge.window(kind)
            start, share = available[kind][0], shares[kind]
            required = 0
            if own is not None:
                share = align_down(share, own.stash) if own.stash else share
                required = own.size
            # What the bridge requires was subtracted with the rest; its range reaches down again by that much.
            given[kind] = (max(start - required, 0), start + share)
        _distribute(context, bridge.child, given, optional)
        available = {kind: (given[kind][1], max(available[kind][1], given[kind][1])) for kind in WINDOW_KINDS}


def _own(bus: Bus, kind: WindowKind) -> Resource | None:
    assert bus.bridge is not None
    return bus.bridge.window(kind)


def _without(available: tuple[int, int], resource: Resource) -> tuple[int, int]:
    start, end = available
    gap = align_up(start, resource.alignment) - start if resource.alignment else 0
    return min(start + gap + resource.size, end), end
