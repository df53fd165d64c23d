"""``barplan profiles``, and the devices of a TOML file on other verbs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.shell_completion import ShellComplete

from models.document import dump_topology
from models.profiles import PROFILES
from solver.cli import main
from tests.cli.conftest import Run
from tests.topologies import bridge, machine

MINE = '[my-card]\nwhat = "A card of mine"\nbars = "mem64p:64M,mem32:4K"\n'


@pytest.fixture
def mine(tmp_path: Path) -> str:
    file = tmp_path / "mine.toml"
    file.write_text(MINE)
    return str(file)


def test_every_device_stands_in_the_list_with_what_it_needs(run: Run) -> None:
    result = run("profiles")
    lines = result.stdout.splitlines()
    assert [line.split()[0] for line in lines] == list(PROFILES)
    assert "  jbof-24    24 x 16K, 25 bridges " in result.stdout


def test_one_device_with_its_bars_and_the_source(run: Run) -> None:
    text = run("profiles", "tb-dock").stdout
    assert "bridge, hotplug port [8086:15ea]" in text
    assert "BAR 0  32-bit, non-prefetchable  [size=64K]" in text
    assert f"source: {PROFILES['tb-dock'].source}" in text


def test_a_file_of_ones_own(run: Run, mine: str) -> None:
    assert "my-card" in run("profiles", "--profiles", mine).stdout
    assert "BAR 2  32-bit, non-prefetchable  [size=4K]" in run("profiles", "my-card", "--profiles", mine).stdout


def test_json_names_functions_as_a_topology_document_does(run: Run) -> None:
    document = json.loads(run("profiles", "nvme", "--json").stdout)
    assert document["format"] == "barplan-profiles/1"
    (nvme,) = document["profiles"]
    assert nvme["functions"][0]["bars"][0]["size"] == "0x4000"
    assert nvme["source"].startswith("https://")


def test_an_unknown_name_is_refused(run: Run) -> None:
    result = run("profiles", "floppy")
    assert result.exit_code == 2
    assert result.stderr.startswith("barplan: profiles: unknown device 'floppy', expected one of nvme, usb3,")


def test_the_file_serves_every_verb_that_plugs(run: Run, mine: str, tmp_path: Path) -> None:
    document = tmp_path / "machine.json"
    document.write_text(dump_topology(machine(bridge("00:1c.0", secondary=1))))
    result = run("show", str(document), "--plug", "my-card@00:1c.0", "--profiles", mine)
    assert "0000:01:00.0" in result.stdout
    refused = run("show", str(document), "--plug", "my-card@00:1c.0")
    assert (refused.exit_code, "unknown device 'my-card'" in refused.stderr) == (2, True)


def test_a_mistake_in_the_file_is_told_in_one_line(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "wrong.toml"
    file.write_text("[a]\nbars = 'mem32:3M'\n")
    result = run("profiles", "--profiles", str(file))
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == f"barplan: {file}: a.bars: the size in 'mem32:3M' is no power of two\n"


def test_names_are_completed(mine: str) -> None:
    complete = ShellComplete(main, {}, "barplan", "_BARPLAN_COMPLETE")

    def offered(*words: str) -> list[str]:
        return [item.value for item in complete.get_completions(list(words[:-1]), words[-1])]

    assert offered("solve", "--plug", "tb") == ["tb-dock@"]
    assert offered("solve", "--profiles", mine, "--plug", "my") == ["my-card@"]
    assert offered("profiles", "jb") == ["jbof-24"]
