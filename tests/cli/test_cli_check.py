"""``barplan check`` over plan documents: what they say of themselves has to be so."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from models.document import dump_topology
from tests.cli.conftest import Run
from tests.topologies import bar, function, host, machine


def files(run: Run, folder: Path, *options: str) -> tuple[Path, Path, dict[str, Any]]:
    """A machine on which a 1 MiB BAR has to make room, its plan, and the plan's content."""
    two = host(
        function("00:01.0", bar(0, "1M", at=0x80000000), driver="one"),
        function("00:02.0", bar(0, "1M", at=0x80200000), driver="two"),
        function("00:03.0", bar(0, "2M")),
        mem=(0x80000000, 0x803FFFFF),
        pref=None,
        io=None,
    )
    topology, plan = folder / "machine.json", folder / "plan.json"
    topology.write_text(dump_topology(machine(two)), encoding="utf-8")
    assert run("solve", str(topology), "-o", str(plan), *options).exit_code in (0, 3)
    return topology, plan, json.loads(plan.read_text(encoding="utf-8"))


def test_a_weighted_plan_is_checked_with_its_weights(run: Run, tmp_path: Path) -> None:
    weights = ("--weight", "driver:one=5", "--weight", "driver:two=3")
    topology, plan, _ = files(run, tmp_path, "--policy", "on-demand", *weights)
    assert run("check", str(topology), "--plan", str(plan), *weights).exit_code == 0
    without = run("check", str(topology), "--plan", str(plan))
    assert without.exit_code == 5
    assert "prepared_drivers is said to be 3 and is 1" in without.stdout


def test_moved_has_to_be_true_where_the_address_changes(run: Run, tmp_path: Path) -> None:
    topology, plan, content = files(run, tmp_path, "--policy", "always")
    moving = next(index for index, entry in enumerate(content["bars"]) if entry["moved"])
    content["bars"][moving]["moved"] = False
    plan.write_text(json.dumps(content), encoding="utf-8")
    result = run("check", str(topology), "--plan", str(plan))
    assert result.exit_code == 2
    assert f"bars[{moving}].moved: expected true after from and to, found false" in result.stderr


def test_a_document_without_a_plan_says_so(run: Run, tmp_path: Path) -> None:
    topology, plan, content = files(run, tmp_path, "--policy", "always")
    content["status"] = "infeasible"
    plan.write_text(json.dumps(content), encoding="utf-8")
    result = run("check", str(topology), "--plan", str(plan))
    assert result.exit_code == 0
    assert "holds no plan" in result.stdout
