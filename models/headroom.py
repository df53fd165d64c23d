"""What can still be plugged in: the largest free block of each empty hotplug port, and the objective ``headroom``.

An empty port is a hotplug-capable bridge with no function behind it; an occupied
slot takes no further device. Behind an empty port nothing stands in the windows,
so its room is what the bridge's own windows hold.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from models.resources import FOUR_GIB, MIB, FunctionAddress, Range, Size, WindowKind, align_up
from models.topology import BridgeWindow, Bus, Function, RootBus, Topology, WindowKey

if TYPE_CHECKING:
    from models.placement import Placement


@dataclass(frozen=True, slots=True)
class PortHeadroom:
    """The room of one memory window of an empty hotplug port.

    Attributes
    ----------
    block
        The largest block of a power of two bytes, at a multiple of itself, that the window holds; 0 = none.
    most
        The largest such block of any root window that could serve the window, whatever else stands there.
    """

    port: FunctionAddress
    kind: WindowKind
    block: Size
    most: Size

    @property
    def missing(self) -> int:
        """How many doublings ``block`` is away from ``most``; from nothing to 1 MiB is one."""
        return max(0, doublings(self.most) - doublings(self.block))


def headroom(topology: Topology, placement: Placement) -> list[PortHeadroom]:
    """The room of every memory window of every empty hotplug port, in the order of the machine."""
    found = []
    for function, bus in topology.functions():
        for window in port_windows(function):
            range_ = placement.windows.get(WindowKey(function.address, window.kind))
            offset = _offset(bus.root, range_)
            block = 0 if range_ is None else largest_block(range_.start - offset, range_.end - offset)
            found.append(PortHeadroom(function.address, window.kind, block, most_room(bus.root, window)))
    return found


def empty_ports(topology: Topology) -> Iterator[tuple[Function, Bus]]:
    """The empty hotplug ports with the bus each stands on."""
    for function, bus in topology.functions():
        if port_windows(function):
            yield function, bus


def port_windows(function: Function) -> tuple[BridgeWindow, ...]:
    """The memory windows of an empty hotplug port; none where the function is no such port."""
    bridge = function.bridge
    if bridge is None or not bridge.hotplug or bridge.functions:
        return ()
    return tuple(window for window in bridge.windows if window.kind != "io")


def most_room(root: RootBus, window: BridgeWindow) -> Size:
    """The largest aligned block of the root windows that can serve a bridge window of this kind and reach."""
    most = 0
    short = window.kind == "mem" or window.width == 32
    for host in root.windows:
        if host.space != "mem" or (host.prefetchable and window.kind != "pref"):
            continue
        start, end = host.range.start - host.offset, host.range.end - host.offset
        most = max(most, largest_block(start, min(end, FOUR_GIB) if short else end))
    return most


def largest_block(start: int, end: int) -> Size:
    """The largest power of two of bytes that lies between two bus addresses at a multiple of itself; 0 = none."""
    if end <= start:
        return 0
    block = 1 << ((end - start).bit_length() - 1)
    while block and align_up(start, block) + block > end:
        block >>= 1
    return block


def doublings(block: Size) -> int:
    """0 for less than 1 MiB, 1 for 1 MiB, 2 for 2 MiB, and so on."""
    return (block // MIB).bit_length()


def _offset(root: RootBus, range_: Range | None) -> int:
    if range_ is None:
        return 0
    windows = [window for window in root.windows if window.space == "mem" and range_.start in window.range]
    return windows[0].offset if windows else 0
