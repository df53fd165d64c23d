"""What one source says of a machine: flat facts, before they are merged.

``None`` always means that the source does not say. Addresses are CPU addresses
in bytes and ranges are half-open, whatever the source prints.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from models.resources import Address, FunctionAddress, Range, Size, Space, WindowKind
from models.topology import BarIndex


@dataclass(slots=True)
class SeenBar:
    """One BAR as a source shows it.

    Attributes
    ----------
    size
        Bytes of one instance.
    address
        Where it is assigned, once everything the source tells has happened.
    assigned
        ``True`` = assigned at ``address``, ``False`` = known to be unassigned.
    initial
        The address firmware had given it (the first one the source shows), where that differs or was lost.
    copies
        Number of VFs of a ``vfN`` BAR.
    enabled
        ROM: the enable bit; others: whether the function decodes it.
    """

    index: BarIndex
    space: Space
    size: Size | None = None
    width: int | None = None
    prefetchable: bool | None = None
    address: Address | None = None
    assigned: bool | None = None
    initial: Address | None = None
    copies: int | None = None
    sizes: tuple[Size, ...] = ()
    fixed: bool = False
    enabled: bool | None = None


@dataclass(slots=True)
class SeenWindow:
    """One bridge window: a range, or known to be closed, or implemented with neither said."""

    kind: WindowKind
    range: Range | None = None
    closed: bool | None = None
    width: int | None = None
    granularity: Size | None = None
    initial: Range | None = None


@dataclass(slots=True)
class SeenFunction:
    """One function as a source shows it.

    Attributes
    ----------
    parent
        The bridge above, where the source shows the tree itself (sysfs, lspci path view).
    header
        0 endpoint, 1 PCI bridge, 2 CardBus bridge.
    driver_known
        The source would have named a bound driver.
    subtractive
        A subtractive (transparent) bridge.
    isa
        A bridge whose ISA enable bit is set: of the first 64 KiB of I/O ports it passes on the first 256 of each 1024.
    vga
        A bridge whose VGA enable bit is set: how many bits of an I/O port it looks at for VGA, 10 or 16; else 0.
    virtual
        An SR-IOV virtual function; it stands in the tree with no BARs.
    """

    address: FunctionAddress
    id: str | None = None
    class_code: str | None = None
    driver: str | None = None
    driver_known: bool = False
    header: int | None = None
    bars: dict[BarIndex, SeenBar] = field(default_factory=dict)
    windows: dict[WindowKind, SeenWindow] = field(default_factory=dict)
    cardbus: list[tuple[Space, Range, bool]] = field(default_factory=list)
    secondary: int | None = None
    subordinate: int | None = None
    parent: FunctionAddress | None = None
    hotplug: bool | None = None
    subtractive: bool | None = None
    isa: bool | None = None
    vga: int | None = None
    virtual: bool | None = None


@dataclass(slots=True)
class SeenRootWindow:
    """A host bridge window as the source shows it."""

    space: Space
    range: Range
    prefetchable: bool | None = None
    offset: int = 0


@dataclass(slots=True)
class SeenRootBus:
    """A root bus; ``last_bus`` is the end of its bus range where said."""

    domain: int
    bus: int
    last_bus: int | None = None
    windows: list[SeenRootWindow] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Failure:
    """One line in which the kernel says that it could not place or claim something.

    Attributes
    ----------
    what
        ``no space``, ``failed to assign``, ``can't claim`` and their like, in the kernel's words.
    index
        A BAR index, or a window kind for a bridge window.
    line
        Line number in the source, from 1.
    """

    function: FunctionAddress
    index: BarIndex | WindowKind
    space: Space | None
    size: Size | None
    what: str
    line: int


@dataclass(slots=True)
class Observation:
    """Everything one text says of a machine.

    Attributes
    ----------
    kind
        ``kernel log``, ``lspci``, ``sysfs``, ``iomem``, ``ioports``.
    source
        File name, for messages.
    names_drivers
        The kind names bound drivers.
    ranges
        For /proc/iomem and /proc/ioports: every named range in order, with its nesting depth.
    notes
        Remarks for the user: lines that contradict each other, boots that were left out, text that was cut.
    """

    kind: str
    source: str
    machine: str | None = None
    kernel: str | None = None
    names_drivers: bool = False
    functions: dict[FunctionAddress, SeenFunction] = field(default_factory=dict)
    root_buses: dict[tuple[int, int], SeenRootBus] = field(default_factory=dict)
    reserved: list[tuple[Space, Range, str]] = field(default_factory=list)
    ranges: list[SeenRange] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def function(self, address: FunctionAddress) -> SeenFunction:
        """The function with this address, made if it was not seen before."""
        return self.functions.setdefault(address, SeenFunction(address))


@dataclass(frozen=True, slots=True)
class SeenRange:
    """One line of /proc/iomem or /proc/ioports."""

    space: Space
    range: Range
    name: str
    depth: int
