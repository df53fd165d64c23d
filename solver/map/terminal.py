"""The narrow address map: one line for each thing and each gap, from low to high addresses, as plain text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from models.resources import Range, Size
from solver.map.scene import Band, Item, Lane, Scene
from solver.map.words import WINDOW_NAMES, Words, tiny_size
from solver.render.columns import columns
from solver.render.words import address


@dataclass(frozen=True, slots=True)
class Glyphs:
    """What sizes are drawn with; one character stands for four doublings."""

    window: str
    bar: str
    stays: str
    waste: str
    free: str
    inside: str


BLOCKS = Glyphs("═", "█", "▒", "░", "·", "│ ")
"""For terminals whose encoding has box characters."""

PLAIN = Glyphs("=", "#", "%", ":", ".", "| ")
"""For everything else."""

DOUBLINGS = 4
"""Doublings of size that one character stands for."""


def narrow_map(scene: Scene, glyphs: Glyphs = PLAIN) -> str:
    """The map of today, with a key at its end."""
    words = Words(scene)
    text = "\n".join(_band(band, words, glyphs) for band in scene.bands)
    missing = [waiting for waiting in scene.waiting if not waiting.bar.optional]
    if missing:
        rows = [
            (words.function(one.key.function), words.index(one.key.index), tiny_size(one.bar.size)) for one in missing
        ]
        text += f"\nWithout an address ({len(missing)})\n{columns(rows, right=(2,))}"
    if words.reasons:
        text += "\nStays because of\n"
        text += "".join(f"  ({number}) {reason}\n" for reason, number in words.reasons.items())
    return f"{text}\n{_key(glyphs)}"


def _key(glyphs: Glyphs) -> str:
    key = f"{glyphs.bar} BAR  {glyphs.stays} BAR that stays  {glyphs.window} bridge window"
    return f"{key}  {glyphs.waste} waste  {glyphs.free} free\nOne character for every {DOUBLINGS} doublings of size.\n"


def _band(band: Band, words: Words, glyphs: Glyphs) -> str:
    lines = words.band_title(band) + "\n"
    lane = band.today
    if band.window is not None and lane.largest is not None:
        lines += f"free {tiny_size(lane.free_bytes)}, largest aligned block {tiny_size(lane.largest.size)}\n"
    return lines + columns(list(_rows(lane, words, glyphs)), right=(1,))


def _rows(lane: Lane, words: Words, glyphs: Glyphs) -> Iterator[tuple[str, ...]]:
    """Address, size, a bar as long as the size has doublings, and what it is, nested."""
    entries: list[tuple[Range, int, Item | None, str]] = [(item.range, item.level, item, "") for item in lane.items]
    entries += [(gap, 1, None, "free") for gap in lane.free]
    entries += [(gap, window.level + 1, None, "waste") for window, gap in lane.waste]
    for range_, level, item, what in sorted(entries, key=lambda entry: (entry[0].start, entry[1], -entry[0].size)):
        inside = glyphs.inside * (level - 1)
        if item is None:
            glyph = glyphs.free if what == "free" else glyphs.waste
            yield "", tiny_size(range_.size), _bar(range_.size, glyph), inside + what
        else:
            place = address(range_.start, item.space)
            yield place, tiny_size(range_.size), _bar(range_.size, _glyph(item, glyphs)), inside + _name(item, words)


def _glyph(item: Item, glyphs: Glyphs) -> str:
    if item.kind == "window":
        return glyphs.window
    return glyphs.bar if item.kind == "bar" and item.stays is None else glyphs.stays


def _bar(size: Size, glyph: str) -> str:
    return glyph * max(1, round((size.bit_length() - 1) / DOUBLINGS))


def _name(item: Item, words: Words) -> str:
    if item.kind == "reserved":
        return item.name
    if item.kind == "cardbus":
        return words.function(item.name)
    if item.kind == "window":
        bridge, kind, _ = item.name.split()
        return f"{words.function(bridge)} {WINDOW_NAMES[kind]} window"
    lines = words.bar_lines(item)
    return " ".join((lines[0], lines[1], *lines[4:]))
