"""Layouts for the movable ratio: small machines as they become after devices were plugged and unplugged.

A layout follows from its seed alone (``random.Random(seed)``):

1. One root bus with two to four root ports, one of them with a switch of five to seventeen downstream ports; all free
   ports take hotplug. Six to twenty devices of :data:`DEVICES` are there at boot, each in a port of its own.
2. Host bridge windows are as tight as firmware makes them: one below 4 GiB and a prefetchable one above, each with the
   bytes of what is there at boot, times 1, 1.1, 1.25 or 1.5, rounded up to 16 and to 64 MiB.
3. Linux 6.12's rules (:data:`HISTORY`) place what is there; a device that gets no address for a BAR is taken out.
4. Ten to thirty events: a device is replaced by another kind, in its port or an empty one, or one more is plugged in,
   and placed by the same rules for a hot-add. Where it does not fit, everything is as before. This leaves gaps, and
   windows that are larger than what is in them.
5. The last event: up to three devices are unplugged and one is plugged into an empty port, such that with it BARs fill
   at least :data:`TIGHT` of the host bridge window that its largest BAR belongs into, and no more than all of any. It
   has no address yet. Whether the free bytes can be had in one piece is the question.
6. An order in which functions become movable, drawn at random; the BARs of a function follow each other.

A seed whose machine ends with fewer than six devices or without such a last event draws anew, from the same stream.
Drivers play no part: which BARs may move is given by the order and the share.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from random import Random

from models.edit import plug, unplug
from models.placement import Placement
from models.resources import MIB, FunctionAddress, Range, align_up, function_address
from models.topology import Bar, BarKey, Bridge, BridgeWindow, Function, RootBus, RootWindow, Topology
from solver.kernel.driver import allocate
from solver.kernel.parameters import parse_parameters
from solver.kernel.rules import RULES

GENERATOR = "movable-ratio layouts 1"
"""Name and version of this generator; rows of another one are not continued."""

HISTORY = "linux-6.12"
"""The rules by which everything that is there was placed."""

TIGHT = 0.7

DEVICES: Mapping[str, tuple[str, int]] = {
    "NVMe drive": ("mem64:16K", 4),
    "NVMe drive with a 64 MiB controller memory buffer": ("mem64:16K,mem64p:64M", 2),
    "NVMe drive with a 128 MiB controller memory buffer": ("mem64:16K,mem64p:128M", 2),
    "network controller": ("mem64p:8M,mem64p:32K", 3),
    "network controller with a 32 MiB BAR": ("mem64p:32M,mem64p:8M", 2),
    "32-bit adapter": ("mem32:2M,mem32:16K", 2),
    "FPGA card": ("mem32:16M,mem64p:64M", 2),
    "accelerator": ("mem64p:256M,mem32:8M", 2),
    "graphics card": ("mem32:16M,mem64p:256M,mem64p:32M", 2),
}
"""BARs, as ``--plug`` takes them, and weight of each kind of device; sizes like those of :mod:`models.profiles`."""

_LOW, _HIGH = 0xC000_0000, 0x40_0000_0000


@dataclass(frozen=True)
class Layout:
    """A machine with one device that has no addresses yet.

    Attributes
    ----------
    new, port
        The function that was plugged in, and the port it is in.
    kind
        What it is: a key of :data:`DEVICES`.
    order
        Every BAR that has an address, in the order in which they become movable.
    """

    seed: int
    topology: Topology
    new: FunctionAddress
    port: FunctionAddress
    kind: str
    order: tuple[BarKey, ...]

    @cached_property
    def devices(self) -> int:
        """Devices that were there before."""
        return _devices(self.topology) - 1

    @cached_property
    def filled(self) -> float:
        """Share of the bytes of the host bridge windows that BARs take, the new device's included."""
        windows = self.topology.root_buses[0].windows
        return sum(bar.span for _, bar in self.topology.bars()) / sum(window.range.size for window in windows)

    def pins(self, share: int) -> frozenset[BarKey]:
        """The BARs that have to stay when ``share`` per cent may move; those of a larger share are among them."""
        return frozenset(self.order[round(len(self.order) * share / 100) :])


def layout(seed: int) -> Layout:
    """The layout of this seed."""
    rng = Random(seed)
    while True:
        topology = _boot(rng)
        for _ in range(rng.randint(10, 30)):
            topology = _event(topology, rng)
        for _ in range(rng.randint(0, 3)):
            taken = _taken_ports(topology)
            if len(taken) < 2:
                break
            topology = unplug(topology, rng.choice(taken)[1])
        kind, empty = _last(topology, rng), _empty_ports(topology)
        if kind is not None and empty and _devices(topology) >= 6:
            break
    functions = [function for function, _ in topology.functions() if function.bars]
    rng.shuffle(functions)
    order = tuple(BarKey(function.address, bar.index) for function in functions for bar in function.bars)
    port = rng.choice(empty)
    topology = replace(_plugged(topology, kind, port), machine=f"{GENERATOR}, seed {seed}")
    new = next(function for function, _ in topology.functions() if any(bar.address is None for bar in function.bars))
    return Layout(seed, topology, new.address, port, kind, order)


def _boot(rng: Random) -> Topology:
    """The machine as firmware and the kernel leave it."""
    ports, slots = rng.randint(2, 4), rng.randint(5, 17)
    switch = _bridge(1, 0, 2, 2 + slots, *(_bridge(2, slot, 3 + slot, 3 + slot) for slot in range(slots)))
    first = 2 + slots
    others = (_bridge(0, 1 + number, first + number, first + number) for number in range(1, ports))
    topology = Topology((RootBus(0, 0, (), (_bridge(0, 1, 1, 2 + slots, switch), *others)),))
    empty = _empty_ports(topology)
    for port in rng.sample(empty, min(rng.randint(6, 20), len(empty) - 1)):
        topology = _plugged(topology, _draw(rng), port)
    root = replace(topology.root_buses[0], windows=_host_windows(topology, rng))
    placed = _placed(Topology((root,)), "boot")
    return placed.map_functions(lambda function: None if any(b.address is None for b in function.bars) else function)


def _host_windows(topology: Topology, rng: Random) -> tuple[RootWindow, ...]:
    bars = [bar for _, bar in topology.bars()]
    slack = rng.choice([1.0, 1.1, 1.25, 1.5])
    low = sum(bar.span for bar in bars if not bar.prefetchable)
    high = sum(bar.span for bar in bars if bar.prefetchable)
    return (
        RootWindow("mem", Range.of(_LOW, max(align_up(int(slack * low), 16 * MIB), 16 * MIB))),
        RootWindow("mem", Range.of(_HIGH, max(align_up(int(slack * high), 64 * MIB), 64 * MIB)), prefetchable=True),
    )


def _bridge(bus: int, device: int, secondary: int, subordinate: int, *functions: Function) -> Function:
    windows = (BridgeWindow("mem", 32), BridgeWindow("pref", 64))
    bridge = Bridge(secondary, subordinate, hotplug=not functions, windows=windows, functions=functions)
    return Function(function_address(0, bus, device, 0), None, "060400", "pcieport", True, (), bridge)


def _event(topology: Topology, rng: Random) -> Topology:
    """A device is replaced, or one more plugged in; the machine as it was where that does not fit."""
    before = topology
    taken = _taken_ports(topology)
    if taken and rng.random() < 0.6:
        topology = unplug(topology, rng.choice(taken)[1])
    empty = _empty_ports(topology)
    if not empty:
        return before
    port = rng.choice(empty)
    topology = _placed(_plugged(topology, _draw(rng), port), f"hotplug:{port}")
    return before if any(bar.address is None for _, bar in topology.bars()) else topology


def _last(topology: Topology, rng: Random) -> str | None:
    """A kind of device that makes it tight; ``None`` where there is none."""
    fitting = []
    for kind in DEVICES:
        bars = [*_bars_of(kind), *(bar for _, bar in topology.bars())]
        largest = max(_bars_of(kind), key=lambda bar: bar.size)
        filled: dict[bool, float] = {
            window.prefetchable: sum(bar.span for bar in bars if bar.prefetchable is window.prefetchable)
            / window.range.size
            for window in topology.root_buses[0].windows
        }
        if max(filled.values()) <= 1 and filled[largest.prefetchable] >= TIGHT:
            fitting.append(kind)
    return rng.choice(fitting) if fitting else None


def _placed(topology: Topology, event: str) -> Topology:
    """The machine after the kernel has placed what it could."""
    outcome = allocate(topology, RULES[HISTORY], parse_parameters({"event": event}, topology))
    return _with_placement(topology, outcome.placement)


def _with_placement(topology: Topology, placement: Placement) -> Topology:
    after: dict[tuple[str, str], Range | None] = {(key.bridge, key.kind): at for key, at in placement.windows.items()}

    def change(function: Function) -> Function:
        bars = tuple(replace(bar, address=placement.bars[BarKey(function.address, bar.index)]) for bar in function.bars)
        if function.bridge is None:
            return replace(function, bars=bars)
        windows = tuple(
            replace(window, range=after[function.address, window.kind]) for window in function.bridge.windows
        )
        return replace(function, bars=bars, bridge=replace(function.bridge, windows=windows))

    return topology.map_functions(change)


def _empty_ports(topology: Topology) -> list[FunctionAddress]:
    return [
        function.address
        for function, _ in topology.functions()
        if function.bridge is not None and function.bridge.hotplug and not function.bridge.functions
    ]


def _taken_ports(topology: Topology) -> list[tuple[FunctionAddress, FunctionAddress]]:
    """Each port with something in it, and what."""
    return [
        (function.address, function.bridge.functions[0].address)
        for function, _ in topology.functions()
        if function.bridge is not None and function.bridge.hotplug and function.bridge.functions
    ]


def _devices(topology: Topology) -> int:
    return sum(function.bridge is None for function, _ in topology.functions())


def _plugged(topology: Topology, kind: str, port: FunctionAddress) -> Topology:
    return plug(topology, f"{DEVICES[kind][0]}@{port}")


def _draw(rng: Random) -> str:
    return rng.choices(list(DEVICES), [weight for _, weight in DEVICES.values()])[0]


def _bars_of(kind: str) -> tuple[Bar, ...]:
    return plug(Topology((RootBus(0, 0),)), f"{DEVICES[kind][0]}@0000:00").root_buses[0].functions[0].bars
