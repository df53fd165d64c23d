"""Network controllers with virtual functions: BARs that are repeated up to 128 times and aligned to one of them.

On some controllers the VFs are enabled now: their BARs need addresses and have none. Minimum moves.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from benchmarks.families import devices as kinds
from benchmarks.families.making import NO_IO, Made, finish_moves
from benchmarks.families.tree import Device, Host, Port, switch
from models.resources import KIB, MIB


def instances() -> Iterator[tuple[str, int, dict[str, int | str]]]:
    """Name, seed and parameters of each."""
    for nics, new in ((4, 1), (8, 2), (16, 4), (32, 6)):
        yield f"nics-{nics}", 1, {"nics": nics, "new": new}


def make(seed: int = 1, *, nics: int = 8, new: int = 2) -> Made:
    """A host with ``nics`` controllers behind switches, on ``new`` of which VFs are to be enabled."""
    rng = Random(f"sriov {seed} {nics} {new}")
    asked = set(rng.sample(range(nics), new))
    groups: list[list[Device | Port]] = []
    for number in range(nics):
        copies = rng.choice([8, 16, 31, 64, 127])
        unit = rng.choice([16 * KIB, 64 * KIB, MIB])
        blocks = (kinds.vf("vf0", unit, copies, optional=False), kinds.vf("vf3", 16 * KIB, copies, optional=False))
        physical = Device.of(kinds.NIC_10G, pinned=number not in asked and rng.random() < 0.2)
        virtual = Device.of(kinds.Kind("020000", "iavf", blocks), new=number in asked, pinned=physical.pinned)
        if number % 4 == 0:
            groups.append([])
        # Two functions stand for one, so that its own BARs have addresses while those of its VFs have none.
        groups[-1].append(Port([physical, virtual], hotplug=number in asked, kinds=NO_IO))
    ports = [switch(group) for group in groups]
    for port in ports:
        for inner in port.ports():
            inner.kinds = NO_IO
    return finish_moves([Host([*ports])], f"{nics} controllers with virtual functions, seed {seed}")
