"""``solve``, ``check`` and ``compare``: what they print, write and exit with."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from models.legality import Breach
from models.plan import Status
from solver import engines
from solver.result import Result
from tests.cli.conftest import Run

Save = Callable[..., str]
Machine = dict[str, Any]


def test_the_plan_moves_one_bar_for_the_new_one(run: Run, save: Save, machine: Machine) -> None:
    result = run("solve", save(machine))
    assert result.exit_code == 0, result.output
    text = result.stdout
    assert "status: optimal" in text
    assert "moved_bars: 1 (proved)" in text
    moved = text.split("Move (1 BAR)")[1].split("\n\n")[0]
    assert "0000:02:00.0  BAR 0  4020000000 -> 4010000000" in moved
    placed = text.split("Get an address (1 BAR)")[1].split("\n\n")[0]
    assert "0000:03:00.0  BAR 0  at 4020000000" in placed
    assert "0000:01:00.0" not in text


def test_json_is_one_plan_document(run: Run, save: Save, machine: Machine) -> None:
    document = json.loads(run("solve", save(machine), "--json").stdout)
    assert document["format"] == "barplan-plan/1"
    assert [item["value"] for item in document["objectives"][:2]] == [0, 1]


def test_output_is_the_same_document(run: Run, save: Save, machine: Machine, tmp_path: Path) -> None:
    file, output = save(machine), tmp_path / "plan.json"
    printed = run("solve", file, "--workers", "1", "--json", "-o", str(output)).stdout
    assert output.read_text() == printed


def test_what_does_not_fit_exits_with_3(run: Run, save: Save, machine: Machine) -> None:
    result = run("solve", save(machine), "--policy", "never")
    assert result.exit_code == 3
    assert "unplaced: 1 (proved)" in result.stdout
    assert "0000:03:00.0  BAR 0" in result.stdout.split("Stay without an address")[1]


def test_a_pin_takes_the_freedom_away(run: Run, save: Save, machine: Machine) -> None:
    assert run("solve", save(machine), "--pin", "0000:02:00.0").exit_code == 3


def test_a_driver_decides_what_may_move(run: Run, save: Save, machine: Machine) -> None:
    file = save(machine)
    assert run("solve", file, "--driver", "0000:02:00.0=mlx5_core").exit_code == 3
    always = ["--policy", "always", "--pin", "0000:01:00.0"]
    forced = run("solve", file, "--driver", "0000:02:00.0=mlx5_core", *always)
    assert forced.exit_code == 0
    assert "0000:02:00.0 moves although its driver mlx5_core is not verified" in forced.stdout


def test_policy_refuse_names_the_driver_for_which_nothing_moves(run: Run, save: Save, machine: Machine) -> None:
    said = "policy refuse lets nothing move: 0000:01:00.0: driver mlx5_core is not verified to survive a BAR move"
    file = save(machine)
    assert said in run("solve", file, "--policy", "refuse").stdout
    assert "lets nothing move" not in run("solve", file).stdout
    prepared = run("solve", file, "--policy", "refuse", "--driver", "0000:01:00.0=nvme")
    assert "lets nothing move" not in prepared.stdout


def test_unknown_drivers_are_said_and_how_to_change_that(run: Run, save: Save, machine: Machine) -> None:
    for port in machine["root_buses"][0]["functions"]:
        del port["driver"]
        for function in port["bridge"]["functions"]:
            del function["driver"]
    file = save(machine)
    result = run("solve", file)
    assert result.exit_code == 3
    assert "no input names drivers" in result.stdout
    assert "--policy always" in result.stdout
    assert "no input names drivers" not in run("solve", file, "--policy", "always").stdout


def test_a_single_unknown_driver_is_named(run: Run, save: Save, machine: Machine) -> None:
    del machine["root_buses"][0]["functions"][1]["bridge"]["functions"][0]["driver"]
    file = save(machine)
    assert "the driver of 0000:02:00.0 is unknown" in run("solve", file).stdout
    assert "is unknown" not in run("solve", file, "--driver", "0000:02:00.0=amdgpu").stdout


def test_what_the_plan_mends_is_told_apart(run: Run, save: Save, machine: Machine) -> None:
    ports = machine["root_buses"][0]["functions"]
    ports[0]["bridge"]["functions"][0]["bars"][0]["address"] = "0x4000100000"
    ports[1]["bridge"]["functions"][0]["bars"][0]["address"] = "0x4020100000"
    result = run("solve", save(machine))
    tolerated, mended = result.stdout.split("Broken today, and no longer in the plan (2)")
    assert "Broken today already, and therefore tolerated (2)" in tolerated
    assert "alignment: 0000:01:00.0 BAR 0" in tolerated
    assert "alignment: 0000:02:00.0 BAR 0" in mended
    assert "breaks a rule where it is (alignment)" in tolerated


def test_interrupted_prints_the_plan_and_exits_with_130(
    run: Run, save: Save, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake(monkeypatch, lambda result: replace(change(result, status=Status.FEASIBLE), interrupted=True))
    result = run("solve", save(machine), "--json")
    assert result.exit_code == 130
    assert json.loads(result.stdout)["status"] == "feasible"


@pytest.mark.parametrize(("status", "code"), [(Status.INFEASIBLE, 3), (Status.UNKNOWN, 4), (Status.FEASIBLE, 0)])
def test_each_status_has_its_exit_code(
    run: Run, save: Save, machine: Machine, monkeypatch: pytest.MonkeyPatch, status: Status, code: int
) -> None:
    fake(monkeypatch, lambda result: change(result, status=status))
    result = run("solve", save(machine), "--json")
    assert result.exit_code == code
    assert json.loads(result.stdout)["status"] == str(status)
    assert str(status) in run("solve", save(machine)).stdout


def test_a_plan_that_breaks_a_rule_is_refused(
    run: Run, save: Save, machine: Machine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    breach = Breach("alignment", ("0000:02:00.0 BAR 0",), "alignment: 0000:02:00.0 BAR 0 at 4000100000")
    fake(monkeypatch, lambda result: replace(result, breaches=(breach,)))
    output = tmp_path / "plan.json"
    result = run("solve", save(machine), "-o", str(output))
    assert result.exit_code == 1
    assert result.stdout == ""
    assert "alignment: 0000:02:00.0 BAR 0 at 4000100000" in result.stderr
    assert not output.exists()


def fake(monkeypatch: pytest.MonkeyPatch, alter: Callable[[Result], Result]) -> None:
    """Let every engine's result pass through ``alter``."""
    real = engines.engine("cp-sat")
    monkeypatch.setattr(engines, "engine", lambda name: lambda *args: alter(real(*args)))


def change(result: Result, **fields: object) -> Result:
    return replace(result, plan=replace(result.plan, **fields))  # type: ignore[arg-type]


def test_check_accepts_a_plan_and_its_claims(run: Run, save: Save, machine: Machine) -> None:
    file = save(machine)
    plan = save(run("solve", file, "--json").stdout, "plan.json")
    result = run("check", file, "--plan", plan)
    assert result.exit_code == 0, result.output
    assert result.stdout == "The plan breaks no rule.\n"


def test_check_names_both_parties_of_a_breach(run: Run, save: Save, machine: Machine) -> None:
    file = save(machine)
    document = json.loads(run("solve", file, "--json").stdout)
    bar = next(bar for bar in document["bars"] if bar["function"] == "0000:03:00.0")
    bar["to"] = "0x4000000000"
    result = run("check", file, "--plan", save(document, "plan.json"))
    assert result.exit_code == 5
    assert "0000:03:00.0" in result.stdout
    assert "0x4000000000" in result.stdout or "4000000000" in result.stdout


@pytest.mark.parametrize(
    ("change", "claim"),
    [
        (lambda plan: plan["objectives"][1].update(value=0, bound=0), "moved_bars is said to be 0 and is 1"),
        (lambda plan: plan["objectives"][0].update(bound=3), "unplaced is 0, below its bound 3"),
        (lambda plan: plan["objectives"][1].update(bound=None), "the status is optimal and moved_bars is not proved"),
        (lambda plan: plan["bars"].pop(0), "0000:01:00.0 BAR 0 is not listed"),
        (lambda plan: plan["bars"][0].update(size="0x1000"), "0000:01:00.0 BAR 0 is listed with size 0x1000"),
        (lambda plan: plan["bars"][0].update({"from": None}), "0000:01:00.0 BAR 0 is listed as being at no address"),
        (lambda plan: plan["bars"][0].update(function="0000:09:00.0"), "0000:09:00.0 BAR 0 is listed and the machine"),
    ],
)
def test_check_finds_false_claims(
    run: Run, save: Save, machine: Machine, change: Callable[[Any], object], claim: str
) -> None:
    file = save(machine)
    document = json.loads(run("solve", file, "--json").stdout)
    change(document)
    result = run("check", file, "--plan", save(document, "plan.json"))
    assert result.exit_code == 5
    assert claim in result.stdout


def test_check_refuses_a_plan_for_another_machine(run: Run, save: Save, machine: Machine) -> None:
    file = save(machine)
    edits = ["--plug", "mem64p:1M@0000:00:03.0"]
    plan = save(run("solve", file, *edits, "--json").stdout, "plan.json")
    result = run("check", file, "--plan", plan)
    assert result.exit_code == 2
    assert "was made for another topology" in result.stderr
    assert "repeat them" in result.stderr
    assert run("check", file, *edits, "--plan", plan).exit_code == 0


def test_check_of_a_machine_reports_what_is_broken_today(run: Run, save: Save, machine: Machine) -> None:
    assert run("check", save(machine)).exit_code == 0
    machine["root_buses"][0]["functions"][1]["bridge"]["windows"]["pref"]["end"] = "0x4027ffffff"
    result = run("check", save(machine), "--json")
    assert result.exit_code == 5
    breaches = json.loads(result.stdout)["breaches"]
    assert "nesting" in {breach["rule"] for breach in breaches}


def test_compare_shows_today_and_each_engine(run: Run, save: Save, machine: Machine) -> None:
    result = run("compare", save(machine))
    assert result.exit_code == 0
    rows = [line.split()[0] for line in result.stdout.splitlines()[:4]]
    assert rows == ["engine", "today", "cp-sat", "linux-6.1"]


def test_compare_json_has_the_measures(run: Run, save: Save, machine: Machine) -> None:
    document = json.loads(run("compare", save(machine), "--json").stdout)
    assert document["format"] == "barplan-compare/1"
    by_name = {row["engine"]: row for row in document["engines"]}
    assert by_name["cp-sat"]["measures"]["unplaced"] == 0
    assert by_name["linux-6.1"]["measures"]["unplaced"] == 1
    assert document["today"]["measures"]["unplaced"] == 1


def test_an_interrupt_that_the_engine_does_not_catch_is_one_line(
    run: Run, save: Save, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*args: object) -> Result:
        signal.raise_signal(signal.SIGINT)
        raise AssertionError("the interrupt came too late")

    monkeypatch.setattr(engines, "engine", lambda name: interrupted)
    result = run("solve", save(machine))
    assert result.exit_code == 130
    assert result.stdout == ""
    assert result.stderr == "barplan: interrupted\n"
