"""The gap as the time limit grows."""

from __future__ import annotations

import pytest

from benchmarks.report_gap import gap_table
from benchmarks.report_tables import records
from benchmarks.rows import Objective, Row, frame
from tests.benchmarks.result_rows import first, row


def test_the_gap_is_told_over_what_has_every_limit() -> None:
    first_open = (Objective("unplaced", 0, 0), Objective("moved_bars", 4, 2))
    rows = [row("a/1", status="feasible", moved=4, time_limit=1.0, objectives=first_open), row("a/1", time_limit=10.0)]
    rows += [row("a/2", status="unknown", time_limit=1.0), row("a/2", time_limit=10.0)]
    rows += [row("a/3", time_limit=10.0)]
    table = gap_table(frame(rows))
    assert first(table, time_limit=1.0)["mean_gap"] == pytest.approx((0.5 + 1) / 2)
    assert (first(table, time_limit=10.0)["mean_gap"], first(table, time_limit=10.0)["rows"]) == (0, 2)
    assert gap_table(frame([row()])).empty


def told(rows: list[Row]) -> list[tuple[str, str, float, int]]:
    return [(one["cases_of"], one["engine"], one["time_limit"], one["rows"]) for one in records(gap_table(frame(rows)))]


def test_limits_that_few_cases_have_do_not_hide_the_others() -> None:
    rows = [row(f"a/{number}", time_limit=limit) for number in (1, 2, 3) for limit in (1.0, 5.0, 10.0 + number)]
    rows += [row("a/4", time_limit=limit) for limit in (2.0, 3.0)]
    assert told(rows) == [("cp-sat", "cp-sat", 1, 3), ("cp-sat", "cp-sat", 5, 3)]


def test_a_peer_is_shown_beside_cp_sat_on_the_cases_of_both() -> None:
    rows = [row(f"a/{number}", time_limit=limit) for number in (1, 2, 3) for limit in (1.0, 5.0)]
    rows += [row(f"a/{number}", "textbook", time_limit=limit) for number in (3, 4) for limit in (1.0, 5.0)]
    assert told(rows) == [
        ("cp-sat", "cp-sat", 1, 3),
        ("cp-sat", "cp-sat", 5, 3),
        ("textbook", "cp-sat", 1, 1),
        ("textbook", "cp-sat", 5, 1),
        ("textbook", "textbook", 1, 1),
        ("textbook", "textbook", 5, 1),
    ]
