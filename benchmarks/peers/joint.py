"""The textbook statement of a machine: items with a start, containers to lie in, groups that may not overlap.

Everything is in one list, whatever root bus it belongs to; nothing is decomposed, ordered or bounded. Addresses are bus
addresses in granules of the largest power of two that divides all of one address space. What a textbook does not know
(bridges that pass on more than their windows, rules broken today) is refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from models.legality import LEGACY_RANGES, today_breaches
from models.mobility import Mobility
from models.placement import Placement
from models.resources import FOUR_GIB, IO_REACH, Range, Size, Space
from models.topology import Bar, BarKey, BridgeWindow, Bus, RootBus, Topology, WindowKey
from solver.request import Request

OBJECTIVES = ("unplaced", "moved_bars", "windows_changed", "wasted_bytes")
"""What the textbook can minimise."""


class RefusedError(Exception):
    """The peer does not take such an instance; the message says why."""


@dataclass(slots=True)
class Item:
    """A BAR or a bridge window; numbers are granules.

    Attributes
    ----------
    size
        Of a BAR; 0 for a window, whose size is open.
    high
        It ends there at the latest.
    today
        Start and end today, or ``None``.
    must
        A BAR that has to have an address.
    containers
        Numbers of the containers it may lie in.
    group
        The bus it stands on.
    outer
        A window of a bridge on the root bus.
    """

    key: BarKey | WindowKey
    space: Space
    shift: int
    size: int
    alignment: int
    high: int
    today: tuple[int, int] | None
    movable: bool
    must: bool
    containers: list[int]
    group: int
    outer: bool = False


@dataclass(slots=True)
class Joint:
    """A whole machine.

    Attributes
    ----------
    grain
        Bytes of a granule, by address space.
    roots
        Root windows: containers 0 to ``len(roots) - 1``; window number ``i`` of ``windows`` is the next ``i``.
    obstacles
        Ranges that nothing may touch, by group.
    """

    grain: dict[Space, Size]
    bars: list[Item] = field(default_factory=list)
    windows: list[Item] = field(default_factory=list)
    roots: list[tuple[int, int]] = field(default_factory=list)
    obstacles: dict[int, list[tuple[int, int]]] = field(default_factory=dict)

    def groups(self) -> dict[int, list[Item]]:
        """The items of each bus and address space."""
        found: dict[int, list[Item]] = {}
        for item in (*self.bars, *self.windows):
            found.setdefault(item.group, []).append(item)
        return found

    def placement(
        self, topology: Topology, bars: Sequence[int | None], windows: Sequence[tuple[int, int] | None]
    ) -> Placement:
        """Starts of BARs and ranges of windows in granules, as a placement."""
        placement = Placement.today(topology)
        for item, at in zip(self.bars, bars, strict=True):
            assert isinstance(item.key, BarKey)
            placement.bars[item.key] = None if at is None else at * self.grain[item.space] + item.shift
        for item, span in zip(self.windows, windows, strict=True):
            assert isinstance(item.key, WindowKey)
            grain = self.grain[item.space]
            placement.windows[item.key] = (
                None if span is None else Range(span[0] * grain + item.shift, span[1] * grain + item.shift)
            )
        return placement


def joint(topology: Topology, request: Request) -> Joint:
    """The statement of ``topology`` under a request.

    Raises
    ------
    RefusedError
        If the machine, or what is to be minimised, is more than a textbook knows.
    """
    unknown = [name for name in request.minimize if name not in OBJECTIVES]
    if unknown:
        raise RefusedError(f"objective {unknown[0]} is not known to the textbook model")
    if today_breaches(topology):
        raise RefusedError("rules are broken today")
    for function, _ in topology.functions():
        if function.bridge is not None and (function.bridge.subtractive or function.bridge.cardbus):
            raise RefusedError(f"{function.address} is a subtractive or CardBus bridge")
    fixed = [bar for _, bar in topology.bars() if bar.fixed and bar.range is not None]
    for bar in fixed:
        assert bar.range is not None
        if any(space == bar.space and range_.contains(bar.range) for space, range_ in LEGACY_RANGES):
            raise RefusedError("a BAR stands for a legacy range, which needs no window")
        if any(one.space == bar.space and one.range.overlaps(bar.range) for one in topology.reserved):
            raise RefusedError("a fixed BAR is a reserved range")
    maker = _Maker(topology, request.mobility(topology))
    hosts = [_Host(root) for root in topology.root_buses]
    for host in hosts:  # all root windows are numbered before the first bridge window
        maker.root_windows(host)
    for host in hosts:
        for space in SPACES:
            maker.bus(Bus(host.root), host, space, host.serving[space])
    return maker.joint


SPACES: tuple[Space, ...] = ("io", "mem")


class _Host:
    """A root bus with what is the same for all below it, by address space: offset, last address, root windows."""

    def __init__(self, root: RootBus) -> None:
        self.root = root
        self.offset: dict[Space, int] = dict.fromkeys(SPACES, 0)
        self.end: dict[Space, int] = dict.fromkeys(SPACES, 0)
        self.serving: dict[Space, list[tuple[int, bool]]] = {space: [] for space in SPACES}
        for space in SPACES:
            windows = [window for window in root.windows if window.space == space]
            if len({window.offset for window in windows}) > 1:
                raise RefusedError(f"root bus {root.name} has windows of different offsets")
            if windows:
                self.offset[space] = windows[0].offset
                self.end[space] = max(window.range.end - window.offset for window in windows)
        first = min((one.range.start - one.offset for one in root.windows if one.space == "io"), default=0)
        self.io_reach = IO_REACH if first < IO_REACH else first + IO_REACH


class _Maker:
    def __init__(self, topology: Topology, movement: Mobility) -> None:
        self.topology, self.movement = topology, movement
        self.joint = Joint(_grains(topology))
        self.group = 0

    def root_windows(self, host: _Host) -> None:
        for window in host.root.windows:
            grain = self.joint.grain[window.space]
            host.serving[window.space].append((len(self.joint.roots), window.prefetchable))
            start, end = window.range.start - window.offset, window.range.end - window.offset
            self.joint.roots.append((-(-start // grain), end // grain))

    def bus(self, bus: Bus, host: _Host, space: Space, serving: list[tuple[int, bool]]) -> None:
        """Everything on a bus and behind it in one address space; ``serving`` are containers, and which are pref."""
        self.group += 1
        group, grain, shift = self.group, self.joint.grain[space], host.offset[space]
        for reserved in self.topology.reserved:
            if reserved.space == space and reserved.range.end > shift:
                obstacle = (max(0, reserved.range.start - shift) // grain, -(-(reserved.range.end - shift) // grain))
                self.joint.obstacles.setdefault(group, []).append(obstacle)
        for function in bus.functions:
            for bar in function.bars:
                if bar.space == space and (bar.address is not None or not (bar.optional or bar.fixed)):
                    key = BarKey(function.address, bar.index)
                    self.joint.bars.append(self.bar(key, bar, host, group, serving))
            if function.bridge is None:
                continue
            inner: list[tuple[int, bool]] = []
            for window in function.bridge.windows:
                if window.space == space:
                    inner.append((len(self.joint.roots) + len(self.joint.windows), window.kind == "pref"))
                    item = self.window(WindowKey(function.address, window.kind), window, host, group, serving)
                    item.outer = bus.bridge is None
                    self.joint.windows.append(item)
            self.bus(Bus(bus.root, function, bus), host, space, inner)

    def bar(self, key: BarKey, bar: Bar, host: _Host, group: int, serving: list[tuple[int, bool]]) -> Item:
        end = host.end[bar.space]
        high = min(FOUR_GIB, end) if bar.width == 32 else end
        item = self._item(key, bar.space, host, high, bar.range, group)
        item.size, item.alignment = bar.span // self.joint.grain[bar.space], bar.size // self.joint.grain[bar.space]
        item.movable, item.must = self.movement.may_move(key), bar.address is not None
        item.containers = [number for number, pref in serving if bar.prefetchable or not pref]
        return item

    def window(
        self, key: WindowKey, window: BridgeWindow, host: _Host, group: int, serving: list[tuple[int, bool]]
    ) -> Item:
        high = host.end[window.space]
        if window.kind == "io" and window.width == 16:
            high = min(high, host.io_reach)
        elif window.width != 64:
            high = min(high, FOUR_GIB)
        item = self._item(key, window.space, host, high, window.range, group)
        item.alignment = window.granularity // self.joint.grain[window.space]
        item.containers = [number for number, pref in serving if window.kind == "pref" or not pref]
        return item

    def _item(
        self, key: BarKey | WindowKey, space: Space, host: _Host, high: int, today: Range | None, group: int
    ) -> Item:
        grain, shift = self.joint.grain[space], host.offset[space]
        now = None if today is None else ((today.start - shift) // grain, (today.end - shift) // grain)
        return Item(key, space, shift, 0, 1, high // grain, now, True, False, [], group)


def _grains(topology: Topology) -> dict[Space, Size]:
    """The largest power of two that divides every size, alignment and address of a space."""
    bits: dict[Space, int] = {"io": 0, "mem": 0}
    for _, bar in topology.bars():
        bits[bar.space] |= bar.size | (bar.address or 0)
    for _, window in topology.windows():
        bits[window.space] |= window.granularity
        if window.range is not None:
            bits[window.space] |= window.range.start | window.range.end
    for root in topology.root_buses:
        for root_window in root.windows:
            bits[root_window.space] |= root_window.offset
    return {space: value & -value or 1 for space, value in bits.items()}
