"""The least waste of a group by the exact lengths of its windows, and windows of that length."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from models.resources import Size, Space
from solver.cpsat.group import Group
from solver.cpsat.worth import is_plain, rounding
from solver.division import Divider, Division, Share
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
    dividers: dict[tuple[int, Space], Divider | None] = field(default_factory=dict)
    known: dict[tuple[int, Space, Share | None], Division | None] = field(default_factory=dict)

    def waste(self, group: Group, share: Share | None = None) -> Size | None:
        """Bytes that the group wastes at least when each of its required BARs has a place; 0 where nothing is known.

        ``None`` where there is no room for its windows.

        Parameters
        ----------
        share
            What some windows of the group may take of a room.
        """
        waste = 0
        for bus, space in self._bridges(group):
            division = self._division(bus, space, group, share)
            if division is not None:
                if division.bound is None:
                    return None
                waste += max(0, division.bound - self._filled(group, bus, space))
        return waste

    def length(self, group: Group, windows: Iterable[WindowItem]) -> Size:
        """Bytes that some windows of the bridges of the group have at least together."""
        windows = list(windows)
        found = [(bus, space, self._divider(group, bus, space)) for bus, space in self._bridges(group)]
        return sum(
            divider.length([window for window in windows if window.inner is bus and window.space == space])
            for bus, space, divider in found
            if divider is not None
        )

    def is_known(self, group: Group, share: Share) -> bool:
        """Whether the group has but one bridge on the root bus, and that is divided."""
        bridges = self._bridges(group)
        alone = len({bus.number for bus, _ in bridges}) == 1
        return alone and all(self._division(bus, space, group, share) is not None for bus, space in bridges)

    def offers(self, group: Group, share: Share | None = None) -> dict[int, dict[WindowItem, list[Layout]]] | None:
        """The shortest windows behind each bridge of the group; ``None`` where they are not known for all."""
        found: dict[int, dict[WindowItem, list[Layout]]] = {}
        for bus, space in self._bridges(group):
            division = self._division(bus, space, group, share)
            if division is None or division.layouts is None:
                return None
            found.setdefault(bus.number, {}).update(division.layouts)
        return found or None

    def by_size(self, group: Group) -> dict[int, dict[WindowItem, list[Layout]]] | None:
        """The shortest windows with prefetchable BARs divided between them as the packer does."""
        found: dict[int, dict[WindowItem, list[Layout]]] = {}
        for bus, space in self._bridges(group):
            divider = self._divider(group, bus, space)
            layouts = None if divider is None else divider.by_size(self.packer.together)
            if layouts is None:
                return None
            found.setdefault(bus.number, {}).update(layouts)
        return found or None

    def _bridges(self, group: Group) -> list[tuple[BusNode, Space]]:
        if not is_plain(group.bars, group.windows) or any(
            bar.today is not None and bar.today % bar.size for bar in group.bars if not bar.movable
        ):
            return []
        spaces: list[Space] = sorted({window.space for window in group.windows})
        buses = [bus for bus in self.packer.bridges_on.get(0, []) if bus.bridge in group.atoms]
        return [(bus, space) for bus in buses for space in spaces]

    def _division(self, bus: BusNode, space: Space, group: Group, share: Share | None) -> Division | None:
        if share is not None and not any(window.inner is bus and window.space == space for window in share.windows):
            share = None
        key = bus.number, space, share
        if key not in self.known:
            found = group.answer.arrangement if share is None else None
            spans = [found.windows.get(window.key) for window in bus.windows if window.space == space] if found else []
            length = sum(span[1] - span[0] for span in spans if span is not None)
            divider = self._divider(group, bus, space)
            self.known[key] = None if divider is None else divider.divide(length or None, self.late, share)
        return self.known[key]

    def _divider(self, group: Group, bus: BusNode, space: Space) -> Divider | None:
        if (bus.number, space) not in self.dividers:
            self.dividers[bus.number, space] = self._made(group, bus, space)
        return self.dividers[bus.number, space]

    def _made(self, group: Group, bus: BusNode, space: Space) -> Divider | None:
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
        return Divider(bus, space, self.packer.bars_on, self.packer.bridges_on, shapes, gaps)

    def _filled(self, group: Group, bus: BusNode, space: Space) -> Size:
        """Bytes of the BARs behind a bridge that back its windows, or may."""
        return sum(
            bar.span
            for bar in group.bars
            if bar.atom == bus.bridge and bar.bus.parent is not None and bar.space == space and bar.placeable
        )
