"""``barplan apply`` as typed: what it refuses, what it would write, and that it imports no solver."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from models.document import dump_plan, dump_topology
from solver.apply.action import Action
from solver.apply.journal import FINISHED, Journal, last_journal, only_one
from solver.cli import main
from solver.engines import engine
from solver.request import Request
from tests.kernel.record import RECORDS, Record


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str]:
    """A plan and its machine."""
    topology = Record.load(RECORDS / "06-pxb-frag_6.1_pciehp.json").topology
    plan = engine("cp-sat")(topology, Request(time_limit=10, workers=1)).plan
    (tmp_path / "machine.json").write_text(dump_topology(topology))
    (tmp_path / "plan.json").write_text(dump_plan(plan))
    return str(tmp_path / "plan.json"), str(tmp_path / "machine.json")


def run(*words: str) -> Result:
    return CliRunner().invoke(main, ["apply", *words])


def test_a_dry_run_prints_the_writes(files: tuple[str, str]) -> None:
    result = run(*files, "--dry-run")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert "setpci -s 0000:42:00.0 04.w=0000:0003" in lines
    assert "setpci -s 0000:42:00.0 18.l=f800000c:fffffff0  # BAR 2, low half" in lines
    assert all(line.startswith(("setpci -s 0000:4", "#")) or not line for line in lines)


def test_another_machine_is_not_touched(files: tuple[str, str], tmp_path: Path) -> None:
    """The machine that runs this test is not the guest of the record."""
    result = run(*files, "--yes", "--journal", str(tmp_path / "journal"))
    assert result.exit_code in (1, 2)
    assert "Nothing was done" in result.stdout or "needs root" in result.stderr
    assert not list((tmp_path).glob("journal/*.jsonl"))


def test_a_refusal_as_a_document(files: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    document = json.loads(run(*files, "--yes", "--json", "--journal", str(tmp_path / "journal")).stdout)
    assert document["result"] == "refused"
    assert any("0000:42:00.0 is gone" in line for line in document["lines"])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "expected a PLAN, --undo or --resume, and one of them only"),
        (("--undo", "--resume"), "expected a PLAN, --undo or --resume, and one of them only"),
        (("--undo", "--journal", "{folder}"), "no run since the kernel was started"),
        (("--resume", "--journal", "{folder}"), "no run since the kernel was started"),
        (("{plan}", "{machine}", "--force", "0000:99:00.0"), "no function 0000:99:00.0 in the machine"),
        (("{plan}", "{machine}", "--force", "eth0"), "expected a function address such as 0000:01:00.0"),
    ],
)
def test_wrong_usage_is_one_line(
    words: tuple[str, ...], said: str, files: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    spelled = [word.format(folder=tmp_path / "none", plan=files[0], machine=files[1]) for word in words]
    result = run(*spelled)
    assert result.exit_code == 2
    assert said in result.stderr
    assert result.stderr.count("\n") == 1


def test_it_needs_root(files: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    for words in (files, ("--undo",), ("--build-module",)):
        result = run(*words, "--journal", str(tmp_path / "journal"))
        assert (result.exit_code, result.stderr) == (2, "barplan: apply: needs root\n")


def test_two_runs_do_not_meet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    with only_one(tmp_path):
        result = run("--undo", "--journal", str(tmp_path))
    assert "another barplan apply is running" in result.stderr


def test_nothing_of_it_needs_the_solver() -> None:
    code = (
        "import sys; import solver.apply.session, solver.apply.building, solver.apply.dry, solver.steps.planning; "
        "sys.exit('ortools' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_module_is_part_of_the_package() -> None:
    from solver.apply.building import SOURCE, sources

    assert [path.name for path in sources()] == ["Makefile", "main.c", "place.h", "plan.c", "registers.c"]
    assert (SOURCE / "COPYING").is_file()
    for path in sources()[1:]:
        assert "SPDX-License-Identifier: GPL-2.0" in path.read_text().splitlines()[0]


def test_a_journal_that_was_cut_off_in_the_middle_of_a_line(tmp_path: Path) -> None:
    actions = [Action("unbind", 1, None), Action("transaction", 1, lines=("win 0000:00:01.0 mem - 0-fffff",))]
    journal = Journal.start(tmp_path, "this", "sha", actions)
    journal.begin(0, {"driver": "nvme"})
    journal.finish(0)
    with journal.path.open("ab") as file:
        file.write(b'{"begin":1')
    found = last_journal(tmp_path)
    assert found is not None
    assert (found.actions, found.begun[0]["driver"], found.done, found.end) == (actions, "nvme", {0}, None)
    found.note("gone on with")
    assert Journal.read(journal.path).done == {0}
    second = Journal.start(tmp_path, "this", "sha", actions)
    second.close(FINISHED)
    assert second.path.name == "000002.jsonl"
    assert Journal.read(second.path).end == FINISHED
