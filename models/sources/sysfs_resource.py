"""Reads sysfs ``resource`` files: what the kernel keeps of a function's BARs and bridge windows.

One line for each resource: first address, last address, flags. Lines 0 to 5 are the BARs, line 6 the ROM. Where the
kernel is built with SR-IOV, lines 7 to 12 are the VF BARs (one block for all VFs) and a bridge's windows follow;
else they come right behind the ROM. The flags are exposed to programs and documented in the kernel's ioport.h.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from models.resources import ADDRESS_LIMIT, FunctionAddress, Range, Space, WindowKind, parse_function_address
from models.sources.observation import Observation, SeenBar, SeenFunction, SeenRootBus, SeenWindow

Line = tuple[int, int, int]
"""First address, last address, flags."""

_IO, _MEM = 0x100, 0x200
_MEM_64 = 0x0010_0000
_UNSET = 0x2000_0000
_DISABLED = 0x1000_0000
_REGISTER_64, _REGISTER_PREFETCHABLE = 0x4, 0x8
"""The low bits repeat the type bits of the register."""
_PREFETCHABLE = 0x3000
"""Bit 13 today, bit 12 before Linux 2.6.39; neither means anything else on a BAR."""
_FIXED = 0x10
"""The kernel keeps it where it is: Enhanced Allocation, legacy ports, platform quirks."""
_ROM_ENABLED, _ROM_SHADOW = 0x1, 0x2

_ROM, _FIRST_VF, _LINES_WITH_VFS = 6, 7, 13
_WINDOW_KINDS: tuple[WindowKind, ...] = ("io", "mem", "pref")

_FUNCTION = r"[0-9a-f]{4,8}:[0-9a-f]{2}:[01][0-9a-f]\.[0-7]"
_PATH = re.compile(rf"\S*?(?P<function>{_FUNCTION})/resource\b")
_LINE = re.compile(r"0x([0-9a-f]{8,16}) 0x([0-9a-f]{8,16}) 0x([0-9a-f]{8,16})")
_FILE = re.compile(rf"{_FUNCTION}/resource\b[^\n]*\n?[^\n]*?0x[0-9a-f]{{8,16}} 0x[0-9a-f]{{8,16}} 0x[0-9a-f]{{8,16}}")
_ROOT = re.compile(r"pci([0-9a-f]{4,8}):([0-9a-f]{2})")


def resource_lines(text: str) -> list[Line]:
    """The lines of one ``resource`` file; anything else in it is skipped."""
    return [_line(match) for match in map(_LINE.match, text.splitlines()) if match]


def _line(match: re.Match[str]) -> Line:
    return int(match[1], 16), int(match[2], 16), int(match[3], 16)


def take_resources(function: SeenFunction, lines: Sequence[Line], *, total_vfs: int | None = None) -> None:
    """Add the BARs and windows of one ``resource`` file.

    Parameters
    ----------
    total_vfs
        Number of VFs the device supports; the size of a VF BAR stays unknown without it.
    """
    for index, line in enumerate(lines[:_ROM]):
        bar = _bar(line)
        if bar is not None:
            bar.index = index
            function.bars[index] = bar
    rom = _rom(lines[_ROM]) if len(lines) > _ROM else None
    if rom is not None:
        function.bars["rom"] = rom
    with_vfs = len(lines) >= _LINES_WITH_VFS
    for number, line in enumerate(lines[_FIRST_VF:_LINES_WITH_VFS] if with_vfs else ()):
        block = _bar(line)
        if block is not None:
            function.bars[f"vf{number}"] = _vf_bar(block, number, total_vfs)
    windows = lines[_LINES_WITH_VFS if with_vfs else _FIRST_VF :]
    if function.header == 2:
        _take_cardbus(function, windows)
    elif len(windows) >= len(_WINDOW_KINDS):
        for kind, line in zip(_WINDOW_KINDS, windows, strict=False):
            function.windows[kind] = _window(kind, line)


def _bar(line: Line) -> SeenBar | None:
    """A BAR; ``None`` where there is none, or where the kernel gave up on it."""
    start, last, flags = line
    if not flags & (_IO | _MEM) or last < start or (last == 0 and not flags & _UNSET) or last >= ADDRESS_LIMIT:
        return None
    space: Space = "io" if flags & _IO else "mem"
    assigned = start > 0 and not flags & _UNSET
    return SeenBar(
        index=0,
        space=space,
        size=last - start + 1,
        width=64 if space == "mem" and flags & (_MEM_64 | _REGISTER_64) else 32,
        prefetchable=space == "mem" and bool(flags & (_PREFETCHABLE | _REGISTER_PREFETCHABLE)),
        address=start if assigned else None,
        assigned=assigned,
        fixed=bool(flags & _FIXED),
    )


def _rom(line: Line) -> SeenBar | None:
    """The ROM; a copy in RAM (the shadow of a video ROM) says nothing of the register's size or address."""
    rom = _bar((line[0], line[1], line[2] & ~(_REGISTER_64 | _REGISTER_PREFETCHABLE)))
    if rom is None:
        return None
    rom.index, rom.prefetchable, rom.enabled, rom.fixed = "rom", True, bool(line[2] & _ROM_ENABLED), False
    if line[2] & _ROM_SHADOW:
        rom.address, rom.assigned, rom.size, rom.enabled = None, False, None, False
    return rom


def _vf_bar(block: SeenBar, number: int, total: int | None) -> SeenBar:
    """One VF's share of the block."""
    block.index, block.copies = f"vf{number}", total
    block.size = block.size // total if block.size and total and block.size % total == 0 else None
    return block


def _window(kind: WindowKind, line: Line) -> SeenWindow:
    start, last, flags = line
    width = 64 if kind == "pref" and flags & _MEM_64 else None
    if not flags & (_IO | _MEM) or flags & (_UNSET | _DISABLED) or not 0 < start <= last < ADDRESS_LIMIT:
        return SeenWindow(kind, None, closed=True, width=width)
    return SeenWindow(kind, Range.inclusive(start, last), closed=False, width=width)


def _take_cardbus(function: SeenFunction, lines: Sequence[Line]) -> None:
    for start, last, flags in lines:
        if flags & (_IO | _MEM) and not flags & _UNSET and 0 < start <= last < ADDRESS_LIMIT:
            space: Space = "io" if flags & _IO else "mem"
            function.cardbus.append(
                (space, Range.inclusive(start, last), space == "mem" and bool(flags & _PREFETCHABLE))
            )


def take_place(observation: Observation, function: SeenFunction, directory: str) -> None:
    """Learn the bridge above, or the root bus, from the directory of a function below /sys/devices."""
    parts = directory.rstrip("/").split("/")
    above = parts[-2] if len(parts) > 1 else ""
    if re.fullmatch(_FUNCTION, above):
        function.parent = parse_function_address(above)
    root = _ROOT.fullmatch(above)
    if root is not None:
        key = int(root[1], 16), int(root[2], 16)
        observation.root_buses.setdefault(key, SeenRootBus(*key))


def addresses_are_hidden(everything: Sequence[Sequence[Line]]) -> bool:
    """Resources are there (their flags are), and not one has an address or a size."""
    found = [line for lines in everything for line in lines if line[2]]
    return bool(found) and not any(start or last for start, last, _ in found)


HIDDEN = "the kernel hides addresses without root: run as root"
"""For the notes of what was read without privilege."""


def looks_like_sysfs_resource(text: str) -> bool:
    """Whether the text holds ``resource`` files, each named (by ``head``, ``grep .`` or a comment line)."""
    return _FILE.search(text) is not None


def read_sysfs_resource(text: str, source: str) -> Observation:
    """Read ``resource`` files gathered in one text, as ``grep . /sys/bus/pci/devices/*/resource`` prints them."""
    observation = Observation("sysfs", source)
    files: dict[FunctionAddress, list[Line]] = {}
    lines: list[Line] | None = None
    for text_line in text.splitlines():
        path = _PATH.search(text_line)
        if path is not None:
            address = parse_function_address(path["function"])
            lines = files.setdefault(address, [])
            take_place(observation, observation.function(address), path[0].strip().removesuffix("/resource"))
        match = _LINE.search(text_line)
        if match is not None and lines is not None:
            lines.append(_line(match))
    for address, gathered in files.items():
        take_resources(observation.function(address), gathered)
    if addresses_are_hidden(list(files.values())):
        observation.notes.append(HIDDEN)
    return observation
