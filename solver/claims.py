"""What a plan document says of itself, recomputed: each function is one kind of claim."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from models.drivers import BUILT_IN, DriverTable
from models.legality import check
from models.placement import measure
from models.plan import Plan, Status
from models.reserves import STAND_IN, with_addresses, with_stand_ins
from models.resources import format_range
from models.topology import Topology


def false_claims(
    plan: Plan, topology: Topology, weights: Mapping[str, int] | None = None, drivers: DriverTable = BUILT_IN
) -> Iterator[str]:
    """Every claim of ``plan`` about ``topology`` that is not so, one line each.

    Parameters
    ----------
    weights
        The costs of preparing drivers that the plan was made with.
    drivers
        The table of drivers that it was made with.
    """
    yield from _bars_are_the_machines(plan, topology)
    yield from _windows_are_the_machines(plan, topology)
    yield from _values_are_right(plan, topology, weights, drivers)
    yield from _reserves_are_free(plan, topology)
    yield from _bounds_make_sense(plan)


def _bars_are_the_machines(plan: Plan, topology: Topology) -> Iterator[str]:
    """``bars`` lists every BAR, with the address it has today and its size, or one it supports."""
    bars = dict(topology.bars())
    for key in sorted(set(bars) - {bar.key for bar in plan.bars}, key=str):
        yield f"{key} is not listed"
    for planned in plan.bars:
        bar = bars.get(planned.key)
        if bar is None:
            yield f"{planned.key} is listed and the machine has no such BAR"
            continue
        if planned.size != bar.size and planned.size not in bar.sizes:
            yield f"{planned.key} is listed with size {planned.size:#x} and has {bar.size:#x}"
        if planned.before != bar.address:
            yield f"{planned.key} is listed as being at {_hex(planned.before)} and is at {_hex(bar.address)}"


def _windows_are_the_machines(plan: Plan, topology: Topology) -> Iterator[str]:
    """``windows`` lists every bridge window that is open today, with its range."""
    windows = dict(topology.windows())
    listed = {window.key for window in plan.windows}
    for key, window in windows.items():
        if window.range is not None and key not in listed:
            yield f"{key} is open today and not listed"
    for planned in plan.windows:
        today = windows.get(planned.key)
        if today is None:
            yield f"{planned.key} is listed and the machine has no such window"
        elif today.range != planned.before:
            was, is_ = format_range(planned.before), format_range(today.range)
            yield f"{planned.key} is listed as {was} and is {is_}"


def _values_are_right(
    plan: Plan, topology: Topology, weights: Mapping[str, int] | None, drivers: DriverTable
) -> Iterator[str]:
    """Each objective has the value that the placement is worth; reserves count as content of windows."""
    measures = measure(topology, plan.placement, weights, drivers)
    if plan.reserves:
        filled = with_stand_ins(topology, [one.reserve for one in plan.reserves])
        content = measure(filled, with_addresses(plan.placement, plan.reserves), weights, drivers)
        measures = replace(measures, wasted_bytes=content.wasted_bytes)
    for objective in plan.objectives:
        if not hasattr(measures, objective.name):
            yield f"objective {objective.name} is unknown"
        elif objective.value != measures.value(objective.name):
            yield f"{objective.name} is said to be {objective.value} and is {measures.value(objective.name)}"


def _reserves_are_free(plan: Plan, topology: Topology) -> Iterator[str]:
    """Every reserve lies in windows of its bridge, and nothing else is there."""
    if not plan.reserves:
        return
    bridges = {function.address for function, _ in topology.functions() if function.bridge is not None}
    for one in plan.reserves:
        if one.reserve.bridge not in bridges:
            yield f"{one.reserve.bridge} has a reserve and is no bridge"
    filled = with_stand_ins(topology, [one.reserve for one in plan.reserves])
    for breach in check(filled, with_addresses(plan.placement, plan.reserves)):
        if any(party.startswith(STAND_IN) for party in breach.parties):
            yield breach.message


def _bounds_make_sense(plan: Plan) -> Iterator[str]:
    """No bound lies above its value, and an optimal plan proves every objective."""
    for objective in plan.objectives:
        if objective.value is not None and objective.bound is not None and objective.bound > objective.value:
            yield f"{objective.name} is {objective.value}, below its bound {objective.bound}"
        elif plan.status is Status.OPTIMAL and not objective.proved:
            yield f"the status is optimal and {objective.name} is not proved"


def _hex(value: int | None) -> str:
    return "no address" if value is None else f"{value:#x}"
