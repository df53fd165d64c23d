"""``--resize``, ``--window-rule`` and the objectives for sizes and room, as the command line has them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Run

Save = Callable[..., str]
Machine = dict[str, Any]
GPU = "0000:02:00.0"


@pytest.fixture
def resizable(machine: Machine) -> Machine:
    """The machine without the device that needs a place; its movable BAR of 256 MiB is resizable."""
    ports = machine["root_buses"][0]["functions"]
    ports[2]["bridge"]["functions"] = []
    gpu = ports[1]["bridge"]["functions"][0]
    gpu["bars"][0]["sizes"] = ["0x8000000", "0x10000000", "0x20000000"]
    gpu["driver"] = "nvidia"
    return machine


def bar_of(document: dict[str, Any]) -> dict[str, Any]:
    return next(bar for bar in document["bars"] if bar["function"] == GPU)


def test_a_size_is_in_the_plan_and_the_driver_is_warned(run: Run, save: Save, resizable: Machine) -> None:
    result = run("solve", save(resizable), "--resize", f"{GPU}:0=512M", "--json")
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert bar_of(document)["size"] == hex(512 << 20)
    assert bar_of(document)["why"].startswith("resized from 256M")
    assert any("driver nvidia has to let go of 0000:02:00.0" in warning for warning in document["warnings"])


def test_the_plan_is_for_the_machine_as_it_is_and_holds(
    run: Run, save: Save, resizable: Machine, tmp_path: Path
) -> None:
    file, plan = save(resizable), str(tmp_path / "plan.json")
    assert run("solve", file, "--resize", f"{GPU}:0=max", "-o", plan).exit_code == 0
    checked = run("check", file, "--plan", plan, "--resize", f"{GPU}:0=max")
    assert checked.exit_code == 0, checked.output
    without = run("check", file, "--plan", plan)
    assert without.exit_code == 5
    assert "may not change" in without.stdout


def test_a_size_that_it_may_keep_its_place_at(run: Run, save: Save, resizable: Machine) -> None:
    text = run("solve", save(resizable), "--resize", f"{GPU}:0=128M").stdout
    assert "Get another size where they are (1 BAR)" in text
    assert "[size=128M]" in text.split("Get another size")[1].split("\n\n")[0]


def test_rebar_finds_the_largest_size(run: Run, save: Save, resizable: Machine) -> None:
    result = run("solve", save(resizable), "--minimize", "rebar", "--policy", "always", "--json")
    document = json.loads(result.stdout)
    assert [(item["name"], item["value"], item["bound"]) for item in document["objectives"]][:2] == [
        ("unplaced", 0, 0),
        ("rebar", 0, 0),
    ]
    assert bar_of(document)["size"] == hex(512 << 20)
    kept = json.loads(run("solve", save(resizable), "--minimize", "rebar", "--json").stdout)
    assert bar_of(kept)["size"] == hex(256 << 20)


def test_any_puts_it_in_scope(run: Run, save: Save, resizable: Machine) -> None:
    result = run("solve", save(resizable), "--resize", f"{GPU}:0=any", "--minimize", "rebar", "--json")
    assert bar_of(json.loads(result.stdout))["size"] == hex(512 << 20)


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("--resize", f"{GPU}:0=any"), "--resize: =any leaves the size to the objective rebar; add --minimize rebar"),
        (("--resize", f"{GPU}:0=1G"), f"--resize: {GPU} BAR 0 does not support 1G; it supports 128M, 256M, 512M"),
        (("--resize", "0000:01:00.0:0=1G"), "--resize: 0000:01:00.0 BAR 0 is not known to be resizable"),
        (("--resize", f"{GPU}:0=512M", "--pin", GPU), f"--resize: {GPU} BAR 0 is also named by --pin"),
        (("--window-rule", "linux"), "--window-rule: unknown window rule 'linux', expected one of free, kernel"),
    ],
)
def test_refusals_are_one_line(run: Run, save: Save, resizable: Machine, args: tuple[str, ...], message: str) -> None:
    result = run("solve", save(resizable), *args)
    assert result.exit_code == 2
    assert message in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


def test_every_verb_knows_it(run: Run, save: Save, resizable: Machine) -> None:
    file, resize = save(resizable), ("--resize", f"{GPU}:0=128M")
    assert "[size=128M]" in run("show", file, *resize).stdout
    captured = json.loads(run("capture", file, *resize).stdout)
    assert captured["root_buses"][0]["functions"][1]["bridge"]["functions"][0]["bars"][0]["size"] == hex(128 << 20)
    assert run("compare", file, *resize, "--engines", "cp-sat,linux-7").exit_code == 0
    assert "size=128M" in run("map", file, *resize).stdout
    assert run("explain", file, *resize).exit_code == 0


def test_what_cannot_be_resized_is_explained(run: Run, save: Save, resizable: Machine) -> None:
    blocker = resizable["root_buses"][0]["functions"][0]["bridge"]["functions"][0]
    blocker["bars"][0]["address"] = "0x4010000000"
    resizable["root_buses"][0]["functions"][0]["bridge"]["windows"]["pref"] = {
        "width": 64,
        "start": "0x4010000000",
        "end": "0x401fffffff",
    }
    resizable["root_buses"][0]["windows"][1]["end"] = "0x402fffffff"
    resizable["root_buses"][0]["windows"][0]["end"] = "0x80ffffff"
    file, resize = save(resizable), ("--resize", f"{GPU}:0=512M")
    solved = run("solve", file, *resize)
    assert solved.exit_code == 3
    assert "infeasible" in solved.stdout
    explained = run("explain", file, *resize)
    assert explained.exit_code == 3
    assert f"{GPU} BAR 0" in explained.stdout


def test_room_behind_empty_ports(run: Run, save: Save, resizable: Machine) -> None:
    file = save(resizable)
    assert "Largest block free behind empty hotplug ports (1)" in run("show", file).stdout
    entries = json.loads(run("show", file, "--json").stdout)["headroom"]
    assert [(entry["port"], entry["window"], entry["possible"]) for entry in entries] == [
        ("0000:00:03.0", "mem", hex(128 << 20)),
        ("0000:00:03.0", "pref", hex(1 << 30)),
    ]
    text = run("solve", file, "--minimize", "headroom").stdout
    assert "none -> 256M" in text.split("Largest block free")[1]


def test_whole_functions_first_in_orders_that_have_a_name(run: Run, save: Save, machine: Machine) -> None:
    file = save(machine)
    named = json.loads(run("solve", file, "--policy", "never", "--json").stdout)
    assert [item["name"] for item in named["objectives"]][:2] == ["unplaced_functions", "unplaced"]
    spelled = run("solve", file, "--policy", "never", "--minimize", "unplaced,moved_bars", "--json")
    assert [item["name"] for item in json.loads(spelled.stdout)["objectives"]] == ["unplaced", "moved_bars"]
    fitting = json.loads(run("solve", file, "--json").stdout)
    assert [item["name"] for item in fitting["objectives"]] == ["unplaced", "moved_bars", "windows_changed"]


def test_a_new_bar_that_finds_no_place_says_which_size_it_was_to_have(run: Run, save: Save, resizable: Machine) -> None:
    bar = resizable["root_buses"][0]["functions"][1]["bridge"]["functions"][0]["bars"][0]
    bar["address"], bar["sizes"] = None, ["0x10000000", "0x80000000"]
    result = run("solve", save(resizable), "--resize", f"{GPU}:0=max")
    assert result.exit_code == 3
    missing = result.stdout.split("Stay without an address (1 BAR)")[1].split("\n\n")[0]
    assert "[size=256M]" in missing
    assert missing.rstrip().endswith("was to have 2G")
