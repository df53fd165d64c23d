"""``barplan apply`` as typed: what it refuses, what it would write, and that it imports no solver."""

from __future__ import annotations

import errno
import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from models.document import dump_plan, dump_topology
from solver.apply.executor import NotAppliedError
from solver.apply.journal import only_one
from solver.cli import main
from solver.cli.apply import _tell
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
    for words in (files, ("--undo",), ("--resume",), ("--build-module",)):
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


def test_a_document_is_not_asked_about(files: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr("solver.apply.session.Session.refusals", lambda *_: [])
    result = run(*files, "--json", "--journal", str(tmp_path / "journal"))
    assert (result.exit_code, result.stdout) == (2, "")
    assert "nobody there to ask; give --yes" in result.stderr


def test_a_run_that_fails_is_a_document_as_well(
    files: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise NotAppliedError("a claim failed", ["bind 0000:42:00.0: nvme does not take it"])

    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr("solver.apply.session.Session.refusals", lambda *_: [])
    monkeypatch.setattr("solver.apply.session.Session.apply", fail)
    result = run(*files, "--json", "--yes", "--journal", str(tmp_path / "journal"))
    document = json.loads(result.stdout)
    assert (result.exit_code, document["result"]) == (1, "broken")
    assert document["lines"] == ["a claim failed", "bind 0000:42:00.0: nvme does not take it"]


def test_nobody_listens_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """The terminal is gone, the reader of a pipe has ended: the run, or the way back, goes on."""

    class Gone(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError(errno.EPIPE, "Broken pipe")

    monkeypatch.setattr("sys.stderr", Gone())
    _tell("unbind 0000:42:00.0")


@pytest.mark.parametrize("folder", ["/proc/barplan", "{file}/journal"])
def test_a_folder_that_cannot_be_had_is_one_line(folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    (tmp_path / "file").write_text("")
    result = run("--undo", "--journal", folder.format(file=tmp_path / "file"))
    assert result.exit_code == 2
    assert "name another folder" in result.stderr
    assert result.stderr.count("\n") == 1
