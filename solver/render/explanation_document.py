"""An explanation as a ``barplan-explanation/1`` document."""

from __future__ import annotations

from typing import Any

from models.resources import Range, Size, Space
from models.topology import BarKey
from solver.explanation.findings import (
    Conflict,
    Explanation,
    NoAlignedBlock,
    NoArrangement,
    NoWindow,
    Part,
    TooFewBytes,
    Way,
)
from solver.render.explanation import shortage_lines, way_text

FORMAT = "barplan-explanation/1"


def explanation_document(explanation: Explanation, topology_sha256: str) -> dict[str, Any]:
    """The explanation as a ``barplan-explanation/1`` document."""
    return {
        "format": FORMAT,
        "topology_sha256": topology_sha256,
        "policy": str(explanation.policy),
        "verdict": str(explanation.verdict),
        "complete": not (explanation.out_of_time or explanation.interrupted),
        "parts": [_part_document(part) for part in explanation.parts],
    }


def _part_document(part: Part) -> dict[str, Any]:
    always = part.always
    return {
        "root_bus": part.root,
        "space": part.space,
        "verdict": str(part.verdict),
        "impossible": part.impossible,
        "unplaced": [_key(key) for key in part.unplaced],
        "bound": part.bound,
        "explained": part.explained,
        "conflicts": [_conflict_document(conflict, part.space) for conflict in part.conflicts],
        "ways": [_way_document(way, part.space) for way in part.ways],
        "always": None
        if always is None
        else {
            "verdict": str(always.verdict),
            "unplaced": always.unplaced,
            "bound": always.bound,
            "moved_bars": always.moved,
        },
    }


def _conflict_document(conflict: Conflict, space: Space) -> dict[str, Any]:
    shortage = conflict.shortage
    numbers: dict[str, Size | None] = {}
    if isinstance(shortage, TooFewBytes):
        numbers = {"needed": shortage.needed, "room": shortage.room, "short": shortage.short}
    elif isinstance(shortage, NoArrangement):
        numbers = {"needed": shortage.needed, "room": shortage.room}
    elif isinstance(shortage, NoAlignedBlock):
        numbers = {
            "needed": shortage.span,
            "alignment": shortage.needed,
            "free": shortage.free,
            "largest_block": shortage.largest,
        }
    return {
        "minimal": conflict.minimal,
        "members": [
            {
                **_key(member.key),
                "role": member.role,
                "size": hex(member.size),
                "copies": member.copies,
                "at": None if member.range is None else hex(member.range.start),
                "why": member.reason,
                "driver": member.driver,
            }
            for member in conflict.members
        ],
        "windows": [_range(window) for window in conflict.windows],
        "shortage": {
            "kind": _SHORTAGES[type(shortage)],
            **{name: None if value is None else hex(value) for name, value in numbers.items()},
            "text": " ".join(shortage_lines(conflict, space)),
        },
        "alike": [_key(key) for key in conflict.alike],
    }


_SHORTAGES = {NoWindow: "window", TooFewBytes: "bytes", NoAlignedBlock: "alignment", NoArrangement: "arrangement"}


def _way_document(way: Way, space: Space) -> dict[str, Any]:
    return {
        "kind": str(way.kind),
        "cost": way.cost,
        "proved": way.proved,
        "drivers": [{"function": function, "driver": driver} for function, driver in way.functions],
        "bars": [_key(key) for key in way.bars],
        "size": None if way.size is None else hex(way.size),
        "parameters": list(way.parameters),
        "kernels": list(way.kernels),
        "window": None if way.window is None else _range(way.window),
        "grows": None if way.grows is None else hex(way.grows),
        "at": None if way.window is None else "start" if way.at_start else "end",
        "moved_bars": way.moved,
        "options": list(way.options),
        "combines": [_way_document(part, space) for part in way.combines],
        "text": way_text(way, space),
    }


def _key(key: BarKey) -> dict[str, Any]:
    return {"function": key.function, "index": key.index}


def _range(range_: Range) -> dict[str, str]:
    return {"start": hex(range_.start), "end": hex(range_.last)}
