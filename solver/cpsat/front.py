"""What a group wastes at least with how much of a room, by the exact lengths of its windows: no solver is asked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from models.resources import Size
from solver.arrangement import Arrangement
from solver.cpsat.group import Group
from solver.cpsat.shortest import Shortest
from solver.division import Share
from solver.packing import Layout
from solver.problem import BarItem, WindowItem

Offers = dict[int, dict[WindowItem, list[Layout]]]
"""Layouts of windows, by the number of the bus behind a bridge on the root bus."""


@dataclass(frozen=True, slots=True)
class Least:
    """The least waste within some part of a room.

    Attributes
    ----------
    waste
        Bytes that are wasted at least; ``None`` where the group does not fit.
    arrangement
        What was laid out for it, if that found a place.
    """

    waste: Size | None
    arrangement: Arrangement | None


class Front:
    """The least waste of a group for each part of a room.

    Parameters
    ----------
    items
        What of the group stands on the root bus and nowhere but in that room.
    pack
        Places the group by these layouts, with nothing in its way but what cannot move.
    """

    def __init__(
        self,
        group: Group,
        items: Sequence[BarItem | WindowItem],
        shortest: Shortest,
        pack: Callable[[Offers], Arrangement | None],
    ) -> None:
        self.group, self.shortest, self.pack = group, shortest, pack
        self.windows = frozenset(item for item in items if isinstance(item, WindowItem))
        bars = (item for item in items if isinstance(item, BarItem) and item.placeable)
        self.beside = sum(bar.span for bar in bars if bar.kept or bar.required)

    @property
    def least(self) -> Size:
        """Bytes of the room that the group takes at least."""
        return self.beside + self.shortest.length(self.group, self.windows)

    def within(self, most: Size) -> Least | None:
        """The least waste with no more than ``most`` bytes of the room; ``None`` where that is not known."""
        share = Share(self.windows, most - self.beside)
        if not self.shortest.is_known(self.group, share):
            return None
        waste = self.shortest.waste(self.group, share)
        offers = None if waste is None else self.shortest.offers(self.group, share)
        return Least(waste, None if offers is None else self.pack(offers))
