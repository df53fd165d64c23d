"""A machine as it is: root buses, bridges, functions, BARs and windows.

Everything here is plain, frozen and picklable. The tree is the one of
``barplan-topology/1``; :mod:`models.document` reads and writes it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from models.resources import (
    IO_GRANULARITY,
    MEMORY_GRANULARITY,
    Address,
    FunctionAddress,
    Range,
    Size,
    Space,
    WindowKind,
)

BarIndex = int | str
"""``0`` to ``5``, ``"rom"``, or ``"vf0"`` to ``"vf5"``."""

BAR_INDICES: tuple[BarIndex, ...] = (0, 1, 2, 3, 4, 5, "rom", "vf0", "vf1", "vf2", "vf3", "vf4", "vf5")
"""Every index a BAR can have, in the kernel's order."""


class BarKey(NamedTuple):
    """Names one BAR of a machine."""

    function: FunctionAddress
    index: BarIndex  # type: ignore[assignment]  # a BAR's index; nobody asks a key for tuple.index

    def __str__(self) -> str:
        return f"{self.function} {bar_name(self.index)}"


class WindowKey(NamedTuple):
    """Names one bridge window of a machine."""

    bridge: FunctionAddress
    kind: WindowKind

    def __str__(self) -> str:
        return f"{self.bridge} {self.kind} window"


def bar_name(index: BarIndex) -> str:
    """``BAR 2``, ``ROM`` or ``VF BAR 0``."""
    if index == "rom":
        return "ROM"
    if isinstance(index, str):
        return f"VF BAR {index[2:]}"
    return f"BAR {index}"


@dataclass(frozen=True, slots=True)
class Bar:
    """One base address register, expansion ROM or VF BAR.

    Attributes
    ----------
    size
        Bytes of one instance; a power of two unless ``fixed``.
    address
        Current CPU address; ``None`` = unassigned.
    copies
        Number of VFs a ``vfN`` BAR is repeated for.
    sizes
        Sizes a Resizable BAR supports; empty = not resizable.
    fixed
        It cannot move under any policy.
    optional
        It may be left unassigned.
    """

    index: BarIndex
    space: Space
    size: Size
    width: int = 32
    prefetchable: bool = False
    address: Address | None = None
    copies: int = 1
    sizes: tuple[Size, ...] = ()
    fixed: bool = False
    optional: bool = False

    @property
    def span(self) -> Size:
        """Bytes the BAR occupies: one instance times ``copies``."""
        return self.size * self.copies

    @property
    def largest(self) -> Size:
        """The largest size of one instance: today's, unless a Resizable BAR supports a larger one."""
        return max(self.size, *self.sizes) if self.sizes else self.size

    def halvings(self, size: Size | None) -> int:
        """How often the largest size is halved to get ``size``; for none at all, once more than for the smallest."""
        least = min(self.size, *self.sizes) if self.sizes else self.size
        return (self.largest // least).bit_length() if size is None else (self.largest // size).bit_length() - 1

    @property
    def range(self) -> Range | None:
        """Where the BAR is today."""
        return None if self.address is None else Range.of(self.address, self.span)


@dataclass(frozen=True, slots=True)
class BridgeWindow:
    """One window of a bridge; ``range`` is ``None`` where it is closed."""

    kind: WindowKind
    width: int = 32
    range: Range | None = None
    granularity: Size = MEMORY_GRANULARITY

    @property
    def space(self) -> Space:
        return "io" if self.kind == "io" else "mem"


@dataclass(frozen=True, slots=True)
class CardbusWindow:
    """A window of a CardBus bridge: an obstacle of fixed size on the bus the bridge stands on."""

    space: Space
    range: Range
    prefetchable: bool = False


@dataclass(frozen=True, slots=True)
class Bridge:
    """The bridge half of a bridge function: its bus numbers, windows and what stands behind it.

    ``windows`` holds the implemented windows in the order I/O, memory, prefetchable. ``isa`` is the ISA enable bit.
    ``vga`` is 0 unless the VGA enable bit is set; then how many bits of a port it looks at for VGA, 10 or 16.
    """

    secondary: int | None = None
    subordinate: int | None = None
    hotplug: bool = False
    subtractive: bool = False
    windows: tuple[BridgeWindow, ...] = ()
    functions: tuple[Function, ...] = ()
    cardbus: tuple[CardbusWindow, ...] = ()
    isa: bool = False
    vga: int = 0

    def window(self, kind: WindowKind) -> BridgeWindow | None:
        """The window of this kind, or ``None`` where the bridge does not implement it."""
        return next((window for window in self.windows if window.kind == kind), None)


@dataclass(frozen=True, slots=True)
class Function:
    """One PCI function.

    ``driver`` is the bound driver, ``None`` where none is bound; it means
    nothing unless ``driver_known``.
    """

    address: FunctionAddress
    id: str | None = None
    class_code: str | None = None
    driver: str | None = None
    driver_known: bool = False
    bars: tuple[Bar, ...] = ()
    bridge: Bridge | None = None

    def bar(self, index: BarIndex) -> Bar | None:
        """The BAR with this index, or ``None``."""
        return next((bar for bar in self.bars if bar.index == index), None)


@dataclass(frozen=True, slots=True)
class RootWindow:
    """A host bridge window; ``offset`` is CPU address minus bus address."""

    space: Space
    range: Range
    prefetchable: bool = False
    offset: int = 0


@dataclass(frozen=True, slots=True)
class RootBus:
    """A root bus with its host bridge windows, in the order the source lists them."""

    domain: int
    bus: int
    windows: tuple[RootWindow, ...] = ()
    functions: tuple[Function, ...] = ()

    @property
    def name(self) -> str:
        return f"{self.domain:04x}:{self.bus:02x}"


@dataclass(frozen=True, slots=True)
class Reserved:
    """A range no BAR and no bridge window may touch."""

    space: Space
    range: Range
    what: str = ""


@dataclass(frozen=True, slots=True)
class Bus:
    """Where functions stand: a root bus (``bridge`` is ``None``) or the secondary side of a bridge.

    ``parent`` is the bus the bridge itself stands on.
    """

    root: RootBus
    bridge: Function | None = None
    parent: Bus | None = None

    @property
    def functions(self) -> tuple[Function, ...]:
        if self.bridge is None:
            return self.root.functions
        assert self.bridge.bridge is not None
        return self.bridge.bridge.functions

    @property
    def name(self) -> str:
        """``bus 0000:00`` for a root bus, ``bus behind 0000:00:1c.0`` otherwise."""
        return f"bus {self.root.name}" if self.bridge is None else f"bus behind {self.bridge.address}"

    @property
    def above(self) -> tuple[FunctionAddress, ...]:
        """The bridges that lead here, the nearest first; none for a root bus."""
        if self.bridge is None or self.parent is None:
            return ()
        return (self.bridge.address, *self.parent.above)

    @property
    def depth(self) -> int:
        """Number of bridges above; 0 for a root bus."""
        return 0 if self.parent is None else self.parent.depth + 1


@dataclass(frozen=True, slots=True)
class Topology:
    """A whole machine."""

    root_buses: tuple[RootBus, ...] = ()
    machine: str = ""
    reserved: tuple[Reserved, ...] = field(default=())
    _known: dict[str, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    def once(self, name: str, work_out: Callable[[Topology], Any]) -> Any:
        """What ``work_out`` says of this machine, which never changes: asked for the first time only."""
        if name not in self._known:
            self._known[name] = work_out(self)
        return self._known[name]

    def buses(self) -> Iterator[Bus]:
        """Every bus, each before the buses behind it."""
        return iter(self.once("buses", _every_bus))

    def functions(self) -> Iterator[tuple[Function, Bus]]:
        """Every function with the bus it stands on."""
        for bus in self.buses():
            for function in bus.functions:
                yield function, bus

    def function(self, address: FunctionAddress) -> Function | None:
        """The function with this address, or ``None``."""
        return next((function for function, _ in self.functions() if function.address == address), None)

    def bars(self) -> Iterator[tuple[BarKey, Bar]]:
        """Every BAR with its key."""
        return iter(self.once("bars", _every_bar))

    def windows(self) -> Iterator[tuple[WindowKey, BridgeWindow]]:
        """Every implemented bridge window with its key."""
        return iter(self.once("windows", _every_window))

    def _repr_html_(self) -> str:
        """Root windows, functions, BARs and bridge windows as a table: what Jupyter shows."""
        from models.representation import topology_html

        return topology_html(self)

    def map_functions(self, change: Callable[[Function], Function | None]) -> Topology:
        """A copy in which every function is what ``change`` makes of it (``None`` removes it).

        ``change`` sees a bridge after the functions behind it were changed.
        """

        def changed(functions: tuple[Function, ...]) -> tuple[Function, ...]:
            result = []
            for function in functions:
                if function.bridge is not None:
                    inner = replace(function.bridge, functions=changed(function.bridge.functions))
                    function = replace(function, bridge=inner)
                new = change(function)
                if new is not None:
                    result.append(new)
            return tuple(result)

        roots = tuple(replace(root, functions=changed(root.functions)) for root in self.root_buses)
        return replace(self, root_buses=roots)


def default_granularity(kind: WindowKind) -> Size:
    """The granularity of a bridge window unless the bridge says otherwise."""
    return IO_GRANULARITY if kind == "io" else MEMORY_GRANULARITY


def default_optional(index: BarIndex) -> bool:
    """Whether a BAR with this index may be left unassigned unless the document says otherwise."""
    return isinstance(index, str)


def _every_bus(topology: Topology) -> list[Bus]:
    found: list[Bus] = []
    stack = [Bus(root) for root in reversed(topology.root_buses)]
    while stack:
        bus = stack.pop()
        found.append(bus)
        stack.extend(Bus(bus.root, function, bus) for function in reversed(bus.functions) if function.bridge)
    return found


def _every_bar(topology: Topology) -> list[tuple[BarKey, Bar]]:
    return [(BarKey(function.address, bar.index), bar) for function, _ in topology.functions() for bar in function.bars]


def _every_window(topology: Topology) -> list[tuple[WindowKey, BridgeWindow]]:
    bridges = [(function.address, function.bridge) for function, _ in topology.functions() if function.bridge]
    return [(WindowKey(address, window.kind), window) for address, bridge in bridges for window in bridge.windows]
