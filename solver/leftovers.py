"""Optional BARs without an address: they get one where it costs nothing.

The rule: when a plan is made, an optional BAR (an expansion ROM, VF BARs, whatever the machine marks as optional) that
has no address gets one where room is left in the windows of the plan, the tightest gap first, or where a window that
the plan changes anyway can be longer. Nothing moves for it, no window changes that would stay, and no objective gets
worse. The largest are served first; what finds no room stays without an address.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from models.resources import Space, align_down, align_up
from solver.arrangement import Arrangement
from solver.items import BarItem, BusNode, Span, WindowItem
from solver.problem import Problem

_ROOM_COUNTS = frozenset({"wasted_bytes", "headroom"})
"""Objectives to which the length of windows matters."""


def place_leftovers(problem: Problem, arrangement: Arrangement, minimize: Sequence[str]) -> Arrangement:
    """The arrangement with a place for every optional BAR that can have one at no cost.

    Nothing is done where a subtractive bridge makes it unclear which bus an item stands on.

    Parameters
    ----------
    minimize
        The objectives: where waste or headroom is one, no window gets longer; where headroom is one, nothing is put
        on the root bus.
    """
    if any(bus.subtractive for bus in problem.buses):
        return arrangement
    left = [bar for bar in problem.bars if _is_left(bar, arrangement)]
    if not left:
        return arrangement
    work = _Work(problem, arrangement, grow=_ROOM_COUNTS.isdisjoint(minimize))
    for bar in sorted(left, key=lambda bar: -bar.span):
        if bar.bus.parent is not None or "headroom" not in minimize:
            work.place(bar)
    return work.result


def _is_left(bar: BarItem, arrangement: Arrangement) -> bool:
    """Whether it is optional, of a fixed size, and has an address neither today nor in the plan."""
    optional = bar.movable and not (bar.kept or bar.required or bar.stand_in) and bar.choice is None
    return optional and bool(bar.starts) and arrangement.bars.get(bar.key) is None


class _Work:
    """An arrangement that grows."""

    def __init__(self, problem: Problem, arrangement: Arrangement, *, grow: bool) -> None:
        self.problem, self.grow = problem, grow
        self.result = Arrangement(dict(arrangement.bars), dict(arrangement.windows))
        self.standing: dict[tuple[int, Space], dict[object, Span]] = defaultdict(dict)
        for bar in problem.bars:
            at = self.result.bars.get(bar.key) if bar.movable else bar.today
            if at is not None:
                self.standing[bar.bus.number, bar.space][bar.key] = (at, at + bar.span)
        for window in problem.windows:
            span = self.result.windows.get(window.key)
            if span is not None:
                self.standing[window.bus.number, window.space][window.key] = span

    def place(self, bar: BarItem) -> None:
        """Give the BAR the tightest gap there is, else a longer window, else nothing."""
        busy = self._busy(bar.bus, bar.space)
        found = min(
            (
                (gap[1] - gap[0], at)
                for home in self._homes(bar)
                for gap in _gaps(home, busy)
                if (at := _first_start(bar, gap)) is not None
            ),
            default=None,
        )
        if found is not None:
            self._put(bar, found[1], {})
            return
        for window in bar.bus.windows if self.grow else ():
            if not bar.may_lie_in(window):
                continue
            for at, longer in self._longer(bar, window, busy):
                changes = self._with(window, longer)
                if changes is not None:
                    self._put(bar, at, changes)
                    return

    def _put(self, bar: BarItem, at: int, windows: dict[WindowItem, Span]) -> None:
        self.result.bars[bar.key] = at
        self.standing[bar.bus.number, bar.space][bar.key] = (at, at + bar.span)
        for window, span in windows.items():
            self.result.windows[window.key] = span
            self.standing[window.bus.number, window.space][window.key] = span

    def _busy(self, bus: BusNode, space: Space) -> list[Span]:
        return [*self.standing[bus.number, space].values(), *self.problem.reserved[space]]

    def _homes(self, bar: BarItem) -> list[Span]:
        """The ranges it may lie in: root windows, or the windows of its bridge that are open and legal."""
        if bar.bus.parent is None:
            return bar.places
        legal = [window for window in bar.bus.windows if bar.may_lie_in(window) and not window.tolerated]
        spans = [self.result.windows.get(window.key) for window in legal]
        return [span for span in spans if span is not None]

    def _longer(self, bar: BarItem, window: WindowItem, busy: Iterable[Span]) -> Iterator[tuple[int, Span]]:
        """Where the BAR would stand behind and before all that stands in the window, and how long that makes it."""
        span = self.result.windows.get(window.key)
        if span is None:
            return
        inside = [other for other in busy if span[0] <= other[0] and other[1] <= span[1]]
        step = window.granularity
        behind = align_up(max((end for _, end in inside), default=span[0]), bar.size)
        before = align_down(min((start for start, _ in inside), default=span[1]) - bar.span, bar.size)
        for at in (behind, before):
            if any(first * bar.size <= at <= last * bar.size for first, last in bar.starts):
                yield at, (min(span[0], align_down(at, step)), max(span[1], align_up(at + bar.span, step)))

    def _with(self, window: WindowItem, longer: Span) -> dict[WindowItem, Span] | None:
        """The window so long, with the windows around it that have to follow; ``None`` where that cannot be."""
        now = self.result.windows.get(window.key)
        if now is None or now == window.today or window.stays or window.tolerated:
            return None
        if not any(low <= longer[0] and longer[1] <= high for low, high in window.places):
            return None
        others = [span for key, span in self.standing[window.bus.number, window.space].items() if key != window.key]
        if any(_meet(longer, other) for other in [*others, *self.problem.reserved[window.space]]):
            return None
        if window.bus.parent is None:
            return {window: longer}
        for outer in window.bus.windows:
            around = self.result.windows.get(outer.key)
            if around is None or not window.may_lie_in(outer) or not (around[0] <= now[0] and now[1] <= around[1]):
                continue
            if around[0] <= longer[0] and longer[1] <= around[1]:
                return {window: longer}
            hull = (min(around[0], longer[0]), max(around[1], longer[1]))
            further = self._with(outer, hull)
            return None if further is None else {window: longer, **further}
        return None


def _gaps(home: Span, busy: Iterable[Span]) -> Iterator[Span]:
    """What is free of ``home``."""
    position = home[0]
    for start, end in sorted(busy):
        if start > position and min(start, home[1]) > position:
            yield position, min(start, home[1])
        position = max(position, end)
    if position < home[1]:
        yield position, home[1]


def _first_start(bar: BarItem, gap: Span) -> int | None:
    """The lowest place of the BAR in a gap."""
    for first, last in bar.starts:
        at = max(align_up(gap[0], bar.size), first * bar.size)
        if at <= last * bar.size and at + bar.span <= gap[1]:
            return at
    return None


def _meet(one: Span, other: Span) -> bool:
    return one[0] < other[1] and other[0] < one[1]
