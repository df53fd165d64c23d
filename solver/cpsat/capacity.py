"""How many BARs are left without an address at least, because root windows are too small for all: by counting."""

from __future__ import annotations

from models.resources import Size, Space
from solver.problem import BarItem, Problem, Span


def least_unplaced(problem: Problem) -> int:
    """Required BARs that no plan can place, by the bytes of the root windows that serve them.

    All BARs that only some root windows serve have to share these. Where they are longer together, some of those
    that have no address yet get none, and the fewest that make room are the largest.
    """
    groups: dict[tuple[Space, tuple[Span, ...]], list[BarItem]] = {}
    for bar in problem.bars:
        if bar.choice is None and bar.movable and bar.places:
            groups.setdefault((bar.space, tuple(sorted(bar.places))), []).append(bar)
    least = 0
    for space, places in groups:
        served = [
            bar
            for (other, inner), bars in groups.items()
            if other == space and all(any(low <= at and end <= high for low, high in places) for at, end in inner)
            for bar in bars
        ]
        least = max(least, _too_many(problem, space, list(places), served))
    return least + sum(bar.required and not bar.placeable for bar in problem.bars)


def _too_many(problem: Problem, space: Space, places: list[Span], bars: list[BarItem]) -> int:
    fixed = [span for bar in problem.bars if bar.space == space for span in _fixed(bar)]
    room = _length(places) - _length(_common(places, problem.reserved[space] + fixed))
    standing = sum(bar.span for bar in bars if bar.kept)
    new = sorted((bar.span for bar in bars if bar.required and not bar.kept and bar.placeable), reverse=True)
    short = standing + sum(new) - room
    count = 0
    while short > 0 and count < len(new):
        short -= new[count]
        count += 1
    return count


def _fixed(bar: BarItem) -> list[Span]:
    return [] if bar.movable or bar.today is None else [(bar.today, bar.today + bar.span)]


def _merged(spans: list[Span]) -> list[Span]:
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _length(spans: list[Span]) -> Size:
    return sum(end - start for start, end in _merged(spans))


def _common(places: list[Span], spans: list[Span]) -> list[Span]:
    found = [(max(low, start), min(high, end)) for low, high in _merged(places) for start, end in spans]
    return [(start, end) for start, end in found if start < end]
