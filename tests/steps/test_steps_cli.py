"""``barplan steps``: forms, routes, refusals, and what docs/steps.md shows."""

from __future__ import annotations

import json
import re
from dataclasses import fields
from pathlib import Path
from typing import Any, get_args

import pytest
from click.testing import CliRunner, Result

from solver.cli import main
from solver.cli.steps import FORMS, ROUTES
from solver.steps import step as step_types
from solver.steps.cmdline import boot_parameters
from solver.steps.document import step_document
from solver.steps.step import Step
from tests.topologies import bar, bridge, changed, function, key, machine, window_key

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = str(ROOT / "samples" / "qemu-hotplug-nospace")
DOCS = (ROOT / "docs" / "steps.md").read_text(encoding="utf-8")


def run(*args: str) -> Result:
    return CliRunner().invoke(main, args, prog_name="barplan")


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> str:
    file = str(tmp_path_factory.mktemp("plan") / "plan.json")
    assert run("solve", SAMPLE, "-o", file).exit_code == 0
    return file


def test_the_documentation_shows_what_comes_out(plan: str) -> None:
    shown = re.findall(r"^\$ barplan steps .*\n((?:.|\n)*?)^```", DOCS, re.MULTILINE)
    assert len(shown) == 1
    assert run("steps", plan, SAMPLE).stdout == shown[0]


def test_the_documentation_names_every_kind_of_step_route_and_form() -> None:
    for kind in get_args(Step):
        blank = (
            kind(*(None for _ in fields(kind)))
            if kind.__name__ not in ("Transaction", "RegisterWrite", "Verify")
            else None
        )
        name = re.sub(r"(?<=[a-z])(?=[A-Z])", "-", kind.__name__).lower()
        assert f"`{name}`" in DOCS
        if blank is not None and name != "decode-on":
            assert step_document(blank)["step"] == name
    assert all(f"`{word}`" in DOCS for word in (*ROUTES, *FORMS))
    assert step_types.ROUTES == ROUTES


def test_the_document(plan: str) -> None:
    done = run("steps", plan, SAMPLE, "--json")
    assert done.exit_code == 0
    document: dict[str, Any] = json.loads(done.stdout)
    shown = json.loads(re.findall(r"```json\n(.*?)```", DOCS, re.DOTALL)[0])
    assert document.keys() == shown.keys()
    assert document["groups"][0].keys() == shown["groups"][0].keys()
    assert document["groups"][0]["steps"][0] == shown["groups"][0]["steps"][0]
    assert (document["worst"], document["exact"], document["limits"]) == (1, True, shown["limits"])
    transaction = next(step for step in document["groups"][0]["steps"] if step["step"] == "transaction")
    assert transaction["text"].startswith("barplan-place 1\nwin ")
    assert transaction["text"].endswith("end\n")
    assert transaction["windows"][0]["from"] is None


def test_a_script_and_a_file(plan: str, tmp_path: Path) -> None:
    file = tmp_path / "plan.sh"
    assert run("steps", plan, SAMPLE, "--as", "sh", "-o", str(file)).exit_code == 0
    assert file.read_text().startswith("#!/bin/sh\n")
    assert run("steps", plan, SAMPLE, "--as", "sh").stdout == file.read_text()


def test_kexec_takes_everything_down(tmp_path: Path) -> None:
    sample, file = str(ROOT / "samples" / "one-immovable-device.json"), str(tmp_path / "plan.json")
    assert run("solve", sample, "--policy", "always", "-o", file).exit_code == 0
    done = run("steps", file, sample, "--route", "kexec", "--json")
    document = json.loads(done.stdout)
    kinds = [step["step"] for step in document["groups"][0]["steps"]]
    assert kinds[0] == "remove"
    assert kinds[-2:] == ["kexec", "verify"]
    assert document["worst"] > 1


def test_no_parameters_reach_this_plan(plan: str) -> None:
    done = run("steps", plan, SAMPLE, "--as", "cmdline", "--time-limit", "5s")
    assert done.exit_code == 1
    assert done.stdout == ""
    assert "no kernel parameters" in done.stderr


def test_parameters_where_a_window_of_the_firmware_is_too_small() -> None:
    first = 0x80000000
    old, new = function("01:00.0", bar(0, "1M", at=first)), function("01:01.0", bar(0, "4M"))
    topology = machine(bridge("00:01.0", old, new, mem=(first, first + 0xFFFFF)))
    planned = changed(
        topology, {key("01:01.0"): first + 0x400000}, {window_key("00:01.0", "mem"): (first, first + 0x7FFFFF)}
    )
    found = boot_parameters(topology, planned, 10)
    assert found is not None
    assert found.line == "pci=realloc"
    roomy = machine(bridge("00:01.0", old, new, mem=(first, first + 0x7FFFFF)))
    found = boot_parameters(roomy, planned, 10)
    assert found is not None
    assert (found.line, found.elsewhere) == ("", 0)


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["--route", "post"], "unknown route 'post', expected one of live, kexec, firmware"),
        (["--as", "yaml"], "unknown form 'yaml', expected one of text, sh, json, cmdline"),
        (["--unplug", "0000:42:00.0"], "was made for another topology"),
        (["--route", "firmware", "--as", "sh"], "there is no shell before the first instruction"),
    ],
)
def test_refusals(plan: str, args: list[str], says: str) -> None:
    done = run("steps", plan, SAMPLE, *args)
    assert done.exit_code == 2
    assert says in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("verb", [("steps",), ("apply", "--dry-run")], ids=lambda verb: verb[0])
@pytest.mark.parametrize(
    ("text", "says"),
    [
        (None, "no such file"),
        ("", "not JSON"),
        ("[]", "a JSON object"),
        ('{"format": "barplan-topology/1"}', 'expected "barplan-plan/1"'),
        ("half", "not JSON"),
        ("other", "was made for another topology"),
    ],
)
def test_a_plan_that_cannot_be_used_is_one_line(
    plan: str, verb: tuple[str, ...], text: str | None, says: str, tmp_path: Path
) -> None:
    file, machine = tmp_path / "plan.json", SAMPLE
    if text == "half":
        text = Path(plan).read_text()[:400]
    elif text == "other":
        text, machine = Path(plan).read_text(), str(ROOT / "samples" / "laptop-thunderbolt.json")
    if text is not None:
        file.write_text(text)
    done = run(*verb, str(file), machine)
    assert done.exit_code == 2
    assert (done.stdout, done.stderr.count("\n")) == ("", 1)
    assert done.stderr.startswith(f"barplan: {file}: ")
    assert says in done.stderr


def test_why_a_function_is_down_that_gets_more_addresses(plan: str) -> None:
    text = run("steps", plan, SAMPLE).stdout
    assert "gets more addresses: BAR 2 at f0000000\n  down: 0000:41:00.0 (it keeps what it has)\n" in text
