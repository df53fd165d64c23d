"""The least waste of a group by the exact lengths of its windows, and windows of that length."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from models.resources import Size, Space
from solver.cpsat.group import Group
from solver.cpsat.worth import is_plain, rounding
from solver.division import Divider, Division
from solver.packing import Layout, Packer
from solver.problem import BusNode, WindowItem
from solver.shapes import Shapes


@dataclass(slots=True)
class Shortest:
    """Divisions of the bridges on a root bus, each made once.

    Attributes
    ----------
    packer
        Knows what stands on each bus.
    shapes
        Tables by the granularity of windows; several root buses may share them.
    late
        Says when it is time to give up.
    """

    packer: Packer
    shapes: dict[Size, Shapes]
    late: Callable[[], bool] = lambda: False
    known: dict[tuple[int, Space], Division | None] = field(default_factory=dict)

    def waste(self, group: Group) -> Size:
        """Bytes that the group wastes at least when each of its required BARs has a place; 0 where nothing is known."""
        waste = 0
        for bus, space in self._bridges(group):
            division = self._division(bus, space, group)
            if division is not None:
                waste += max(0, division.bound - self._filled(group, bus, space))
        return waste

    def offers(self, group: Group) -> dict[int, dict[WindowItem, list[Layout]]] | None:
        """The shortest windows behind each bridge of the group; ``None`` where they are not known for all."""
        found: dict[int, dict[WindowItem, list[Layout]]] = {}
        for bus, space in self._bridges(group):
            division = self._division(bus, space, group)
            if division is None or division.layouts is None:
                return None
            found.setdefault(bus.number, {}).update(division.layouts)
        return found or None

    def _bridges(self, group: Group) -> list[tuple[BusNode, Space]]:
        if not is_plain(group.bars, group.windows) or any(
            bar.today is not None and bar.today % bar.size for bar in group.bars if not bar.movable
        ):
            return []
        spaces: list[Space] = sorted({window.space for window in group.windows})
        buses = [bus for bus in self.packer.bridges_on.get(0, []) if bus.bridge in group.atoms]
        return [(bus, space) for bus in buses for space in spaces]

    def _division(self, bus: BusNode, space: Space, group: Group) -> Division | None:
        key = bus.number, space
        if key not in self.known:
            found = group.answer.arrangement
            spans = [found.windows.get(window.key) for window in bus.windows if window.space == space] if found else []
            length = sum(span[1] - span[0] for span in spans if span is not None)
            self.known[key] = self._divide(group, bus, space, length or None)
        return self.known[key]

    def _divide(self, group: Group, bus: BusNode, space: Space, length: Size | None) -> Division | None:
        inner = [bus]
        for outer in inner:
            inner += self.packer.bridges_on.get(outer.number, [])
        units = {window.granularity for each in inner for window in each.windows if window.space == space}
        if len(units) != 1:
            return None
        unit = units.pop()
        shapes = self.shapes.setdefault(unit, Shapes(unit))
        least = rounding(group.bars, group.windows)
        gaps = sum(least.get((each.number, space), 0) for each in inner)
        return Divider(bus, space, self.packer.bars_on, self.packer.bridges_on, shapes, gaps).divide(length, self.late)

    def _filled(self, group: Group, bus: BusNode, space: Space) -> Size:
        """Bytes of the BARs behind a bridge that back its windows, or may."""
        return sum(
            bar.span
            for bar in group.bars
            if bar.atom == bus.bridge and bar.bus.parent is not None and bar.space == space and bar.placeable
        )
