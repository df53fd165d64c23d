"""Best known values: what contradicts them, what beats them, what is taken over."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks.__main__ import main
from benchmarks.best_known import BKS, Known, Table, name_of, read_table, review, write_table
from benchmarks.instances import shipped
from benchmarks.rows import Objective, Row, append_row
from models.errors import InputError

Pair = tuple[int | None, int | None]


def row(*pairs: Pair, engine: str = "cp-sat", status: str = "feasible", verdict: str = "legal") -> Row:
    """A row with these values and bounds."""
    names = ("unplaced", "moved_bars", "windows_changed")
    objectives = tuple(Objective(name, *pair) for name, pair in zip(names, pairs, strict=False))
    return Row(
        "toy/x", "toy", 4, 1, engine, 1, ",".join(names), "safe", 9.0, status, objectives=objectives, verdict=verdict,
        topology_sha256="same", plan_sha256="of the plan", date="today",
    )  # fmt: skip


OPEN = row((0, 0), (8, 5), (9, None))
INFEASIBLE = row(status="infeasible", verdict="no plan")


def after(*rows: Row) -> Table:
    found = review(rows, {})
    assert not found.wrong
    return found.table


def known(*rows: Row) -> Known:
    return after(*rows)[name_of(rows[0])]


def test_plan_and_bound_are_taken_over_with_their_certificate() -> None:
    found = known(OPEN)
    assert found.upper is not None
    assert (found.upper.values, found.upper.solver, found.upper.verdict) == ((0, 8, 9), "cp-sat", "legal")
    assert found.upper.plan_sha256 == "of the plan"
    assert found.lower is not None
    assert (found.lower.values, found.lower.verdict) == ((0, 5), "")
    assert not found.closed


def test_better_plans_and_bounds_of_anybody_take_their_place() -> None:
    better = row((0, None), (7, None), (20, None), engine="linux-7")
    bound = row((0, 0), (9, 7), (1, None), engine="textbook")
    found = known(OPEN, better, bound)
    assert found.upper is not None
    assert found.lower is not None
    assert (found.upper.values, found.upper.solver) == ((0, 7, 20), "linux-7")
    assert (found.lower.values, found.lower.solver) == ((0, 7), "textbook")
    assert known(OPEN, row((0, 0), (7, 7), (2, 2), status="optimal")).closed


def test_a_bound_behind_an_open_objective_says_nothing() -> None:
    found = known(row((1, 0), (3, 3), (2, 2)))
    assert found.lower is not None
    assert found.lower.values == (0,)


CONTRADICTIONS: dict[str, tuple[Row, Row, str]] = {
    "a plan below a bound": (OPEN, row((0, None), (4, None), (1, None)), "is below the bound"),
    "a bound above a plan": (OPEN, row((0, 0), (12, 9), (1, None)), "is above the plan"),
    "a bound on an earlier objective": (OPEN, row((1, 1), (0, 0), (0, 0)), "is above the plan"),
    "infeasible with a plan": (OPEN, INFEASIBLE, "infeasible, although cp-sat has a plan"),
    "a plan of what is infeasible": (INFEASIBLE, OPEN, "proved that there is none"),
    "another machine": (OPEN, replace(OPEN, topology_sha256="other"), "another one"),
}


@pytest.mark.parametrize("name", CONTRADICTIONS)
def test_a_contradiction_is_told_and_not_taken_over(name: str, tmp_path: Path) -> None:
    first, second, words = CONTRADICTIONS[name]
    table = after(first)
    found = review([second], table)
    assert len(found.wrong) == 1
    assert words in found.wrong[0]
    assert found.table == table
    path = tmp_path / "bks.json"
    write_table(table, path)
    append_row(tmp_path / "rows.jsonl", second)
    for arguments in ([], ["--update"]):
        run = CliRunner().invoke(main, ["bks", *arguments, "--table", str(path), str(tmp_path)])
        assert run.exit_code == 1
        assert "CONTRADICTION" in run.stderr
        assert read_table(path) == table


def test_a_plan_that_the_checker_refuses_counts_for_nothing() -> None:
    assert review([replace(OPEN, verdict="refused")], {}).table == {}
    assert not review([row((0, None), (0, None), (0, None), verdict="refused")], after(OPEN)).wrong


def test_a_better_plan_fails_until_it_is_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "bks.json"
    write_table(after(OPEN), path)
    append_row(tmp_path / "rows.jsonl", row((0, None), (6, None), (1, None)))
    codes = [
        CliRunner().invoke(main, ["bks", *arguments, "--table", str(path), str(tmp_path)]).exit_code
        for arguments in ([], ["--update"], [])
    ]
    assert codes == [1, 0, 0]


def test_a_table_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "bks.json"
    table = after(OPEN, replace(INFEASIBLE, instance="toy/y"))
    write_table(table, path)
    assert read_table(path) == table
    assert read_table(tmp_path / "none.json") == {}


@pytest.mark.parametrize("text", ["{", "{}", '{"format": "barplan-bks/2"}', '{"format": "barplan-bks/1"}'])
def test_what_is_no_table_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "bks.json"
    path.write_text(text)
    with pytest.raises(InputError):
        read_table(path)


def test_the_shipped_table_is_of_the_shipped_instances() -> None:
    names = {entry.name for entry in shipped()}
    table = read_table(BKS)
    assert table
    assert {name.partition(" ")[0] for name in table} <= names
    for name, one in table.items():
        assert one.upper is None or one.upper.verdict == "legal", name
        if one.upper is not None and one.lower is not None:
            assert one.lower.values <= one.upper.values, name
