"""What stays where it is on a rescan, and the hull of it that each bridge window has to cover."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from models.resources import MIB, Address, Size, align_down, align_up
from models.topology import BarKey, WindowKey
from solver.kernel.resource import Resource
from solver.kernel.tree import Bus, Device
from solver.kernel.window_choice import window_of_type

Hull = tuple[Address, Address]
"""A half-open range from the start of the first to the end of the last fixed thing, on the window's granularity."""

_LEGACY_MEMORY = MIB
_LEGACY_IO = 0x400
"""What lies below is passed on by a bridge's VGA and ISA bits, not by a window."""


@dataclass(slots=True)
class Anchors:
    """Everything below one root bus that does not move.

    Attributes
    ----------
    fixed
        The BARs and CardBus windows that have to be found again where they are, each with the window of its bus that
        holds it today; without one it does not work today, and cannot be lost.
    hulls
        By bridge window, the hull of all that is fixed in it and below.
    kept
        What no rescan touches: legacy ranges, what lies in no root window, what is behind a CardBus bridge.
    """

    fixed: dict[Resource, Resource | None] = field(default_factory=dict)
    hulls: dict[Resource, Hull] = field(default_factory=dict)
    kept: set[Resource] = field(default_factory=set)


def release_all_but_fixed(root: Bus, immovable: Collection[BarKey], granularity: Mapping[WindowKey, Size]) -> Anchors:
    """Release every bridge window and every movable BAR of a tree as built, and find what the windows have to cover.

    Parameters
    ----------
    immovable
        BARs that stay; those of functions that the kernel never touches stay too.
    granularity
        Of every bridge window.
    """
    anchors = Anchors()
    for device in list(root.walk()):
        if device.cardbus:
            _anchor_cardbus(device, anchors)
    for device in root.walk():
        for resource in device.resources:
            stays = device.untouched or resource.fixed or resource.key in immovable
            if not resource.is_window and resource.before is not None and resource.present and stays:
                _anchor(resource, anchors)
    _Hulls(root, anchors, granularity).below(root)
    for device in root.walk():
        for resource in device.resources:
            if resource.is_window:
                resource.wipe()
    return anchors


def _anchor(resource: Resource, anchors: Anchors) -> None:
    """From now on it is sized like any other BAR: nothing about it is optional, and its size counts."""
    resource.fixed = False
    if resource.is_vf:
        resource.index = 0
    anchors.fixed[resource] = None


def _anchor_cardbus(device: Device, anchors: Anchors) -> None:
    """A CardBus bridge keeps its windows, and all behind it keeps its addresses."""
    device.cardbus = False
    for at, window in enumerate(device.resources):
        if window.is_window:
            device.resources[at] = stand_in = replace(window, index=0, natural=window.size)
            if stand_in.before is not None:
                _anchor(stand_in, anchors)
            else:
                stand_in.present = False
    assert device.child is not None
    for behind in device.child.walk():
        for resource in behind.resources:
            if resource.before is not None:
                anchors.kept.add(resource)
            resource.present = False


class _Hulls:
    """Finds the hulls from the leaves up, while the windows still say where they are today."""

    def __init__(self, root: Bus, anchors: Anchors, granularity: Mapping[WindowKey, Size]) -> None:
        self.root, self.anchors, self.granularity = root, anchors, granularity

    def below(self, bus: Bus) -> None:
        """Extend the hull of each window by what is fixed in it."""
        for child in bus.children:
            self.below(child)
        for device in bus.devices:
            for resource in device.resources:
                if resource in self.anchors.fixed:
                    self._bar(bus, resource)
                elif resource in self.anchors.hulls and bus.bridge is not None:
                    hull = self.anchors.hulls[resource]
                    self._cover(window_today(bus, resource, hull) or window_of_type(bus, resource), hull)

    def _bar(self, bus: Bus, resource: Resource) -> None:
        assert resource.before is not None
        here = (resource.before, resource.before + resource.size)
        window = window_today(bus, resource, here)
        self.anchors.fixed[resource] = window
        if window is None and not self._could_be_held(resource, here):
            del self.anchors.fixed[resource]
            self.anchors.kept.add(resource)
            resource.present = False
        elif bus.bridge is not None:
            self._cover(window or window_of_type(bus, resource), here)

    def _could_be_held(self, resource: Resource, here: Hull) -> bool:
        root_window = window_today(self.root, resource, here)
        if root_window is None:
            return False
        limit = _LEGACY_IO if resource.io else _LEGACY_MEMORY
        return here[1] - root_window.offset > limit

    def _cover(self, window: Resource | None, hull: Hull) -> None:
        if window is None:
            return
        assert isinstance(window.key, WindowKey)
        grain = self.granularity[window.key]
        low, high = self.anchors.hulls.get(window, hull)
        self.anchors.hulls[window] = (
            min(low, align_down(hull[0], grain)),
            max(high, align_up(hull[1], grain)),
        )


def window_today(bus: Bus, resource: Resource, here: Hull) -> Resource | None:
    """The window of ``bus`` that holds this range today, one of the right type first."""
    own = [
        window
        for window in bus.windows
        if window.io == resource.io
        and (start := window.start if window.is_root else window.before) is not None
        and start <= here[0]
        and here[1] <= start + window.size
    ]
    return min(own, key=lambda window: window.pref and not resource.pref, default=None)
