"""A generated server of 500 functions, and a placement of it in which BARs move, come and go."""

from __future__ import annotations

from dataclasses import replace

from models.placement import Placement
from models.plan import Objective, Plan, PlannedBar, PlannedWindow, Status
from models.resources import GIB, KIB, MIB, Range, align_up
from models.topology import Bar, BarKey, Bridge, BridgeWindow, Function, RootBus, RootWindow, Topology, WindowKey
from tests.topologies import function, host

DEVICES: tuple[tuple[str, str | None, tuple[tuple[int, bool], ...]], ...] = (
    ("nvme", "010802", ((16 * KIB, False),)),
    ("mlx5_core", "020000", ((32 * MIB, True), (1 * MIB, True))),
    ("amdgpu", "038000", ((8 * GIB, True), (2 * MIB, True), (512 * KIB, False))),
    ("xhci_hcd", "0c0330", ((64 * KIB, False),)),
)
"""Driver, class, and size and kind of the BARs of what stands behind the ports, in turn."""


def big_server(functions: int = 500) -> Topology:
    """Eight root buses full of ports, each with one device of four functions behind it."""
    roots = []
    per_root = functions // 8
    for number in range(8):
        count = per_root + (functions % 8 if number == 7 else 0)
        roots.append(_root(number, count))
    return Topology(tuple(roots), "A generated server", ())


def rearranged(topology: Topology) -> Placement:
    """Two devices of the same shape change places on each root bus, one BAR loses its address, a window closes."""
    today = Placement.today(topology)
    bars, windows = dict(today.bars), dict(today.windows)
    for root in topology.root_buses:
        ports = [port for port in root.functions if port.bridge is not None]
        first, second = ports[0], ports[4]
        assert first.bridge is not None
        assert second.bridge is not None
        for kind in ("mem", "pref"):
            here_window, there_window = WindowKey(first.address, kind), WindowKey(second.address, kind)
            windows[here_window], windows[there_window] = today.windows[there_window], today.windows[here_window]
        for one, two in zip(first.bridge.functions, second.bridge.functions, strict=False):
            for index in (0, 2, 4):
                here, there = BarKey(one.address, index), BarKey(two.address, index)
                if here in bars and there in bars:
                    bars[here], bars[there] = today.bars[there], today.bars[here]
    last = next(port for port in reversed(topology.root_buses[-1].functions) if port.bridge is not None)
    assert last.bridge is not None
    for behind in last.bridge.functions:
        for bar in behind.bars:
            bars[BarKey(behind.address, bar.index)] = None
    windows[WindowKey(last.address, "mem")] = windows[WindowKey(last.address, "pref")] = None
    return Placement(bars, windows)


def planned_server() -> tuple[Topology, Plan]:
    """The server of 500 functions with its rearrangement as a plan."""
    topology = big_server(500)
    placement = rearranged(topology)
    bars = tuple(PlannedBar(key, bar.size, bar.address, placement.bars[key]) for key, bar in topology.bars())
    windows = tuple(
        PlannedWindow(key, window.range, placement.windows[key]) for key, window in topology.windows() if window.range
    )
    objectives = (Objective("unplaced", 6, None),)
    return topology, Plan("", "by hand", "always", Status.FEASIBLE, objectives, bars, windows)


def _root(number: int, count: int) -> RootBus:
    """A root bus of ``count`` functions, ports included, filled from the start of its windows."""
    low, high = 0x8000_0000 + number * 128 * MIB, (0x40 + number * 4) << 36
    bus = number * 0x20
    mem, pref = low, high
    ports: list[Function] = []
    left, device = count, 0
    while left > 1:
        size = min(left - 1, 4)
        first_mem, first_pref = mem, pref
        behind = []
        for index in range(size):
            driver, class_code, shapes = DEVICES[(device + index // 2) % len(DEVICES)]
            bars: list[Bar] = []
            for shape, (span, prefetchable) in enumerate(shapes):
                start = align_up(pref if prefetchable else mem, span)
                mem, pref = (mem, start + span) if prefetchable else (start + span, pref)
                bars.append(Bar(shape * 2, "mem", span, 64 if prefetchable else 32, prefetchable, start))
            made = function(f"{bus + 1 + device:02x}:00.{index}", *bars, driver=driver, class_code=class_code)
            behind.append(made)
        mem, pref = align_up(mem, MIB), align_up(pref, MIB)
        windows = (
            BridgeWindow("io", 16, None, 4 * KIB),
            BridgeWindow("mem", 32, Range(first_mem, mem) if mem > first_mem else None),
            BridgeWindow("pref", 64, Range(first_pref, pref) if pref > first_pref else None),
        )
        port = function(f"{bus:02x}:{device:02x}.0", driver="pcieport", class_code="060400")
        bridge = Bridge(bus + 1 + device, bus + 1 + device, True, False, windows, tuple(behind))
        ports.append(replace(port, bridge=bridge))
        left -= size + 1
        device += 1
    ports.extend(function(f"{bus:02x}:1f.{index}", driver=None) for index in range(left))
    root_windows = (
        RootWindow("mem", Range.of(low, 128 * MIB)),
        RootWindow("mem", Range.of(high, 1 << 38), prefetchable=True),
    )
    return replace(host(*ports, io=None, mem=None, pref=None, bus=bus), windows=root_windows)
