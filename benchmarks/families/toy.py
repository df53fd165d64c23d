"""A handful of BARs in one root window: small enough to check by hand, or by trying everything.

``ladder``: BARs of 1, 2, 4 ... MiB behind one bridge. ``comb``: movable BARs with gaps between them, and a new one as
large as the gaps together. ``draw``: a few devices by chance, with a new one.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from benchmarks.families.devices import Kind, mem, pref
from benchmarks.families.layout import LOW
from benchmarks.families.making import NO_IO, Made, fill, finish_moves, finish_waste, new_devices, plug
from benchmarks.families.tree import Device, Host, Port, topology
from models.mobility import Policy
from models.resources import MIB, Range
from solver.request import PRESETS, Request


def _kind(*sizes: int) -> Kind:
    return Kind("ff0000", "nvme", tuple(mem(index, size * MIB) for index, size in enumerate(sizes)))


MIX = ((_kind(1), 3), (_kind(2, 1), 2), (_kind(4), 1), (Kind("ff0000", "nvme", (mem(0, MIB), pref(2, 8 * MIB))), 1))


def instances() -> Iterator[tuple[str, int, dict[str, int | str]]]:
    """Name, seed and parameters of each."""
    for size in (3, 5):
        yield f"ladder-{size}", 1, {"kind": "ladder", "size": size}
        yield f"comb-{size}", 1, {"kind": "comb", "size": size}
    for seed in (1, 2, 3):
        yield f"draw-moves-{seed}", seed, {"kind": "draw", "size": 6, "new": 1}
        yield f"draw-waste-{seed}", seed, {"kind": "draw", "size": 8, "new": 0}


def make(seed: int = 1, *, kind: str = "draw", size: int = 6, new: int = 1) -> Made:
    """A toy of this kind."""
    machine = f"toy, {kind}, seed {seed}"
    if kind == "ladder":
        device = Device.of(_kind(*(1 << step for step in range(size))))
        other = Device.of(_kind(1))
        return finish_waste([Host([Port([device, other], kinds=NO_IO)])], machine)
    if kind == "comb":
        return _comb(size, machine)
    if kind != "draw":
        raise ValueError(f"unknown kind {kind!r}, expected ladder, comb or draw")
    rng = Random(f"toy {seed} {size} {new}")
    host = Host()
    fill(rng, host, MIX, size, pinned=0.2 if new else 0.0, groups=(1, 2))
    for device in new_devices(rng, MIX, new):
        plug(rng, host, device, width=4)
    return finish_moves([host], machine) if new else finish_waste([host], machine)


def _comb(size: int, machine: str) -> Made:
    """``size`` times 1 MiB, each followed by a gap of 1 MiB; new is the largest BAR that the gaps hold together."""
    host = Host()
    for number in range(size):
        device = Device.of(_kind(1))
        device.slots[0].at = LOW + 2 * number * MIB
        host.children.append(device)
    host.children.append(Device.of(_kind(1 << (size.bit_length() - 1)), new=True))
    host.windows = {"mem": Range.of(LOW, 2 * size * MIB)}
    return Made(topology([host], machine), Request(policy=Policy.SAFE, minimize=PRESETS["moves"]))
