"""The starts of a window that are worth a look.

A window around a BAR of 64 GiB and some small ones is shortest where it begins
shortly before a multiple of 64 GiB; begun far from one, it only waits. So a
table need not know each of thousands of starts: those within a *reach* before
each multiple of a *step* tell of all.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from models.resources import align_up

Units: TypeAlias = np.ndarray[Any, np.dtype[np.int64]]

_WORTHWHILE = 2
"""How many times fewer the starts have to be than all there are."""


@dataclass(frozen=True, slots=True)
class Starts:
    """Starts in units, modulo a period: those that are at most ``reach`` before a multiple of ``step``.

    What begins at another one ends as what begins at the next of these.
    """

    period: int
    step: int = 1
    reach: int = 0

    def __len__(self) -> int:
        return self.period // self.step * (self.reach + 1)

    @property
    def positions(self) -> Units:
        """All of them, in order; those before the first multiple are negative."""
        multiples: Units = np.arange(0, self.period, self.step, dtype=np.int64)
        before: Units = np.arange(-self.reach, 1, dtype=np.int64)
        found: Units = np.repeat(multiples, len(before)) + np.tile(before, len(multiples))
        return found

    def ends(self, free: Units, lengths: Units) -> Units:
        """The earliest ends of what begins at ``free`` or later.

        Parameters
        ----------
        lengths
            From each of the starts to the end.
        """
        if self.step == 1:
            return free + lengths[free % self.period]
        multiples = -(-free // self.step)
        at = np.maximum(free, multiples * self.step - self.reach)
        columns = multiples % (self.period // self.step) * (self.reach + 1) + self.reach - multiples * self.step + at
        ends: Units = at + lengths[columns]
        return ends

    def end(self, free: int, lengths: Units) -> int:
        """The earliest end of what begins at one unit or later: :meth:`ends` without the cost of an array."""
        if self.step == 1:
            return free + lengths.item(free % self.period)
        at = max(free, align_up(free, self.step) - self.reach)
        return at + lengths.item(self.column(at))

    def column(self, start: int) -> int:
        """The number of one of these starts."""
        multiple = -(-start // self.step)
        return multiple % (self.period // self.step) * (self.reach + 1) + self.reach - multiple * self.step + start

    def longest(self, lengths: Units) -> int:
        """Units from any start whatever to the end, at most: the wait for one of these counts."""
        first = lengths[:: self.reach + 1]
        return int(max(lengths.max(), first.max() + self.step - self.reach - 1))


@dataclass(frozen=True, slots=True)
class Wait:
    """How long one kind of content may keep a window waiting.

    Attributes
    ----------
    starts
        The starts that tell of it.
    longest
        Units from any start to its end, at most, for all of the kind one after the other.
    """

    starts: Starts
    longest: int


def starts_of(contents: Iterable[Wait]) -> Starts:
    """The fewest starts that tell of a window with these contents.

    What is *large* begins no earlier than ``reach`` before a multiple of
    ``step`` and ends behind it, as it holds a BAR that is so aligned. All that
    is small and stands before the first large one may as well begin as late as
    lets all of it end by then, for nothing that is small waits longer than its
    longest.
    """
    contents = list(contents)
    period = max(each.starts.period for each in contents)
    best = Starts(period)
    for step in sorted({each.starts.step for each in contents} - {1}):
        large = [each for each in contents if each.starts.period >= step]
        if any(each.starts.step < step for each in large):
            continue
        reach = max(each.starts.reach for each in large)
        reach += sum(each.longest for each in contents if each.starts.period < step)
        found = Starts(period, step, reach)
        if reach + 1 < step and len(found) < len(best) and _WORTHWHILE * len(found) <= period:
            best = found
    return best
