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

from random import Random

from benchmarks.families import devices as kinds
from benchmarks.families.devices import Kind
from benchmarks.families.layout import place, remove_new
from benchmarks.families.tree import Device, Host, Port, Slot, switch, topology
from models.mobility import Policy
from models.placement import Placement
from models.resources import MIB, Range, align_down, align_up
from models.topology import Topology
from solver.request import PRESETS, Request

_PINNED = ("moves", "moves-full", "waste-pinned")
"""Goals with immovable devices."""

GOALS = ("boot", "waste", "waste-pinned", "moves", "moves-full", "boot-full")

MIX: tuple[tuple[Kind, int], ...] = (
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
"""Kinds of devices with their weights."""

BARS_PER_HOST = 250

_NEW: tuple[tuple[Kind, int], ...] = (
    (kinds.NVME_CMB, 3),
    (kinds.NIC_100G, 2),
    (kinds.ACCELERATOR, 2),
    (kinds.FPGA, 2),
    (kinds.CAPTURE, 1),
)


def make(
    seed: int = 1, *, bars: int = 500, new: int = 0, goal: str = "waste", per_host: int = BARS_PER_HOST
) -> tuple[Topology, Request]:
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
    rng = _rng(seed, bars, new, goal, per_host)
    hosts = _filled(rng, bars, new, goal, per_host)
    place(hosts)
    if goal.startswith("moves"):
        remove_new(hosts)
        if goal == "moves-full":
            _overfill(rng, hosts)
    else:
        _make_room(hosts, tight=goal == "boot-full")
    if goal.startswith("boot"):
        _forget(hosts)
    policy = Policy.SAFE if goal in _PINNED else Policy.ALWAYS
    minimize = PRESETS["moves" if goal.startswith("moves") else "waste"]
    return topology(hosts, f"rack, {goal}, seed {seed}"), Request(policy=policy, minimize=minimize)


def witness(
    seed: int = 1, *, bars: int = 500, new: int = 30, goal: str = "moves", per_host: int = BARS_PER_HOST
) -> Placement | None:
    """A legal plan of ``moves`` that places everything: where all was before the gaps were closed; else ``None``."""
    if goal != "moves":
        return None
    hosts = _filled(_rng(seed, bars, new, goal, per_host), bars, new, goal, per_host)
    place(hosts)
    return Placement.today(topology(hosts, ""))


def _rng(*what: int | str) -> Random:
    return Random(f"rack {what}")


def _filled(rng: Random, bars: int, new: int, goal: str, per_host: int) -> list[Host]:
    """Hosts with all their devices, the new ones too, and no addresses."""
    share = 0.1 if goal in _PINNED else 0.0
    count = max(1, round(bars / per_host))
    hosts = [_host(rng, bars // count + (number < bars % count), share) for number in range(count)]
    for number, host in enumerate(hosts):
        _plug(rng, host, new // count + (number < new % count))
    return hosts


def _draw(rng: Random, mix: tuple[tuple[Kind, int], ...]) -> Kind:
    return rng.choices([kind for kind, _ in mix], [weight for _, weight in mix])[0]


def _host(rng: Random, bars: int, pinned: float) -> Host:
    """Root ports with one device or a switch with four or eight, until there are enough BARs."""
    host, made = Host(), 0
    while made < bars:
        group = []
        for _ in range(rng.choice([1, 4, 8])):
            if made >= bars:
                break
            device = Device.of(_draw(rng, MIX), pinned=rng.random() < pinned)
            made += len(device.slots)
            group.append(device)
        if len(group) == 1:
            host.children.append(Port([group[0]], kinds=("mem", "pref")))
        else:
            host.children.append(switch(list(group)))
    for child in host.children:
        _no_io(child)
    return host


def _no_io(node: Device | Port) -> None:
    """Bridges of a rack implement no I/O window, and none of its devices has I/O BARs."""
    if isinstance(node, Port):
        for port in node.ports():
            port.kinds = ("mem", "pref")


def _plug(rng: Random, host: Host, bars: int) -> None:
    """Devices in ports of their own, behind switches where there are some."""
    made = 0
    while made < bars:
        device = Device.of(_draw(rng, _NEW), new=True)
        made += len(device.slots)
        port = Port([device], hotplug=True, kinds=("mem", "pref"))
        up = [
            child.children[0]
            for child in host.children
            if isinstance(child, Port) and isinstance(child.children[0], Port) and len(child.children[0].children) < 12
        ]
        if up:
            rng.choice(up).children.append(port)
        else:
            host.children.append(port)


def _make_room(hosts: list[Host], *, tight: bool) -> None:
    """Root windows twice as large as needed, or by an eighth too small."""
    for host in hosts:
        for kind, range_ in host.windows.items():
            filled = sum(
                slot.bar.span
                for device in host.devices()
                for slot in device.slots
                if slot.at is not None and slot.at in range_
            )
            if tight:
                host.windows[kind] = Range.of(range_.start, align_down(filled * 7 // 8, MIB))
                continue
            end = range_.start + align_up(2 * range_.size, 64 * MIB)
            host.windows[kind] = Range(range_.start, min(end, 0xFEC0_0000) if kind == "mem" else end)


def _overfill(rng: Random, hosts: list[Host]) -> None:
    """Let two new devices of each host ask for what the root windows do not hold together."""
    for host in hosts:
        new = [device for device in host.devices() if device.new]
        for device in rng.sample(new, min(2, len(new))):
            size = 1 << (host.windows["pref"].size.bit_length() - 2)
            device.slots = [Slot(kinds.mem(0, 4 * MIB)), Slot(kinds.pref(2, size))]


def _forget(hosts: list[Host]) -> None:
    """Take all addresses away."""
    for host in hosts:
        for device in host.devices():
            for slot in device.slots:
                slot.at = None
        for child in host.children:
            if isinstance(child, Port):
                for port in child.ports():
                    port.windows.clear()
