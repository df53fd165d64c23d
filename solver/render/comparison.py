"""Engines side by side: one row each, as text and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from models.legality import today_breaches
from models.placement import Measures, Placement, free_space, measure
from models.plan import Objective, Status
from models.resources import Size, format_size
from models.topology import Topology
from solver.render.columns import columns
from solver.render.words import short_size
from solver.result import Result


@dataclass(frozen=True, slots=True)
class Row:
    """What one engine made of the machine; ``measures`` is ``None`` where it has no plan.

    Attributes
    ----------
    largest_block
        The largest aligned free block of memory in any root window.
    breaches
        Rules the plan breaks (today's row: all that are broken), as messages.
    """

    engine: str
    status: Status | None
    measures: Measures | None
    largest_block: Size | None
    breaches: tuple[str, ...]
    objectives: tuple[Objective, ...] = ()
    seconds: float | None = None

    @property
    def proof(self) -> str:
        """``optimal``, or the status with how many objectives are proved."""
        if self.status is not Status.FEASIBLE:
            return str(self.status) if self.status is not None else "-"
        proved = sum(objective.proved for objective in self.objectives)
        return f"feasible, {proved} of {len(self.objectives)} proved" if proved else "feasible, no proof"

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
    breaches = tuple(str(breach) for breach in today_breaches(topology))
    return Row("today", None, measure(topology, today), _largest_block(topology, today), breaches)


def engine_row(engine: str, result: Result) -> Row:
    """What ``engine`` made of it."""
    plan = result.plan
    breaches = tuple(str(breach) for breach in result.breaches)
    if plan.status not in (Status.OPTIMAL, Status.FEASIBLE):
        return Row(engine, plan.status, None, None, breaches, plan.objectives, result.seconds)
    block = _largest_block(result.topology, plan.placement)
    return Row(engine, plan.status, result.measures, block, breaches, plan.objectives, result.seconds)


def comparison_table(rows: Sequence[Row]) -> str:
    """The rows as a table, one line for each engine."""
    head = ("engine", "unplaced", "moved", "lost", "windows changed", "wasted", "largest free", "legal", "proof")
    table: list[tuple[str, ...]] = [(*head, "seconds")]
    for row in rows:
        seconds = "-" if row.seconds is None else f"{row.seconds:.2f}"
        measures = row.measures
        if measures is None:
            table.append((row.engine, *["-"] * 7, row.proof, seconds))
            continue
        table.append(
            (
                row.engine,
                str(measures.unplaced),
                str(measures.moved_bars),
                str(measures.lost_bars),
                str(measures.windows_changed),
                short_size(measures.wasted_bytes),
                "-" if row.largest_block is None else format_size(row.largest_block),
                "yes" if not row.breaches else f"no, {len(row.breaches)} broken",
                row.proof,
                seconds,
            )
        )
    return columns(table, right=(1, 2, 3, 4, 5, 6, 9), indent="")


def _largest_block(topology: Topology, placement: Placement) -> Size | None:
    blocks = [space.largest_block for space in free_space(topology, placement) if space.window.space == "mem"]
    return max(blocks, default=None)
