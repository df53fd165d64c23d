"""Placing one resource: which windows are asked, in which order, and the first fit inside one."""

from __future__ import annotations

from collections.abc import Iterator

from models.resources import FOUR_GIB, MIB, Address, Size, align_up
from solver.kernel.context import Context
from solver.kernel.resource import Resource
from solver.kernel.tree import Bus

_TOP = 1 << 64
_LOWEST_IO = 0x1000
"""Used where an I/O window begins at 0."""
_BIOS_END = MIB
"""x86 gives no memory below 1 MiB."""
_BELOW_FOUR_GIB = (FOUR_GIB - 2 * MIB, FOUR_GIB)
"""x86 keeps these bus addresses for the firmware."""
_ALIAS_BITS = 0x300
"""ISA devices decode ten bits: only the first 256 bytes of each KiB are free of their aliases."""


def place(context: Context, resource: Resource, alignment: Size) -> bool:
    """Search space for ``resource`` and put it there; both outcomes go to the journal.

    A resource that fits nowhere goes back to where the firmware had it, if that is possible.
    """
    assert resource.parent is None
    found = find(context, resource, resource.size, alignment)
    if found is not None:
        window, start = found
        window.insert(resource, start)
    else:
        context.journal.no_space(resource, alignment)
        if not _back_to_firmware(context, resource):
            context.journal.failed(resource)
            return False
    context.journal.assigned(resource, alignment)
    return True


def grow(context: Context, resource: Resource, extra: Size, alignment: Size) -> bool:
    """Place a window anew with ``extra`` bytes, in place or in another gap; otherwise it stays as it is."""
    window, start, size = resource.parent, resource.start, resource.size
    assert window is not None
    resource.detach()
    found = find(context, resource, size + extra, alignment)
    if found is None:
        window.insert(resource, start)
        context.journal.not_grown(resource, alignment, extra)
        return False
    resource.size = size + extra
    found[0].insert(resource, found[1])
    context.journal.grown(resource, alignment, extra)
    return True


def find(context: Context, resource: Resource, size: Size, alignment: Size) -> tuple[Resource, Address] | None:
    """The window and the address that ``resource`` would get now, with this size."""
    assert resource.device is not None
    bus: Bus | None = resource.device.bus
    while bus is not None:
        for windows in _attempts(bus, resource):
            for low, high in _regions(resource):
                for window in windows:
                    start = first_fit(context, window, size, alignment, low, high)
                    if start is not None:
                        return window, start
        bus = bus.parent if bus.subtractive else None
    return None


def _attempts(bus: Bus, resource: Resource) -> Iterator[list[Resource]]:
    """The windows of ``bus`` in up to three rounds, from the best match of type to the weakest that is allowed."""
    windows = [window for window in bus.windows if window.is_open and window.io == resource.io]
    yield [window for window in windows if window.pref == resource.pref and window.m64 == resource.m64]
    if resource.pref and resource.m64:
        yield [window for window in windows if window.pref]
    if resource.pref or resource.m64:
        yield [window for window in windows if resource.pref or not window.pref]


def _regions(resource: Resource) -> tuple[tuple[int, int], ...]:
    """Bus addresses in the order in which they are tried: what has 64 bits goes above 4 GiB first."""
    return ((FOUR_GIB, _TOP), (0, _TOP)) if resource.m64 else ((0, FOUR_GIB),)


def first_fit(
    context: Context, window: Resource, size: Size, alignment: Size, low: int = 0, high: int = _TOP
) -> Address | None:
    """The lowest address in ``window`` for ``size`` bytes between the bus addresses ``low`` and ``high``."""
    offset = window.offset
    start, end = max(window.start, low + offset), min(window.end, high + offset)
    if start == 0 and window.io:
        start = _LOWEST_IO
    for gap in window.gaps.between(start, end):
        bottom, top = gap
        if context.is_x86 and not window.io:
            bottom, top = _keep_larger_side(bottom - offset, top - offset)
            bottom, top = bottom + offset, top + offset
        at = align_up(bottom, alignment)
        if window.io and context.skips_aliases:
            at = _skip_aliases(at - offset) + offset
        elif context.is_x86:
            at = max(at, _BIOS_END + offset)
        if context.rules.tail_relocation and not window.io:
            at = _relocate_tail(at, bottom, size, alignment)
        if bottom <= at and at + size <= top:
            return at
    return None


def _keep_larger_side(start: int, end: int) -> tuple[int, int]:
    """The gap without the range that the firmware keeps."""
    low, high = _BELOW_FOUR_GIB
    if end <= low or high <= start:
        return start, end
    below, above = max(low - start, 0), max(end - high, 0)
    return (start, low) if below > above else (high, end)


def _skip_aliases(start: int) -> int:
    return align_up(start, 0x400) if start & _ALIAS_BITS else start


def _relocate_tail(start: Address, bottom: Address, size: Size, alignment: Size) -> Address:
    """Put the part that is no multiple of the alignment in front, where there is room."""
    tail = size % alignment
    return start - tail if tail and tail % MIB == 0 and start - bottom >= tail else start


def _back_to_firmware(context: Context, resource: Resource) -> bool:
    """Take the address that the firmware gave and that could not be claimed, if it is free now."""
    device = resource.device
    if resource.remembered is None or device is None:
        return False
    start, end = resource.remembered, resource.remembered + resource.size
    windows = [window for window in device.bus.windows if window.is_open and window.io == resource.io]
    window = next((window for window in windows if window.contains(start, end)), None)
    if window is not None and window.pref and not resource.pref:
        window = None
    if window is None:
        # On a root bus the host bridge is taken to forward everything.
        window = next((rest for rest in device.bus.outside if rest.io == resource.io), None)
    if window is None:
        return False
    context.journal.trying_firmware(resource)
    if not window.gaps.is_free(start, end):
        return False
    window.insert(resource, start)
    return True
