"""What the kernel says after a run: its own lists of ranges, against the plan.

The plan is held as lines, one for each BAR and window, so that a journal can keep them:
``bar FUNCTION INDEX - FIRST-LAST`` and ``win BRIDGE KIND - FIRST-LAST``; ``-`` is no address, or closed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from models.placement import Placement
from models.resources import FunctionAddress, Range
from models.topology import Topology, bar_name
from solver.apply.files import Files
from solver.steps.access import Access

_LISTED = re.compile(r"\s*([0-9a-f]+)-([0-9a-f]+) : (.*)")


def expected(topology: Topology, planned: Placement) -> tuple[str, ...]:
    """Where every BAR and window of the plan has to be in the end."""
    bars = (
        f"bar {key.function} {key.index} - {words(None if at is None else Range.of(at, bar.span))}"
        for key, bar in topology.bars()
        if not bar.fixed and (at := planned.bars.get(key, ...)) is not ...
    )
    windows = (f"win {key.bridge} {key.kind} - {words(range_)}" for key, range_ in planned.windows.items())
    return (*bars, *windows)


def where(access: Access, line: str) -> str:
    """Where the kernel has what a line names, as lines write it."""
    what, name, index, *_ = line.split()
    function = FunctionAddress(name)
    if what == "win":
        return words(next((held for kind, held in access.windows(function).items() if kind == index), None))
    return words(access.bars(function).get(int(index) if index.isdecimal() else index))


def misplaced(access: Access, lines: Iterable[str]) -> list[str]:
    """What sysfs does not show where the lines have it."""
    found = []
    for line in lines:
        held, wanted = where(access, line), line.split()[4]
        if held != wanted:
            found.append(f"{_name(line)} is {_at(line, held)}, planned {_at(line, wanted)}")
    return found


def unlisted(files: Files, lines: Iterable[str]) -> list[str]:
    """BARs that /proc/iomem and /proc/ioports do not list where the lines have them; none where they are hidden."""
    listed = {*_listed(files, "/proc/iomem"), *_listed(files, "/proc/ioports")}
    if not any(held.strip("0-") for held, _ in listed):
        return []
    found = []
    for line in lines:
        what, function, _, _, wanted = line.split()
        if what == "bar" and wanted != "-" and (wanted, function) not in listed:
            found.append(f"{_name(line)} is not listed at {wanted}")
    return found


def _listed(files: Files, path: str) -> set[tuple[str, str]]:
    """Ranges as lines write them, and whose they are."""
    text = files.read(path).decode(errors="replace")
    matches = (match for line in text.splitlines() if (match := _LISTED.fullmatch(line)))
    return {(f"{int(match[1], 16):x}-{int(match[2], 16):x}", match[3]) for match in matches}


def words(range_: Range | None) -> str:
    """A range as lines write it."""
    return "-" if range_ is None else f"{range_.start:x}-{range_.last:x}"


def _name(line: str) -> str:
    what, function, index, *_ = line.split()
    if what == "win":
        return f"{function} {index} window"
    return f"{function} {bar_name(int(index) if index.isdecimal() else index)}"


def _at(line: str, held: str) -> str:
    if held == "-":
        return "closed" if line.startswith("win") else "nowhere"
    return f"at {held}"
