"""Rows: written, read again, measured, and as a frame."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from benchmarks.rows import COLUMNS, Objective, Row, append_row, frame, read_rows, row_of
from models.errors import InputError
from solver.frames import describe

LARGE = (1 << 62) + 1
"""No floating-point number."""


def row() -> Row:
    return Row(
        "rack/x",
        "rack",
        500,
        30,
        "cp-sat",
        1,
        "unplaced,moved_bars,windows_changed",
        "safe",
        60.0,
        "feasible",
        objectives=(Objective("unplaced", 0, 0), Objective("moved_bars", 8, 6), Objective("windows_changed", 9, None)),
        measures={"unplaced": 0, "moved_bars": 8, "windows_changed": 9, "wasted_bytes": LARGE, "lost_bars": 0},
        verdict="legal",
        versions={"barplan": "0.1.0"},
    )


def test_a_row_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    rows = [row(), replace(row(), seed=2, failure="it said\nthis")]
    for one in rows:
        append_row(path, one)
    assert list(read_rows(tmp_path)) == rows
    assert row_of({"later": 1, **{name: getattr(row(), name) for name in row().__slots__}}) == row()


def test_a_line_that_was_cut_off_is_left_out_and_taken_away(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    append_row(path, row())
    with path.open("a") as stream:
        stream.write(row().as_line()[:50])
    assert list(read_rows(tmp_path)) == [row()]
    append_row(path, replace(row(), seed=2))
    assert list(read_rows(tmp_path)) == [row(), replace(row(), seed=2)]


def test_a_line_that_is_no_row_is_refused(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text(f'{row().as_line()}\n{{"instance": 1}}\n')
    with pytest.raises(InputError, match="line 2") as refused:
        list(read_rows(tmp_path))
    assert "no row of results" in str(refused.value)


def test_the_gap_is_that_of_the_first_open_objective() -> None:
    assert row().gap == 0.25
    assert row().open == Objective("moved_bars", 8, 6)
    proved = replace(row(), status="optimal", objectives=(Objective("unplaced", 0, 0),))
    assert (proved.gap, proved.proved, proved.open) == (0.0, True, None)
    assert replace(row(), status="unknown", verdict="no plan").gap is None
    assert replace(row(), verdict="refused").gap is None
    unbounded = replace(row(), objectives=(Objective("unplaced", 3, None),))
    assert unbounded.gap == 1.0


def test_what_does_not_fit_is_proved_by_a_bound_or_by_the_status() -> None:
    assert not row().does_not_fit
    assert replace(row(), objectives=(Objective("unplaced", 3, 1),)).does_not_fit
    assert replace(row(), status="infeasible", objectives=()).does_not_fit


def test_what_is_run_once_tells_limits_levers_and_seeds_apart() -> None:
    others = [
        replace(row(), seed=2),
        replace(row(), time_limit=5.0),
        replace(row(), levers_off="hulls"),
        replace(row(), engine="textbook"),
        replace(row(), minimize="wasted_bytes"),
        replace(row(), policy="always"),
        replace(row(), workers=1),
    ]
    assert len({one.key for one in (row(), *others)}) == 8
    assert replace(row(), date="later", wall_seconds=3.0).key == row().key


def test_the_frame_has_its_types_and_its_meanings() -> None:
    made = frame([row(), replace(row(), status="optimal", objectives=(), measures={}, verdict="no plan")])
    for table in (made, frame([])):
        assert [(name, str(dtype)) for name, dtype in table.dtypes.items()] == [
            (column.name, column.dtype) for column in COLUMNS
        ]
    assert made["wasted_bytes"][0] == LARGE
    assert made["moved_bars_bound"][0] == 6
    assert made["open"][0] == "moved_bars"
    assert pd.isna(made["wasted_bytes"][1])
    assert list(describe(COLUMNS).index) == list(made.columns)
