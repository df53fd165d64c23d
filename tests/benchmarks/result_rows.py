"""Rows of results made by hand, for the tests of the report."""

from __future__ import annotations

from typing import Any

import pandas as pd

from benchmarks.report_tables import records
from benchmarks.rows import Objective, Row

MOVES = "unplaced,moved_bars,windows_changed"
WASTE = "unplaced,wasted_bytes,moved_bars"
MIB = 1 << 20


def row(
    instance: str = "toy/one",
    engine: str = "cp-sat",
    seconds: float | None = 1.0,
    *,
    status: str = "optimal",
    verdict: str = "legal",
    unplaced: int = 0,
    moved: int = 0,
    waste: int = 0,
    windows: int = 0,
    lost: int = 0,
    minimize: str = MOVES,
    **more: Any,
) -> Row:
    """One row; greedy engines are ``feasible`` unless told otherwise, and have no bounds."""
    measures = {
        "unplaced": unplaced,
        "moved_bars": moved,
        "moved_functions": moved,
        "windows_changed": windows,
        "wasted_bytes": waste,
        "lost_bars": lost,
    }
    planned = status in ("optimal", "feasible")
    return Row(
        **{
            "instance": instance,
            "family": instance.partition("/")[0],
            "bars": 10,
            "new": 1,
            "engine": engine,
            "seed": 0,
            "minimize": minimize,
            "policy": "safe",
            "time_limit": 60.0,
            "status": status,
            "objectives": tuple(
                Objective(name, measures[name], measures[name] if status == "optimal" else None)
                for name in minimize.split(",")
                if planned
            ),
            "measures": measures if planned else {},
            "wall_seconds": seconds,
            "verdict": verdict if planned else "no plan",
            "versions": {"barplan": "0.1.0", "python": "3.11", "ortools": "9.14"},
            "cpu": "a processor",
            "date": "2026-11-22T21:00:00Z",
            **more,
        }
    )


def greedy(instance: str = "toy/one", engine: str = "linux-7", seconds: float = 0.01, **values: Any) -> Row:
    """A row of an engine that proves nothing."""
    return row(instance, engine, seconds, status="feasible", **values)


def some_rows() -> list[Row]:
    """Something for every table: two families, three engines, levers, limits."""
    rows = [row(f"toy/{number}", seconds=0.5 * number, bars=10 * number**2, moved=1) for number in (1, 2, 3)]
    rows += [greedy("toy/1", moved=1), greedy("toy/2", unplaced=1), greedy("toy/3", "movable-bars", moved=4)]
    rows += [row("toy/1", "textbook", 4.0, moved=1), row("toy/2", "textbook", 60.0, status="feasible", moved=1)]
    rows += [row("rack/1", minimize=WASTE, bars=500, seconds=60.0, status="feasible", waste=1 << 20)]
    rows += [row("toy/1", seconds=2.0, moved=1, levers_off="floors"), row("toy/1", moved=1, time_limit=1.0)]
    return rows


def first(table: pd.DataFrame, **where: Any) -> dict[Any, Any]:
    """The one record with these values."""
    found = [one for one in records(table) if all(one[name] == value for name, value in where.items())]
    assert len(found) == 1
    return found[0]
