"""docs/frames.md has every column of every data frame.

``python -m tests.test_docs_frames`` writes its tables anew.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from benchmarks import (
    ratio,
    ratio_summary,
    report_gap,
    report_headline,
    report_pairs,
    report_tables,
    report_targets,
    rows,
)
from solver import frames
from solver.frames import Column

FILE = Path(__file__).resolve().parents[1] / "docs" / "frames.md"

TABLES: dict[str, Sequence[Column]] = {
    "solver.frames.BARS": frames.BARS,
    "solver.frames.WINDOWS": frames.WINDOWS,
    "solver.frames.FREE": frames.FREE,
    "solver.frames.COMPARISON": frames.COMPARISON,
    "benchmarks.rows.COLUMNS": rows.COLUMNS,
    "benchmarks.report_tables.GREEDY": report_tables.GREEDY,
    "benchmarks.report_tables.ENGINES": report_tables.ENGINES,
    "benchmarks.report_pairs.PAIRS": report_pairs.PAIRS,
    "benchmarks.report_tables.SCALING": report_tables.SCALING,
    "benchmarks.report_gap.GAPS": report_gap.GAPS,
    "benchmarks.report_tables.LEVERS": report_tables.LEVERS,
    "benchmarks.report_targets.TARGETS": report_targets.TARGETS,
    "benchmarks.report_headline.HEADLINE": report_headline.HEADLINE,
    "benchmarks.ratio.COLUMNS": ratio.COLUMNS,
    "benchmarks.ratio_summary.SUMMARY": ratio_summary.SUMMARY,
}


def table(columns: Sequence[Column]) -> str:
    lines = ["| column | dtype | meaning |", "|---|---|---|"]
    lines += [f"| `{column.name}` | {column.dtype} | {column.meaning} |" for column in columns]
    return "\n".join(lines) + "\n"


def shown(text: str) -> dict[str, str]:
    """The table below each line that names the columns."""
    return dict(re.findall(r"^Columns: `([\w.]+)`\n\n((?:\|.*\n)+)", text, re.MULTILINE))


@pytest.mark.parametrize("name", TABLES)
def test_the_document_has_every_column(name: str) -> None:
    assert shown(FILE.read_text(encoding="utf-8"))[name] == table(TABLES[name])


def test_nothing_else_is_in_it() -> None:
    assert list(shown(FILE.read_text(encoding="utf-8"))) == list(TABLES)


if __name__ == "__main__":
    document = FILE.read_text(encoding="utf-8")
    for key, old in shown(document).items():
        document = document.replace(f"`{key}`\n\n{old}", f"`{key}`\n\n{table(TABLES[key])}")
    FILE.write_text(document, encoding="utf-8")
