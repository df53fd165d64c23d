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


def floors(bars: Sequence[BarItem], windows: Sequence[WindowItem]) -> dict[str, int]:
    """Values that no arrangement undercuts.

    What stands on a bus fills windows that come in whole blocks, so its last
    block is rounded up; child windows are whole blocks already. The sum over
    all buses counts only where every BAR must have a place of its own.
    """
    if any(not bar.kept or bar.shared or not bar.nested or bar.bus.subtractive or bar.stand_in for bar in bars):
        return {}
    blocks: dict[tuple[int, Space], int] = {}
    for window in windows:
        if window.tolerated or window.bus.subtractive:
            return {}
        key = (window.inner.number, window.space)
        blocks[key] = min(blocks.get(key, window.granularity), window.granularity)
    totals: dict[tuple[int, Space], int] = defaultdict(int)
    for bar in bars:
        if bar.bus.parent is not None:
            totals[bar.bus.number, bar.space] += bar.span
    return {"wasted_bytes": sum(align_up(total, blocks[key]) - total for key, total in totals.items())}
