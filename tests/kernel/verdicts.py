"""What kernels said of plans, recorded: one row for each plan, and the plan made again from its row."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from functools import cache
from pathlib import Path
from typing import Any

from models.mobility import Policy
from models.placement import Placement, measure
from models.topology import BarKey, Function, Topology, WindowKey
from solver.engines import engine
from solver.request import PRESETS, Request
from solver.result import Result
from tests.kernel.guest import Machine
from tests.kernel.record import RECORDS, Record

VERDICTS = RECORDS / "verdicts.csv"
ACCEPTED, REFUSED, CRASHED = "accepted", "refused", "QEMU crashed"

TASKS = (("firmware", "waste"), ("kernel", "waste"), ("kernel", "moves"))
"""Where a plan begins (what firmware left, which is nothing in a random machine, or what the kernel made of it), and
what it minimizes."""


@dataclass(frozen=True, slots=True)
class Row:
    """One plan before the kernel.

    Attributes
    ----------
    record
        The record of the machine (in ``tests/data/kernel``), whose name tells kernel and seed.
    release
        The kernel that was asked.
    machine, topology
        Digests of what QEMU was asked to build, and of the topology that the plan is for.
    start, minimize
        One of ``TASKS``.
    values
        The plan's objectives with their values.
    bars, moved, windows
        BARs with an address in the plan, those of them that moved, and open windows.
    words
        What the kernel said against the plan, and what was elsewhere in the end.
    """

    record: str
    release: str
    machine: str
    topology: str
    engine: str
    policy: str
    start: str
    minimize: str
    status: str
    values: str
    bars: int
    moved: int
    windows: int
    verdict: str
    words: str = ""

    @property
    def task(self) -> tuple[str, str, str]:
        """What the row is about; there is one row of each."""
        return self.record, self.start, self.minimize


def read(path: Path = VERDICTS) -> list[Row]:
    """Every row of the table; none where there is no table."""
    if not path.exists():
        return []
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    counts: dict[str, Any] = {"bars": int, "moved": int, "windows": int}
    return [Row(**{name: counts.get(name, str)(text) for name, text in row.items()}) for row in rows]


def write(rows: Sequence[Row], path: Path = VERDICTS) -> None:
    """Write the table anew."""
    unfinished = path.with_suffix(".part")
    with unfinished.open("w", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        names = [field.name for field in fields(Row)]
        table.writerow(names)
        table.writerows([getattr(row, name) for name in names] for row in rows)
    unfinished.rename(path)


def incomplete(record: Record) -> bool:
    """Whether the kernel left something without an address."""
    return measure(record.topology, record.result).unplaced > 0


def tasks(record: Record) -> Iterator[tuple[str, str]]:
    """The tasks that make a plan of their own; where all is placed, the fewest moves are none."""
    for start, minimize in TASKS:
        if start == "firmware" and record.event != "boot":
            continue
        if minimize == "moves" and not incomplete(record):
            continue
        yield start, minimize


def solve(record: Record, start: str, minimize: str) -> Result:
    """The plan for one task, under policy always."""
    begin = record.topology if start == "firmware" else placed(record.topology, record.result)
    request = Request(policy=Policy.ALWAYS, minimize=PRESETS[minimize], time_limit=30)
    return engine("cp-sat")(begin, request)


def row(record: Record, machine: Machine, start: str, minimize: str, result: Result, verdict: str, words: str) -> Row:
    """The row of a plan."""
    placement = result.plan.placement
    return Row(
        record.name,
        record.release,
        machine_digest(machine),
        topology_digest(record.name),
        result.plan.engine,
        str(Policy.ALWAYS),
        start,
        minimize,
        str(result.plan.status),
        values(result),
        sum(address is not None for address in placement.bars.values()),
        result.measures.moved_bars,
        sum(range_ is not None for range_ in placement.windows.values()),
        verdict,
        words,
    )


def values(result: Result) -> str:
    """The objectives of a plan in their order: ``unplaced=0 moved_bars=2``."""
    return " ".join(f"{one.name}={one.value}" for one in result.plan.objectives)


def placed(topology: Topology, placement: Placement) -> Topology:
    """The machine with every BAR and window where ``placement`` has it."""

    def moved(function: Function) -> Function:
        bars = tuple(replace(bar, address=placement.bars[BarKey(function.address, bar.index)]) for bar in function.bars)
        bridge = function.bridge
        if bridge is not None:
            held = (
                replace(window, range=placement.windows[WindowKey(function.address, window.kind)])
                for window in bridge.windows
            )
            bridge = replace(bridge, windows=tuple(held))
        return replace(function, bars=bars, bridge=bridge)

    return topology.map_functions(moved)


def machine_digest(machine: Machine) -> str:
    """A digest of the devices and the memory that QEMU is asked for."""
    return _digest(json.dumps([machine.devices, machine.objects, machine.memory]))


@cache
def topology_digest(name: str) -> str:
    """A digest of the topology as the record has it."""
    facts = json.loads((RECORDS / f"{name}.json").read_text())
    return _digest(json.dumps(facts["topology"], sort_keys=True))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
