"""Servers: two to four root buses with network controllers, host bus adapters, drives and a board controller.

Devices worth a few BARs are plugged in; half of the network controllers may not move. Root windows have a tenth to
spare. Minimum moves, or minimum waste with nothing new.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from random import Random

from benchmarks.families import devices as kinds
from benchmarks.families.making import Made, Mix, fill, finish_moves, finish_waste, new_devices, plug
from benchmarks.families.tree import Device, Host, Port
from models.resources import WINDOW_KINDS

MIX: Mix = ((kinds.NIC_10G, 3), (kinds.NIC_1G, 2), (kinds.HBA, 2), (kinds.NVME, 4), (kinds.NVME_CMB, 1), (kinds.DPU, 1))
NEW: Mix = ((kinds.NIC_100G, 2), (kinds.HBA, 1), (kinds.NVME_CMB, 1), (kinds.FPGA, 1))


def instances() -> Iterator[tuple[str, int, dict[str, int | str]]]:
    """Name, seed and parameters of each."""
    for seed, (hosts, bars) in enumerate(((2, 40), (2, 80), (4, 80), (4, 160)), 1):
        yield f"moves-{bars}-{hosts}", seed, {"hosts": hosts, "bars": bars, "new": bars // 16}
        yield f"waste-{bars}-{hosts}", seed, {"hosts": hosts, "bars": bars, "new": 0}


def make(seed: int = 1, *, hosts: int = 2, bars: int = 40, new: int = 3) -> Made:
    """A server with this many root buses, BARs and new BARs, about; with nothing new the aim is minimum waste."""
    rng = Random(f"server {seed} {hosts} {bars} {new}")
    roots = [Host() for _ in range(hosts)]
    roots[0].children += [Device.of(kinds.USB, pinned=True), Port([Device.of(kinds.BMC, pinned=True)])]
    for root in roots:
        fill(rng, root, MIX, bars // hosts, pinned=0.25, groups=(1, 1, 2, 4), kinds=WINDOW_KINDS)
    for device in new_devices(rng, NEW, new):
        plug(rng, rng.choice(roots), device, kinds=WINDOW_KINDS)
    if new:
        return finish_moves(roots, f"server, seed {seed}", room=Fraction(11, 10))
    return finish_waste(roots, f"server, seed {seed}")
