"""The gap as the time limit grows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from benchmarks.report_tables import EXACT, Record, case_of, is_greedy, records
from solver.frames import COUNT, NAME, Column, typed_frame

if TYPE_CHECKING:
    from pandas import DataFrame

GAPS = (
    Column("cases_of", NAME, "engine whose cases these are; of a peer those that cp-sat was asked for as well"),
    Column("engine", NAME, "engine or peer"),
    Column("time_limit", "Float64", "seconds it was given"),
    Column("rows", COUNT, "solves, the same ones at every limit and for both engines"),
    Column("proved", COUNT, "solves that leave nothing open"),
    Column("mean_gap", "Float64", "mean proved gap, (value - bound) / max(value, 1) of the open objective; no plan: 1"),
)

_Asked = dict[tuple[Any, ...], dict[float, Record]]
"""The rows of one engine by solve and limit."""


def gap_table(frame: DataFrame) -> DataFrame:
    """The mean gap by limit: of cp-sat, and of each peer beside cp-sat on what both were asked for.

    Not every case is run with the same limits. Those limits are taken that tell most (see :func:`_common`), and the
    cases that were run with all of them.
    """
    asked: dict[str, _Asked] = defaultdict(lambda: defaultdict(dict))
    for row in records(frame[frame["levers_off"] == ""]):
        if not is_greedy(str(row["engine"])):
            asked[str(row["engine"])][(*case_of(row), row["seed"])][float(row["time_limit"])] = row
    out = []
    for cases_of in sorted(asked, key=lambda engine: (engine != EXACT, engine)):
        engines = [name for name in dict.fromkeys((EXACT, cases_of)) if name in asked]
        limits, cases = _common([asked[engine] for engine in engines])
        for engine in engines:
            for limit in limits:
                chosen = [asked[engine][case][limit] for case in cases]
                proved = sum(bool(row["proved"]) for row in chosen)
                out.append((cases_of, engine, limit, len(chosen), proved, sum(map(gap_of, chosen)) / len(chosen)))
    return typed_frame(GAPS, out)


def _common(asked: list[_Asked]) -> tuple[list[float], Collection[tuple[Any, ...]]]:
    """Limits, and the cases that every engine was asked for with all of them: as many steps in time as there can be.

    Steps are cases times limits beyond the first; of equally many, more cases are better.
    """
    shared = set.intersection(*(set(one) for one in asked))
    at = {case: frozenset.intersection(*(frozenset(one[case]) for one in asked)) for case in shared}
    kinds = set(at.values())
    choices = {one & two for one in kinds for two in kinds}
    best: tuple[list[float], list[tuple[Any, ...]]] = ([], [])
    for limits in sorted(choices, key=sorted):
        cases = sorted(case for case, those in at.items() if limits <= those)
        old = (len(best[1]) * max(0, len(best[0]) - 1), len(best[1]))
        if len(limits) > 1 and (len(cases) * (len(limits) - 1), len(cases)) > old:
            best = (sorted(limits), cases)
    return best


def gap_of(row: Record) -> float:
    """The gap of a row: 0 where everything is proved, be it that there is no placement; at most 1."""
    if row["proved"]:
        return 0.0
    return 1.0 if row["gap"] is None else min(1.0, float(row["gap"]))
