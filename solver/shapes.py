"""The shortest bridge windows around given contents, exactly, for every place where a window may begin.

What stands on a bus stands in some order, so a window is shortest when some
order of its contents ends first. For one start, the earliest end of a set of
contents follows from the earliest ends of the sets with one less (waiting is
never better than having ended earlier), which is a dynamic program over sets;
equal contents are counted instead of told apart. A child window is known by
its lengths at every start, so tables are built from the leaves up. All starts
that are worth it (:mod:`solver.starts`), modulo the largest alignment, are
worked on at once.

Nothing here asks where root windows, immovable BARs and reserved ranges are:
they only make windows longer, so the lengths are lower bounds in any machine.
"""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import product
from math import prod
from typing import Any, TypeAlias

import numpy as np

from models.resources import Size, align_up
from solver.packing import Content, Layout
from solver.problem import BarItem, WindowItem
from solver.starts import Starts, Units, Wait, starts_of

Kind: TypeAlias = tuple[str, int, int]
"""What makes contents equal: alignment and length in units, or the number of a child window's table."""

_NEVER = np.iinfo(np.int64).max

_FEW = 256
"""So many starts are all looked at: to choose some would take longer."""

_LARGEST = 3_000_000
"""Cells of work for one table; beyond, no table is made."""


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """How long a window with some contents is, for each start.

    Attributes
    ----------
    starts
        Modulo the largest alignment, those that tell of all.
    lengths
        Units from each start to the earliest end; waiting counts.
    ends
        For each set of contents (how many of each kind, as one number) its earliest end from each start.
    """

    number: int
    contents: tuple[tuple[Kind, int], ...]
    starts: Starts
    lengths: Units
    ends: Units

    @property
    def least(self) -> int:
        """Units of the shortest window of all."""
        return int(self.lengths.min())


@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """A window's contents with their table.

    Attributes
    ----------
    items
        By kind: BARs, lists of small BARs that share units, or child windows with their shapes.
    """

    table: Table
    items: dict[Kind, list[Any]]


@dataclass(slots=True)
class Shapes:
    """Makes tables, each once.

    Attributes
    ----------
    unit
        Bytes of a unit: the granularity of the windows.
    """

    unit: Size
    known: dict[tuple[tuple[Kind, int], ...], Table | None] = field(default_factory=dict)
    tables: list[Table] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)  # root buses are searched side by side

    def shape(self, bars: Iterable[BarItem], windows: Iterable[tuple[WindowItem, Shape]]) -> Shape | None:
        """The shape of a window around these contents; ``None`` where that would be too much work.

        BARs smaller than a unit fill whole units together, wherever these are: powers of two leave no gap.
        """
        items: dict[Kind, list[Any]] = defaultdict(list)
        small: list[BarItem] = []
        for bar in bars:
            if bar.size < self.unit:
                small.append(bar)
            else:
                items["bar", bar.size // self.unit, bar.span // self.unit].append(bar)
        if small:
            units = -(-sum(bar.span for bar in small) // self.unit)
            items["small", 1, 1] = [sorted(small, key=lambda bar: -bar.size), *([] for _ in range(units - 1))]
        for window, shape in windows:
            items["window", shape.table.number, 0].append((window, shape))
        contents = tuple(sorted((kind, len(found)) for kind, found in items.items()))
        with self.lock:
            if contents not in self.known:
                self.known[contents] = self._table(contents)
            table = self.known[contents]
        return None if table is None else Shape(table, items)

    def layout(self, shape: Shape, window: WindowItem, start: int) -> Layout | None:
        """The contents of the shortest window that begins at unit ``start``; ``None`` where VF blocks hinder."""
        table = shape.table
        column = table.starts.column(start)
        begin = table.ends.item(0, column)
        steps = _steps(tuple(count for _, count in table.contents))
        state = len(table.ends) - 1
        size = table.lengths.item(column)
        left = {kind: list(found) for kind, found in shape.items.items()}
        parts: list[tuple[int, Content]] = []
        pages: list[int] = []
        while state:
            end = table.ends.item(state, column)
            for (kind, count), step in zip(table.contents, steps, strict=True):
                if not state // step % (count + 1):
                    continue
                before = state - step
                free = table.ends.item(before, column)
                if self._end(kind, free) == end:
                    break
            state = before
            if kind[0] == "small":
                pages.append(end - 1)
            elif kind[0] == "bar":
                parts.append(((end - kind[2] - begin) * self.unit, left[kind].pop()))
            else:
                inner_window, inner = left[kind].pop()
                at = self._latest(kind, end, free)
                laid = self.layout(inner, inner_window, at)
                if laid is None:
                    return None
                parts.append(((at - begin) * self.unit, (inner_window, laid)))
        for small in left.get(("small", 1, 1), [])[:1]:
            filled = self._fill(small, [(page - begin) * self.unit for page in sorted(pages)])
            if filled is None:
                return None
            parts += filled
        period = table.starts.period
        return Layout(size * self.unit, period * self.unit, begin % period * self.unit, tuple(parts))

    def _latest(self, kind: Kind, end: int, free: int) -> int:
        """The latest start of a child window, at ``free`` or later, from which it ends at ``end``."""
        starts = range(free, end)
        ends = bisect_right(starts, end, key=lambda at: self._end(kind, at))
        return starts[ends - 1]

    def _fill(self, small: list[BarItem], pages: list[int]) -> list[tuple[int, Content]] | None:
        """Small BARs, the largest first, in units that lie anywhere."""
        parts: list[tuple[int, Content]] = []
        page, offset = 0, 0
        for bar in small:
            if bar.span != bar.size:
                return None
            if offset + bar.span > self.unit:
                page, offset = page + 1, 0
            parts.append((pages[page] + offset, bar))
            offset += bar.span
        return parts

    def _table(self, contents: tuple[tuple[Kind, int], ...]) -> Table | None:
        period = max(self.tables[kind[1]].starts.period if kind[0] == "window" else kind[1] for kind, _ in contents)
        starts = Starts(period)
        if period > _FEW:
            starts = starts_of(self._wait(kind, count) for kind, count in contents)
        if prod(count + 1 for _, count in contents) * len(contents) * len(starts) > _LARGEST:
            return None
        counts = tuple(count for _, count in contents)
        ends = np.full((prod(count + 1 for count in counts), len(starts)), _NEVER)
        ends[0] = starts.positions
        for index, states, before in _transitions(counts):
            ends[states] = np.minimum(ends[states], self._after(contents[index][0], ends[before]))
        table = Table(len(self.tables), contents, starts, ends[-1] - ends[0], ends)
        self.tables.append(table)
        return table

    def _after(self, kind: Kind, free: Units) -> Units:
        """The earliest ends of an item of this kind that begins at ``free`` or later."""
        what, first, length = kind
        if what == "window":
            table = self.tables[first]
            return table.starts.ends(free, table.lengths)
        return (free + first - 1) // first * first + length

    def _end(self, kind: Kind, free: int) -> int:
        """The earliest end of an item of this kind that begins at one unit or later."""
        what, first, length = kind
        if what == "window":
            table = self.tables[first]
            return table.starts.end(free, table.lengths)
        return align_up(free, first) + length

    def _wait(self, kind: Kind, count: int) -> Wait:
        what, first, length = kind
        if what == "window":
            table = self.tables[first]
            return Wait(table.starts, count * table.starts.longest(table.lengths))
        return Wait(Starts(first, first), count * (first - 1 + length))


def _steps(counts: tuple[int, ...]) -> tuple[int, ...]:
    """What one more of each kind adds to the number of a set of contents."""
    return tuple(prod(count + 1 for count in counts[index + 1 :]) for index in range(len(counts)))


@lru_cache(maxsize=4096)
def _transitions(counts: tuple[int, ...]) -> list[tuple[int, Units, Units]]:
    """Sets of contents, from small to large, with the kind that comes last and the sets without it."""
    steps = _steps(counts)
    levels: dict[tuple[int, int], list[int]] = defaultdict(list)
    for number, state in enumerate(product(*(range(count + 1) for count in counts))):
        for index, count in enumerate(state):
            if count:
                levels[sum(state), index].append(number)
    return [
        (index, np.array(numbers, dtype=np.int64), np.array(numbers, dtype=np.int64) - steps[index])
        for (_, index), numbers in sorted(levels.items())
    ]
