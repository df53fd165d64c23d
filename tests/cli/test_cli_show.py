"""``show`` and ``capture``: the tree, the words of lspci, streams and encodings."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.cli.conftest import Run

Save = Callable[..., str]
Machine = dict[str, Any]


def test_the_tree_has_windows_functions_and_bars(run: Run, save: Save, machine: Machine) -> None:
    lines = run("show", save(machine)).stdout.splitlines()
    assert lines[:6] == [
        "a machine of three ports",
        "root bus 0000:00",
        "|  memory window 80000000-87ffffff [size=128M], 128M free, largest aligned block 128M",
        "|  prefetchable memory window 4000000000-403fffffff [size=1G], 736M free, largest aligned block 256M",
        "+- 0000:00:01.0 PCI bridge [0604] [8086:1901], driver pcieport, bus 01, hotplug",
        "|  |  Memory behind bridge: [disabled] [32-bit]",
    ]
    text = "\n".join(lines)
    assert "BAR 0: Memory at 4020000000 (64-bit, prefetchable) [size=256M], may move" in text
    assert "BAR 0: Memory at 4000000000 (64-bit, prefetchable) [size=32M], stays: driver mlx5_core" in text
    assert "BAR 0: Memory at <unassigned> (64-bit, prefetchable) [size=512M], needs an address" in text


def test_json_is_a_topology_every_verb_reads(run: Run, save: Save, machine: Machine) -> None:
    printed = run("show", save(machine), "--json").stdout
    document = json.loads(printed)
    assert {"free_space", "immovable", "breaches", "failures", "notes"} <= set(document)
    assert document["free_space"][1]["largest_block"] == hex(256 << 20)
    again = run("show", "-", stdin=printed)
    assert again.exit_code == 0
    assert "0000:03:00.0" in again.stdout


def test_capture_writes_the_edited_machine(run: Run, save: Save, machine: Machine, tmp_path: Path) -> None:
    output = tmp_path / "edited.json"
    result = run("capture", save(machine), "--unplug", "0000:01:00.0", "-o", str(output))
    assert result.exit_code == 0
    assert result.stdout == ""
    assert "0000:01:00.0" not in output.read_text()
    assert run("capture", str(output)).stdout == output.read_text()


def test_capture_to_standard_output_can_be_piped_into_show(run: Run, save: Save, machine: Machine) -> None:
    document = run("capture", save(machine), "--driver", "0000:03:00.0=nvme").stdout
    assert "driver nvme" in run("show", "-", stdin=document).stdout


def test_nothing_is_wrapped_or_cut_when_piped(save: Save, machine: Machine) -> None:
    machine["machine"] = "long " * 60
    finished = barplan("show", save(machine), COLUMNS="40")
    assert machine["machine"].strip() in finished.stdout
    assert "\x1b" not in finished.stdout


def test_force_color_colours_and_changes_no_text(save: Save, machine: Machine) -> None:
    file = save(machine)
    plain = barplan("show", file).stdout
    coloured = barplan("show", file, FORCE_COLOR="1", TERM="xterm").stdout
    assert "\x1b[" in coloured
    assert strip(coloured) == plain
    assert barplan("show", file, FORCE_COLOR="1", NO_COLOR="1").stdout == plain


def test_text_that_the_encoding_lacks_is_escaped(save: Save, machine: Machine) -> None:
    machine["machine"] = "Rechner für Prüfungen"
    finished = barplan("show", save(machine), PYTHONIOENCODING="ascii")
    assert finished.returncode == 0
    assert "Rechner f\\xfcr Pr\\xfcfungen" in finished.stdout


def test_a_terminal_gets_box_characters_where_its_encoding_has_them(save: Save, machine: Machine) -> None:
    file = save(machine)
    assert "├─ 0000:00:01.0" in strip(on_terminal(file, PYTHONIOENCODING="utf-8"))
    assert "+- 0000:00:01.0" in strip(on_terminal(file, PYTHONIOENCODING="ascii"))


def test_a_reader_that_leaves_early_ends_it_quietly(save: Save, machine: Machine) -> None:
    many = machine["root_buses"][0]["functions"][0]["bridge"]["functions"]
    for device in range(1, 32):
        for function in range(8):
            many.append(
                {"address": f"0000:01:{device:02x}.{function}", "bars": [dict(many[0]["bars"][0], address=None)]}
            )
    command = f"{sys.executable} -c 'from solver.cli import main; main()' show {save(machine)} | head -n 1"
    finished = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert finished.stdout == "a machine of three ports\n"
    assert finished.stderr == ""


def barplan(*args: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Call the command in a process of its own, with pipes."""
    clean = {key: value for key, value in os.environ.items() if key not in ("FORCE_COLOR", "NO_COLOR")}
    return subprocess.run(
        [sys.executable, "-c", "from solver.cli import main; main()", *args],
        capture_output=True,
        text=True,
        env={**clean, **environment},
        check=False,
    )


def test_a_map_on_a_terminal_is_coloured_and_as_narrow_as_that(save: Save, machine: Machine) -> None:
    text = on_terminal(save(machine), "--map", COLUMNS="50", LINES="24", PYTHONIOENCODING="utf-8")
    assert "\x1b[1mroot bus 0000:00: memory window" in text
    lines = strip(text).splitlines()
    assert "root bus 0000:00: prefetchable memory window" in lines  # its range goes on in the next line
    assert max(map(len, lines)) <= 50


def on_terminal(file: str, *options: str, **environment: str) -> str:
    """What ``barplan show`` writes to a terminal."""
    ours, theirs = pty.openpty()
    clean = {key: value for key, value in os.environ.items() if key not in ("FORCE_COLOR", "NO_COLOR")}
    process = subprocess.Popen(
        [sys.executable, "-c", "from solver.cli import main; main()", "show", file, *options],
        stdout=theirs,
        env={**clean, "TERM": "xterm", **environment},
    )
    os.close(theirs)
    written = b""
    while True:
        try:
            chunk = os.read(ours, 65536)
        except OSError:
            break
        if not chunk:
            break
        written += chunk
    process.wait()
    os.close(ours)
    return written.decode("utf-8", "replace").replace("\r\n", "\n")


def strip(text: str) -> str:
    """Text without colour."""
    import re

    return re.sub(r"\x1b\[[0-9;]*m", "", text)
