"""What a real kernel did once: the machine before, the event, and where everything was afterwards."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.document import load_topology, topology_document
from models.placement import Placement
from models.resources import FunctionAddress, Range
from models.topology import BarIndex, BarKey, Topology, WindowKey

RECORDS = Path(__file__).parents[1] / "data" / "kernel"
FORMAT = "barplan-kernel-record/1"


@dataclass(frozen=True, slots=True)
class Record:
    """One assignment by a kernel.

    Attributes
    ----------
    parameters
        The kernel's command line as far as it concerns PCI (``pci=realloc``), or ``""``.
    event
        ``boot``, ``pciehp`` or ``acpiphp``.
    under
        The port below which something was plugged in; ``None`` for a boot.
    topology
        The machine when the kernel began to assign: registers as firmware left them, or the state before the plug.
    result
        Where the kernel had everything in the end.
    """

    name: str
    release: str
    parameters: str
    event: str
    under: FunctionAddress | None
    topology: Topology
    result: Placement

    @property
    def series(self) -> str:
        """``6.12`` of ``6.12.117+deb12-amd64``."""
        return ".".join(self.release.split(".")[:2])

    def dump(self) -> str:
        """The record as a JSON document, one part a line."""
        facts: dict[str, Any] = {
            "format": FORMAT,
            "release": self.release,
            "parameters": self.parameters,
            "event": self.event,
            "under": self.under,
            "bars": {
                f"{key.function} {key.index}": hex(address)
                for key, address in self.result.bars.items()
                if address is not None
            },
            "windows": {
                f"{key.bridge} {key.kind}": f"{range_.start:#x}-{range_.last:#x}"
                for key, range_ in self.result.windows.items()
                if range_ is not None
            },
            "topology": topology_document(self.topology),
        }
        lines = (f"{json.dumps(key)}: {json.dumps(value, separators=(',', ':'))}" for key, value in facts.items())
        return "{\n" + ",\n".join(lines) + "\n}\n"

    @classmethod
    def load(cls, path: Path) -> Record:
        """Read a record that :meth:`dump` wrote."""
        facts = json.loads(path.read_text())
        if facts["format"] != FORMAT:
            raise ValueError(f"{path}: expected {FORMAT}, found {facts['format']}")
        topology = load_topology(json.dumps(facts["topology"]), path.name)
        bars: dict[BarKey, int | None] = {key: None for key, _ in topology.bars()}
        for text, address in facts["bars"].items():
            function, index = text.split()
            bars[BarKey(FunctionAddress(function), _index(index))] = int(address, 16)
        windows: dict[WindowKey, Range | None] = {key: None for key, _ in topology.windows()}
        for text, held in facts["windows"].items():
            bridge, kind = text.split()
            start, last = (int(part, 16) for part in held.split("-"))
            windows[WindowKey(FunctionAddress(bridge), kind)] = Range.inclusive(start, last)
        return cls(
            path.stem,
            facts["release"],
            facts["parameters"],
            facts["event"],
            facts["under"],
            topology,
            Placement(bars, windows),
        )


def _index(text: str) -> BarIndex:
    return int(text) if text.isdigit() else text


def recorded() -> list[Path]:
    """Every record in the repository."""
    return sorted(RECORDS.glob("*.json"))
