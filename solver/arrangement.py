"""Where the items of a problem stand, in coordinates."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from models.topology import BarKey, WindowKey
from solver.problem import Span


@dataclass(slots=True)
class Arrangement:
    """Where items stand, in coordinates (``None`` = unassigned or closed)."""

    bars: dict[BarKey, int | None] = field(default_factory=dict)
    windows: dict[WindowKey, Span | None] = field(default_factory=dict)

    @classmethod
    def of(cls, parts: Iterable[Arrangement]) -> Arrangement:
        """Parts of a problem as one; what is in several stands where the last of them says."""
        made = cls()
        for part in parts:
            made.bars.update(part.bars)
            made.windows.update(part.windows)
        return made
