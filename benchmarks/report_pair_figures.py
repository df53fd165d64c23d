"""The pictures of cp-sat beside one other engine, on the pairs of :mod:`benchmarks.report_pairs`.

Of more than two engines each would have its own cases and limits, and the order below the best could change when one is
left out (Gould and Scott, 2016).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from benchmarks.report_pairs import Pair, pairs
from benchmarks.report_style import above, axes, line, span
from benchmarks.report_tables import EXACT, FLOOR

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from pandas import DataFrame


def peers(frame: DataFrame) -> list[str]:
    """The engines that cp-sat can be compared with."""
    return list(pairs(frame))


def _pairs(frame: DataFrame, other: str) -> list[Pair]:
    found = pairs(frame)
    if other not in found:
        raise ValueError(f"expected one of {', '.join(found) or 'no engine'}, found {other!r}")
    return found[other]


def plot_cactus(frame: DataFrame, other: str, ax: Axes | None = None) -> Axes:
    """How many solves cp-sat and another engine have done within a time, of those that both were asked for.

    The thin line is the virtual best: the faster one of each solve.

    Raises
    ------
    ValueError
        If there is no pair of rows with this engine.
    """
    ax = axes(ax)
    group = _pairs(frame, other)
    limits = [pair.limit for pair in group]
    times = [pair.times for pair in group]
    curves = {EXACT: [mine for mine, _ in times], other: [theirs for _, theirs in times]}
    ideal = _steps([min(both) for both in times], max(limits))
    for number, (engine, seconds) in enumerate(curves.items()):
        ax.step(*_steps(seconds, max(limits)), where="post", label=engine, **line(number))
    ax.step(*ideal, where="post", color="black", linewidth=0.8, zorder=1, label="virtual best")
    ax.axhline(len(group), color="grey", linewidth=0.8, linestyle=":")
    ax.set_xscale("log")
    ax.xaxis.set_major_formatter("{x:g}")
    ax.set_ylim(0, 1.05 * len(group))
    ax.set_xlabel("time (s)")
    ax.set_ylabel(f"solved, of {len(group)}")
    above(ax, f"{len(group)} solves, limit {span(min(limits), max(limits))}", 3)
    return ax


def _steps(times: list[float], limit: float) -> tuple[list[float], list[int]]:
    """From nothing at the shortest time that is told, to the limit."""
    finite = sorted(max(FLOOR, time) for time in times if time < math.inf)
    return [FLOOR, *finite, limit], [*range(len(finite) + 1), len(finite)]


def plot_profile(frame: DataFrame, other: str, ax: Axes | None = None) -> Axes:
    """Performance profile (Dolan and More, 2002): share of solves within a factor of the faster one.

    It is of what cp-sat and the other engine were both asked for, and at least one of them solves.

    Raises
    ------
    ValueError
        If there is no pair of rows with this engine.
    """
    ax = axes(ax)
    group = _pairs(frame, other)
    limits = [pair.limit for pair in group]
    times = [[max(FLOOR, time) for time in pair.times] for pair in group if pair.solved]
    ratios = [[both[place] / min(both) for both in times if both[place] < math.inf] for place in (0, 1)]
    end = 1.2 * max([2.0, *ratios[0], *ratios[1]])
    for number, (engine, found) in enumerate(zip((EXACT, other), ratios, strict=True)):
        shares = [(place + 1) / len(times) for place in range(len(found))]
        x, y = [1.0, *sorted(found), end], [0.0, *shares, shares[-1] if shares else 0.0]
        ax.step(x, y, where="post", label=engine, **line(number))
    ax.set_xscale("log")
    ax.xaxis.set_major_formatter("{x:g}")
    ax.set_ylim(0, 1.05)
    ax.set_xlabel("time / shorter time")
    ax.set_ylabel("share of the solves that one solved")
    above(ax, f"{len(times)} solves of {len(group)}, limit {span(min(limits), max(limits))}", 2)
    return ax
