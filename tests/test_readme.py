"""The README and the format's description do not rot: what they show is run, and compared.

``python -m tests.test_readme`` writes the transcripts of the README anew.
"""

from __future__ import annotations

import contextlib
import json
import re
import shlex
import subprocess
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

import models
import solver
from models.document import load_plan, load_topology, topology_sha256
from models.mobility import Policy
from models.profiles import PROFILES
from solver.cli import main
from solver.cli.output import Exit
from solver.request import OBJECTIVES

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
FORMAT = (ROOT / "docs" / "format.md").read_text(encoding="utf-8")


def blocks(text: str, language: str) -> list[str]:
    """The fenced blocks of this language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def transcripts() -> list[tuple[str, str]]:
    """Each command of the console blocks with the output shown below it."""
    pairs = []
    for block in blocks(README, "console"):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, output = part.partition("\n")
            pairs.append((command, output))
    return pairs


def barplan_commands() -> list[str]:
    """Every barplan command that stands in a shell block or in a table cell, once."""
    lines = [line for block in blocks(README, "sh") for line in block.splitlines()]
    lines += re.findall(r"`([^`\n]*\bbarplan [^`\n]+)`", README)
    found = []
    for line in lines:
        for part in re.split(r"\\?\||&&|\$\(|\)", line.split("  #")[0]):
            words = shlex.split(part.strip().strip('"').replace('"', ""))
            names = [number for number, word in enumerate(words) if Path(word).name == "barplan"]
            if names and len(words) > names[0] + 1:
                found.append(shlex.join(words[names[0] + 1 :]))
    return list(dict.fromkeys(found))


def output_of(command: str) -> str:
    """What a command of a transcript prints, run in the repository."""
    name, *args = shlex.split(command)
    if name != "barplan":
        return subprocess.run(["bash", "-c", command], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    with contextlib.chdir(ROOT):
        return CliRunner().invoke(main, args, prog_name="barplan").output


def plain(text: str) -> str:
    """The text without what differs from run to run: seconds."""
    return re.sub(r"\b\d+\.\d\d$", "#", text, flags=re.MULTILINE).strip()


def test_there_is_a_transcript() -> None:
    assert transcripts()


@pytest.mark.parametrize(("command", "shown"), transcripts())
def test_the_transcript_is_what_comes_out(command: str, shown: str) -> None:
    assert plain(output_of(command)) == plain(shown)


@pytest.mark.parametrize("command", barplan_commands())
def test_every_command_in_the_readme_can_be_parsed(command: str) -> None:
    verb, *args = shlex.split(command)
    if verb.startswith("-"):
        main.make_context("barplan", [verb, *args])
        return
    if verb == "VERB":
        verb = "solve"
    if "--help" in args:
        assert verb in main.commands
        return
    main.commands[verb].make_context(verb, args, parent=click.Context(main))


def test_the_first_command_solves_the_machine_of_the_transcript() -> None:
    first, second = [block.strip() for block in blocks(README, "sh")[:2]]
    assert first.rpartition(".venv/bin/")[2] in [command for command, _ in transcripts()]
    assert second.endswith("-m pytest -q")


def test_the_readme_names_every_exit_code() -> None:
    assert {int(code) for code in re.findall(r"^\| (\d+) \|", README, re.MULTILINE)} == set(Exit)


@pytest.mark.parametrize("name", [*OBJECTIVES, *Policy, *PROFILES])
def test_the_readme_names_every_objective_policy_and_device(name: str) -> None:
    assert f"`{name}`" in README


@pytest.mark.parametrize("verb", sorted(main.commands))
def test_the_readme_shows_every_verb(verb: str) -> None:
    assert f"barplan {verb} " in README


def test_links_and_folders_exist() -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", README):
        first, _, rest = target.partition("/")
        package = {"models": models, "solver": solver}.get(first)  # beside the README, or installed
        home = ROOT / first if package is None else Path(package.__path__[0])
        assert (home / rest).exists(), target


def test_the_readme_shows_a_map_and_links_every_notebook_and_page() -> None:
    assert "](docs/map.svg)" in README
    for file in (*sorted(ROOT.glob("notebooks/*.ipynb")), *sorted(ROOT.glob("docs/*.md"))):
        assert f"]({file.relative_to(ROOT)})" in README


def test_the_topology_of_the_format_is_one() -> None:
    topology = load_topology(blocks(FORMAT, "json")[0], "docs/format.md")
    assert len(topology_sha256(topology)) == 64
    assert [str(key) for key, _ in topology.bars()] == [f"0000:01:00.0 {name}" for name in ("BAR 0", "BAR 5", "ROM")]


def test_the_plan_of_the_format_is_one() -> None:
    text = blocks(FORMAT, "json")[1]
    document = json.loads(text)
    document["topology_sha256"] = "0" * 64
    plan = load_plan(json.dumps(document), "docs/format.md")
    assert [bar.moved for bar in plan.bars] == [True]


def test_the_format_names_every_objective() -> None:
    for name in OBJECTIVES:
        assert f"| `{name}` |" in FORMAT


def test_the_repository_runs_what_the_readme_says() -> None:
    script = ROOT / ".ci" / "run"
    if not script.is_file():
        pytest.skip("the tests run outside of the repository: .ci/run is not here")
    assert subprocess.run(["bash", "-n", str(script)], check=False).returncode == 0


def test_the_repository_looks_at_the_maps_before_it_passes() -> None:
    script = ROOT / ".ci" / "run"
    if not script.is_file():
        pytest.skip("the tests run outside of the repository: .ci/run is not here")
    before, _, _ = script.read_text(encoding="utf-8").partition("section \"the README's second command")
    assert re.search(r"apt-get .*install .*\bchromium\b", before)
    assert before.rstrip().endswith("exit 1; }")  # nobody is left to skip what needs a browser


def renew() -> None:
    """Put today's output below every command of the transcripts."""
    text = README
    for command, shown in transcripts():
        text = text.replace(f"$ {command}\n{shown}", f"$ {command}\n{output_of(command)}")
    (ROOT / "README.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    renew()
