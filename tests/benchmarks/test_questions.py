"""``python -m benchmarks questions``: rows, totals and exit codes, over a small corpus of our own."""

from __future__ import annotations

import csv
from io import StringIO
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks import questions
from benchmarks.__main__ import main
from models.document import dump_topology
from models.topology import Topology
from tests.topologies import bar, bridge, function, machine


def narrow() -> Topology:
    """A port whose new BAR is larger than all that its root bus has."""
    inner = function("01:00.0", bar(0, "1M", at=0x80000000), bar(2, "4G"))
    return machine(bridge("00:01.0", inner, mem=(0x80000000, 0x800FFFFF)))


def fitting() -> Topology:
    inner = function("01:00.0", bar(0, "1M", at=0x80000000), bar(2, "1M"))
    return machine(bridge("00:01.0", inner, mem=(0x80000000, 0x800FFFFF)))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, topology in (("narrow", narrow()), ("fitting", fitting())):
        (tmp_path / name).mkdir()
        (tmp_path / name / "source.txt").write_text("a note")
        (tmp_path / name / "machine.json").write_text(dump_topology(topology))
    return tmp_path


def test_each_machine_is_asked_both_questions(folder: Path, tmp_path: Path) -> None:
    output = tmp_path / "questions.csv"
    result = CliRunner().invoke(main, ["questions", "--corpus", str(folder), "-o", str(output)])
    assert result.exit_code == 0, result.output
    rows = list(csv.DictReader(StringIO(output.read_text())))
    assert [(row["machine"], row["question"], row["proved"]) for row in rows] == [
        ("fitting", "explain", "True"),
        ("fitting", "on-demand", "True"),
        ("narrow", "explain", "True"),
        ("narrow", "on-demand", "True"),
    ]
    assert rows[0]["answer"] == "fits"
    assert rows[2]["answer"].startswith("does not fit; conflicts 1, ")
    assert rows[3]["answer"].startswith("optimal: unplaced 1, ")
    assert "explain: proved within 30 s: 2 of 2; slowest " in result.stdout


def test_a_device_is_plugged_into_the_last_free_port(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "ported").mkdir()
    (tmp_path / "ported" / "source.txt").write_text("a note")
    ported = machine(bridge("00:01.0", secondary=1), bridge("00:02.0", secondary=2))
    (tmp_path / "ported" / "machine.json").write_text(dump_topology(ported))
    output = tmp_path / "questions.csv"
    result = CliRunner().invoke(main, ["questions", "--corpus", str(folder), "--plug", "nvme", "-o", str(output)])
    assert result.exit_code == 0, result.output
    rows = list(csv.DictReader(StringIO(output.read_text())))
    assert [(row["machine"], row["answer"].split(":")[0]) for row in rows] == [
        ("ported+nvme@0000:00:02.0", "fits"),
        ("ported+nvme@0000:00:02.0", "optimal"),
    ]


def test_a_machine_without_numbers_for_a_device_is_left_out_and_an_unknown_device_refused(folder: Path) -> None:
    taken = machine(bridge("00:01.0", *(function(f"01:{n:02x}.0") for n in range(32)), hotplug=True))
    (folder / "narrow" / "machine.json").write_text(dump_topology(taken))
    asked = ["questions", "--corpus", str(folder), "--plug"]
    assert "explain: proved within 30 s: 0 of 0" in CliRunner().invoke(main, [*asked, "nvme"]).stdout
    refused = CliRunner().invoke(main, [*asked, "no-such-device"])
    assert refused.exit_code == 2
    assert "unknown device 'no-such-device'" in refused.stderr


def test_an_answer_without_proof_fails(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(questions, "_explain", lambda topology, seconds: ("does not fit", False, False))
    result = CliRunner().invoke(main, ["questions", "--corpus", str(folder)])
    assert result.exit_code == 1
    assert "explain: proved within 30 s: 0 of 2" in result.stdout
    assert "NOT PROVED" in result.stderr


def test_a_refused_plan_fails(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(questions, "_on_demand", lambda topology, seconds: ("optimal", True, True))
    result = CliRunner().invoke(main, ["questions", "--corpus", str(folder), "--only", "fitting"])
    assert result.exit_code == 1
    assert "plans refused by the checker: 1 (must be 0)" in result.stdout
