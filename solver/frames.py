"""Results as pandas data frames with typed columns.

Every frame is made from a table of columns (:data:`BARS`, :data:`WINDOWS`, :data:`FREE`, :data:`COMPARISON`) that
names its type and meaning; :func:`describe` shows such a table. Addresses are CPU addresses in bytes, unsigned 64-bit
and missing where there is none (``pandas.UInt64Dtype``); ranges have inclusive ends, as in /proc/iomem; sizes are
bytes. pandas is imported when a frame is asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from models.placement import Placement, free_space
from models.plan import PlannedBar, PlannedWindow, Status
from models.topology import bar_name
from solver.render.classes import class_name

if TYPE_CHECKING:
    from pandas import DataFrame

    from solver.result import Result


class Column(NamedTuple):
    """Name, pandas dtype and meaning of a column."""

    name: str
    dtype: str
    meaning: str


ADDRESS, BYTES, NAME, COUNT = "UInt64", "UInt64", "category", "UInt32"

BARS = (
    Column("function", NAME, "address of the function, dddd:bb:dd.f"),
    Column("bar", NAME, "BAR 0 to BAR 5, ROM, VF BAR 0 to VF BAR 5"),
    Column("class", NAME, "name of the function's class, as lspci says it"),
    Column("driver", NAME, "bound driver; missing: none is bound, or it is unknown"),
    Column("space", NAME, "io or mem"),
    Column("width", "UInt8", "bits of the address the BAR can hold: 32 or 64"),
    Column("prefetchable", "boolean", "whether the memory is prefetchable"),
    Column("size", BYTES, "bytes of one instance"),
    Column("copies", COUNT, "instances in a row: the number of VFs for a VF BAR, else 1"),
    Column("optional", "boolean", "whether it may be left without an address"),
    Column("before", ADDRESS, "first address today; missing: unassigned"),
    Column("after", ADDRESS, "first address in the plan; missing: unassigned"),
    Column("outcome", NAME, "stays, moves, placed (had none), lost (has none any more) or unassigned (neither)"),
    Column("movable", "boolean", "whether it might move under the request; missing without an address or a plan"),
    Column("why", "string", "why it may not move, or why it moves"),
)
"""One row for each BAR of the machine."""

WINDOWS = (
    Column("bridge", NAME, "address of the bridge, dddd:bb:dd.f"),
    Column("window", NAME, "io, mem or pref"),
    Column("before_start", ADDRESS, "first address today; missing: closed"),
    Column("before_last", ADDRESS, "last address today, inclusive"),
    Column("before_size", BYTES, "bytes today; 0: closed"),
    Column("after_start", ADDRESS, "first address in the plan; missing: closed"),
    Column("after_last", ADDRESS, "last address in the plan, inclusive"),
    Column("after_size", BYTES, "bytes in the plan; 0: closed; missing without one"),
    Column("outcome", NAME, "stays, moves (same size), resized, opens or closes"),
)
"""One row for each bridge window that is open before or after."""

FREE = (
    Column("root_bus", NAME, "root bus, dddd:bb"),
    Column("space", NAME, "io or mem"),
    Column("prefetchable", "boolean", "whether the root window is prefetchable"),
    Column("start", ADDRESS, "first address of the root window"),
    Column("last", ADDRESS, "last address of the root window, inclusive"),
    Column("size", BYTES, "bytes of the root window"),
    Column("free_before", BYTES, "bytes today on which nothing stands"),
    Column("free_after", BYTES, "the same in the plan; missing without one"),
    Column("largest_before", BYTES, "bytes of the largest naturally aligned free block today"),
    Column("largest_after", BYTES, "the same in the plan; missing without one"),
)
"""One row for each root window."""

COMPARISON = (
    Column("engine", NAME, "what found the plan; today: the machine as it is"),
    Column("status", NAME, "optimal, feasible, infeasible or unknown; missing: today"),
    Column("unplaced", COUNT, "BARs left without an address that need one; missing without a plan, as all that follow"),
    Column("moved_bars", COUNT, "BARs whose address changes"),
    Column("moved_functions", COUNT, "functions with such a BAR"),
    Column("lost_bars", COUNT, "BARs that had an address and have none"),
    Column("windows_changed", COUNT, "bridge windows whose range changes"),
    Column("wasted_bytes", BYTES, "bytes inside the windows of root-bus bridges that back no BAR"),
    Column("largest_block", BYTES, "bytes of the largest naturally aligned free block of memory in any root window"),
    Column("rules_broken", COUNT, "rules the plan breaks that are not broken today; today: all that are broken"),
    Column("proved", COUNT, "objectives whose value is proved to be the best"),
    Column("objectives", COUNT, "objectives that were minimised"),
    Column("seconds", "Float64", "wall time of the engine"),
)
"""One row for today and one for each result."""


def bars_frame(result: Result) -> DataFrame:
    """Every BAR before and after, with the columns :data:`BARS`."""
    topology = result.topology
    functions = {function.address: function for function, _ in topology.functions()}
    bars = dict(result.plan.placement.sized(topology).bars())
    has_plan = _has_plan(result)
    rows = []
    for planned in result.plan.bars:
        function, bar = functions[planned.key.function], bars[planned.key]
        outcome = _bar_outcome(planned) if has_plan else None
        rows.append(
            (
                function.address,
                bar_name(bar.index),
                class_name(function.class_code) or None,
                function.driver,
                bar.space,
                bar.width,
                bar.prefetchable,
                bar.size,
                bar.copies,
                bar.optional,
                planned.before,
                planned.after if has_plan else None,
                outcome,
                None if planned.before is None or outcome is None else outcome != "stays" or planned.why is None,
                planned.why,
            )
        )
    return typed_frame(BARS, rows)


def windows_frame(result: Result) -> DataFrame:
    """Every bridge window that is open before or after, with the columns :data:`WINDOWS`."""
    has_plan = _has_plan(result)
    rows = []
    for planned in result.plan.windows:
        before, after = planned.before, planned.after if has_plan else None
        rows.append(
            (
                planned.key.bridge,
                planned.key.kind,
                before and before.start,
                before and before.last,
                before.size if before else 0,
                after and after.start,
                after and after.last,
                (after.size if after else 0) if has_plan else None,
                _window_outcome(planned) if has_plan else None,
            )
        )
    return typed_frame(WINDOWS, rows)


def free_frame(result: Result) -> DataFrame:
    """Free space of every root window before and after, with the columns :data:`FREE`."""
    before = free_space(result.topology, Placement.today(result.topology))
    after = free_space(result.topology, result.plan.placement) if _has_plan(result) else [None] * len(before)
    rows = []
    for old, new in zip(before, after, strict=True):
        window = old.window
        rows.append(
            (
                old.root,
                window.space,
                window.prefetchable,
                window.range.start,
                window.range.last,
                window.range.size,
                old.free,
                new and new.free,
                old.largest_block,
                new and new.largest_block,
            )
        )
    return typed_frame(FREE, rows)


def comparison_frame(results: Iterable[Result] | Mapping[str, Result]) -> DataFrame:
    """Results for one machine side by side, today first, with the columns :data:`COMPARISON`.

    Parameters
    ----------
    results
        Results of one machine; a mapping gives each a name of its own in place of its engine's.

    Raises
    ------
    ValueError
        If there is no result, or they are for different machines.
    """
    from solver.render.comparison import engine_row, today_row

    named = list(results.items()) if isinstance(results, Mapping) else [(one.plan.engine, one) for one in results]
    if len({one.plan.topology_sha256 for _, one in named}) != 1:
        raise ValueError("expected at least one result, all of one machine")
    rows = []
    for row in [today_row(named[0][1].topology), *(engine_row(name, one) for name, one in named)]:
        measures = row.measures
        names = ("unplaced", "moved_bars", "moved_functions", "lost_bars", "windows_changed", "wasted_bytes")
        rows.append(
            (
                row.engine,
                None if row.status is None else str(row.status),
                *(None if measures is None else getattr(measures, name) for name in names),
                row.largest_block,
                None if measures is None else len(row.breaches),
                None if row.status is None else sum(objective.proved for objective in row.objectives),
                None if row.status is None else len(row.objectives),
                row.seconds,
            )
        )
    return typed_frame(COMPARISON, rows)


def describe(columns: Iterable[Column]) -> DataFrame:
    """The columns of a frame with their types and meanings, one row each."""
    import pandas as pd

    return pd.DataFrame(list(columns), columns=["column", "dtype", "meaning"]).set_index("column")


def typed_frame(columns: tuple[Column, ...], rows: list[tuple[Any, ...]]) -> DataFrame:
    """Typed columns; numbers never pass through floating point, which would cut addresses above 2^53."""
    import pandas as pd

    cells: list[tuple[Any, ...]] = list(zip(*rows, strict=True)) if rows else [()] * len(columns)

    def typed(column: Column, values: tuple[Any, ...]) -> Any:
        if column.dtype == NAME:
            return pd.Categorical(values)
        dtype: Any = column.dtype
        return pd.array([pd.NA if cell is None else cell for cell in values], dtype=dtype)

    return pd.DataFrame({column.name: typed(column, cell) for column, cell in zip(columns, cells, strict=True)})


def _has_plan(result: Result) -> bool:
    return result.plan.status in (Status.OPTIMAL, Status.FEASIBLE)


def _bar_outcome(planned: PlannedBar) -> str:
    if planned.before is None:
        return "unassigned" if planned.after is None else "placed"
    return "moves" if planned.moved else "lost" if planned.after is None else "stays"


def _window_outcome(planned: PlannedWindow) -> str:
    before, after = planned.before, planned.after
    if before is None or after is None:
        return "opens" if before is None else "closes"
    if before == after:
        return "stays"
    return "moves" if before.size == after.size else "resized"
