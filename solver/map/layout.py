"""Where everything of a scene goes: pure geometry, in pixels, deterministic, no two labels on one place."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from dataclasses import replace

from models.resources import Range, Space
from models.topology import BarKey
from solver.map.axis import Axis, make_axis, rows
from solver.map.lane import lay_lane, row_needs
from solver.map.picture import (
    CORRIDOR,
    LEFT,
    NARROW_CORRIDOR,
    PER_DOUBLING,
    RIGHT,
    RULER,
    WIDTH,
    Arrow,
    BandPicture,
    Chip,
    Label,
    LanePicture,
    Picture,
    text_width,
)
from solver.map.scene import Band, Lane, Scene
from solver.map.words import Words, tiny_size
from solver.render.words import address

BODY = WIDTH - LEFT - RIGHT
"""Pixels that a row of a band has."""

_TITLE_PIXELS = 8.4
"""Pixels of a character of a band's title: no digit of a usual bold font of 12 pixels is wider."""

_TITLE_CHARACTERS, _HEADING_CHARACTERS = 120, 180


def lay_out(scene: Scene, heading: Iterable[str] = ()) -> Picture:
    """The picture of ``scene``.

    Parameters
    ----------
    heading
        Lines above it; long ones are wrapped.
    """
    words = Words(scene)
    y = 8.0
    title: list[Label] = []
    lines: list[Label] = []
    for number, text in enumerate(heading):
        width = _HEADING_CHARACTERS if number else _TITLE_CHARACTERS
        for line in textwrap.wrap(text, width, max_lines=3 if number else 2, placeholder=" ..."):
            y += 17 if number else 21
            (lines if number else title).append(Label(10, y, line))
    legend_y = y + 14
    y = legend_y + 50
    chips_title, chips, y = _chips(scene, words, y)
    bands, y = _side_by_side([_band(band, words) for band in scene.bands], y)
    arrows = _arrows(bands)
    reasons, y = _reasons(words, y)
    return Picture(
        WIDTH, y + 10, tuple(title), tuple(lines), legend_y, chips_title, chips, tuple(bands), arrows, reasons
    )


def _chips(scene: Scene, words: Words, y: float) -> tuple[Label | None, tuple[Chip, ...], float]:
    """BARs without an address, those that need one first; optional ones that get none are only counted."""
    shown = [
        waiting
        for waiting in scene.waiting
        if not waiting.bar.optional or waiting.before is not None or waiting.after is not None
    ]
    silent = len(scene.waiting) - len(shown)
    if not scene.waiting:
        return None, (), y
    title = "BARs without an address"
    title += " today, and where the plan puts them" if scene.planned is not None else ""
    if silent:
        optional = f"{silent} optional: ROMs, VF BARs"
        title = f"{title} (and {optional})" if shown else f"BARs without an address: {optional}"
    label = Label(10, y + 14, title)
    chips, x, y = [], 10.0, y + 22
    for waiting in shown:
        text = f"{words.function(waiting.key.function)} {words.index(waiting.key.index)} {tiny_size(waiting.bar.size)}"
        style = "missing"
        if scene.planned is not None:
            style = "new" if waiting.after is not None else "lost" if waiting.before is not None else "missing"
            text += f" -> {address(waiting.after, waiting.bar.space)}" if waiting.after is not None else " -> none"
        width = text_width(text) + 22
        if x + width > WIDTH - 10:
            x, y = 10.0, y + 22
        chips.append(Chip(waiting, style, x, y, width, text))
        x += width + 6
    return label, tuple(chips), y + (34 if chips else 8)


def _band(band: Band, words: Words) -> BandPicture:
    changes = band.plan is not None and not _same(band, band.range)
    lanes = [band.today, band.plan] if changes and band.plan is not None else [band.today]
    title = Label(10, 14, words.band_title(band))
    notes = tuple(Label(10, 29 + 14 * number, text) for number, text in enumerate(_notes(band, len(lanes))))
    y = 20.0 + 14 * len(notes)
    axes, rotated = _axes(band, lanes, words)
    pictures: list[LanePicture] = []
    for row in axes:
        here = Range(row.edges[0], row.edges[-1])
        shown = lanes if len(lanes) == 1 or not _same(band, here) else lanes[:1]
        for number, lane in enumerate(shown):
            tag = "plan" if number else "today"
            if len(shown) == 1 and words.scene.planned is not None:
                tag = "both"
            picture = lay_lane(lane, band.range, row, words, tag=tag, y=y, mirrored=number == 1, rotated=rotated)
            pictures.append(picture)
            y += picture.height + RULER
            if len(shown) > 1 and number == 0:
                moves = any(
                    item.change == "moved" and item.kind == "bar" and item.range.overlaps(here)
                    for lane in lanes
                    for item in lane.items
                )
                y += CORRIDOR if moves else NARROW_CORRIDOR
        y += 8
    width = max([title.x + len(title.text) * _TITLE_PIXELS, *(LEFT + lane.width for lane in pictures)])
    return BandPicture(band, 0, 0, width, y, title, notes, tuple(pictures))


def _side_by_side(bands: list[BandPicture], y: float) -> tuple[list[BandPicture], float]:
    """The bands below each other; those of one row with one lane stand beside each other while there is room."""
    placed: list[BandPicture] = []
    x, bottom = 0.0, y
    for band in bands:
        small = len(band.lanes) == 1
        if not small or x + band.width > WIDTH - RIGHT:
            x, y = 0.0, bottom
        placed.append(replace(band, x=x, y=y))
        bottom = max(bottom, y + band.height + 10)
        x = x + band.width + 24 if small else WIDTH
    return placed, bottom


def _same(band: Band, here: Range) -> bool:
    """Whether today and the plan are the same in this range."""
    assert band.plan is not None

    def places(lane: Lane) -> set[tuple[object, ...]]:
        return {(item.name, item.range, item.level) for item in lane.items if item.range.overlaps(here)}

    return places(band.today) == places(band.plan) and not (
        band.today.largest != band.plan.largest
        and any(lane.largest is not None and lane.largest.overlaps(here) for lane in (band.today, band.plan))
    )


def _notes(band: Band, lanes: int) -> list[str]:
    if band.window is None:
        return []
    notes = [f"free: {_free(band.today, band.space)}"]
    if lanes > 1 and band.plan is not None:
        notes = [f"free today: {_free(band.today, band.space)}; in the plan: {_free(band.plan, band.space)}"]
    return notes


def _free(lane: Lane, space: Space) -> str:
    if lane.largest is None:
        return "nothing"
    block = f"largest aligned block {tiny_size(lane.largest.size)} at {address(lane.largest.start, space)}"
    return f"{tiny_size(lane.free_bytes)}, {block}"


def _axes(band: Band, lanes: list[Lane], words: Words) -> tuple[list[Axis], bool]:
    """The rows of a band: one with labels that lie if they fit, else as many as needed with labels that stand."""
    edges = [item.range for lane in lanes for item in lane.items]
    edges += [gap for lane in lanes for gap in lane.free]
    edges += [lane.largest for lane in lanes if lane.largest is not None]
    for rotated in (False, True):
        needs = [need for lane in lanes for need in row_needs(lane, words, rotated=rotated)]
        axis = make_axis(band.range, edges, needs, PER_DOUBLING)
        if axis.width <= BODY:
            return [axis.stretched(min(BODY, axis.width * 3))], rotated
    crossings = [0.0] * len(axis.edges)
    position = {edge: number for number, edge in enumerate(axis.edges)}
    for lane in lanes:
        for item in lane.items:
            for number in range(position[item.range.start] + 1, position[item.range.end]):
                crossings[number] += 1.0 if item.kind == "window" else 100.0
    return [row.stretched(min(BODY, row.width * 1.5)) for row in rows(axis, BODY, crossings)], True


def _arrows(bands: list[BandPicture]) -> tuple[Arrow, ...]:
    """One arrow for each BAR that moves; those that leave their row go round on the right."""
    starts: dict[BarKey, tuple[int, float, float]] = {}
    ends: dict[BarKey, tuple[int, float, float]] = {}
    number = 0
    for picture in bands:
        for lane in picture.lanes:
            if not lane.mirrored:
                number += 1
            for box in lane.boxes:
                if box.item is None or box.item.change != "moved" or not isinstance(box.item.key, BarKey):
                    continue
                x = picture.x + box.middle
                if lane.mirrored:
                    ends.setdefault(box.item.key, (number, x, picture.y + box.y))
                else:
                    starts.setdefault(box.item.key, (number, x, picture.y + box.y + box.height))
    arrows = []
    around = 0
    for key, (row, x, y) in starts.items():
        if key not in ends:
            continue
        end_row, end_x, end_y = ends[key]
        gutter, step = None, around % 5
        if row != end_row:
            gutter = WIDTH - RIGHT + 6 + 4 * step
            around += 1
        arrows.append(Arrow(key, (x, y), (end_x, end_y), gutter, step))
    return tuple(arrows)


def _reasons(words: Words, y: float) -> tuple[tuple[Label, ...], float]:
    if not words.reasons:
        return (), y
    labels = [Label(10, y + 14, "Hatched BARs stay where they are, because of")]
    y += 14
    for reason, number in words.reasons.items():
        for line in textwrap.wrap(f"({number}) {reason}", 190, subsequent_indent="    "):
            y += 15
            labels.append(Label(18, y, line))
    return tuple(labels), y + 8
