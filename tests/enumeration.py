"""Every placement of a small machine, by dynamic programming over what is taken: what is best, without any solver.

Coordinates are half MiBs; a set of them is the bits of an int. Everything that counts adds up over functions and
windows, and the order of vectors of counts survives that the same is added to both, so for each bus the enumeration
keeps, for each set that is taken, the first vector of all. Nothing here is shared with an engine or with the checker.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from random import Random

from models.resources import MIB, Range, Size
from models.topology import Bar, Bridge, BridgeWindow, Function, Reserved, RootBus, RootWindow, Topology
from tests.topologies import address

UNIT = MIB // 2
GRAIN = 2
"""Units of a bridge window's granularity."""

LOW, HIGH = 0x4000_0000, 0x40_0000_0000
_HIGH_UNIT = 16
"""Where the prefetchable root window begins; a multiple of every size."""

COUNTS = (
    "unplaced",
    "moved_bars",
    "wasted_bytes",
    "windows_changed",
    "prepared_drivers",
    "moved_functions",
    "unplaced_functions",
    "rebar",
    "rebar_halvings",
    "headroom",
)
"""Every objective."""

Vector = tuple[int, ...]
"""Counts in the order of the objectives."""
Chosen = tuple[int | None, int]
"""Where a BAR is, and its units."""
Window = tuple[str, int, int]
"""Kind, first unit and the unit behind the last."""
Fronts = dict[int, Vector]
"""The first vector for each set that is taken."""


def unit_of(where: int) -> int:
    """The coordinate of an address."""
    return (where - LOW) // UNIT if where < HIGH else _HIGH_UNIT + (where - HIGH) // UNIT


def address_of(unit: int) -> int:
    return LOW + unit * UNIT if unit < _HIGH_UNIT else HIGH + (unit - _HIGH_UNIT) * UNIT


def bits(start: int, end: int) -> int:
    return (1 << end) - (1 << start)


def plus(one: Vector, other: Vector) -> Vector:
    return tuple(a + b for a, b in zip(one, other, strict=True))


def keep(fronts: Fronts, taken: int, vector: Vector) -> None:
    """Keep the vector unless there is one that comes first."""
    if taken not in fronts or vector < fronts[taken]:
        fronts[taken] = vector


@dataclass(slots=True)
class Enumeration:
    """All placements of one machine in which some BARs have to stay.

    Attributes
    ----------
    staying
        Functions and indices of BARs that stay where they are, at the size they have.
    unprepared
        What it costs when a BAR of a driver moves or gets another size, by driver.
    order
        The objectives that count, see :meth:`best`.
    """

    topology: Topology
    staying: frozenset[tuple[str, object]]
    unprepared: Mapping[str, int] = field(default_factory=lambda: {"other": 1})
    order: tuple[str, ...] = ()
    known: dict[tuple[int, tuple[Window, ...]], Vector | None] = field(default_factory=dict)

    def best(self, order: Iterable[str]) -> list[int]:
        """The smallest values in this order of objectives."""
        self.order = tuple(order)
        self.known.clear()
        root = self.topology.root_buses[0]
        reserved = 0
        for item in self.topology.reserved:
            first, last = unit_of(item.range.start), unit_of(item.range.last)
            reserved |= bits(first, last + 1)
        best = self._bus(root.functions, self._root_windows, 0, reserved)
        assert best is not None, "no placement is legal"
        return list(best)

    @property
    def _root_windows(self) -> tuple[Window, ...]:
        return tuple(_root_window(window) for window in self.topology.root_buses[0].windows)

    def _vector(self, **counts: int) -> Vector:
        return tuple(counts.get(name, 0) for name in self.order)

    def _bus(
        self, functions: tuple[Function, ...], windows: tuple[Window, ...], depth: int, taken: int
    ) -> Vector | None:
        """The first vector of a bus and all behind it; ``None`` where what has an address finds none."""
        key = id(functions), windows
        if key not in self.known:
            states: Fronts = {taken: self._vector()}
            for function in functions:
                states = _joined(states, self._function(function, windows, depth))
                if function.bridge is not None:
                    states = _joined(states, self._bridge(function, windows, depth))
            self.known[key] = min(states.values(), default=None)
        return self.known[key]

    def _function(self, function: Function, windows: tuple[Window, ...], depth: int) -> Fronts:
        """Where the BARs of a function can be."""
        fronts: Fronts = {}
        choices = [list(self._places(function, bar, windows)) for bar in function.bars]
        for chosen in itertools.product(*choices):
            taken, overlaps = 0, False
            for unit, size in chosen:
                span = bits(unit, unit + size) if unit is not None else 0
                overlaps = overlaps or bool(taken & span)
                taken |= span
            if not overlaps:
                keep(fronts, taken, self._counts(function, chosen, depth))
        return fronts

    def _places(self, function: Function, bar: Bar, windows: tuple[Window, ...]) -> Iterator[Chosen]:
        today = None if bar.address is None else unit_of(bar.address)
        stays = (function.address, bar.index) in self.staying
        for size in [bar.size // UNIT] if stays else self._sizes(bar):
            for kind, start, end in windows:
                if (bar.prefetchable or kind == "mem") and _reaches(bar.width, end):
                    for unit in range(-(-start // size) * size, end - size + 1, size):
                        if not stays or unit == today:
                            yield unit, size
        if today is None:
            yield None, bar.size // UNIT

    def _sizes(self, bar: Bar) -> list[int]:
        """The units a BAR may have: open only where the order counts them, and no fewer than today's where it works."""
        if not {"rebar", "rebar_halvings"} & set(self.order):
            return [bar.size // UNIT]
        return [size // UNIT for size in {bar.size, *bar.sizes} if bar.address is None or size >= bar.size]

    def _counts(self, function: Function, chosen: tuple[Chosen, ...], depth: int) -> Vector:
        pairs = list(zip(function.bars, chosen, strict=True))
        moved = sum(bar.address is not None and unit != unit_of(bar.address) for bar, (unit, _) in pairs)
        grown = any(bar.address is not None and size * UNIT != bar.size for bar, (_, size) in pairs)
        unplaced = sum(unit is None and not bar.optional for bar, (unit, _) in pairs)
        held = sum(size for _, (unit, size) in pairs if unit is not None) if depth else 0
        resizable = [(bar, None if unit is None else size) for bar, (unit, size) in pairs if bar.sizes]
        return self._vector(
            unplaced=unplaced,
            moved_bars=moved,
            wasted_bytes=-held * UNIT,
            prepared_drivers=self.unprepared.get(function.driver or "", 0) if moved or grown else 0,
            moved_functions=int(bool(moved)),
            unplaced_functions=int(bool(unplaced)),
            rebar=sum(max(bar.sizes) - (size or 0) * UNIT for bar, size in resizable),
            rebar_halvings=sum(_halvings(bar, size) for bar, size in resizable),
        )

    def _bridge(self, function: Function, windows: tuple[Window, ...], depth: int) -> Fronts:
        """Where the windows of a bridge can be, with the best of what is behind it."""
        assert function.bridge is not None
        fronts: Fronts = {}
        for chosen in itertools.product(*(list(_ranges(window, windows)) for window in function.bridge.windows)):
            taken = 0
            opened: list[Window] = []
            for window, span in zip(function.bridge.windows, chosen, strict=True):
                if span is not None:
                    if taken & bits(*span):
                        break
                    taken |= bits(*span)
                    opened.append((window.kind, *span))
            else:
                pairs = list(zip(function.bridge.windows, chosen, strict=True))
                own = self._vector(
                    wasted_bytes=0 if depth else sum(end - start for _, start, end in opened) * UNIT,
                    windows_changed=sum(_today(window) != span for window, span in pairs),
                    headroom=sum(self._short(window, span) for window, span in pairs)
                    if function.bridge.hotplug and not function.bridge.functions
                    else 0,
                )
                inner = self._bus(function.bridge.functions, tuple(opened), depth + 1, 0)
                if inner is not None:
                    keep(fronts, taken, plus(own, inner))
        return fronts

    def _short(self, window: BridgeWindow, span: tuple[int, int] | None) -> int:
        """How many doublings the largest block in a window is below that of the root windows which serve it."""
        serving = [
            (start, end)
            for kind, start, end in self._root_windows
            if (window.kind == "pref" or kind == "mem") and _reaches(window.width, end)
        ]
        return max((_doublings(*each) for each in serving), default=0) - (0 if span is None else _doublings(*span))


def _halvings(bar: Bar, size: int | None) -> int:
    """How often the largest size is halved; one more than to the smallest where there is no address."""
    if size is None:
        return _halvings(bar, min(bar.size, *bar.sizes) // UNIT) + 1
    return (max(bar.sizes) // UNIT).bit_length() - size.bit_length()


def _doublings(start: int, end: int) -> int:
    """0 for no block of 1 MiB, 1 for 1 MiB, 2 for 2 MiB, and so on; a block starts at a multiple of itself."""
    return next((power for power in range(8, 0, -1) if -(-start // (1 << power)) + 1 <= end >> power), 0)


def _root_window(window: RootWindow) -> Window:
    start = unit_of(window.range.start)
    return "pref" if window.prefetchable else "mem", start, start + window.range.size // UNIT


def _today(window: BridgeWindow) -> tuple[int, int] | None:
    if window.range is None:
        return None
    start = unit_of(window.range.start)
    return start, start + window.range.size // UNIT


def _ranges(window: BridgeWindow, windows: tuple[Window, ...]) -> Iterator[tuple[int, int] | None]:
    yield None
    for kind, start, end in windows:
        if (window.kind == "pref" or kind == "mem") and _reaches(window.width, end):
            edges = range(-(-start // GRAIN) * GRAIN, end + 1, GRAIN)
            yield from ((low, high) for low in edges for high in edges if low < high)


def _reaches(width: int, end: int) -> bool:
    return width == 64 or end <= _HIGH_UNIT


def _joined(states: Fronts, options: Fronts) -> Fronts:
    """Every state with every option that leaves it alone."""
    joined: Fronts = {}
    for taken, vector in states.items():
        for span, more in options.items():
            if not taken & span:
                keep(joined, taken | span, plus(vector, more))
    return joined


# -- machines -----------------------------------------------------------------------------------------------------


class SmallMachine:
    """A machine of up to six BARs in root windows of a few MiB, made from a seed; today it breaks no rule."""

    def __init__(self, seed: int) -> None:
        self.rng = Random(seed)
        self.later = Random(~seed)  # for what came later, so that a seed goes on being the same machine otherwise
        self.left = self.rng.choice([2, 3, 4, 5, 6])

    @cached_property
    def topology(self) -> Topology:
        """The machine with addresses of today for some of its BARs."""
        rng = self.rng
        windows = [RootWindow("mem", Range.of(LOW, rng.choice([3, 4, 5]) * MIB))]
        if rng.random() < 0.3:
            windows.append(RootWindow("mem", Range.of(HIGH, rng.choice([2, 3]) * MIB), prefetchable=True))
        functions = [self._bridge(1, nested=rng.random() < 0.3)] if rng.random() < 0.8 else []
        if functions and rng.random() < 0.3:
            functions.append(self._bridge(5, nested=False))
        number = 0x10
        while self.left:
            functions.append(self._function(0, number))
            number += 1
        reserved: tuple[Reserved, ...] = ()
        if rng.random() < 0.2:
            reserved = (Reserved("mem", Range.of(LOW + rng.choice([0, 2, 3]) * UNIT, UNIT), "some device"),)
        bare = Topology((RootBus(0, 0, tuple(windows), tuple(functions)),), reserved=reserved)
        return max((self._placed(bare) for _ in range(6)), key=_addresses)

    def _bridge(self, bus: int, *, nested: bool) -> Function:
        rng = self.rng
        inner = [self._bridge(bus + 1, nested=False)] if nested else []
        for number in range(rng.choice([0, 1, 1, 2])):
            if self.left:
                inner.append(self._function(bus, number))
        kinds = [BridgeWindow("mem")] + [BridgeWindow("pref", rng.choice([32, 64, 64]))] * (
            rng.random() < (0.2 if nested else 0.4)
        )
        where = address(f"00:{bus:02x}.0" if bus != 2 else f"01:{0x1F:02x}.0")
        return Function(
            where,
            driver="pcieport",
            driver_known=True,
            bridge=Bridge(
                bus,
                bus + nested,
                hotplug=not inner and self.later.random() < 0.7,
                windows=tuple(kinds),
                functions=tuple(inner),
            ),
        )

    def _function(self, bus: int, number: int) -> Function:
        rng = self.rng
        count = min(self.left, rng.choice([1, 1, 1, 2]))
        self.left -= count
        bars = []
        for index in range(count):
            prefetchable = rng.random() < 0.4
            size = rng.choice([1, 1, 2, 2, 4]) * UNIT
            optional = rng.random() < 0.15
            width = rng.choice([32, 64, 64]) if prefetchable else 32
            sizes: tuple[Size, ...] = ()
            if self.later.random() < 0.4:
                sizes = tuple(sorted({size, *(many * UNIT for many in self.later.sample([1, 2, 4], 2))}))
            bars.append(Bar(2 * index, "mem", size, width, prefetchable=prefetchable, optional=optional, sizes=sizes))
        driver = rng.choice([None, "nvme", "other", "other"])
        return Function(address(f"{bus:02x}:{number:02x}.0"), driver=driver, driver_known=True, bars=tuple(bars))

    # -- today ------------------------------------------------------------------------------------------------------

    def _placed(self, topology: Topology) -> Topology:
        """Addresses by chance: some BARs and windows get a place, and nothing overlaps."""
        root = topology.root_buses[0]
        taken = 0
        for item in topology.reserved:
            taken |= bits(unit_of(item.range.start), unit_of(item.range.last) + 1)
        functions, _ = self._bus(root.functions, tuple(_root_window(window) for window in root.windows), taken)
        return replace(topology, root_buses=(replace(root, functions=functions),))

    def _bus(
        self, functions: tuple[Function, ...], windows: tuple[Window, ...], taken: int
    ) -> tuple[tuple[Function, ...], int]:
        done = []
        for function in functions:
            bars = []
            for bar in function.bars:
                size = bar.size // UNIT
                starts = [
                    unit
                    for kind, start, end in windows
                    if (bar.prefetchable or kind == "mem") and _reaches(bar.width, end)
                    for unit in range(-(-start // size) * size, end - size + 1, size)
                    if not taken & bits(unit, unit + size)
                ]
                if starts and self.rng.random() < 0.65:
                    unit = self.rng.choice(starts)
                    taken |= bits(unit, unit + size)
                    bar = replace(bar, address=address_of(unit))
                bars.append(bar)
            bridge = function.bridge
            if bridge is not None:
                bridge, taken = self._opened(bridge, windows, taken)
            done.append(replace(function, bars=tuple(bars), bridge=bridge))
        return tuple(done), taken

    def _opened(self, bridge: Bridge, windows: tuple[Window, ...], taken: int) -> tuple[Bridge, int]:
        opened: list[Window] = []
        mine = []
        for window in bridge.windows:
            free = [span for span in _ranges(window, windows) if span is None or not taken & bits(*span)]
            span = self.rng.choice(free)
            if span is not None:
                taken |= bits(*span)
                opened.append((window.kind, *span))
                window = replace(window, range=_range(*span))
            mine.append(window)
        functions, _ = self._bus(bridge.functions, tuple(opened), 0)
        return replace(bridge, windows=tuple(mine), functions=functions), taken


def _range(start: int, end: int) -> Range:
    return Range.of(address_of(start), (end - start) * UNIT)


def _addresses(topology: Topology) -> Size:
    return sum(bar.address is not None for _, bar in topology.bars())
