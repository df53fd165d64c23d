"""One row of one lane: boxes inside boxes, each label in a strip or a track of its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from models.resources import Range
from solver.map.axis import Axis, Need
from solver.map.picture import (
    FONT,
    INSET,
    LEFT,
    LINE,
    PADDING,
    RULER,
    STRIP,
    TICK_CHARACTER,
    Box,
    Label,
    LanePicture,
    text_width,
)
from solver.map.scene import Item, Lane
from solver.map.words import Words, tiny_size

_STANDING = LINE + 2
"""Width of a box whose label stands."""

_FREE_ROOM = 3 * LINE + 2 * PADDING
"""Height of the track of BARs where there is no BAR."""


def row_needs(lane: Lane, words: Words, *, rotated: bool) -> Iterator[Need]:
    """How wide everything has to be for its shortest label, with labels of BARs that lie or (``rotated``) stand."""
    for item in lane.items:
        if item.kind == "window":
            pixels = text_width(words.window_labels(item)[-1]) + 2 * PADDING
        elif rotated:
            pixels = _STANDING
        else:
            pixels = _widest(words.leaf_lines(item))
        yield Need(item.range, pixels + 2 * INSET * item.level)
    for gap in lane.free:
        yield Need(gap, _STANDING if rotated else _widest(_gap_lines(gap)))
    if lane.largest is not None:
        yield Need(lane.largest, _STANDING if rotated else _widest(_largest_lines(lane.largest)))


def lay_lane(
    lane: Lane, whole: Range, axis: Axis, words: Words, *, tag: str, y: float, mirrored: bool, rotated: bool
) -> LanePicture:
    """The part of ``lane`` that lies on ``axis``; ``mirrored`` turns it upside down, BARs at the top."""
    here = Range(axis.edges[0], axis.edges[-1])
    items = [item for item in lane.items if item.range.overlaps(here)]
    strips = sorted({(item.level, item.track) for item in items if item.kind == "window"})
    windows = [(item.range, (item.level, item.track)) for item in items if item.kind == "window"]
    leaves = [item for item in items if item.kind != "window"]
    tracks = 1 + max((item.track for item in leaves), default=0)
    room = _leaf_room(leaves, words, rotated=rotated)
    if rotated and lane.largest is not None and lane.largest.overlaps(here):
        room = max(room, text_width(" ".join(_largest_lines(lane.largest))) + 2 * PADDING)
    depth = max((item.level for item in items), default=0)
    bars = len(strips) * STRIP
    height = bars + tracks * room + depth * INSET + 2
    frame = _Frame(axis, here, 0.0 if mirrored else RULER, height, mirrored, words)
    boxes = [*frame.free(lane, bars, room)]
    waste: dict[Item, list[Range]] = {}
    for window, gap in lane.waste:
        waste.setdefault(window, []).append(gap)
    for item in items:
        if item.kind == "window":
            top = strips.index((item.level, item.track)) * STRIP
            boxes.append(frame.window(item, top, height - top - INSET * item.level))
            for gap in waste.get(item, ()):
                if gap.overlaps(here):
                    room_below = height - top - STRIP - INSET * item.level
                    boxes.append(frame.box("waste", gap, item.level, top + STRIP, room_below, item))
        elif item.track:
            boxes.append(frame.leaf(item, bars + item.track * room, room, room))
        else:
            top = STRIP * max(
                (1 + strips.index(at) for range_, at in windows if range_.overlaps(item.range)), default=0
            )
            boxes.append(frame.leaf(item, top + 1, bars + room - top - 1, room))
    moved = [_down(box, y) for box in boxes]
    ticks, marks = _ruler(lane, axis, here, y + (height + RULER - 3 if mirrored else RULER - 3))
    torn = (here.start > whole.start, here.end < whole.end)
    top = y if mirrored else y + RULER
    return LanePicture(tag, mirrored, top, axis.width, height, tuple(moved), ticks, marks, torn)


def _widest(lines: tuple[str, ...]) -> float:
    return max(map(text_width, lines)) + 2 * PADDING


def _gap_lines(gap: Range) -> tuple[str, ...]:
    return ("free", tiny_size(gap.size))


def _largest_lines(block: Range) -> tuple[str, ...]:
    return ("largest", "block", tiny_size(block.size))


def _leaf_room(leaves: list[Item], words: Words, *, rotated: bool) -> float:
    """Height that the labels of these BARs need."""
    if not leaves:
        return _FREE_ROOM
    if rotated:
        return max(max(text_width(words.leaf_line(item)) for item in leaves) + 2 * PADDING, _FREE_ROOM)
    return max(max(len(words.leaf_lines(item)) for item in leaves) * LINE + 2 * PADDING, _FREE_ROOM)


class _Frame:
    """Turns ranges and heights of a lane into boxes; heights are counted from the ruler's side."""

    def __init__(self, axis: Axis, here: Range, top: float, height: float, mirrored: bool, words: Words) -> None:
        self.axis, self.here, self.top, self.height = axis, here, top, height
        self.mirrored, self.words = mirrored, words

    def free(self, lane: Lane, bars: float, room: float) -> Iterator[Box]:
        """Gaps and the largest aligned block, which has its own label."""
        for gap in lane.free:
            if not gap.overlaps(self.here):
                continue
            holds = lane.largest is not None and gap.contains(lane.largest)
            box = self.box("gap", gap, 0, 0, self.height, None)
            if holds and gap != lane.largest:
                text = f"free {tiny_size(gap.size)}"
                fits = bars >= STRIP and text_width(text) + 2 * PADDING <= box.width
                yield replace(box, labels=self.lying(box, (text,), 0, STRIP) if fits else ())
            else:
                yield replace(box, labels=() if holds else self.leaf_labels(box, _gap_lines(gap), bars, room))
        if lane.largest is not None and lane.largest.overlaps(self.here):
            box = self.box("largest", lane.largest, 0, bars + 1, room, None)
            yield replace(box, labels=self.leaf_labels(box, _largest_lines(lane.largest), bars, room))

    def window(self, item: Item, top: float, height: float) -> Box:
        box = self.box("window", item.range, item.level, top, height, item)
        labels = self.words.window_labels(item)
        text = next((label for label in labels if text_width(label) + 2 * PADDING <= box.width + 0.5), "")
        return replace(box, labels=self.lying(box, (text,), top, STRIP) if text else ())

    def leaf(self, item: Item, top: float, height: float, room: float) -> Box:
        box = self.box(item.kind, item.range, item.level, top, height, item)
        lines = self.words.leaf_lines(item)
        line = self.words.leaf_line(item)
        return replace(box, labels=self.leaf_labels(box, lines, top + height - room, room, line))

    def box(self, style: str, range_: Range, level: int, top: float, height: float, item: Item | None) -> Box:
        shown = range_.clip(self.here)
        assert shown is not None
        torn = (shown.start > range_.start, shown.end < range_.end)
        left = LEFT + self.axis.x(shown.start) + (0 if torn[0] else INSET * level)
        right = LEFT + self.axis.x(shown.end) - (0 if torn[1] else INSET * level)
        return Box(style, left, self.y(top, height), right - left, height, range_, item, (), torn)

    def y(self, top: float, height: float) -> float:
        return self.top + (self.height - top - height if self.mirrored else top)

    def leaf_labels(
        self, box: Box, lines: tuple[str, ...], top: float, room: float, line: str | None = None
    ) -> tuple[Label, ...]:
        """Lines that lie where the box is wide enough, else one that stands, else none."""
        fitting = tuple(text for text in lines if text)
        if _widest(fitting) <= box.width + 0.5 and len(fitting) * LINE + PADDING <= room:
            return self.lying(box, fitting, top, room)
        text = line or " ".join(fitting)
        if box.width < LINE or text_width(text) + PADDING > room:
            return ()
        x = box.middle + FONT * 0.35
        if self.mirrored:
            return (Label(x, self.y(top, room) + PADDING, text, "end", True),)
        return (Label(x, self.y(top, room) + room - PADDING, text, "start", True),)

    def lying(self, box: Box, lines: tuple[str, ...], top: float, room: float) -> tuple[Label, ...]:
        """Lines side by side below each other, at the end of the room that is away from the ruler."""
        y = self.y(top, room)
        spare = 0.0 if self.mirrored else room - len(lines) * LINE - 2 * PADDING
        if room <= STRIP:
            return (Label(box.x + PADDING, y + STRIP - 3.5, lines[0]),)
        return tuple(
            Label(box.middle, y + max(spare, 0) + PADDING + LINE * (number + 1) - 2.5, line, "middle")
            for number, line in enumerate(lines)
        )


def _down(box: Box, y: float) -> Box:
    labels = tuple(replace(label, y=label.y + y) for label in box.labels)
    return replace(box, y=box.y + y, labels=labels)


def _ruler(lane: Lane, axis: Axis, here: Range, y: float) -> tuple[tuple[Label, ...], tuple[float, ...]]:
    """Addresses at both ends of a row, and at the start of what stands on the root bus where there is room."""
    digits = 8 if here.start > 0xFFFF or here.end > 0x10000 else 4
    last = f"{here.last:0{digits}x}"
    end = LEFT + axis.width
    labels = [Label(end, y, last, "end")]
    limit = end - len(last) * TICK_CHARACTER - 8
    free_from = LEFT
    marks = [LEFT, end]
    starts = {item.range.start for item in lane.items if item.level == 1} | {here.start}
    for start in sorted(start for start in starts if here.start <= start < here.end):
        x = LEFT + axis.x(start)
        text = f"{start:0{digits}x}"
        width = len(text) * TICK_CHARACTER
        if x >= free_from and x + width <= limit:
            labels.append(Label(x, y, text))
            marks.append(x)
            free_from = x + width + 8
    return tuple(labels), tuple(marks)
