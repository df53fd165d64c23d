"""Half-open ranges of plain integers, ``(start, end)``: granules, bytes or addresses alike."""

from __future__ import annotations

from collections.abc import Iterable


def merged(spans: Iterable[tuple[int, int]], *, touching: bool = True) -> list[tuple[int, int]]:
    """The spans in their order, those that overlap united.

    Parameters
    ----------
    touching
        Unite those as well of which one begins where the other ends. Two root windows that touch are still two: nothing
        may lie across.
    """
    united: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if united and (start < united[-1][1] or (touching and start == united[-1][1])):
            united[-1] = (united[-1][0], max(end, united[-1][1]))
        else:
            united.append((start, end))
    return united


def total_length(spans: Iterable[tuple[int, int]]) -> int:
    """How much the spans cover; what several cover counts once."""
    return sum(end - start for start, end in merged(spans))


def inside_any(span: tuple[int, int], places: Iterable[tuple[int, int]]) -> bool:
    """Whether one of the places holds all of the span."""
    return any(low <= span[0] and span[1] <= high for low, high in places)
