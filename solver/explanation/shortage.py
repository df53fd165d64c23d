"""What is missing for a conflict, in numbers: a window, bytes, an aligned block, or an arrangement."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from models.mobility import Mobility
from models.resources import Range, Size, align_down, align_up
from models.spans import inside_any, merged, total_length
from models.topology import BarKey, WindowKey
from solver.building import kept_back, problems
from solver.coordinates import Segment
from solver.explanation.case import Case, only
from solver.explanation.findings import KeptBack, NoAlignedBlock, NoArrangement, NoWindow, Shortage, TooFewBytes
from solver.problem import BarItem, BusNode, Problem, Span, WindowItem, accepts

Hull = tuple[WindowKey, Span]
"""A bridge window that has to stretch around immovable BARs, and how far."""


def find_shortage(
    case: Case, members: Sequence[BarKey], staying: frozenset[BarKey]
) -> tuple[Shortage, tuple[Range, ...]]:
    """The plainest true reason why ``members`` do not fit, and the parts of the root windows they could use.

    Parameters
    ----------
    staying
        Those that stay where they are.
    """
    topology = only(case.topology, members)
    movement = Mobility({key: "stays" if key in staying else None for key in members}, {})
    problem = problems(topology, movement, window_rule=case.request.window_rule)[0]
    items = [bar for bar in problem.bars if not bar.stand_in]
    for item in items:
        missing = _missing_window(item, problem.coordinates.segments)
        if missing is not None:
            return missing, ()
    shunning = [_shun(item, problem.coordinates.segments) for item in items]
    free_items = [item for item in items if item.movable] or items
    places = _useful(merged((span for item in free_items for span in item.places), touching=False), free_items)
    reserved = [*problem.reserved[case.space], *(b for bar in problem.bars if bar.stand_in for b in _span(bar))]
    back = set.intersection(*({*kept_back(item, problem.coordinates)} for item in free_items))
    reserved += sorted(back)
    kept: KeptBack | None = "windows" if any(shunning) else "ports" if any(item.isa for item in items) else None
    windows = tuple(_cpu(problem, case, span) for span in places)
    needed = _least_bytes(problem, [item for item in items if item.movable or inside_any(_span(item)[0], places)])
    room = total_length(_cut(places, reserved))
    if needed > room:
        return TooFewBytes(needed, room, kept if back or any(shunning) else None), windows
    pins = [span for item in items if not item.movable for span in _span(item)]
    for item in sorted((item for item in items if item.movable), key=lambda item: -item.size):
        block = _block(problem, case, item, items, pins)
        if block is not None:
            return replace(block, kept_back=kept), windows
    return NoArrangement(needed, room, kept), windows


def _shun(item: BarItem, segments: Sequence[Segment]) -> bool:
    """Take from a BAR the places that its window rule keeps it from, whatever bridge window leads there, if any."""
    wide = [window.wide for window in item.bus.windows if window.kind == "pref"]
    if not item.low or item.today is not None or item.bus.parent is None or item.bus.subtractive or not all(wide):
        return False
    shunned = [(one.start, one.end) for one in segments if one.space == item.space and one.window.prefetchable]
    before, item.places = item.places, _cut(item.places, shunned)
    return item.places != before


def _useful(places: list[Span], items: Sequence[BarItem]) -> list[Span]:
    """The places that are long enough for one of the items, or the longest where none is."""

    def least(item: BarItem) -> Size:
        blocks = [window.granularity for window in item.bus.windows if window.space == item.space]
        return item.span if not blocks or not item.movable or item.bus.subtractive else max(item.span, min(blocks))

    smallest = min(least(item) for item in items)
    useful = [place for place in places if place[1] - place[0] >= smallest]
    return useful or sorted(places, key=lambda place: place[0] - place[1])[:1]


def least_growth(case: Case) -> Size:
    """Bytes that the root windows are short of at least, all BARs counted; 0 where length alone shows nothing."""
    movement = Mobility(dict(case.reasons), {})
    problem = problems(case.topology, movement)[0]
    items = [
        bar for bar in problem.bars if not bar.stand_in and ((bar.movable and bar.places) or bar.today is not None)
    ]
    places = merged((span for item in items for span in item.places), touching=False)
    items = [item for item in items if item.movable or inside_any(_span(item)[0], places)]
    room = total_length(_cut(places, problem.reserved[case.space]))
    return max(0, _least_bytes(problem, items) - room) if items else 0


def _missing_window(item: BarItem, segments: Sequence[Segment]) -> NoWindow | None:
    """Whether a window of the BAR's kind is missing on its way, from the BAR to the root bus."""
    if not item.movable:
        return None
    bus: BusNode | None = item.bus
    while bus is not None and bus.parent is not None:
        if not bus.subtractive and not any(
            accepts(window.kind, item.space, item.prefetchable) for window in bus.windows
        ):
            return NoWindow(item.space, item.prefetchable, bus.bridge)
        bus = bus.parent
    if item.places:
        return None
    beyond = any(
        segment.space == item.space and (item.prefetchable or not segment.window.prefetchable) for segment in segments
    )
    return NoWindow(item.space, item.prefetchable, out_of_reach=beyond)


def _span(item: BarItem) -> list[Span]:
    return [] if item.today is None else [(item.today, item.today + item.span)]


def _cpu(problem: Problem, case: Case, span: Span) -> Range:
    return Range.of(problem.coordinates.address(case.space, span[0]), span[1] - span[0])


# -- bytes --------------------------------------------------------------------------------------------------------


def _least_bytes(problem: Problem, items: Sequence[BarItem]) -> Size:
    """The fewest bytes of root windows in which these BARs lie: each bridge's windows come in whole blocks."""
    inside: dict[int, Size] = {}
    for item in items:
        if not item.shared:
            inside[item.bus.number] = inside.get(item.bus.number, 0) + item.span
    for bus in sorted(problem.buses, key=lambda bus: -bus.number):
        if bus.parent is None or not inside.get(bus.number):
            continue
        blocks = [window.granularity for window in bus.windows if window.space == items[0].space]
        odd = bus.subtractive or any(window.tolerated for window in bus.windows)
        size = inside[bus.number] if odd or not blocks else align_up(inside[bus.number], min(blocks))
        inside[bus.parent.number] = inside.get(bus.parent.number, 0) + size
    return inside.get(0, 0)


# -- blocks -------------------------------------------------------------------------------------------------------


def _block(
    problem: Problem, case: Case, item: BarItem, items: Sequence[BarItem], pins: Sequence[Span]
) -> NoAlignedBlock | None:
    """What is left for one BAR beside what stays, where that is too little or lies badly."""
    back = kept_back(item, problem.coordinates)
    free = _cut(item.places, [*problem.reserved[case.space], *pins, *back])
    if not _aligned(free, item.size, item.span):
        return NoAlignedBlock(item.key, item.size, item.span, _largest(free), total_length(free))
    step = _granularity(item, items)
    if not _aligned(free, max(item.size, step), align_up(item.span, step)):
        span = align_up(item.span, step)
        return NoAlignedBlock(item.key, max(item.size, step), span, _largest(free), total_length(free), step)
    hulls = _hulls(item, items)
    around = _cut(free, [span for _, span in hulls])
    if not _aligned(around, item.size, item.span):
        near = tuple((key.bridge, key.kind, _cpu(problem, case, span)) for key, span in hulls)
        return NoAlignedBlock(item.key, item.size, item.span, _largest(around), total_length(around), around=near)
    return None


def _granularity(item: BarItem, items: Sequence[BarItem]) -> Size:
    """The block of the windows around a BAR that shares its bridges with no other member; else 1."""
    step, bus = 1, item.bus
    while bus.parent is not None:
        blocks = [window.granularity for window in bus.windows if window.space == item.space]
        if bus.subtractive or not blocks or any(window.tolerated for window in bus.windows):
            return 1
        step = max(step, min(blocks))
        bus = bus.parent
    shared = any(other is not item and other.atom == item.atom for other in items)
    return 1 if shared else step


def _hulls(item: BarItem, items: Sequence[BarItem]) -> list[Hull]:
    """The windows that have to stretch around immovable BARs, of bridges that do not lead to ``item``.

    Only where one window of a bridge can hold them: non-prefetchable memory, I/O, or a bridge with one memory window.
    """
    leads = set()
    step: BusNode | None = item.bus
    while step is not None:
        leads.add(step.number)
        step = step.parent
    around: dict[WindowKey, tuple[WindowItem, list[Span]]] = {}
    for pin in items:
        bus: BusNode | None = pin.bus
        while not pin.movable and pin.nested and bus is not None and bus.parent is not None:
            holding = [window for window in bus.windows if accepts(window.kind, pin.space, pin.prefetchable)]
            if len(holding) == 1 and bus.number not in leads and not bus.subtractive:
                around.setdefault(holding[0].key, (holding[0], []))[1].extend(_span(pin))
            bus = bus.parent
    return [
        (
            key,
            (
                align_down(min(start for start, _ in spans), window.granularity),
                align_up(max(end for _, end in spans), window.granularity),
            ),
        )
        for key, (window, spans) in around.items()
        if spans and not window.tolerated
    ]


# -- spans --------------------------------------------------------------------------------------------------------


def _cut(spans: Iterable[Span], out: Iterable[Span]) -> list[Span]:
    """``spans`` without ``out``."""
    left = merged(spans, touching=False)
    for low, high in out:
        left = [
            piece
            for start, end in left
            for piece in ((start, min(end, low)), (max(start, high), end))
            if piece[0] < piece[1]
        ]
    return left


def _aligned(spans: Iterable[Span], size: Size, span: Size) -> bool:
    return any(align_up(start, size) + span <= end for start, end in spans)


def _largest(spans: Sequence[Span]) -> Size:
    """The largest power of two of which an aligned block is free; 0 = none."""
    size = 1 << max((end - start for start, end in spans), default=0).bit_length()
    while size and not _aligned(spans, size, size):
        size >>= 1
    return size
