"""A small machine in which one BAR has to move before a new one fits, and a way to call the command."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from solver.cli import main

Run = Callable[..., Result]


def port(address: str, secondary: int, functions: list[dict[str, Any]], start: str | None, end: str | None) -> Any:
    """A PCIe port with a prefetchable window."""
    window = {"width": 64, "start": start, "end": end}
    return {
        "address": address,
        "id": "8086:1901",
        "class": "060400",
        "driver": "pcieport",
        "bridge": {
            "secondary": secondary,
            "subordinate": secondary,
            "hotplug": True,
            "windows": {"pref": window},
            "functions": functions,
        },
    }


def endpoint(address: str, driver: str | None, size: str, at: str | None) -> Any:
    """A function with one 64-bit prefetchable BAR."""
    bar = {"index": 0, "space": "mem", "size": size, "width": 64, "prefetchable": True, "address": at}
    return {"address": address, "id": "1234:5678", "class": "030200", "driver": driver, "bars": [bar]}


@pytest.fixture
def machine() -> dict[str, Any]:
    """1 GiB of prefetchable space; the new 512 MiB BAR fits only if the movable 256 MiB BAR gives way."""
    return {
        "format": "barplan-topology/1",
        "machine": "a machine of three ports",
        "root_buses": [
            {
                "domain": 0,
                "bus": 0,
                "windows": [
                    {"space": "mem", "start": "0x80000000", "end": "0x87ffffff"},
                    {"space": "mem", "start": "0x4000000000", "end": "0x403fffffff", "prefetchable": True},
                ],
                "functions": [
                    port(
                        "0000:00:01.0",
                        1,
                        [endpoint("0000:01:00.0", "mlx5_core", "32M", "0x4000000000")],
                        "0x4000000000",
                        "0x4001ffffff",
                    ),
                    port(
                        "0000:00:02.0",
                        2,
                        [endpoint("0000:02:00.0", "amdgpu", "256M", "0x4020000000")],
                        "0x4020000000",
                        "0x402fffffff",
                    ),
                    port("0000:00:03.0", 3, [endpoint("0000:03:00.0", None, "512M", None)], None, None),
                ],
            }
        ],
    }


@pytest.fixture
def save(tmp_path: Path) -> Callable[..., str]:
    """Write a document into a file of its own and return the path."""

    def write(document: object, name: str = "machine.json") -> str:
        path = tmp_path / name
        path.write_text(document if isinstance(document, str) else json.dumps(document), encoding="utf-8")
        return str(path)

    return write


@pytest.fixture
def run() -> Run:
    """Call the command in this process."""

    def invoke(*args: str, stdin: str | bytes | None = None) -> Result:
        return CliRunner().invoke(main, list(args), input=stdin, prog_name="barplan")

    return invoke
