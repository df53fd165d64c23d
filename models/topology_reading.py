"""A topology from its document, and everything that no machine can be, with its JSON path."""

from __future__ import annotations

from models.resources import (
    ADDRESS_LIMIT,
    IO_GRANULARITY,
    FunctionAddress,
    Range,
    is_power_of_two,
    split_function_address,
)
from models.schema import (
    BarShape,
    BridgeShape,
    FunctionShape,
    ReservedShape,
    RootBusShape,
    RootWindowShape,
    TopologyShape,
    WindowShape,
)
from models.topology import (
    Bar,
    Bridge,
    BridgeWindow,
    CardbusWindow,
    Function,
    Reserved,
    RootBus,
    RootWindow,
    Topology,
    default_optional,
)

_OFFSET_UNIT = IO_GRANULARITY
"""Host bridges translate whole pages, and not all of them by a multiple of 1 MiB (SpacemiT K3)."""

_NOWHERE = Range(0, 1)
"""Stands in for a range that was refused, so that reading can go on and count what else is wrong."""


def read_topology(shape: TopologyShape) -> tuple[Topology, list[tuple[str, str]]]:
    """The topology, and path and message of everything wrong with it; the topology is void where there is any."""
    reader = _Reader()
    topology = Topology(
        machine=shape.machine,
        root_buses=tuple(reader.root_bus(root, f"root_buses[{i}]") for i, root in enumerate(shape.root_buses)),
        reserved=tuple(reader.reserved(item, f"reserved[{i}]") for i, item in enumerate(shape.reserved)),
    )
    if not reader.problems:
        reader.check_root_windows(topology)
    return topology, reader.problems


class _Reader:
    def __init__(self) -> None:
        self.problems: list[tuple[str, str]] = []
        self.functions: dict[str, str] = {}
        self.root_buses: dict[tuple[int, int], str] = {}

    def refuse(self, path: str, message: str) -> None:
        self.problems.append((path, message))

    def root_bus(self, shape: RootBusShape, path: str) -> RootBus:
        first = self.root_buses.setdefault((shape.domain, shape.bus), path)
        if first != path:
            self.refuse(path, f"root bus {shape.domain:04x}:{shape.bus:02x} stands twice, first at {first}")
        return RootBus(
            shape.domain,
            shape.bus,
            tuple(self.root_window(window, f"{path}.windows[{i}]") for i, window in enumerate(shape.windows)),
            self.bus(shape.functions, path, (shape.bus,)),
        )

    def root_window(self, shape: RootWindowShape, path: str) -> RootWindow:
        range_ = self.range(shape.start, shape.end, path)
        if shape.offset % _OFFSET_UNIT:
            self.refuse(f"{path}.offset", f"expected a multiple of {_OFFSET_UNIT:#x}, found {shape.offset:#x}")
        elif not 0 <= range_.start - shape.offset <= range_.end - shape.offset <= ADDRESS_LIMIT:
            self.refuse(
                f"{path}.offset",
                f"the bus addresses of {range_} less {shape.offset:#x} do not have 64 bits; "
                "expected CPU address minus bus address",
            )
        return RootWindow(shape.space, range_, shape.prefetchable, shape.offset)

    def bus(self, shapes: list[FunctionShape], path: str, above: tuple[int, ...]) -> tuple[Function, ...]:
        return tuple(self.function(shape, f"{path}.functions[{i}]", above) for i, shape in enumerate(shapes))

    def function(self, shape: FunctionShape, path: str, above: tuple[int, ...]) -> Function:
        first = self.functions.setdefault(shape.address, path)
        if first != path:
            self.refuse(f"{path}.address", f"function {shape.address} stands twice, first at {first}")
        bars = tuple(self.bar(bar, f"{path}.bars[{i}]") for i, bar in enumerate(shape.bars))
        seen: set[int | str] = set()
        for i, bar in enumerate(bars):
            if bar.index in seen:
                self.refuse(f"{path}.bars[{i}].index", f"index {bar.index} stands twice in {shape.address}")
            seen.add(bar.index)
        if shape.driver and shape.driver.splitlines() != [shape.driver]:
            self.refuse(f"{path}.driver", f"expected one line, found {shape.driver!r}")
        address = FunctionAddress(shape.address)
        bridge = None if shape.bridge is None else self.bridge(shape.bridge, f"{path}.bridge", address, above)
        return Function(
            address,
            shape.id,
            shape.class_code,
            shape.driver,
            "driver" in shape.model_fields_set,
            bars,
            bridge,
        )

    def bar(self, shape: BarShape, path: str) -> Bar:
        if shape.size == 0 or not (shape.fixed or is_power_of_two(shape.size)):
            expected = "more than 0 bytes" if shape.fixed else "a power of two"
            self.refuse(f"{path}.size", f"expected {expected}, found {shape.size:#x}")
        for i, size in enumerate(shape.sizes):
            if not is_power_of_two(size):
                self.refuse(f"{path}.sizes[{i}]", f"expected a power of two, found {size:#x}")
        if shape.copies < 1:
            self.refuse(f"{path}.copies", f"expected 1 or more, found {shape.copies}")
        if (shape.address or 0) + shape.size * shape.copies > ADDRESS_LIMIT:
            end = f"at {shape.address:#x} ends" if shape.address is not None else "is"
            self.refuse(
                f"{path}.size" if shape.address is None else f"{path}.address",
                f"a BAR of {shape.size * shape.copies:#x} bytes {end} beyond 64 bits",
            )
        return Bar(
            index=shape.index,
            space=shape.space,
            size=shape.size,
            width=shape.width,
            prefetchable=shape.prefetchable,
            address=shape.address,
            copies=shape.copies,
            sizes=tuple(shape.sizes),
            fixed=shape.fixed,
            optional=default_optional(shape.index) if shape.optional is None else shape.optional,
        )

    def bridge(self, shape: BridgeShape, path: str, address: FunctionAddress, above: tuple[int, ...]) -> Bridge:
        above = (*above, split_function_address(address)[1])
        # A bridge that nobody configured has all bus numbers zero and nothing behind it.
        configured = shape.secondary is not None and (shape.secondary != 0 or bool(shape.functions))
        if configured and shape.secondary in above:
            self.refuse(
                f"{path}.secondary",
                f"bus {shape.secondary:#x} is the bus {address} stands on or one above it: a cycle",
            )
        given = shape.windows
        windows: list[BridgeWindow] = []
        if given.io is not None:
            range_ = self.window(given.io, f"{path}.windows.io")
            windows.append(BridgeWindow("io", given.io.width, range_, given.io.granularity))
        if given.mem is not None or shape.cardbus is None:
            range_ = None if given.mem is None else self.window(given.mem, f"{path}.windows.mem")
            windows.append(BridgeWindow("mem", 32, range_))
        if given.pref is not None:
            windows.append(BridgeWindow("pref", given.pref.width, self.window(given.pref, f"{path}.windows.pref")))
        cardbus = [
            CardbusWindow(
                window.space, self.range(window.start, window.end, f"{path}.cardbus[{i}]"), window.prefetchable
            )
            for i, window in enumerate(shape.cardbus or [])
        ]
        inside = above if shape.secondary is None else (*above, shape.secondary)
        return Bridge(
            shape.secondary,
            shape.subordinate,
            shape.hotplug,
            shape.subtractive,
            tuple(windows),
            self.bus(shape.functions, path, inside),
            tuple(cardbus),
            shape.isa,
            shape.vga or 0,
        )

    def window(self, shape: WindowShape, path: str) -> Range | None:
        if shape.start is None:
            return None
        if shape.end is None:
            self.refuse(f"{path}.end", "expected an address, found null; a closed window has start null")
            return None
        return self.range(shape.start, shape.end, path, "; a closed window has start null")

    def range(self, start: int, end: int, path: str, hint: str = "") -> Range:
        if end < start:
            self.refuse(f"{path}.end", f"expected {start:#x} (start) or more, found {end:#x}{hint}")
            return _NOWHERE
        return Range.inclusive(start, end)

    def reserved(self, shape: ReservedShape, path: str) -> Reserved:
        return Reserved(shape.space, self.range(shape.start, shape.end, path), shape.what)

    def check_root_windows(self, topology: Topology) -> None:
        """Root windows of different root buses do not overlap within a space.

        A domain behind a fixed BAR (Intel VMD) has its windows inside that BAR, so inside another root window.
        """
        hosts = [
            (split_function_address(key.function)[0], bar.space, bar.range)
            for key, bar in topology.bars()
            if bar.fixed and bar.range is not None
        ]

        def behind_fixed_bar(space: str, inner: Range, inner_root: int, outer_root: int) -> bool:
            domain = topology.root_buses[outer_root].domain
            return domain != topology.root_buses[inner_root].domain and any(
                host == domain and bar_space == space and bar_range.contains(inner)
                for host, bar_space, bar_range in hosts
            )

        windows = sorted(
            (window.space, window.range, i, j)
            for i, root in enumerate(topology.root_buses)
            for j, window in enumerate(root.windows)
        )
        reach: dict[str, list[tuple[Range, int, int]]] = {}
        for space, range_, i, j in windows:
            reaching = [entry for entry in reach.get(space, []) if entry[0].end > range_.start]
            for other, other_i, other_j in reaching:
                if other_i != i and not (
                    behind_fixed_bar(space, range_, i, other_i) or behind_fixed_bar(space, other, other_i, i)
                ):
                    self.refuse(
                        f"root_buses[{i}].windows[{j}]",
                        f"{space} window {range_} overlaps {other} of another root bus "
                        f"(root_buses[{other_i}].windows[{other_j}])",
                    )
            reach[space] = [*reaching, (range_, i, j)]
