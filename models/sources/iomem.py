"""Reads /proc/iomem and /proc/ioports, alone or inside a mail.

A line is ``start-end : name``, inclusive, nested by two blanks a level. A mail
may quote, indent and repeat the listing; the nesting is taken from the
indentation of neighbouring lines, never from its absolute depth.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from models.resources import Range, Space
from models.sources.observation import Observation, SeenRange, SeenRootBus, SeenRootWindow

_LINE = re.compile(
    r"^(?P<quote>(?:[>|] ?)*)(?P<indent>[ \t]*)(?P<start>[0-9a-f]{4,16})-(?P<end>[0-9a-f]{4,16}) : (?P<name>\S.*?)\s*$"
)
_PCI_BUS = re.compile(r"PCI Bus (?:#|(?P<domain>[0-9a-f]{4,8}):)(?P<bus>[0-9a-f]{2})$", re.IGNORECASE)
_FUNCTION_NAME = re.compile(r"[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]$")
_IO_SPACE_LIMIT = 1 << 24
"""No port is above this where I/O space has more than 16 bits (arm64, riscv: 16 MiB)."""

_MEMORY_NAMES = ("system ram", "kernel code", "kernel data", "system rom", "ram buffer", "local apic", "ioapic")


@dataclass(frozen=True, slots=True)
class _Line:
    digits: int
    start: int
    last: int
    depth: int
    name: str


def looks_like_iomem(text: str) -> bool:
    """Whether the text holds a listing in the form of /proc/iomem or /proc/ioports (two lines or more)."""
    found = 0
    for line in text.splitlines():
        found += _LINE.match(line) is not None
        if found >= 2:
            return True
    return False


def pci_bus_name(name: str) -> tuple[int, int] | None:
    """Domain and bus of a range named ``PCI Bus 0000:03`` (old kernels: ``PCI Bus #03``), else ``None``."""
    match = _PCI_BUS.match(name)
    return None if match is None else (int(match["domain"] or "0", 16), int(match["bus"], 16))


def is_function_name(name: str) -> bool:
    """Whether a range is named after a function, as every claimed BAR is."""
    return _FUNCTION_NAME.match(name) is not None


def read_iomem(text: str, source: str) -> Observation:
    """Read every listing in the text; of several of one space the last one counts.

    Root windows are the outermost ranges named ``PCI Bus``: the reader cannot know whether the bus is a root bus.

    Parameters
    ----------
    source
        File name; one that says ``ioports`` decides where the numbers do not.
    """
    kept: dict[Space, list[_Line]] = {}
    hidden = False
    for block in _listings(text):
        if all(line.last == 0 for line in block):
            hidden = True
            continue
        kept[_space_of(block, source)] = block
    names = {"mem": "iomem", "io": "ioports"}
    observation = Observation(kind="+".join(names[space] for space in kept) or "iomem", source=source)
    if hidden and not kept:
        observation.notes.append(f"{source}: all addresses are zero; the kernel hides them from a reader without root")
    for space, block in kept.items():
        _add_ranges(observation, space, block)
    _add_root_windows(observation)
    return observation


def _listings(text: str) -> list[list[_Line]]:
    """The listings in the text: runs of matching lines, cut where outermost ranges start anew or widths change."""
    blocks: list[list[_Line]] = []
    indents: list[int] = []
    missed = 0
    outermost = -1
    for raw in text.splitlines():
        match = _LINE.match(raw)
        if match is None:
            missed += bool(raw.strip(" >|\t"))
            continue
        indent = len(match["indent"].expandtabs(8))
        start, last, digits = int(match["start"], 16), int(match["end"], 16), len(match["start"])
        fresh = not blocks or missed > 3 or (digits == 4) != (blocks[-1][-1].digits == 4)
        while indents and indents[-1] >= indent:
            indents.pop()
        if not indents and 0 < start < outermost:
            fresh = True
        if fresh:
            blocks.append([])
            indents.clear()
        if not indents:
            outermost = start
        blocks[-1].append(_Line(digits, start, last, len(indents), match["name"]))
        indents.append(indent)
        missed = 0
    return [block for block in blocks if len(block) > 1]


def _space_of(block: list[_Line], source: str) -> Space:
    """I/O where numbers have four digits; with eight, where the file name or the smallness of every port says so."""
    if all(line.digits == 4 for line in block):
        return "io"
    if any(line.name.lower().startswith(_MEMORY_NAMES) for line in block):
        return "mem"
    name = source.lower()
    if "ioport" in name:
        return "io"
    small = all(line.last < _IO_SPACE_LIMIT for line in block)
    return "io" if small and "iomem" not in name else "mem"


def _add_ranges(observation: Observation, space: Space, block: list[_Line]) -> None:
    broken = 0
    for line in block:
        if line.start > line.last:
            broken += 1
            continue
        observation.ranges.append(SeenRange(space, Range.inclusive(line.start, line.last), line.name, line.depth))
    if broken:
        observation.notes.append(f"{observation.source}: {broken} ranges that end before they start were left out")


def _add_root_windows(observation: Observation) -> None:
    inside: int | None = None
    for seen in observation.ranges:
        if inside is not None and seen.depth > inside:
            continue
        inside = None
        bus = pci_bus_name(seen.name)
        if bus is None:
            continue
        inside = seen.depth
        root = observation.root_buses.setdefault(bus, SeenRootBus(*bus))
        root.windows.append(SeenRootWindow(seen.space, seen.range))
