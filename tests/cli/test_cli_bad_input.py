"""Unusable input: one line on standard error that names the file and the place, exit code 2, outputs untouched."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from tests.cli.conftest import Run, endpoint

Save = Callable[..., str]
Machine = dict[str, Any]


def complaint(result: Result) -> str:
    """The one line of a refusal."""
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    assert result.stderr.startswith("barplan: ")
    assert result.stderr.count("\n") == 1
    return result.stderr.removeprefix("barplan: ").rstrip("\n")


def first_bar(machine: Machine, port: int = 0) -> dict[str, Any]:
    """The BAR of the device behind the ``port``-th port."""
    functions = machine["root_buses"][0]["functions"]
    bar: dict[str, Any] = functions[port]["bridge"]["windows"] and functions[port]["bridge"]["functions"][0]["bars"][0]
    return bar


BAR_PATH = "root_buses[0].functions[0].bridge.functions[0].bars[0]"


@pytest.mark.parametrize("verb", ["capture", "show", "solve", "compare", "check"])
def test_a_missing_file_is_named(run: Run, verb: str) -> None:
    assert "nowhere.json" in complaint(run(verb, "nowhere.json"))


def test_truncated_json_names_file_and_line(run: Run, save: Save, machine: Machine) -> None:
    text = json.dumps(machine, indent=1)
    file = save(text[: len(text) // 2])
    line = complaint(run("solve", file))
    assert line.startswith(f"{file}: line ")


@pytest.mark.parametrize("junk", [bytes(range(256)) * 40, b"\x7fELF\x02\x01" + bytes(3000), b"\x1f\x8b\x08\x00" * 99])
def test_binary_junk_is_refused(run: Run, tmp_path: Path, junk: bytes) -> None:
    file = tmp_path / "junk"
    file.write_bytes(junk)
    assert complaint(run("show", str(file))).startswith(f"{file}: ")


@pytest.mark.parametrize("text", ["", "\n\n", "Dear all,\n\nnothing to see here.\n"])
def test_text_that_is_no_machine_is_refused(run: Run, save: Save, text: str) -> None:
    file = save(text, "letter.txt")
    assert "letter.txt" in complaint(run("show", file))


def test_a_tree_without_devices_is_refused(run: Run, tmp_path: Path) -> None:
    assert complaint(run("capture", "--root", str(tmp_path))).startswith(f"{tmp_path}: no sys/bus/pci/devices in it")


def test_standard_input_is_named(run: Run) -> None:
    assert "stdin" in complaint(run("show", "-", stdin='{"format": "barplan-topology/1", '))


@pytest.mark.parametrize("version", ["barplan-topology/2", "barplan-topology/0", "barplan-plan/1", 7])
def test_wrong_versions_are_refused(run: Run, save: Save, machine: Machine, version: object) -> None:
    machine["format"] = version
    file = save(machine)
    assert complaint(run("solve", file)).startswith(f"{file}: ")


@pytest.mark.parametrize(
    ("key", "value", "where"),
    [
        ("size", "3M", "size"),
        ("size", 0, "size"),
        ("size", "huge", "size"),
        ("size", -4096, "size"),
        ("address", "0x1ffffffffffffffff", "address"),
        ("address", -1, "address"),
        ("address", "0xfffffffffff00000", ""),
        ("width", 48, "width"),
        ("index", 9, "index"),
        ("space", "rom", "space"),
        ("copies", 0, "copies"),
    ],
)
def test_impossible_bars_are_refused_with_their_path(
    run: Run, save: Save, machine: Machine, key: str, value: object, where: str
) -> None:
    first_bar(machine)[key] = value
    file = save(machine)
    assert complaint(run("solve", file)).startswith(f"{file}: {BAR_PATH}{'.' + where if where else ''}")


def test_a_function_that_stands_twice_is_refused(run: Run, save: Save, machine: Machine) -> None:
    functions = machine["root_buses"][0]["functions"]
    functions[1]["bridge"]["functions"].append(endpoint("0000:01:00.0", None, "1M", None))
    assert "0000:01:00.0" in complaint(run("solve", save(machine)))


def test_a_bridge_behind_itself_is_refused(run: Run, save: Save, machine: Machine) -> None:
    outer = machine["root_buses"][0]["functions"][0]
    outer["bridge"]["functions"] = [json.loads(json.dumps(outer))]
    assert "0000:00:01.0" in complaint(run("solve", save(machine)))


def test_nesting_without_end_is_refused(run: Run, save: Save) -> None:
    text = '{"format": "barplan-topology/1", "root_buses": ' + "[" * 100_000
    assert "deep.json: nested too deep" in complaint(run("show", save(text, "deep.json")))


@pytest.mark.parametrize(
    "option",
    [
        ["--pin", "0000:99:00.0"],
        ["--free", "0000:99:00.0"],
        ["--unplug", "0000:99:00.0"],
        ["--driver", "0000:99:00.0=nvme"],
        ["--plug", "nvme@0000:99:00.0"],
        ["--plug", "no-such-profile@0000:00:03.0"],
        ["--plug", "mem32:3M@0000:00:03.0"],
        ["--plug", "nvme"],
        ["--pin", "eleven"],
        ["--pin", "0000:01:00.0:5"],
        ["--unplug", "eleven"],
        ["--driver", "0000:01:00.0"],
    ],
)
def test_options_that_name_nothing_are_refused(run: Run, save: Save, machine: Machine, option: list[str]) -> None:
    assert complaint(run("solve", save(machine), *option)).startswith(f"{option[0]}: ")


def test_a_bar_cannot_be_pinned_and_free(run: Run, save: Save, machine: Machine) -> None:
    line = complaint(run("solve", save(machine), "--pin", "0000:02:00.0", "--free", "0000:02:00.0"))
    assert line.startswith("--free: 0000:02:00.0 BAR 0")


def test_what_is_fixed_cannot_be_freed(run: Run, save: Save, machine: Machine) -> None:
    first_bar(machine)["fixed"] = True
    file = save(machine)
    assert complaint(run("solve", file, "--free", "0000:01:00.0:0")) == (
        "--free: 0000:01:00.0 BAR 0 is fixed, under every policy"
    )
    bars = machine["root_buses"][0]["functions"][0]["bridge"]["functions"][0]["bars"]
    bars.append({"index": 2, "space": "mem", "size": "1M", "address": None})
    assert run("solve", save(machine), "--free", "0000:01:00.0").exit_code == 0


def test_an_existing_output_file_is_untouched(run: Run, save: Save, machine: Machine, tmp_path: Path) -> None:
    output = tmp_path / "plan.json"
    output.write_text("precious")
    first_bar(machine)["size"] = "3M"
    for verb in ("solve", "capture"):
        complaint(run(verb, save(machine), "-o", str(output)))
        assert output.read_text() == "precious"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["machine.json", "plan.json"]


def test_an_output_that_cannot_be_written_is_named(run: Run, save: Save, machine: Machine, tmp_path: Path) -> None:
    output = str(tmp_path / "no" / "such" / "folder.json")
    assert complaint(run("capture", save(machine), "-o", output)).startswith(f"{output}: cannot be written")


def test_a_plan_that_is_no_plan_is_refused(run: Run, save: Save, machine: Machine) -> None:
    file, other = save(machine), save(machine, "other.json")
    assert complaint(run("check", file, "--plan", other)).startswith(f"{other}: format: ")
    assert complaint(run("check", file, "--plan", "nowhere.json")).startswith("nowhere.json: ")


@pytest.mark.parametrize("name", ["nvme\nGroup 1: nothing changes", "nvme\r", "\u2028"])
def test_a_driver_of_several_lines_is_refused(run: Run, save: Save, machine: Machine, name: str) -> None:
    machine["root_buses"][0]["functions"][0]["bridge"]["functions"][0]["driver"] = name
    said = complaint(run("show", save(json.dumps(machine))))
    assert "root_buses[0].functions[0].bridge.functions[0].driver: expected one line, found" in said


def test_what_a_capture_says_gives_the_terminal_no_commands(run: Run, save: Save, machine: Machine) -> None:
    machine["machine"] = "box \x1b[2J\u202eof mine"
    machine["root_buses"][0]["functions"][0]["bridge"]["functions"][0]["driver"] = "nvme\x1b[1A\u202e"
    shown = run("show", save(json.dumps(machine)))
    assert shown.exit_code == 0
    assert not {"\x1b", "\u202e"} & set(shown.stdout + shown.stderr)
