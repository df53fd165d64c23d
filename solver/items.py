"""The things that have to stand somewhere: buses, BARs and bridge windows as an engine sees them, in coordinates."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from models.resources import FunctionAddress, Size, Space, WindowKind
from models.topology import BarKey, WindowKey

Span = tuple[int, int]
"""A half-open range of coordinates."""


@dataclass(slots=True, eq=False)
class BusNode:
    """One bus: what stands on it is kept apart, in each address space.

    Attributes
    ----------
    windows
        Windows of the bridge that leads here; empty on the root bus.
    obstacles
        Ranges on this bus that nothing else may touch: immovable BARs and CardBus windows, merged, by space.
    isa
        A bridge on the way here has its ISA enable bit set, so that most I/O ports below 64 KiB do not reach it.
    vga
        I/O ports (bus addresses) that bridges of other ways claim for VGA, as far as nothing else keeps BARs off them.
    """

    number: int
    name: str
    parent: BusNode | None
    bridge: FunctionAddress | None
    subtractive: bool
    isa: bool = False
    vga: list[Span] = field(default_factory=list)
    windows: list[WindowItem] = field(default_factory=list)
    obstacles: dict[Space, list[Span]] = field(default_factory=lambda: {"io": [], "mem": []})


@dataclass(slots=True, eq=False)
class Choice:
    """A BAR whose size is open: of its items, one for each size, at most one has a place.

    Attributes
    ----------
    key
        The BAR; each item has a key of its own.
    home
        Its coordinate today, whatever the size.
    kept, required
        As of a :class:`BarItem`; the items by themselves are neither.
    resized
        It has an address today and may not keep its size.
    """

    key: BarKey
    home: int | None
    kept: bool
    required: bool
    items: list[BarItem] = field(default_factory=list)
    resized: bool = False

    @property
    def placeable(self) -> bool:
        """Whether some root window can hold it at some size."""
        return any(item.placeable for item in self.items)


@dataclass(slots=True, eq=False)
class BarItem:
    """A BAR that has, or may get, an address.

    Attributes
    ----------
    atom
        The function on the root bus at or above this BAR.
    places
        Where the root windows allow it, by kind and reach: the whole BAR lies in one of these.
    today
        Its coordinate today.
    movable
        It may leave ``today``.
    kept
        It has an address today, so it must have one afterwards.
    required
        It counts as ``unplaced`` when it gets none.
    evicted
        A movable BAR whose place today breaks a rule whatever the windows are: it has to move.
    homeless
        A movable BAR that lies in no window today: it moves, or a window comes to it.
    nested
        Whether it must lie in a window; an immovable BAR that does not today is left as it is.
    starts
        Where a movable BAR may begin, in multiples of its size, as far as the root windows and the reserved ranges
        allow; inclusive at both ends. Empty = nowhere.
    cost
        What it costs to prepare the function's driver for a move; 0 where it survives one.
    shared
        An immovable BAR that overlaps another one.
    stand_in
        No BAR at all but a CardBus window, which stays where it is and backs nothing.
    low
        It is 32-bit prefetchable, and newly placed it shuns 64-bit prefetchable windows (window rule ``kernel``).
    choice
        The BAR whose size this item is one of; ``today`` is then set at the size of today only.
    may_stay
        Its place of today, at this item's size, breaks no rule whatever the windows are.
    largest
        Bytes it takes at the largest size it supports; 0 = no Resizable BAR.
    halvings, halvings_without
        How often the largest size is halved to get this one, and to have no address.
    """

    key: BarKey
    bus: BusNode
    atom: FunctionAddress
    space: Space
    size: Size
    span: Size
    prefetchable: bool
    places: list[Span]
    today: int | None
    movable: bool
    kept: bool
    required: bool
    evicted: bool = False
    homeless: bool = False
    nested: bool = True
    shared: bool = False
    stand_in: bool = False
    starts: list[Span] = field(default_factory=list)
    cost: int = 0
    low: bool = False
    choice: Choice | None = None
    may_stay: bool = False
    largest: Size = 0
    halvings: int = 0
    halvings_without: int = 0

    @property
    def home(self) -> int | None:
        """Where the BAR is today, whatever its size."""
        return self.today if self.choice is None else self.choice.home

    @property
    def isa(self) -> bool:
        """Whether there are I/O ports below 64 KiB that do not reach it, for an ISA or a VGA enable bit."""
        return self.space == "io" and (self.bus.isa or bool(self.bus.vga))

    @property
    def placeable(self) -> bool:
        """Whether some root window can hold it."""
        return not self.movable or bool(self.starts)

    def may_lie_in(self, window: WindowItem) -> bool:
        """Whether a bridge window takes it."""
        here = None if self.today is None else (self.today, self.today + self.span)
        return accepts(window.kind, self.space, self.prefetchable) and not (self.low and window.shunned(here))


@dataclass(slots=True, eq=False)
class WindowItem:
    """A bridge window.

    Attributes
    ----------
    bus
        Where the bridge stands.
    inner
        The bus behind it.
    today
        Its range today; ``None`` = closed.
    tolerated
        Today's range breaks a rule: it may stay exactly so, or become legal.
    homeless
        The rule it breaks is nesting: it lies in no window of the bus it stands on.
    exempt
        Items it overlaps today (keys of windows and immovable BARs, labels of reserved ranges).
    wide
        It is a 64-bit prefetchable window.
    low
        As of a :class:`BarItem`, for a 32-bit prefetchable window.
    most
        Where ``headroom`` counts and this is a memory window of an empty hotplug port: the largest block that a root
        window could give it, in doublings (:mod:`models.headroom`); ``None`` elsewhere.
    stays
        It is outside of the scope: it stays as it is today, open or closed.
    """

    key: WindowKey
    bus: BusNode
    inner: BusNode
    atom: FunctionAddress
    space: Space
    kind: WindowKind
    granularity: Size
    places: list[Span]
    today: Span | None
    tolerated: bool = False
    homeless: bool = False
    exempt: set[object] = field(default_factory=set)
    most: int | None = None
    wide: bool = False
    low: bool = False
    stays: bool = False

    def may_lie_in(self, window: WindowItem) -> bool:
        """Whether another bridge's window takes it."""
        legal = accepts(window.kind, self.space, self.kind == "pref")
        return legal and not (self.low and window.shunned(self.today))

    def shunned(self, here: Span | None) -> bool:
        """Whether what shuns 64-bit prefetchable windows shuns this one: not where it is in it today."""
        return self.wide and not (here is not None and self.today is not None and inside(here, self.today))


def choices(bars: Iterable[BarItem]) -> list[Choice]:
    """The BARs whose size is open, once each."""
    return list(dict.fromkeys(bar.choice for bar in bars if bar.choice is not None))


def unplaceable(bars: Iterable[BarItem]) -> int:
    """How many required BARs no root window can hold, at any size."""
    bars = list(bars)
    plain = sum(bar.required and not bar.placeable for bar in bars)
    return plain + sum(choice.required and not choice.placeable for choice in choices(bars))


def accepts(kind: WindowKind, space: Space, prefetchable: bool) -> bool:
    """Whether a bridge window of this kind takes an item of this space and prefetchability."""
    return space == "io" if kind == "io" else space == "mem" and (kind == "mem" or prefetchable)


def inside(inner: Span, outer: Span) -> bool:
    """Whether one range lies whole in another."""
    return outer[0] <= inner[0] and inner[1] <= outer[1]


def overlap(a: Span, b: Span) -> bool:
    """Whether two ranges share a coordinate."""
    return a[0] < b[1] and b[0] < a[1]
