"""What the kernel says after a run: its own lists of ranges, against the plan."""

from __future__ import annotations

import re

from models.placement import Placement
from models.resources import Range
from models.topology import BarKey, Topology
from solver.apply.files import Files
from solver.apply.sameness import Machine

_LINE = re.compile(r"\s*([0-9a-f]+)-([0-9a-f]+) : (.*)")


def misplaced(machine: Machine, topology: Topology, planned: Placement) -> list[str]:
    """BARs and windows that sysfs does not show where the plan has them."""
    found = []
    for function, _ in topology.functions():
        bars, windows = machine.bars(function.address), machine.windows(function.address) if function.bridge else {}
        for bar in function.bars:
            key = BarKey(function.address, bar.index)
            if bar.fixed or key not in planned.bars:
                continue
            held, wanted = bars.get(bar.index), planned.bars[key]
            if (held.start if held else None) != wanted:
                found.append(f"{key} is {'nowhere' if held is None else f'at {held}'}, planned {_hex(wanted)}")
        for key2, range_ in planned.windows.items():
            if key2.bridge == function.address and windows.get(key2.kind) != range_:
                found.append(f"{key2} is {windows.get(key2.kind) or 'closed'}, planned {range_ or 'closed'}")
    return found


def unlisted(files: Files, topology: Topology, planned: Placement) -> list[str]:
    """BARs that /proc/iomem and /proc/ioports do not list where the plan has them; none where they are hidden."""
    lists = {"mem": _ranges(files, "/proc/iomem"), "io": _ranges(files, "/proc/ioports")}
    found = []
    for key, bar in topology.bars():
        at = planned.bars.get(key)
        listed = lists[bar.space]
        if at is None or bar.fixed or not any(range_.start for range_, _ in listed):
            continue
        if (Range.of(at, bar.span), key.function) not in listed:
            found.append(f"{key} is not listed at {Range.of(at, bar.span)}")
    return found


def _ranges(files: Files, path: str) -> set[tuple[Range, str]]:
    text = files.read(path).decode(errors="replace")
    matches = (match for line in text.splitlines() if (match := _LINE.fullmatch(line)))
    return {(Range.inclusive(int(m[1], 16), int(m[2], 16)), m[3]) for m in matches if int(m[1], 16) <= int(m[2], 16)}


def _hex(address: int | None) -> str:
    return "nowhere" if address is None else f"{address:#x}"
