"""The pictures of the report: each function takes the frame of rows and an ``ax`` to draw on, and returns the ``ax``.

Definitions are those of :mod:`benchmarks.report_tables`. Colours (after Okabe and Ito) come with markers and lines, so
that pictures can be read in print and by colour-blind readers.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from benchmarks.report_tables import (
    EXACT,
    FLOOR,
    case_of,
    gap_table,
    greedy_table,
    is_greedy,
    lever_table,
    main_limit,
    main_rows,
    records,
    scaling_table,
    short,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from pandas import DataFrame

COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#d55e00", "#56b4e9", "#000000", "#999999")
MARKERS = "o^sDvPX*"
LINES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1)), (0, (3, 1)), (0, (1, 2)), (0, (8, 2)))


def plot_cactus(frame: DataFrame, ax: Axes | None = None) -> Axes:
    """How many solves each engine that proves has done within a time, the virtual best of them as a thin line."""
    ax = _axes(ax)
    times, best = _times(frame)
    limit = main_limit(frame)
    for number, (engine, solved) in enumerate(times.items()):
        finite = sorted(time for time in solved.values() if time < math.inf)
        counts = [*range(1, len(finite) + 1), len(finite)]
        ax.step([*finite, limit], counts, where="post", label=engine, **_style(number))
    ideal = sorted(time for time in best.values() if time < math.inf)
    if len(times) > 1:
        counts = [*range(1, len(ideal) + 1), len(ideal)]
        ax.step([*ideal, limit], counts, where="post", color="grey", linewidth=0.8, label="virtual best")
    ax.axhline(len(best), color="grey", linewidth=0.8, linestyle=":")
    ax.set_xscale("log")
    ax.set_xlabel("time (s)")
    ax.set_ylabel(f"solved, of {len(best)}")
    ax.legend(fontsize="small")
    return ax


def plot_profile(frame: DataFrame, other: str | None = None, ax: Axes | None = None) -> Axes:
    """Performance profile (Dolan and More, 2002): share of solves within a factor of the faster one.

    Parameters
    ----------
    other
        Draw cp-sat and this engine alone, on what both were asked for: with more than two engines the order below the
        best can change when one is left out (Gould and Scott, 2016). ``None`` draws all.

    Raises
    ------
    ValueError
        If the engine has no rows.
    """
    ax = _axes(ax)
    times, _ = _times(frame)
    if other is not None:
        if other not in times or EXACT not in times:
            raise ValueError(f"expected rows of {EXACT} and of {other!r}, found {', '.join(times) or 'none'}")
        common = set(times[EXACT]) & set(times[other])
        times = {name: {case: times[name][case] for case in common} for name in (EXACT, other)}
    cases = set().union(*times.values()) if times else set()
    best = {case: min(found.get(case, math.inf) for found in times.values()) for case in cases}
    solvable = [case for case in cases if best[case] < math.inf]
    for number, (engine, found) in enumerate(times.items()):
        ratios = sorted(
            max(found[case], FLOOR) / max(best[case], FLOOR)
            for case in solvable
            if found.get(case, math.inf) < math.inf
        )
        if ratios:
            shares = [(place + 1) / len(solvable) for place in range(len(ratios))]
            ax.step([1.0, *ratios], [0.0, *shares], where="post", label=engine, **_style(number))
    ax.set_xscale("log")
    ax.set_ylim(0, 1.05)
    ax.set_xlabel("time / shortest time")
    ax.set_ylabel("share of the solves that an engine solved")
    ax.legend(fontsize="small", loc="lower right")
    return ax


def plot_scaling(frame: DataFrame, ax: Axes | None = None) -> Axes:
    """Time of cp-sat by number of BARs, with fitted lines; open marks on top are not solved within the limit."""
    ax = _axes(ax)
    rows = [row for row in records(main_rows(frame)) if row["engine"] == EXACT and row["bars"]]
    groups = sorted({(str(row["family"]), str(row["minimize"])) for row in rows})
    fits = {(row["family"], row["minimize"]): row for row in records(scaling_table(frame))}
    limit = main_limit(frame)
    for number, group in enumerate(groups):
        here = [row for row in rows if (row["family"], row["minimize"]) == group]
        colour, marker = COLOURS[number % len(COLOURS)], MARKERS[number % len(MARKERS)]
        solved = [row for row in here if row["proved"] and row["wall_seconds"]]
        fit = fits.get(group)
        label = f"{group[0]}, {short(group[1])}" + (f": exponent {fit['exponent']:.2f}" if fit else "")
        x = [int(row["bars"]) for row in solved]
        y = [max(FLOOR, float(row["wall_seconds"])) for row in solved]
        ax.scatter(x, y, s=22, color=colour, marker=marker, label=label)
        late = [int(row["bars"]) for row in here if not row["proved"]]
        ax.scatter(late, [limit] * len(late), s=30, facecolors="none", edgecolors=colour, marker=marker)
        if fit:
            ends = [int(fit["bars_low"]), int(fit["bars_high"])]
            ax.plot(ends, [fit["factor"] * end ** fit["exponent"] for end in ends], color=colour, linewidth=1)
    ax.axhline(limit, color="grey", linewidth=0.8, linestyle=":")
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xlabel("BARs")
    ax.set_ylabel("time (s)")
    ax.legend(fontsize="x-small", ncols=2 if len(groups) > 8 else 1)
    return ax


def plot_greedy(frame: DataFrame, ax: Axes | None = None) -> Axes:
    """For each greedy engine the share of instances on which it is optimal, and of those possible on which it fails."""
    ax = _axes(ax)
    rows = records(greedy_table(frame))
    names = [f"{row['engine']}, {short(str(row['minimize']))}" for row in rows]
    parts = (
        ("optimal", "compared", "as good as the optimum", COLOURS[5], -0.2),
        ("fails", "possible", "fails though everything fits", COLOURS[1], 0.2),
    )
    for name, whole, label, colour, shift in parts:
        chosen = [(place, row) for place, row in enumerate(rows) if row[whole]]
        shares = [100 * row[name] / row[whole] for _, row in chosen]
        low = [share - 100 * row[f"{name}_low"] for share, (_, row) in zip(shares, chosen, strict=True)]
        high = [100 * row[f"{name}_high"] - share for share, (_, row) in zip(shares, chosen, strict=True)]
        ax.barh([place + shift for place, _ in chosen], shares, 0.4, color=colour, edgecolor="black", label=label)
        ends = [[max(0.0, end) for end in ends] for ends in (low, high)]
        ax.errorbar(shares, [place + shift for place, _ in chosen], xerr=ends, fmt="none", ecolor="black", capsize=2)
    ax.set_yticks(range(len(names)), names)
    ax.invert_yaxis()
    ax.set_xlim(0, 100)
    ax.set_xlabel("instances (%), with 95 % intervals")
    ax.legend(fontsize="small", loc="lower right")
    return ax


def plot_levers(frame: DataFrame, ax: Axes | None = None) -> Axes:
    """How many times as long cp-sat takes without each of its levers."""
    ax = _axes(ax)
    rows = records(lever_table(frame))
    bars = ax.barh(
        [str(row["lever"]) for row in rows], [row["ratio"] for row in rows], color=COLOURS[5], edgecolor="black"
    )
    lost = [row["proved_with"] - row["proved_without"] for row in rows]
    texts = [
        f"{row['ratio']:.2f}" + (f", {n} fewer solved" if n > 0 else "") for row, n in zip(rows, lost, strict=True)
    ]
    ax.bar_label(bars, texts, padding=3, fontsize="small")
    ax.axvline(1, color="black", linewidth=0.8)
    ax.invert_yaxis()
    ax.margins(x=0.25)
    ax.set_xlabel("time without the lever / time with all")
    return ax


def plot_gap(frame: DataFrame, ax: Axes | None = None) -> Axes:
    """Mean proved gap by time limit, for engines that were run with several limits."""
    ax = _axes(ax)
    rows = records(gap_table(frame))
    for number, engine in enumerate(dict.fromkeys(str(row["engine"]) for row in rows)):
        here = [row for row in rows if row["engine"] == engine]
        limits, gaps = [row["time_limit"] for row in here], [100 * row["mean_gap"] for row in here]
        ax.plot(limits, gaps, marker=MARKERS[number % len(MARKERS)], label=engine, **_style(number))
    ax.set_xscale("log")
    ax.set_ylim(bottom=0)
    ax.set_xlabel("time limit (s)")
    ax.set_ylabel("mean proved gap (%)")
    if rows:
        ax.legend(fontsize="small")
    return ax


_Case = tuple[str, str, str, int]


def _times(frame: DataFrame) -> tuple[dict[str, dict[_Case, float]], dict[_Case, float]]:
    """Time of every solve by engine that proves, infinite where not solved, and the best of all engines."""
    times: dict[str, dict[_Case, float]] = defaultdict(dict)
    for row in records(main_rows(frame)):
        if not is_greedy(str(row["engine"])):
            solved = row["proved"] and row["wall_seconds"] is not None
            time = max(FLOOR, float(row["wall_seconds"])) if solved else math.inf
            times[str(row["engine"])][(*case_of(row), int(row["seed"]))] = time
    ordered = dict(sorted(times.items(), key=lambda item: (item[0] != EXACT, item[0])))
    cases = set().union(*ordered.values()) if ordered else set()
    return ordered, {case: min(found.get(case, math.inf) for found in ordered.values()) for case in cases}


def _style(number: int) -> dict[str, Any]:
    return {"color": COLOURS[number % len(COLOURS)], "linestyle": LINES[number % len(LINES)], "linewidth": 1.6}


def _axes(ax: Axes | None) -> Axes:
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    return plt.subplots()[1]


FIGURES: Sequence[str] = ("greedy", "cactus", "profile", "scaling", "gap", "levers")
"""Every picture of the report: ``plot_NAME`` draws it."""
