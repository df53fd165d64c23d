"""What the project's kernel engine says that a kernel would do, for comparison with what it did."""

from __future__ import annotations

from models.placement import Placement
from solver.engines import engine
from solver.request import Request
from tests.kernel.record import Record

HOTPLUG = {"pciehp": "hotplug", "acpiphp": "rescan"}
"""The engine's event for each hotplug driver of the kernel. Through ACPI the kernel sizes and assigns once."""


def predicted(record: Record) -> Placement:
    """The placement that the engine of the record's kernel makes of the record's machine."""
    name = f"linux-{record.series}"
    return engine(name)(record.topology, Request(options=options(record))).plan.placement


def options(record: Record) -> dict[str, str]:
    """The event and the kernel parameters in the words of the engine's options."""
    result = {"event": "boot" if record.event == "boot" else f"{HOTPLUG[record.event]}:{record.under}"}
    for word in record.parameters.split():
        for setting in word.removeprefix("pci=").split(","):
            key, _, value = setting.partition("=")
            result[key] = value or "on"
    return result
