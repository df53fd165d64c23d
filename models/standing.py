"""Who stands on which bus in a placement, between which windows: the ground the legality rules are checked on.

This shares nothing with the engines, which have their own view of the same tree.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from models.placement import Placement
from models.resources import ADDRESS_LIMIT, Range, Space
from models.topology import Bar, BarKey, BridgeWindow, Function, RootBus, RootWindow, Topology, WindowKey


@dataclass(slots=True, eq=False)
class Item:
    """A BAR, a bridge window or a CardBus window that has addresses.

    Attributes
    ----------
    bar, window
        What it is; both ``None`` for a CardBus window.
    root_window
        The root window whose offset counts for it; ``None`` where it lies in none.
    """

    name: str
    space: Space
    range: Range
    prefetchable: bool
    root_window: RootWindow | None
    bar: Bar | None = None
    window: BridgeWindow | None = None

    @property
    def offset(self) -> int:
        """CPU address minus bus address; 0 outside every root window."""
        return 0 if self.root_window is None else self.root_window.offset

    @property
    def bus_start(self) -> int:
        """The first bus address."""
        return self.range.start - self.offset

    @property
    def bus_end(self) -> int:
        """The bus address behind the last one."""
        return self.range.end - self.offset

    def __str__(self) -> str:
        return f"{self.name} {self.range}"


@dataclass(slots=True, eq=False)
class Opening:
    """A window as seen from the bus behind it: a bridge's, a CardBus bridge's or the host bridge's."""

    name: str
    space: Space
    range: Range
    prefetchable: bool

    def holds(self, item: Item) -> bool:
        """Whether all of the item lies in this window."""
        return self.space == item.space and self.range.contains(item.range)


@dataclass(slots=True)
class Place:
    """One bus: the windows that lead there and what stands on it.

    Attributes
    ----------
    windows
        The windows of its own bridge, or of the root bus.
    items
        BARs and windows of its own functions.
    subtractive
        Its bridge also passes on what nobody else on the parent bus claims.
    behind
        The buses behind its bridges.
    isa
        A bridge on the way here has its ISA enable bit set.
    vga
        Bridges of other ways whose VGA enable bit is set, on this bus or on one on the way here: each claims VGA ports
        before anything here does. By name, with the bits of a port it looks at.
    """

    name: str
    windows: list[Opening]
    parent: Place | None = None
    subtractive: bool = False
    items: list[Item] = field(default_factory=list)
    behind: list[Place] = field(default_factory=list)
    isa: bool = False
    vga: dict[str, int] = field(default_factory=dict)

    def serving_windows(self) -> list[Opening]:
        """Every window that serves this bus; behind a subtractive bridge the parent's serve too."""
        if not self.subtractive or self.parent is None:
            return self.windows
        return self.windows + self.parent.serving_windows()

    def standing(self) -> list[Item]:
        """Everything that counts as standing on this bus.

        What lies behind a subtractive bridge but outside its windows counts as standing here.
        """
        found = list(self.items)
        for place in self.behind:
            if place.subtractive:
                found += [item for item in place.standing() if not any(window.holds(item) for window in place.windows)]
        return found

    def places(self) -> Iterator[Place]:
        """This bus and all behind it, each before those behind it."""
        yield self
        for place in self.behind:
            yield from place.places()


@dataclass(frozen=True, slots=True)
class Standing:
    """A whole machine in a placement.

    Attributes
    ----------
    beyond
        BARs, with their address, that do not lie within 64 bits; they are in no place.
    """

    places: list[Place]
    beyond: list[tuple[BarKey, Bar, int]]

    @property
    def items(self) -> Iterator[Item]:
        """Everything that has addresses."""
        for place in self.places:
            yield from place.items


def stand(topology: Topology, placement: Placement) -> Standing:
    """Put every BAR and window of ``placement`` on its bus."""
    beyond: list[tuple[BarKey, Bar, int]] = []
    places: list[Place] = []
    for root in topology.root_buses:
        windows = [
            Opening(
                f"bus {root.name} {'prefetchable ' if w.prefetchable else ''}{w.space} window {w.range}",
                w.space,
                w.range,
                w.prefetchable,
            )
            for w in root.windows
        ]
        top = Place(f"bus {root.name}", windows, vga=_vga_bridges(root.functions))
        _put(root.functions, top, root, placement, beyond)
        places.extend(top.places())
    return Standing(places, beyond)


def _put(
    functions: tuple[Function, ...],
    place: Place,
    root: RootBus,
    placement: Placement,
    beyond: list[tuple[BarKey, Bar, int]],
) -> None:
    for function in functions:
        for bar in function.bars:
            key = BarKey(function.address, bar.index)
            address = placement.bars.get(key)
            if address is None:
                continue
            if not 0 <= address <= ADDRESS_LIMIT - bar.span:
                beyond.append((key, bar, address))
                continue
            range_ = Range.of(address, bar.span)
            place.items.append(
                Item(str(key), bar.space, range_, bar.prefetchable, _root_window(root, bar.space, range_), bar=bar)
            )
        if function.bridge is None:
            continue
        behind = Place(f"bus behind {function.address}", [], place, function.bridge.subtractive)
        behind.isa = place.isa or function.bridge.isa
        behind.vga = {name: bits for name, bits in place.vga.items() if name != function.address}
        behind.vga |= _vga_bridges(function.bridge.functions)
        for window in function.bridge.windows:
            window_key = WindowKey(function.address, window.kind)
            open_range = placement.windows.get(window_key)
            if open_range is not None:
                root_window = _root_window(root, window.space, open_range)
                item = Item(
                    str(window_key), window.space, open_range, window.kind == "pref", root_window, window=window
                )
                place.items.append(item)
                behind.windows.append(Opening(item.name, item.space, item.range, item.prefetchable))
        for number, cardbus in enumerate(function.bridge.cardbus):
            name = f"{function.address} CardBus window {number}"
            root_window = _root_window(root, cardbus.space, cardbus.range)
            place.items.append(Item(name, cardbus.space, cardbus.range, cardbus.prefetchable, root_window))
            behind.windows.append(Opening(name, cardbus.space, cardbus.range, cardbus.prefetchable))
        place.behind.append(behind)
        _put(function.bridge.functions, behind, root, placement, beyond)


def _vga_bridges(functions: tuple[Function, ...]) -> dict[str, int]:
    return {one.address: one.bridge.vga for one in functions if one.bridge is not None and one.bridge.vga}


def _root_window(root: RootBus, space: Space, range_: Range) -> RootWindow | None:
    """The root window a range lies in; one that holds only its start where none holds it whole."""
    first: RootWindow | None = None
    for window in root.windows:
        if window.space == space:
            if window.range.contains(range_):
                return window
            if first is None and range_.start in window.range:
                first = window
    return first
