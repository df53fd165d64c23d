"""A plan as a ``barplan-plan/1`` document."""

from __future__ import annotations

from typing import Any

from models.plan import Plan, PlannedBar, PlannedWindow
from models.reserves import PlannedReserve
from models.resources import Range

PLAN_FORMAT = "barplan-plan/1"


def plan_document(plan: Plan) -> dict[str, Any]:
    """The document: addresses and sizes in hex, keys in the format's order, every key there.

    ``reserves`` alone is left out where there are none.
    """
    document = {
        "format": PLAN_FORMAT,
        "topology_sha256": plan.topology_sha256,
        "engine": plan.engine,
        "policy": plan.policy,
        "status": str(plan.status),
        "objectives": [
            {"name": objective.name, "value": objective.value, "bound": objective.bound}
            for objective in plan.objectives
        ],
        "bars": [_bar(bar) for bar in plan.bars],
        "windows": [_window(window) for window in plan.windows],
        "warnings": list(plan.warnings),
    }
    if plan.reserves:
        document["reserves"] = [_reserve(one) for one in plan.reserves]
    return document


def _reserve(planned: PlannedReserve) -> dict[str, Any]:
    range_ = {"start": hex(planned.range.start), "end": hex(planned.range.last)}
    return {"bridge": planned.reserve.bridge, "window": planned.reserve.kind, **range_}


def _bar(bar: PlannedBar) -> dict[str, Any]:
    return {
        "function": bar.key.function,
        "index": bar.key.index,
        "size": hex(bar.size),
        "from": None if bar.before is None else hex(bar.before),
        "to": None if bar.after is None else hex(bar.after),
        "moved": bar.moved,
        "why": bar.why,
    }


def _window(window: PlannedWindow) -> dict[str, Any]:
    return {
        "bridge": window.key.bridge,
        "window": window.key.kind,
        "from": _range(window.before),
        "to": _range(window.after),
    }


def _range(range_: Range | None) -> dict[str, str] | None:
    return None if range_ is None else {"start": hex(range_.start), "end": hex(range_.last)}
