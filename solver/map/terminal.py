"""The narrow address map: one line for each thing and each gap, from low to high addresses, as plain text."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass

from models.resources import Range, Size
from solver.map.scene import Band, Item, Lane, Scene
from solver.map.words import WINDOW_NAMES, Words, tiny_size
from solver.render.columns import columns
from solver.render.words import address


@dataclass(frozen=True, slots=True)
class Glyphs:
    """What sizes are drawn with."""

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

WAYS = ((4, True), (4, False), (8, False))
"""How to draw, the widest first: doublings of size that one character stands for, and whether there is room for spaces
in nested lines; the last also has the short names of windows."""


def narrow_map(scene: Scene, glyphs: Glyphs = PLAIN, width: int | None = None) -> str:
    """The map of today, with a key at its end.

    Parameters
    ----------
    width
        Characters of a line: what is longer is drawn narrower or goes on in the next line; no limit if ``None``.
    """
    drawn = [_Drawing(Words(scene), glyphs, *way, width).text() for way in WAYS]
    fitting = (text for text in drawn if width is None or max(map(len, text.splitlines())) <= width)
    return next(fitting, drawn[-1])


class _Drawing:
    """One way to draw a map."""

    def __init__(self, words: Words, glyphs: Glyphs, doublings: int, spaced: bool, width: int | None) -> None:
        self.words, self.glyphs, self.doublings, self.width = words, glyphs, doublings, width
        self.inside = glyphs.inside if spaced else glyphs.inside.strip()

    def text(self) -> str:
        words, scene = self.words, self.words.scene
        text = "\n".join(self.band(band) for band in scene.bands)
        missing = [waiting for waiting in scene.waiting if not waiting.bar.optional]
        if missing:
            rows = [
                (words.function(one.key.function), words.index(one.key.index), tiny_size(one.bar.size))
                for one in missing
            ]
            text += f"\nWithout an address ({len(missing)})\n{columns(rows, right=(2,))}"
        if words.reasons:
            text += "\nStays because of\n"
            text += "".join(self.lines(f"  ({number}) {reason}") for reason, number in words.reasons.items())
        return f"{text}\n{self.key()}"

    def lines(self, line: str) -> str:
        """A line of words, or as many as the width asks for."""
        if self.width is None or len(line) <= self.width:
            return f"{line}\n"
        further = "    " + " " * (len(line) - len(line.lstrip()))
        return textwrap.fill(line, self.width, subsequent_indent=further, break_on_hyphens=False) + "\n"

    def key(self) -> str:
        glyphs = self.glyphs
        key = f"{glyphs.bar} BAR  {glyphs.stays} BAR that stays  {glyphs.window} bridge window"
        key = f"{key}  {glyphs.waste} waste  {glyphs.free} free"
        return self.lines(key) + f"One character for every {self.doublings} doublings of size.\n"

    def band(self, band: Band) -> str:
        lines = self.lines(self.words.band_title(band))
        lane = band.today
        if band.window is not None and lane.largest is not None:
            block = f"{tiny_size(lane.largest.size)} at {address(lane.largest.start, band.space)}"
            lines += self.lines(f"free {tiny_size(lane.free_bytes)}, largest aligned block {block}")
        return lines + columns(list(self.rows(lane)), right=(1,))

    def rows(self, lane: Lane) -> Iterator[tuple[str, ...]]:
        """Address, size, a bar as long as the size has doublings, and what it is, nested."""
        entries: list[tuple[Range, int, Item | None, str]] = [(item.range, item.level, item, "") for item in lane.items]
        entries += [(gap, 1, None, "free") for gap in lane.free]
        entries += [(gap, window.level + 1, None, "waste") for window, gap in lane.waste]
        for range_, level, item, what in sorted(entries, key=lambda entry: (entry[0].start, entry[1], -entry[0].size)):
            inside = self.inside * (level - 1)
            if item is None:
                glyph = self.glyphs.free if what == "free" else self.glyphs.waste
                yield "", tiny_size(range_.size), self.bar(range_.size, glyph), inside + what
            else:
                place = address(range_.start, item.space)
                bar = self.bar(range_.size, self.glyph(item))
                yield place, tiny_size(range_.size), bar, inside + self.name(item)

    def glyph(self, item: Item) -> str:
        if item.kind == "window":
            return self.glyphs.window
        return self.glyphs.bar if item.kind == "bar" and item.stays is None else self.glyphs.stays

    def bar(self, size: Size, glyph: str) -> str:
        return glyph * max(1, round((size.bit_length() - 1) / self.doublings))

    def name(self, item: Item) -> str:
        if item.kind == "reserved":
            return item.name
        if item.kind == "cardbus":
            return self.words.function(item.name)
        if item.kind == "window":
            bridge, kind, _ = item.name.split()
            name = kind if self.doublings == WAYS[-1][0] else WINDOW_NAMES[kind]
            return f"{self.words.function(bridge)} {name} window"
        lines = self.words.bar_lines(item)
        return " ".join((lines[0], lines[1], *lines[4:]))
