"""The samples with a plan for each, as the picture tests use them."""

from __future__ import annotations

from pathlib import Path

from models.document import load_plan
from models.plan import Plan
from models.sources.machine import read_machine
from models.topology import Topology

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / "tests" / "data" / "map"

SAMPLES = {
    "laptop-thunderbolt": "laptop-thunderbolt.json",
    "gpu-server-8x": "gpu-server-8x.json",
    "qemu-hotplug-nospace": "qemu-hotplug-nospace",
}
"""Golden name and sample."""


def sample(name: str) -> tuple[Topology, Plan]:
    """A sample and its stored plan: solvers may find another of the same worth, pictures are to be the same."""
    topology = read_machine([str(ROOT / "samples" / SAMPLES[name])]).topology
    file = DATA / f"{name}.plan.json"
    return topology, load_plan(file.read_text(encoding="utf-8"), source=str(file))
