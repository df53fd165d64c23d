"""Enclosures of drives: 24 to 96 NVMe drives behind two levels of switches, some with a controller memory buffer.

A few drives with a buffer are added in empty bays. Minimum moves, or minimum waste with nothing new.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from benchmarks.families import devices as kinds
from benchmarks.families.making import NO_IO, Made, finish_moves, finish_waste
from benchmarks.families.tree import Device, Host, Port

BAYS = 12
"""Drives behind one switch."""


def instances() -> Iterator[tuple[str, int, dict[str, int | str]]]:
    """Name, seed and parameters of each."""
    for drives, new in ((24, 2), (48, 4), (96, 6)):
        yield f"moves-{drives}", 1, {"drives": drives, "new": new}
        yield f"waste-{drives}", 1, {"drives": drives, "new": 0}


def make(seed: int = 1, *, drives: int = 24, new: int = 2) -> Made:
    """An enclosure; with nothing new the aim is minimum waste."""
    rng = Random(f"jbof {seed} {drives} {new}")
    added = set(rng.sample(range(drives), new))
    leaves = []
    for first in range(0, drives, BAYS):
        bays: list[Device | Port] = []
        for number in range(first, min(first + BAYS, drives)):
            kind = kinds.NVME_CMB if number in added or rng.random() < 0.3 else kinds.NVME
            drive = Device.of(kind, new=number in added, pinned=rng.random() < 0.05)
            bays.append(Port([drive], hotplug=True, kinds=NO_IO))
        leaves.append(Port([Port(bays, kinds=NO_IO)], kinds=NO_IO))
    half = -(-len(leaves) // 2)
    host = Host([Port([Port([*part], kinds=NO_IO)], kinds=NO_IO) for part in (leaves[:half], leaves[half:]) if part])
    machine = f"enclosure of {drives} drives, seed {seed}"
    return finish_moves([host], machine) if new else finish_waste([host], machine)
