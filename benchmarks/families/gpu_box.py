"""Boxes with eight GPUs of 64 to 256 GiB, two behind each switch with a network controller and drives.

``grow``: one GPU is taken out and one with a BAR twice as large plugged in instead; the root window holds all, once
others move. ``boot``: nothing has an address yet, the aim is minimum waste.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from benchmarks.families import devices as kinds
from benchmarks.families.making import NO_IO, Made, finish_boot, finish_moves
from benchmarks.families.tree import Device, Host, Port, switch
from models.resources import GIB

SWITCHES = 4


def instances() -> Iterator[tuple[str, int, dict[str, int | str]]]:
    """Name, seed and parameters of each."""
    for gib in (64, 128, 256):
        for goal in ("grow", "boot"):
            yield f"{goal}-{gib}", 1, {"gib": gib, "goal": goal, "hosts": 1}
    yield "grow-128-two-hosts", 2, {"gib": 128, "goal": "grow", "hosts": 2}
    yield "boot-mixed", 3, {"gib": 0, "goal": "boot", "hosts": 1}


def make(seed: int = 1, *, gib: int = 64, goal: str = "grow", hosts: int = 1) -> Made:
    """A box.

    Parameters
    ----------
    gib
        GiB of the largest BAR of each GPU; 0 = 64, 128 or 256, drawn.
    goal
        ``grow`` or ``boot``.
    hosts
        Root buses among which the switches are divided.
    """
    if goal not in ("grow", "boot"):
        raise ValueError(f"unknown goal {goal!r}, expected grow or boot")
    rng = Random(f"gpu-box {seed} {gib} {goal} {hosts}")
    roots = [Host() for _ in range(hosts)]
    grown = rng.randrange(SWITCHES) if goal == "grow" else None
    for number in range(SWITCHES):
        sizes = [(gib or rng.choice([64, 128, 256])) * GIB for _ in range(2)]
        group: list[Device | Port] = [Device.of(_movable(size)) for size in sizes]
        if number == grown:
            group[1] = Port([Device.of(kinds.gpu(2 * sizes[1]), new=True)], hotplug=True, kinds=NO_IO)
        group += [Device.of(kinds.DPU, pinned=rng.random() < 0.25), Device.of(kinds.NVME), Device.of(kinds.NVME_CMB)]
        port = switch(group)
        for inner in port.ports():
            inner.kinds = NO_IO
        roots[number % hosts].children.append(port)
    machine = f"box with eight GPUs, seed {seed}"
    return finish_moves(roots, machine) if goal == "grow" else finish_boot(roots, machine)


def _movable(size: int) -> kinds.Kind:
    """A GPU with a driver that survives a move."""
    return kinds.Kind("030200", "amdgpu", kinds.gpu(size).bars)
