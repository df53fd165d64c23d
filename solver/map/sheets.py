"""Where to cut an address map for paper: between bands, else between the rows of one, never through a box."""

from __future__ import annotations

from collections.abc import Iterator

from solver.map.picture import RULER, Picture

TALLEST = 920.0
"""Pixels of a picture of 1400 that fit on one sheet of landscape paper below each other: A4 and Letter have more."""


def sheets(picture: Picture, tallest: float = TALLEST) -> list[tuple[float, float]]:
    """Top and bottom of each sheet in pixels, from the first to the last; together they are the whole picture.

    Parameters
    ----------
    tallest
        Pixels that one sheet has room for; a row that is taller than that is cut where the sheet ends.
    """
    bands = sorted({band.y for band in picture.bands})
    rows = sorted({*bands, *_rows(picture)})
    found, top = [], 0.0
    while picture.height - top > tallest:
        end = top + tallest
        fitting = [y for y in rows if top < y <= end]
        between = [y for y in fitting if y in bands and y > top + tallest / 2]
        bottom = max(between or fitting, default=end)
        found.append((top, bottom))
        top = bottom
    return [*found, (top, picture.height)]


def _rows(picture: Picture) -> Iterator[float]:
    """The top of every row of BARs without an address, of every band's rows, and of every reason."""
    yield from (chip.y - 2 for chip in picture.chips)
    for band in picture.bands:
        if band.x == 0 and not any(other.x and other.y == band.y for other in picture.bands):
            yield from (band.y + lane.y - RULER for lane in band.lanes[1:] if not lane.mirrored)
    yield from (label.y - 12 for label in picture.reasons)
