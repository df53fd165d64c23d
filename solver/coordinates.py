"""Bus addresses as one line of numbers per root bus, so that engines need not know of offsets.

Alignment, reach and granularity hold on bus addresses, which differ from CPU
addresses by the offset of the root window. Where two offsets of one root bus
lead to the same bus addresses, all windows of the later one are lifted by a
multiple of a large power of two, which changes no alignment; windows of the same offset that
overlap go on doing so. What lies outside every root
window is lifted above them all, so that it is in the way of nothing inside.
"""

from __future__ import annotations

from dataclasses import dataclass

from models.resources import FOUR_GIB, IO_REACH, Address, Range, Space
from models.topology import RootBus, RootWindow


@dataclass(frozen=True, slots=True)
class Segment:
    """One root window in coordinates.

    Attributes
    ----------
    shift
        CPU address minus coordinate.
    reach
        First coordinate that a 32-bit BAR (memory) or a 16-bit window (I/O) does not reach.
    """

    window: RootWindow
    start: int
    end: int
    shift: int
    reach: int

    @property
    def space(self) -> Space:
        return self.window.space


class Coordinates:
    """Translation between CPU addresses and coordinates for one root bus."""

    def __init__(self, root: RootBus) -> None:
        self.segments: list[Segment] = []
        highest = max((max(window.range.end, window.range.end - window.offset) for window in root.windows), default=1)
        lifts = 1 << max(40, highest.bit_length())
        lifted: dict[tuple[Space, int], int] = {}
        for window in root.windows:
            start, end = window.range.start - window.offset, window.range.end - window.offset
            of_offset = (window.space, window.offset)
            if of_offset not in lifted:
                lifted[of_offset] = self._lift(root, window, lifts)
            lift = lifted[of_offset]
            reach = FOUR_GIB
            if window.space == "io":
                reach = IO_REACH if start < IO_REACH else start + IO_REACH
            self.segments.append(Segment(window, start + lift, end + lift, window.offset - lift, reach + lift))
        self.outside = lifts * (len(self.segments) + 1)
        """What is added to an address outside every root window."""

    def _lift(self, root: RootBus, window: RootWindow, step: int) -> int:
        """What is added to the bus addresses of every window with this one's space and offset."""
        spans = [
            (other.range.start - other.offset, other.range.end - other.offset)
            for other in root.windows
            if (other.space, other.offset) == (window.space, window.offset)
        ]
        lift = 0
        while any(
            start + lift < 0
            or any(
                segment.space == window.space and start + lift < segment.end and segment.start < end + lift
                for segment in self.segments
            )
            for start, end in spans
        ):
            lift += step
        return lift

    def of(self, space: Space, address: Address) -> int:
        """The coordinate of a CPU address."""
        for segment in self.segments:
            if segment.window.space == space and address in segment.window.range:
                return address - segment.shift
        return address + self.outside

    def of_range(self, space: Space, range_: Range) -> tuple[int, int]:
        """The coordinates of a range, by the root window it begins in or else the first one it reaches into."""
        first: Segment | None = None
        for segment in self.segments:
            if segment.window.space == space:
                window = segment.window.range
                if range_.start in window:
                    first = segment
                    break
                if first is None and window.overlaps(range_):
                    first = segment
        start = range_.start + self.outside if first is None else range_.start - first.shift
        return start, start + range_.size

    def parts(self, space: Space, range_: Range) -> list[tuple[int, int]]:
        """The coordinates of a range that may reach over root windows with different offsets."""
        mine = [
            segment for segment in self.segments if segment.space == space and segment.window.range.overlaps(range_)
        ]
        if len({segment.shift for segment in mine}) < 2:
            return [self.of_range(space, range_)]
        clipped = {self.of_range(space, part) for s in mine if (part := range_.clip(s.window.range)) is not None}
        return sorted(clipped)

    def address(self, space: Space, coordinate: int) -> Address:
        """The CPU address of a coordinate."""
        for segment in self.segments:
            if segment.space == space and segment.start <= coordinate < segment.end:
                return coordinate + segment.shift
        return coordinate - self.outside if coordinate >= self.outside else coordinate
