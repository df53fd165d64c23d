"""``explain``: what it prints and exits with."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from models.document import dump_topology
from models.plan import Status
from models.topology import Topology
from solver.cpsat.engine import solve
from solver.explanation import case
from solver.request import Request
from solver.result import Result
from tests.cli.conftest import Run
from tests.topologies import UNKNOWN, bar, function, host
from tests.topologies import machine as make_machine

Save = Callable[..., str]
Machine = dict[str, Any]


def test_the_conflict_names_bars_pins_drivers_and_the_window(run: Run, save: Save, machine: Machine) -> None:
    result = run("explain", save(machine), "--driver", "0000:02:00.0=mlx5_core")
    assert result.exit_code == 3, result.output
    text = result.stdout
    assert text.startswith("Proved: not everything fits under policy safe; 1 BAR stays without an address.\n")
    conflict = text.split("Conflict, minimal")[1].split("Ways out")[0]
    assert "0000:03:00.0  BAR 0  [size=512M]  needs an address" in conflict
    reason = "driver mlx5_core is not verified to survive a BAR move"
    assert f"0000:02:00.0  BAR 0  [size=256M]  stays at 4020000000-402fffffff: {reason}" in conflict
    assert "0000:03:00.0 BAR 0 takes 512M at a multiple of 512M" in conflict
    ways = text.split("Ways out")[1]
    assert "1. prepare or unbind 1 driver (no cheaper set does, proved): mlx5_core of" in ways
    assert "(barplan solve --policy on-demand)" in ways
    assert "Under policy always everything fits; 1 BAR moves." in ways


def test_a_pin_of_the_command_line_is_a_way_out(run: Run, save: Save, machine: Machine) -> None:
    text = run("explain", save(machine), "--pin", "0000:02:00.0").stdout
    assert "stays at 4020000000-402fffffff: pinned (driver amdgpu)" in text
    assert "1. give up the pin of 0000:02:00.0 BAR 0; 1 BAR moves" in text


def test_what_is_short_is_said_in_bytes(run: Run, save: Save, machine: Machine) -> None:
    text = run("explain", save(machine), "--plug", "mem32:256M@0000:00:03.0").stdout
    assert "The root window 80000000-87ffffff has room for 128M, and 256M have to go in: 128M short." in text
    assert "enlarge the root window 80000000-87ffffff by 128M at its end (less does not do;" in text
    assert "does not fit either: at least 1 BAR stays without an address (proved)" in text


def test_what_fits_is_said_with_reasons(run: Run, save: Save, machine: Machine) -> None:
    result = run("explain", save(machine))
    assert result.exit_code == 0
    assert "Everything fits under policy safe: 1 BAR without an address finds one, and 1 BAR moves" in result.stdout
    assert "Nothing has to be explained." in result.stdout
    result = run("explain", save(machine), "--unplug", "0000:03:00.0")
    assert "every BAR that needs an address has one" in result.stdout


def test_a_missing_proof_is_said(run: Run, save: Save, machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    def unproved(topology: Topology, request: Request) -> Result:
        result = solve(topology, request)
        open_ = tuple(replace(objective, bound=0) for objective in result.plan.objectives)
        return replace(result, plan=replace(result.plan, status=Status.FEASIBLE, objectives=open_))

    monkeypatch.setattr(case, "solve", unproved)
    result = run("explain", save(machine), "--policy", "never")
    assert result.exit_code == 4
    assert "is not proved" in result.stdout
    assert "Conflict" not in result.stdout


def test_json_is_one_document(run: Run, save: Save, machine: Machine) -> None:
    result = run("explain", save(machine), "--driver", "0000:02:00.0=mlx5_core", "--json")
    assert result.exit_code == 3
    document = json.loads(result.stdout)
    assert document["format"] == "barplan-explanation/1"
    assert (document["verdict"], document["complete"], document["policy"]) == ("does not fit", True, "safe")
    (part,) = document["parts"]
    assert (part["root_bus"], part["space"], part["bound"]) == ("0000:00", "mem", 1)
    (conflict,) = part["conflicts"]
    assert conflict["minimal"]
    assert [member["role"] for member in conflict["members"]] == ["new", "pin", "pin"]
    assert conflict["members"][1]["at"] == "0x4020000000"
    shortage = conflict["shortage"]
    assert (shortage["kind"], shortage["needed"], shortage["alignment"]) == ("alignment", "0x20000000", "0x20000000")
    first = part["ways"][0]
    assert (first["kind"], first["cost"], first["proved"]) == ("drivers", 1, True)
    assert first["drivers"][0]["driver"] == "mlx5_core"
    assert part["always"] == {"verdict": "fits", "unplaced": 0, "bound": 0, "moved_bars": 1}


def test_json_of_what_fits_has_no_parts(run: Run, save: Save, machine: Machine) -> None:
    document = json.loads(run("explain", save(machine), "--json").stdout)
    assert (document["verdict"], document["parts"]) == ("fits", [])


def test_solve_points_to_explain_where_it_exits_with_3(run: Run, save: Save, machine: Machine) -> None:
    result = run("solve", save(machine), "--policy", "never")
    assert result.exit_code == 3
    assert len(result.stderr.splitlines()) == 1
    assert "barplan explain" in result.stderr
    assert "barplan explain" not in run("solve", save(machine)).stderr


@pytest.mark.parametrize(
    "options",
    [
        ["--window-rule", "kernel", "--plug", "mem32p:512M@0000:00:01.0"],
        ["--minimize", "rebar", "--plug", "mem32:256M@0000:00:03.0"],
        ["--minimize", "headroom", "--policy", "never"],
        ["--plug", "mem32:256M,vf32:1M*4@0000:00:03.0", "--vfs", "0000:03:01.0=fit"],
        ["--reserve", "0000:00:03.0=mem:256M", "--seed", "3"],
        ["--resize", "0000:03:00.0:0=2G", "--weight", "class:02=3", "--workers", "1"],
    ],
)
def test_explain_takes_the_options_with_which_solve_points_to_it(
    run: Run, save: Save, machine: Machine, options: list[str]
) -> None:
    machine["root_buses"][0]["functions"][2]["bridge"]["functions"][0]["bars"][0]["sizes"] = ["512M", "2G"]
    file = save(machine)
    assert "barplan explain, with the same inputs and options" in run("solve", file, *options).stderr
    result = run("explain", file, *options)
    assert (result.exit_code, result.stderr) == (3, ""), result.output
    assert "Conflict" in result.stdout


def test_a_size_left_open_counts_with_the_smallest(run: Run, save: Save, machine: Machine) -> None:
    (resizable,) = machine["root_buses"][0]["functions"][2]["bridge"]["functions"][0]["bars"]
    resizable["sizes"] = ["64M", "512M"]
    options = (save(machine), "--policy", "never")
    assert run("explain", *options).exit_code == 3
    assert run("explain", *options, "--minimize", "rebar").exit_code == 0
    assert run("solve", *options, "--minimize", "rebar").exit_code == 0
    refused = run("explain", *options, "--resize", "0000:03:00.0:0=any")
    assert (refused.exit_code, "add --minimize rebar" in refused.stderr) == (2, True)


def test_a_reserve_that_does_not_fit_has_its_size_and_no_vfs(run: Run, save: Save, machine: Machine) -> None:
    text = run("explain", save(machine), "--reserve", "0000:00:03.0=mem:192M").stdout
    assert "the reserve behind 0000:00:03.0  [size=192M]  asked for" in text


def test_many_bars_are_counted_unless_asked_for(run: Run, save: Save, machine: Machine) -> None:
    file = save(machine)
    plugs = [word for _ in range(10) for word in ("--plug", "mem32:256M@0000:00:03.0")]
    assert "and 2 more: all the rest fits" in run("explain", file, *plugs).stdout
    assert "and 2 more" not in run("explain", file, *plugs, "-v").stdout


def test_a_driver_named_by_an_option_is_no_longer_unknown(run: Run, tmp_path: Path) -> None:
    """The warning once went by what the input had told, whatever ``--driver`` said afterwards."""
    unknown = make_machine(
        host(
            function("00:01.0", bar(0, "1M", at=0x80000000), driver=UNKNOWN),
            function("00:02.0", bar(0, "2M")),
            mem=(0x80000000, 0x801FFFFF),
            pref=None,
            io=None,
        )
    )
    path = tmp_path / "unknown.json"
    path.write_text(dump_topology(unknown), encoding="utf-8")
    assert "no input names drivers" in run("explain", str(path)).stdout
    assert "no input names drivers" not in run("explain", str(path), "--driver", "0000:00:01.0=other").stdout
