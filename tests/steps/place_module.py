"""The kernel module as the simulated machine has it: checks first, then the tree, then registers, all or nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from models.resources import WINDOW_KINDS, FunctionAddress, Range, WindowKind
from models.topology import BarKey, WindowKey
from solver.steps.access import AccessError
from tests.steps.config_space import BITS, COMMAND, WINDOWS

if TYPE_CHECKING:
    from tests.steps.machine import SimulatedMachine


@dataclass(slots=True)
class Line:
    """One line of a transaction."""

    key: BarKey | WindowKey
    before: Range | None
    after: Range | None
    command: int = 0


class PlaceModule:
    """Carries one transaction out on a simulated machine."""

    def __init__(self, machine: SimulatedMachine) -> None:
        self.machine = machine
        self.changes: list[tuple[FunctionAddress, int, int, int]] = []
        keys: list[BarKey | WindowKey] = [*machine.ground.bars, *machine.ground.windows]
        self.tolerated = {wrong for key in keys for wrong, _ in self._wrong(key)}
        """What is wrong in the tree from the start."""

    def write(self, text: str) -> None:
        lines = self._parse(text)
        machine = self.machine
        for line in lines:
            self._check(line)
        depth = {id(line): len(machine.ground.above[line.key[0]]) for line in lines}
        windows = sorted((x for x in lines if isinstance(x.key, WindowKey)), key=lambda x: depth[id(x)])
        bars = [line for line in lines if isinstance(line.key, BarKey)]
        tree = dict(machine.kernel_bars), dict(machine.kernel_windows)
        self.changes = []
        try:
            self._claim(windows, bars)
            self._registers(windows, bars)
        except AccessError as error:
            for address, offset, width, value in reversed(self.changes):
                machine.raw_write(address, offset, width, value)
            machine.kernel_bars, machine.kernel_windows = tree
            raise AccessError(f"{error}; restored") from None

    # -- reading and checking ---------------------------------------------------------------------------------------

    def _parse(self, text: str) -> list[Line]:
        first, *middle, last = text.splitlines()
        if (first, last) != ("barplan-place 1", "end") or not middle:
            raise AccessError("expected barplan-place 1 first and end last")
        return [self._line(line.split()) for line in middle]

    def _line(self, words: list[str]) -> Line:
        what, function, name, before, after = words
        address = FunctionAddress(function)
        if not self.machine.present(address):
            raise AccessError(f"no such function {address}")
        key: BarKey | WindowKey
        if what == "win":
            kinds: dict[str, WindowKind] = {"io": "io", "mem": "mem", "pref": "pref"}
            key = WindowKey(address, kinds[name])
        else:
            key = BarKey(address, int(name) if name.isdecimal() else name)
        return Line(key, _range(before), _range(after))

    def _check(self, line: Line) -> None:
        machine, key = self.machine, line.key
        if isinstance(key, WindowKey):
            if key not in machine.ground.windows or machine.kernel_windows.get(key) != line.before:
                raise AccessError(f"{key} is elsewhere in the kernel")
            return
        if machine.kernel_bars.get(key) != line.before:
            raise AccessError(f"{key} is elsewhere in the kernel")
        if machine.driver[key.function] is not None:
            raise AccessError(f"{key.function} is bound to {machine.driver[key.function]}")
        if str(key.index).startswith("vf") and machine.vfs(key.function):
            raise AccessError(f"virtual functions of {key.function} are enabled")
        bar = machine.ground.bars[key]
        if line.after is not None and line.after.size != bar.span:
            raise AccessError(f"{key} has {bar.span:#x} bytes")

    # -- the tree ---------------------------------------------------------------------------------------------------

    def _claim(self, windows: list[Line], bars: list[Line]) -> None:
        machine = self.machine
        for line in (*windows, *bars):
            if isinstance(line.key, BarKey):
                machine.kernel_bars.pop(line.key, None)
            else:
                machine.kernel_windows.pop(line.key, None)
        for line in (*windows, *bars):
            if line.after is None:
                continue
            machine._operation(f"claim {line.key}")
            if isinstance(line.key, WindowKey):
                machine.kernel_windows[line.key] = line.after
            else:
                machine.kernel_bars[line.key] = line.after
        for line in (*windows, *bars):
            for wrong, what in self._wrong(line.key):
                if wrong not in self.tolerated:
                    raise AccessError(what)

    def _wrong(self, key: BarKey | WindowKey) -> Iterator[tuple[frozenset[str], str]]:
        """What a claim would refuse: a conflict with a neighbour, or nothing above that holds it."""
        machine = self.machine
        mine = self._resource(key)
        if mine is None:
            return
        for other in self._neighbours(key):
            theirs = self._resource(other)
            if theirs is not None and theirs.overlaps(mine):
                yield frozenset((str(key), str(other))), f"{key} conflicts with {other}"
        above = machine.ground.above[key[0]]
        space = machine.ground.bars[key].space if isinstance(key, BarKey) else machine.ground.windows[key].space
        holders = []
        for bridge in above:
            assert bridge.bridge is not None
            for kind in WINDOW_KINDS:
                range_ = machine.kernel_windows.get(WindowKey(bridge.address, kind))
                if (kind == "io") == (space == "io") and range_ is not None:
                    holders.append(range_)
            if not bridge.bridge.subtractive:
                break
        else:
            holders += [window.range for window in machine.ground.root[key[0]].windows if window.space == space]
        if not any(holder.contains(mine) for holder in holders):
            yield frozenset((str(key),)), f"{key} {mine}: no compatible window above"

    def _resource(self, key: BarKey | WindowKey) -> Range | None:
        if isinstance(key, BarKey):
            return self.machine.kernel_bars.get(key)
        return self.machine.kernel_windows.get(key)

    def _neighbours(self, key: BarKey | WindowKey) -> list[BarKey | WindowKey]:
        ground = self.machine.ground
        space = ground.bars[key].space if isinstance(key, BarKey) else ground.windows[key].space
        found: list[BarKey | WindowKey] = []
        for address in ground.on_bus[ground.bus_name(key[0])]:
            function = ground.functions[address]
            found += [BarKey(address, bar.index) for bar in function.bars if bar.space == space]
            if function.bridge is not None:
                found += [WindowKey(address, w.kind) for w in function.bridge.windows if w.space == space]
        return [other for other in found if other != key]

    # -- registers --------------------------------------------------------------------------------------------------

    def _put(self, address: FunctionAddress, offset: int, width: int, value: int, mask: int) -> None:
        machine = self.machine
        old = machine.raw_read(address, offset, width)
        if not (old ^ value) & mask:
            return
        self.changes.append((address, offset, width, old))
        if machine._operation(f"put {address} {offset:x}") != "lost":
            machine.raw_write(address, offset, width, value)
        if (machine.raw_read(address, offset, width) ^ value) & mask:
            raise AccessError(f"register {offset:#x} of {address} does not hold {value:#x}")

    def _window(self, key: WindowKey, range_: Range | None, *, grow: bool) -> None:
        window = self.machine.ground.windows[key]
        offset, width = WINDOWS[key.kind]
        shift = 0 if range_ is None else self.machine.ground.offset(key.bridge, window.space, range_)
        start, last = (0, 0) if range_ is None else (range_.start - shift, range_.last - shift)
        upper: list[tuple[int, int]] = []
        if key.kind == "io":
            low, mask = (last >> 8 & 0xF0) << 8 | start >> 8 & 0xF0 if range_ else 0xF0, 0xF0F0
            if window.granularity < 4096:
                low, mask = (last >> 8 & 0xFC) << 8 | start >> 8 & 0xFC if range_ else 0xF0, 0xFCFC
            if window.width == 32:
                upper = [(0x30, (last >> 16) << 16 | start >> 16)]
        else:
            low, mask = last & 0xFFF00000 | start >> 16 & 0xFFF0 if range_ else 0xFFF0, 0xFFF0FFF0
            if key.kind == "pref" and window.width == 64:
                upper = [(0x28, start >> 32), (0x2C, last >> 32)]
        if not grow:
            self._put(key.bridge, offset, width, low, mask)
        for register, value in upper if grow else upper[::-1]:
            self._put(key.bridge, register, 4, value, 0xFFFFFFFF)
        if grow:
            self._put(key.bridge, offset, width, low, mask)

    def _bar(self, key: BarKey, range_: Range) -> None:
        bar, space = self.machine.ground.bars[key], self.machine.space[key.function]
        at = range_.start - self.machine.ground.offset(key.function, bar.space, range_)
        register = space.register(key.index)
        space.unassigned.discard(key.index)
        if key.index == "rom":
            self._put(key.function, register, 4, at, 0xFFFFF800)
            return
        self._put(key.function, register, 4, at & 0xFFFFFFFF, 0xFFFFFFFC if bar.space == "io" else 0xFFFFFFF0)
        if bar.width == 64 and bar.space == "mem":
            self._put(key.function, register + 4, 4, at >> 32, 0xFFFFFFFF)

    def _registers(self, windows: list[Line], bars: list[Line]) -> None:
        machine = self.machine
        commands = {line.key[0]: machine.raw_read(line.key[0], COMMAND, 2) for line in bars}
        for address, command in commands.items():
            self._put(address, COMMAND, 2, command & ~3, 3)
        for line in reversed(windows):
            if line.before is not None:
                assert isinstance(line.key, WindowKey)
                self._window(line.key, line.before.clip(line.after) if line.after else None, grow=False)
        for line in windows:
            if line.after is not None:
                assert isinstance(line.key, WindowKey)
                self._window(line.key, line.after, grow=True)
        for line in bars:
            if line.after is not None:
                assert isinstance(line.key, BarKey)
                self._bar(line.key, line.after)
        for line in windows:
            if line.after is not None:
                assert isinstance(line.key, WindowKey)
                bit = BITS[machine.ground.windows[line.key].space]
                self._put(line.key.bridge, COMMAND, 2, machine.raw_read(line.key.bridge, COMMAND, 2) | bit, bit)
        for address, command in commands.items():
            self._put(address, COMMAND, 2, command, 3)


def _range(text: str) -> Range | None:
    if text == "-":
        return None
    first, _, last = text.partition("-")
    return Range.inclusive(int(first, 16), int(last, 16))
