"""The tables of the report: each function takes the frame of rows (see :mod:`benchmarks.rows`) and returns a frame.

Definitions, once for all tables and pictures:

* *solved* is a row that is proved: every value optimal, or proved that there is no placement.
* *time* is wall time of the engine's call; a row that is not solved counts with its limit, in PAR10 with ten limits.
* *shifted geometric mean*: ``exp(mean(log(t + s))) - s`` with the shift s = 1 s (:data:`SHIFT`).
* *optimum*: the values of a proved, legal plan for the same instance, objectives and policy; cp-sat's where it has one.
* *waste ratio*: geometric mean of ``(waste + 1 MiB) / (optimum + 1 MiB)``, as the optimum is often 0.
* moves are small numbers, often 0: compared by difference, never by ratio.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from benchmarks.report_statistics import power_law, shifted_geometric_mean, wilson
from models.resources import MIB
from solver.frames import BYTES, COUNT, NAME, Column, typed_frame

if TYPE_CHECKING:
    from pandas import DataFrame

EXACT = "cp-sat"
SHIFT = 1.0
"""Seconds that are added before, and taken off after a geometric mean."""

Record = dict[Hashable, Any]
"""A row of the frame; missing cells are ``None``."""

FLOOR = 0.001
"""Shorter times, in seconds, count as this in quotients and on logarithmic axes."""

_VALUES = ("unplaced", "moved_bars", "moved_functions", "wasted_bytes", "windows_changed")
"""Objectives that the frame has a column for."""


def is_greedy(engine: str) -> bool:
    """Whether an engine proves nothing and minimises nothing."""
    return engine.startswith("linux-") or engine in ("movable-bars", "coreboot")


def records(frame: DataFrame) -> list[Record]:
    """The rows of a frame, with ``None`` for what is missing."""
    columns = {
        name: [None if gone else value for value, gone in zip(frame[name].tolist(), frame[name].isna(), strict=True)]
        for name in frame.columns
    }
    return [dict(zip(columns, cells, strict=True)) for cells in zip(*columns.values(), strict=True)]


def main_limit(frame: DataFrame) -> float:
    """The time limit that most rows have; the longest of those with equally many.

    Raises
    ------
    ValueError
        If there is no row.
    """
    counts = Counter(float(limit) for limit in frame["time_limit"])
    if not counts:
        raise ValueError("expected at least one row")
    return max(counts, key=lambda limit: (counts[limit], limit))


def main_rows(frame: DataFrame) -> DataFrame:
    """The rows with every lever on, of each engine on each case those with its largest time limit."""
    full = frame[frame["levers_off"] == ""]
    largest = full.groupby(["instance", "minimize", "policy", "engine"], observed=True)["time_limit"].transform("max")
    return full[full["time_limit"] == largest]


def case_of(row: Record) -> tuple[str, str, str]:
    """What has one optimum: instance, objectives and policy."""
    return str(row["instance"]), str(row["minimize"]), str(row["policy"])


def optima(frame: DataFrame) -> dict[tuple[str, str, str], Record]:
    """A row with a proved optimum by case, see the definitions above."""
    found: dict[tuple[str, str, str], Record] = {}
    for row in records(frame):
        proved = row["proved"] and row["status"] == "optimal" and row["verdict"] == "legal"
        if proved and (case_of(row) not in found or row["engine"] == EXACT):
            found[case_of(row)] = row
    return found


def told(row: Record) -> list[str]:
    """The objectives of a row, in their order, up to the first one that the frame does not tell."""
    return list(takewhile(lambda name: name in _VALUES, str(row["minimize"]).split(",")))


def short(minimize: str) -> str:
    """``waste`` or ``moves`` for the presets, the objectives for anything else."""
    from solver.request import PRESETS

    names = {",".join(objectives): name for name, objectives in PRESETS.items()}
    return names.get(minimize, minimize)


def seconds_of(row: Record, factor: float = 1.0) -> float:
    """Wall seconds of a row, or ``factor`` times its limit where it is not solved; a greedy engine's are its own."""
    if is_greedy(str(row["engine"])) and row["wall_seconds"] is not None:
        return float(row["wall_seconds"])
    if row["proved"] and row["wall_seconds"] is not None:
        return min(float(row["wall_seconds"]), float(row["time_limit"]))
    return factor * float(row["time_limit"])


def _grouped(rows: Iterable[Record], key: Callable[[Record], tuple[str, ...]]) -> dict[tuple[str, ...], list[Record]]:
    groups: dict[tuple[str, ...], list[Record]] = defaultdict(list)
    for row in rows:
        groups[key(row)].append(row)
    return dict(sorted(groups.items()))


ENGINES = (
    Column("family", NAME, "family of the instances"),
    Column("minimize", NAME, "objectives in their order"),
    Column("engine", NAME, "engine or peer"),
    Column("rows", COUNT, "solves: instances times seeds"),
    Column("proved", COUNT, "solves that leave nothing open"),
    Column("plans", COUNT, "solves with a legal plan"),
    Column("refused", COUNT, "solves whose plan the checker refuses"),
    Column("errors", COUNT, "solves that failed, were killed, or that the engine does not take"),
    Column("limit_low", "Float64", "shortest limit in seconds"),
    Column("limit_high", "Float64", "longest limit"),
    Column("mean_seconds", "Float64", "shifted geometric mean of the time"),
    Column("par10_seconds", "Float64", "mean of the time, ten limits for what is not solved; missing: a greedy engine"),
    Column("longest_seconds", "Float64", "longest wall time"),
    Column("peak_bytes", BYTES, "largest resident memory"),
)


def engine_table(frame: DataFrame) -> DataFrame:
    """One row for each family, order of objectives and engine: families are never mixed in a number."""
    out = []
    groups = _grouped(records(main_rows(frame)), lambda row: tuple(str(row[name]) for name in _ENGINE_KEY))
    for key, rows in groups.items():
        times = [seconds_of(row) for row in rows]
        walls = [float(row["wall_seconds"]) for row in rows if row["wall_seconds"] is not None]
        peaks = [int(row["peak_bytes"]) for row in rows if row["peak_bytes"] is not None]
        out.append(
            (
                *key,
                len(rows),
                sum(bool(row["proved"]) for row in rows),
                sum(row["verdict"] == "legal" for row in rows),
                sum(row["verdict"] == "refused" for row in rows),
                sum(row["status"] in ("failed", "killed", "refused") for row in rows),
                min(float(row["time_limit"]) for row in rows),
                max(float(row["time_limit"]) for row in rows),
                shifted_geometric_mean(times, SHIFT),
                None if is_greedy(key[2]) else sum(seconds_of(row, 10) for row in rows) / len(rows),
                max(walls, default=None),
                max(peaks, default=None),
            )
        )
    return typed_frame(ENGINES, out)


_ENGINE_KEY = ("family", "minimize", "engine")

GREEDY = (
    Column("engine", NAME, "greedy engine"),
    Column("minimize", NAME, "objectives of the optimum it is held against, in their order"),
    Column("cases", NAME, "common: what all greedy engines were asked for; all: what this one was asked for"),
    Column("compared", COUNT, "instances with a proved optimum"),
    Column("optimal", COUNT, "instances on which its plan is as good in every objective but windows_changed"),
    Column("optimal_low", "Float64", "lower end of the 95 % Wilson interval of optimal / compared"),
    Column("optimal_high", "Float64", "upper end of the 95 % Wilson interval of optimal / compared"),
    Column("possible", COUNT, "instances on which everything that needs an address can have one, proved"),
    Column("fails", COUNT, "those of them on which it leaves or loses a BAR, or breaks a rule"),
    Column("fails_low", "Float64", "lower end of the 95 % Wilson interval of fails / possible"),
    Column("fails_high", "Float64", "upper end of the 95 % Wilson interval of fails / possible"),
    Column("extra_unplaced", COUNT, "BARs it leaves without an address beyond those of the optima, over all instances"),
    Column("extra_moved", "Float64", "mean of moved BARs beyond the optimum's, where it places as many"),
    Column("waste_ratio", "Float64", "waste against the optimum's, where it places as many; see the definitions"),
)


def greedy_table(frame: DataFrame) -> DataFrame:
    """How the greedy engines do against proved optima, over all families together.

    One row each on the cases that all of them were asked for, where there are any: these rows can be held against each
    other. One more on all of its cases for an engine that was asked for more.
    """
    best = optima(frame)
    rows = [row for row in records(main_rows(frame)) if is_greedy(str(row["engine"])) and case_of(row) in best]
    asked = _grouped(rows, lambda row: (str(row["engine"]), str(row["minimize"])))
    common = {
        minimize: set.intersection(*({case_of(row) for row in asked[key]} for key in asked if key[1] == minimize))
        for _, minimize in asked
    }
    choices: list[tuple[tuple[str, ...], list[Record]]] = []
    for key, group in asked.items():
        shared = [row for row in group if case_of(row) in common[key[1]]]
        choices += [((*key, "common"), shared)] if shared else []
        choices += [((*key, "all"), group)] if len(shared) < len(group) else []
    out = []
    for key, group in sorted(choices, key=lambda choice: (choice[0][2] != "common", choice[0])):
        pairs = [(row, best[case_of(row)]) for row in group]
        possible = [(row, top) for row, top in pairs if top["unplaced"] == 0]
        failed = sum(fails(row, top) for row, top in possible)
        optimal = sum(as_good(row, top) for row, top in pairs)
        even = [(row, top) for row, top in pairs if _places_as_many(row, top)]
        out.append(
            (
                *key,
                len(pairs),
                optimal,
                *wilson(optimal, len(pairs))[1:],
                len(possible),
                failed,
                *(wilson(failed, len(possible))[1:] if possible else (None, None)),
                sum(max(0, row["unplaced"] - top["unplaced"]) for row, top in pairs if row["unplaced"] is not None),
                _mean([row["moved_bars"] - top["moved_bars"] for row, top in even]),
                _waste_ratio(even),
            )
        )
    return typed_frame(GREEDY, out)


def as_good(row: Record, optimum: Record) -> bool:
    """Whether a plan is legal, loses nothing, and has the optimum's values, windows that change left aside."""
    names = [name for name in told(optimum) if name != "windows_changed"]
    return _places_as_many(row, optimum) and all(row[name] == optimum[name] for name in names)


def fails(row: Record, optimum: Record) -> bool:
    """Whether a plan leaves or loses a BAR, or breaks a rule, although the optimum does not."""
    return not _places_as_many(row, optimum)


def _places_as_many(row: Record, optimum: Record) -> bool:
    return row["verdict"] == "legal" and not row["lost_bars"] and row["unplaced"] == optimum["unplaced"]


def _waste_ratio(pairs: list[tuple[Record, Record]]) -> float | None:
    logs = [math.log((row["wasted_bytes"] + MIB) / (top["wasted_bytes"] + MIB)) for row, top in pairs]
    mean = _mean(logs)
    return None if mean is None else math.exp(mean)


def _mean(values: list[Any]) -> float | None:
    return sum(values) / len(values) if values else None


def contradict(one: Record, other: Record) -> bool:
    """Whether two rows of one case are both proved, and differ in whether there is a plan or in a value."""
    if not (one["proved"] and other["proved"]):
        return False
    names = told(one)
    return bool(one["status"] != other["status"] or any(one[name] != other[name] for name in names))


LEVERS = (
    Column("lever", NAME, "lever that was switched off"),
    Column("common", COUNT, "solves that were done with and without it"),
    Column("proved_with", COUNT, "solved with all levers"),
    Column("proved_without", COUNT, "solved without this one"),
    Column("seconds_with", "Float64", "shifted geometric mean of the time with all levers"),
    Column("seconds_without", "Float64", "the same without this one"),
    Column("ratio", "Float64", "seconds_without / seconds_with: what it buys"),
    Column("unlike", COUNT, "both proved, with different values: the lever would not be exact"),
)


def lever_table(frame: DataFrame) -> DataFrame:
    """What each lever of cp-sat buys: one row each, the most valuable first."""
    rows = [row for row in records(frame) if row["engine"] == EXACT]

    def key(row: Record) -> tuple[Any, ...]:
        return (*case_of(row), row["seed"], row["time_limit"], row["workers"])

    full = {key(row): row for row in rows if row["levers_off"] == ""}
    off = [row for row in rows if row["levers_off"] and key(row) in full]
    out = []
    for (lever,), group in _grouped(off, lambda row: (str(row["levers_off"]),)).items():
        pairs = [(full[key(row)], row) for row in group]
        proved = [sum(bool(pair[n]["proved"]) for pair in pairs) for n in (0, 1)]
        times = [shifted_geometric_mean([seconds_of(pair[n]) for pair in pairs], SHIFT) for n in (0, 1)]
        unlike = sum(contradict(one, other) for one, other in pairs)
        out.append((lever, len(pairs), *proved, *times, times[1] / max(times[0], FLOOR), unlike))
    return typed_frame(LEVERS, sorted(out, key=lambda row: -row[6]))


SPREAD = 4
"""The largest instance of a fit has at least so many times the BARs of the smallest; anything less tells of noise."""

SCALING = (
    Column("family", NAME, "family of the instances"),
    Column("minimize", NAME, "objectives in their order"),
    Column("points", COUNT, "solved rows of cp-sat the fit is made of"),
    Column("bars_low", COUNT, "BARs of the smallest instance"),
    Column("bars_high", COUNT, "BARs of the largest instance"),
    Column("exponent", "Float64", "e in time = factor * bars ** e, by least squares of the logarithms"),
    Column("exponent_low", "Float64", "lower end of its 95 % interval; missing with fewer than three points"),
    Column("exponent_high", "Float64", "upper end of its 95 % interval"),
    Column("factor", "Float64", "seconds for one BAR, by the fit"),
)


def scaling_table(frame: DataFrame) -> DataFrame:
    """Fitted growth of cp-sat's time, for each family and order of objectives with sizes :data:`SPREAD` times apart."""
    rows = [
        row
        for row in records(main_rows(frame))
        if row["engine"] == EXACT and row["proved"] and row["wall_seconds"] and row["bars"]
    ]
    out = []
    for key, group in _grouped(rows, lambda row: (str(row["family"]), str(row["minimize"]))).items():
        bars, times = [int(row["bars"]) for row in group], [float(row["wall_seconds"]) for row in group]
        if max(bars) < SPREAD * min(bars):
            continue
        fit = power_law(bars, times)
        ends = [None if math.isnan(end) else end for end in fit.exponent[1:]]
        out.append((*key, fit.points, min(bars), max(bars), fit.exponent.value, *ends, fit.factor))
    return typed_frame(SCALING, out)
