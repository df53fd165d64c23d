"""How much larger a root window has to be: doubled until everything fits, then bisected."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import combinations

from models.resources import (
    ADDRESS_LIMIT,
    FOUR_GIB,
    IO_GRANULARITY,
    MEMORY_GRANULARITY,
    MIB,
    Range,
    Size,
    align_up,
)
from models.topology import Bar, BarKey, RootWindow, Topology
from solver.explanation.case import Case, verdict
from solver.explanation.findings import Verdict, Way, WayKind
from solver.explanation.shortage import least_growth
from solver.explanation.ways import as_allowed, fitting

_NEW_BUS_START = {"io": 0x1000, "mem": 0x4000_0000}
"""Where a new root window begins on the bus; a figure for the trial, not for the reader."""

Grown = Callable[[Size], Topology]


def larger_windows(case: Case, unplaced: Sequence[BarKey]) -> list[Way]:
    """For each root window that could serve what finds no place: by how much it has to grow; or a new one."""
    wanted = [case.bars[key] for key in unplaced] or list(case.bars.values())
    step = IO_GRANULARITY if case.space == "io" else MEMORY_GRANULARITY
    least = least_growth(case)
    ways = []
    serving = [window for window in case.root.windows if any(_serves(case, window, bar) for bar in wanted)]
    # What lies below 1 MiB is for legacy devices, and memory above it.
    serving = [window for window in serving if window.space == "io" or window.range.end - window.offset > MIB]
    for window in serving:
        at_end = _grow(case, window, step, least, at_start=False)
        # The other end is worth a look only where less would do there.
        most = _cap(case, step) if at_end is None else at_end.cost - step
        better = _grow(case, window, step, least, at_start=True, most=most) or at_end
        ways += [better] if better is not None else []
    if not ways:
        new = _add(case, wanted, step)
        both = _grow_both(case, serving, step)
        ways += [way for way in (both, new) if way is not None]
    return sorted(ways, key=lambda way: way.cost)


def _serves(case: Case, window: RootWindow, bar: Bar) -> bool:
    return window.space == case.space and (bar.prefetchable or not window.prefetchable)


def _cap(case: Case, step: Size) -> Size:
    """More than enough: twice everything that is to be placed, and room to align the largest."""
    total = sum(align_up(bar.span, step) for bar in case.bars.values())
    return 1 << (2 * total + max(bar.size for bar in case.bars.values())).bit_length()


def _grow(
    case: Case, window: RootWindow, step: Size, least: Size, *, at_start: bool, most: Size | None = None
) -> Way | None:
    room = _room(case, window, at_start=at_start)
    return _search(
        case,
        lambda size: _with_windows(case, {window: _stretched(window, size, at_start=at_start)}),
        step,
        min(_cap(case, step) if most is None else most, room),
        Way(
            WayKind.WINDOW,
            0,
            proved=True,
            window=window.range,
            at_start=at_start,
            prefetchable=window.prefetchable,
        ),
        least,
    )


def _stretched(window: RootWindow, size: Size, *, at_start: bool) -> RootWindow:
    start, end = window.range.start, window.range.end
    return replace(window, range=Range(start - size, end) if at_start else Range(start, end + size))


def _room(case: Case, window: RootWindow, *, at_start: bool) -> Size:
    """Addresses beside a root window that no other one has, on either side of the host bridge and of 4 GiB."""
    limits = [window.range.start - max(window.offset, 0) if at_start else ADDRESS_LIMIT - window.range.end]
    if window.space == "mem":  # firmware describes memory below and above 4 GiB apart
        edge = window.range.start - FOUR_GIB if at_start else FOUR_GIB - window.range.end
        limits += [edge] if edge >= 0 else []
    for root in case.machine.root_buses:
        for other in root.windows:
            if other.space == window.space and other is not window:
                gap = window.range.start - other.range.end if at_start else other.range.start - window.range.end
                limits.append(gap if gap >= 0 else ADDRESS_LIMIT)
    return max(0, min(limits))


def _grow_both(case: Case, windows: Sequence[RootWindow], step: Size) -> Way | None:
    """Two windows that have to grow together: each by no more than it needs when the other one has room enough."""
    for first, second in combinations(windows, 2):
        way = _grow_beside(case, first, second, min(_cap(case, step), _room(case, second, at_start=False)), step)
        other = _grow_beside(case, second, first, way.cost, step) if way is not None else None
        if way is not None and other is not None:
            proved, parts = way.proved and other.proved, (way, other)
            return Way(WayKind.WINDOW, way.cost + other.cost, proved, moved=other.moved, combines=parts)
    return None


def _grow_beside(case: Case, window: RootWindow, other: RootWindow, by: Size, step: Size) -> Way | None:
    """How much a window has to grow at its end where another one grows ``by`` so many bytes at its end."""
    stretched = {other: _stretched(other, by, at_start=False)}

    def grown(size: Size) -> Topology:
        return _with_windows(case, {**stretched, window: _stretched(window, size, at_start=False)})

    most = min(_cap(case, step), _room(case, window, at_start=False))
    way = Way(WayKind.WINDOW, 0, proved=True, window=window.range, prefetchable=window.prefetchable)
    return _search(case, grown, step, most, way)


def _with_windows(case: Case, new: Mapping[RootWindow, RootWindow], more: tuple[RootWindow, ...] = ()) -> Topology:
    windows = tuple(new.get(window, window) for window in case.root.windows)
    return replace(case.topology, root_buses=(replace(case.root, windows=(*windows, *more)),))


def _add(case: Case, wanted: Sequence[Bar], step: Size) -> Way | None:
    """A root window of a kind that the root bus does not have, or has too little of to begin with."""
    prefetchable = case.space == "mem" and all(bar.prefetchable for bar in wanted)
    prefetchable = prefetchable and all(bar.width == 64 for bar in wanted)
    first = _NEW_BUS_START[case.space]
    taken = [window.range.end for root in case.machine.root_buses for window in root.windows]
    taken += [reserved.range.end for reserved in case.machine.reserved]
    offset = align_up(max([*taken, FOUR_GIB]), FOUR_GIB)
    if prefetchable:
        first = 1 << max(45, _cap(case, step).bit_length())
    limit = 0xF000 if case.space == "io" else ADDRESS_LIMIT if prefetchable else 0xC000_0000
    if offset + first + min(limit, _cap(case, step)) > ADDRESS_LIMIT:
        return None

    def made(size: Size) -> Topology:
        window = RootWindow(case.space, Range.of(offset + first, size), prefetchable, offset)
        return _with_windows(case, {}, (window,))

    return _search(
        case,
        made,
        step,
        min(_cap(case, step), limit),
        Way(WayKind.WINDOW, 0, proved=True, prefetchable=prefetchable),
    )


def _search(case: Case, grown: Grown, step: Size, most: Size, way: Way, least: Size = 0) -> Way | None:
    """The smallest multiple of ``step`` that is enough: steps that double, then bisected.

    Parameters
    ----------
    least
        Less than this is known to be too little.
    """
    most = max(0, most) // step * step
    request = as_allowed(case)
    proved = True

    def enough(size: Size) -> bool:
        nonlocal proved
        if case.budget.left <= 0:
            proved = False
            return False
        answer = verdict(case.run(grown(size), replace(request, minimize=("unplaced",))))
        proved = proved and answer is not Verdict.UNPROVED
        return answer is Verdict.FITS

    if not most or not enough(most):
        return None
    low, high = (max(least, 1) - 1) // step * step, most  # low is not enough, high is
    base, more = low, step
    while base + more < high:
        if enough(base + more):
            high = base + more
        else:
            low, more = base + more, 2 * more
    while high - low > step:
        middle = (low + high) // (2 * step) * step
        if enough(middle):
            high = middle
        else:
            low = middle
    result = fitting(case, grown(high), request)
    moved = sum(bar.moved for bar in result.plan.bars) if result is not None else None
    return replace(way, cost=high, grows=high, moved=moved, proved=proved)
