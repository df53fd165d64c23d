"""What an arrangement of some items is worth, and what no arrangement can undercut; computed without a solver."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from models.resources import Size, Space, align_up
from models.topology import BarKey, WindowKey
from solver.problem import BarItem, Span, WindowItem


@dataclass(slots=True)
class Arrangement:
    """Where items stand, in coordinates (``None`` = unassigned or closed)."""

    bars: dict[BarKey, int | None] = field(default_factory=dict)
    windows: dict[WindowKey, Span | None] = field(default_factory=dict)


def today(bars: Sequence[BarItem], windows: Sequence[WindowItem]) -> Arrangement:
    """The arrangement these items have today."""
    return Arrangement(
        {bar.key: bar.today for bar in bars if bar.movable}, {window.key: window.today for window in windows}
    )


def worth(bars: Sequence[BarItem], windows: Sequence[WindowItem], arrangement: Arrangement) -> dict[str, int]:
    """The value of every objective for these items."""
    unplaced = moved = 0
    functions = set()
    places: list[tuple[BarItem, Span]] = []
    for bar in bars:
        at = arrangement.bars.get(bar.key, bar.today) if bar.movable else bar.today
        if at is None:
            unplaced += bar.required
            continue
        places.append((bar, (at, at + bar.span)))
        if bar.today is not None and at != bar.today:
            moved += 1
            functions.add(bar.key.function)
    changed = sum(arrangement.windows.get(window.key) != window.today for window in windows)
    return {
        "unplaced": unplaced,
        "moved_bars": moved,
        "moved_functions": len(functions),
        "windows_changed": changed,
        "wasted_bytes": _wasted(places, windows, arrangement),
    }


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
    result = {
        "unplaced": sum(bar.required and not bar.placeable for bar in bars),
        "moved_bars": sum(bar.evicted for bar in bars),
        "moved_functions": len({bar.key.function for bar in bars if bar.evicted}),
        "windows_changed": 0,
        "wasted_bytes": 0,
    }
    placed_first = "unplaced" in names and "wasted_bytes" in names[names.index("unplaced") :]
    if all(bar.kept or not bar.required or placed_first for bar in bars):
        result["wasted_bytes"] = sum(rounding(bars, windows).values())
    return result


def rounding(bars: Sequence[BarItem], windows: Sequence[WindowItem]) -> dict[tuple[int, Space], Size]:
    """For each bus and address space, the bytes its windows waste at least when every required BAR has a place."""
    if any(bar.shared or not bar.nested or bar.bus.subtractive or bar.stand_in for bar in bars):
        return {}
    blocks: dict[tuple[int, Space], Size] = {}
    for window in windows:
        if window.tolerated or window.bus.subtractive:
            return {}
        key = (window.inner.number, window.space)
        blocks[key] = min(blocks.get(key, window.granularity), window.granularity)
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
