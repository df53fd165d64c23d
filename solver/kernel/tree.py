"""The kernel's view of a machine: buses, devices and their resources, built from a topology and changed in place."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from models.placement import Placement
from models.resources import ADDRESS_LIMIT, WINDOW_KINDS, FunctionAddress, Range, Space, WindowKind
from models.topology import Bar, BarKey, Function, RootBus, Topology, WindowKey
from solver.kernel.gaps import Gaps
from solver.kernel.parameters import Parameters
from solver.kernel.resource import FIRST_VF, FIRST_WINDOW, ROM, Resource

_UNTOUCHED_CLASSES = ("0000", "0600")
"""Not defined, and host bridge."""
_INTERRUPT_CONTROLLER = "0800"
_CARDBUS_BRIDGE = "0607"


@dataclass(eq=False, slots=True)
class Device:
    """One function.

    Attributes
    ----------
    resources
        Ordered by index: BARs, ROM, VF BARs, bridge windows.
    windows
        The windows of a PCI-to-PCI bridge among them, by kind.
    untouched
        The kernel never assigns its BARs.
    """

    address: FunctionAddress
    bus: Bus
    resources: list[Resource] = field(default_factory=list)
    untouched: bool = False
    hotplug: bool = False
    cardbus: bool = False
    child: Bus | None = None
    windows: dict[WindowKind, Resource] = field(default_factory=dict)

    def window(self, kind: WindowKind) -> Resource | None:
        """The bridge window of this kind, or ``None`` where the bridge has none."""
        return self.windows.get(kind)


@dataclass(eq=False, slots=True)
class Bus:
    """One bus.

    Attributes
    ----------
    bridge
        The bridge that leads here; ``None`` for a root bus.
    windows
        What its devices may stand in: the bridge's windows (and the parent's, behind a subtractive bridge), or the
        host bridge's.
    outside
        On a root bus: the addresses that no host bridge window covers, I/O and memory.
    """

    name: str
    bridge: Device | None = None
    subtractive: bool = False
    numbers: tuple[int | None, int | None] = (None, None)
    windows: list[Resource] = field(default_factory=list)
    devices: list[Device] = field(default_factory=list)
    outside: tuple[Resource, ...] = ()

    @property
    def parent(self) -> Bus | None:
        return None if self.bridge is None else self.bridge.bus

    @property
    def children(self) -> Iterator[Bus]:
        """The buses behind bridges on this bus."""
        return (device.child for device in self.devices if device.child is not None)

    @property
    def depth(self) -> int:
        """Levels of bridges below."""
        return max((1 + child.depth for child in self.children), default=0)

    def walk(self) -> Iterator[Device]:
        """Every device on this bus and below, in the kernel's order."""
        for device in self.devices:
            yield device
            if device.child is not None:
                yield from device.child.walk()


@dataclass(eq=False, slots=True)
class Tree:
    """All root buses of a machine."""

    roots: list[Bus]

    def device(self, address: FunctionAddress) -> Device:
        """The device with this address, which exists."""
        return next(device for root in self.roots for device in root.walk() if device.address == address)

    def placement(self) -> Placement:
        """Where everything stands now.

        A fixed BAR, and one of a function that is never touched, decodes where it did, whatever the kernel thinks.
        """
        bars: dict[BarKey, int | None] = {}
        windows: dict[WindowKey, Range | None] = {}
        for device in (device for root in self.roots for device in root.walk()):
            for item in device.resources:
                if isinstance(item.key, WindowKey):
                    windows[item.key] = Range.of(item.start, item.size) if item.parent and item.size else None
                elif isinstance(item.key, BarKey):
                    stays = item.before if item.fixed or device.untouched else None
                    bars[item.key] = item.start if item.parent else stays
        return Placement(bars, windows)


def build_tree(topology: Topology, parameters: Parameters) -> Tree:
    """The tree of ``topology``, in which nothing but the root windows has an address yet."""
    outside = (_outside(topology, "io"), _outside(topology, "mem"))
    return Tree([_root(root, parameters, outside) for root in topology.root_buses])


def _outside(topology: Topology, space: Space) -> Resource:
    """Everything that is in no root window; it has no children at the beginning."""
    rest = Resource(None, FIRST_WINDOW, None, space == "io", size=ADDRESS_LIMIT)
    rest.gaps = Gaps(0, ADDRESS_LIMIT)
    for root in topology.root_buses:
        for window in root.windows:
            if window.space == space:
                rest.gaps.reserve(window.range.start, window.range.end)
    return rest


def _root(root: RootBus, parameters: Parameters, outside: tuple[Resource, ...]) -> Bus:
    bus = Bus(root.name, outside=outside)
    for window in root.windows:
        made = Resource(
            None,
            FIRST_WINDOW,
            None,
            window.space == "io",
            window.prefetchable,
            size=window.range.size,
            start=window.range.start,
            offset=window.offset,
        )
        made.gaps = Gaps(window.range.start, window.range.end)
        bus.windows.append(made)
    _populate(bus, root.functions, parameters)
    return bus


def _populate(bus: Bus, functions: tuple[Function, ...], parameters: Parameters) -> None:
    for function in functions:
        device = Device(function.address, bus, untouched=_is_untouched(function))
        bus.devices.append(device)
        device.resources.extend(
            sorted((_bar(device, bar) for bar in function.bars), key=lambda resource: resource.index)
        )
        bridge = function.bridge
        if bridge is None:
            continue
        device.hotplug = bridge.hotplug
        device.cardbus = bool(bridge.cardbus) or (function.class_code or "").startswith(_CARDBUS_BRIDGE)
        inner = device.child = Bus(
            function.address, device, bridge.subtractive, numbers=(bridge.secondary, bridge.subordinate)
        )
        if device.cardbus:
            device.resources.extend(_cardbus_windows(device, function, parameters))
        else:
            device.windows = _windows(device, function)
            device.resources.extend(device.windows.values())
            inner.windows.extend(device.windows.values())
        if bridge.subtractive:
            inner.windows.extend(bus.windows)
        _populate(inner, bridge.functions, parameters)


def _is_untouched(function: Function) -> bool:
    code = function.class_code or ""
    decodes = any(bar.address is not None for bar in function.bars)
    return code.startswith(_UNTOUCHED_CLASSES) or (code.startswith(_INTERRUPT_CONTROLLER) and decodes)


def _bar(device: Device, bar: Bar) -> Resource:
    index = bar.index if isinstance(bar.index, int) else ROM if bar.index == "rom" else FIRST_VF + int(bar.index[2:])
    return Resource(
        device,
        index,
        BarKey(device.address, bar.index),
        bar.space == "io",
        bar.space == "mem" and (bar.prefetchable or index == ROM),
        bar.space == "mem" and bar.width == 64 and index != ROM,
        bar.span,
        bar.size,
        bar.fixed,
        bar.address,
        # A fixed BAR without an address is nothing that the kernel could place.
        present=not bar.fixed or bar.address is not None,
    )


def _windows(device: Device, function: Function) -> dict[WindowKind, Resource]:
    assert function.bridge is not None
    windows: dict[WindowKind, Resource] = {}
    for at, kind in enumerate(WINDOW_KINDS):
        window = function.bridge.window(kind)
        if window is not None:
            windows[kind] = Resource(
                device,
                FIRST_WINDOW + at,
                WindowKey(function.address, kind),
                kind == "io",
                kind == "pref",
                kind == "pref" and window.width == 64,
                size=0 if window.range is None else window.range.size,
                before=None if window.range is None else window.range.start,
                present=window.range is not None,
            )
    return windows


def _cardbus_windows(device: Device, function: Function, parameters: Parameters) -> Iterator[Resource]:
    """Two I/O, one prefetchable and one plain memory window; they have no place in a placement, but take space."""
    assert function.bridge is not None
    todays = list(function.bridge.cardbus)
    for at, io in enumerate((True, True, False, False)):
        today = next((window for window in todays if (window.space == "io") == io), None)
        if today is not None:
            todays.remove(today)
        size = parameters.cardbus_io if io else parameters.cardbus_memory
        yield Resource(
            device,
            FIRST_WINDOW + at,
            None,
            io,
            not io and (at == 2 if today is None else today.prefetchable),
            size=0 if today is None else today.range.size,
            natural=size,
            before=None if today is None else today.range.start,
            present=today is not None,
        )
