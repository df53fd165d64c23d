"""A placement: where every BAR and every bridge window is, and how that differs from today."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from models.drivers import BUILT_IN, DriverTable
from models.headroom import headroom, largest_block
from models.mobility import preparation_cost
from models.resources import Address, Range, Size
from models.topology import Bar, BarKey, Bus, Function, RootWindow, Topology, WindowKey


@dataclass(frozen=True, slots=True)
class Placement:
    """Addresses for every BAR (``None`` = unassigned) and ranges for every bridge window (``None`` = closed).

    A key that is absent means the same as ``None``.

    Attributes
    ----------
    sizes
        Bytes of one instance of a BAR; one that is absent keeps its size of today.
    """

    bars: dict[BarKey, Address | None]
    windows: dict[WindowKey, Range | None]
    sizes: dict[BarKey, Size] = field(default_factory=dict)

    @classmethod
    def today(cls, topology: Topology) -> Placement:
        """The placement the machine has now."""
        return cls(
            {key: bar.address for key, bar in topology.bars()},
            {key: window.range for key, window in topology.windows()},
        )

    def sized(self, topology: Topology) -> Topology:
        """The machine with every Resizable BAR at its size in this placement; sizes it does not support are ignored."""
        bars = dict(topology.bars())
        new = {
            key: size
            for key, size in self.sizes.items()
            if key in bars and size != bars[key].size and size in bars[key].sizes
        }
        if not new:
            return topology

        def change(function: Function) -> Function:
            if not any(key.function == function.address for key in new):
                return function
            return replace(
                function,
                bars=tuple(
                    replace(bar, size=new.get(BarKey(function.address, bar.index), bar.size)) for bar in function.bars
                ),
            )

        return topology.map_functions(change)


@dataclass(frozen=True, slots=True)
class Measures:
    """What a placement is worth, recomputed from data and never taken from an engine.

    Attributes
    ----------
    unplaced
        BARs left unassigned that are neither optional nor fixed without an address (a count).
    moved_bars
        BARs that had an address and have another one now; a VF block counts once.
    moved_functions
        Functions with at least one moved BAR.
    prepared_drivers
        What it costs to prepare or unbind the drivers of functions with a BAR that has an address and moves or
        is resized, and that would not survive it (a count of functions unless weighted).
    lost_bars
        BARs that had an address and have none now.
    windows_changed
        Bridge windows whose range differs from today's.
    wasted_bytes
        Bytes inside the windows of bridges on a root bus that back no BAR.
    unplaced_functions
        Functions with a BAR that counts in ``unplaced``.
    resized_bars
        BARs that have another size than today.
    rebar
        Bytes by which Resizable BARs that are not fixed fall short of the largest size they support, all VFs
        counted; one without an address falls short by all of it.
    rebar_halvings
        The same in halvings of the largest size, added; one without an address counts one more than at its smallest.
    headroom
        Doublings by which the largest free blocks of empty hotplug ports fall short of the largest block of any
        root window, added over ports and memory windows (see :mod:`models.headroom`).
    """

    unplaced: int
    moved_bars: int
    moved_functions: int
    prepared_drivers: int
    lost_bars: int
    windows_changed: int
    wasted_bytes: int
    unplaced_functions: int = 0
    resized_bars: int = 0
    rebar: int = 0
    rebar_halvings: int = 0
    headroom: int = 0

    def value(self, objective: str) -> int:
        """The value of a named objective."""
        return int(getattr(self, objective))


def measure(
    topology: Topology,
    placement: Placement,
    weights: Mapping[str, int] | None = None,
    drivers: DriverTable = BUILT_IN,
) -> Measures:
    """Measure ``placement`` against today's placement of ``topology`` (moved, wasted: see docs/format.md).

    ``weights`` and ``drivers`` say what preparing a driver costs (:func:`models.mobility.preparation_cost`).
    """
    today = dict(topology.bars())
    topology = placement.sized(topology)
    lost = shortfall = halvings = 0
    unplaced: list[BarKey] = []
    moved: list[BarKey] = []
    for key, bar in topology.bars():
        address = placement.bars.get(key)
        if address is None:
            lost += bar.address is not None
            if not bar.optional and not (bar.fixed and bar.address is None):
                unplaced.append(key)
        elif bar.address is not None and address != bar.address:
            moved.append(key)
        if bar.sizes and not bar.fixed:
            shortfall += today[key].largest * bar.copies - (0 if address is None else bar.span)
            halvings += today[key].halvings(None if address is None else bar.size)
    movers = {key.function for key in moved}
    resized = [key for key, bar in topology.bars() if bar.size != today[key].size]
    stopped = movers | {key.function for key in resized if today[key].address is not None}
    changed = sum(placement.windows.get(key) != window.range for key, window in topology.windows())
    return Measures(
        unplaced=len(unplaced),
        moved_bars=len(moved),
        moved_functions=len(movers),
        prepared_drivers=sum(
            preparation_cost(function, weights or {}, drivers)
            for function, _ in topology.functions()
            if function.address in stopped
        ),
        lost_bars=lost,
        windows_changed=changed,
        wasted_bytes=_wasted_bytes(topology, placement),
        unplaced_functions=len({key.function for key in unplaced}),
        resized_bars=len(resized),
        rebar=shortfall,
        rebar_halvings=halvings,
        headroom=sum(port.missing for port in headroom(topology, placement)),
    )


def _wasted_bytes(topology: Topology, placement: Placement) -> int:
    """Bytes of root-bus bridge windows that back no BAR; a BAR outside of them backs none."""
    wasted = 0
    for root in topology.root_buses:
        for function in root.functions:
            if function.bridge is None:
                continue
            windows = [
                (window.space, range_)
                for window in function.bridge.windows
                if (range_ := placement.windows.get(WindowKey(function.address, window.kind))) is not None
            ]
            wasted += sum(range_.size for _, range_ in windows)
            for key, bar in _bars_behind(function):
                address = placement.bars.get(key)
                if address is not None:
                    here = Range.of(address, bar.span)
                    if any(space == bar.space and range_.contains(here) for space, range_ in windows):
                        wasted -= bar.span
    return wasted


def _bars_behind(bridge: Function) -> Iterator[tuple[BarKey, Bar]]:
    assert bridge.bridge is not None
    for function in bridge.bridge.functions:
        for bar in function.bars:
            yield BarKey(function.address, bar.index), bar
        if function.bridge is not None:
            yield from _bars_behind(function)


@dataclass(frozen=True, slots=True)
class FreeSpace:
    """Free space of one root window: total bytes and the largest naturally aligned power-of-two block."""

    root: str
    window: RootWindow
    free: Size
    largest_block: Size


def free_space(topology: Topology, placement: Placement) -> list[FreeSpace]:
    """Free space between root-bus items, for each root window in order."""
    result = []
    for root in placement.sized(topology).root_buses:
        for window in root.windows:
            used = sorted(
                clipped
                for space, range_ in [
                    *_standing_on(Bus(root), placement),
                    *((r.space, r.range) for r in topology.reserved),
                ]
                if space == window.space and (clipped := range_.clip(window.range)) is not None
            )
            free = largest = 0
            for gap in _gaps(window.range, used):
                free += gap.size
                largest = max(largest, largest_block(gap.start - window.offset, gap.end - window.offset))
            result.append(FreeSpace(root.name, window, free, largest))
    return result


def _standing_on(bus: Bus, placement: Placement) -> list[tuple[str, Range]]:
    ranges: list[tuple[str, Range]] = []
    for function in bus.functions:
        for bar in function.bars:
            address = placement.bars.get(BarKey(function.address, bar.index))
            if address is not None:
                ranges.append((bar.space, Range.of(address, bar.span)))
        if function.bridge is not None:
            ranges.extend((window.space, window.range) for window in function.bridge.cardbus)
            for bridge_window in function.bridge.windows:
                range_ = placement.windows.get(WindowKey(function.address, bridge_window.kind))
                if range_ is not None:
                    ranges.append((bridge_window.space, range_))
            if function.bridge.subtractive:
                ranges.extend(_standing_on(Bus(bus.root, function, bus), placement))
    return ranges


def _gaps(whole: Range, used: list[Range]) -> list[Range]:
    gaps, position = [], whole.start
    for range_ in used:
        if range_.start > position:
            gaps.append(Range(position, range_.start))
        position = max(position, range_.end)
    if position < whole.end:
        gaps.append(Range(position, whole.end))
    return gaps
