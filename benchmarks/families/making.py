"""What families have in common: hosts filled with devices, devices plugged in, and the three ways to finish one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from random import Random

from benchmarks.families.devices import Kind
from benchmarks.families.layout import place, remove_new
from benchmarks.families.tree import Device, Host, Port, switch, topology
from models.mobility import Policy
from models.placement import Placement
from models.resources import IO_REACH, MIB, Range, WindowKind, align_up
from models.topology import Topology
from solver.request import PRESETS, Request

Mix = Sequence[tuple[Kind, int]]
"""Kinds of devices with their weights."""

NO_IO: tuple[WindowKind, ...] = ("mem", "pref")

LOW_END = 0xFEC0_0000
"""Where memory below 4 GiB ends: the I/O APIC."""


@dataclass(frozen=True, slots=True)
class Made:
    """An instance.

    Attributes
    ----------
    known
        A legal plan that places everything, where the generator knows one.
    """

    topology: Topology
    request: Request
    known: Placement | None = None


def draw(rng: Random, mix: Mix) -> Kind:
    """A kind of device, by weight."""
    return rng.choices([kind for kind, _ in mix], [weight for _, weight in mix])[0]


def fill(
    rng: Random,
    host: Host,
    mix: Mix,
    bars: int,
    *,
    pinned: float = 0.0,
    groups: Sequence[int] = (1, 4, 8),
    kinds: tuple[WindowKind, ...] = NO_IO,
) -> None:
    """Root ports with one device, or a switch with one of ``groups``, until there are enough BARs.

    Parameters
    ----------
    pinned
        Share of devices that may not move.
    """
    made = 0
    while made < bars:
        group: list[Device | Port] = []
        for _ in range(rng.choice(groups)):
            if made >= bars:
                break
            device = Device.of(draw(rng, mix), pinned=rng.random() < pinned)
            made += len(device.slots)
            group.append(device)
        port = Port(group) if len(group) == 1 else switch(group)
        for inner in port.ports():
            inner.kinds = kinds
        host.children.append(port)


def plug(rng: Random, host: Host, device: Device, *, width: int = 12, kinds: tuple[WindowKind, ...] = NO_IO) -> None:
    """A device in a hotplug port of its own, behind a switch of the root bus that has less than ``width`` ports."""
    port = Port([device], hotplug=True, kinds=kinds)
    switches = [
        child.children[0]
        for child in host.children
        if isinstance(child, Port) and child.children and isinstance(child.children[0], Port)
    ]
    up = [one for one in switches if len(one.children) < width]
    (rng.choice(up).children if up else host.children).append(port)


def new_devices(rng: Random, mix: Mix, bars: int) -> Iterable[Device]:
    """Devices with about this many BARs."""
    made = 0
    while made < bars:
        device = Device.of(draw(rng, mix), new=True)
        made += len(device.slots)
        yield device


def widen(hosts: list[Host], factor: Fraction | int) -> None:
    """Root windows this many times as large, as far as there are addresses."""
    for host in hosts:
        for kind, range_ in host.windows.items():
            end = range_.start + align_up(int(range_.size * factor), 4096 if kind == "io" else MIB)
            limit = {"io": IO_REACH, "mem": LOW_END}.get(kind, end)
            host.windows[kind] = Range(range_.start, min(end, limit))


def forget(hosts: list[Host]) -> None:
    """Take all addresses away."""
    for host in hosts:
        for device in host.devices():
            for slot in device.slots:
                slot.at = None
        for child in host.children:
            if isinstance(child, Port):
                for port in child.ports():
                    port.windows.clear()


def finish_moves(
    hosts: list[Host],
    machine: str,
    *,
    room: Fraction | int = 1,
    policy: Policy = Policy.SAFE,
    overfill: Callable[[list[Host]], None] | None = None,
) -> Made:
    """Place all, take the new devices out, close the gaps: minimum moves.

    Parameters
    ----------
    room
        Factor of the root windows; at 1 they just hold everything.
    overfill
        What is done to the new devices so that not all of them fit any more.
    """
    place(hosts)
    known = Placement.today(topology(hosts, machine))
    widen(hosts, room)
    remove_new(hosts)
    if overfill is not None:
        overfill(hosts)
    request = Request(policy=policy, minimize=PRESETS["moves"])
    return Made(topology(hosts, machine), request, None if overfill else known)


def finish_waste(hosts: list[Host], machine: str, *, room: Fraction | int = 2, policy: Policy = Policy.ALWAYS) -> Made:
    """Place all: minimum waste."""
    place(hosts)
    widen(hosts, room)
    made = topology(hosts, machine)
    return Made(made, Request(policy=policy, minimize=PRESETS["waste"]), Placement.today(made))


def finish_boot(hosts: list[Host], machine: str, *, room: Fraction | int = 2) -> Made:
    """Nothing has an address: minimum waste."""
    place(hosts)
    known = Placement.today(topology(hosts, machine))
    widen(hosts, room)
    forget(hosts)
    request = Request(policy=Policy.ALWAYS, minimize=PRESETS["waste"])
    return Made(topology(hosts, machine), request, known if room >= 1 else None)
