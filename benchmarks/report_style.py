"""What all pictures of the report look like.

Colours (after Okabe and Ito) come with markers and lines, so that pictures can be read in print and by colour-blind
readers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#d55e00", "#56b4e9", "#000000", "#999999")
MARKERS = "o^sDvPX*"
LINES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1)), (0, (3, 1)), (0, (1, 2)), (0, (8, 2)))


def line(number: int) -> dict[str, Any]:
    """Colour and dashes of a line."""
    return {"color": COLOURS[number % len(COLOURS)], "linestyle": LINES[number % len(LINES)], "linewidth": 1.6}


def mark(number: int) -> tuple[str, str]:
    """Colour and marker of points: 64 pairs before one comes again."""
    lap, place = divmod(number, len(COLOURS))
    return COLOURS[place], MARKERS[(place + lap) % len(MARKERS)]


def axes(ax: Axes | None) -> Axes:
    """The axes that were given, or new ones."""
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    return plt.subplots()[1]


def above(ax: Axes, title: str, columns: int) -> None:
    """A title and, between it and the axes, the legend, where it hides nothing."""
    ax.set_title(title, fontsize="medium", pad=26)
    ax.legend(fontsize="small", loc="lower center", bbox_to_anchor=(0.5, 1), ncols=columns, frameon=False)


def span(low: float, high: float) -> str:
    """``60 s``, or ``20 to 60 s``."""
    return f"{high:g} s" if low == high else f"{low:g} to {high:g} s"
