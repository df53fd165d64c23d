"""What an arrangement of some items is worth, and what no arrangement can undercut; computed without a solver."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from models.headroom import doublings, largest_block
from models.resources import FunctionAddress, Size, Space, align_up
from solver.arrangement import Arrangement
from solver.problem import BarItem, Choice, Span, WindowItem, choices, unplaceable


def today(bars: Sequence[BarItem], windows: Sequence[WindowItem]) -> Arrangement:
    """The arrangement these items have today."""
    return Arrangement(
        {bar.key: bar.today for bar in bars if bar.movable}, {window.key: window.today for window in windows}
    )


def worth(bars: Sequence[BarItem], windows: Sequence[WindowItem], arrangement: Arrangement) -> dict[str, int]:
    """The value of every objective for these items."""
    unplaced = moved = shortfall = halvings = 0
    functions: set[FunctionAddress] = set()
    lacking: set[FunctionAddress] = set()
    prepared: dict[FunctionAddress, int] = {}
    places: list[tuple[BarItem, Span]] = []
    standing: dict[Choice, tuple[BarItem, int]] = {}

    def leaves(bar: BarItem, *, address: bool) -> None:
        nonlocal moved
        function = bar.key.function
        prepared[function] = max(bar.cost, prepared.get(function, 0))
        if address:
            moved += 1
            functions.add(function)

    for bar in bars:
        at = arrangement.bars.get(bar.key, bar.today) if bar.movable else bar.today
        if bar.choice is None:
            shortfall += bar.largest
            halvings += bar.halvings_without if at is None else bar.halvings
        if at is None:
            unplaced += bar.required
            lacking |= {bar.key.function} if bar.required else set()
            continue
        places.append((bar, (at, at + bar.span)))
        shortfall -= bar.span if bar.largest else 0
        if bar.choice is not None:
            standing[bar.choice] = bar, at
        elif bar.today is not None and at != bar.today:
            leaves(bar, address=True)
    for choice in choices(bars):
        shortfall += choice.items[0].largest
        if choice not in standing:
            halvings += choice.items[0].halvings_without
            unplaced += choice.required
            lacking |= {choice.key.function} if choice.required else set()
            continue
        bar, at = standing[choice]
        halvings += bar.halvings
        if choice.home is not None and (bar.today is None or at != choice.home):
            leaves(bar, address=at != choice.home)
    changed = sum(arrangement.windows.get(window.key) != window.today for window in windows)
    return {
        "unplaced": unplaced,
        "unplaced_functions": len(lacking),
        "moved_bars": moved,
        "moved_functions": len(functions),
        "prepared_drivers": sum(prepared.values()),
        "windows_changed": changed,
        "wasted_bytes": _wasted(places, windows, arrangement),
        "rebar": shortfall,
        "rebar_halvings": halvings,
        "headroom": sum(_missing(window, arrangement.windows.get(window.key)) for window in windows),
    }


def _missing(window: WindowItem, span: Span | None) -> int:
    """Doublings by which the room of an empty port falls short; 0 for any other window."""
    if window.most is None:
        return 0
    return max(0, window.most - (0 if span is None else doublings(largest_block(*span))))


def _wasted(places: list[tuple[BarItem, Span]], windows: Sequence[WindowItem], arrangement: Arrangement) -> Size:
    outer: dict[tuple[str, Space], list[Span]] = defaultdict(list)
    wasted = 0
    for window in windows:
        span = arrangement.windows.get(window.key)
        if window.bus.parent is None and span is not None:
            outer[window.atom, window.space].append(span)
            wasted += span[1] - span[0]
    for bar, (start, end) in places:
        if bar.bus.parent is not None and not bar.stand_in:
            wasted -= (end - start) * any(low <= start and end <= high for low, high in outer[bar.atom, bar.space])
    return wasted


def floors(bars: Sequence[BarItem], windows: Sequence[WindowItem], names: Sequence[str]) -> dict[str, int]:
    """Values that no arrangement undercuts, each with all earlier objectives at theirs.

    What stands on a bus fills windows that come in whole blocks, so its last
    block is rounded up, and optional BARs can fill no more than their size of
    it; child windows are whole blocks already. The sum over all buses counts
    only where every required BAR has a place: it has one today, or ``unplaced``
    comes first.
    """
    evicted = [bar for bar in bars if bar.evicted and bar.choice is None]
    result = {
        "unplaced": unplaceable(bars),
        "unplaced_functions": len({bar.key.function for bar in bars if bar.required and not bar.placeable}),
        "moved_bars": len(evicted),
        "moved_functions": len({bar.key.function for bar in evicted}),
        "prepared_drivers": sum({bar.key.function: bar.cost for bar in evicted}.values()),
        "windows_changed": 0,
        "wasted_bytes": 0,
        "rebar": _least_shortfall(bars),
        "rebar_halvings": _least_halvings(bars),
        "headroom": sum(_least_missing(window) for window in windows),
    }
    for name, floor in (("wasted_bytes", _least_waste), ("windows_changed", _least_changes)):
        if all_in_place(bars, names, name):
            result[name] = floor(bars, windows)
    result["wasted_bytes"] = result["wasted_bytes"] or lowest("wasted_bytes", bars, windows)
    return result


def all_in_place(bars: Sequence[BarItem], names: Sequence[str], name: str) -> bool:
    """Whether every required BAR that can have a place has one where ``name`` counts."""
    placed_first = "unplaced" in names and name in names[names.index("unplaced") :]
    return all(bar.kept or not bar.required or placed_first for bar in bars)


def lowest(name: str, bars: Sequence[BarItem], windows: Sequence[WindowItem]) -> int:
    """A value that no arrangement undercuts, whatever the earlier objectives: 0, but what overlaps is backed twice."""
    overlapping = any(bar.shared or not bar.nested for bar in bars) or any(window.tolerated for window in windows)
    if name == "wasted_bytes" and overlapping:
        return -sum(bar.span for bar in bars if bar.bus.parent is not None)
    return 0


def _least_shortfall(bars: Sequence[BarItem]) -> Size:
    """Bytes by which Resizable BARs fall short if each has the largest size that some root window can hold."""
    plain = sum(bar.largest - bar.span * bar.placeable for bar in bars if bar.choice is None and bar.largest)
    return plain + sum(
        choice.items[0].largest - max((bar.span for bar in choice.items if bar.placeable), default=0)
        for choice in choices(bars)
    )


def _least_halvings(bars: Sequence[BarItem]) -> int:
    """The same in halvings."""
    plain = (bar.halvings if bar.placeable else bar.halvings_without for bar in bars if bar.choice is None)
    return sum(plain) + sum(
        min((bar.halvings for bar in choice.items if bar.placeable), default=choice.items[0].halvings_without)
        for choice in choices(bars)
    )


def _least_missing(window: WindowItem) -> int:
    """Doublings by which the room of an empty port falls short if it is alone in the root windows."""
    spans = [*window.places, *([window.today] if window.today is not None else [])]
    return min((_missing(window, span) for span in spans), default=_missing(window, None))


def is_plain(bars: Sequence[BarItem], windows: Sequence[WindowItem]) -> bool:
    """Whether every BAR with a place lies in a window of its bus, by itself."""
    odd = any(bar.shared or not bar.nested or bar.bus.subtractive or bar.stand_in or bar.choice for bar in bars)
    return not odd and not any(window.tolerated or window.bus.subtractive for window in windows)


def _least_changes(bars: Sequence[BarItem], windows: Sequence[WindowItem]) -> int:
    """Bridges, counted for each address space, whose windows of today are closed or too short for what needs a place.

    Non-prefetchable memory fits in the memory window alone; everything fits in all windows together.
    """
    if not is_plain(bars, windows):
        return 0
    all_below: dict[tuple[int, Space], Size] = defaultdict(int)
    plain_below: dict[tuple[int, Space], Size] = defaultdict(int)
    for bar in bars:
        if not (bar.kept or bar.required) or not bar.placeable:
            continue
        bus = bar.bus
        while bus.parent is not None:
            all_below[bus.number, bar.space] += bar.span
            if not bar.prefetchable:
                plain_below[bus.number, bar.space] += bar.span
            bus = bus.parent
    room: dict[tuple[int, Space], Size] = defaultdict(int)
    plain_room: dict[tuple[int, Space], Size] = defaultdict(int)
    for window in windows:
        if window.today is not None:
            key = (window.inner.number, window.space)
            room[key] += window.today[1] - window.today[0]
            if window.kind != "pref":
                plain_room[key] += window.today[1] - window.today[0]
    return sum(plain_below[key] > plain_room[key] or total > room[key] for key, total in all_below.items())


def _least_waste(bars: Sequence[BarItem], windows: Sequence[WindowItem]) -> Size:
    return sum(rounding(bars, windows).values())


def whole_blocks(windows: Sequence[WindowItem]) -> dict[tuple[int, Space], Size]:
    """By bus and address space, the block of which its windows are whole numbers, where what stands on it is beside.

    The window of a child bridge that comes in smaller blocks shares one with the BARs of the bus.
    """
    blocks: dict[tuple[int, Space], Size] = {}
    for window in windows:
        key = (window.inner.number, window.space)
        blocks[key] = min(blocks.get(key, window.granularity), window.granularity)
    finer = {
        (window.bus.number, window.space)
        for window in windows
        if window.granularity % blocks.get((window.bus.number, window.space), 1)
    }
    return {key: block for key, block in blocks.items() if key not in finer}


def rounding(bars: Sequence[BarItem], windows: Sequence[WindowItem]) -> dict[tuple[int, Space], Size]:
    """For each bus and address space, the bytes its windows waste at least when every required BAR has a place."""
    if not is_plain(bars, windows):
        return {}
    blocks = whole_blocks(windows)
    required: dict[tuple[int, Space], Size] = defaultdict(int)
    filling: dict[tuple[int, Space], Size] = defaultdict(int)
    for bar in bars:
        if bar.bus.parent is not None and bar.placeable:
            (required if bar.kept or bar.required else filling)[bar.bus.number, bar.space] += bar.span
    return {
        key: max(0, align_up(total, blocks[key]) - total - filling[key])
        for key, total in required.items()
        if key in blocks
    }
