"""What the rows of the movable ratio add up to: a frame, its Markdown and its picture."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import TYPE_CHECKING, Any

from benchmarks.ratio import ENGINES, EXACT, KERNELS, MOVING
from benchmarks.report_statistics import bootstrap_mean, wilson
from solver.frames import COUNT, NAME, Column, typed_frame

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from pandas import DataFrame

SUMMARY = (
    Column("engine", NAME, "what was asked"),
    Column("share", "UInt8", "per cent of the BARs with an address that may move"),
    Column("layouts", COUNT, "layouts, the same ones for every engine and share"),
    Column("successes", COUNT, "layouts in which the hotplug succeeds"),
    Column("success", "Float64", "successes / layouts"),
    Column("success_low", "Float64", "lower end of its 95 % Wilson interval"),
    Column("success_high", "Float64", "upper end of its 95 % Wilson interval"),
    Column("open", COUNT, "cp-sat: layouts counted as failures that are not proved to be"),
    Column("moved", "Float64", "mean number of BARs that move where the hotplug succeeds; missing: it never does"),
    Column("moved_low", "Float64", "lower end of its 95 % bootstrap interval"),
    Column("moved_high", "Float64", "upper end of its 95 % bootstrap interval"),
    Column("moved_both", "Float64", "the same where both movable-bars and cp-sat succeed; missing for the kernel"),
)
"""One row for each engine and share."""

STYLES = {
    "linux-6.12": ("#000000", "s", ":"),
    "linux-7": ("#cc79a7", "x", (0, (4, 4))),
    "movable-bars": ("#e69f00", "^", "--"),
    EXACT: ("#0072b2", "o", "-"),
}
"""Colour (after Okabe and Ito), marker and line of each engine: told apart in print and by colour-blind readers too."""

NAMES = {"linux-6.12": "Linux 6.12", "linux-7": "Linux 7.0", "movable-bars": "movable-bars greedy", EXACT: "cp-sat"}


def summary(rows: DataFrame) -> DataFrame:
    """One row for each engine and share, with the columns :data:`SUMMARY`."""
    records = rows.to_dict("records")
    succeeded = {(row["engine"], row["seed"], row["share"]) for row in records if row["success"]}
    out = []
    for engine in [name for name in ENGINES if name in set(rows["engine"])]:
        for share in sorted(set(rows["share"])):
            here = [row for row in records if (row["engine"], row["share"]) == (engine, share)]
            good = [row for row in here if row["success"]]
            moved = [int(row["moved"]) for row in good]
            both = [
                int(row["moved"])
                for row in good
                if engine not in KERNELS and all((other, row["seed"], share) in succeeded for other in MOVING)
            ]
            out.append(
                (
                    engine,
                    share,
                    len(here),
                    len(good),
                    *wilson(len(good), len(here)),
                    sum(not row["success"] and not row["proved"] for row in here) if engine == EXACT else None,
                    *(bootstrap_mean(moved) if moved else (None, None, None)),
                    sum(both) / len(both) if both else None,
                )
            )
    return typed_frame(SUMMARY, out)


def ceiling(table: DataFrame) -> tuple[int, int, int]:
    """Layouts in which a placement exists with everything movable, is proved not to, and neither."""
    row = table[(table["engine"] == EXACT) & (table["share"] == 100)].iloc[0]
    return int(row["successes"]), int(row["layouts"] - row["successes"] - row["open"]), int(row["open"])


def plot_success(table: DataFrame, ax: Axes | None = None) -> Axes:
    """Success probability by share, a line and a 95 % band for each engine; the ceiling is a thin line."""
    ax = _axes(ax)
    for engine, group in _groups(table):
        colour, marker, line = STYLES[engine]
        share, success = [int(value) for value in group["share"]], 100 * group["success"].astype(float)
        ax.plot(share, success, color=colour, marker=marker, linestyle=line, markersize=5, label=NAMES[engine])
        low, high = (100 * group[name].astype(float) for name in ("success_low", "success_high"))
        ax.fill_between(share, low, high, color=colour, alpha=0.12, linewidth=0)
    exists, impossible, unknown = ceiling(table)
    top = 100 * exists / (exists + impossible + unknown)
    ax.axhline(top, color="grey", linewidth=1)
    ax.annotate(
        f"a placement exists: {top:.1f} %",
        (0, top),
        xytext=(0, 3),
        textcoords="offset points",
        color="dimgrey",
        fontsize="small",
    )
    ax.set_xlabel("BARs that may move (%)")
    ax.set_ylabel("hotplugs that succeed (%)")
    ax.set_ylim(0, 110)
    ax.set_xlim(-2, 102)
    ax.grid(alpha=0.3)
    return ax


def plot_moves(table: DataFrame, ax: Axes | None = None) -> Axes:
    """Mean number of BARs that move where the hotplug succeeds, by share, with 95 % bootstrap bands."""
    ax = _axes(ax)
    for engine, group in _groups(table):
        group = group[group["moved"].notna()]
        if engine in KERNELS or group.empty:
            continue
        colour, marker, line = STYLES[engine]
        share, moved = [int(value) for value in group["share"]], group["moved"].astype(float)
        ax.plot(share, moved, color=colour, marker=marker, linestyle=line, markersize=5, label=NAMES[engine])
        low, high = (group[name].astype(float) for name in ("moved_low", "moved_high"))
        ax.fill_between(share, low, high, color=colour, alpha=0.12, linewidth=0)
        if engine == EXACT:
            both = group[group["moved_both"].notna()]
            x, y = [int(value) for value in both["share"]], both["moved_both"].astype(float)
            ax.plot(x, y, color=colour, linewidth=1, linestyle=":", label=f"{NAMES[EXACT]}, where both succeed")
    ax.set_xlabel("BARs that may move (%)")
    ax.set_ylabel("BARs that move in a success (mean)")
    ax.set_ylim(bottom=0)
    ax.set_xlim(-2, 102)
    ax.grid(alpha=0.3)
    return ax


def _groups(table: DataFrame) -> list[tuple[str, DataFrame]]:
    return [(name, table[table["engine"] == name]) for name in ENGINES if name in set(table["engine"])]


def _axes(ax: Axes | None) -> Axes:
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    return plt.subplots()[1]


def as_markdown(table: DataFrame, notes: list[str]) -> str:
    """Success and moves at every share, engines side by side, then ``notes``."""
    cells = {(row["engine"], row["share"]): row for row in table.to_dict("records")}
    engines = [name for name, _ in _groups(table)]
    moving = [name for name in engines if name in MOVING]
    head = ["may move", *(f"{NAMES[name]}: succeeds" for name in engines)]
    head += [f"{NAMES[name]}: moves" for name in moving]
    head += [f"{NAMES[name]}: moves where both succeed" for name in moving]
    lines = [f"| {' | '.join(head)} |", f"|{'---:|' * len(head)}"]
    for share in sorted(set(table["share"])):
        here = [cells[name, share] for name in engines]
        means = [cells[name, share] for name in moving]
        texts = [f"{share} %", *(_interval(row, "success", 100, "{:.1f}", " %") for row in here)]
        texts += [_interval(row, "moved", 1, "{:.2f}", "") for row in means]
        texts += [_number(row["moved_both"]) for row in means]
        lines.append(f"| {' | '.join(texts)} |")
    return "\n".join([*lines, "", *(f"* {note}" for note in notes)]) + "\n"


def _interval(row: Mapping[Hashable, Any], name: str, scale: float, form: str, unit: str) -> str:
    """``12.5 % (8.6–17.8)``; empty where there is no value."""
    import pandas as pd

    if pd.isna(row[name]):
        return ""
    value, low, high = (form.format(scale * float(row[key])) for key in (name, f"{name}_low", f"{name}_high"))
    return f"{value}{unit} ({low}–{high})"


def _number(value: Any) -> str:
    import pandas as pd

    return "" if pd.isna(value) else f"{value:.2f}"
