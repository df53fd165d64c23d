"""cp-sat against other engines that prove, on what both were asked for."""

from __future__ import annotations

import math

import pytest

from benchmarks.report_pairs import pair_table, pairs
from benchmarks.rows import frame
from tests.benchmarks.result_rows import first, greedy, row


def test_pairs_tell_who_solves_what_and_how_much_faster() -> None:
    rows = [row("a/1", seconds=1.0), row("a/2", seconds=1.0), row("a/3", seconds=0.5)]
    rows += [row("a/1", "textbook", 7.0), row("a/2", "textbook", 60.0, status="feasible")]
    found = first(pair_table(frame(rows)), engine="textbook")
    assert (found["common"], found["both"], found["exact_only"], found["other_only"]) == (2, 1, 1, 0)
    assert found["ratio"] == pytest.approx((math.sqrt(8 * 61) - 1) / 1.0)
    assert found["unlike"] == 0


def test_ratios_are_told_without_what_neither_solves_and_without_what_is_trivial() -> None:
    rows = [row("a/1", seconds=0.5), row("a/1", "textbook", 1.0)]
    rows += [row("a/2", seconds=1.0), row("a/2", "textbook", 7.0)]
    rows += [row("a/3", status="feasible", seconds=60.0), row("a/3", "textbook", status="unknown", seconds=60.0)]
    rows += [row("a/4", seconds=1.0), row("a/4", "textbook", status="unknown", seconds=60.0)]
    found = first(pair_table(frame(rows)))
    assert (found["common"], found["solved"], found["over_1s"]) == (4, 3, 2)
    everything = ((2 * 8 * 61 * 61) ** (1 / 4) - 1) / ((1.5 * 2 * 61 * 2) ** (1 / 4) - 1)
    solved = ((2 * 8 * 61) ** (1 / 3) - 1) / ((1.5 * 2 * 2) ** (1 / 3) - 1)
    lengthy = math.sqrt(8 * 61) - 1
    assert (found["ratio"], found["solved_ratio"], found["over_1s_ratio"]) == pytest.approx(
        (everything, solved, lengthy)
    )


def test_brackets_with_nothing_in_them_have_no_ratio() -> None:
    rows = [row("a/1", status="feasible", seconds=60.0), row("a/1", "textbook", status="unknown", seconds=60.0)]
    found = first(pair_table(frame(rows)))
    assert (found["solved"], found["solved_ratio"], found["over_1s"], found["over_1s_ratio"]) == (0, None, 0, None)
    assert found["ratio"] == 1


def test_who_had_less_time_is_not_compared() -> None:
    rows = [row("a/1", seconds=20.0, status="feasible", time_limit=20.0), row("a/1", "textbook", 60.0)]
    assert pair_table(frame(rows)).empty


def test_who_had_more_time_is_held_to_the_limit_of_the_other() -> None:
    late = [row("a/1", seconds=20.0), row("a/1", "textbook", 10.0, status="feasible", time_limit=10.0)]
    found = first(pair_table(frame(late)))
    assert (found["exact_only"], found["solved"], found["ratio"]) == (0, 0, 1)
    assert (found["limit_low"], found["limit_high"]) == (10, 10)
    in_time = [row("a/1", seconds=4.5), row("a/1", "textbook", 10.0, status="feasible", time_limit=10.0)]
    assert first(pair_table(frame(in_time)))["exact_only"] == 1


def test_limits_are_alike_where_there_is_a_choice() -> None:
    rows = [row("a/1", seconds=3.0), row("a/1", seconds=2.0, time_limit=20.0), row("a/1", time_limit=1.0)]
    rows += [row("a/1", "textbook", time_limit=limit) for limit in (5.0, 20.0, 90.0)]
    (pair,) = pairs(frame(rows))["textbook"]
    assert (pair.exact["time_limit"], pair.limit, pair.times) == (20, 20, (2, 1))


def test_what_is_no_match_is_left_out() -> None:
    rows = [row("a/1"), greedy("a/1"), row("a/1", "textbook", status="refused"), row("a/2", "textbook")]
    rows += [row("a/3", "textbook"), row("a/3", levers_off="floors")]
    assert pair_table(frame(rows)).empty


def test_two_proofs_of_different_values_are_told() -> None:
    rows = [row("a/1", moved=1), row("a/1", "textbook", moved=2)]
    assert first(pair_table(frame(rows)))["unlike"] == 1
    rows = [row("a/1", moved=1), row("a/1", "textbook", status="infeasible")]
    assert first(pair_table(frame(rows)))["unlike"] == 1
