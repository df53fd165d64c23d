"""Engines side by side: one row each, as text and as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from models.legality import Breach, today_breaches
from models.placement import FreeSpace, Measures, Placement, free_space, measure
from models.plan import Objective, Status
from models.resources import Size, format_size
from models.topology import Topology
from solver.engines import EXACT
from solver.render.columns import columns
from solver.render.words import short_size
from solver.result import Result


@dataclass(frozen=True, slots=True)
class Row:
    """What one engine made of the machine; ``measures`` is ``None`` where it has no plan.

    Attributes
    ----------
    free
        Free space of every root window, with the largest aligned block; none without a plan.
    breaches
        Rules the plan breaks (today's row: all that are broken), as messages.
    broken
        The name of the rule of each breach.
    """

    engine: str
    status: Status | None
    measures: Measures | None
    free: tuple[FreeSpace, ...]
    breaches: tuple[str, ...]
    broken: tuple[str, ...]
    objectives: tuple[Objective, ...] = ()
    seconds: float | None = None

    @property
    def largest_block(self) -> Size | None:
        """The largest aligned free block of memory in any root window."""
        return max((space.largest_block for space in self.free if space.window.space == "mem"), default=None)

    @property
    def legal(self) -> str:
        """``yes``, or how often which rule is broken."""
        counts = Counter(self.broken)
        return "no: " + ", ".join(f"{count} {rule}" for rule, count in counts.items()) if counts else "yes"

    @property
    def proof(self) -> str:
        """``optimal``, or how much is proved; engines that follow a rule prove nothing."""
        if self.status is not Status.FEASIBLE:
            return str(self.status) if self.status is not None else "-"
        if self.engine not in EXACT:
            return "by rule, no proof"
        proved = sum(objective.proved for objective in self.objectives)
        return f"{proved} of {len(self.objectives)} proved"

    def document(self) -> dict[str, Any]:
        """The row as JSON, bytes as hex strings."""
        measures = None
        if self.measures is not None:
            measures = {name: getattr(self.measures, name) for name in _MEASURES}
        return {
            "engine": self.engine,
            "status": self.status and str(self.status),
            "measures": measures,
            "largest_block": None if self.largest_block is None else hex(self.largest_block),
            "free_space": [
                {
                    "root_bus": space.root,
                    "space": space.window.space,
                    "start": hex(space.window.range.start),
                    "end": hex(space.window.range.last),
                    "prefetchable": space.window.prefetchable,
                    "free": hex(space.free),
                    "largest_block": hex(space.largest_block),
                }
                for space in self.free
            ],
            "legal": None if self.measures is None else not self.breaches,
            "breaches": list(self.breaches),
            "objectives": [
                {"name": objective.name, "value": objective.value, "bound": objective.bound}
                for objective in self.objectives
            ],
            "seconds": self.seconds,
        }


_MEASURES = ("unplaced", "moved_bars", "moved_functions", "lost_bars", "windows_changed", "wasted_bytes")


def today_row(topology: Topology) -> Row:
    """The machine as it is."""
    today = Placement.today(topology)
    free = tuple(free_space(topology, today))
    return Row("today", None, measure(topology, today), free, *_breaches(today_breaches(topology)))


def engine_row(engine: str, result: Result) -> Row:
    """What ``engine`` made of it."""
    plan = result.plan
    breaches, broken = _breaches(result.breaches)
    if plan.status not in (Status.OPTIMAL, Status.FEASIBLE):
        return Row(engine, plan.status, None, (), breaches, broken, plan.objectives, result.seconds)
    free = tuple(free_space(result.topology, plan.placement))
    return Row(engine, plan.status, result.measures, free, breaches, broken, plan.objectives, result.seconds)


def _breaches(found: Sequence[Breach]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    return tuple(str(breach) for breach in found), tuple(breach.rule for breach in found)


HEAD = ("engine", "unplaced", "moved", "lost", "windows changed", "wasted", "largest free", "legal", "proof", "seconds")
"""Titles of the columns of a comparison."""


def comparison_cells(row: Row) -> tuple[str, ...]:
    """What stands in a line of a comparison below :data:`HEAD`."""
    seconds = "-" if row.seconds is None else f"{row.seconds:.2f}"
    measures = row.measures
    if measures is None:
        return (row.engine, *["-"] * 7, row.proof, seconds)
    return (
        row.engine,
        str(measures.unplaced),
        str(measures.moved_bars),
        str(measures.lost_bars),
        str(measures.windows_changed),
        short_size(measures.wasted_bytes),
        "-" if row.largest_block is None else format_size(row.largest_block),
        row.legal,
        row.proof,
        seconds,
    )


def comparison_table(rows: Sequence[Row]) -> str:
    """The rows as a table, one line for each engine."""
    return columns([HEAD, *map(comparison_cells, rows)], right=(1, 2, 3, 4, 5, 6, 9), indent="")
