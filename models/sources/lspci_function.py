"""Reads one record of lspci: what its lines say of one function."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

from models.resources import ADDRESS_LIMIT, FunctionAddress, Range, Space, WindowKind, parse_number
from models.sources.config_space import window
from models.sources.lspci_records import Record
from models.sources.observation import SeenBar, SeenFunction
from models.topology import BarIndex

_TITLE = re.compile(
    r"(?:Class )?(?P<number>[0-9a-f]{4}): (?:Device )?(?P<id>[0-9a-f]{4}:[0-9a-f]{4})\b"
    r"|class=0x(?P<code>[0-9a-f]{6}) vendor=0x(?P<vendor>[0-9a-f]{4}) device=0x(?P<device>[0-9a-f]{4})\b"
    r"|(?P<name>[^:\[]+?)(?: \[(?P<class>[0-9a-f]{4})\])?: "
)
_ID = re.compile(r"\[([0-9a-f]{4}:[0-9a-f]{4})\]")
_PROG_IF = re.compile(r"\(prog-if ([0-9a-f]{2})\b")
_CLASS_NAMES = {
    "Host bridge": "0600",
    "ISA bridge": "0601",
    "PCI bridge": "0604",
    "CardBus bridge": "0607",
    "Semi-transparent PCI-to-PCI bridge": "0609",
    "IDE interface": "0101",
    "VGA compatible controller": "0300",
}
"""The classes that matter here; others stay unknown without ``-n`` or ``-nn``."""

_REGION = re.compile(
    r"(?:Region (?P<index>\d): )?(?P<virtual>\[virtual\] )?(?P<what>Memory|I/O ports|Expansion ROM) at "
    r"(?P<where>[0-9a-f]+|<[^>]*>)(?P<rest>.*)"
)
_SIZE = re.compile(r"\[size=(\d+[KMGTPE]?)\]")
_BUS = re.compile(r"Bus: primary=[0-9a-f]{2}, secondary=([0-9a-f]{2}), subordinate=([0-9a-f]{2})\b")
_BEHIND = re.compile(r"(I/O|Memory|Prefetchable memory) behind bridge: (.*)")
_LIMITS = re.compile(r"([0-9a-f]+)-([0-9a-f]+)")
_WIDTH = re.compile(r"\[(16|32|64)-bit\]")
_CARDBUS = re.compile(r"(Memory|I/O) window \d: ([0-9a-f]+)-([0-9a-f]+)(.*)")
_RESIZABLE = re.compile(r"BAR (\d): current size: (\d+[KMGTPE]?B?), supported:(.*)")
_SUPPORTED = re.compile(r"\b\d+[KMGTPE]?B\b")
_VFS = re.compile(r"Total VFs: (\d+)(?:, Number of VFs: (\d+))?")
_STRIDE = re.compile(r"VF offset: (\d+), stride: (\d+)")
_ADDRESS = re.compile(r"[0-9a-f]{1,16}")
_INDICATOR = re.compile(r"BAR Equivalent Indicator: (?:(VF-)?BAR (\d)|(expansion ROM))", re.IGNORECASE)
_KINDS: dict[str, WindowKind] = {"I/O": "io", "Memory": "mem", "Prefetchable memory": "pref"}

_SHADOW_ROM = 0xC0000
"""Where a PC's firmware copies the video ROM to; no BAR decodes it."""

_IDE_BLOCKS = (0x1F0, 0x170)
_IDE_CONTROLS = {0x3F0: 0x3F6, 0x3F4: 0x3F6, 0x3F6: 0x3F6, 0x370: 0x376, 0x374: 0x376, 0x376: 0x376}
"""Ports of IDE compatibility mode: lspci masks the low bits, and prints no size for one byte."""


@dataclass(slots=True)
class Listed:
    """One function as one listing shows it.

    Attributes
    ----------
    verbose
        The listing shows the function's details (``-v`` or more).
    gone
        It reads as all ones.
    all_virtual
        Every region is one that no register of the function holds.
    counted
        BAR indices were not printed and had to be counted.
    regions, resizable
        What has to wait until the indices are known: regions without one; index, size and sizes of Resizable BARs.
    enabled_vfs, vf_stride
        Number of virtual functions, and where they are (offset, stride), for a physical function.
    """

    record: Record
    function: SeenFunction
    verbose: bool = False
    names_driver: bool = False
    gone: bool = False
    denied: bool = False
    all_virtual: bool = True
    counted: bool = False
    hides_vfs: bool = False
    enabled_vfs: int = 0
    vf_stride: tuple[int, int] | None = None
    regions: list[SeenBar] = field(default_factory=list)
    resizable: list[tuple[BarIndex, int, tuple[int, ...]]] = field(default_factory=list)

    @property
    def fullness(self) -> tuple[bool, int, int]:
        """How much is told; larger is fuller."""
        sized = sum(bar.size is not None for bar in (*self.regions, *self.function.bars.values()))
        return self.verbose, sized, len(self.record.lines)

    def place_regions(self, registers: dict[BarIndex, SeenBar]) -> None:
        """Give the regions printed without an index one: from the registers, else by counting (64 bits take two)."""
        following = 0
        for bar in self.regions:
            found = _matching(bar, registers, following)
            self.counted = self.counted or found is None
            index = following if found is None else found
            if index > 5:
                break
            self.function.bars.setdefault(index, replace(bar, index=index))
            following = index + (2 if bar.width == 64 and bar.space == "mem" else 1)
        self.regions = []
        for resizable, current, sizes in self.resizable:
            known = self.function.bars.get(resizable)
            if known is not None:
                known.size, known.sizes = known.size or current, sizes


def _as_ide_port(bar: SeenBar) -> SeenBar:
    """A port block of an IDE controller in compatibility mode, which lspci may take for memory."""
    if bar.address in _IDE_BLOCKS and bar.size == 8:
        return replace(bar, space="io", width=32, prefetchable=False)
    if bar.address in _IDE_CONTROLS and bar.size in (None, 1):
        port = _IDE_CONTROLS[bar.address]
        return replace(bar, space="io", width=32, prefetchable=False, address=port, size=1)
    return bar


def _matching(bar: SeenBar, registers: dict[BarIndex, SeenBar], following: int) -> int | None:
    """The first register from ``following`` on that is of the same space and width; one with the same address first."""
    alike = [
        index
        for index, register in registers.items()
        if isinstance(index, int)
        and index >= following
        and (register.space, register.width) == (bar.space, bar.width or 32)
    ]
    same = [index for index in alike if registers[index].address == bar.address]
    return min(same or alike, default=None)


def read_record(record: Record, address: FunctionAddress, parent: FunctionAddress | None) -> Listed:
    """Read one record; regions without an index wait for :meth:`Listed.place_regions`."""
    reader = _Reader(Listed(record, SeenFunction(address, parent=parent)))
    for line in record.lines:
        reader.take(line)
    reader.finish()
    return reader.listed


class _Reader:
    """Takes the lines of one record; knows the capability it is in."""

    def __init__(self, listed: Listed) -> None:
        self.listed = listed
        self.function = listed.function
        self.capability = ""
        self.total_vfs: int | None = None
        self.entry: SeenBar | None = None

    def take(self, line: str) -> None:
        """Read one line, by its first words."""
        if line.startswith("Capabilities: "):
            self.take_capability(line)
        elif line.startswith(("Region ", "Memory at", "I/O ports", "Expansion ROM", "[virtual]")):
            self.take_region(line)
        elif line.startswith(("Flags: ", "Control: ")):
            self.listed.verbose = self.listed.verbose or not self.capability
        elif line.startswith("Bus: "):
            self.take_bus(line)
        elif line.startswith("BridgeCtl: "):
            self.function.isa = "NoISA+" in line
            self.function.vga = 0 if "VGA+" not in line else 16 if "VGA16+" in line else 10
        elif " behind bridge: " in line:
            self.take_window(line)
        elif " window " in line:
            self.take_cardbus(line)
        elif line.startswith("Kernel "):
            self.take_driver(line)
        elif line.startswith("SltCap:"):
            self.function.hotplug = "HotPlug+" in line
        elif "Resizable BAR" in self.capability:
            self.take_resizable(line)
        elif self.capability.startswith("Single Root"):
            self.take_vfs(line)
        elif self.capability.startswith("Enhanced Alloc"):
            self.take_enhanced(line)
        elif line.startswith("!!! Unknown header type"):
            self.listed.gone = self.listed.verbose = True

    def take_capability(self, line: str) -> None:
        """``Capabilities: [54] Express (v2) Root Port (Slot+), MSI 00``."""
        self.capability = line.partition("] ")[2]
        self.listed.denied = self.listed.denied or "<access denied>" in line
        if self.capability.startswith("Express") and "(Slot-)" in line and self.function.hotplug is None:
            self.function.hotplug = False

    def take_region(self, line: str) -> None:
        """``Region 0: Memory at f6000000 (64-bit, prefetchable) [disabled] [size=32M]``."""
        match = _REGION.match(line)
        if match is None:
            return
        rest, index = match["rest"], match["index"]
        virtual = match["virtual"] is not None or "[virtual]" in rest
        size = _SIZE.search(rest)
        address = None if match["where"].startswith("<") else int(match["where"], 16)
        space: Space = "io" if match["what"] == "I/O ports" else "mem"
        bar = SeenBar(
            index=0,
            space=space,
            size=parse_number(size[1]) if size else None,
            width=64 if "(64-bit" in rest and space == "mem" else 32,
            prefetchable=space == "mem" and ", prefetchable" in rest,
            address=address,
            assigned=bool(address) and (address or 0) < ADDRESS_LIMIT,
            fixed="[enhanced]" in rest,
            enabled="[disabled]" not in rest,
        )
        bar.address = bar.address if bar.assigned else None
        if match["what"] == "Expansion ROM":
            self.take_rom(bar, virtual)
        elif self.capability.startswith("Single Root"):
            bar.index, bar.copies, bar.enabled = f"vf{index}", self.total_vfs, None
            self.function.bars[bar.index] = bar
        else:
            self.listed.all_virtual = self.listed.all_virtual and virtual
            bar = _as_ide_port(bar)
            if index is None:
                self.listed.regions.append(bar)
            else:
                self.function.bars[int(index)] = replace(bar, index=int(index))

    def take_rom(self, bar: SeenBar, virtual: bool) -> None:
        """``Expansion ROM at 000c0000 [virtual] [disabled] [size=128K]``: there it is a copy in RAM."""
        bar.index, bar.prefetchable = "rom", True
        if virtual and bar.address == _SHADOW_ROM:
            bar.address, bar.assigned, bar.size = None, False, None
        self.function.bars["rom"] = bar

    def take_bus(self, line: str) -> None:
        """``Bus: primary=00, secondary=01, subordinate=01, sec-latency=0``."""
        match = _BUS.match(line)
        if match is not None:
            self.listed.verbose = True
            self.function.secondary, self.function.subordinate = int(match[1], 16), int(match[2], 16)
            self.function.header = self.function.header or 1

    def take_window(self, line: str) -> None:
        """``Memory behind bridge: fe800000-fe9fffff [size=2M] [32-bit]``, or closed in one of many ways."""
        match = _BEHIND.match(line)
        if match is None:
            return
        kind = _KINDS[match[1]]
        limits, bits = _LIMITS.match(match[2]), _WIDTH.search(match[2])
        width = int(bits[1]) if bits else None
        if limits is None:
            base, last = 1, 0
        else:
            base, last = int(limits[1], 16), int(limits[2], 16)
            if kind != "io" and last & 0xFFFFF == 0:  # old versions print the register, not the last byte
                last |= 0xFFFFF
            if kind == "pref" and width is None:
                width = 64 if len(limits[1]) > 8 else 32
        self.function.windows[kind] = window(kind, base, last, width)

    def take_cardbus(self, line: str) -> None:
        """``Memory window 0: 20000000-21fff000 (prefetchable)``; the limit names the last page."""
        match = _CARDBUS.match(line)
        if match is None:
            return
        space: Space = "mem" if match[1] == "Memory" else "io"
        base, last = int(match[2], 16), int(match[3], 16) | (0xFFF if space == "mem" else 3)
        self.function.header = 2
        if 0 < base <= last < ADDRESS_LIMIT:
            self.function.cardbus.append((space, Range.inclusive(base, last), "(prefetchable)" in match[4]))

    def take_driver(self, line: str) -> None:
        """``Kernel driver in use: nvme``; ``Kernel modules:`` names candidates only."""
        words = line.split()
        self.listed.names_driver = self.listed.names_driver or line.startswith(("Kernel driver in", "Kernel modules:"))
        if line.startswith("Kernel driver in use: ") and len(words) > 4:
            self.function.driver = words[4]

    def take_resizable(self, line: str) -> None:
        """``BAR 1: current size: 256MB, supported: 64MB 128MB 256MB 512MB``."""
        match = _RESIZABLE.match(line)
        if match is None:
            return
        number = int(match[1])
        index: BarIndex = f"vf{number}" if self.capability.startswith("Virtual") else number
        sizes = tuple(parse_number(size) for size in _SUPPORTED.findall(match[3]))
        self.listed.resizable.append((index, parse_number(match[2]), sizes))

    def take_vfs(self, line: str) -> None:
        """``Initial VFs: 8, Total VFs: 8, Number of VFs: 2, ...`` and ``VF offset: 2, stride: 1, ...``."""
        counts, stride = _VFS.search(line), _STRIDE.search(line)
        if counts is not None:
            self.total_vfs, self.listed.enabled_vfs = int(counts[1]), int(counts[2] or 0)
        if stride is not None:
            self.listed.vf_stride = int(stride[1]), int(stride[2])

    def take_enhanced(self, line: str) -> None:
        """An entry of Enhanced Allocation: indicator, properties, base, largest offset, on a line each."""
        indicator = _INDICATOR.match(line)
        key, _, value = line.partition(": ")
        if line.startswith("Entry "):
            self.entry = None
        elif indicator is not None:
            index: BarIndex = "rom" if indicator[3] else int(indicator[2])
            self.entry = SeenBar(f"vf{index}" if indicator[1] else index, "mem", assigned=True, fixed=True)
        elif self.entry is None:
            return
        elif key == "PrimaryProperties":
            self.entry.space = "io" if "I/O" in value else "mem"
            self.entry.prefetchable = ", prefetchable" in value
        elif not _ADDRESS.fullmatch(value):
            return
        elif key == "Base":
            self.entry.address = int(value, 16)
            self.entry.width = 64 if self.entry.address >> 32 else 32
        elif key == "MaxOffset" and self.entry.address is not None:
            self.entry.size = int(value, 16) + 1
            known = self.function.bars.get(self.entry.index)
            self.function.bars[self.entry.index] = replace(known, fixed=True) if known else self.entry

    def finish(self) -> None:
        """Title, and what can only be told when all lines were read."""
        self.take_title(self.listed.record.title)
        self.listed.hides_vfs = self.listed.record.lines != [] and self.has_hidden_vfs()
        if self.listed.gone:
            self.function.bars.clear()
            self.listed.regions.clear()
        elif self.listed.verbose and self.function.header is None:
            self.function.header = 0

    def has_hidden_vfs(self) -> bool:
        """SR-IOV is named, and its numbers are not printed."""
        return self.total_vfs is None and any("(SR-IOV)" in line for line in self.listed.record.lines)

    def take_title(self, title: str) -> None:
        """``PCI bridge [0604]: Intel Corporation ... [8086:1901] (rev 07) (prog-if 01 [Subtractive decode])``."""
        match = _TITLE.match(title)
        if match is None:
            return
        function, prog_if = self.function, _PROG_IF.search(title)
        if "(rev ff)" in title and (prog_if is None or prog_if[1] == "ff"):
            self.listed.gone, prog_if = True, None
        if match["code"]:
            function.class_code, function.id = match["code"], f"{match['vendor']}:{match['device']}"
            return
        code = match["number"] or match["class"] or _CLASS_NAMES.get(match["name"] or "")
        ids = _ID.findall(title)
        function.id = match["id"] or (ids[-1] if ids else None)
        if code is not None and not self.listed.gone and (prog_if or self.listed.verbose):
            code += prog_if[1] if prog_if else "00"
            function.subtractive = code == "060401" if code.startswith("0604") else None
        function.class_code = code
