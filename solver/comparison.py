"""Results for one machine side by side: a data frame for programs, a table in Jupyter."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from html import escape
from typing import TYPE_CHECKING

from models.representation import html_table
from solver.frames import comparison_frame
from solver.render.comparison import HEAD, comparison_cells, engine_row, today_row
from solver.result import Result

if TYPE_CHECKING:
    from pandas import DataFrame


class Comparison(Mapping[str, Result]):
    """Results by name, all of one machine; Jupyter shows what ``barplan compare`` prints.

    Parameters
    ----------
    results
        A mapping gives each result a name of its own in place of its engine's.

    Raises
    ------
    ValueError
        If there is no result, they are for different machines, or two of one engine have no names.
    """

    def __init__(self, results: Iterable[Result] | Mapping[str, Result]) -> None:
        pairs = list(results.items()) if isinstance(results, Mapping) else [(one.plan.engine, one) for one in results]
        named = dict(pairs)
        if len(named) < len(pairs):
            raise ValueError("two results of one engine: give each a name of its own, {name: result}")
        if len({one.plan.topology_sha256 for one in named.values()}) != 1:
            raise ValueError("expected at least one result, all of one machine")
        self._results: dict[str, Result] = named

    def __getitem__(self, name: str) -> Result:
        return self._results[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._results)

    def __len__(self) -> int:
        return len(self._results)

    def frame(self) -> DataFrame:
        """Today and each result as a row, with the columns :data:`solver.frames.COMPARISON` (sizes in bytes)."""
        return comparison_frame(self._results)

    def _repr_html_(self) -> str:
        """One line for today and for each result, sizes in binary units."""
        topology = next(iter(self._results.values())).topology
        lines = [comparison_cells(today_row(topology))]
        for name, result in self._results.items():
            cells = comparison_cells(engine_row(result.plan.engine, result))  # what is a proof depends on the engine
            lines.append((name, *cells[1:]))
        return html_table(topology.machine or "A machine", HEAD, [tuple(map(escape, cells)) for cells in lines])
