"""Switches behind switches, three to six levels deep, with a device or two on each level.

A device is plugged in at the far end, so that the windows of every level have to grow. Minimum moves; or minimum waste
with nothing new.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from benchmarks.families import devices as kinds
from benchmarks.families.making import NO_IO, Made, Mix, draw, finish_moves, finish_waste
from benchmarks.families.tree import Device, Host, Port

MIX: Mix = (
    (kinds.NVME, 3),
    (kinds.NVME_CMB, 2),
    (kinds.NIC_10G, 2),
    (kinds.DPU, 1),
    (kinds.FPGA, 1),
    (kinds.ACCELERATOR, 1),
)


def instances() -> Iterator[tuple[str, int, dict[str, int | str]]]:
    """Name, seed and parameters of each."""
    for levels in (3, 4, 5, 6):
        for goal in ("moves", "waste"):
            yield f"{goal}-{levels}", levels, {"levels": levels, "goal": goal}


def make(seed: int = 1, *, levels: int = 3, goal: str = "moves") -> Made:
    """Two root ports with ``levels`` levels of switches each; ``goal`` is ``moves`` or ``waste``."""
    if goal not in ("moves", "waste"):
        raise ValueError(f"unknown goal {goal!r}, expected moves or waste")
    rng = Random(f"deep-switch {seed} {levels} {goal}")
    host = Host([_level(rng, levels, goal == "moves" and number == 0) for number in range(2)])
    machine = f"switches {levels} deep, seed {seed}"
    return finish_moves([host], machine) if goal == "moves" else finish_waste([host], machine)


def _level(rng: Random, levels: int, plug: bool) -> Port:
    """A port with a switch: devices, and the next level behind the last of its ports."""
    down: list[Device | Port] = [
        Port([Device.of(draw(rng, MIX), pinned=rng.random() < 0.1)], kinds=NO_IO) for _ in range(rng.choice([1, 2, 3]))
    ]
    if levels > 1:
        down.append(Port([_level(rng, levels - 1, plug)], kinds=NO_IO))
    elif plug:
        down.append(Port([Device.of(kinds.ACCELERATOR, new=True)], hotplug=True, kinds=NO_IO))
    return Port(down, kinds=NO_IO)
