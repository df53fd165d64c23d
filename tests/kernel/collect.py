"""Makes records of captures: folders with ``dmesg.txt`` and sysfs texts from before and after an event."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.kernel.debian import Kernel
from tests.kernel.guest import Guest, Machine
from tests.kernel.record import Record
from tests.kernel.referee import state
from tests.kernel.state import State


def collect(captures: Path, records: Path) -> list[Record]:
    """Write a record for each capture under ``captures`` that tells enough; the newest text wins."""
    records.mkdir(parents=True, exist_ok=True)
    made = []
    for folder in sorted(path.parent for path in captures.glob("*/scenario.json")):
        scenario = json.loads((folder / "scenario.json").read_text())
        for record in _records(folder, scenario):
            (records / f"{record.name}.json").write_text(record.dump())
            made.append(record)
    return made


def boot_record(name: str, release: str, parameters: str, state: State) -> Record:
    """What the kernel made at boot of what firmware had left."""
    topology = state.topology_before_assignment(name)
    return Record(name, release, parameters, "boot", None, topology, state.placement())


def plug_record(name: str, release: str, parameters: str, driver: str, before: State, after: State) -> Record:
    """What the kernel made of a device that was plugged in."""
    new = after.new_functions(before)
    under = next(parent for address in new if (parent := after.functions[address].parent) not in new)
    topology = after.topology_before_plug(before, name)
    return Record(name, release, parameters, driver, under, topology, after.placement())


def live_records(machine: Machine, kernel: Kernel) -> Iterator[Record]:
    """Boot ``machine`` and play its scenario: one record of the boot, and one for each device plugged in."""
    name = f"{machine.name}_{kernel.series}_{machine.firmware}"
    parameters = _pci_parameters(machine.parameters)
    with Guest(machine, kernel) as guest:
        before = state(guest)
        yield boot_record(name, kernel.release, parameters, before)
        if machine.prepare:
            guest.run(machine.prepare)
        for number, step in enumerate(machine.plugs):
            guest.plug(step)
            after = state(guest)
            if step.device is not None and after.new_functions(before):
                driver = "pciehp" if machine.pciehp else "acpiphp"
                yield plug_record(f"{name}_{driver}-{number}", kernel.release, parameters, driver, before, after)
            before = after


def _records(folder: Path, scenario: dict[str, Any]) -> list[Record]:
    """A boot capture has one text, a hotplug capture one from before and one from after."""
    states = {
        name: State.read(
            (folder / name / "dmesg.txt").read_text(errors="replace"), (folder / name / "resources.txt").read_text()
        )
        for name in ("before", "after")
        if (folder / name / "resources.txt").exists() and (folder / name / "dmesg.txt").exists()
    }
    release, parameters = scenario["kernel"], _pci_parameters(scenario.get("kernel_append", ""))
    name = re.sub(r"_+", "_", folder.name.replace("=", "-").replace("+", "_").replace("__live", ""))
    if folder.name.startswith("boot-"):
        return [boot_record(name, release, parameters, states["before"])]
    if folder.name.startswith("09-"):
        # The kernel placed everything at boot; the other text is a boot with a plan in the registers.
        return [boot_record(name, release, parameters, states["after"])]
    if len(states) == 2 and not folder.name.startswith("12-"):
        driver = "acpiphp" if "acpi" in scenario.get("hotplug", "").lower() else "pciehp"
        return [plug_record(name, release, parameters, driver, states["before"], states["after"])]
    return []


def _pci_parameters(line: str) -> str:
    return " ".join(word for word in line.split() if word.startswith("pci="))
