"""The tables of the report on small frames, with results computed by hand."""

from __future__ import annotations

import math
from typing import Any

import pytest

from benchmarks import report_tables as tables
from benchmarks.report_gap import GAPS, gap_table
from benchmarks.report_pairs import PAIRS, pair_table
from benchmarks.report_targets import JUDGES, TARGETS, target_table
from benchmarks.rows import Objective, Row, frame
from tests.benchmarks.result_rows import MIB, MOVES, WASTE, first, greedy, row


@pytest.mark.parametrize(
    ("make", "columns"),
    [
        (tables.engine_table, tables.ENGINES),
        (tables.greedy_table, tables.GREEDY),
        (pair_table, PAIRS),
        (tables.lever_table, tables.LEVERS),
        (tables.scaling_table, tables.SCALING),
        (gap_table, GAPS),
        (target_table, TARGETS),
    ],
)
def test_every_table_is_typed_even_where_it_is_empty(make: Any, columns: Any) -> None:
    table = make(frame([row()]))
    assert [(name, str(dtype)) for name, dtype in table.dtypes.items()] == [(one.name, one.dtype) for one in columns]


def test_the_main_rows_have_the_largest_limit_of_the_engine_on_the_case_and_every_lever() -> None:
    rows = [row("a/1"), row("a/2"), row("a/1", time_limit=10.0), row("a/1", levers_off="greedy")]
    rows += [row("a/3", time_limit=10.0), greedy("a/1", time_limit=5.0)]
    assert tables.main_limit(frame(rows)) == 60
    chosen = tables.main_rows(frame(rows))
    told = zip(chosen["instance"], chosen["engine"], chosen["time_limit"], strict=True)
    assert list(told) == [("a/1", "cp-sat", 60), ("a/2", "cp-sat", 60), ("a/3", "cp-sat", 10), ("a/1", "linux-7", 5)]
    with pytest.raises(ValueError, match="at least one row"):
        tables.main_limit(frame([]))


def test_what_is_not_solved_counts_with_its_limit() -> None:
    rows = [row("a/1", seconds=3.0), row("a/2", seconds=60.2, status="feasible")]
    found = first(tables.engine_table(frame(rows)), engine="cp-sat")
    assert found["mean_seconds"] == pytest.approx(math.sqrt(4 * 61) - 1)
    assert found["par10_seconds"] == pytest.approx((3 + 600) / 2)
    assert (found["rows"], found["proved"], found["plans"], found["longest_seconds"]) == (2, 1, 2, 60.2)
    assert (found["limit_low"], found["limit_high"]) == (60, 60)


def test_families_are_not_mixed() -> None:
    table = tables.engine_table(frame([row("a/1"), row("b/1"), row("b/2"), greedy("a/1")]))
    assert [(one["family"], one["engine"], one["rows"]) for one in tables.records(table)] == [
        ("a", "cp-sat", 1),
        ("a", "linux-7", 1),
        ("b", "cp-sat", 2),
    ]
    assert first(table, engine="linux-7")["par10_seconds"] is None


def greedy_rows() -> list[Row]:
    """Five instances: optimal, one move too many, a failure, a loss, and one that cannot fit."""
    best = [row(f"a/{number}", moved=2, unplaced=int(number == 5)) for number in range(1, 6)]
    return [
        *best,
        greedy("a/1", moved=2, windows=9),
        greedy("a/2", moved=3),
        greedy("a/3", unplaced=2),
        greedy("a/4", moved=2, lost=1),
        greedy("a/5", moved=2, unplaced=1),
        row("a/6", status="feasible"),
        greedy("a/6"),
    ]


def test_how_often_the_greedy_is_optimal_and_how_often_it_fails() -> None:
    found = first(tables.greedy_table(frame(greedy_rows())), engine="linux-7")
    assert (found["compared"], found["optimal"]) == (5, 2)  # the sixth has no proved optimum
    assert (found["possible"], found["fails"]) == (4, 2)
    assert found["extra_unplaced"] == 2
    assert found["extra_moved"] == pytest.approx(1 / 3)  # 0, 1 and 0 where it places as many
    assert found["optimal_low"] == pytest.approx(0.1176, abs=1e-4)
    assert found["fails_high"] == pytest.approx(0.85, abs=1e-3)


def test_greedy_engines_are_held_against_each_other_on_what_all_were_asked_for() -> None:
    table = tables.greedy_table(frame([*greedy_rows(), greedy("a/3", "movable-bars", moved=2)]))
    told = [(one["engine"], one["cases"], one["compared"], one["optimal"]) for one in tables.records(table)]
    assert told == [("linux-7", "common", 1, 0), ("movable-bars", "common", 1, 1), ("linux-7", "all", 5, 2)]


def test_an_illegal_plan_is_no_success() -> None:
    rows = [row("a/1"), greedy("a/1", verdict="refused")]
    found = first(tables.greedy_table(frame(rows)), engine="linux-7")
    assert (found["optimal"], found["fails"]) == (0, 1)


def test_waste_is_compared_by_a_ratio_that_stands_zeros() -> None:
    rows = [row("a/1", minimize=WASTE), greedy("a/1", minimize=WASTE, waste=3 * MIB)]
    rows += [row("a/2", minimize=WASTE, waste=MIB), greedy("a/2", minimize=WASTE, waste=MIB)]
    assert first(tables.greedy_table(frame(rows)))["waste_ratio"] == pytest.approx(2.0)  # sqrt(4 * 1)


def test_objectives_behind_one_that_the_frame_does_not_tell_are_not_compared() -> None:
    one = tables.records(frame([row(minimize=MOVES)]))[0]
    assert tables.told({**one, "minimize": "unplaced,headroom,moved_bars"}) == ["unplaced"]
    assert tables.told(one) == ["unplaced", "moved_bars", "windows_changed"]


def test_levers_are_compared_on_what_was_run_with_and_without() -> None:
    rows = [row("a/1", seconds=1.0), row("a/1", seconds=3.0, levers_off="floors")]
    rows += [row("a/2", seconds=1.0), row("a/2", seconds=60.0, status="feasible", levers_off="hints")]
    rows += [row("a/3", seconds=9.0, levers_off="hints")]  # nothing to compare it with
    table = tables.lever_table(frame(rows))
    assert [one["lever"] for one in tables.records(table)] == ["hints", "floors"]
    hints = first(table, lever="hints")
    assert (hints["common"], hints["proved_with"], hints["proved_without"]) == (1, 1, 0)
    assert hints["ratio"] == pytest.approx(60.0)
    assert first(table, lever="floors")["ratio"] == pytest.approx(3.0)


def test_growth_is_fitted_to_what_is_solved() -> None:
    rows = [row(f"rack/{bars}", bars=bars, seconds=bars / 100) for bars in (100, 1000, 10_000)]
    rows.append(row("rack/late", bars=20_000, seconds=60.0, status="feasible"))
    found = first(tables.scaling_table(frame(rows)))
    assert (found["points"], found["bars_low"], found["bars_high"]) == (3, 100, 10_000)
    assert found["exponent"] == pytest.approx(1.0)
    assert found["factor"] == pytest.approx(0.01)
    assert tables.scaling_table(frame([row("toy/1", bars=10), row("toy/2", bars=39)])).empty


def target(rows: list[Row], work: str) -> tuple[int, str, bool | None]:
    judge = next(judge for name, _, judge in JUDGES if name == work)
    found = judge(frame(rows))
    return found.rows, found.text, found.reached


def test_targets_that_nothing_tells_of_are_open() -> None:
    table = tables.records(target_table(frame([row()])))
    assert first(target_table(frame([row()])), work="minimum waste, 500 BARs")["found"] == "not measured"
    assert {one["reached"] for one in table if one["rows"] == 0} == {None}


def test_targets_say_what_was_reached() -> None:
    waste = [row("rack/boot-500", minimize=WASTE, seconds=1.5), row("rack/boot-500-2", minimize=WASTE, seconds=1.9)]
    assert target(waste, "minimum waste, 500 BARs") == (2, "2 of 2 in time; longest 1.9 s", True)
    late = [*waste, row("rack/boot-500-3", minimize=WASTE, seconds=60.0, status="feasible")]
    assert target(late, "minimum waste, 500 BARs") == (3, "2 of 3 in time; longest 60.0 s; 1 not proved", False)
    assert target([row("rack/boot-full-500")], "minimum waste, 500 BARs")[0] == 0
    fast = [row("a/1", seconds=0.0), row("a/1", "textbook", 30.0)]
    assert target(fast, "against the textbook model")[2] is True
    slow = [row("a/1", seconds=10.0), row("a/1", "textbook", 30.0)]
    assert target(slow, "against the textbook model") == (
        1,
        "3.0 times faster; solved by the textbook model alone: 0",
        False,
    )
    real = [row(f"corpus/{number}", seconds=0.2) for number in range(19)] + [row("corpus/20", seconds=5.0)]
    assert target(real, "hotplug on real machines")[2] is True
    assert target([*real, row("corpus/21", seconds=5.0)], "hotplug on real machines")[2] is False
    heavy = [
        row("rack/waste-2000", bars=2000, peak_bytes=1 << 29),
        row("rack/waste-10000", bars=9000, peak_bytes=5 << 30),
    ]
    assert target(heavy, "memory up to 2,500 BARs") == (1, "at most 0.50 GiB", True)
    assert target(heavy, "memory up to 12,000 BARs")[2] is False


def test_running_out_of_time_needs_a_plan_as_good_as_the_greedy() -> None:
    work = "a time limit of T"
    assert target([row("a/1", status="feasible", seconds=60.5), greedy("a/1")], work)[2] is True
    assert target([row("a/1", status="feasible", unplaced=1), greedy("a/1")], work)[2] is False
    assert target([row("a/1", status="feasible", unplaced=1), greedy("a/1", seconds=61.0)], work)[2] is False
    assert target([row("a/1", status="feasible", unplaced=1), row("a/1", "textbook", 9.0)], work)[2] is False
    assert target([row("a/1", status="feasible", unplaced=1), row("a/1", "textbook", 61.0)], work)[2] is True
    assert target([row("a/1", status="feasible", seconds=70.0)], work)[2] is False
    assert target([row("a/1", status="unknown")], work)[1].startswith("late 0, without a legal plan 1")


def test_a_plan_better_than_a_proof_is_told() -> None:
    assert target([row("a/1", moved=1), greedy("a/1", moved=1)], "proofs")[2] is True
    assert target([row("a/1", moved=1), greedy("a/1", moved=0)], "proofs")[2] is False


def test_that_something_does_not_fit_is_told_by_the_run_with_the_smallest_limit_that_has_it() -> None:
    work, open_ = "does not fit, 500 BARs", (Objective("unplaced", 5, 3),)
    late = row("rack/boot-full-500", seconds=60.0, status="feasible", objectives=open_)
    assert target([late], work) == (1, "0 of 1 in time; longest 60.0 s", False)
    soon = row("rack/boot-full-500", seconds=1.2, status="feasible", objectives=open_, time_limit=1.0)
    assert target([late, soon], work) == (2, "1 of 1 in time; longest 1.2 s", True)
    unknown = row("rack/boot-full-500-2", seconds=1.0, status="feasible", objectives=(Objective("unplaced", 5, 0),))
    assert target([soon, unknown], work) == (2, "1 of 2 in time; longest 1.2 s; 1 not proved", False)


def test_the_least_waste_may_be_proved_before_the_fewest_moves() -> None:
    work = "minimum waste, 500 BARs that have addresses"
    half = (Objective("unplaced", 0, 0), Objective("wasted_bytes", 7, 7), Objective("moved_bars", 4, 1))
    made = row(
        "rack/waste-500", minimize=WASTE, seconds=1.8, status="feasible", objectives=half, waste=7, time_limit=1.5
    )
    assert target([made], work) == (1, "1 of 1 in time; longest 1.8 s", True)
    open_ = (Objective("unplaced", 0, 0), Objective("wasted_bytes", 7, 6), Objective("moved_bars", 4, None))
    other = row("rack/waste-500-2", minimize=WASTE, seconds=60.0, status="feasible", objectives=open_, waste=7)
    assert target([made, other], work)[1:] == ("1 of 2 in time; longest 1.8 s; 1 not proved", False)
    assert target([made], "minimum waste, 500 BARs")[0] == 0
