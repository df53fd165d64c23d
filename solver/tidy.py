"""The same plan, made pleasant to read: low addresses, and no window longer than it needs to be.

An objective that is not asked for leaves the solver free, and it uses that
freedom at random. Tidying changes no BAR and no window that the plan leaves as
it is today, and makes no objective worse.
"""

from __future__ import annotations

from collections import defaultdict

from models.resources import Space, align_up
from solver.arrangement import Arrangement
from solver.packing import shrink
from solver.problem import BarItem, Problem, Span, accepts


def tidy(problem: Problem, arrangement: Arrangement) -> Arrangement:
    """Move new and moving BARs down as far as their window allows, then draw in the windows that change.

    Nothing is touched where a subtractive bridge makes it unclear which bus an item stands on.
    """
    if any(bus.subtractive for bus in problem.buses):
        return arrangement
    result = Arrangement(dict(arrangement.bars), dict(arrangement.windows))
    standing = _standing(problem, result)
    for bar in sorted(_placed_anew(problem, result), key=lambda bar: result.bars[bar.key] or 0):
        _move_down(problem, result, bar, standing[bar.bus.number, bar.space])
    return shrink(problem.bars, problem.windows, result, only_changed=True)


def _placed_anew(problem: Problem, arrangement: Arrangement) -> list[BarItem]:
    return [bar for bar in problem.bars if bar.movable and arrangement.bars.get(bar.key) not in (None, bar.home)]


def _standing(problem: Problem, arrangement: Arrangement) -> dict[tuple[int, Space], dict[object, Span]]:
    """What stands on each bus, by key."""
    standing: dict[tuple[int, Space], dict[object, Span]] = defaultdict(dict)
    for bar in problem.bars:
        at = arrangement.bars.get(bar.key) if bar.movable else bar.today
        if at is not None:
            standing[bar.bus.number, bar.space][bar.key] = (at, at + bar.span)
    for window in problem.windows:
        span = arrangement.windows.get(window.key)
        if span is not None:
            standing[window.bus.number, window.space][window.key] = span
    return standing


def _move_down(problem: Problem, arrangement: Arrangement, bar: BarItem, standing: dict[object, Span]) -> None:
    at = arrangement.bars[bar.key]
    assert at is not None
    here = (at, at + bar.span)
    if bar.bus.parent is None:
        homes = [place for place in bar.places if place[0] <= here[0] and here[1] <= place[1]]
    else:
        spans = [
            arrangement.windows.get(window.key)
            for window in bar.bus.windows
            if accepts(window.kind, bar.space, bar.prefetchable)
        ]
        homes = [span for span in spans if span is not None and span[0] <= here[0] and here[1] <= span[1]]
    if not homes:
        return
    busy = sorted([span for key, span in standing.items() if key != bar.key] + problem.reserved[bar.space])
    position = align_up(homes[0][0], bar.size)
    for start, end in busy:
        if position + bar.span <= start:
            break
        if end > position:
            position = align_up(end, bar.size)
    # A window that stays in breach may reach beyond the root windows.
    if position < at and any(first <= position // bar.size <= last for first, last in bar.starts):
        arrangement.bars[bar.key] = position
        standing[bar.key] = (position, position + bar.span)
