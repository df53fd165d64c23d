"""Placements built without a solver: good first plans, and often the optimum.

Windows are packed from the leaves up. The contents of a window form a chain
without holes as far as alignment lets them; a window that is not a multiple of
its alignment may carry the odd part at its head or at its tail, so each window
is offered to its parent in a few layouts.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from models.resources import MIB, FunctionAddress, Size, Space, align_down, align_up
from models.topology import BarKey
from solver.arrangement import Arrangement
from solver.problem import BarItem, BusNode, Problem, Span, WindowItem, accepts

_OFFERS = 6
"""Layouts a window offers to its parent."""

_DRAWS = 60
"""Chains drawn by chance for a window that is longer than its contents."""

_ALL: Size = 1 << 64

TOGETHER: tuple[Size, ...] = (0, MIB // 2, 64 * MIB, _ALL)
"""Ways to divide prefetchable BARs between the two memory windows of a bridge (see :class:`Packer`)."""


@dataclass(frozen=True, slots=True)
class Layout:
    """A window's contents at fixed offsets.

    Attributes
    ----------
    phase
        Where the window must start, modulo ``alignment``.
    parts
        Offset and content: a BAR, or a window with its layout.
    """

    size: Size
    alignment: Size
    phase: int
    parts: tuple[tuple[int, BarItem | tuple[WindowItem, Layout]], ...]

    def first_start(self, low: int) -> int:
        """The first allowed start that is at least ``low``."""
        return low + (self.phase - low) % self.alignment


Content = BarItem | tuple[WindowItem, Layout]

_WORST = (1 << 65, 0.0, 0, 0)
"""Worse than any gap between contents, with what decides between those of the same length."""


@dataclass(slots=True)
class Packer:
    """Packs functions of the root bus from scratch, whatever addresses they have today.

    Attributes
    ----------
    together
        Prefetchable BARs of at most this many bytes go into the memory window (fewer windows, less rounding) instead
        of the prefetchable one.
    left_out
        BARs that get no address.
    """

    problem: Problem
    together: Size
    left_out: frozenset[BarKey] = frozenset()
    bars_on: dict[int, list[BarItem]] = field(default_factory=dict)
    bridges_on: dict[int, list[BusNode]] = field(default_factory=dict)
    known: dict[int, dict[WindowItem, list[Layout]] | None] = field(default_factory=dict)
    of_open_size: set[tuple[FunctionAddress, Space]] = field(default_factory=set)
    """Functions of the root bus with a BAR whose size is open: they have no packing before it is chosen."""

    def __post_init__(self) -> None:
        self.of_open_size = {(bar.atom, bar.space) for bar in self.problem.bars if bar.choice is not None}
        for bar in self.problem.bars:
            if (bar.kept or (bar.required and bar.placeable)) and bar.key not in self.left_out:
                self.bars_on.setdefault(bar.bus.number, []).append(bar)
        for bus in self.problem.buses:
            if bus.parent is not None:
                self.bridges_on.setdefault(bus.parent.number, []).append(bus)

    def offers(self, bus: BusNode) -> dict[WindowItem, list[Layout]] | None:
        """Layouts for each window of the bridge that leads to ``bus``; ``None`` where something finds no window."""
        if bus.number not in self.known:
            self.known[bus.number] = self._offers(bus)
        return self.known[bus.number]

    def _offers(self, bus: BusNode) -> dict[WindowItem, list[Layout]] | None:
        contents: dict[int, list[list[Content]]] = {id(window): [] for window in bus.windows}
        for bar in self.bars_on.get(bus.number, []):
            reaches = _reaches_high(bar) and bar.span > self.together and not bar.low
            window = self._window_for(bus, bar.space, prefetchable=bar.prefetchable, reaches=reaches)
            if window is None:
                return None
            contents[id(window)].append([bar])
        for inner in self.bridges_on.get(bus.number, []):
            offered = self.offers(inner)
            if offered is None:
                return None
            for child, layouts in offered.items():
                reaches = _reaches_high(child) and self.together < _ALL and not child.low
                window = self._window_for(bus, child.space, prefetchable=child.kind == "pref", reaches=reaches)
                if window is None:
                    return None
                contents[id(window)].append([(child, layout) for layout in layouts])
        return {
            window: _layouts(contents[id(window)], window.granularity) for window in bus.windows if contents[id(window)]
        }

    def pack(
        self,
        atoms: Iterable[FunctionAddress],
        spaces: Iterable[Space],
        walls: dict[Space, list[Span]],
        layouts: Mapping[int, Mapping[WindowItem, list[Layout]]] | None = None,
    ) -> Arrangement | None:
        """Place all of ``atoms`` from scratch around ``walls``; ``None`` where the packing does not fit.

        Parameters
        ----------
        layouts
            Layouts to use, by the number of the bus behind a bridge on the root bus.
        """
        chosen, wanted = set(atoms), set(spaces)
        if any(atom in chosen and space in wanted for atom, space in self.of_open_size):
            return None
        items: list[tuple[list[Span], Space, list[Content]]] = []
        for bus in self.bridges_on.get(0, []):
            if bus.bridge not in chosen:
                continue
            offered = self.offers(bus) if layouts is None else layouts.get(bus.number, {})
            if offered is None:
                return None
            items += [
                (_common_places(window, layouts), window.space, [(window, layout) for layout in layouts])
                for window, layouts in offered.items()
                if window.space in wanted
            ]
        for bar in self.bars_on.get(0, []):
            if bar.atom in chosen and bar.space in wanted:
                items.append((bar.places, bar.space, [bar]))
        items.sort(key=lambda entry: [-value for value in _shape(entry[2][0])[1::-1]])
        taken = {
            space: [*walls.get(space, []), *self.problem.buses[0].obstacles[space], *self.problem.reserved[space]]
            for space in wanted
        }
        arrangement = Arrangement()
        for places, space, options in items:
            at = _first_fit(places, taken[space], options)
            if at is None:
                return None
            start, item = at
            taken[space].append((start, start + _shape(item)[0]))
            _put(arrangement, item, start)
        return arrangement

    def _window_for(self, bus: BusNode, space: Space, *, prefetchable: bool, reaches: bool) -> WindowItem | None:
        """The window of ``bus`` for an item: the kernel's choice, or the memory window where all goes together."""
        fitting = [window for window in bus.windows if accepts(window.kind, space, prefetchable)]
        if not fitting:
            return None
        wanted = "pref" if reaches else "mem"
        return next((window for window in fitting if window.kind == wanted), fitting[0])


def _reaches_high(item: BarItem | WindowItem) -> bool:
    """Whether the item may stand wherever a prefetchable window may."""
    return any(high > 1 << 32 for _, high in item.places) or not item.places


def _layouts(contents: Sequence[list[Content]], granularity: Size) -> list[Layout]:
    """The shortest layouts of a window with these contents, each given by its alternatives."""
    modulus = max(_shape(item)[1] for options in contents for item in options)
    modulus = max(modulus, granularity)
    sizes = sorted(min(_shape(item)[0] for item in options) for options in contents)
    least = align_up(sum(sizes), granularity)
    starts, head = {0}, 0
    for size in sizes[:-1][:12]:
        head += size
        starts.add(align_down(-head, granularity) % modulus)
    shaped = [[(*_shape(item), item) for item in options] for options in contents]
    found: dict[tuple[Size, Size, int], Layout] = {}
    for start in sorted(starts):
        layout = _chain(shaped, start, granularity, None)
        found.setdefault(_shape_of(layout), layout)
    chance = random.Random(len(contents))
    for _ in range(_DRAWS):
        if min(layout.size for layout in found.values()) == least:
            break
        layout = _chain(shaped, chance.choice(sorted(starts)), granularity, chance)
        found.setdefault(_shape_of(layout), layout)
    return sorted(found.values(), key=lambda layout: (layout.size, layout.alignment, layout.phase))[:_OFFERS]


def _shape_of(layout: Layout) -> tuple[Size, Size, int]:
    return layout.size, layout.alignment, layout.phase


def _shape(item: Content) -> tuple[Size, Size, int]:
    """Size, alignment and phase of a content."""
    return (item.span, item.size, 0) if isinstance(item, BarItem) else _shape_of(item[1])


_Shaped = tuple[Size, Size, int, Content]
"""A content with its size, alignment and phase."""


def _chain(contents: Sequence[list[_Shaped]], start: int, granularity: Size, chance: random.Random | None) -> Layout:
    """Put contents one after the other from ``start``: no gap if one fits without, else the smallest gap.

    Of those with the same gap the most aligned comes first, or any of them where ``chance`` decides.
    """
    left = list(contents)
    parts: list[tuple[int, Content]] = []
    position, largest = start, granularity
    while left:
        best, chosen, place = _WORST, left[0][0], 0
        for index, options in enumerate(left):
            for shaped in options:
                size, alignment, phase, _ = shaped
                gap, draw = (phase - position) % alignment, chance.random() if chance else 0.0
                if gap <= best[0] and (key := (gap, draw, -alignment, -size)) < best:
                    best, chosen, place = key, shaped, index
        size, alignment, _, item = chosen
        parts.append((position + best[0] - start, item))
        position += best[0] + size
        largest = max(largest, alignment)
        del left[place]
    return Layout(align_up(position - start, granularity), largest, start % largest, tuple(parts))


def _common_places(window: WindowItem, layouts: Sequence[Layout]) -> list[Span]:
    """Where the window and all that is in it may stand: a 32-bit BAR or window keeps a 64-bit one below 4 GiB."""
    common = list(window.places)
    for places in {tuple(item.places) for layout in layouts[:1] for item in _items_in(layout)}:
        common = sorted(
            {
                (max(low, start), min(high, end))
                for low, high in common
                for start, end in places
                if max(low, start) < min(high, end)
            }
        )
    return common


def _items_in(layout: Layout) -> Iterator[BarItem | WindowItem]:
    for _, part in layout.parts:
        if isinstance(part, BarItem):
            yield part
        else:
            yield part[0]
            yield from _items_in(part[1])


def _first_fit(places: list[Span], taken: list[Span], options: list[Content]) -> tuple[int, Content] | None:
    busy = sorted(taken)
    for low, high in sorted(places, reverse=True):  # room below 4 GiB is for those that need it
        for item in options:
            size, alignment, phase = _shape(item)
            position = low + (phase - low) % alignment
            for start, end in busy:
                if position + size <= start:
                    break
                if end > position:
                    position = end + (phase - end) % alignment
            if position + size <= high:
                return position, item
    return None


def _put(arrangement: Arrangement, item: Content, start: int) -> None:
    if isinstance(item, BarItem):
        arrangement.bars[item.key] = start
        return
    window, layout = item
    arrangement.windows[window.key] = (start, start + layout.size)
    for offset, part in layout.parts:
        _put(arrangement, part, start + offset)


def shrink(
    bars: Sequence[BarItem], windows: Sequence[WindowItem], now: Arrangement, *, only_changed: bool = False
) -> Arrangement:
    """The same addresses with every window drawn in to what it holds; nothing changes behind a subtractive bridge.

    Parameters
    ----------
    only_changed
        Windows that are as they are today stay so.
    """
    arrangement = Arrangement(dict(now.bars), dict(now.windows))
    buses = [bar.bus for bar in bars] + [window.inner for window in windows]
    if any(bus.subtractive for bus in buses):
        return arrangement
    inner: dict[int, list[tuple[Space, Span]]] = {}
    for bar in bars:
        at = now.bars.get(bar.key) if bar.movable else bar.today
        if at is not None:
            inner.setdefault(bar.bus.number, []).append((bar.space, (at, at + bar.span)))
    for window in sorted(windows, key=lambda window: -window.inner.number):
        span = now.windows.get(window.key)
        if span is None:
            continue
        held = [
            part
            for space, part in inner.get(window.inner.number, [])
            if space == window.space and span[0] <= part[0] and part[1] <= span[1]
        ]
        # What an empty port has room for may count.
        free = not (window.tolerated or window.stays) and window.most is None
        if free and not (only_changed and span == window.today):
            new = None
            if held:
                new = (
                    align_down(min(start for start, _ in held), window.granularity),
                    align_up(max(end for _, end in held), window.granularity),
                )
            arrangement.windows[window.key] = span = new
        if span is not None:
            inner.setdefault(window.bus.number, []).append((window.space, span))
    return arrangement
