"""docs/policies.md does not rot: its tables are the tables, its TOML is read, its commands are parsed or run."""

from __future__ import annotations

import contextlib
import re
import shlex
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from models.driver_file import read_drivers
from models.drivers import BUILT_IN
from models.mobility import Policy
from solver.cli import main
from solver.cli.options import SharedOptions

ROOT = Path(__file__).resolve().parents[1]
TEXT = (ROOT / "docs" / "policies.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)


COMMANDS = [line for block in blocks("sh") for line in block.splitlines()]


def test_the_table_of_drivers_is_the_built_in_one() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (yes|no) \| (yes|no) \|$", TEXT, re.MULTILINE)
    assert {name: (hooks == "yes", verified == "yes") for name, hooks, verified in rows} == {
        name: (row.has_hooks, row.verified) for name, row in BUILT_IN.rows.items()
    }


def test_the_file_of_drivers_can_be_read(tmp_path: Path) -> None:
    (text,) = blocks("toml")
    path = tmp_path / "mine.toml"
    path.write_text(text, encoding="utf-8")
    table = read_drivers(path)
    assert table.survives_move("mlx5_core")
    assert not table.survives_move("nvme")


@pytest.mark.parametrize("policy", Policy)
def test_every_policy_has_a_row(policy: Policy) -> None:
    assert f"| `{policy}` |" in TEXT


def test_every_option_of_the_scope_has_a_row() -> None:
    for name in ("domain", "under", "keep_root_bus"):
        assert hasattr(SharedOptions(), name)
        assert f"| `--{name.replace('_', '-')}" in TEXT


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_one(command: str) -> None:
    _, verb, *args = shlex.split(command)
    main.commands[verb].make_context(verb, args, parent=click.Context(main))


def test_the_sample_shows_how_policies_differ() -> None:
    samples = [shlex.split(command)[1:] for command in COMMANDS if "samples/" in command]
    with contextlib.chdir(ROOT):
        safe, on_demand = (CliRunner().invoke(main, args, prog_name="barplan") for args in samples)
    assert safe.exit_code == 3
    assert on_demand.exit_code == 0
    assert "has to be prepared or unbound before it moves" in on_demand.stdout


def test_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", TEXT):
        assert (ROOT / "docs" / target).exists(), target
