"""The sizing pass: how much every bridge window below a bus requires, and how much it would like."""

from __future__ import annotations

from collections.abc import Iterator

from models.resources import MIB, Size, align_up
from models.topology import WindowKey
from solver.kernel.context import Context, WindowSize
from solver.kernel.fitting import first_fit
from solver.kernel.ordering import OptionalList, is_optional
from solver.kernel.resource import Resource
from solver.kernel.tree import Bus, Device
from solver.kernel.window_alignment import head_alignment, order_of
from solver.kernel.window_choice import memory_by_window

_IO_GRANULARITY = 0x1000
_SMALL_IO = 0x400
"""I/O resources below this size are subject to ISA aliases."""


def size_bridges(context: Context, bus: Bus, optional: OptionalList | None) -> None:
    """Size the windows of every bridge below ``bus``, and of the bridge that leads to it, from the leaves up.

    Without an optional list everything optional is required.
    """
    for child in bus.children:
        size_behind(context, child, optional)
    if bus.bridge is None:
        return
    _refresh(bus.bridge)
    parameters = context.parameters
    io_extra, memory_extra, prefetchable_extra = (
        (parameters.io_reserve, parameters.memory_reserve, parameters.prefetchable_reserve)
        if bus.bridge.hotplug
        else (0, 0, 0)
    )
    io, memory, prefetchable = (bus.bridge.window(kind) for kind in ("io", "mem", "pref"))
    if io is not None:
        _size_io(context, bus, io, io_extra, optional)
    by_window = memory_by_window(context.rules, bus, _memory(context, bus))
    if not by_window.has_prefetchable:
        memory_extra += prefetchable_extra
    if prefetchable is not None:
        _MemorySizing(context, bus, prefetchable, optional).size(by_window.prefetchable, prefetchable_extra)
    if memory is not None:
        _MemorySizing(context, bus, memory, optional).size(by_window.memory, memory_extra)


def size_behind(context: Context, bus: Bus, optional: OptionalList | None) -> None:
    """Size the windows of the bridge that leads to ``bus``, CardBus or not, and of all below."""
    assert bus.bridge is not None
    if bus.bridge.cardbus:
        _size_cardbus(context, bus.bridge, optional)
    else:
        size_bridges(context, bus, optional)


def _refresh(bridge: Device) -> None:
    """A window that the bridge implements exists again, whatever became of it before."""
    for window in bridge.resources:
        if window.is_window and window.parent is None:
            window.present, window.disabled = True, False


def _on_bus(context: Context, bus: Bus) -> Iterator[Resource]:
    """What stands on ``bus`` and has no address."""
    for device in bus.devices:
        if context.rules.untouched_are_sized or not device.untouched:
            for resource in device.resources:
                if resource.present and not resource.disabled and resource.parent is None:
                    yield resource


def _memory(context: Context, bus: Bus) -> list[Resource]:
    return [resource for resource in _on_bus(context, bus) if not resource.io and not resource.fixed]


def _size_cardbus(context: Context, bridge: Device, optional: OptionalList | None) -> None:
    """The windows of a CardBus bridge have fixed sizes."""
    for window in bridge.resources:
        if window.is_window and window.parent is None:
            window.present, window.size = True, window.natural
            if optional is not None:
                window.size = 0
                optional.push(window, window.natural, window.natural)


# -- I/O ------------------------------------------------------------------------------------------------------------


def _size_io(context: Context, bus: Bus, window: Resource, extra: Size, optional: OptionalList | None) -> None:
    if window.parent is not None:
        return
    small = large = children = 0
    alignment = _IO_GRANULARITY
    for resource in (resource for resource in _on_bus(context, bus) if resource.io):
        if resource.size < _SMALL_IO:
            small += resource.size
        else:
            large += resource.size
        alignment = max(alignment, resource.alignment)
        entry = optional.get(resource) if optional is not None else None
        children += entry.extra if entry else 0
    if optional is None:
        small = max(small, extra)
    if context.parameters.isa:
        small = small % 256 + 4 * (small - small % 256)
    must = align_up(max(small + large, window.size), alignment)
    most = must
    if optional is not None and (extra or children):
        if context.rules.io_old_size_covers_children:
            most = align_up(max(max(small + large, extra) + children, window.size), alignment)
        else:
            most = align_up(max(small + large, window.size, extra) + children, alignment)
    record(context, bus, window, WindowSize(must, most, alignment, alignment), optional)


def record(context: Context, bus: Bus, window: Resource, size: WindowSize, optional: OptionalList | None) -> None:
    """Note what a window requires, and put what it would like on the optional list."""
    if isinstance(window.key, WindowKey):
        context.sizes[window.key] = size
        context.journal.decide("sized", window, size.must, size.alignment, _why_sized(context, window, size))
    if size.must == 0 and size.optional == 0:
        if context.rules.failed_window_kept:
            window.size, window.disabled = 0, True
        else:
            window.wipe()
        return
    window.size, window.stash = size.must, size.alignment
    if optional is None:
        return
    better = context.rules.optional_alignment and size.optional_alignment > size.alignment
    if size.optional > size.must or (better and not window.io):
        extra = size.optional - size.must
        optional.push(window, extra, size.optional_alignment)
        context.journal.optional(window, bus, extra, size.optional_alignment)


def _why_sized(context: Context, window: Resource, size: WindowSize) -> str:
    if size.must == 0:
        why = "nothing behind it is required"
    elif window.io:
        why = "the sum of what is behind it"
    else:
        step = "its alignment" if context.rules.size_rounded_to_head else "1 MiB"
        why = f"the sum of what is behind it, rounded to {step}; alignment: {context.rules.head_alignment}"
    extra = size.optional - size.must
    return f"{why}; {extra:#x} optional bytes" if extra > 0 else why


# -- memory ---------------------------------------------------------------------------------------------------------


class _MemorySizing:
    """One memory or prefetchable window."""

    def __init__(self, context: Context, bus: Bus, window: Resource, optional: OptionalList | None) -> None:
        self.context = context
        self.rules = context.rules
        self.bus = bus
        self.window = window
        self.optional = optional
        self.total = 0
        self.children = 0
        self.children_alignment = 0
        self.buckets = [0] * self.rules.alignment_orders
        self.largest = 0

    def size(self, resources: list[Resource], extra: Size) -> None:
        """Size the window for ``resources`` and the reserve of a hotplug bridge."""
        if self.window.parent is not None:
            return
        for resource in resources:
            if self.optional is not None and is_optional(resource, self.rules):
                self._count_optional(resource, self.optional)
            else:
                self._count(resource)
            entry = self.optional.get(resource) if self.optional is not None and resource.is_window else None
            if entry is not None:
                self.children += entry.extra
                self.children_alignment = max(self.children_alignment, entry.alignment)
        head = head_alignment(self.rules.head_alignment, self.buckets, self.largest)
        floor = extra if self.optional is None else 0
        old = self.window.size if self.rules.memory_keeps_old_size else 0
        step = head if self.rules.size_rounded_to_head else MIB
        must = align_up(max(self.total, floor, old), step)
        relaxed = self.rules.relaxed_must and must > 0 and not self._upstream_fits(must, head)
        if relaxed:
            head, must = self._relaxed_head(head), align_up(max(self.total, floor, old), MIB)
        optional_alignment = max(head, self.children_alignment)
        most = must
        if self.optional is not None and (extra or self.children):
            whole = max(self.total, old, extra) + self.children
            step = optional_alignment if self.rules.size_rounded_to_head else MIB
            most = align_up(whole, step)
            if self.rules.relaxed_optional and not self._upstream_fits(most, optional_alignment):
                head, most = self._relaxed_head(head), align_up(whole, MIB)
                optional_alignment = max(head, self.children_alignment)
        record(self.context, self.bus, self.window, WindowSize(must, most, head, optional_alignment), self.optional)

    def _count_optional(self, resource: Resource, optional: OptionalList) -> None:
        self.children += resource.size
        self.children_alignment = max(self.children_alignment, resource.alignment)
        if self.rules.optional_keeps_size:
            if optional.get(resource) is None:
                optional.push(resource, 0, resource.alignment)
        else:
            optional.push(resource, resource.size, resource.alignment)
            resource.size = 0

    def _count(self, resource: Resource) -> None:
        alignment = resource.alignment
        order = order_of(alignment) if alignment else 0
        if order >= self.rules.alignment_orders:
            self.context.journal.bad_alignment(resource)
            resource.present = False
            return
        self.total += max(resource.size, alignment)
        if resource.size <= alignment or self.rules.large_items_fill:
            self.buckets[order] += alignment
        self.largest = max(self.largest, order)

    def _relaxed_head(self, head: Size) -> Size:
        largest = MIB << self.largest
        return min(head, largest) if self.rules.relaxed_head == "smaller of both" else largest

    def _upstream_fits(self, size: Size, alignment: Size) -> bool:
        """Whether the nearest assigned window of this type upstream, below the root, has a gap; true without one."""
        bus, without = self.bus.parent, 0
        while bus is not None and bus.bridge is not None:
            for window in bus.windows:
                if (
                    window.parent is not None
                    and not window.io
                    and window.pref == self.window.pref
                    and window.m64 == self.window.m64
                ):
                    return first_fit(self.context, window, size, alignment) is not None
            bus, without = bus.parent, without + 1
        at_boot = self.context.parameters.event.kind == "boot"
        return not (self.rules.relaxed_without_space and at_boot and without > 1)
