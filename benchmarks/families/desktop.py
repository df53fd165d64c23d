"""Desktops: one root bus, a graphics card, drives, and devices of the board itself that may not move.

One device is plugged into an empty slot for which firmware kept no room: an NVMe drive, a network controller, a
graphics card or a capture card. Root windows have a quarter of their size to spare. Minimum moves.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from random import Random

from benchmarks.families import devices as kinds
from benchmarks.families.making import Made, finish_moves
from benchmarks.families.tree import Device, Host, Port, switch

NEW = {"nvme": kinds.NVME, "nic": kinds.NIC_1G, "gpu": kinds.GRAPHICS_8G, "capture": kinds.CAPTURE}


def instances() -> Iterator[tuple[str, int, dict[str, int | str]]]:
    """Name, seed and parameters of each."""
    for new in NEW:
        for seed in (1, 2):
            yield f"{new}-{seed}", seed, {"new": new}


def make(seed: int = 1, *, new: str = "nvme") -> Made:
    """A desktop with one device of :data:`NEW` plugged in."""
    rng = Random(f"desktop {seed} {new}")
    host = Host()
    for kind in (kinds.USB, kinds.SATA, kinds.SOUND):
        host.children.append(Device.of(kind, pinned=True))
    host.children.append(Port([Device.of(rng.choice([kinds.GRAPHICS, kinds.GRAPHICS_8G])), Device.of(kinds.SOUND)]))
    for _ in range(rng.choice([1, 2, 3])):
        host.children.append(Port([Device.of(kinds.NVME)]))
    behind = [Device.of(kinds.NIC_1G, pinned=rng.random() < 0.5), Device.of(kinds.USB, pinned=rng.random() < 0.5)]
    chipset = switch([*behind, Device.of(kinds.SATA), Device.of(kinds.NVME)])
    host.children.insert(rng.choice([3, 4]), chipset)
    slot = Port([Device.of(NEW[new], new=True)], hotplug=True)
    where = rng.choice(["root", "chipset"])
    if where == "root":
        host.children.append(slot)
    else:
        up = chipset.children[0]
        assert isinstance(up, Port)
        up.children.append(slot)
    return finish_moves([host], f"desktop, {new} in a slot, seed {seed}", room=Fraction(5, 4))
