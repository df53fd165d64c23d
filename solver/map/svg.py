"""An address map as one SVG document, written by hand: no library, no script, no request."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from xml.sax import saxutils

from models.resources import format_size
from solver.map.picture import LEFT, RULER, STRIP, Arrow, BandPicture, Box, Chip, Label, LanePicture, Picture
from solver.map.words import Words

DEFS = (
    "<defs>"
    '<pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
    '<path d="M0 0V6" stroke="#1c4e78" stroke-width="1.3" opacity=".42"/></pattern>'
    '<pattern id="waste" width="5" height="5" patternUnits="userSpaceOnUse">'
    '<circle cx="1.5" cy="1.5" r=".9" fill="#8a7a4e"/></pattern>'
    '<marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto" '
    'markerUnits="userSpaceOnUse"><path d="M0 0L8 4L0 8z" fill="#b34700"/></marker>'
    "</defs>"
)
"""Hatching, dots and the head of an arrow."""

LEGEND = (
    ("bar", "", "BAR"),
    ("bar", "hatch", "BAR that stays: (why)"),
    ("moved", "", "* moves"),
    ("new", "", "+ gets an address"),
    ("lost", "", "x loses its address"),
    ("window", "", "bridge window"),
    ("window changed", "", "* changes, + opens, x closes"),
    ("window", "waste", "waste: backs no BAR"),
    ("largest", "", "largest aligned free block"),
    ("reserved", "", "reserved"),
)
"""Style, pattern and meaning of everything in a map."""

SCALE_NOTE = (
    "Widths are compressed and no scale: every box is as wide as its label, a little wider for each doubling of size; "
    "// = free space, cut short. Sizes ending in K, M, G, T are binary; ~ = rounded down."
)


def style() -> str:
    """The style sheet, without its comments."""
    text = Path(__file__).with_name("map.css").read_text(encoding="utf-8")
    return re.sub(r"/\*.*?\*/\s*", "", text, flags=re.DOTALL)


def draw(picture: Picture, words: Words, *, titles: bool = True) -> str:
    """The SVG document.

    Parameters
    ----------
    titles
        Whether each box carries what is known of it as its title, which viewers show on hovering.
    """
    width, height = _n(picture.width), _n(picture.height)
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="map" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" role="img" aria-labelledby="map-title">'
    )
    name = escape(" ".join(label.text for label in picture.title) or "address map")
    lines = [head, f'<title id="map-title">{name}</title>', f"<style>{style()}</style>", DEFS]
    lines.append(f'<rect x="0" y="0" width="{width}" height="{height}" fill="#fff" style="stroke:none"/>')
    lines.extend(_heading(picture))
    lines.extend(_legend(picture.legend_y))
    if picture.chips_title is not None:
        lines.append(_text(picture.chips_title, "bt"))
    lines.extend(_chip(chip, words, titles) for chip in picture.chips)
    for band in picture.bands:
        lines.extend(_band(band, words, titles))
    lines.extend(_arrow(arrow) for arrow in picture.arrows)
    lines.extend(_text(label, "h1" if number else "bt") for number, label in enumerate(picture.reasons))
    lines.append("</svg>")
    return "\n".join(lines) + "\n"


def _heading(picture: Picture) -> Iterator[str]:
    yield from (_text(label, "h0") for label in picture.title)
    yield from (_text(label, "h1") for label in picture.heading)


def _legend(y: float) -> Iterator[str]:
    """Every pattern with its meaning, and that there is no scale."""
    x = 10.0
    for style, over, text in LEGEND:
        yield f'<rect class="{style}" x="{_n(x)}" y="{_n(y)}" width="22" height="12"/>'
        if over:
            yield f'<rect class="over" fill="url(#{over})" x="{_n(x)}" y="{_n(y)}" width="22" height="12"/>'
        yield _text(Label(x + 26, y + 10, text), "")
        x += 26 + len(text) * 6.05 + 14
    yield _text(Label(10, y + 30, SCALE_NOTE), "h1")


def _band(band: BandPicture, words: Words, titles: bool) -> Iterator[str]:
    place = f'transform="translate({_n(band.x)} {_n(band.y)})"'
    yield f'<g class="band" {place} aria-label={quoteattr(band.title.text)}>'
    yield _text(band.title, "bt")
    for note in band.notes:
        yield _text(note, "h1")
    for lane in band.lanes:
        yield from _lane(lane, words, titles)
    yield "</g>"


_TAGS = {"today": ("today",), "plan": ("plan",), "both": ("today", "= plan")}


def _lane(lane: LanePicture, words: Words, titles: bool) -> Iterator[str]:
    yield f'<g class="lane {lane.tag}">'
    for number, word in enumerate(_TAGS[lane.tag]):
        yield _text(Label(10, lane.y + 14 + 14 * number, word), "tag")
    frame = f'x="{_n(LEFT)}" y="{_n(lane.y)}" width="{_n(lane.width)}" height="{_n(lane.height)}"'
    edge = lane.y + lane.height if lane.mirrored else lane.y
    for box in lane.boxes:
        yield from _box(box, lane, words, titles)
    yield f'<rect class="root" {frame}/>'
    for x, torn in zip((LEFT, LEFT + lane.width), lane.torn, strict=True):
        if torn:
            yield f'<path class="torn" d="M{_n(x)} {_n(lane.y)}v{_n(lane.height)}"/>'
    for x in lane.marks:
        yield f'<path class="mark" d="M{_n(x)} {_n(edge)}v{_n(RULER - 2 if lane.mirrored else 2 - RULER)}"/>'
    for tick in lane.ticks:
        yield _text(Label(tick.x + (2 if tick.anchor == "start" else -2), tick.y, tick.text, tick.anchor), "tick")
    yield "</g>"


def _box(box: Box, lane: LanePicture, words: Words, titles: bool) -> Iterator[str]:
    item = box.item
    classes = [box.style]
    over = ""
    data = ""
    if item is not None:
        if box.style == "window" and item.change != "same":
            classes.append("changed")
        elif box.style == "bar":
            classes.append(item.change if item.change != "same" else "")
            over = "hatch" if item.stays is not None else ""
        data = f" data-k={quoteattr(item.name)}"
    else:
        data = f" data-k={quoteattr(words.free_details(box.range, largest=box.style == 'largest')[0][1])}"
    frame = f'x="{_n(box.x)}" y="{_n(box.y)}" width="{_n(max(box.width, 0.5))}" height="{_n(box.height)}"'
    yield f'<g class="item"{data}>'
    if titles:
        yield f"<title>{escape(_title(box, words))}</title>"
    yield f'<rect class="{" ".join(filter(None, classes))}" {frame}/>'
    if box.style == "window":
        strip_y = box.y + box.height - STRIP if lane.mirrored else box.y
        strip = f'x="{_n(box.x + 0.4)}" y="{_n(strip_y + 0.4)}" width="{_n(max(box.width - 0.8, 0.4))}"'
        yield f'<rect class="strip" {strip} height="{_n(STRIP - 0.8)}"/>'
    elif over:
        yield f'<rect class="over" fill="url(#{over})" {frame}/>'
    if box.style == "gap":
        edge = lane.y if lane.mirrored else lane.y + lane.height
        x = box.middle
        yield f'<path class="cut" d="M{_n(x - 4)} {_n(edge + 4)}l4 -8m0 8l4 -8"/>'
    for label in box.labels:
        yield _text(label, "")
    yield "</g>"


def _title(box: Box, words: Words) -> str:
    if box.style == "waste" and box.item is not None:
        return f"waste in the {box.item.name}: {box.range} [size={format_size(box.range.size)}]"
    if box.item is not None:
        return "\n".join(f"{name}: {value}" for name, value in words.details(box.item))
    (_, what), (_, size) = words.free_details(box.range, largest=box.style == "largest")
    return f"{what} [size={size}]"


def _chip(chip: Chip, words: Words, titles: bool) -> str:
    details = words.bar_details(chip.waiting.key, None)
    title = f"<title>{escape(chr(10).join(f'{name}: {value}' for name, value in details))}</title>" if titles else ""
    frame = f'x="{_n(chip.x)}" y="{_n(chip.y)}" width="{_n(chip.width)}" height="17" rx="4"'
    text = _text(Label(chip.x + 8, chip.y + 12, chip.text), "")
    key = quoteattr(str(chip.waiting.key))
    return f'<g class="item chip" data-k={key}>{title}<rect class="{chip.style}" {frame}/>{text}</g>'


def _arrow(arrow: Arrow) -> str:
    (x1, y1), (x2, y2) = arrow.start, arrow.end
    if arrow.gutter is None:
        bend = max((y2 - y1) * 0.6, 10)
        path = f"M{_n(x1)} {_n(y1)}C{_n(x1)} {_n(y1 + bend)} {_n(x2)} {_n(y2 - bend)} {_n(x2)} {_n(y2 - 1)}"
    else:
        away = 9 + 4 * arrow.step
        path = f"M{_n(x1)} {_n(y1)}v{away}H{_n(arrow.gutter)}V{_n(y2 - away - 3)}H{_n(x2)}V{_n(y2 - 1)}"
    return f'<path class="arrow" data-k={quoteattr(str(arrow.key))} marker-end="url(#head)" d="{path}"/>'


def _text(label: Label, style: str) -> str:
    attributes = f' class="{style}"' if style else ""
    if label.anchor != "start":
        attributes += f' text-anchor="{label.anchor}"'
    if label.rotated:
        attributes += f' transform="rotate(-90 {_n(label.x)} {_n(label.y)})"'
    return f'<text x="{_n(label.x)}" y="{_n(label.y)}"{attributes}>{escape(label.text)}</text>'


def escape(text: str) -> str:
    """Text for an XML document; what XML has no character for becomes a question mark."""
    return saxutils.escape(_NO_XML.sub("?", text))


def quoteattr(text: str) -> str:
    """The same as an attribute with its quotes."""
    return saxutils.quoteattr(_NO_XML.sub("?", text))


_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def _n(value: float) -> str:
    """A number with one digit behind the point at most, the same on every machine."""
    text = f"{value:.1f}"
    return text.removesuffix(".0") if text != "-0.0" else "0"
