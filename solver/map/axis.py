"""The compressed axis of one root window: from addresses to pixels, and into rows.

Widths are no scale. Between two neighbouring edges there is one interval; it is as wide as what has to be written
into it, and a little wider for each doubling of its size, so that 16 bytes and 256 GiB stand side by side.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from models.resources import Address, Range

MINIMUM = 3.0
"""Pixels of the narrowest interval."""


@dataclass(frozen=True, slots=True)
class Need:
    """A range that has to be at least so many pixels wide."""

    range: Range
    pixels: float


@dataclass(frozen=True, slots=True)
class Axis:
    """Edges in rising order and the pixels between each and the next."""

    edges: tuple[Address, ...]
    widths: tuple[float, ...]

    @property
    def width(self) -> float:
        return sum(self.widths)

    def x(self, address: Address) -> float:
        """Pixels from the first edge to ``address``, which is an edge or lies between two."""
        number = bisect_left(self.edges, address)
        if number < len(self.edges) and self.edges[number] == address:
            return sum(self.widths[:number])
        number -= 1
        low, high = self.edges[number], self.edges[number + 1]
        return sum(self.widths[:number]) + self.widths[number] * (address - low) / (high - low)

    def part(self, start: int, end: int) -> Axis:
        """The axis from edge number ``start`` to edge number ``end``."""
        return Axis(self.edges[start : end + 1], self.widths[start:end])

    def stretched(self, width: float) -> Axis:
        """The same axis, so many pixels wide, if it is narrower."""
        factor = width / self.width
        return self if factor <= 1 else Axis(self.edges, tuple(pixels * factor for pixels in self.widths))


def make_axis(whole: Range, ranges: Iterable[Range], needs: Iterable[Need], per_doubling: float) -> Axis:
    """The axis of ``whole`` with an edge wherever one of ``ranges`` begins or ends.

    Parameters
    ----------
    needs
        Minimum widths; their ranges begin and end on edges.
    per_doubling
        Pixels that an interval gets for each doubling of its size over the smallest one.
    """
    edges = sorted({whole.start, whole.end, *(edge for range_ in ranges for edge in (range_.start, range_.end))})
    sizes = [high - low for low, high in pairwise(edges)]
    smallest = min(sizes).bit_length()
    widths = [MINIMUM + per_doubling * (size.bit_length() - smallest) for size in sizes]
    spans = [(bisect_left(edges, need.range.start), bisect_left(edges, need.range.end), need.pixels) for need in needs]
    for start, end, pixels in sorted(spans, key=lambda span: (span[1] - span[0], span)):
        missing = pixels - sum(widths[start:end])
        if missing > 0:
            for number in range(start, end):
                widths[number] += missing / (end - start)
    return Axis(tuple(edges), tuple(widths))


def rows(axis: Axis, width: float, crossings: Sequence[float]) -> list[Axis]:
    """The axis cut into rows of at most ``width`` pixels (more where a single interval is wider).

    Parameters
    ----------
    crossings
        What it costs to cut at each edge; a cut is made at the cheapest edge of the last half of a row.
    """
    parts = []
    start, last = 0, len(axis.widths)
    while start < last:
        end, used = start + 1, axis.widths[start]
        while end < last and used + axis.widths[end] <= width:
            used += axis.widths[end]
            end += 1
        if end < last:
            candidates, left = [end], used
            for number in range(end - 1, start, -1):
                left -= axis.widths[number]
                if left < width / 2:
                    break
                candidates.append(number)
            end = min(candidates, key=lambda number: (crossings[number], -number))
        parts.append(axis.part(start, end))
        start = end
    return parts
