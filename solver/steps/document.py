"""Steps as a document, ``barplan-steps/1``: for programs."""

from __future__ import annotations

import re
from typing import Any

from models.resources import Range
from solver.steps.access import transaction_text
from solver.steps.step import (
    Bind,
    ClaimWindow,
    DecodeOn,
    RegisterWrite,
    Rescan,
    Step,
    Steps,
    Transaction,
    Unbind,
    Verify,
)

STEPS_FORMAT = "barplan-steps/1"


def steps_document(steps: Steps) -> dict[str, Any]:
    """The document: numbers in hex, ranges with inclusive ends, as in plans."""
    return {
        "format": STEPS_FORMAT,
        "topology_sha256": steps.topology_sha256,
        "route": steps.route,
        "worst": steps.worst,
        "exact": steps.exact,
        "limits": steps.limits,
        "notes": list(steps.notes),
        "groups": [
            {
                "title": group.title,
                "why": group.why,
                "down": list(group.down),
                "new": list(group.new),
                "steps": [step_document(step) for step in group.steps],
            }
            for group in steps.groups
        ],
    }


def step_document(step: Step) -> dict[str, Any]:
    """One step: its kind under ``step``, and what it is about."""
    kind = {"step": re.sub(r"(?<=[a-z])(?=[A-Z])", "-", type(step).__name__).lower()}
    match step:
        case Unbind(function, driver) | Bind(function, driver):
            return {**kind, "function": function, "driver": driver}
        case DecodeOn(function, bits, restore):
            return {**kind, "function": function, "bits": hex(bits), "restore": restore}
        case Rescan(bridge):
            return {**kind, "bridge": bridge}
        case RegisterWrite():
            return {**kind, **_write(step)}
        case Transaction(claims, writes):
            windows = [claim for claim in claims if isinstance(claim, ClaimWindow)]
            bars = [claim for claim in claims if not isinstance(claim, ClaimWindow)]
            return {
                **kind,
                "text": transaction_text(step),
                "windows": [
                    {
                        "bridge": claim.key.bridge,
                        "window": claim.key.kind,
                        "from": _range(claim.before),
                        "to": _range(claim.after),
                    }
                    for claim in windows
                ],
                "bars": [
                    {
                        "function": claim.key.function,
                        "index": claim.key.index,
                        "from": _range(claim.before),
                        "to": _range(claim.after),
                    }
                    for claim in bars
                ],
                "writes": [_write(write) for write in writes],
            }
        case Verify(bars_, windows_):
            return {
                **kind,
                "bars": [
                    {"function": key.function, "index": key.index, "address": None if at is None else hex(at)}
                    for key, at in bars_.items()
                ],
                "windows": [
                    {"bridge": window.bridge, "window": window.kind, "range": _range(range_)}
                    for window, range_ in windows_.items()
                ],
            }
    subject = getattr(step, "function", None)
    return kind if subject is None else {**kind, "function": subject}


def _write(write: RegisterWrite) -> dict[str, Any]:
    register = write.register
    return {
        "function": register.function,
        "capability": register.capability,
        "offset": hex(register.offset),
        "width": register.width,
        "old": None if write.old is None else hex(write.old),
        "mask": hex(write.mask),
        "value": hex(write.value),
        "what": write.what,
    }


def _range(range_: Range | None) -> dict[str, str] | None:
    return None if range_ is None else {"start": hex(range_.start), "end": hex(range_.last)}
