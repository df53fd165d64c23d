"""Random machines that could be real: laid out by the rules, then disturbed a little.

Everything is drawn from a :class:`random.Random`, so that a seed or Hypothesis can drive it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random

from hypothesis import strategies as st

from models.resources import (
    FOUR_GIB,
    IO_REACH,
    KIB,
    MIB,
    FunctionAddress,
    Range,
    WindowKind,
    align_down,
    align_up,
    function_address,
)
from models.topology import (
    Bar,
    Bridge,
    BridgeWindow,
    CardbusWindow,
    Function,
    Reserved,
    RootBus,
    RootWindow,
    Topology,
    default_granularity,
)

_LOW = 0x8000_0000
_HIGH = 0x40_0000_0000


@dataclass(slots=True)
class _Line:
    """A root window that is filled from its start: a bus address that only grows."""

    window: RootWindow
    next: int
    end: int


class _Maker:
    """Makes one root bus with what stands below it."""

    def __init__(self, rng: Random, domain: int) -> None:
        self.rng, self.domain = rng, domain
        self.buses = 0
        self.windows = self._root_windows()
        self.lines = {
            id(window): _Line(window, window.range.start - window.offset, window.range.end - window.offset)
            for window in self.windows
        }

    def chance(self, share: float) -> bool:
        return self.rng.random() < share

    def _root_windows(self) -> list[RootWindow]:
        rng, base = self.rng, self.domain * (1 << 44)
        size = rng.choice([4, 8, 16, 32]) * MIB
        offset = base + rng.choice([0, 0, 0x1000_0000])
        windows = [RootWindow("mem", Range.of(_LOW + offset, size), offset=offset)]
        if self.chance(0.6):
            start = _HIGH + base + rng.choice([0, 4 * MIB])
            kind = self.chance(0.7)
            windows.append(
                RootWindow("mem", Range.of(start, rng.choice([8, 16, 64]) * MIB), kind, base if self.chance(0.8) else 0)
            )
        if self.chance(0.5):
            ports = self.domain * 64 * KIB
            windows.append(RootWindow("io", Range.of(ports, rng.choice([16, 64]) * KIB), offset=ports))
        if self.chance(0.15):  # the same bus addresses once more
            windows.append(RootWindow("mem", Range.of(base + 0x20_0000_0000, 8 * MIB), offset=base + 0x1F_8000_0000))
        return windows

    def bars(self, *, small: bool) -> tuple[Bar, ...]:
        rng = self.rng
        made: list[Bar] = []
        for index in rng.sample([0, 2, 4], rng.choice([0, 1, 1, 2, 3])):
            wide = self.chance(0.5)
            if self.chance(0.2):
                made.append(Bar(index, "io", rng.choice([8, 32, 256, 4096])))
                continue
            size = rng.choice([4 * KIB, 64 * KIB, MIB] if small else [16 * KIB, MIB, MIB, 2 * MIB, 4 * MIB])
            made.append(Bar(index, "mem", size, 64 if wide else 32, wide and self.chance(0.7)))
        if self.chance(0.15):
            made.append(Bar("rom", "mem", 64 * KIB, 32, True, optional=True))
        if self.chance(0.15):
            made.append(Bar("vf0", "mem", 16 * KIB, 64, self.chance(0.5), copies=rng.choice([3, 8, 64]), optional=True))
        return tuple(made)

    def function(self, bus: int, device: int, depth: int) -> Function:
        rng = self.rng
        address = function_address(self.domain, bus, device, 0)
        driver = rng.choice([None, "nvme", "other", "pcieport"])
        if depth == 0 or self.chance(0.5):
            return Function(address, driver=driver, driver_known=True, bars=self.bars(small=self.chance(0.4)))
        self.buses += 1
        secondary = self.buses
        kinds: list[WindowKind] = ["mem"]
        if self.chance(0.7):
            kinds.append("pref")
        if self.chance(0.5):
            kinds.insert(0, "io")
        windows = tuple(
            BridgeWindow(
                kind, {"io": 16, "mem": 32, "pref": rng.choice([32, 64, 64])}[kind], None, self._granularity(kind)
            )
            for kind in kinds
        )
        inner = tuple(self.function(secondary, number, depth - 1) for number in range(rng.choice([0, 1, 1, 2, 3])))
        return Function(
            address,
            driver="pcieport",
            driver_known=True,
            bars=(Bar(0, "mem", 4 * KIB),) if self.chance(0.1) else (),
            bridge=Bridge(secondary, self.buses, subtractive=self.chance(0.15), windows=windows, functions=inner),
        )

    def _granularity(self, kind: WindowKind) -> int:
        return KIB if kind == "io" and self.chance(0.2) else default_granularity(kind)

    # -- today's addresses ------------------------------------------------------------------------------------------

    def place(self, function: Function, within: dict[str, _Line | None]) -> Function:
        """Addresses for a function and all behind it; what does not fit, or is skipped by chance, gets none."""
        bars = tuple(self._place_bar(bar, within) for bar in function.bars)
        if function.bridge is None:
            return replace(function, bars=bars)
        functions = list(function.bridge.functions)
        ranges: dict[WindowKind, Range] = {}
        for window in function.bridge.windows:  # one window after the other, so that each grows as it is filled
            outer = within["pref" if window.kind == "pref" and window.width == 64 else window.space]
            if outer is None or window.range is not None or self.chance(0.05):
                continue
            grain = window.granularity
            end = outer.end if window.width == 64 else min(outer.end, IO_REACH if window.kind == "io" else FOUR_GIB)
            line = _Line(outer.window, align_up(outer.next, grain), align_down(end, grain))
            if line.next >= line.end:
                continue
            start = line.next
            inner: dict[str, _Line | None] = {"io": None, "mem": None, "pref": None, window.kind: line}
            functions = [self.place(one, inner) for one in functions]
            end = align_up(line.next, grain)
            if end + grain <= line.end and self.chance(0.2):
                end += grain
            if start < end:
                ranges[window.kind] = Range(start + outer.window.offset, end + outer.window.offset)
                outer.next = end
        windows = tuple(
            replace(window, range=ranges.get(window.kind, window.range)) for window in function.bridge.windows
        )
        return replace(
            function, bars=bars, bridge=replace(function.bridge, windows=windows, functions=tuple(functions))
        )

    def _place_bar(self, bar: Bar, within: dict[str, _Line | None]) -> Bar:
        high = bar.prefetchable and bar.width == 64 and within.get("pref") is not None
        line = within.get("pref" if high else bar.space)
        if bar.address is not None or line is None or self.chance(0.25):
            return bar
        start = align_up(line.next, bar.size)
        if self.chance(0.2):
            start += bar.size
        if start + bar.span > line.end or (bar.width == 32 and start + bar.span > 1 << 32):
            return bar
        line.next = start + bar.span
        return replace(bar, address=start + line.window.offset)

    def make(self) -> RootBus:
        functions = [self.function(0, device, 2) for device in range(self.rng.choice([1, 2, 3, 4]))]
        lines: dict[str, _Line | None] = {"io": None, "mem": None, "pref": None}
        for window in self.windows:
            lines["pref" if window.prefetchable else window.space] = self.lines[id(window)]
        lines["pref"] = lines["pref"] or lines["mem"]
        return RootBus(self.domain, 0, tuple(self.windows), tuple(self.place(one, lines) for one in functions))


def random_machine(rng: Random, *, disturbed: bool = True) -> Topology:
    """A machine of one or two root buses; ``disturbed`` = some things may break a rule, or cannot be moved."""
    roots = tuple(_Maker(rng, domain).make() for domain in range(rng.choice([1, 1, 1, 2])))
    topology = Topology(roots)
    return _disturbed(topology, rng) if disturbed else topology


def _disturbed(topology: Topology, rng: Random) -> Topology:
    """Some BARs fixed, some windows and BARs elsewhere, some ranges reserved, a CardBus bridge."""

    def change(function: Function) -> Function:
        bars = tuple(_disturbed_bar(bar, rng) for bar in function.bars)
        if function.bridge is None or rng.random() < 0.8:
            return replace(function, bars=bars)
        windows = tuple(_disturbed_window(window, rng) for window in function.bridge.windows)
        return replace(function, bars=bars, bridge=replace(function.bridge, windows=windows))

    topology = topology.map_functions(change)
    first = topology.root_buses[0]
    start = first.windows[0].range.start
    if rng.random() < 0.2:
        at = start + rng.choice([0, MIB, 3 * MIB, 100 * KIB])
        topology = replace(topology, reserved=(Reserved("mem", Range.of(at, rng.choice([KIB, MIB])), "a"),))
    if rng.random() < 0.1:
        card = CardbusWindow("mem", Range.of(start + rng.choice([1, 2]) * MIB, MIB), rng.random() < 0.5)
        address = FunctionAddress("0000:00:1f.0")
        cardbus = Function(address, driver_known=True, bridge=Bridge(0xFE, 0xFE, cardbus=(card,)))
        topology = replace(
            topology, root_buses=(replace(first, functions=(*first.functions, cardbus)), *topology.root_buses[1:])
        )
    return topology


def _disturbed_bar(bar: Bar, rng: Random) -> Bar:
    chance = rng.random()
    if chance < 0.04:
        return replace(bar, fixed=True)
    if chance < 0.07 and bar.address is not None:
        return replace(bar, fixed=True, size=bar.size // 2 + 16 if bar.size > 64 else bar.size)
    if chance < 0.10 and bar.address is not None:
        address = bar.address + rng.choice([-1, 1]) * rng.choice([bar.size, bar.size // 2 or 1, MIB])
        return replace(bar, address=address) if address >= 0 else bar
    return bar


def _disturbed_window(window: BridgeWindow, rng: Random) -> BridgeWindow:
    if window.range is None:
        return window
    step = rng.choice([window.granularity, window.granularity // 2, 4 * window.granularity])
    shift = rng.choice([-1, 1]) * step
    moved = rng.random() < 0.5
    start, end = window.range.start + shift * moved, window.range.end + shift
    return replace(window, range=Range(start, end)) if 0 <= start < end else window


placed_machines: st.SearchStrategy[Topology] = st.randoms(use_true_random=False).map(
    lambda rng: random_machine(rng, disturbed=False)
)
"""Machines that break no rule today."""

machines: st.SearchStrategy[Topology] = st.randoms(use_true_random=False).map(random_machine)
"""Machines some of which break rules today."""
