"""The plans that repair the scenarios, put before a booting kernel as well: it claims every range, or says what not.

The registers are preset under qboot, where the kernel gives buses numbers of its own, so functions are found by their
way from the root bus. What was plugged in is there from the start.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from models.placement import Placement
from models.resources import FunctionAddress
from models.topology import BarKey, Topology, WindowKey
from tests.kernel.apply import captured, planned
from tests.kernel.apply_scenarios import Scenario
from tests.kernel.capture import play
from tests.kernel.debian import Kernel
from tests.kernel.guest import Guest, Machine
from tests.kernel.record import RECORDS
from tests.kernel.referee import referee
from tests.kernel.scenarios import EXTRA_ROOT_BUS
from tests.kernel.verdicts import ACCEPTED, REFUSED

ROWS = RECORDS / "apply-verdicts.jsonl"
NOT_ASKED = "not asked: qboot gives an extra root bus no windows"


@dataclass(frozen=True, slots=True)
class Judged:
    """The plan of one scenario before one kernel.

    Attributes
    ----------
    ranges
        BARs with an address and open windows of the plan, all of which the kernel has to claim.
    words
        What it said against the plan, and what was elsewhere in the end.
    """

    scenario: str
    kernel: str
    moved_bars: int
    ranges: int
    verdict: str
    words: tuple[str, ...] = ()


def judge_scenario(scenario: Scenario, kernel: Kernel) -> Judged:
    """Play a scenario, plan, and boot the same machine with the plan in its registers."""
    with Guest(scenario.machine, kernel) as guest:
        play(guest)
        topology = captured(guest)
    plan = planned(topology, scenario.policy)
    placement = plan.placement
    moved = sum(bar.moved for bar in plan.bars)
    ranges = sum(at is not None for at in (*placement.bars.values(), *placement.windows.values()))
    if EXTRA_ROOT_BUS in scenario.machine.devices:
        return Judged(scenario.name, kernel.series, moved, ranges, NOT_ASKED)
    machine = settled(scenario.machine)
    with Guest(machine, kernel) as guest:
        there = captured(guest)
    verdict = referee(machine, kernel, there, renamed(placement, topology, there))
    words = (*verdict.refused, *verdict.elsewhere)
    return Judged(scenario.name, kernel.series, moved, ranges, ACCEPTED if verdict.accepted else REFUSED, words)


def settled(machine: Machine) -> Machine:
    """The machine under qboot with everything in it that is there after the last plug."""
    devices = list(machine.devices)
    for plug in machine.plugs:
        if plug.remove:
            devices = [device for device in devices if f"id={plug.remove}" not in device.split(",")]
        if plug.device:
            devices.append(plug.device)
    return machine.but(devices=tuple(devices), plugs=(), parameters="", prepare="", firmware="qboot")


def ways(topology: Topology) -> Iterator[tuple[tuple[str, ...], FunctionAddress]]:
    """Each function with the devices and functions that lead to it from the root bus."""
    known: dict[FunctionAddress, tuple[str, ...]] = {}
    for function, bus in topology.functions():
        above = (bus.root.name,) if bus.bridge is None else known[bus.bridge.address]
        known[function.address] = (*above, function.address.rpartition(":")[2])
        yield known[function.address], function.address


def renamed(placement: Placement, topology: Topology, there: Topology) -> Placement:
    """The placement of one machine for the same machine with other bus numbers."""
    numbered = dict(ways(there))
    name = {address: numbered[way] for way, address in ways(topology)}
    return Placement(
        {BarKey(name[key.function], key.index): at for key, at in placement.bars.items()},
        {WindowKey(name[key.bridge], key.kind): held for key, held in placement.windows.items()},
    )


def rows() -> list[dict[str, Any]]:
    """The rows of the table; none where there is no table."""
    return [json.loads(line) for line in ROWS.read_text().splitlines()] if ROWS.exists() else []


def keep_judged(found: Judged) -> None:
    """Put a row in the place of that of the same scenario and kernel."""
    mine = (found.scenario, found.kernel)
    others = [row for row in rows() if (row["scenario"], row["kernel"]) != mine]
    kept = sorted([*others, json.loads(json.dumps(asdict(found)))], key=lambda row: (row["scenario"], row["kernel"]))
    ROWS.write_text("".join(json.dumps(row) + "\n" for row in kept))
