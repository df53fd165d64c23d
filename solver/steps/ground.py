"""The fixed part of a machine whose placement changes step by step: what stands where, and which windows cover it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

from models.placement import Placement
from models.resources import FunctionAddress, Range, Space
from models.topology import Bar, BarKey, BridgeWindow, Bus, Function, RootBus, RootWindow, Topology, WindowKey

Chain = tuple[WindowKey, ...]
"""The bridge windows that cover a BAR, from the nearest to the one on the root bus."""


class Ground:
    """A topology with its parents, and the two ends of the way: today's placement and the planned one."""

    def __init__(self, topology: Topology, planned: Placement) -> None:
        self.topology = topology
        self.today = Placement.today(topology)
        self.planned = Placement(
            {key: planned.bars.get(key) for key in self.today.bars},
            {key: planned.windows.get(key) for key in self.today.windows},
        )
        self.functions: dict[FunctionAddress, Function] = {}
        self.root: dict[FunctionAddress, RootBus] = {}
        self.above: dict[FunctionAddress, tuple[Function, ...]] = {}
        """The bridges above a function, the nearest first."""
        self.on_bus: dict[str, list[FunctionAddress]] = {}
        """The functions of each bus, by :meth:`bus_name`."""
        for function, bus in topology.functions():
            self.functions[function.address] = function
            self.root[function.address] = bus.root
            self.above[function.address] = tuple(_bridges(bus))
            self.on_bus.setdefault(self.bus_name(function.address), []).append(function.address)
        self.bars: dict[BarKey, Bar] = dict(topology.bars())
        self.windows: dict[WindowKey, BridgeWindow] = dict(topology.windows())

    def bar_range(self, key: BarKey, placement: Placement) -> Range | None:
        """Where the BAR is in ``placement``."""
        address = placement.bars.get(key)
        return None if address is None else Range.of(address, self.bars[key].span)

    def bus_name(self, address: FunctionAddress) -> str:
        """A name of the bus the function stands on."""
        above = self.above[address]
        return above[0].address if above else self.root[address].name

    def root_window(self, address: FunctionAddress, space: Space, range_: Range) -> RootWindow | None:
        """The root window that the range begins in."""
        windows = [window for window in self.root[address].windows if window.space == space]
        whole = next((window for window in windows if window.range.contains(range_)), None)
        return whole or next((window for window in windows if range_.start in window.range), None)

    def offset(self, address: FunctionAddress, space: Space, range_: Range) -> int:
        """CPU address minus bus address there."""
        window = self.root_window(address, space, range_)
        return 0 if window is None else window.offset

    def chain(self, key: BarKey, placement: Placement) -> Chain | None:
        """The windows that cover the BAR; it ends where none does. ``None`` where the BAR has no address."""
        range_ = self.bar_range(key, placement)
        if range_ is None:
            return None
        return tuple(self._covering(key.function, self.bars[key].space, range_, placement))

    def window_chain(self, key: WindowKey, placement: Placement) -> Chain | None:
        """The windows that cover a bridge window."""
        range_ = placement.windows.get(key)
        if range_ is None:
            return None
        return tuple(self._covering(key.bridge, self.windows[key].space, range_, placement))

    def _covering(
        self, function: FunctionAddress, space: Space, range_: Range, placement: Placement
    ) -> Iterator[WindowKey]:
        for bridge in self.above[function]:
            assert bridge.bridge is not None
            for window in reversed(bridge.bridge.windows):
                key = WindowKey(bridge.address, window.kind)
                outer = placement.windows.get(key)
                if window.space == space and outer is not None and outer.contains(range_):
                    yield key
                    range_ = outer
                    break
            else:
                if not bridge.bridge.subtractive:
                    return

    def covering_kinds(self, key: BarKey, bridge: Function, placement: Placement) -> set[WindowKey]:
        """The windows of one bridge that hold the BAR."""
        range_ = self.bar_range(key, placement)
        return set() if range_ is None else self.holders(bridge, self.bars[key].space, range_, placement)

    def holders(self, bridge: Function, space: Space, range_: Range, placement: Placement) -> set[WindowKey]:
        """The windows of one bridge that hold the range."""
        assert bridge.bridge is not None
        return {
            WindowKey(bridge.address, window.kind)
            for window in bridge.bridge.windows
            if window.space == space
            and (outer := placement.windows.get(WindowKey(bridge.address, window.kind))) is not None
            and outer.contains(range_)
        }

    @cached_property
    def chains(self) -> tuple[dict[BarKey, Chain | None], dict[BarKey, Chain | None]]:
        """The chain of every BAR, today and in the plan."""
        return (
            {key: self.chain(key, self.today) for key in self.bars},
            {key: self.chain(key, self.planned) for key in self.bars},
        )

    @cached_property
    def movers(self) -> tuple[FunctionAddress, ...]:
        """Functions that go down on the way: a BAR changes, or another window of a bridge covers it afterwards.

        A function that has no address today has nothing to lose: these are ``arrivals``.
        """
        before, after = self.chains
        found = []
        for address, function in self.functions.items():
            keys = [BarKey(address, bar.index) for bar in function.bars]
            if self.works(address) and any(
                self.today.bars.get(key) != self.planned.bars.get(key)
                or (before[key] is not None and before[key] != after[key])
                for key in keys
            ):
                found.append(address)
        return tuple(found)

    @cached_property
    def arrivals(self) -> tuple[FunctionAddress, ...]:
        """Functions that get addresses without going down for it."""
        movers = set(self.movers)
        return tuple(
            address
            for address, function in self.functions.items()
            if address not in movers
            and any(
                self.today.bars.get(key) is None and self.planned.bars.get(key) is not None
                for key in (BarKey(address, bar.index) for bar in function.bars)
            )
        )

    def works(self, address: FunctionAddress) -> bool:
        """Whether the function has an address today."""
        return any(self.today.bars.get(BarKey(address, bar.index)) is not None for bar in self.functions[address].bars)

    def below(self, bridge: FunctionAddress) -> list[FunctionAddress]:
        """Every function behind a bridge, however deep."""
        return [address for address, above in self.above.items() if any(other.address == bridge for other in above)]


def _bridges(bus: Bus) -> Iterator[Function]:
    while bus.bridge is not None:
        yield bus.bridge
        assert bus.parent is not None
        bus = bus.parent
