"""Where the items of a problem stand, in coordinates."""

from __future__ import annotations

from dataclasses import dataclass, field

from models.topology import BarKey, WindowKey
from solver.problem import Span


@dataclass(slots=True)
class Arrangement:
    """Where items stand, in coordinates (``None`` = unassigned or closed)."""

    bars: dict[BarKey, int | None] = field(default_factory=dict)
    windows: dict[WindowKey, Span | None] = field(default_factory=dict)
