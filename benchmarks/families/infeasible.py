"""Machines in which not everything fits, for one of three reasons; the proof is what is asked for.

``volume``
    The new BARs have more bytes than the root windows have left.
``pins``
    There are bytes enough, but immovable BARs leave no aligned block that is large enough.
``shape``
    There are bytes enough and nothing is immovable, but alignment and granularity waste them.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from benchmarks.families.devices import Kind, mem, pref
from benchmarks.families.layout import LOW
from benchmarks.families.making import NO_IO, Made, fill, finish_moves, new_devices, plug
from benchmarks.families.rack import MIX, NEW
from benchmarks.families.tree import Device, Host, Port, Slot, topology
from models.mobility import Policy
from models.resources import MIB, Range
from solver.request import PRESETS, Request


def instances() -> Iterator[tuple[str, int, dict[str, int | str]]]:
    """Name, seed and parameters of each."""
    for why in ("volume", "pins", "shape"):
        for bars in (20, 60, 120):
            yield f"{why}-{bars}", 1, {"why": why, "bars": bars}


def make(seed: int = 1, *, why: str = "volume", bars: int = 20) -> Made:
    """A machine in which not everything fits because of ``why``."""
    rng = Random(f"infeasible {seed} {why} {bars}")
    machine = f"does not fit ({why}), seed {seed}"
    if why == "volume":
        return _volume(rng, bars, machine)
    if why == "pins":
        return _pins(bars, machine)
    if why == "shape":
        return _shape(bars, machine)
    raise ValueError(f"unknown reason {why!r}, expected volume, pins or shape")


def _volume(rng: Random, bars: int, machine: str) -> Made:
    host = Host()
    fill(rng, host, MIX, bars, pinned=0.1)
    for device in new_devices(rng, NEW, max(2, bars // 15)):
        plug(rng, host, device)

    def overfill(hosts: list[Host]) -> None:
        device = next(device for device in hosts[0].devices() if device.new)
        size = 1 << hosts[0].windows["pref"].size.bit_length()
        device.slots = [Slot(pref(0, size))]

    return finish_moves([host], machine, overfill=overfill)


def _pins(bars: int, machine: str) -> Made:
    """Every eighth 1 MiB of the root window is an immovable BAR; 8 MiB are asked for, and 7 of 8 are movable."""
    host = Host()
    for number in range(bars):
        pinned = number % 8 == 3
        device = Device.of(Kind("ff0000", "nvme", (mem(0, MIB),)), pinned=pinned)
        device.slots[0].at = LOW + number * MIB
        host.children.append(device)
    host.children.append(Port([Device.of(Kind("ff0000", "nvme", (mem(0, 8 * MIB),)), new=True)], kinds=NO_IO))
    host.windows = {"mem": Range.of(LOW, -(-bars // 8) * 8 * MIB)}
    for device in list(host.devices())[:-1]:  # half of what may move is gone, so that bytes are not the reason
        if not device.pinned and int(device.slots[0].at or 0) // MIB % 2:
            host.children.remove(device)
    return _asked([host], machine)


def _shape(bars: int, machine: str) -> Made:
    """Ports with a BAR of 2 MiB and one of 64 KiB each: 3 MiB of window, of which an aligned 4 MiB holds but one.

    Windows of 3 MiB that have to begin or to end on 2 MiB go by twos into 6 MiB; the root window has room for all but
    the last one, and bytes enough for its BARs.
    """
    host, ports = Host(), bars // 2 // 2 * 2
    kind = Kind("ff0000", "nvme", (mem(0, 2 * MIB), mem(2, MIB // 16)))
    for number in range(ports):
        device = Device.of(kind, new=number == ports - 1)
        start = LOW + number // 2 * 6 * MIB + (number % 2) * 3 * MIB
        port = Port([device], kinds=NO_IO)
        if not device.new:
            # First the small one at the end of its window, then at the start of the next.
            device.slots[0].at = start if number % 2 == 0 else start + MIB
            device.slots[1].at = start + 2 * MIB if number % 2 == 0 else start
            port.windows["mem"] = Range.of(start, 3 * MIB)
        host.children.append(port)
    host.windows = {"mem": Range.of(LOW, (3 * ports - 1) * MIB)}
    return _asked([host], machine)


def _asked(hosts: list[Host], machine: str) -> Made:
    return Made(topology(hosts, machine), Request(policy=Policy.SAFE, minimize=PRESETS["moves"]))
