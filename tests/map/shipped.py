"""The samples with a plan for each, as the picture tests use them."""

from __future__ import annotations

from pathlib import Path

from models.document import load_plan, load_topology
from models.plan import Plan
from models.topology import Topology
from tests.map.machines import planned_server

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / "tests" / "data" / "map"

SAMPLES = {
    "laptop-thunderbolt": ROOT / "samples" / "laptop-thunderbolt.json",
    "gpu-server-8x": ROOT / "samples" / "gpu-server-8x.json",
    "qemu-hotplug-nospace": DATA / "qemu-hotplug-nospace.json",
}
"""Golden name and topology document; the last is the capture of the sample, so that readers may read more of it."""


def sample(name: str) -> tuple[Topology, Plan]:
    """A sample and its stored plan: solvers may find another of the same worth, pictures are to be the same."""
    machine, plan = SAMPLES[name], DATA / f"{name}.plan.json"
    topology = load_topology(machine.read_text(encoding="utf-8"), source=str(machine))
    return topology, load_plan(plan.read_text(encoding="utf-8"), source=str(plan))


MACHINES = ("laptop-thunderbolt", "gpu-server-8x", "server-500")
"""What the browser looks at."""


def planned(name: str) -> tuple[Topology, Plan]:
    """A machine of :data:`MACHINES` with its plan."""
    return sample(name) if name != "server-500" else planned_server()
