"""The pictures of the report: each function takes the frame of rows and an ``ax`` to draw on, and returns the ``ax``.

Definitions are those of :mod:`benchmarks.report_tables`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.report_gap import gap_table
from benchmarks.report_pair_figures import peers, plot_cactus, plot_profile
from benchmarks.report_style import COLOURS, MARKERS, above, axes, line, mark
from benchmarks.report_tables import (
    EXACT,
    FLOOR,
    greedy_table,
    lever_table,
    main_rows,
    records,
    scaling_table,
    short,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from pandas import DataFrame

MANY = 100
"""More points of one family than this are drawn small and pale, as they would hide the others."""


def plot_scaling(frame: DataFrame, minimize: str, ax: Axes | None = None) -> Axes:
    """Time of cp-sat by number of BARs for one order of objectives, with fitted lines.

    Open marks are solves that are not done within their limit, and stand at it. A family has the same colour and marker
    whatever is minimised.
    """
    ax = axes(ax)
    exact = [row for row in records(main_rows(frame)) if row["engine"] == EXACT and row["bars"]]
    families = sorted({str(row["family"]) for row in exact})
    fits = {row["family"]: row for row in records(scaling_table(frame)) if row["minimize"] == minimize}
    for number, family in enumerate(families):
        here = [row for row in exact if (row["family"], row["minimize"]) == (family, minimize)]
        if not here:
            continue
        colour, marker = mark(number)
        solved = [row for row in here if row["proved"] and row["wall_seconds"]]
        fit = fits.get(family)
        x = [int(row["bars"]) for row in solved]
        y = [max(FLOOR, float(row["wall_seconds"])) for row in solved]
        size, alpha = (8, 0.4) if len(solved) > MANY else (24, 0.9)
        ax.scatter(x, y, s=size, alpha=alpha, color=colour, marker=marker, linewidths=0, label="_")
        late = [row for row in here if not row["proved"]]
        late_x, late_y = [int(row["bars"]) for row in late], [float(row["time_limit"]) for row in late]
        ax.scatter(late_x, late_y, s=32, facecolors="none", edgecolors=colour, marker=marker)
        label = family + (f": exponent {fit['exponent']:.2f}" if fit else "")
        ax.plot([], [], color=colour, marker=marker, markersize=5, linewidth=1 if fit else 0, label=label)
        if fit:
            ends = [int(fit["bars_low"]), int(fit["bars_high"])]
            ax.plot(ends, [fit["factor"] * end ** fit["exponent"] for end in ends], color=colour, linewidth=1)
    ax.plot([], [], "o", markerfacecolor="none", markeredgecolor="grey", label="open: not solved")
    for scale, axis in ((ax.set_xscale, ax.xaxis), (ax.set_yscale, ax.yaxis)):
        scale("log")
        axis.set_major_formatter("{x:g}")
    ax.set_xlabel("BARs")
    ax.set_ylabel("time (s)")
    ax.set_title(short(minimize), fontsize="medium")
    ax.legend(fontsize="x-small", loc="upper left", bbox_to_anchor=(0, -0.13), ncols=3, frameon=False)
    return ax


def _orders(frame: DataFrame) -> list[str]:
    """The orders of objectives that cp-sat was asked for."""
    return sorted({str(row["minimize"]) for row in records(main_rows(frame)) if row["engine"] == EXACT})


def plot_greedy(frame: DataFrame, ax: Axes | None = None) -> Axes:
    """For each greedy engine the share of instances on which it is optimal, and of those possible on which it fails.

    Of instances that all greedy engines were asked for, where there are any.
    """
    ax = axes(ax)
    rows = records(greedy_table(frame))
    shared = {row["minimize"] for row in rows if row["cases"] == "common"}
    rows = [row for row in rows if row["cases"] == ("common" if row["minimize"] in shared else "all")]
    rows.sort(key=lambda row: (row["minimize"], row["engine"]))
    names = [f"{row['engine']}, {short(str(row['minimize']))}" for row in rows]
    parts = (
        ("optimal", "compared", "as good as the optimum", COLOURS[5], -0.2),
        ("fails", "possible", "fails though everything fits", COLOURS[1], 0.2),
    )
    for name, whole, label, colour, shift in parts:
        chosen = [(place, row) for place, row in enumerate(rows) if row[whole]]
        at = [place + shift for place, _ in chosen]
        shares = [100 * row[name] / row[whole] for _, row in chosen]
        low = [share - 100 * row[f"{name}_low"] for share, (_, row) in zip(shares, chosen, strict=True)]
        high = [100 * row[f"{name}_high"] - share for share, (_, row) in zip(shares, chosen, strict=True)]
        ax.barh(at, shares, 0.4, color=colour, edgecolor="black", label=label)
        ends = [[max(0.0, end) for end in ends] for ends in (low, high)]
        ax.errorbar(shares, at, xerr=ends, fmt="none", ecolor="black", capsize=2)
        for place, share, upper, (_, row) in zip(at, shares, high, chosen, strict=True):
            ax.text(share + upper + 1, place, f"{row[name]} of {row[whole]}", fontsize="x-small", va="center")
    ax.set_yticks(range(len(names)), names)
    ax.invert_yaxis()
    ax.set_xlim(0, 112)
    ax.set_xticks(range(0, 101, 20))
    ax.set_xlabel("share of the instances (%), with 95 % intervals")
    alike = "instances that all of them were asked for"
    above(ax, alike if {row["cases"] for row in rows} == {"common"} else "not all were asked for the same instances", 2)
    return ax


def plot_levers(frame: DataFrame, ax: Axes | None = None) -> Axes:
    """How many times as long cp-sat takes without each of its levers."""
    ax = axes(ax)
    rows = records(lever_table(frame))
    names = [f"{row['lever']} ({row['common']})" for row in rows]
    bars = ax.barh(names, [row["ratio"] for row in rows], color=COLOURS[5], edgecolor="black")
    lost = [row["proved_with"] - row["proved_without"] for row in rows]
    texts = [
        f"{row['ratio']:.2f}" + (f", {n} fewer solved" if n > 0 else "") for row, n in zip(rows, lost, strict=True)
    ]
    ax.bar_label(bars, texts, padding=3, fontsize="small", bbox={"facecolor": "white", "edgecolor": "none", "pad": 1})
    ax.axvline(1, color="black", linewidth=0.8)
    ax.invert_yaxis()
    ax.margins(x=0.25)
    ax.set_xlabel("time without the lever / time with all; in brackets: solves that were done with and without it")
    return ax


def plot_gap(frame: DataFrame, cases_of: str = EXACT, ax: Axes | None = None) -> Axes:
    """Mean proved gap by time limit: of cp-sat, or of a peer and cp-sat on the cases of this peer."""
    ax = axes(ax)
    rows = [row for row in records(gap_table(frame)) if row["cases_of"] == cases_of]
    for number, engine in enumerate(dict.fromkeys(str(row["engine"]) for row in rows)):
        here = [row for row in rows if row["engine"] == engine]
        limits, gaps = [row["time_limit"] for row in here], [100 * row["mean_gap"] for row in here]
        ax.plot(limits, gaps, marker=MARKERS[number % len(MARKERS)], label=engine, **line(number))
    ax.set_xscale("log")
    ticks = sorted({float(row["time_limit"]) for row in rows})
    ax.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    ax.minorticks_off()
    ax.set_ylim(bottom=0)
    ax.set_xlabel("time limit (s)")
    ax.set_ylabel("mean proved gap (%)")
    if rows:
        above(ax, f"cases of {cases_of}: {rows[0]['rows']} solves, each at every limit", 2)
    return ax


def _gaps(frame: DataFrame) -> list[str]:
    """Whose cases the gap is told of."""
    return list(dict.fromkeys(str(row["cases_of"]) for row in records(gap_table(frame))))


class Picture(NamedTuple):
    """What is drawn into one file: one panel, or one for each name that ``panels`` finds in the rows.

    Where the table that it shows has no rows, nothing is drawn.
    """

    plot: Callable[..., Axes]
    panels: Callable[[DataFrame], list[str]] | None = None
    table: Callable[[DataFrame], DataFrame] | None = None
    sharey: bool = False


FIGURES: Mapping[str, Picture] = {
    "greedy": Picture(plot_greedy, table=greedy_table),
    "cactus": Picture(plot_cactus, peers),
    "profile": Picture(plot_profile, peers),
    "scaling": Picture(plot_scaling, _orders, sharey=True),
    "gap": Picture(plot_gap, _gaps),
    "levers": Picture(plot_levers, table=lever_table),
}
"""Every picture of the report."""
