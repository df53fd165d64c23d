"""What keeps its place: immovable BARs, and every window with one of them inside, with all that stands in it.

coreboot knows fixed resources only as holes in the space of a domain: a bridge window never covers one, so a fixed
BAR behind a bridge would be cut off. Here such a window is itself a fixed resource, a hole that stays as it is,
because coreboot has no way of packing around something inside a window.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from models.resources import Range, Space
from models.topology import Bar, BarKey, Bus, Function, RootBus, WindowKey


@dataclass(slots=True)
class Fixed:
    """What stays below one root bus.

    Attributes
    ----------
    holes
        Ranges of CPU addresses that nothing else is put into, by space.
    cut_off
        BARs without an address that nobody assigns: fixed ones, and those behind a CardBus bridge.
    """

    bars: set[BarKey] = field(default_factory=set)
    windows: set[WindowKey] = field(default_factory=set)
    holes: dict[Space, list[Range]] = field(default_factory=lambda: {"io": [], "mem": []})
    cut_off: set[BarKey] = field(default_factory=set)


def find_fixed(root: RootBus, immovable: Collection[BarKey]) -> Fixed:
    """Find what stays, from immovable BARs up to the root bus, then down again into the windows that stay."""
    fixed = Fixed()
    buses = list(_buses(Bus(root)))
    for bus in buses:
        behind_cardbus = _is_behind_cardbus(bus)
        for function in bus.functions:
            for bar in function.bars:
                key = BarKey(function.address, bar.index)
                if bar.range is None and (bar.fixed or behind_cardbus):
                    fixed.cut_off.add(key)
                elif bar.range is not None and (key in immovable or bar.fixed or behind_cardbus):
                    fixed.bars.add(key)
                    _fix_around(bus, bar.space, bar.range, fixed)
            for window in function.bridge.cardbus if function.bridge is not None else ():
                fixed.holes[window.space].append(window.range)
                _fix_around(bus, window.space, window.range, fixed)
    for bus in buses:
        for function in bus.functions:
            _fix_inside(bus, function, fixed)
    return fixed


def _fix_around(bus: Bus, space: Space, range_: Range, fixed: Fixed) -> None:
    """Every window that leads to ``range_`` stays."""
    found = holder(bus, space, range_)
    while found is not None:
        key, around, outer = found
        if key in fixed.windows:
            return
        fixed.windows.add(key)
        found = holder(outer, space, around)


def _fix_inside(bus: Bus, function: Function, fixed: Fixed) -> None:
    """What stands in a window that stays stays too."""
    for bar in function.bars:
        key = BarKey(function.address, bar.index)
        if bar.range is not None and _stays_around(bus, bar, fixed):
            fixed.bars.add(key)
        if key in fixed.bars and bar.range is not None:
            fixed.holes[bar.space].append(bar.range)
    for window in function.bridge.windows if function.bridge is not None else ():
        window_key = WindowKey(function.address, window.kind)
        if window.range is None:
            continue
        found = holder(bus, window.space, window.range)
        if found is not None and found[0] in fixed.windows:
            fixed.windows.add(window_key)
        if window_key in fixed.windows:
            fixed.holes[window.space].append(window.range)


def _stays_around(bus: Bus, bar: Bar, fixed: Fixed) -> bool:
    assert bar.range is not None
    found = holder(bus, bar.space, bar.range)
    return found is not None and found[0] in fixed.windows


def holder(bus: Bus, space: Space, range_: Range) -> tuple[WindowKey, Range, Bus] | None:
    """The bridge window that holds ``range_`` on ``bus`` today, and the bus on which its bridge stands.

    Behind a subtractive bridge a window of the bus above may hold it.
    """
    here: Bus | None = bus
    while here is not None and here.bridge is not None and here.bridge.bridge is not None:
        for window in here.bridge.bridge.windows:
            if window.space == space and window.range is not None and window.range.contains(range_):
                assert here.parent is not None
                return WindowKey(here.bridge.address, window.kind), window.range, here.parent
        here = here.parent if here.bridge.bridge.subtractive else None
    return None


def _is_behind_cardbus(bus: Bus) -> bool:
    return any(
        inner.bridge is not None and inner.bridge.bridge is not None and bool(inner.bridge.bridge.cardbus)
        for inner in _upwards(bus)
    )


def _upwards(bus: Bus) -> Iterator[Bus]:
    step: Bus | None = bus
    while step is not None:
        yield step
        step = step.parent


def _buses(bus: Bus) -> Iterator[Bus]:
    yield bus
    for function in bus.functions:
        if function.bridge is not None:
            yield from _buses(Bus(bus.root, function, bus))
