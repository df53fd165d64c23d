"""cp-sat against each other engine that proves, solve by solve on what both were asked for.

An engine that was asked for few cases is compared on these alone, and within its own limit: cp-sat had the same or
more, and what it solves later than that counts as not solved. Where it had less, or the other does not take such an
instance, nothing is compared.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.report_statistics import shifted_geometric_mean
from benchmarks.report_tables import EXACT, FLOOR, SHIFT, Record, case_of, contradict, is_greedy, records
from solver.frames import COUNT, NAME, Column, typed_frame

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pandas import DataFrame

TRIVIAL = 1.0
"""Seconds: solves that neither engine takes longer for tell little of how fast they are."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A row of cp-sat and one of another engine: the same instance, objectives, policy and seed."""

    exact: Record
    other: Record

    @property
    def limit(self) -> float:
        """Seconds within which both had to solve it."""
        return float(self.other["time_limit"])

    @property
    def times(self) -> tuple[float, float]:
        """Seconds of cp-sat and of the other, infinite where it is not solved within the limit."""
        return _seconds(self.exact, self.limit), _seconds(self.other, self.limit)

    @property
    def limited(self) -> tuple[float, float]:
        """The same, with the limit for what is not solved."""
        mine, theirs = self.times
        return min(mine, self.limit), min(theirs, self.limit)

    @property
    def solved(self) -> bool:
        """Whether at least one solves it."""
        return min(self.times) < math.inf

    @property
    def lengthy(self) -> bool:
        """Whether at least one solves it, and at least one takes longer than :data:`TRIVIAL`."""
        return self.solved and max(self.times) > TRIVIAL


def _seconds(row: Record, limit: float) -> float:
    if not row["proved"] or row["wall_seconds"] is None:
        return math.inf
    # an engine may overrun its own limit a little, and has solved it all the same
    in_time = row["time_limit"] <= limit or row["wall_seconds"] <= limit
    return min(float(row["wall_seconds"]), limit) if in_time else math.inf


def pairs(frame: DataFrame) -> dict[str, list[Pair]]:
    """The pairs of each engine that proves, by its name.

    Of several limits, that of the other engine is the largest for which cp-sat had as much time, and that of cp-sat the
    smallest which is as long.
    """
    rows = [row for row in records(frame[frame["levers_off"] == ""]) if not is_greedy(str(row["engine"]))]
    exact: dict[tuple[object, ...], list[Record]] = defaultdict(list)
    for row in rows:
        if row["engine"] == EXACT:
            exact[_solve_of(row)].append(row)
    found: dict[str, dict[tuple[object, ...], Pair]] = defaultdict(dict)
    others = [row for row in rows if row["engine"] != EXACT and row["status"] != "refused"]
    for other in sorted(others, key=lambda row: float(row["time_limit"])):
        enough = [row for row in exact[_solve_of(other)] if row["time_limit"] >= other["time_limit"]]
        if enough:
            mine = min(enough, key=lambda row: float(row["time_limit"]))
            found[str(other["engine"])][_solve_of(other)] = Pair(mine, other)
    return {engine: list(found[engine].values()) for engine in sorted(found)}


def _solve_of(row: Record) -> tuple[object, ...]:
    return (*case_of(row), row["seed"])


PAIRS = (
    Column("engine", NAME, "engine that proves, other than cp-sat"),
    Column("common", COUNT, "solves that both were asked for: instance, objectives, policy and seed"),
    Column("limit_low", "Float64", "shortest limit in seconds: of the other engine, and cp-sat is held to it"),
    Column("limit_high", "Float64", "longest limit"),
    Column("both", COUNT, "solved by both"),
    Column("exact_only", COUNT, "solved by cp-sat alone"),
    Column("other_only", COUNT, "solved by the other alone"),
    Column("exact_seconds", "Float64", "shifted geometric mean of cp-sat's time"),
    Column("other_seconds", "Float64", "the same of the other's time"),
    Column("ratio", "Float64", "other_seconds / exact_seconds"),
    Column("solved", COUNT, "solved by at least one"),
    Column("solved_ratio", "Float64", "the ratio over these"),
    Column("over_1s", COUNT, "solved by at least one, while at least one takes longer than 1 s"),
    Column("over_1s_ratio", "Float64", "the ratio over these"),
    Column("unlike", COUNT, "both proved, with different values: one of them is wrong"),
)


def pair_table(frame: DataFrame) -> DataFrame:
    """cp-sat against each other engine that proves, on what both were asked for: one row each.

    Ratios are told thrice: over everything; without what neither solves, where both count with their limit and pull the
    ratio towards 1; and without what is trivial as well, where start-up is most of the time.
    """
    out = []
    for engine, group in pairs(frame).items():
        solves = Counter(tuple(time < math.inf for time in pair.times) for pair in group)
        solved, lengthy = [pair for pair in group if pair.solved], [pair for pair in group if pair.lengthy]
        means = _means(group)
        out.append(
            (
                engine,
                len(group),
                min(pair.limit for pair in group),
                max(pair.limit for pair in group),
                *(solves[key] for key in ((True, True), (True, False), (False, True))),
                *means,
                _ratio(means),
                len(solved),
                _ratio(_means(solved)) if solved else None,
                len(lengthy),
                _ratio(_means(lengthy)) if lengthy else None,
                sum(contradict(pair.exact, pair.other) for pair in group),
            )
        )
    return typed_frame(PAIRS, out)


def _means(group: Sequence[Pair]) -> tuple[float, float]:
    mine, theirs = zip(*(pair.limited for pair in group), strict=True)
    return shifted_geometric_mean(mine, SHIFT), shifted_geometric_mean(theirs, SHIFT)


def _ratio(means: tuple[float, float]) -> float:
    return means[1] / max(means[0], FLOOR)
