"""Turns what a source saw of one function into the BARs and windows of the topology."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from models.resources import ADDRESS_LIMIT, FOUR_GIB, MIB, WINDOW_KINDS, FunctionAddress, Range, is_power_of_two
from models.sources.bus_tree import is_cardbus
from models.sources.observation import SeenBar, SeenFunction, SeenWindow
from models.topology import (
    BAR_INDICES,
    Bar,
    BarKey,
    BridgeWindow,
    CardbusWindow,
    default_granularity,
    default_optional,
)

LEGACY_IDE_PORTS = (Range(0x1F0, 0x1F8), Range(0x3F4, 0x3F8), Range(0x170, 0x178), Range(0x374, 0x378))
"""Ports an IDE controller in compatibility mode decodes (PCI IDE Controller Specification 1.0)."""

_KILOBYTE = 1 << 10


@dataclass(slots=True)
class Oddities:
    """What was left out or taken differently, counted for the user."""

    without_size: list[BarKey] = field(default_factory=list)
    odd_size: list[BarKey] = field(default_factory=list)
    out_of_reach: list[BarKey] = field(default_factory=list)
    windows_at_zero: list[FunctionAddress] = field(default_factory=list)

    def notes(self) -> list[str]:
        """One line for each kind of oddity."""
        lines = (
            (self.without_size, "BARs with an address and no known size were left out"),
            (self.odd_size, "BARs with a size that is no power of two count as fixed"),
            (self.out_of_reach, "BARs that would end beyond 64 bits count as unassigned"),
            (self.windows_at_zero, "bridge windows at address 0 count as closed"),
        )
        return [f"{len(where)} {text}: {_some([str(w) for w in where])}" for where, text in lines if where]


def _some(names: list[str]) -> str:
    unique = list(Counter(names))
    return ", ".join(unique[:4]) + (", ..." if len(unique) > 4 else "")


def bars_of(function: SeenFunction, oddities: Oddities) -> tuple[Bar, ...]:
    """The BARs of a function in the kernel's order; none for a virtual function."""
    if function.virtual:
        return ()
    bars = []
    for index in BAR_INDICES:
        seen = function.bars.get(index)
        if seen is None:
            continue
        key = BarKey(function.address, index)
        if not seen.size:
            if seen.address is not None:
                oddities.without_size.append(key)
            continue
        bars.append(_bar(seen, seen.size, key, oddities))
    return tuple(bars)


def _bar(seen: SeenBar, size: int, key: BarKey, oddities: Oddities) -> Bar:
    copies = max(seen.copies or 1, 1) if str(seen.index).startswith("vf") else 1
    address = (None if seen.assigned is False else seen.address) or None  # 0 is no address: the kernel's rule
    if seen.index == "rom" and address is not None and (address < MIB or address + size == FOUR_GIB):
        address = None  # a copy in RAM (shadow), or all address bits left set after sizing
    if address is not None and address + size * copies > ADDRESS_LIMIT:
        oddities.out_of_reach.append(key)
        address = None
    fixed = seen.fixed or (address is not None and seen.space == "io" and _is_legacy_ide(address, size))
    if not is_power_of_two(size):
        oddities.odd_size.append(key)
        fixed = True
    width = seen.width
    if width is None:
        width = 64 if seen.space == "mem" and address is not None and address + size > FOUR_GIB else 32
    return Bar(
        index=seen.index,
        space=seen.space,
        size=size,
        width=width if seen.space == "mem" else 32,
        prefetchable=bool(seen.prefetchable) or seen.index == "rom",
        address=address,
        copies=copies,
        sizes=tuple(sorted(seen.sizes)),
        fixed=fixed,
        optional=default_optional(seen.index),
    )


def _is_legacy_ide(address: int, size: int) -> bool:
    return any(ports.contains(Range.of(address, size)) for ports in LEGACY_IDE_PORTS)


def windows_of(function: SeenFunction, oddities: Oddities) -> tuple[BridgeWindow, ...]:
    """The windows of a PCI bridge, closed where no source shows a range; none for a CardBus bridge."""
    if is_cardbus(function):
        return ()
    return tuple(
        _window(function, function.windows.get(kind) or SeenWindow(kind, closed=True), oddities)
        for kind in WINDOW_KINDS
    )


def _window(function: SeenFunction, seen: SeenWindow, oddities: Oddities) -> BridgeWindow:
    range_ = None if seen.closed else seen.range
    if range_ is not None and range_.start == 0:  # the kernel takes 0 for "not assigned", windows and BARs alike
        oddities.windows_at_zero.append(function.address)
        range_ = None
    width = 32
    if seen.kind == "pref":
        width = seen.width or 64
        if range_ is not None and range_.end > FOUR_GIB:
            width = 64
    elif seen.kind == "io":
        width = seen.width or 16
    granularity = seen.granularity or default_granularity(seen.kind)
    if seen.kind == "io" and range_ is not None and (range_.start | range_.end) % granularity:
        granularity = _KILOBYTE if (range_.start | range_.end) % _KILOBYTE == 0 else granularity
    return BridgeWindow(seen.kind, width, range_, granularity)


def cardbus_of(function: SeenFunction) -> tuple[CardbusWindow, ...]:
    """The windows of a CardBus bridge."""
    return tuple(CardbusWindow(space, range_, prefetchable) for space, range_, prefetchable in function.cardbus)
