"""Assigning one bus after another: what is fixed and the windows around it by address, then the rest.

A window with a hull asks for its optional bytes together with all others. Where something fails with them, they are
given up, and asked for again when everything else has its place. The rest is assigned as the kernel does.
"""

from __future__ import annotations

from models.resources import ADDRESS_LIMIT, FOUR_GIB, Address, Size
from solver.kernel.assigning import FailList, assign
from solver.kernel.context import Context
from solver.kernel.fitting import first_fit
from solver.kernel.ordering import OptionalList, resources_to_place
from solver.kernel.resource import Resource
from solver.kernel.tree import Bus
from solver.movable.anchors import Anchors, Hull

_AROUND = "around what is fixed"


class Assignment:
    """Assigns everything below one root bus.

    Attributes
    ----------
    standing
        What is fixed and was found again in a window of its bus.
    """

    def __init__(self, context: Context, anchors: Anchors, optional: OptionalList) -> None:
        self.context, self.anchors, self.optional = context, anchors, optional
        self.standing: set[Resource] = set()

    def below(self, bus: Bus) -> None:
        """Assign what stands on ``bus``, then what lies behind its bridges."""
        self.on(bus)
        for child in bus.children:
            self.below(child)

    def on(self, bus: Bus) -> None:
        """Assign what stands on ``bus``."""
        waiting = [item for device in bus.devices for item in device.resources if item.wants_place]
        anchored = sorted((item for item in waiting if self._address(item) is not None), key=self._address_of)
        states = [(item, item.state()) for item in waiting]
        if any(self.optional.get(item) is not None for item in anchored):
            trial = OptionalList(dict(self.optional.entries))
            if self._place(bus, anchored, trial, with_optional=True):
                self.optional.entries = trial.entries
                return
            for item, state in states:
                if item.parent is not None:
                    item.detach()
                item.restore(state)
                self.standing.discard(item)
        self._place(bus, anchored, self.optional, with_optional=False)
        for item in anchored:
            entry = self.optional.get(item)
            if entry is not None and item.parent is not None:
                self._grow(item, entry.extra, max(item.alignment, entry.alignment))
            self.optional.drop(item)

    def _address(self, item: Resource) -> Address | None:
        """Where a fixed item is, or where the hull of a window begins; ``None`` = it goes anywhere."""
        if item in self.anchors.fixed:
            return item.before
        return self.anchors.hulls[item][0] if item in self.anchors.hulls else None

    def _address_of(self, item: Resource) -> Address:
        address = self._address(item)
        assert address is not None
        return address

    def _place(self, bus: Bus, anchored: list[Resource], optional: OptionalList, *, with_optional: bool) -> bool:
        """Place everything on ``bus``; whether nothing failed."""
        for item in anchored:
            if item in self.anchors.fixed:
                self._stand(item)
                continue
            size, alignment = item.size, item.alignment
            entry = optional.get(item) if with_optional else None
            if entry is not None:
                size, alignment = size + entry.extra, max(alignment, entry.alignment)
            if not self._place_around(item, size, alignment) and with_optional:
                return False
            if with_optional:
                optional.drop(item)
        failed = FailList()
        self.context.journal.phase = ""
        assign(self.context, resources_to_place(bus.devices), optional, failed)
        return not failed

    def _stand(self, item: Resource) -> None:
        """Find a window for a fixed item: the one that held it, or one for its type.

        It may share its place with others that are fixed or reserved.
        """
        assert item.before is not None
        assert item.device is not None
        start, end = item.before, item.before + item.size
        holding = [
            window
            for window in item.device.bus.windows
            if window.is_open
            and window.io == item.io
            and (item.pref or not window.pref or window is self.anchors.fixed[item])
            and window.contains(start, end)
        ]
        window = min(holding, key=lambda window: window.pref and not item.pref, default=None)
        if window is None:
            self.context.journal.not_claimed(item, start, "no compatible bridge window")
        elif any(other.is_window and other.start < end and start < other.end for other in window.children):
            self.context.journal.not_claimed(item, start, "address conflict")
        else:
            self.standing.add(item)
            if window.gaps.is_free(start, end):
                window.insert(item, start)
                self.context.journal.claimed(item)
                return
            window.gaps.reserve(start, end)
        item.present = False

    def _place_around(self, item: Resource, size: Size, alignment: Size) -> bool:
        """Place a window so that it covers its hull, or make it cease to exist."""
        hull = self.anchors.hulls[item]
        found = fit_around(self.context, item, size, alignment, hull)
        self.context.journal.phase = _AROUND
        item.size = size
        if found is None:
            self.context.journal.no_space(item, alignment)
            self.context.journal.failed(item)
            item.wipe()
            return False
        found[0].insert(item, found[1])
        self.context.journal.assigned(item, alignment)
        return True

    def _grow(self, item: Resource, extra: Size, alignment: Size) -> None:
        """Place a window anew with ``extra`` bytes, still around its hull; otherwise it stays as it is."""
        window, start, size = item.parent, item.start, item.size
        assert window is not None
        item.detach()
        found = fit_around(self.context, item, size + extra, alignment, self.anchors.hulls[item])
        self.context.journal.phase = _AROUND
        if found is None:
            window.insert(item, start)
            self.context.journal.not_grown(item, alignment, extra)
            return
        item.size = size + extra
        found[0].insert(item, found[1])
        self.context.journal.grown(item, alignment, extra)


def fit_around(
    context: Context, item: Resource, size: Size, alignment: Size, hull: Hull
) -> tuple[Resource, Address] | None:
    """The first fit at or above the lowest address from which ``size`` bytes cover the hull, if it does cover it.

    The search starts at the hull where the window is no larger, else ``size`` bytes below the hull's end. No second
    fit is tried.
    """
    assert item.device is not None
    low, high = hull
    holding = [
        window
        for window in item.device.bus.windows
        if window.is_open and window.io == item.io and (item.pref or not window.pref) and window.contains(low, high)
    ]
    window = min(holding, key=lambda window: window.pref != item.pref, default=None)
    if window is None:
        return None
    lowest = low if size <= high - low else high - size
    reach = ADDRESS_LIMIT if item.m64 else FOUR_GIB
    start = first_fit(context, window, size, alignment, max(lowest - window.offset, 0), reach)
    if start is None or start > low or start + size < high:
        return None
    return window, start
