"""One boot of a kernel log: functions, root buses and failures, as they are after the last line so far."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from models.resources import (
    IO_GRANULARITY,
    MEMORY_GRANULARITY,
    WINDOW_KINDS,
    FunctionAddress,
    Range,
    Size,
    Space,
    WindowKind,
    split_function_address,
)
from models.sources.kernel_log_events import Outcome, OutcomeKind
from models.sources.kernel_log_resource import LoggedResource
from models.sources.observation import Failure, SeenBar, SeenFunction, SeenRootBus, SeenWindow
from models.topology import BarIndex

BusKey = tuple[int, int]
"""Domain and bus number."""

Slot = BarIndex | WindowKind
"""A BAR or a bridge window of one function."""

Family = Literal["mips", "powerpc"]

ChangeKind = OutcomeKind | Literal["found", "removed", "slot", "listed", "bound"]
"""What can happen: a function is found or taken out, a slot speaks, a bus is listed, a driver speaks, or an event."""

_BAR_REGISTERS = 6


@dataclass(frozen=True, slots=True)
class Change:
    """What a line is about to change.

    Attributes
    ----------
    function
        ``None`` for ``listed``, which is about a bus.
    resource
        As printed; ``None`` where the change is not about a BAR or window.
    """

    kind: ChangeKind
    function: FunctionAddress | None
    bus: BusKey
    slot: Slot | None = None
    resource: LoggedResource | None = None
    line: int = 0


@dataclass(frozen=True, slots=True)
class Enlarged:
    """How much more the kernel wanted for a window; ``empty`` = nothing is required in it."""

    size: Size
    empty: bool
    line: int


def _unwatched(boot: Boot, change: Change) -> None:
    """Nobody looks."""


@dataclass(slots=True)
class Boot:
    """One boot.

    Attributes
    ----------
    first_line
        Line number at which it begins.
    bus_lists
        Resources listed for buses that no bridge leads to: the windows of a root bus.
    listing
        The bus whose list is being printed, and the last index of it.
    announced
        Root buses as ACPI names them, before they are enumerated.
    removed
        Functions that were taken out again.
    listed
        Bridges whose open windows were printed when they were found: they have no others.
    command_line
        The kernel's command line.
    names_resources
        The kernel words outcomes as it does since 6.9: ``BAR 0 [mem ...]: assigned``.
    x86
        Whether the machine is an x86; ``None`` = nothing said so yet.
    family
        The family of processors, where it is one whose kernel assigns by rules of its own and says so.
    enlarged
        Windows for which the kernel wanted more than what is required.
    foreign
        BARs and windows whose addresses were refused because of something other than PCI, and where that is;
        ``None`` = of a host bridge's own window.
    shadowed
        Functions whose ROM is a copy in RAM.
    firmware_map
        Ranges that the firmware's memory map (e820) keeps out of host bridge windows; ``None`` = it is ignored.
    reallocates
        Whether the kernel moves windows of firmware by itself; ``None`` = the log does not say.
    line
        The line that is being read.
    watch
        Called with each change before it happens.
    """

    first_line: int = 1
    kernel: str | None = None
    machine: str | None = None
    functions: dict[FunctionAddress, SeenFunction] = field(default_factory=dict)
    root_buses: dict[BusKey, SeenRootBus] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)
    reserved: list[tuple[Space, Range, str]] = field(default_factory=list)
    bus_lists: dict[BusKey, list[LoggedResource]] = field(default_factory=dict)
    listing: tuple[BusKey, int] | None = None
    announced: dict[BusKey, SeenRootBus] = field(default_factory=dict)
    removed: set[FunctionAddress] = field(default_factory=set)
    listed: set[FunctionAddress] = field(default_factory=set)
    command_line: str | None = None
    names_resources: bool = False
    x86: bool | None = None
    family: Family | None = None
    enlarged: dict[tuple[FunctionAddress, WindowKind], Enlarged] = field(default_factory=dict)
    foreign: dict[tuple[FunctionAddress, Slot], tuple[Space, Range, str] | None] = field(default_factory=dict)
    shadowed: set[FunctionAddress] = field(default_factory=set)
    firmware_map: list[Range] | None = field(default_factory=list)
    reallocates: bool | None = None
    line: int = 0
    watch: Callable[[Boot, Change], None] = _unwatched
    _listings: dict[FunctionAddress, int] = field(default_factory=dict)
    _leading: dict[BusKey, FunctionAddress] = field(default_factory=dict)

    def tell(
        self,
        kind: ChangeKind,
        address: FunctionAddress,
        slot: Slot | None = None,
        resource: LoggedResource | None = None,
    ) -> None:
        """Say what is about to happen to a function."""
        self.watch(self, Change(kind, address, split_function_address(address)[:2], slot, resource, self.line))

    def function(self, address: FunctionAddress) -> SeenFunction:
        """The function with this address, made if it is not there."""
        self.removed.discard(address)
        return self.functions.setdefault(address, SeenFunction(address))

    def remove(self, address: FunctionAddress) -> None:
        """Take out a function with all that stands behind it."""
        function = self.functions.get(address)
        if function is not None:
            self._forget(address)
            self.remove_behind(function)

    def remove_behind(self, bridge: SeenFunction) -> None:
        """Take out all that stands behind a bridge."""
        if bridge.secondary:
            domain = split_function_address(bridge.address)[0]
            self.remove_buses(domain, bridge.secondary, max(bridge.subordinate or 0, bridge.secondary))

    def remove_buses(self, domain: int, first: int, last: int) -> None:
        """Take out the functions on these buses."""
        for address in list(self.functions):
            of_domain, bus = split_function_address(address)[:2]
            if of_domain == domain and first <= bus <= last:
                self._forget(address)

    def remove_root_bus(self, key: BusKey) -> None:
        """Take out a root bus with all that stands on it and behind it."""
        root = self.root_buses.pop(key, None)
        if root is not None:
            self.remove_buses(*key, key[1] if root.last_bus is None else root.last_bus)

    def _forget(self, address: FunctionAddress) -> None:
        self.tell("removed", address)
        del self.functions[address]
        self.removed.add(address)
        self.listed.discard(address)
        self._listings.pop(address, None)

    def connect(self, bridge: SeenFunction, secondary: int, subordinate: int | None) -> None:
        """Note which buses stand behind a bridge; a number at or below its own bus means that it has none yet."""
        domain, bus = split_function_address(bridge.address)[:2]
        if secondary > bus:
            bridge.secondary, bridge.subordinate = secondary, subordinate
            self._leading[(domain, secondary)] = bridge.address

    def bridge_to(self, key: BusKey) -> SeenFunction | None:
        """The bridge that leads to a bus."""
        address = self._leading.get(key)
        function = None if address is None else self.functions.get(address)
        return function if function is not None and function.secondary == key[1] else None

    def read_bar(self, function: SeenFunction, index: BarIndex, resource: LoggedResource) -> SeenBar:
        """A BAR as firmware left it."""
        address = None if resource.disabled or self._is_unset(function, resource) else resource.start
        bar = SeenBar(index, resource.space, resource.size, 64 if resource.wide else 32, resource.prefetchable)
        bar.address = bar.initial = address
        bar.assigned = address is not None
        function.bars[index] = bar
        return bar

    def _is_unset(self, function: SeenFunction, resource: LoggedResource) -> bool:
        """Bus address 0 is what an unconfigured register reads; only an assignment makes it an address."""
        if not resource.start:
            return True
        domain = split_function_address(function.address)[0]
        return any(
            window.offset == resource.start and window.space == resource.space and resource.start in window.range
            for root in self.root_buses.values()
            if root.domain == domain
            for window in root.windows
        )

    def read_vf_block(self, function: SeenFunction, index: BarIndex, block: LoggedResource, copies: int) -> None:
        """A VF BAR with the range of all its copies."""
        bar = self.read_bar(function, index, block)
        if copies and block.size:
            bar.size, bar.copies = block.size // copies, copies

    def begin_listing(self, bridge: SeenFunction) -> None:
        """The windows that are listed next are those of this bridge."""
        if bridge.windows or bridge.address not in self._listings:
            self._listings[bridge.address] = self._listings.get(bridge.address, 0) + 1
        bridge.cardbus.clear()

    def list_window(self, function: SeenFunction, resource: LoggedResource) -> None:
        """A window as it is now; in the bridge's first list, as firmware left it."""
        range_ = resource.range
        if function.header == 2:
            if (
                range_ is not None
                and (entry := (resource.space, range_, resource.prefetchable)) not in function.cardbus
            ):
                function.cardbus.append(entry)
            return
        known = function.windows.get(resource.window_kind)
        window = _window(function, resource.window_kind, resource)
        smallest = IO_GRANULARITY if resource.space == "io" else MEMORY_GRANULARITY
        closed = not resource.start or (resource.size or 0) <= smallest  # base and limit both read 0
        if window.range != range_ and closed and self._is_unset(function, resource):
            range_ = None
        if known is None and self._listings.get(function.address, 1) <= 1:
            window.initial = range_
            self.listed.add(function.address)
        window.range, window.closed = range_, range_ is None

    def apply(self, function: SeenFunction, slot: Slot, resource: LoggedResource, outcome: Outcome, line: int) -> None:
        """Give a BAR or window the state after one event, and note a failure."""
        self.tell(outcome.kind, function.address, slot, resource)
        if outcome.failure is not None:
            size = resource.size if outcome.size is None else outcome.size
            self.failures.append(Failure(function.address, slot, resource.space, size, outcome.failure, line))
        if outcome.kind == "kept":
            return
        kind = next((kind for kind in WINDOW_KINDS if kind == slot), None)
        if kind is not None:
            window = _window(function, kind, resource)
            window.range = resource.range if outcome.kind == "assigned" else None
            window.closed = window.range is None
        elif isinstance(slot, str) or slot < _BAR_REGISTERS:
            _apply_to_bar(function, slot, resource, outcome)


def _window(function: SeenFunction, kind: WindowKind, resource: LoggedResource) -> SeenWindow:
    window = function.windows.setdefault(kind, SeenWindow(kind))
    if kind == "pref" and not resource.disabled:
        window.width = 64 if resource.wide else 32
    return window


def _apply_to_bar(function: SeenFunction, index: BarIndex, resource: LoggedResource, outcome: Outcome) -> None:
    of_vf = str(index).startswith("vf")
    bar = function.bars.get(index)
    if bar is None:
        size = None if of_vf else resource.size
        bar = SeenBar(index, resource.space, size, 64 if resource.wide else 32, resource.prefetchable)
        function.bars[index] = bar
    if outcome.kind not in ("assigned", "fixed"):
        bar.address, bar.assigned = None, False
        return
    bar.address, bar.assigned = resource.start, resource.start is not None
    bar.fixed = bar.fixed or outcome.kind == "fixed"
    if not of_vf:
        bar.size = resource.size
    elif bar.copies and resource.size:
        bar.size = resource.size // bar.copies
