"""``python -m benchmarks corpus``: the table, its totals and its exit codes, over small corpora of our own."""

from __future__ import annotations

import csv
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from benchmarks import corpus, corpus_counts, table
from benchmarks.__main__ import main
from models.document import dump_topology
from models.errors import InputError
from models.placement import Placement
from models.plan import Status
from models.sources.machine import read_machine
from models.topology import Topology
from solver.request import Request
from solver.result import make_result
from tests.topologies import bar, bridge, changed, function, key, machine

FREEBSD = "Copyright (c) 1992-2031 The FreeBSD Project.\nFreeBSD 99.1-RELEASE\npcib0: <ACPI Host-PCI bridge> on acpi0\n"


def one_unplaced() -> Topology:
    """A port with one BAR in place and one without an address."""
    inner = function("01:00.0", bar(0, "1M", at=0x80000000), bar(1, "1M"), bar("rom", "64K"))
    return machine(bridge("00:01.0", inner, mem=(0x80000000, 0x800FFFFF)))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A corpus of one machine that is read and one that is refused."""
    add(tmp_path, "desk/plain", one_unplaced())
    refused = tmp_path / "desk" / "strange"
    refused.mkdir()
    (refused / "source.txt").write_text("a note")
    (refused / "boot.txt").write_text(FREEBSD)
    return tmp_path


def add(tmp_path: Path, name: str, topology: Topology) -> None:
    made = tmp_path / name
    made.mkdir(parents=True)
    (made / "source.txt").write_text("a note")
    (made / "machine.json").write_text(dump_topology(topology))


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["corpus", *map(str, arguments)], prog_name="python -m benchmarks")


def records(folder: Path, tmp_path: Path, *arguments: str) -> list[dict[str, str]]:
    output = tmp_path / "table.csv"
    run("--corpus", folder, "--engines", "cp-sat", "-o", output, *arguments)
    return list(csv.DictReader(StringIO(output.read_text())))


def stub(change: Callable[[Topology], Placement]) -> Callable[..., object]:
    """An engine that hands back one placement."""

    def solve(topology: Topology, request: Request, progress: object = None) -> object:
        return make_result(topology, request, "stub", change(topology), status=Status.FEASIBLE, seconds=0.5)

    return solve


def with_engines(monkeypatch: pytest.MonkeyPatch, engines: dict[str, Callable[..., object]]) -> None:
    monkeypatch.setattr(corpus, "engine", engines.__getitem__)


def test_one_line_for_each_machine(folder: Path, tmp_path: Path) -> None:
    plain, strange = records(folder, tmp_path)
    assert plain["machine"] == "desk/plain"
    assert [plain[column] for column in ("functions", "bridges", "BARs", "ROM, VF", "windows")] == list("21211")
    assert plain["breaches"] == "0"
    assert plain["cp-sat moves: unplaced"] == "0"
    assert plain["cp-sat moves: proof"] == "optimal"
    assert plain["cp-sat waste: wasted"] == "0"
    assert strange["functions"] == ""
    assert strange["note"].startswith("refused: a FreeBSD boot log; barplan reads")


def test_totals_and_success(folder: Path) -> None:
    result = run("--corpus", folder, "--engines", "cp-sat", "--minimize", "moves")
    assert result.exit_code == 0
    assert result.stdout.startswith("| machine | functions |")
    lines = [line for line in result.stdout.splitlines() if line.startswith("* ")]
    assert lines == [
        "* machines: 2",
        "* read: 1",
        "* refused: 1",
        "* failed: 0 (must be 0)",
        "* counts that differ from the index: 0, unexplained 0 (must be 0)",
        "* cp-sat moves: solved with proof 1 of 1, within 10 s 1, infeasible 0",
        "* cp-sat worse than another engine in the same objectives: 0 (must be 0)",
        "* cp-sat moves: plans refused by the checker 0 (must be 0)",
    ]


def test_markdown_goes_to_the_file_and_totals_to_the_terminal(folder: Path, tmp_path: Path) -> None:
    output = tmp_path / "table.md"
    result = run("--corpus", folder, "--engines", "cp-sat", "-o", output)
    assert output.read_text().startswith("| machine |")
    assert result.stdout.startswith("machines: 2\n")


def test_only_names_that_match(folder: Path) -> None:
    assert "* machines: 1" in run("--corpus", folder, "--only", "*/strange").stdout


def test_without_sources_every_file_is_a_machine(tmp_path: Path) -> None:
    (tmp_path / "one.json").write_text(dump_topology(one_unplaced()))
    (tmp_path / "INDEX.md").write_text("an index is no machine")
    assert [path.name for path in corpus.machines(tmp_path)] == ["one.json"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--only", "nothing"], "no machine in it matches 'nothing'"),
        (["--engines", "best"], "--engines: unknown engine 'best', expected one of cp-sat"),
        (["--minimize", "heat"], "--minimize: unknown preset 'heat', expected one of moves, waste"),
        (["--policy", "maybe"], "--policy: unknown policy 'maybe', expected one of safe"),
        (["-o", "table.xls"], "table.xls: expected a file that ends in .md or .csv"),
        (["--time-limit", "soon"], "'soon' is not a valid float"),
    ],
)
def test_wrong_usage_is_one_line(folder: Path, arguments: list[str], message: str) -> None:
    result = run("--corpus", folder, *arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_missing_corpus_is_one_line(tmp_path: Path) -> None:
    result = run("--corpus", tmp_path / "none")
    assert result.exit_code == 2
    assert "no such folder, expected a corpus of machines" in result.stderr


def test_counts_that_differ_from_the_index_are_marked(folder: Path, tmp_path: Path) -> None:
    (folder / "INDEX.md").write_text("| desk/plain | a machine | text | 2 | 1 | 7 | 1 MiB |\n")
    plain, _ = records(folder, tmp_path)
    assert plain["functions"] == "2"
    assert plain["BARs"] == "2*"
    assert plain["note"] == "* index says 2, 1, 7: UNEXPLAINED"
    assert run("--corpus", folder, "--engines", "cp-sat").exit_code == 1


def test_explained_differences_are_no_failure(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "INDEX.md").write_text("| desk/plain | a machine | text | 2 | 1 | 7 | 1 MiB |\n")
    monkeypatch.setitem(corpus_counts.OTHER_COUNTS, "desk/plain", (corpus_counts.Counts(2, 1, 2), "ports count twice"))
    result = run("--corpus", folder, "--engines", "cp-sat")
    assert "* index says 2, 1, 7: ports count twice" in result.stdout
    assert "differ from the index: 1, unexplained 0" in result.stdout
    assert result.exit_code == 0


def test_an_explanation_of_other_counts_explains_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "INDEX.md").write_text("| desk/plain | a machine | text | 2 | 1 | 7 | 1 MiB |\n")
    monkeypatch.setitem(corpus_counts.OTHER_COUNTS, "desk/plain", (corpus_counts.Counts(2, 1, 3), "ports count twice"))
    assert "UNEXPLAINED" in run("--corpus", folder, "--engines", "cp-sat").stdout


def test_an_error_in_one_machine_is_a_line(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stumbling(inputs: list[Path]) -> object:
        if inputs[0].name == "strange":
            raise KeyError("a line\nor two")
        return read_machine(inputs)

    monkeypatch.setattr(corpus, "read_machine", stumbling)
    result = run("--corpus", folder, "--engines", "cp-sat")
    assert result.exit_code == 1
    assert "FAILED: KeyError: 'a line\\nor two'" in result.stdout
    assert "* failed: 1 (must be 0)" in result.stdout
    assert "* read: 1" in result.stdout
    assert "Traceback" not in result.output


def test_an_error_in_one_engine_is_a_line(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(topology: Topology, request: Request, progress: object = None) -> object:
        raise RuntimeError("no such thing")

    with_engines(monkeypatch, {"cp-sat": broken, "linux-6.1": stub(Placement.today)})
    result = run("--corpus", folder, "--engines", "cp-sat,linux-6.1", "--minimize", "moves")
    assert result.exit_code == 1
    assert "cp-sat moves: FAILED: RuntimeError: no such thing" in result.stdout
    assert "linux-6.1: something unplaced on 1 of 1" in result.stdout


def test_a_worse_plan_is_a_failure(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def placed(topology: Topology) -> Placement:
        windows = {key_: (0x80000000, 0x801FFFFF) for key_, window in topology.windows() if window.kind == "mem"}
        return changed(topology, {key("01:00.0", 1): 0x80100000}, windows)

    with_engines(monkeypatch, {"cp-sat": stub(Placement.today), "linux-6.1": stub(placed)})
    result = run("--corpus", folder, "--engines", "cp-sat,linux-6.1", "--minimize", "moves")
    assert result.exit_code == 1
    assert "cp-sat moves is worse than linux-6.1" in result.stdout
    assert "* cp-sat worse than another engine in the same objectives: 1 (must be 0)" in result.stdout


def test_a_plan_that_breaks_a_rule_is_a_failure(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def overlapping(topology: Topology) -> Placement:
        return changed(topology, {key("01:00.0", 1): 0x80000000})

    with_engines(monkeypatch, {"cp-sat": stub(overlapping), "linux-6.1": stub(overlapping)})
    exact = run("--corpus", folder, "--engines", "cp-sat", "--minimize", "moves")
    assert exact.exit_code == 1
    assert "* cp-sat moves: plans refused by the checker 1 (must be 0)" in exact.stdout
    assert "cp-sat moves breaks 1 rules: disjoint: " in exact.stdout
    greedy = run("--corpus", folder, "--engines", "linux-6.1")
    assert "* linux-6.1: plans refused by the checker 1\n" in greedy.stdout
    assert greedy.exit_code == 0


def test_leaving_a_breach_alone_is_no_better_than_mending_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    add(tmp_path, "desk/askew", machine(function("00:02.0", bar(0, "1M", at=0x80080000))))
    from solver.cpsat.engine import solve

    with_engines(monkeypatch, {"cp-sat": solve, "linux-6.1": stub(Placement.today)})
    (row,) = corpus.run_corpus(tmp_path, "*", corpus.Task(("cp-sat", "linux-6.1"), ("moves",)))
    assert row.runs[0].result is not None
    assert row.runs[0].result.measures.moved_bars == 1
    assert row.worse() == []


def test_an_open_bound_is_shown(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_engines(monkeypatch, {"cp-sat": stub(Placement.today)})
    result = run("--corpus", folder, "--engines", "cp-sat", "--minimize", "moves")
    assert "| feasible (unplaced 1, no bound) |" in result.stdout
    assert "solved with proof 0 of 1" in result.stdout


def test_an_interrupt_prints_what_is_done(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(topology: Topology, request: Request, progress: object = None) -> object:
        today = Placement.today(topology)
        return make_result(topology, request, "stub", today, status=Status.FEASIBLE, seconds=0.1, interrupted=True)

    add(folder, "desk/zz", one_unplaced())
    with_engines(monkeypatch, {"cp-sat": interrupted})
    result = run("--corpus", folder, "--engines", "cp-sat")
    assert result.exit_code == 130
    assert "* machines: 1" in result.stdout
    assert "interrupted: the table ends here" in result.stderr


def test_the_marks_of_markdown_are_kept_out_of_cells() -> None:
    row = corpus.Row("a|b", refused="this | that")
    assert "| a\\|b | refused: this \\| that |" in table.as_markdown([row], 10)


def test_reading_errors_keep_no_path(tmp_path: Path) -> None:
    (tmp_path / "source.txt").write_text("a note")
    row = corpus.run_machine(tmp_path, "x", corpus.Task(("cp-sat",)))
    assert row.refused.startswith("nothing in the folder is readable")
    assert str(tmp_path) not in row.refused


def test_an_empty_corpus_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no machine in it matches"):
        corpus.machines(tmp_path)
