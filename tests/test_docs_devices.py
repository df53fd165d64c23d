"""docs/devices.md does not rot: its table is the table, its TOML is read, its commands are run."""

from __future__ import annotations

import contextlib
import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from models.bar_spelling import parse_bars
from models.profiles import PROFILES
from models.profiles_file import load_profiles
from solver.cli import main

ROOT = Path(__file__).resolve().parents[1]
TEXT = (ROOT / "docs" / "devices.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)


def rows() -> dict[str, list[str]]:
    """The cells of every table row whose first cell is one name in backquotes."""
    found = {}
    for line in TEXT.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| `") and len(cells) == 3:
            found[cells[0].strip("`")] = cells[1:]
    return found


def test_the_table_has_every_device_and_its_source() -> None:
    assert list(rows()) == list(PROFILES)
    for name, (what, source) in rows().items():
        assert what == PROFILES[name].what
        assert source.replace("<", "").replace(">", "") == PROFILES[name].source


def test_the_toml_is_one(tmp_path: Path) -> None:
    (text,) = blocks("toml")
    file = tmp_path / "mine.toml"
    file.write_text(text)
    found = load_profiles(file)
    assert list(found) == ["capture-card", "gpu-with-sound", "drive-box"]
    assert [len(list(profile.all_functions())) for profile in found.values()] == [1, 2, 9]


@pytest.mark.parametrize("kind", ["io", "mem32", "mem64", "mem32p", "mem64p", "rom", "vf32", "vf64", "vf32p", "vf64p"])
def test_every_kind_of_bar_is_named_and_can_be_spelled(kind: str) -> None:
    assert f"`{kind}`" in TEXT
    (bar,) = parse_bars(f"{kind}:4K*2" if kind.startswith("vf") else f"{kind}:4K", "a test")
    assert bar.prefetchable == (kind.endswith("p") or kind == "rom")


def test_every_bar_in_the_text_can_be_spelled() -> None:
    for text in re.findall(r"`((?:io|mem|vf|rom)\d*p?:[^`]+)`", TEXT):
        if not text.startswith(("mem:", "pref:")) and "SIZE" not in text:
            assert parse_bars(text, "a test")


@pytest.mark.parametrize("block", blocks("console"))
def test_the_transcript_is_what_comes_out(block: str) -> None:
    command, _, shown = block.removeprefix("$ ").partition("\n")
    program, _, rest = command.partition(" | ")
    with contextlib.chdir(ROOT):
        output = CliRunner().invoke(main, shlex.split(program)[1:], prog_name="barplan").stdout
    lines = output.splitlines()
    assert rest in ("tail -n 1", "grep VFs")
    chosen = lines[-1:] if rest == "tail -n 1" else [line for line in lines if "VFs" in line]
    assert "\n".join(chosen) + "\n" == shown


@pytest.mark.parametrize("option", ["--plug", "--profiles", "--vfs", "--reserve"])
def test_every_option_is_told(option: str) -> None:
    assert f"`{option}" in TEXT
