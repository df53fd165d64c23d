"""A machine while it is made: functions and ports with addresses that still change, and the topology of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from benchmarks.families.devices import Kind
from models.resources import IO_REACH, Range, Size, WindowKind, function_address
from models.topology import (
    Bar,
    Bridge,
    BridgeWindow,
    Function,
    RootBus,
    RootWindow,
    Topology,
    default_granularity,
)

BUS_NUMBERS = 256

WIDTHS: dict[WindowKind, int] = {"io": 16, "mem": 32, "pref": 64}
"""Address bits of bridge windows."""

DOMAIN_STEP = 1 << 44
"""Distance in CPU addresses between domains; each has the same bus addresses, as on many arm64 and POWER servers."""


@dataclass(eq=False, slots=True)
class Slot:
    """A BAR and its bus address."""

    bar: Bar
    at: int | None = None


@dataclass(eq=False, slots=True)
class Device:
    """A function that is no bridge.

    Attributes
    ----------
    pinned
        Its driver does not survive a move; otherwise the driver is verified to, or none is bound.
    new
        It was plugged in last and has no addresses.
    """

    kind: Kind
    slots: list[Slot]
    pinned: bool = False
    new: bool = False

    @classmethod
    def of(cls, kind: Kind, *, pinned: bool = False, new: bool = False) -> Device:
        """A device without addresses."""
        return cls(kind, [Slot(bar) for bar in kind.bars], pinned, new)


@dataclass(eq=False, slots=True)
class Port:
    """A bridge: a root port, or a port of a switch.

    Attributes
    ----------
    reserve
        Bytes that firmware gives a window at least.
    windows
        Bus addresses of the open windows.
    """

    children: list[Device | Port] = field(default_factory=list)
    hotplug: bool = False
    kinds: tuple[WindowKind, ...] = ("io", "mem", "pref")
    reserve: dict[WindowKind, Size] = field(default_factory=dict)
    windows: dict[WindowKind, Range] = field(default_factory=dict)

    def ports(self) -> Iterator[Port]:
        """Every port below this one, in order, and itself."""
        yield self
        for child in self.children:
            if isinstance(child, Port):
                yield from child.ports()


@dataclass(eq=False, slots=True)
class Host:
    """A root bus; ``windows`` are in bus addresses, with whether each is prefetchable."""

    children: list[Device | Port] = field(default_factory=list)
    windows: dict[WindowKind, Range] = field(default_factory=dict)

    def devices(self) -> Iterator[Device]:
        """Every device of the root bus and below."""
        stack: list[Device | Port] = list(reversed(self.children))
        while stack:
            node = stack.pop()
            if isinstance(node, Device):
                yield node
            else:
                stack.extend(reversed(node.children))


def switch(children: list[Device | Port], *, hotplug: bool = False) -> Port:
    """A root port with a switch, each of whose downstream ports leads to one of ``children``."""
    down = [child if isinstance(child, Port) else Port([child], hotplug=hotplug) for child in children]
    return Port([Port(list(down))])


def topology(hosts: list[Host], machine: str) -> Topology:
    """The machine; each host is a domain of its own."""
    return Topology(tuple(_Numbering(domain).root(host) for domain, host in enumerate(hosts)), machine)


class _Numbering:
    """Gives out bus numbers in one domain, depth first as the kernel does."""

    def __init__(self, domain: int) -> None:
        self.domain, self.last_bus, self.offset = domain, 0, domain * DOMAIN_STEP

    def root(self, host: Host) -> RootBus:
        windows = []
        for kind, range_ in host.windows.items():
            offset = self.domain * IO_REACH if kind == "io" else self.offset
            cpu = Range.of(range_.start + offset, range_.size)
            windows.append(RootWindow("io" if kind == "io" else "mem", cpu, kind == "pref", offset))
        return RootBus(self.domain, 0, tuple(windows), self.functions(host.children, 0))

    def functions(self, nodes: list[Device | Port], bus: int) -> tuple[Function, ...]:
        # Root ports and other devices of a bus with more than 32 stand on functions of their devices.
        per_device = -(-len(nodes) // 32)
        return tuple(
            self.function(node, bus, number // per_device, number % per_device) for number, node in enumerate(nodes)
        )

    def function(self, node: Device | Port, bus: int, device: int, number: int) -> Function:
        address = function_address(self.domain, bus, device, number)
        if isinstance(node, Device):
            bars = tuple(self.bar(slot) for slot in node.slots)
            return Function(address, None, node.kind.class_code, _driver(node), True, bars)
        self.last_bus += 1
        if self.last_bus >= BUS_NUMBERS:
            raise ValueError("more than 256 buses in one domain")
        secondary = self.last_bus
        inner = self.functions(node.children, secondary)
        windows = tuple(
            BridgeWindow(
                kind, {"io": 16, "mem": 32, "pref": 64}[kind], self.window(node, kind), default_granularity(kind)
            )
            for kind in node.kinds
        )
        bridge = Bridge(secondary, self.last_bus, hotplug=node.hotplug, windows=windows, functions=inner)
        return Function(address, None, "060400", "pcieport", True, (), bridge)

    def window(self, port: Port, kind: WindowKind) -> Range | None:
        range_ = port.windows.get(kind)
        if range_ is None:
            return None
        return Range.of(range_.start + (self.domain * IO_REACH if kind == "io" else self.offset), range_.size)

    def bar(self, slot: Slot) -> Bar:
        if slot.at is None:
            return slot.bar
        offset = self.domain * IO_REACH if slot.bar.space == "io" else self.offset
        return replace(slot.bar, address=slot.at + offset)


def _driver(device: Device) -> str | None:
    """The usual driver where it stands for what the device is; none where it would say the contrary."""
    if device.new:
        return None
    if device.pinned:
        return device.kind.driver if device.kind.driver not in MOVABLE else "vfio-pci"
    return device.kind.driver if device.kind.driver in MOVABLE else None


MOVABLE = ("nvme", "amdgpu", "snd_hda_intel")
"""Drivers that are verified to survive a move (:mod:`models.drivers`)."""
