"""Builds the topology of a machine from one (merged) observation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from models.resources import IO_REACH, FunctionAddress, Range, Space
from models.sources.bus_tree import BusKey, BusTree, build_tree, bus_of, is_bridge
from models.sources.convert import Oddities, bars_of, cardbus_of, windows_of
from models.sources.observation import Observation
from models.sources.reserved import reserved_ranges
from models.sources.root_windows import Item, find_root_windows
from models.sources.window_overlaps import join_touching, separate
from models.topology import Bar, Bridge, BridgeWindow, Function, RootBus, RootWindow, Topology


@dataclass(slots=True)
class Assembled:
    """A topology and what the user should know of how it came about."""

    topology: Topology
    notes: list[str] = field(default_factory=list)
    estimated: list[BusKey] = field(default_factory=list)


def assemble(observation: Observation) -> Assembled:
    """Build the topology: tree, windows, BARs, root windows, reserved ranges."""
    tree = build_tree(observation)
    oddities = Oddities()
    drafts = [
        RootBus(*key, functions=_functions(observation, tree, members, oddities)) for key, members in tree.roots.items()
    ]
    drafts = _without_virtual_bars(drafts)
    standing = {(root.domain, root.bus): standing_on(root.functions) for root in drafts}
    found = find_root_windows(observation, standing, behind=_roots_of_buses(tree))
    found.windows = {key: join_touching(windows) for key, windows in found.windows.items()}
    separate(found, standing)
    roots = [replace(root, windows=tuple(found.windows[(root.domain, root.bus)])) for root in drafts]
    topology = Topology(tuple(_with_io_widths(root) for root in roots), machine=observation.machine or "")
    topology = _with_fixed_host_bars(topology)
    topology = replace(topology, reserved=reserved_ranges(observation, topology))
    notes = [*tree.notes, *oddities.notes(), *found.notes]
    if found.estimated:
        notes.append(_estimate_note(observation, found.estimated))
    return Assembled(topology, notes, found.estimated)


def _estimate_note(observation: Observation, estimated: list[BusKey]) -> str:
    names = ", ".join(f"{domain:04x}:{bus:02x}" for domain, bus in estimated[:6])
    more = ", ..." if len(estimated) > 6 else ""
    return (
        f"root windows of {names}{more} estimated from what stands there; "
        "a kernel log or /proc/iomem (read as root) beside it would tell them"
    )


def _functions(
    observation: Observation, tree: BusTree, members: list[FunctionAddress], oddities: Oddities
) -> tuple[Function, ...]:
    result = []
    for address in members:
        seen = observation.functions[address]
        bridge = None
        if is_bridge(seen):
            leads = address in tree.leads_to
            bridge = Bridge(
                secondary=tree.leads_to[address][1] if leads else None,
                subordinate=seen.subordinate if leads else None,
                hotplug=bool(seen.hotplug),
                subtractive=bool(seen.subtractive),
                windows=windows_of(seen, oddities),
                functions=_functions(observation, tree, tree.behind.get(address, []), oddities),
                cardbus=cardbus_of(seen),
                isa=bool(seen.isa),
                vga=seen.vga or 0,
            )
        function = Function(
            address=address,
            id=seen.id,
            class_code=seen.class_code,
            driver=seen.driver,
            driver_known=seen.driver_known,
            bars=bars_of(seen, oddities),
            bridge=bridge,
        )
        result.append(function)
    return tuple(result)


def _without_virtual_bars(roots: list[RootBus]) -> list[RootBus]:
    """Without the BARs of enabled virtual functions: they lie inside the VF BARs of their physical function."""
    blocks = [
        (key.function, bar.range)
        for key, bar in Topology(tuple(roots)).bars()
        if str(bar.index).startswith("vf") and bar.range is not None
    ]
    if not blocks:
        return roots

    def stripped(function: Function) -> Function:
        ranges = [bar.range for bar in function.bars]
        inside = ranges and all(
            range_ is not None and any(owner != function.address and block.contains(range_) for owner, block in blocks)
            for range_ in ranges
        )
        return replace(function, bars=()) if inside else function

    return _map_each(roots, stripped)


def _map_each(roots: list[RootBus], change: Callable[[Function], Function]) -> list[RootBus]:
    return [Topology((root,)).map_functions(change).root_buses[0] for root in roots]


def standing_on(functions: tuple[Function, ...]) -> list[Item]:
    """What stands on a bus: BARs, bridge windows, CardBus windows, and what lies behind subtractive bridges.

    What lies behind a bridge whose window of that space no source shows counts too: it must pass somewhere.
    """
    items: list[Item] = []
    for function in functions:
        items.extend(Item(bar.space, bar.range, _reach32(bar)) for bar in function.bars if bar.range is not None)
        bridge = function.bridge
        if bridge is None:
            continue
        open_: set[Space] = set()
        for window in bridge.windows:
            if window.range is not None:
                items.append(Item(window.space, window.range, window.kind != "io" and window.width == 32, True))
                open_.add(window.space)
        items.extend(Item(window.space, window.range, True) for window in bridge.cardbus)
        open_.update(window.space for window in bridge.cardbus)
        behind = standing_on(bridge.functions)
        items.extend(item for item in behind if bridge.subtractive or item.space not in open_)
    return items


def _reach32(bar: Bar) -> bool:
    return bar.space == "mem" and bar.width == 32


def _roots_of_buses(tree: BusTree) -> dict[BusKey, BusKey]:
    """The root bus above every bus that a bridge leads to."""
    leading = {key: bridge for bridge, key in tree.leads_to.items()}
    result = {}
    for key in leading:
        here = key
        while here in leading and here not in tree.roots:
            here = bus_of(leading[here])
        result[key] = here
    return result


def _with_io_widths(root: RootBus) -> RootBus:
    """A 16-bit I/O window that ends above 64 KiB (bus address, or from the window's start) has 32 bits."""

    def widened(window: BridgeWindow) -> BridgeWindow:
        if window.kind != "io" or window.range is None or window.width == 32:
            return window
        return replace(window, width=32) if _io_end(root.windows, window.range) > IO_REACH else window

    def change(function: Function) -> Function:
        if function.bridge is None:
            return function
        windows = tuple(widened(window) for window in function.bridge.windows)
        return replace(function, bridge=replace(function.bridge, windows=windows))

    return _map_each([root], change)[0]


def _io_end(windows: tuple[RootWindow, ...], range_: Range) -> int:
    for window in windows:
        if window.space == "io" and window.range.contains(range_):
            start = window.range.start - window.offset
            return range_.end - window.offset - (start if start >= IO_REACH else 0)
    return range_.end


def _with_fixed_host_bars(topology: Topology) -> Topology:
    """A BAR through which another domain's root windows are reached (VMD) is fixed."""
    inner = [(root.domain, window) for root in topology.root_buses for window in root.windows if window.space == "mem"]

    def holds(domain: int, bar: Bar) -> bool:
        return bar.range is not None and any(
            domain != other and bar.space == window.space and bar.range.contains(window.range)
            for other, window in inner
        )

    def change(function: Function) -> Function:
        domain = bus_of(function.address)[0]
        if not any(holds(domain, bar) for bar in function.bars):
            return function
        bars = tuple(replace(bar, fixed=True) if holds(domain, bar) else bar for bar in function.bars)
        return replace(function, bars=bars)

    return topology.map_functions(change)
