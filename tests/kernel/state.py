"""A guest's PCI state, read from its kernel log and from sysfs by code that shares nothing with the project's readers.

What the kernel found (sizes, and the registers as firmware left them) comes from the log's scan lines, where
everything is now from sysfs: the kernel's own resource tree.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from models.placement import Placement
from models.resources import MIB, FunctionAddress, Range, Space, WindowKind
from models.topology import (
    Bar,
    BarIndex,
    BarKey,
    Bridge,
    BridgeWindow,
    Function,
    Reserved,
    RootBus,
    RootWindow,
    Topology,
    WindowKey,
    default_granularity,
)

WINDOW_ROWS: dict[int, WindowKind] = {13: "io", 14: "mem", 15: "pref"}
"""Rows of a ``resource`` file that are bridge windows, where the kernel has SR-IOV."""

HOTPLUG_PORTS = ("1b36:000c", "104c:8233", "8086:3420")
"""QEMU's ports whose slot can hotplug: root ports and a switch's downstream ports."""

_ADDRESS = r"[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]"
_RESOURCE = r"\[(?P<space>io|mem)\s+0x(?P<start>[0-9a-f]+)-0x(?P<last>[0-9a-f]+)(?P<flags>[^\]]*)\]"
_TIME = re.compile(r"^\[ *\d+\.\d+\] ", re.MULTILINE)
_TYPE = re.compile(rf"pci (?P<function>{_ADDRESS}): \[[0-9a-f:]+\] type (?P<type>\d\d) class")
_BAR = re.compile(rf"pci (?P<function>{_ADDRESS}): (?P<what>BAR (?P<bar>\d)|ROM|VF BAR (?P<vf>\d)) {_RESOURCE}$")
_COPIES = re.compile(rf"pci (?P<function>{_ADDRESS}): VF BAR (?P<vf>\d) .*contains BAR \d for (?P<copies>\d+) VFs")
_BRIDGE = re.compile(
    rf"(?P<function>{_ADDRESS}): PCI bridge to \[bus (?P<first>\w\w)(?:-(?P<last>\w\w))?\](?P<more>.*)"
)
_WINDOW = re.compile(rf"(?P<function>{_ADDRESS}):   bridge window {_RESOURCE}$")
_ROOT = re.compile(rf"pci_bus (?P<root>\w{{4}}:\w\w): root bus resource {_RESOURCE}")
_SHADOWED = re.compile(rf"pci (?P<function>{_ADDRESS}): Video device with shadowed ROM")
_ASSIGNING = re.compile(r"\]: assigned$|can't assign|add_size|failed to assign|pci_bus \S+: resource 4 ")


@dataclass(slots=True)
class Scanned:
    """What one scan of a function found: BARs with the address in their registers, and bridge windows."""

    bars: dict[BarIndex, Bar] = field(default_factory=dict)
    windows: dict[WindowKind, Range] = field(default_factory=dict)


@dataclass(slots=True)
class Listed:
    """One function as sysfs lists it; a row is start, last address and flags."""

    address: FunctionAddress
    parent: FunctionAddress | None
    root: tuple[int, int]
    values: dict[str, str]
    rows: dict[int, tuple[int, int, int]]

    @property
    def id(self) -> str:
        return f"{self.values['vendor'][2:]}:{self.values['device'][2:]}"

    @property
    def class_code(self) -> str:
        return self.values["class"][2:]

    def range(self, row: int) -> Range | None:
        """Where a row's resource is; ``None`` where the kernel holds none."""
        start, last, flags = self.rows.get(row, (0, 0, 0))
        return Range.inclusive(start, last) if flags and start and last > start else None


@dataclass(slots=True)
class State:
    """A guest's kernel log and its functions at one moment."""

    log: list[str]
    functions: dict[FunctionAddress, Listed]

    @classmethod
    def read(cls, log: str, functions: str) -> State:
        """The state in the texts of ``dmesg`` and ``in_guest/functions``."""
        return cls(_TIME.sub("", log).splitlines(), _listed(functions))

    def scans(self) -> dict[FunctionAddress, list[Scanned]]:
        """Every scan of every function, in order (a replaced device is scanned again)."""
        result: dict[FunctionAddress, list[Scanned]] = {}
        assigning = False
        shadowed = {match["function"] for match in self._lines(_SHADOWED)}
        for line in self.log:
            # Once the kernel assigns, window lines tell its result and no longer the registers.
            assigning |= _ASSIGNING.search(line) is not None
            if match := _TYPE.search(line):
                result.setdefault(FunctionAddress(match["function"]), []).append(Scanned())
            elif match := _BAR.search(line):
                bar = _scanned_bar(match)
                if bar.index == "rom" and match["function"] in shadowed:
                    # The boot VGA's ROM is a copy in memory below 1 MiB; the kernel leaves its BAR alone.
                    bar = replace(bar, address=None, fixed=True)
                result[FunctionAddress(match["function"])][-1].bars.setdefault(bar.index, bar)
            elif match := _COPIES.search(line):
                bars = result[FunctionAddress(match["function"])][-1].bars
                index = f"vf{match['vf']}"
                bars[index] = replace(bars[index], copies=int(match["copies"]))
            elif not assigning and (match := _WINDOW.search(line)) and int(match["start"], 16):
                result[FunctionAddress(match["function"])][-1].windows.setdefault(_window_kind(match), _range(match))
        return result

    def topology(self, machine: str = "") -> Topology:
        """The machine with every BAR and window where the kernel has it now."""
        scans = self.scans()
        found = {address: scans[address][-1] for address in self.functions}
        return self._build(machine, lambda listed: _now(listed, found[listed.address]))

    def topology_before_assignment(self, machine: str = "") -> Topology:
        """The machine as the kernel found it at boot: what firmware had assigned, and nothing else."""
        scans = self.scans()
        return self._build(machine, lambda listed: scans[listed.address][0])

    def topology_before_plug(self, earlier: State, machine: str = "") -> Topology:
        """The machine just before the kernel assigned what was plugged in since ``earlier``."""
        scans, old = self.scans(), earlier.scans()

        def state(listed: Listed) -> Scanned:
            scan = scans[listed.address][-1]
            if listed.address in earlier.functions and len(scans[listed.address]) == len(old[listed.address]):
                return _now(earlier.functions[listed.address], scan)
            return scan

        return self._build(machine, state)

    def new_functions(self, earlier: State) -> list[FunctionAddress]:
        """Functions scanned since ``earlier``."""
        scans, old = self.scans(), earlier.scans()
        return [address for address in self.functions if len(scans[address]) > len(old.get(address, ()))]

    def _build(self, machine: str, state: Callable[[Listed], Scanned]) -> Topology:
        buses = {match["function"]: match for match in self._lines(_BRIDGE)}
        subtractive = {match["function"] for match in self._lines(_BRIDGE) if "subtractive" in match["more"]}

        def functions(parent: FunctionAddress | None, root: tuple[int, int]) -> tuple[Function, ...]:
            return tuple(
                built(listed)
                for listed in self.functions.values()
                if listed.parent == parent and listed.root == root and "virtual" not in listed.values
            )

        def built(listed: Listed) -> Function:
            scan = state(listed)
            bridge = None
            if listed.class_code.startswith("0604"):
                bus = buses[listed.address]
                bridge = Bridge(
                    secondary=int(bus["first"], 16),
                    subordinate=int(bus["last"] or bus["first"], 16),
                    hotplug=listed.id in HOTPLUG_PORTS,
                    subtractive=listed.address in subtractive,
                    windows=tuple(_window(kind, scan.windows.get(kind)) for kind in WINDOW_ROWS.values()),
                    functions=functions(listed.address, listed.root),
                )
            return Function(
                listed.address,
                listed.id,
                listed.class_code,
                listed.values.get("driver") or None,
                True,
                tuple(scan.bars.values()),
                bridge,
            )

        windows: dict[tuple[int, int], list[RootWindow]] = {
            root: [] for root in sorted({listed.root for listed in self.functions.values()})
        }
        for match in self._lines(_ROOT):
            domain, bus = match["root"].split(":")
            window = RootWindow(match["space"], _range(match), "pref" in match["flags"])  # type: ignore[arg-type]
            windows[int(domain, 16), int(bus, 16)].append(window)
        roots = tuple(RootBus(*root, tuple(held), functions(None, root)) for root, held in windows.items())
        return _with_legacy_ranges(Topology(roots, machine))

    def _lines(self, pattern: re.Pattern[str]) -> Iterator[re.Match[str]]:
        return (match for line in self.log if (match := pattern.search(line)))

    def placement(self) -> Placement:
        """Where the kernel has everything now."""
        return Placement.today(self.topology())


def refusals(log: list[str]) -> list[str]:
    """Lines in which the kernel refuses an address that was in a register."""
    words = ("can't claim", "address conflict", "no compatible bridge window", "no initial claim")
    return [line for line in log if any(word in line for word in words) and "ICH6" not in line]


def differences(wanted: Placement, got: Placement) -> list[str]:
    """Every BAR and window that is not where it was wanted, as text; closed and unassigned count as places."""
    result = []
    for bar in sorted({*wanted.bars, *got.bars}, key=str):
        left, right = wanted.bars.get(bar), got.bars.get(bar)
        if left != right:
            result.append(f"{BarKey(*bar)}: {_hex(left)} != {_hex(right)}")
    for window in sorted({*wanted.windows, *got.windows}):
        one, other = wanted.windows.get(window), got.windows.get(window)
        if one != other:
            result.append(f"{WindowKey(*window)}: {one or 'closed'} != {other or 'closed'}")
    return result


def _hex(address: int | None) -> str:
    return "unassigned" if address is None else f"{address:#x}"


def _with_legacy_ranges(topology: Topology) -> Topology:
    """The PC's ports below 0x1000 and memory below 1 MiB are reserved, but for what stands there already."""
    reserved: list[Reserved] = []
    legacy: tuple[tuple[Space, int, str], ...] = (("io", 0x1000, "legacy ports"), ("mem", MIB, "legacy memory"))
    for space, end, what in legacy:
        start = 0
        held = sorted(bar.range for _, bar in topology.bars() if bar.range and bar.space == space)
        for range_ in (one for one in held if one.start < end):
            if start < range_.start:
                reserved.append(Reserved(space, Range(start, range_.start), what))
            start = range_.end
        if start < end:
            reserved.append(Reserved(space, Range(start, end), what))
    return replace(topology, reserved=tuple(reserved))


def _now(listed: Listed, scan: Scanned) -> Scanned:
    """The function's BARs with their addresses of today, and its open windows."""
    bars = {}
    for index, bar in scan.bars.items():
        row = index if isinstance(index, int) else 6 if index == "rom" else 7 + int(index[2:])
        held = listed.range(row)
        bars[index] = replace(bar, address=held.start if held and not bar.fixed else None)
    held_windows = {kind: held for row, kind in WINDOW_ROWS.items() if (held := listed.range(row))}
    return Scanned(bars, held_windows)


def _window(kind: WindowKind, held: Range | None) -> BridgeWindow:
    """QEMU's bridges all have 16-bit I/O and 64-bit prefetchable windows."""
    width = {"io": 16, "mem": 32, "pref": 64}[kind]
    return BridgeWindow(kind, width, held, default_granularity(kind))


def _scanned_bar(match: re.Match[str]) -> Bar:
    found = _range(match)
    index: BarIndex = int(match["bar"]) if match["bar"] else f"vf{match['vf']}" if match["vf"] else "rom"
    space = match["space"]
    return Bar(
        index,
        space,  # type: ignore[arg-type]
        found.size,
        64 if "64bit" in match["flags"] else 32,
        "pref" in match["flags"],
        found.start or None,
        optional=isinstance(index, str),
    )


def _window_kind(match: re.Match[str]) -> WindowKind:
    return "io" if match["space"] == "io" else "pref" if "pref" in match["flags"] else "mem"


def _range(match: re.Match[str]) -> Range:
    return Range.inclusive(int(match["start"], 16), int(match["last"], 16))


def _listed(text: str) -> dict[FunctionAddress, Listed]:
    result: dict[FunctionAddress, Listed] = {}
    current = None
    for line in text.splitlines():
        if match := re.fullmatch(r"\[(.*)\]", line):
            current = Listed(FunctionAddress(match[1]), None, (0, 0), {}, {})
            result[current.address] = current
        elif current is None or line.startswith("bus "):
            continue
        elif match := re.fullmatch(r" *(\d+) 0x(\w+) 0x(\w+) 0x(\w+)", line):
            current.rows[int(match[1])] = (int(match[2], 16), int(match[3], 16), int(match[4], 16))
        elif "=" in line:
            key, value = line.split("=", 1)
            current.values[key] = value
    for listed in result.values():
        *above, _ = (part for part in listed.values["path"].split("/") if re.fullmatch(_ADDRESS, part))
        listed.parent = FunctionAddress(above[-1]) if above else None
        root = re.search(r"pci(\w{4}):(\w\w)", listed.values["path"])
        assert root is not None
        listed.root = int(root[1], 16), int(root[2], 16)
    return result
