"""The free gaps of one window, sorted, so that a search looks at free space only."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator

Gap = tuple[int, int]
"""A half-open range of free addresses."""


class Gaps:
    """What is free in ``[start, end)``."""

    def __init__(self, start: int, end: int) -> None:
        self._starts: list[int] = [start] if start < end else []
        self._ends: list[int] = [end] if start < end else []
        self._reserved: list[Gap] = []

    def between(self, low: int, high: int) -> Iterator[Gap]:
        """The gaps within ``[low, high)``, clipped to it, in ascending order."""
        for at in range(max(bisect_right(self._starts, low) - 1, 0), len(self._starts)):
            start, end = max(self._starts[at], low), min(self._ends[at], high)
            if start < end:
                yield start, end
            elif self._starts[at] >= high:
                return

    def is_free(self, start: int, end: int) -> bool:
        """Whether all of ``[start, end)`` is free."""
        at = bisect_right(self._starts, start) - 1
        return at >= 0 and end <= self._ends[at]

    def take(self, start: int, end: int) -> None:
        """Use up ``[start, end)``, which has to be free."""
        at = bisect_right(self._starts, start) - 1
        before, after = (self._starts[at], start), (end, self._ends[at])
        kept = [gap for gap in (before, after) if gap[0] < gap[1]]
        self._starts[at : at + 1] = [gap[0] for gap in kept]
        self._ends[at : at + 1] = [gap[1] for gap in kept]

    def give(self, start: int, end: int) -> None:
        """Free ``[start, end)`` again, but for what is reserved."""
        for low, high in self._reserved:
            if low < end and start < high:
                if start < low:
                    self.give(start, low)
                if high < end:
                    self.give(high, end)
                return
        at = bisect_right(self._starts, start)
        first, last = at, at
        if at and self._ends[at - 1] == start:
            first, start = at - 1, self._starts[at - 1]
        if at < len(self._starts) and self._starts[at] == end:
            last, end = at + 1, self._ends[at]
        self._starts[first:last] = [start]
        self._ends[first:last] = [end]

    def reserve(self, start: int, end: int) -> None:
        """Take whatever of ``[start, end)`` is free, for good."""
        for low, high in list(self.between(start, end)):
            self.take(low, high)
        self._reserved.append((start, end))
