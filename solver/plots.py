"""Results as matplotlib plots. Every function draws on the ``ax`` it is given, or on a new one, and returns it.

Needs the extra ``notebooks`` (``pip install barplan[notebooks]``); matplotlib is imported when a plot is drawn.
The colours are told apart by colour-blind readers too (after Okabe and Ito), and in print.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from solver.frames import COMPARISON, comparison_frame, free_frame
from solver.render.words import short_size

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from solver.result import Result

BLUE, ORANGE = "#56b4e9", "#e69f00"


def plot_comparison(
    results: Iterable[Result] | Mapping[str, Result], measure: str = "unplaced", ax: Axes | None = None
) -> Axes:
    """One measure of today and of several results as bars below each other, with its value on each.

    Parameters
    ----------
    results
        Results of one machine, as :func:`solver.frames.comparison_frame` takes them.
    measure
        A numeric column of that frame (a count, bytes or seconds).
    ax
        matplotlib axes to draw on; a new figure's if ``None``.

    Raises
    ------
    ValueError
        If there is no such column.
    """
    columns = {column.name: column for column in COMPARISON if column.dtype != "category"}
    if measure not in columns:
        raise ValueError(f"expected one of {', '.join(columns)}, found {measure!r}")
    frame = comparison_frame(results)
    frame = frame[frame[measure].notna()]
    values = [float(value) for value in frame[measure]]
    ax = _axes(ax)
    bars = ax.barh([str(engine) for engine in frame["engine"]], values, color=BLUE, edgecolor="black")
    in_bytes = measure.endswith("_bytes") or measure == "largest_block"
    ax.bar_label(bars, [_size(value) if in_bytes else f"{value:.4g}" for value in values], padding=3)
    if in_bytes and max(values, default=0) >= 1:
        ax.set_xticks(range(0, int(max(values)) + 1, _step(int(max(values)))))
        ax.xaxis.set_major_formatter(_tick)
    ax.invert_yaxis()
    ax.margins(x=0.2)
    ax.set_xlabel(f"{measure} (bytes)" if in_bytes else measure)
    ax.set_title(columns[measure].meaning.split(";")[0], fontsize="medium", wrap=True)
    return ax


def plot_free(result: Result, ax: Axes | None = None) -> Axes:
    """The largest aligned free block of each root window, today and in the plan, on a logarithmic scale of bytes.

    Parameters
    ----------
    result
        An engine's result; root windows with no free block at either time are left out.
    ax
        matplotlib axes to draw on; a new figure's if ``None``.
    """
    frame = free_frame(result)
    frame = frame[(frame["largest_before"] > 0) | (frame["largest_after"] > 0).fillna(False)]
    names = [f"{row.root_bus} {row.space} {row.start:x}" for row in frame.itertuples()]
    ax = _axes(ax)
    height = 0.4
    for number, (column, colour, label) in enumerate(
        (("largest_before", ORANGE, "today"), ("largest_after", BLUE, "plan"))
    ):
        sizes = [int(size) for size in frame[column].fillna(0)]
        places = [place + height * (number - 0.5) for place in range(len(names))]
        bars = ax.barh(places, sizes, height=height, color=colour, edgecolor="black", label=label)
        ax.bar_label(bars, [_size(size) for size in sizes], padding=3)
    ax.set_yticks(range(len(names)), names)
    ax.invert_yaxis()
    ax.set_xscale("log", base=2)
    ax.xaxis.set_major_formatter(_tick)
    ax.set_xlabel("largest aligned free block (bytes)")
    ax.margins(x=0.15)
    ax.legend()
    return ax


def _step(most: int) -> int:
    """A power of two that goes into ``most`` bytes four to seven times: every tick has a short name."""
    return 1 << max(most.bit_length() - 3, 0)


def _tick(value: float, position: float) -> str:
    return _size(value)


def _size(value: float) -> str:
    """Bytes in few characters: ``64M``, ``~1.4G``."""
    return short_size(int(value)).replace("about ", "~") if value >= 1 else "0"


def _axes(ax: Axes | None) -> Axes:
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    return plt.subplots()[1]
