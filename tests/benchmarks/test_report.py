"""The headline and the command of the report."""

from __future__ import annotations

import re
from collections.abc import Hashable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from click.testing import CliRunner

from benchmarks import report_command, report_headline
from benchmarks.__main__ import main
from benchmarks.report_headline import (
    BEGIN,
    END,
    GREEDIES,
    HEADLINE,
    SUMMARY,
    between,
    headline,
    headline_text,
    insert,
)
from benchmarks.report_text import SECTIONS, cell, table_text
from benchmarks.rows import append_row, frame
from models.errors import InputError
from tests.benchmarks.result_rows import row, some_rows

ROOT = Path(__file__).resolve().parents[2]


def test_the_headline_has_a_row_for_each_family() -> None:
    table = headline(frame(some_rows()))
    assert [(name, str(dtype)) for name, dtype in table.dtypes.items()] == [(one.name, one.dtype) for one in HEADLINE]
    rack, toy = table.to_dict("records")
    assert (toy["instances"], toy["proved"], toy["bars"]) == (3, 3, 90)
    assert toy["seconds"] == pytest.approx((1.5 * 2 * 2.5) ** (1 / 3) - 1)
    assert [toy[f"linux-7 {name}"] for name in ("compared", "optimal", "possible", "fails")] == [2, 1, 2, 1]
    assert [toy[f"movable-bars {name}"] for name in ("compared", "optimal", "possible", "fails")] == [1, 0, 1, 0]
    assert (toy["textbook asked"], toy["textbook proved"]) == (2, 1)
    assert (rack["instances"], rack["proved"], rack["textbook asked"]) == (1, 0, 0)


def test_the_headline_reads_the_same_from_a_file(tmp_path: Path) -> None:
    table = headline(frame(some_rows()))
    table.to_csv(tmp_path / "headline.csv", index=False, float_format="%.6g")
    text = headline_text(pd.read_csv(tmp_path / "headline.csv"))
    assert text == headline_text(table)
    assert "| toy, up to 90 BARs | 3 | 3 of 3 | 0.96 s | 1 of 2 | 1 of 2 | 0 of 1 | 0 of 1 | 1 of 2 | 16.46 s |" in text


def test_the_headline_says_where_the_figures_are_from() -> None:
    rows = some_rows()
    first, *others = (f"{line}" for line in headline_text(headline(frame(rows))).splitlines() if "Measured" in line)
    assert not others
    assert re.fullmatch(r"Measured 20\d\d-\d\d-\d\d, \d+ cores of .*, OR-Tools .*, limit \d+ s\.", first)
    late = [replace(one, date="2031-01-02T00:00:00Z") if one.family == "toy" else one for one in rows]
    text = headline_text(headline(frame(late)))
    assert re.search(r"Measured 20.*; toy: 2031-01-02, .*\.\n$", text)


def test_the_table_goes_between_the_marks(tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text(f"before\n\n{BEGIN}\nold\n{END}\n\nafter\n", encoding="utf-8")
    table = headline(frame(some_rows()))
    insert(readme, table)
    insert(readme, table)
    text = readme.read_text(encoding="utf-8")
    assert between(text) == headline_text(table)
    assert text.startswith("before\n\n")
    assert text.endswith("\n\nafter\n")
    readme.write_text("no marks\n", encoding="utf-8")
    with pytest.raises(InputError, match="expected <!-- headline -->"):
        insert(readme, table)


@pytest.mark.skipif(not SUMMARY.exists(), reason="no results are committed: the README has no headline table")
def test_the_readme_shows_the_committed_numbers() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert between(readme) == headline_text(pd.read_csv(SUMMARY))
    assert report_headline.COMMAND in readme
    assert all(name in headline_text(pd.read_csv(SUMMARY)) for name in GREEDIES)


def test_the_readme_tells_the_committed_movable_ratio() -> None:
    readme = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    table = pd.read_csv(SUMMARY.parent / "movable-ratio.csv")
    found: dict[tuple[str, int], dict[Hashable, Any]] = {
        (str(row["engine"]), int(row["share"])): row for row in table.to_dict("records")
    }

    def percent(engine: str, share: int) -> str:
        return f"{100 * float(found[engine, share]['success']):.1f} %"

    def moves(engine: str) -> str:
        return f"{float(found[engine, 100]['moved']):.1f} moves"

    for text in (
        f"{table['layouts'].max()} generated machines",
        f"room for it in {percent('linux-6.12', 0)} of them",
        f"`cp-sat` does in {percent('cp-sat', 0)}; if half of the BARs may move as well, in {percent('cp-sat', 50)}",
        f"all may, in {percent('cp-sat', 100)}, with {moves('cp-sat')} on average",
        f"gets to {percent('movable-bars', 100)}, with {moves('movable-bars')}",
    ):
        assert text in readme


def test_cells_are_short_and_say_nothing_where_nothing_is() -> None:
    assert [cell("a", value) for value in (None, True, 0.123456, 12345.6, "a|b", 7)] == [
        "",
        "yes",
        "0.123",
        "12346",
        "a\\|b",
        "7",
    ]
    assert cell("peak_bytes", 3 << 20) == "3M"
    table = pd.DataFrame({"name": pd.Categorical(["x"]), "count": pd.array([1], dtype="UInt32")})
    assert table_text(table) == "| name | count |\n| --- | ---: |\n| x | 1 |\n"


def test_the_command_writes_all_of_it(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is not installed: the pictures were not drawn")
    results = tmp_path / "results"
    results.mkdir()
    for one in some_rows():
        append_row(results / "one.jsonl", one)
    out = tmp_path / "out"
    result = CliRunner().invoke(main, ["report", str(results), "-o", str(out)])
    assert result.exit_code == 0, result.output
    names = {path.name for path in out.iterdir()}
    assert {f"{name}.csv" for name in (*(name for name, *_ in SECTIONS), "headline", "rows")} <= names
    text = (out / "report.md").read_text(encoding="utf-8")
    assert {name for name in names if f"({name})" in text} == {name for name in names if name.endswith(".svg")}
    assert len([name for name in names if name.endswith(".svg")]) == 6
    assert text.index("## How often the greedy") < text.index("## How it was measured") < text.index("## Limits")


def test_what_the_rows_do_not_tell_is_not_drawn(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is not installed: the pictures were not drawn")
    for one in some_rows():
        if not one.levers_off:
            append_row(tmp_path / "one.jsonl", one)
    out = tmp_path / "out"
    assert CliRunner().invoke(main, ["report", str(tmp_path), "-o", str(out)]).exit_code == 0
    assert not (out / "levers.svg").exists()
    assert (out / "greedy.svg").exists()
    assert "levers.svg" not in (out / "report.md").read_text(encoding="utf-8")


def test_a_folder_without_rows_is_refused(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["report", str(tmp_path), "-o", str(tmp_path / "out")])
    assert result.exit_code == 2
    assert "has no rows of results" in result.stderr


def test_parquet_is_named_missing_where_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    append_row(tmp_path / "one.jsonl", row())

    def refuse(*args: object, **kwargs: object) -> None:
        raise ImportError("no pyarrow")

    monkeypatch.setattr(pd.DataFrame, "to_parquet", refuse)
    monkeypatch.setattr(report_command, "draw", lambda frame, output: False)
    result = CliRunner().invoke(main, ["report", str(tmp_path), "-o", str(tmp_path / "out")])
    assert result.exit_code == 0
    assert "pyarrow is not installed" in result.stderr
    assert "was not written" in (tmp_path / "out" / "report.md").read_text(encoding="utf-8")
