"""The parts of a drawn address map: boxes, labels and arrows in pixels, and the measures they are made with."""

from __future__ import annotations

from dataclasses import dataclass

from models.resources import Range
from models.topology import BarKey
from solver.map.scene import Band, Item, Waiting

WIDTH = 1400.0
"""Pixels of the whole picture."""

LEFT, RIGHT = 62.0, 30.0
"""Margins: the names of the lanes stand on the left, arrows between rows run on the right."""

FONT = 10.0
CHARACTER = 6.05
"""Pixels of a character of a monospaced font of that size; the usual ones have 0.60 em or less."""

TICK_CHARACTER = 5.5
"""The same for the rulers, whose font is one pixel smaller."""

LINE = 11.5
STRIP = 14.0
"""Height of the title strip of a bridge window."""

INSET = 1.5
"""Pixels by which a nested box is smaller on each side."""

PADDING = 3.0
RULER = 12.0
CORRIDOR = 46.0
"""Height between the lanes where arrows run; :data:`NARROW_CORRIDOR` where there is none."""

NARROW_CORRIDOR = 12.0
PER_DOUBLING = 1.5
"""Pixels a doubling of size is worth."""


def text_width(text: str) -> float:
    """Pixels of ``text`` in a box."""
    return len(text) * CHARACTER


@dataclass(frozen=True, slots=True)
class Label:
    """One line of text; ``rotated`` reads from bottom to top. ``anchor`` is SVG's."""

    x: float
    y: float
    text: str
    anchor: str = "start"
    rotated: bool = False


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle with its labels; ``item`` is ``None`` for free space.

    Attributes
    ----------
    style
        ``window``, ``bar``, ``cardbus``, ``reserved``, ``gap`` or ``largest``.
    torn
        Whether it goes on in the row before and in the row after.
    """

    style: str
    x: float
    y: float
    width: float
    height: float
    range: Range
    item: Item | None = None
    labels: tuple[Label, ...] = ()
    torn: tuple[bool, bool] = (False, False)

    @property
    def middle(self) -> float:
        return self.x + self.width / 2


@dataclass(frozen=True, slots=True)
class LanePicture:
    """One row of one lane: ``tag`` is ``today``, ``plan`` or ``both``; ``mirrored`` has the BARs at the top."""

    tag: str
    mirrored: bool
    y: float
    width: float
    height: float
    boxes: tuple[Box, ...]
    ticks: tuple[Label, ...]
    marks: tuple[float, ...]
    """Where the ruler has a stroke."""
    torn: tuple[bool, bool]


@dataclass(frozen=True, slots=True)
class BandPicture:
    """A root window with its rows of lanes; their places are counted from ``x`` and ``y``."""

    band: Band
    x: float
    y: float
    width: float
    height: float
    title: Label
    notes: tuple[Label, ...]
    lanes: tuple[LanePicture, ...]


@dataclass(frozen=True, slots=True)
class Arrow:
    """From a BAR's place of today to the one of the plan, as points of a path; ``direct`` where both are in one row."""

    key: BarKey
    start: tuple[float, float]
    end: tuple[float, float]
    gutter: float | None
    """x of the way round where they are not in one row."""
    step: int = 0
    """Keeps ways round apart: its lines run so many steps further from the lanes."""


@dataclass(frozen=True, slots=True)
class Chip:
    """A BAR without an address today or in the plan."""

    waiting: Waiting
    style: str
    x: float
    y: float
    width: float
    text: str


@dataclass(frozen=True, slots=True)
class Picture:
    """A whole map, ready to be drawn."""

    width: float
    height: float
    title: tuple[Label, ...]
    heading: tuple[Label, ...]
    legend_y: float
    chips_title: Label | None
    chips: tuple[Chip, ...]
    bands: tuple[BandPicture, ...]
    arrows: tuple[Arrow, ...]
    reasons: tuple[Label, ...]
