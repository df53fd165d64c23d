"""Where a device that is not there could go in what a kernel made of the machine without it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace

from models.placement import Placement
from models.resources import FOUR_GIB, Address, Range, align_up
from models.topology import Bar, BarKey, Bus, Function, Topology, WindowKey
from solver.items import accepts


def without(topology: Topology, absent: Collection[BarKey]) -> Topology:
    """The machine without the functions of these BARs."""
    gone = {key.function for key in absent}
    return topology.map_functions(lambda function: None if function.address in gone else function)


def with_room(topology: Topology, placement: Placement, absent: Collection[BarKey]) -> Placement:
    """The placement in which each BAR of a device that is not there stands in room that its bus has left, if any.

    Large ones come first, each at the lowest address.
    """
    found = replace(placement, bars=dict(placement.bars))
    waiting = [
        (BarKey(function.address, bar.index), bar, bus)
        for function, bus in topology.functions()
        for bar in function.bars
        if BarKey(function.address, bar.index) in absent
    ]
    for key, bar, bus in sorted(waiting, key=lambda each: -each[1].span):
        found.bars[key] = _first_free(bar, bus, found)
    return found


def _first_free(bar: Bar, bus: Bus, placement: Placement) -> Address | None:
    taken = sorted(_standing(bus.functions, bar, placement), key=lambda range_: range_.start)
    for window in _windows(bus, bar, placement):
        offset = next(
            (one.offset for one in bus.root.windows if one.space == bar.space and window.start in one.range), 0
        )
        end = min(window.end, FOUR_GIB + offset) if bar.space == "mem" and bar.width == 32 else window.end
        start = align_up(window.start - offset, bar.size) + offset
        for other in taken:
            if start < other.end and other.start < start + bar.span:
                start = align_up(other.end - offset, bar.size) + offset
        if start + bar.span <= end:
            return start
    return None


def _windows(bus: Bus, bar: Bar, placement: Placement) -> Iterator[Range]:
    """The open windows that lead to a bus and may hold a BAR, prefetchable ones first."""
    if bus.bridge is None or bus.bridge.bridge is None:
        yield from (
            window.range
            for window in bus.root.windows
            if window.space == bar.space and (bar.prefetchable or not window.prefetchable)
        )
        return
    for window in reversed(bus.bridge.bridge.windows):
        range_ = placement.windows.get(WindowKey(bus.bridge.address, window.kind))
        if range_ is not None and accepts(window.kind, bar.space, bar.prefetchable):
            yield range_


def _standing(functions: Iterable[Function], bar: Bar, placement: Placement) -> Iterator[Range]:
    for function in functions:
        for other in function.bars:
            address = placement.bars.get(BarKey(function.address, other.index))
            if address is not None and other.space == bar.space:
                yield Range.of(address, other.span)
        for window in function.bridge.windows if function.bridge is not None else ():
            range_ = placement.windows.get(WindowKey(function.address, window.kind))
            if range_ is not None and window.space == bar.space:
                yield range_
