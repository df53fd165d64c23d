"""The rules every placement must satisfy, stated once; one function for each rule, named after it.

A rule yields a breach for everything that breaks it. Nothing here is shared with an engine.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from models.placement import Placement
from models.resources import (
    FOUR_GIB,
    IO_REACH,
    ISA_BLOCK,
    ISA_PORTS,
    Range,
    Space,
    format_range,
    format_size,
    vga_ports,
)
from models.standing import Item, Opening, Place, Standing, stand
from models.topology import BarKey, Reserved, Topology, WindowKey

LEGACY_RANGES: tuple[tuple[Space, Range], ...] = (
    ("mem", Range.inclusive(0xA0000, 0xBFFFF)),
    ("io", Range.inclusive(0x3B0, 0x3DF)),
    ("io", Range.inclusive(0x1F0, 0x1F7)),
    ("io", Range.inclusive(0x3F4, 0x3F7)),
    ("io", Range.inclusive(0x170, 0x177)),
    ("io", Range.inclusive(0x374, 0x377)),
)
"""VGA (PCI-to-PCI Bridge Architecture 1.2, 3.2.5.18) and IDE in compatibility mode (PCI IDE Controller 1.0, 2.1).

The IDE control blocks are four ports long as a BAR, of which the third (0x3f6, 0x376) is the control port."""


@dataclass(frozen=True, slots=True)
class Breach:
    """One rule broken.

    Attributes
    ----------
    rule
        The name of the rule; ``unknown`` for a key of the placement that the machine does not have.
    parties
        What breaks it, by name and in a fixed order; addresses of BARs and windows are no part of the names.
    message
        One sentence with both parties and their addresses in hex.
    """

    rule: str
    parties: tuple[str, ...]
    message: str

    def __str__(self) -> str:
        return f"{self.rule}: {self.message}"


def check(
    topology: Topology,
    placement: Placement,
    *,
    immovable: Collection[BarKey] = frozenset(),
    droppable: Collection[BarKey] = frozenset(),
    windows: Collection[WindowKey] = frozenset(),
) -> list[Breach]:
    """Everything in which ``placement`` breaks a rule, rule by rule.

    Parameters
    ----------
    immovable
        BARs that may not move; fixed ones never may, listed here or not.
    droppable
        BARs that may lose their address.
    windows
        Bridge windows that may not change.
    """
    standing = stand(placement.sized(topology), placement)
    breaches = [
        *unknown(topology, placement),
        *alignment(standing),
        *nesting(standing),
        *kind(standing),
        *reach(standing),
        *isa(standing),
        *vga(standing),
        *granularity(standing),
        *disjoint(standing),
        *reserved(standing, topology.reserved),
        *not_moved(topology, placement, frozenset(immovable), frozenset(droppable)),
        *not_changed(topology, placement, frozenset(windows)),
        *kept(topology, placement, frozenset(droppable)),
        *size(topology, placement, frozenset(immovable)),
    ]
    once: dict[tuple[str, tuple[str, ...]], Breach] = {}
    for breach in breaches:  # two BARs behind a subtractive bridge can overlap on its bus and on the parent's
        once.setdefault((breach.rule, breach.parties), breach)
    return list(once.values())


def today_breaches(topology: Topology) -> list[Breach]:
    """The rules that the machine breaks as it is."""
    return list(topology.once("breaches", lambda topology: check(topology, Placement.today(topology))))


def new_breaches(
    topology: Topology,
    placement: Placement,
    *,
    immovable: Collection[BarKey] = frozenset(),
    droppable: Collection[BarKey] = frozenset(),
    windows: Collection[WindowKey] = frozenset(),
    whole: Topology | None = None,
) -> list[Breach]:
    """The breaches of ``placement`` that the same parties do not commit today already.

    Parameters
    ----------
    whole
        The machine of which ``topology`` is a part: what it breaks today is worked out once for all parts.
    """
    found = check(topology, placement, immovable=immovable, droppable=droppable, windows=windows)
    tolerated = {(breach.rule, breach.parties) for breach in today_breaches(whole or topology)} if found else ()
    return [breach for breach in found if (breach.rule, breach.parties) not in tolerated]


def alignment(standing: Standing) -> Iterator[Breach]:
    """A BAR's bus address is a multiple of its size (a VF block: of one instance's size); fixed BARs are exempt."""
    for item in standing.items:
        if item.bar is not None and not item.bar.fixed and item.bus_start % item.bar.size:
            yield Breach(
                "alignment",
                (item.name,),
                f"{item} is not aligned to its size, {format_size(item.bar.size)}{_bus_addresses(item)}",
            )


def nesting(standing: Standing) -> Iterator[Breach]:
    """A BAR, and a bridge window, lies whole inside one window of the bus it stands on; legacy ranges are exempt."""
    for place, windows, item in _to_nest(standing):
        if not any(window.holds(item) for window in windows):
            candidates = ", ".join(_with_range(window) for window in windows if window.space == item.space)
            yield Breach(
                "nesting",
                (item.name, place.name),
                f"{item} lies whole inside no window of {place.name} ({candidates or 'which has none of this space'})",
            )


def kind(standing: Standing) -> Iterator[Breach]:
    """Non-prefetchable memory, and a ``mem`` window, lies only in a non-prefetchable window."""
    for _, windows, item in _to_nest(standing):
        if item.space != "mem" or item.prefetchable:
            continue
        holding = [window for window in windows if window.holds(item)]
        if holding and all(window.prefetchable for window in holding):
            yield Breach(
                "kind",
                (item.name, holding[0].name),
                f"{item} is not prefetchable but lies in the prefetchable {_with_range(holding[0])}",
            )


def reach(standing: Standing) -> Iterator[Breach]:
    """32-bit BARs and windows end below 4 GiB, 16-bit I/O windows below 64 KiB, everything within 64 bits."""
    for key, bar, address in standing.beyond:
        yield Breach("reach", (str(key),), f"{key} at {address:#x}, {bar.span:#x} bytes long, does not lie in 64 bits")
    for item in standing.items:
        limit = _reach_limit(item)
        if limit is not None and item.bus_end > limit:
            yield Breach(
                "reach",
                (item.name,),
                f"{item} ends above {limit - 1:#x}, the last bus address it can reach{_bus_addresses(item)}",
            )


def isa(standing: Standing) -> Iterator[Breach]:
    """Behind an ISA enable bit, I/O BARs below 64 KiB are in the first 256 of 1024 ports; fixed ones are exempt.

    PCI-to-PCI Bridge Architecture 1.2, 3.2.5.18: the bridge keeps the last 768 of each 1024 back.
    """
    for place in standing.places:
        for item in place.items if place.isa else ():
            if item.bar is None or item.space != "io" or item.bar.fixed or item.bus_start >= IO_REACH:
                continue
            if item.bus_start % ISA_BLOCK + item.range.size > ISA_PORTS:
                yield Breach(
                    "isa",
                    (item.name, place.name),
                    f"{item} is not in the first {ISA_PORTS} of each {ISA_BLOCK} ports, all that the ISA enable bit "
                    f"leaves {place.name}{_bus_addresses(item)}",
                )


def vga(standing: Standing) -> Iterator[Breach]:
    """Beside a bridge with the VGA enable bit, no I/O BAR has a port that it claims for VGA; fixed ones are exempt."""
    for place in standing.places:
        claims = {name: vga_ports(bits) for name, bits in place.vga.items()}
        for item in place.items if claims else ():
            if item.bar is None or item.space != "io" or item.bar.fixed:
                continue
            here = item.bus_start, item.bus_start + item.range.size
            for name, ports in claims.items():
                port = next((max(first, here[0]) for first, end in ports if first < here[1] and here[0] < end), None)
                if port is not None:
                    yield Breach(
                        "vga",
                        (item.name, name),
                        f"{item} has port {port:04x}, which the VGA enable bit of {name} claims{_bus_addresses(item)}",
                    )


def granularity(standing: Standing) -> Iterator[Breach]:
    """Memory windows start and end on 1 MiB, I/O windows on 4 KiB (or the bridge's own granularity)."""
    for item in standing.items:
        if item.window is not None and (
            item.bus_start % item.window.granularity or item.range.size % item.window.granularity
        ):
            yield Breach(
                "granularity",
                (item.name,),
                f"{item} does not start and end on a multiple of {format_size(item.window.granularity)}"
                f"{_bus_addresses(item)}",
            )


def disjoint(standing: Standing) -> Iterator[Breach]:
    """On one bus, BARs and child bridges' windows do not overlap each other, in each address space."""
    for place in standing.places:
        for one, other in _overlapping(place.standing()):
            first, second = sorted((one, other), key=lambda item: item.name)
            yield Breach("disjoint", (first.name, second.name), f"{first} overlaps {second} on {place.name}")


def reserved(standing: Standing, ranges: Iterable[Reserved]) -> Iterator[Breach]:
    """No BAR and no bridge window touches a reserved range; a fixed BAR may be the reserved range itself."""
    by_space: dict[Space, list[Reserved]] = {"io": [], "mem": []}
    for entry in ranges:
        by_space[entry.space].append(entry)
    for item in standing.items:
        if item.bar is None and item.window is None:
            continue
        for entry in by_space[item.space]:
            if not item.range.overlaps(entry.range):
                continue
            if item.bar is not None and item.bar.fixed and item.range == entry.range:
                continue
            name = f"reserved {entry.range}" + (f" ({entry.what})" if entry.what else "")
            yield Breach("reserved", (item.name, name), f"{item} touches {name}")


def not_moved(
    topology: Topology, placement: Placement, immovable: frozenset[BarKey], droppable: frozenset[BarKey]
) -> Iterator[Breach]:
    """Rule ``immovable``: what may not move is where it was, assigned or not."""
    for key, bar in topology.bars():
        after = placement.bars.get(key)
        dropped = after is None and key in droppable
        if (bar.fixed or key in immovable) and after != bar.address and not dropped:
            yield Breach(
                "immovable",
                (str(key),),
                f"{key} may not move but goes from {_address(bar.address)} to {_address(after)}",
            )


def not_changed(topology: Topology, placement: Placement, windows: frozenset[WindowKey]) -> Iterator[Breach]:
    """Rule ``immovable`` for bridge windows: one that may not change is as it was, open or closed."""
    for key, window in topology.windows():
        after = placement.windows.get(key)
        if key in windows and after != window.range:
            yield Breach(
                "immovable",
                (str(key),),
                f"{key} may not change but goes from {format_range(window.range)} to {format_range(after)}",
            )


def kept(topology: Topology, placement: Placement, droppable: frozenset[BarKey]) -> Iterator[Breach]:
    """A BAR that has an address, optional or not, has one afterwards, unless it may be dropped."""
    for key, bar in topology.bars():
        if bar.range is not None and placement.bars.get(key) is None and key not in droppable:
            yield Breach("kept", (str(key),), f"{key} {bar.range} loses its address")


def size(topology: Topology, placement: Placement, immovable: frozenset[BarKey]) -> Iterator[Breach]:
    """A BAR has its size of today, or one that it supports, and then it is none of those that may not move."""
    for key, bar in topology.bars():
        new = placement.sizes.get(key, bar.size)
        if new == bar.size:
            continue
        change = f"{key} goes from {format_size(bar.size)} to {format_size(new)}"
        if new not in bar.sizes:
            supported = ", ".join(map(format_size, bar.sizes)) or "no other size"
            yield Breach("size", (str(key),), f"{change}, and supports {supported}")
        elif bar.fixed or key in immovable:
            yield Breach("size", (str(key),), f"{change}, and may not change")


def unknown(topology: Topology, placement: Placement) -> Iterator[Breach]:
    """A placement speaks only of BARs and windows that the machine has."""
    bars = {key for key, _ in topology.bars()}
    windows = {key for key, _ in topology.windows()}
    for key in (
        *(key for key in dict.fromkeys([*placement.bars, *placement.sizes]) if key not in bars),
        *(key for key in placement.windows if key not in windows),
    ):
        yield Breach("unknown", (str(key),), f"the machine has no {key}")


def _to_nest(standing: Standing) -> Iterator[tuple[Place, list[Opening], Item]]:
    """What has to lie in a window, with the windows that serve its bus."""
    for place in standing.places:
        windows = place.serving_windows()
        for item in place.items:
            if (item.bar is not None and not _is_legacy(item)) or item.window is not None:
                yield place, windows, item


def _is_legacy(item: Item) -> bool:
    """A fixed BAR inside a legacy range (of bus addresses), which bridges pass on without a window."""
    if item.bar is None or not item.bar.fixed:
        return False
    here = Range(item.bus_start, item.bus_end)
    return any(space == item.space and range_.contains(here) for space, range_ in LEGACY_RANGES)


def _reach_limit(item: Item) -> int | None:
    """The bus address that a BAR or a window has to end at or below; ``None`` = 64 bits."""
    if item.bar is not None:
        return None if item.bar.width == 64 else FOUR_GIB
    if item.window is None:
        return None
    if item.window.kind == "io":
        if item.window.width != 16:
            return FOUR_GIB
        first = 0 if item.root_window is None else item.root_window.range.start - item.root_window.offset
        return IO_REACH if first < IO_REACH else first + IO_REACH
    return None if item.window.kind == "pref" and item.window.width == 64 else FOUR_GIB


def _overlapping(items: Iterable[Item]) -> Iterator[tuple[Item, Item]]:
    """Every pair that overlaps in one address space, by a sweep over the starts."""
    open_: dict[Space, list[Item]] = {"io": [], "mem": []}
    for item in sorted(items, key=lambda item: (item.range.start, item.range.end)):
        open_[item.space] = [other for other in open_[item.space] if other.range.end > item.range.start]
        for other in open_[item.space]:
            yield other, item
        open_[item.space].append(item)


def _bus_addresses(item: Item) -> str:
    """The bus addresses in brackets, where they differ from the CPU's."""
    return "" if item.offset == 0 else f" (bus addresses {item.bus_start:08x}-{item.bus_end - 1:08x})"


def _with_range(window: Opening) -> str:
    return window.name if str(window.range) in window.name else f"{window.name} {window.range}"


def _address(address: int | None) -> str:
    return "unassigned" if address is None else f"{address:08x}"
