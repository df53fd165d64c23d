"""The report as Markdown: results first, then how they were measured, then what they do not show."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from benchmarks import report_tables as tables
from benchmarks.report_gap import gap_table
from benchmarks.report_pairs import pair_table
from benchmarks.report_targets import target_table
from solver.render.words import short_size

if TYPE_CHECKING:
    from pandas import DataFrame

SECTIONS: tuple[tuple[str, str, Callable[[DataFrame], DataFrame], tuple[str, ...]], ...] = (
    (
        "greedy",
        "How often the greedy is already optimal, and how often it fails though everything fits",
        tables.greedy_table,
        ("greedy",),
    ),
    ("targets", "The speed to reach, and what was reached", target_table, ()),
    ("pairs", "cp-sat against other exact engines", pair_table, ("cactus", "profile")),
    ("engines", "Every engine on every family", tables.engine_table, ()),
    ("scaling", "How the time of cp-sat grows", tables.scaling_table, ("scaling",)),
    ("gap", "The gap over time", gap_table, ("gap",)),
    ("levers", "What each lever of cp-sat buys", tables.lever_table, ("levers",)),
)
"""Name of each table, its heading, what makes it, and the pictures below it."""

METHOD = """\
* One row is one solve: an instance, an engine and a seed, in a process of its own, with the time limit and the threads
  that the row names. Time is wall time of the engine's call; reading and start-up are not in it.
* A plan counts as legal if the checker, which shares no code with any engine, finds no rule broken that is not broken
  today. Values are measured from the placement, not taken from the engine.
* *Solved* is proved: every value optimal, or proved that there is no placement. What is not solved counts with its
  limit; in PAR10 with ten limits. A greedy engine proves nothing, and has the time that it took.
* Means of times are shifted geometric means, exp(mean(log(t + s))) - s with s = 1 s.
* *Optimum*: the values of a proved, legal plan of the same instance, objectives and policy. A greedy plan is *optimal*
  if it is legal, loses nothing and has these values, numbers of changed windows left aside: no kernel minimises those.
  It *fails* if it leaves or loses a BAR, or breaks a rule, although everything that needs an address can have one.
* Moves are compared by difference, as they are small and often 0; waste by the geometric mean of
  (waste + 1 MiB) / (optimum + 1 MiB).
* Proved gap: (value - bound) / max(value, 1) of the first objective that is not proved; at most 1, and 1 without a
  plan.
* cp-sat and a peer are compared solve by solve on what both were asked for, within the limit of the peer: cp-sat had as
  much time or more, and what it solves later counts as not solved. Where it had less, or the peer does not take such an
  instance, nothing is compared. Rows of other tables have cases and limits of their own: their means are not to be held
  against each other where the numbers of rows or the limits differ.
* *ratio*: the peer's mean time by that of cp-sat. What neither solves counts with the limit for both, and pulls it
  towards 1; what both solve at once tells of start-up. So it is told for two brackets as well: *solved*, what at least
  one of the two solves, and *over_1s*, what moreover one of them takes longer than 1 s for, or does not solve.
  Both brackets treat the two engines alike.
* Cactus plots and performance profiles (Dolan and More, 2002) are of these pairs too, as with more than two engines the
  order below the best can change when one is left out. Virtual best: the faster of the two for each solve.
* Greedy engines are held against each other on *common* cases, those that all of them were asked for; *all* are those
  that one was asked for, where there are more.
* The gap over time is told of the cases that were run with every limit that it names.
* Exponents: least squares of log time on log BARs over solved rows, where sizes differ fourfold or more; intervals are
  95 %, by Student's t. Shares have Wilson's 95 % intervals.
"""

LIMITS = """\
* The families are generated. What they look like was chosen by the authors of the engine that is measured; the machines
  of the corpus, where they are among the rows, were not, but many of their sizes and windows are estimated from texts.
* Instances of one family resemble each other, so that intervals over instances tell of such instances, not of machines.
* The kernel engines are re-implementations, held against recorded boots and logs. They plan for a machine as it is told
  to them; a kernel can be told more by its command line.
* A greedy engine is held against optima of objectives that it does not have. That is the question a user has, and not a
  reproach to the engine.
* Only instances with a proved optimum tell how good a greedy plan is; unproved ones are left out, and may differ.
* Fits of growth leave out what was not solved within its limit, which makes exponents look better than they are; the
  pictures show these rows as open marks. Short times are dominated by what does not grow.
* Times are of one machine, in one state. Two threads on shared cores are no laboratory: factors below 1.5 say little.
* The textbook model is meant to be simple, as somebody would write it down first. It is no bound on what others can do.
"""


def markdown(frame: DataFrame, *, pictures: bool, parquet: str) -> str:
    """The whole report.

    Parameters
    ----------
    pictures
        Whether the pictures were drawn beside it.
    parquet
        What to say of the Parquet file.
    """
    lines = ["# Benchmarks", "", *(f"* {line}" for line in overview(frame)), ""]
    for name, heading, make, figures in SECTIONS:
        table = make(frame)
        lines += [f"## {heading}", ""]
        if table.empty:
            lines += ["The rows do not tell.", ""]
            continue
        lines += [table_text(table), f"(`{name}.csv`)", ""]
        if pictures:
            lines += [f"![{heading}]({figure}.svg)\n" for figure in figures]
    lines += ["## How it was measured", "", METHOD, "## Limits and threats to validity", "", LIMITS]
    lines += [f"Every row is in `rows.csv`; {parquet}", ""]
    return "\n".join(lines)


def overview(frame: DataFrame) -> list[str]:
    """What was run, on what, with which versions."""
    chosen = tables.main_rows(frame)
    limit = tables.main_limit(frame)
    lines = [
        f"{len(frame)} rows; {frame['instance'].nunique()} instances of {frame['family'].nunique()} families: "
        + ", ".join(sorted(set(frame["family"].astype(str)))),
        "engines: " + ", ".join(sorted(set(frame["engine"].astype(str)))),
        f"{len(chosen)} rows with every lever on and the largest time limit that an engine had on an instance, mostly "
        f"{limit:g} s; tables and pictures are of these, "
        "unless they are of pairs, limits or levers",
        "dates: " + " to ".join(sorted({str(date)[:10] for date in frame["date"].dropna()})[:: max(1, _days(frame))]),
    ]
    for column, label in (("cpu", "processors"), ("barplan", "barplan"), ("ortools", "OR-Tools"), ("python", "Python")):
        lines.append(f"{label}: " + ", ".join(sorted({str(value) for value in frame[column].dropna()})))
    return lines


def _days(frame: DataFrame) -> int:
    return len({str(date)[:10] for date in frame["date"].dropna()}) - 1


def table_text(table: DataFrame) -> str:
    """A frame as a Markdown table: bytes in binary units, numbers with three digits, nothing where nothing is."""
    rows = tables.records(table)
    names = [str(name) for name in table.columns]
    left = {name for name in names if str(table[name].dtype) in ("category", "string")}
    lines = [_line(names), _line("---" if name in left else "---:" for name in names)]
    lines += [_line(cell(name, row[name]) for name in names) for row in rows]
    return "\n".join(lines) + "\n"


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def cell(name: str, value: Any) -> str:
    """One cell; the name tells bytes."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if name.endswith("_bytes"):
        return short_size(int(value)).replace("about ", "")
    if isinstance(value, float):
        return f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"
    return str(value).replace("|", "\\|")
