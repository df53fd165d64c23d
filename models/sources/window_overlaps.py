"""Cuts root windows of different root buses where they overlap, and joins those that touch."""

from __future__ import annotations

from dataclasses import replace

from models.resources import IO_GRANULARITY, MEMORY_GRANULARITY, Range, Space, align_down
from models.sources.bus_tree import BusKey
from models.sources.root_windows import Item, RootWindows
from models.topology import RootWindow


def join_touching(windows: list[RootWindow]) -> list[RootWindow]:
    """The windows of one root bus with touching or overlapping ones of the same kind and offset joined, in order."""
    result: list[RootWindow] = []
    for window in windows:
        while True:
            other = next((w for w in result if _joinable(w, window)), None)
            if other is None:
                break
            result.remove(other)
            start, end = min(other.range.start, window.range.start), max(other.range.end, window.range.end)
            window = replace(window, range=Range(start, end))
        result.append(window)
    return result


def _joinable(one: RootWindow, other: RootWindow) -> bool:
    same = (one.space, one.prefetchable, one.offset) == (other.space, other.prefetchable, other.offset)
    return same and one.range.start <= other.range.end and other.range.start <= one.range.end


def separate(found: RootWindows, roots: dict[BusKey, list[Item]]) -> None:
    """Let root windows of different root buses overlap nowhere.

    What two buses both claim goes to the one that has something there, cut where the owner changes; with
    nothing there, to the first. A domain that stands inside a BAR of another one (VMD) overlaps by nature and is left.
    """
    keys = sorted(found.windows)
    for position, one in enumerate(keys):
        for other in keys[position + 1 :]:
            _separate_pair(found, roots, one, other)


def _separate_pair(found: RootWindows, roots: dict[BusKey, list[Item]], one: BusKey, other: BusKey) -> None:
    shared = [
        (a.space, clipped)
        for a in found.windows[one]
        for b in found.windows[other]
        if a.space == b.space
        and (clipped := a.range.clip(b.range)) is not None
        and not _nested_domain(a, b, roots, one, other)
    ]
    for space, region in shared:
        for owner, part in _owners(space, region, roots, one, other):
            loser = other if owner == one else one
            found.windows[loser] = _subtract(found.windows[loser], space, part)
    if shared:
        found.notes.append(
            f"root buses {one[0]:04x}:{one[1]:02x} and {other[0]:04x}:{other[1]:02x} both claim "
            f"{', '.join(f'[{space} {region}]' for space, region in shared)}: divided by what stands there"
        )


def _nested_domain(a: RootWindow, b: RootWindow, roots: dict[BusKey, list[Item]], one: BusKey, other: BusKey) -> bool:
    """One window is reached through a BAR that stands in the other one, in another domain."""
    if one[0] == other[0]:
        return False
    return any(
        not item.window
        and outer.range.contains(item.range)
        and item.range.contains(inner.range)
        and item.space == inner.space
        for inner, outer, host in ((a, b, other), (b, a, one))
        for item in roots[host]
    )


def _owners(
    space: Space, region: Range, roots: dict[BusKey, list[Item]], one: BusKey, other: BusKey
) -> list[tuple[BusKey, Range]]:
    """The region in pieces, each with its owner."""
    granularity = IO_GRANULARITY if space == "io" else MEMORY_GRANULARITY
    standing = sorted(
        (item.range, key)
        for key in (one, other)
        for item in roots[key]
        if item.space == space and item.range.overlaps(region)
    )
    owner = standing[0][1] if standing else one
    pieces: list[tuple[BusKey, Range]] = []
    start, reached = region.start, region.start
    for range_, key in standing:
        if key != owner:
            cut = max(align_down(range_.start, granularity), reached)
            if start < cut < region.end:
                pieces.append((owner, Range(start, cut)))
                start = cut
            owner = key
        reached = max(reached, range_.end)
    pieces.append((owner, Range(start, region.end)))
    return pieces


def _subtract(windows: list[RootWindow], space: Space, part: Range) -> list[RootWindow]:
    result = []
    for window in windows:
        if window.space != space or not window.range.overlaps(part):
            result.append(window)
            continue
        if window.range.start < part.start:
            result.append(replace(window, range=Range(window.range.start, part.start)))
        if part.end < window.range.end:
            result.append(replace(window, range=Range(part.end, window.range.end)))
    return result
