"""Finds ranges inside root windows that no BAR may take."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from models.resources import IO_GRANULARITY, MIB, Range, Space
from models.sources.convert import LEGACY_IDE_PORTS
from models.sources.iomem import is_function_name, pci_bus_name
from models.sources.observation import Observation, SeenRange
from models.topology import Reserved, Topology

LEGACY_PORTS = Range(0, IO_GRANULARITY)
"""Ports of the PC platform; no kernel assigns a BAR below 0x1000 (the kernel's PCIBIOS_MIN_IO)."""

VGA_MEMORY = Range(0xA0000, 0xC0000)
VGA_PORTS = (Range(0x3B0, 0x3BC), Range(0x3C0, 0x3E0))
"""What a VGA function decodes whatever its BARs say (bus addresses)."""

LEGACY_MEMORY = Range(0, MIB)
"""Conventional memory, the VGA frame buffer (0xa0000), option ROMs and the BIOS."""


def reserved_ranges(observation: Observation, topology: Topology) -> tuple[Reserved, ...]:
    """Reserved ranges of a machine, each inside a root window and clear of what stands there today.

    They come from /proc/iomem and /proc/ioports (the outermost range that is neither PCI itself nor holds
    anything of PCI, or one claimed for a function that has no such BAR), from what the log says for certain, from
    the PC's legacy ranges, and from what VGA and IDE functions decode without a BAR.
    """
    taken = _taken(topology)
    wanted = [
        Reserved("io", LEGACY_PORTS, "legacy ports below 0x1000"),
        Reserved("mem", LEGACY_MEMORY, "legacy memory below 1 MiB"),
        *_decoded_without_bar(topology),
        *_from_ranges(observation.ranges),
        *_without_bar(observation.ranges, topology),
        *(Reserved(space, range_, what) for space, range_, what in observation.reserved),
    ]
    result: list[Reserved] = []
    covered: dict[Space, list[Range]] = {"io": [], "mem": []}
    for entry in wanted:
        for part in _inside_root_windows(entry, topology):
            for left in _minus(part, [*taken[entry.space], *covered[entry.space]]):
                result.append(Reserved(entry.space, left, entry.what))
                covered[entry.space].append(left)
    return tuple(sorted(result, key=lambda entry: (entry.space, entry.range)))


def _decoded_without_bar(topology: Topology) -> Iterator[Reserved]:
    """Bus addresses that VGA and IDE functions decode with no BAR, where the host bridge puts them elsewhere.

    VGA: PCI-to-PCI Bridge Architecture 1.2, 3.2.5.18. IDE: a channel whose mode bit (0 or 2 of the programming
    interface) is clear has its ports of the PC (PCI IDE Controller 1.0, 2.1).
    """
    for function, bus in topology.functions():
        for space, range_, what in _legacy_ranges(function.class_code or ""):
            for window in bus.root.windows:
                if window.space == space and window.offset and range_.start + window.offset >= 0:
                    here = Range.of(range_.start + window.offset, range_.size)
                    yield Reserved(space, here, f"{what} of {function.address}")


def _legacy_ranges(class_code: str) -> Iterator[tuple[Space, Range, str]]:
    if class_code.startswith("0300"):
        yield "mem", VGA_MEMORY, "VGA memory"
        for ports in VGA_PORTS:
            yield "io", ports, "VGA ports"
    if class_code.startswith("0101") and len(class_code) == 6:
        for channel, bit in enumerate((1, 4)):
            if not int(class_code[4:], 16) & bit:
                for ports in LEGACY_IDE_PORTS[2 * channel : 2 * channel + 2]:
                    yield "io", ports, "legacy IDE ports"


def _from_ranges(ranges: Iterable[SeenRange]) -> list[Reserved]:
    """Ranges of the platform: they neither stand below a function or a bus that PCI made, nor hold any such."""
    listed = list(ranges)
    result: list[Reserved] = []
    position = 0
    while position < len(listed):
        seen = listed[position]
        end = position + 1
        while end < len(listed) and listed[end].depth > seen.depth and listed[end].space == seen.space:
            end += 1
        inside = listed[position + 1 : end]
        if is_function_name(seen.name):
            position = end
        elif pci_bus_name(seen.name) is not None or any(_is_pci(other) for other in inside):
            position += 1
        else:
            result.append(Reserved(seen.space, seen.range, seen.name))
            position = end
    return result


def _without_bar(ranges: Iterable[SeenRange], topology: Topology) -> list[Reserved]:
    """Ranges claimed for a function that no BAR of it explains: chipset registers (power management, GPIO)."""
    sizes: dict[tuple[str, Space], set[int]] = {}
    for key, bar in topology.bars():
        sizes.setdefault((key.function, bar.space), set()).update((bar.size, bar.span))
    return [
        Reserved(seen.space, seen.range, f"{seen.name}, no BAR")
        for seen in ranges
        if is_function_name(seen.name) and seen.range.size not in sizes.get((seen.name, seen.space), set())
    ]


def _is_pci(seen: SeenRange) -> bool:
    return is_function_name(seen.name) or pci_bus_name(seen.name) is not None


def _taken(topology: Topology) -> dict[Space, list[Range]]:
    """What BARs and bridge windows cover today."""
    taken: dict[Space, list[Range]] = {"io": [], "mem": []}
    for _, bar in topology.bars():
        if bar.range is not None:
            taken[bar.space].append(bar.range)
    for _, window in topology.windows():
        if window.range is not None:
            taken[window.space].append(window.range)
    return {space: sorted(ranges) for space, ranges in taken.items()}


def _inside_root_windows(entry: Reserved, topology: Topology) -> list[Range]:
    return [
        clipped
        for root in topology.root_buses
        for window in root.windows
        if window.space == entry.space and (clipped := window.range.clip(entry.range)) is not None
    ]


def _minus(range_: Range, taken: list[Range]) -> list[Range]:
    left = [range_]
    for other in taken:
        left = [
            part
            for piece in left
            for part in (
                [piece]
                if not piece.overlaps(other)
                else [
                    *([Range(piece.start, other.start)] if piece.start < other.start else []),
                    *([Range(other.end, piece.end)] if other.end < piece.end else []),
                ]
            )
        ]
    return left
