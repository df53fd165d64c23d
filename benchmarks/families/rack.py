"""Racks: hosts with many root ports, most with a switch of up to eight devices; 500 to 10,000 BARs.

Goals:

``boot``
    Nothing has an address; root windows have room. Minimum waste.
``waste``
    Everything has an address as firmware gives them, and may move. Minimum waste.
``waste-pinned``
    The same, but the drivers of a tenth of the devices do not survive a move.
``moves``
    Devices were plugged into ports without windows, root windows are tight, and what may move has closed all gaps
    that a tenth of immovable devices left: all new devices fit, but not without moves. Minimum moves.
``moves-full``
    As ``moves``, but two new devices of each host ask for more than its root windows hold: not all fits.
``boot-full``
    As ``boot``, but the root windows are smaller than what has to be in them: not all fits.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from random import Random

from benchmarks.families import devices as kinds
from benchmarks.families.layout import place
from benchmarks.families.making import (
    Made,
    Mix,
    fill,
    finish_boot,
    finish_moves,
    finish_waste,
    forget,
    new_devices,
    plug,
)
from benchmarks.families.tree import Host, Slot, topology
from models.mobility import Policy
from models.resources import MIB, Range, align_down
from solver.request import PRESETS, Request

GOALS = ("boot", "waste", "waste-pinned", "moves", "moves-full", "boot-full")

PINNED = ("moves", "moves-full", "waste-pinned")
"""Goals with a tenth of immovable devices."""

MIX: Mix = (
    (kinds.NVME, 5),
    (kinds.NVME_CMB, 3),
    (kinds.NIC_10G, 3),
    (kinds.NIC_100G, 2),
    (kinds.DPU, 2),
    (kinds.ACCELERATOR, 3),
    (kinds.FPGA, 2),
    (kinds.CAPTURE, 1),
    (kinds.USB, 1),
)
NEW: Mix = (
    (kinds.NVME_CMB, 3),
    (kinds.NIC_100G, 2),
    (kinds.ACCELERATOR, 2),
    (kinds.FPGA, 2),
    (kinds.CAPTURE, 1),
)

BARS_PER_HOST = 250


def instances() -> Iterator[tuple[str, int, dict[str, int | str]]]:
    """Name, seed and parameters of each."""
    for bars in (500, 2000, 10_000):
        for goal in ("boot", "waste", "waste-pinned", "boot-full"):
            yield f"{goal}-{bars}", 1, {"goal": goal, "bars": bars}
    for bars in (125, 1000, 4000):
        for goal in ("boot", "waste"):
            yield f"{goal}-{bars}", 1, {"goal": goal, "bars": bars}
    for bars, new in ((500, 30), (2000, 130), (10_000, 650)):
        for goal in ("moves", "moves-full"):
            yield f"{goal}-{bars}", 1, {"goal": goal, "bars": bars, "new": new}
    for goal, new in (("boot", 0), ("waste", 0), ("moves", 30), ("moves-full", 30)):
        for seed in (2, 3):
            yield f"{goal}-500-{seed}", seed, {"goal": goal, "bars": 500, "new": new}


def make(seed: int = 1, *, bars: int = 500, new: int = 0, goal: str = "waste", per_host: int = BARS_PER_HOST) -> Made:
    """A rack.

    Parameters
    ----------
    bars
        BARs that are there, about.
    new
        BARs of devices that were plugged in, about.
    goal
        One of :data:`GOALS`.
    per_host
        BARs of one root bus, about.
    """
    if goal not in GOALS:
        raise ValueError(f"unknown goal {goal!r}, expected one of {', '.join(GOALS)}")
    rng = Random(f"rack {seed} {bars} {new} {goal} {per_host}")
    hosts = _hosts(rng, bars, new, per_host, 0.1 if goal in PINNED else 0.0)
    machine = f"rack, {goal}, seed {seed}"
    if goal == "moves":
        return finish_moves(hosts, machine)
    if goal == "moves-full":
        return finish_moves(hosts, machine, overfill=partial(_overfill, rng))
    if goal == "boot":
        return finish_boot(hosts, machine)
    if goal == "boot-full":
        return _too_small(hosts, machine)
    return finish_waste(hosts, machine, policy=Policy.SAFE if goal in PINNED else Policy.ALWAYS)


def _hosts(rng: Random, bars: int, new: int, per_host: int, pinned: float) -> list[Host]:
    count = max(1, round(bars / per_host))
    hosts = [Host() for _ in range(count)]
    for number, host in enumerate(hosts):
        fill(rng, host, MIX, bars // count + (number < bars % count), pinned=pinned)
    for number, host in enumerate(hosts):
        for device in new_devices(rng, NEW, new // count + (number < new % count)):
            plug(rng, host, device)
    return hosts


def _overfill(rng: Random, hosts: list[Host]) -> None:
    """Let two new devices of each host ask for what the root windows do not hold together."""
    for host in hosts:
        new = [device for device in host.devices() if device.new]
        for device in rng.sample(new, min(2, len(new))):
            size = 1 << (host.windows["pref"].size.bit_length() - 2)
            device.slots = [Slot(kinds.mem(0, 4 * MIB)), Slot(kinds.pref(2, size))]


def _too_small(hosts: list[Host], machine: str) -> Made:
    """Root windows by an eighth smaller than what has to be in them, and no addresses."""
    place(hosts)
    for host in hosts:
        slots = [slot for device in host.devices() for slot in device.slots]
        for kind, range_ in host.windows.items():
            filled = sum(slot.bar.span for slot in slots if slot.at is not None and slot.at in range_)
            host.windows[kind] = Range.of(range_.start, align_down(filled * 7 // 8, MIB))
    forget(hosts)
    return Made(topology(hosts, machine), Request(policy=Policy.ALWAYS, minimize=PRESETS["waste"]))
