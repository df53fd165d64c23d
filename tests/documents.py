"""A topology document of every kind of object, to be changed in one place by a test."""

from __future__ import annotations

import json
from typing import Any

from models.document import load_topology
from models.topology import Topology


def document() -> dict[str, Any]:
    """A small machine that uses every kind of object."""
    return {
        "format": "barplan-topology/1",
        "machine": "a small machine",
        "root_buses": [
            {
                "domain": 0,
                "bus": 0,
                "windows": [
                    {"space": "io", "start": "0x0", "end": "0xffff"},
                    {"space": "mem", "start": "0x80000000", "end": "0xfebfffff"},
                ],
                "functions": [
                    {
                        "address": "0000:00:01.0",
                        "driver": "pcieport",
                        "bridge": {
                            "secondary": 1,
                            "windows": {
                                "io": {"start": None, "end": None},
                                "mem": {"start": "0x80000000", "end": "0x810fffff"},
                                "pref": {"width": 32, "start": "0x90000000", "end": "0x900fffff"},
                            },
                            "functions": [
                                {
                                    "address": "0000:01:00.0",
                                    "driver": None,
                                    "bars": [
                                        {"index": 0, "space": "mem", "size": "16M", "address": "0x80000000"},
                                        {"index": "vf0", "space": "mem", "size": "64K", "copies": 8},
                                    ],
                                }
                            ],
                        },
                    }
                ],
            }
        ],
        "reserved": [{"space": "mem", "start": "0xfec00000", "end": "0xfec003ff", "what": "IOAPIC 0"}],
    }


def load(content: object) -> Topology:
    return load_topology(json.dumps(content), "m.json")


def at(content: Any, path: str) -> tuple[Any, Any]:
    """The object that holds the last part of a JSON path, and that part."""
    parts: list[Any] = [
        int(part) if part.isdigit() else part for part in path.replace("[", ".").replace("]", "").split(".")
    ]
    for part in parts[:-1]:
        content = content[part]
    return content, parts[-1]


def with_value(path: str, value: object) -> dict[str, Any]:
    content = document()
    holder, last = at(content, path)
    holder[last] = value
    return content


def without(path: str) -> dict[str, Any]:
    content = document()
    holder, last = at(content, path)
    del holder[last]
    return content


FUNCTION = "root_buses[0].functions[0].bridge.functions[0]"
BAR = f"{FUNCTION}.bars[0]"
