"""Between two legal placements: register writes in an order in which nothing overlaps and no running window shuts.

Windows shrink, from the leaves up, to what their old and new range share, then grow, from the root down: what is
passed on lies first in the old placement and then in the new one, and in both nothing overlaps. That holds for
every window whose range is one register. Where upper halves change as well, each moment is looked at; where one
passes on what is somebody else's, or cuts a running function off, what runs behind the window counts as down.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from models.placement import Placement
from models.resources import FunctionAddress, Range, Space
from models.topology import BarKey, WindowKey
from solver.steps.ground import Ground
from solver.steps.registers import Coding, State, bar_writes
from solver.steps.step import Register, RegisterWrite


@dataclass(frozen=True, slots=True)
class Moments:
    """The writes of one group.

    Attributes
    ----------
    down
        Functions that have to be down for it, with those given.
    cut_off
        Those among them whose BARs stay, with the reason.
    silent
        Bridges that decode nothing meanwhile.
    """

    writes: tuple[RegisterWrite, ...]
    down: frozenset[FunctionAddress]
    cut_off: dict[FunctionAddress, str]
    silent: frozenset[FunctionAddress]


def moments(
    ground: Ground,
    before: Placement,
    after: Placement,
    down: Iterable[FunctionAddress],
    arriving: Iterable[FunctionAddress] = (),
) -> Moments:
    """The writes that lead from ``before`` to ``after``, and who has to be down for them."""
    reasons: dict[FunctionAddress, str] = {}
    cut, arriving = set(down), frozenset(arriving)
    silent: set[FunctionAddress] = set()
    while True:
        _behind_bridges(ground, cut, arriving, reasons)
        _lose_their_window(ground, before, after, cut, reasons)
        passage = _Passage(ground, before, after, frozenset(cut), arriving)
        passage.windows()
        unsafe = {key.bridge: key for key in passage.unsafe if key.bridge not in silent}
        if not unsafe:
            return Moments((*passage.writes, *passage.bars()), frozenset(cut), reasons, frozenset(silent))
        for bridge, key in unsafe.items():
            silent.add(bridge)
            for address in ground.below(bridge):
                if address not in cut | arriving and ground.works(address):
                    cut.add(address)
                    reasons[address] = f"{key} cannot change without a moment in which it passes wrong addresses on"


def _behind_bridges(
    ground: Ground, cut: set[FunctionAddress], arriving: frozenset[FunctionAddress], reasons: dict[FunctionAddress, str]
) -> None:
    """A bridge whose own BAR changes decodes nothing meanwhile, and nothing behind it is reached."""
    for bridge in [address for address in cut | arriving if ground.functions[address].bridge is not None]:
        for address in ground.below(bridge):
            if address not in cut | arriving and ground.works(address):
                cut.add(address)
                reasons[address] = f"a BAR of {bridge}, a bridge above it, changes"


def _lose_their_window(
    ground: Ground, before: Placement, after: Placement, cut: set[FunctionAddress], reasons: dict[FunctionAddress, str]
) -> None:
    """A running BAR that another window of a bridge covers afterwards: between the two it is covered by none."""
    changed = {key.bridge for key in ground.windows if before.windows.get(key) != after.windows.get(key)}
    for key in ground.bars:
        if key.function in cut or before.bars.get(key) is None:
            continue
        for bridge in ground.above[key.function]:
            if bridge.address not in changed:
                continue
            had = ground.covering_kinds(key, bridge, before)
            if had and not had & ground.covering_kinds(key, bridge, after):
                cut.add(key.function)
                reasons[key.function] = f"another window of {bridge.address} covers its BARs afterwards"
                break


@dataclass(slots=True)
class _Passage:
    """The way of the windows from one placement to the next."""

    ground: Ground
    before: Placement
    after: Placement
    down: frozenset[FunctionAddress]
    arriving: frozenset[FunctionAddress]
    writes: list[RegisterWrite] = field(default_factory=list)
    unsafe: set[WindowKey] = field(default_factory=set)
    values: dict[WindowKey, State | None] = field(default_factory=dict)
    """What stands in the registers of changing windows; ``None`` = closed, in whatever way."""

    def windows(self) -> None:
        """Change the windows."""
        ground = self.ground
        changing = [key for key in ground.windows if self.before.windows.get(key) != self.after.windows.get(key)]
        changing.sort(key=lambda key: len(ground.above[key.bridge]))
        for key in changing:
            here = self.before.windows.get(key)
            self.values[key] = None if here is None else self._coding(key).encode(self._bus(key, here))
        for key in reversed(changing):
            here, there = self.before.windows.get(key), self.after.windows.get(key)
            if here is not None:
                self._change(key, None if there is None else here.clip(there), grow=False)
        for key in changing:
            there = self.after.windows.get(key)
            if there is not None:
                self._change(key, there, grow=True)

    def bars(self) -> Iterator[RegisterWrite]:
        """The writes of the BARs that change."""
        for key, bar in self.ground.bars.items():
            here, there = self.before.bars.get(key), self.after.bars.get(key)
            if there is None or here == there:
                continue
            was, now = (
                None if at is None else at - self.ground.offset(key.function, bar.space, Range.of(at, bar.span))
                for at in (here, there)
            )
            assert now is not None
            bridge = self.ground.functions[key.function].bridge is not None
            yield from bar_writes(key.function, bar, was, now, bridge=bridge)

    def victims(self, key: WindowKey) -> list[BarKey]:
        """Running BARs that the window covers before or after."""
        bridge = self.ground.functions[key.bridge]
        return [
            bar
            for bar in self.ground.bars
            if self._runs(bar)
            and bridge in self.ground.above[bar.function]
            and any(key in self.ground.covering_kinds(bar, bridge, end) for end in (self.before, self.after))
        ]

    def _runs(self, key: BarKey) -> bool:
        idle = key.function in self.down or key.function in self.arriving or key.index == "rom"
        return not idle and self.before.bars.get(key) is not None

    def _coding(self, key: WindowKey) -> Coding:
        return Coding.of(self.ground.windows[key])

    def _offset(self, key: WindowKey, range_: Range) -> int:
        return self.ground.offset(key.bridge, self.ground.windows[key].space, range_)

    def _bus(self, key: WindowKey, range_: Range) -> Range:
        offset = self._offset(key, range_)
        return Range(range_.start - offset, range_.end - offset)

    def _cpu(self, key: WindowKey, bus: Range | None) -> Range | None:
        """The CPU addresses of a window's bus addresses, by the offset of where it is or is to be."""
        if bus is None:
            return None
        sample = self.after.windows.get(key) or self.before.windows.get(key)
        assert sample is not None
        offset = self._offset(key, sample)
        return Range(max(bus.start + offset, 0), max(bus.end + offset, 1))

    def _now(self, key: WindowKey) -> Range | None:
        """What a window passes on at this moment."""
        if key not in self.values:
            return self.after.windows.get(key)
        state = self.values[key]
        return None if state is None else self._cpu(key, self._coding(key).decode(state))

    def _change(self, key: WindowKey, target: Range | None, *, grow: bool) -> None:
        """Write a window's registers, and look at each moment where there is more than one."""
        coding, state = self._coding(key), self.values[key]
        new = coding.encode(None if target is None else self._bus(key, target))
        known: list[int | None] = [None] * len(new) if state is None else list(state)
        for number, value in coding.path(state, new, grow=grow):
            offset, width, mask, name = coding.registers[number]
            what = f"{key.kind} window, {name}"
            self.writes.append(RegisterWrite(Register(key.bridge, offset, width), value, mask, known[number], what))
            known[number] = value
            moment = tuple(one for one in known if one is not None)
            if len(moment) == len(known):
                self.values[key] = moment
                if moment != new and not self._harmless(key, self.after if grow else self.before):
                    self.unsafe.add(key)
        self.values[key] = new

    def _harmless(self, key: WindowKey, end: Placement) -> bool:
        """Whether what the window passes on now is its own at this ``end`` of the way, and all that runs behind it."""
        now = self._now(key)
        both = [end for end in (self.before.windows.get(key), self.after.windows.get(key)) if end is not None]
        if now is None:
            return not self._kept(key)
        if not all(now.contains(range_) for range_ in self._kept(key)):
            return False
        own = end.windows.get(key)
        if own is not None and own.contains(now):
            return True
        windows = self.ground.root[key.bridge].windows
        space = self.ground.windows[key].space
        if not any(window.space == space and window.range.contains(now) for window in windows):
            return False
        return not any(now.overlaps(other) for other in self._taken(key, both))

    def _kept(self, key: WindowKey) -> list[Range]:
        """Running BARs that the window covers before and after."""
        bridge = self.ground.functions[key.bridge]
        found = []
        for bar in self.victims(key):
            ends = (self.before, self.after)
            range_ = self.ground.bar_range(bar, self.before)
            if range_ is not None and all(key in self.ground.covering_kinds(bar, bridge, end) for end in ends):
                found.append(range_)
        return found

    def _taken(self, key: WindowKey, mine: list[Range]) -> Iterator[Range]:
        """What else decodes addresses on the bus of the window's bridge; what is broken today and stays so apart."""
        for range_ in self._on_bus(key):
            if not all(one.overlaps(range_) for one in mine):
                yield range_

    def _on_bus(self, key: WindowKey) -> Iterator[Range]:
        ground = self.ground
        space: Space = ground.windows[key].space
        for address in ground.on_bus[ground.bus_name(key.bridge)]:
            function = ground.functions[address]
            for bar in function.bars:
                bar_key = BarKey(address, bar.index)
                range_ = ground.bar_range(bar_key, self.before)
                if bar.space == space and range_ is not None and self._runs(bar_key):
                    yield range_
            if function.bridge is None:
                continue
            yield from (cardbus.range for cardbus in function.bridge.cardbus if cardbus.space == space)
            for window in function.bridge.windows:
                other = WindowKey(address, window.kind)
                now = self._now(other) if other != key and window.space == space else None
                if now is not None:
                    yield now
