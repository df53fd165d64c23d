"""Tables of the shortest windows: the few starts they know tell of all."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest

import solver.shapes
from solver.shapes import Kind, Shapes, Table
from solver.starts import Starts, Wait, starts_of


def tables(random: Random, shapes: Shapes, depth: int) -> Table | None:
    """A table of a random tree: BARs of few and of many units, and child windows."""
    counts: dict[Kind, int] = {}
    for _ in range(random.randint(1, 3)):
        size = 1 << random.choice([0, 1, 2, 9, 10, 11])
        counts["bar", size, size * random.choice([1, 1, 3])] = random.randint(1, 2)
    for _ in range(random.randint(0, 2) if depth else 0):
        inner = tables(random, shapes, depth - 1)
        if inner is None:
            return None
        counts["window", inner.number, 0] = 1
    return shapes._table(tuple(sorted(counts.items())))


@pytest.mark.parametrize("seed", range(60))
def test_few_starts_tell_of_all(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    few = tables(Random(seed), Shapes(1), 2)
    monkeypatch.setattr(solver.shapes, "starts_of", lambda waits: Starts(max(wait.starts.period for wait in waits)))
    every = tables(Random(seed), Shapes(1), 2)
    assert few is not None
    assert every is not None
    free = np.arange(3 * every.starts.period)
    assert few.starts.ends(free, few.lengths).tolist() == every.starts.ends(free, every.lengths).tolist()
    assert few.least == every.least
    assert few.starts.longest(few.lengths) >= every.starts.longest(every.lengths)


@pytest.mark.parametrize("starts", [Starts(12), Starts(64, 16, 3), Starts(64, 64, 5)])
def test_one_end_is_that_of_all_ends(starts: Starts) -> None:
    lengths = np.array([Random(number).randint(1, 99) for number in range(len(starts))])
    free = np.arange(3 * starts.period)
    assert [starts.end(at, lengths) for at in range(3 * starts.period)] == starts.ends(free, lengths).tolist()


def test_a_large_bar_leaves_few_starts() -> None:
    """Of 65536 starts, those from which three units, and one that is aligned to two, can still stand before it."""
    bars = [Wait(Starts(1, 1), 3), Wait(Starts(2, 2), 3), Wait(Starts(1 << 16, 1 << 16), 1 << 17)]
    starts = starts_of(bars)
    assert starts == Starts(1 << 16, 1 << 16, 6)
    assert starts.positions.tolist() == [-6, -5, -4, -3, -2, -1, 0]
    assert [starts.column(start) for start in (-6, 0, (1 << 16) - 6, 1 << 16)] == [0, 6, 0, 6]


def test_where_all_is_small_every_start_counts() -> None:
    assert starts_of([Wait(Starts(1, 1), 5), Wait(Starts(4, 4), 7)]) == Starts(4)
