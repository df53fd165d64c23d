"""``barplan drivers`` and ``--drivers``: the table, a machine's drivers, and a person's own knowledge."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tests.cli.conftest import Run

Save = Callable[..., str]
Machine = dict[str, Any]

OWN = '[drivers.mlx5_core]\nverified = true\nsource = "a rack"\n'


def test_the_table_names_each_driver_and_its_source(run: Run) -> None:
    shown = run("drivers").stdout
    for name in ("nvme", "pcieport", "amdgpu", "snd_hda_intel"):
        (line,) = [line for line in shown.splitlines() if line.split()[0] == name]
        assert line.split()[1:3] == ["yes", "yes"]
        assert "linux-pci" in line


def test_a_machines_drivers_with_what_moves_and_why_not(run: Run, save: Save, machine: Machine) -> None:
    shown = run("drivers", save(machine)).stdout
    assert "mlx5_core: not verified\n  0000:01:00.0  3D controller  1 BAR stays: driver mlx5_core is not" in shown
    assert "amdgpu: has hooks, verified to survive a BAR move\n  0000:02:00.0  3D controller  1 BAR may move" in shown
    assert "no driver: nothing has to survive a BAR move\n  0000:03:00.0  3D controller  no BAR with an" in shown


def test_the_tables_and_the_machine_as_a_document(run: Run, save: Save, machine: Machine) -> None:
    document = json.loads(run("drivers", save(machine), "--json", "--drivers", save(OWN, "mine.toml")).stdout)
    assert document["format"] == "barplan-drivers/1"
    assert document["drivers"]["mlx5_core"] == {"hooks": False, "verified": True, "source": "a rack"}
    by_address = {function["address"]: function for function in document["functions"]}
    assert by_address["0000:01:00.0"]["movable_bars"] == 1
    assert by_address["0000:01:00.0"]["immovable_bars"] == []
    assert "functions" not in json.loads(run("drivers", "--json").stdout)


def test_ones_own_table_reaches_every_verb_with_a_policy(run: Run, save: Save, machine: Machine) -> None:
    file, own = save(machine), save(OWN, "mine.toml")
    assert json.loads(run("show", file, "--json").stdout)["immovable"] != []
    assert json.loads(run("show", file, "--json", "--drivers", own).stdout)["immovable"] == []
    plan = json.loads(run("solve", file, "--policy", "refuse", "--json").stdout)
    assert plan["objectives"][0]["value"] == 1
    plan = run("solve", file, "--policy", "refuse", "--json", "--drivers", own).stdout
    assert json.loads(plan)["objectives"][0]["value"] == 0
    checked = run("check", file, "--plan", save(plan, "plan.json"))
    assert checked.exit_code == 5
    assert "BAR 0 may not move" in checked.stdout
    assert run("check", file, "--plan", save(plan, "plan.json"), "--drivers", own).exit_code == 0
    assert run("explain", file, "--policy", "refuse").exit_code == 3
    assert run("explain", file, "--policy", "refuse", "--drivers", own).exit_code == 0
    compared = json.loads(run("compare", file, "--policy", "refuse", "--json", "--drivers", own).stdout)
    assert compared["engines"][0]["measures"]["unplaced"] == 0


def test_an_unusable_table_is_one_line(run: Run, save: Save, machine: Machine) -> None:
    bad = save("[drivers.nvme]\nverified = 'yes'\n", "bad.toml")
    for verb in ("solve", "show", "drivers"):
        result = run(verb, save(machine), "--drivers", bad)
        assert result.exit_code == 2
        assert result.stderr == f"barplan: {bad}: drivers.nvme.verified: expected true or false, found 'yes'\n"
    assert "no such file" in run("drivers", "--drivers", "nowhere.toml").stderr
