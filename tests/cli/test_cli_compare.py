"""``compare`` with every kind of engine: which rules are broken, the free space of every root window, the logs."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tests.cli.conftest import Run

ENGINES = "cp-sat,linux-6.1,linux-7,movable-bars,coreboot"


def rows(text: str) -> dict[str, str]:
    """The lines of the table by their first word."""
    table = text.partition("\n\n")[0].splitlines()[1:]
    return {line.split()[0]: line for line in table}


def test_all_engines_side_by_side(run: Run, save: Callable[..., str], machine: dict[str, Any]) -> None:
    """Every BAR may move: the greedy that moves all places all of them, like cp-sat; the kernel's does not."""
    result = run("compare", save(machine), "--engines", ENGINES, "--policy", "always")
    assert result.exit_code == 0
    table = rows(result.stdout)
    assert list(table) == ["today", *ENGINES.split(",")]
    unplaced = {name: line.split()[1] for name, line in table.items()}
    assert unplaced == {
        "today": "1",
        "cp-sat": "0",
        "linux-6.1": "1",
        "linux-7": "1",
        "movable-bars": "0",
        "coreboot": "0",
    }


def test_rules_that_an_engine_breaks_are_counted_and_told(
    run: Run, save: Callable[..., str], machine: dict[str, Any]
) -> None:
    """From scratch 512 and 256 MiB fill a root window of 768, and nothing is left for the 32 MiB that worked."""
    windows = machine["root_buses"][0]["windows"]
    windows[:] = [{**windows[1], "end": "0x402fffffff"}]
    result = run("compare", save(machine), "--engines", "coreboot", "--policy", "always")
    assert "no: 1 kept" in rows(result.stdout)["coreboot"]
    assert "Rules that coreboot breaks (1)\n  kept: 0000:01:00.0 BAR 0 4000000000-4001ffffff loses" in result.stdout


def test_json_has_the_free_space_of_every_root_window(
    run: Run, save: Callable[..., str], machine: dict[str, Any]
) -> None:
    """After coreboot 32M@0 is where it was, 256M goes to 256M, 512M to 512M: 128M at 128M are free."""
    document = json.loads(run("compare", save(machine), "--engines", "coreboot", "--json").stdout)
    assert document["today"]["free_space"] == [
        {
            "root_bus": "0000:00",
            "space": "mem",
            "start": "0x80000000",
            "end": "0x87ffffff",
            "prefetchable": False,
            "free": "0x8000000",
            "largest_block": "0x8000000",
        },
        {
            "root_bus": "0000:00",
            "space": "mem",
            "start": "0x4000000000",
            "end": "0x403fffffff",
            "prefetchable": True,
            "free": hex((1 << 30) - (32 << 20) - (256 << 20)),
            "largest_block": hex(256 << 20),
        },
    ]
    (row,) = document["engines"]
    assert row["largest_block"] == hex(128 << 20)
    assert [space["free"] for space in row["free_space"]] == [hex(128 << 20), hex(224 << 20)]
    assert "log" not in row


def test_logs_are_shown_on_demand(run: Run, save: Callable[..., str], machine: dict[str, Any]) -> None:
    path = save(machine)
    text = run("compare", path, "--engines", "linux-6.1,movable-bars,coreboot", "-v").stdout
    for name in ("linux-6.1", "movable-bars", "coreboot"):
        assert f"Log of {name}\n" in text
    document = json.loads(run("compare", path, "--engines", "coreboot", "--json", "-v").stdout)
    assert any("free mem range" in line for line in document["engines"][0]["log"])
