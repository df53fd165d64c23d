"""``python -m benchmarks verdicts``: each verdict, what it rests on, and the committed table."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks import verdicts
from benchmarks.__main__ import main
from benchmarks.verdicts import TABLE, as_markdown, failures, judge, required, verdict_rows
from models.document import dump_topology
from models.plan import Status
from models.resources import MIB
from models.sources.machine import Reading
from models.sources.observation import Failure
from models.topology import Topology
from solver.cpsat import engine
from solver.request import Request
from solver.result import Result
from tests.corpus import CORPUS, needs_corpus
from tests.pitfalls import at, over
from tests.topologies import address, bar, function, key


def in_the_way(driver: str | None, *, fixed: bool = False) -> Topology:
    """12 MiB in which 1 MiB stands in the only aligned block of 8 MiB, which a new BAR needs."""
    there = function("00:00.0", bar(0, MIB, at=at(4), fixed=fixed), driver=driver)
    return over(0, 12, there, function("00:01.0", bar(0, 8 * MIB)))


def test_what_fits_says_how_many_bars_move() -> None:
    assert judge(in_the_way(None), 30) == ("fits", "1 BAR moves", True, 0)
    assert judge(over(0, 8, function("00:00.0", bar(0, MIB))), 30) == ("fits", "nothing moves", True, 0)


def test_drivers_to_prepare_are_named() -> None:
    how = "1 BAR moves; prepare or unbind e1000e of 0000:00:00.0"
    assert judge(in_the_way("e1000e"), 30) == ("fits after preparing drivers", how, True, 0)


def test_what_is_impossible_says_why_and_what_is_missing() -> None:
    verdict, why, proved, broken = judge(in_the_way(None, fixed=True), 30)
    assert (verdict, proved, broken) == ("impossible", True, 0)
    assert why.startswith("Root bus 0000:00, memory, 1 BAR left out: Beside what stays, the root window")
    assert "Way out: enlarge the root window 80000000-80bfffff by 4M at its end" in why


def test_a_verdict_without_a_proof_is_marked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unproved(topology: Topology, request: Request) -> Result:
        result = solve(topology, request)
        return replace(result, plan=replace(result.plan, status=Status.FEASIBLE))

    solve = engine.solve
    monkeypatch.setattr(engine, "solve", unproved)
    folder = corpus(tmp_path, in_the_way(None))
    (row,) = verdict_rows(folder, "*", 30)
    assert not row.good
    assert "NOT PROVED" in as_markdown([row])
    done = CliRunner().invoke(main, ["verdicts", "--corpus", str(folder)])
    assert done.exit_code == 1


def test_a_table_has_a_row_for_each_machine_that_is_judged(tmp_path: Path) -> None:
    folder = corpus(tmp_path, in_the_way("e1000e"))
    done = CliRunner().invoke(main, ["verdicts", "--corpus", str(folder), "-o", str(tmp_path / "table.md")])
    assert done.exit_code == 0, done.output
    table = (tmp_path / "table.md").read_text()
    assert "| alloc-failure/one | BARs | none | 1 | fits after preparing drivers |" in table
    assert "1 row of 1 machine: 1 fits after preparing drivers; without proof: 0." in table
    assert "elsewhere" not in table
    assert " s CPU  alloc-failure/one: fits" in done.output


def corpus(tmp_path: Path, topology: Topology) -> Path:
    for name in ("alloc-failure/one", "elsewhere/two"):
        made = tmp_path / "corpus" / name
        made.mkdir(parents=True)
        (made / "source.txt").write_text("a note")
        (made / "machine.json").write_text(dump_topology(topology))
    return tmp_path / "corpus"


def test_failures_are_those_to_place_memory() -> None:
    def failure(index: int, space: str, what: str) -> Failure:
        return Failure(address("01:00.0"), index, space, MIB, what, 1)  # type: ignore[arg-type]

    seen = [failure(0, "mem", "no space"), failure(1, "io", "no space"), failure(2, "mem", "can't claim")]
    assert failures(Reading(Topology(()), failures=seen)) == {("0000:01:00.0", 0)}


def test_a_bar_that_the_kernel_tried_is_asked_for() -> None:
    topology = over(0, 8, function("00:00.0", bar("rom", MIB), bar("vf0", MIB)))
    asked = dict(required(topology, {key("00:00.0", "vf0")}).bars())
    assert [asked[key("00:00.0", index)].optional for index in ("rom", "vf0")] == [True, False]


@needs_corpus
def test_the_committed_table_is_what_comes_out_today() -> None:
    """With more time than the command takes, so that it does not hang on how busy the machine is."""
    assert as_markdown(list(verdict_rows(CORPUS, "*", 120))).splitlines() == TABLE.read_text().splitlines()


def test_every_row_of_the_committed_table_is_proved() -> None:
    rows = [line.split(" | ") for line in TABLE.read_text().splitlines() if line.startswith("| ")][1:]
    assert len(rows) >= 30
    assert {row[6] for row in rows} == {"proved, checked"}
    assert {row[4] for row in rows} == {"fits", "fits after preparing drivers", "impossible"}
    assert verdicts.TABLE.name == "verdicts.md"
