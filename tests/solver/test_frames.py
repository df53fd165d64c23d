"""Data frames: types, meanings and values, column by column."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pandas as pd
import pytest

from models.placement import Placement, free_space, measure
from models.plan import Status
from models.topology import Topology
from solver import frames
from solver.frames import bars_frame, comparison_frame, describe, free_frame, windows_frame
from solver.request import Request
from solver.result import make_result
from tests.solver.results import HIGH, planned, small_machine, small_result

TABLES = {
    "bars": (frames.BARS, bars_frame),
    "windows": (frames.WINDOWS, windows_frame),
    "free": (frames.FREE, free_frame),
    "comparison": (frames.COMPARISON, lambda result: comparison_frame([result])),
}


def record(frame: pd.DataFrame, **where: str) -> dict[str, Any]:
    """The one row with these values, missing cells as ``None``."""
    for name, value in where.items():
        frame = frame[frame[name] == value]
    assert len(frame) == 1
    return {name: None if pd.isna(value) else value for name, value in frame.iloc[0].items()}  # type: ignore[misc]


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("status", [Status.OPTIMAL, Status.INFEASIBLE])
def test_every_column_has_its_type_and_its_meaning(name: str, status: Status) -> None:
    columns, make = TABLES[name]
    frame = make(small_result(status=status))
    assert [(column, str(dtype)) for column, dtype in frame.dtypes.items()] == [
        (column.name, column.dtype) for column in columns
    ]
    assert all(len(column.meaning) > 5 for column in columns)
    assert list(describe(columns).index) == list(frame.columns)


def test_a_machine_without_bars_has_empty_frames_of_the_same_types() -> None:
    result = make_result(Topology(), Request(), "nobody", Placement({}, {}), status=Status.OPTIMAL, seconds=0)
    for columns, make in TABLES.values():
        frame = make(result)
        assert [str(dtype) for dtype in frame.dtypes] == [column.dtype for column in columns]
    assert bars_frame(result).empty


def test_bars_say_where_they_were_where_they_go_and_why() -> None:
    frame = bars_frame(small_result())
    assert list(frame["outcome"]) == ["stays", "unassigned", "lost", "moves", "placed"]
    moved = record(frame, function="0000:01:00.0", bar="BAR 0")
    assert (moved["before"], moved["after"], moved["movable"]) == (0x80000000, 0x80200000, True)
    assert (moved["class"], moved["driver"], moved["size"]) == ("Non-Volatile memory controller", "nvme", 1 << 20)
    stays = record(frame, function="0000:00:02.0")
    assert (stays["movable"], stays["why"], stays["driver"]) == (False, "driver is unknown", None)
    assert record(frame, bar="ROM")["movable"] is None


def test_addresses_above_2_to_53_keep_every_digit() -> None:
    frame = bars_frame(small_result())
    assert int(record(frame, function="0000:00:02.0")["before"]) == HIGH
    assert hex(frame["before"].max()) == hex(HIGH)


def test_windows_have_inclusive_ends() -> None:
    row = record(windows_frame(small_result()), bridge="0000:00:01.0")
    assert (row["before_start"], row["before_last"], row["before_size"]) == (0x80000000, 0x800FFFFF, 1 << 20)
    assert (row["after_start"], row["after_last"], row["after_size"]) == (0x80200000, 0x803FFFFF, 2 << 20)
    assert row["outcome"] == "resized"


def test_free_space_is_that_of_the_models() -> None:
    topology = small_machine()
    frame = free_frame(small_result())
    before, after = free_space(topology, Placement.today(topology)), free_space(topology, planned(topology))
    assert list(frame["free_before"]) == [space.free for space in before]
    assert list(frame["largest_after"]) == [space.largest_block for space in after]


def test_without_a_plan_there_is_nothing_afterwards() -> None:
    result = small_result(status=Status.INFEASIBLE)
    for frame, column in (
        (bars_frame(result), "after"),
        (windows_frame(result), "after_start"),
        (free_frame(result), "free_after"),
        (comparison_frame([result]).iloc[1:], "moved_bars"),
    ):
        assert frame[column].isna().all()


def test_a_comparison_has_today_first_and_takes_names() -> None:
    result = small_result()
    frame = comparison_frame({"mine": result, "theirs": small_result("other")})
    assert list(frame["engine"]) == ["today", "mine", "theirs"]
    expected = measure(result.topology, planned(result.topology))
    assert record(frame, engine="mine")["wasted_bytes"] == expected.wasted_bytes
    assert record(frame, engine="mine")["rules_broken"] == len(result.breaches) > 0
    assert record(frame, engine="today")["seconds"] is None


def test_results_of_different_machines_are_not_compared() -> None:
    other = replace(small_result(), plan=replace(small_result().plan, topology_sha256="of another"))
    for results in ([], [small_result(), other]):
        with pytest.raises(ValueError, match="all of one machine"):
            comparison_frame(results)
