"""The table of a corpus run, as Markdown or CSV, and what it adds up to."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.corpus import EXACT, Row, Run, proof
from models.errors import InputError
from models.plan import Status

if TYPE_CHECKING:
    import pandas as pd

FORMATS = {".md": "Markdown", ".csv": "CSV"}
"""Output formats by the ending of the file."""


def frame(rows: Sequence[Row]) -> pd.DataFrame:
    """One line for each machine; columns of an engine begin with its name."""
    import pandas as pd

    records = [_record(row) for row in rows]
    columns = list(dict.fromkeys(column for record in records for column in record if column != "note"))
    return pd.DataFrame.from_records(records, columns=[*columns, "note"]).convert_dtypes()


def _record(row: Row) -> dict[str, Any]:
    record: dict[str, Any] = {"machine": row.name}
    if row.was_read:
        marks = _marks(row)
        record |= {
            "functions": f"{row.counts.functions}{marks[0]}",
            "bridges": f"{row.counts.bridges}{marks[1]}",
            "BARs": f"{row.counts.bars}{marks[2]}",
            "ROM, VF": row.other_bars,
            "windows": row.windows,
            "read ms": round(row.read_ms),
            "breaches": row.breaches,
            "kernel failures": row.kernel_failures,
        }
    for run in row.runs:
        record |= {f"{run.title}: {column}": value for column, value in _run_record(run).items()}
    record["note"] = "; ".join(_notes(row))
    return record


def _marks(row: Row) -> list[str]:
    """``*`` behind each count that differs from the index."""
    if row.index is None:
        return ["", "", ""]
    return ["*" * (mine != theirs) for mine, theirs in zip(row.counts, row.index, strict=True)]


def _run_record(run: Run) -> dict[str, Any]:
    if run.result is None:
        return {"proof": "FAILED"}
    measures, plan = run.result.measures, run.result.plan
    placed = plan.status in (Status.OPTIMAL, Status.FEASIBLE)
    record: dict[str, Any] = {
        "unplaced": measures.unplaced if placed else None,
        "moved": measures.moved_bars if placed else None,
        "wasted": measures.wasted_bytes if placed else None,
    }
    if run.engine == EXACT:
        record["proof"] = proof(plan)
    else:
        record["lost"] = measures.lost_bars
    return {**record, "s": round(run.result.seconds, 2)}


def _notes(row: Row) -> list[str]:
    notes = [f"refused: {row.refused}"] if row.refused else []
    notes += row.failed
    if row.differs and row.index is not None:
        expected = ", ".join(str(count) for count in row.index)
        notes.append(f"* index says {expected}: {row.explanation or 'UNEXPLAINED'}")
    notes += row.worse()
    for run in row.runs:
        if run.refused and run.result is not None:
            notes.append(f"{run.title} breaks {len(run.result.breaches)} rules: {run.result.breaches[0]}")
    return notes


def totals(rows: Sequence[Row], limit: float) -> list[str]:
    """What the table adds up to, one line each."""
    lines = [
        f"machines: {len(rows)}",
        f"read: {sum(row.was_read for row in rows)}",
        f"refused: {sum(bool(row.refused) for row in rows)}",
        f"failed: {sum(bool(row.failed) for row in rows)} (must be 0)",
        f"counts that differ from the index: {sum(row.differs for row in rows)}, "
        f"unexplained {sum(row.differs and not row.explanation for row in rows)} (must be 0)",
    ]
    titles = list(dict.fromkeys(run.title for row in rows for run in row.runs))
    for title in titles:
        runs = [run for row in rows for run in row.runs if run.title == title]
        results = [run.result for run in runs if run.result is not None]
        if title.startswith(EXACT):
            quick = sum(run.proved and run.result is not None and run.result.seconds <= limit for run in runs)
            lines.append(
                f"{title}: solved with proof {sum(run.proved for run in runs)} of {len(runs)}, "
                f"within {limit:g} s {quick}, infeasible {sum(r.plan.status is Status.INFEASIBLE for r in results)}"
            )
        else:
            unplaced = sum(result.measures.unplaced > 0 for result in results)
            lost = sum(result.measures.lost_bars > 0 for result in results)
            lines.append(f"{title}: something unplaced on {unplaced} of {len(runs)}, something lost on {lost}")
    worse = sum(len(row.worse()) for row in rows)
    lines.append(f"{EXACT} worse than another engine in the same objectives: {worse} (must be 0)")
    for title in titles:
        refused = sum(run.refused for row in rows for run in row.runs if run.title == title)
        lines.append(f"{title}: plans refused by the checker {refused}" + " (must be 0)" * title.startswith(EXACT))
    return lines


def good(rows: Sequence[Row]) -> bool:
    """Whether nothing is there that must not be."""
    exact = [run for row in rows for run in row.runs if run.engine == EXACT]
    return not any(
        [
            any(row.failed or row.worse() or (row.differs and not row.explanation) for row in rows),
            any(run.refused for run in exact),
        ]
    )


def check_output(path: Path) -> None:
    """Refuse an output file whose ending names no format.

    Raises
    ------
    InputError
        If the ending is unknown.
    """
    if path.suffix not in FORMATS:
        raise InputError(f"expected a file that ends in {' or '.join(FORMATS)}", source=str(path))


def as_csv(rows: Sequence[Row]) -> str:
    """The table as CSV, without totals."""
    return frame(rows).to_csv(index=False)


def as_markdown(rows: Sequence[Row], limit: float) -> str:
    """The table and the totals as Markdown."""
    table = frame(rows)
    cells = [[_cell(value) for value in line] for line in table.itertuples(index=False)]
    lines = [list(table.columns), ["---"] * len(table.columns), *cells]
    body = "\n".join("| " + " | ".join(line) + " |" for line in lines)
    return f"{body}\n\n" + "\n".join(f"* {line}" for line in totals(rows, limit)) + "\n"


def _cell(value: object) -> str:
    import pandas as pd

    if value is None or value is pd.NA:
        return ""
    return f"{value:g}" if isinstance(value, float) else str(value).replace("|", "\\|")
