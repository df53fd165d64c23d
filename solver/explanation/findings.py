"""What an explanation says, as plain data."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from models.mobility import Policy
from models.resources import FunctionAddress, Range, Size, Space, WindowKind
from models.topology import BarKey

Role = Literal["new", "existing", "pin"]
"""A BAR that needs an address, one that has an address and must keep some, or one that has to stay where it is."""


KeptBack = Literal["ports", "windows"]
"""I/O ports that an ISA or a VGA enable bit keeps from a BAR, or windows that ``--window-rule kernel`` does."""


class Verdict(StrEnum):
    """Whether everything that needs an address has one."""

    FITS = "fits"
    DOES_NOT_FIT = "does not fit"
    """Proved."""
    UNPROVED = "unproved"
    """Neither a placement nor a proof was found in time."""


@dataclass(frozen=True, slots=True)
class Member:
    """One BAR of a conflict.

    Attributes
    ----------
    reason
        Why it has to stay; ``None`` unless it is a pin.
    driver
        The driver that is bound, as far as known.
    """

    key: BarKey
    role: Role
    size: Size
    copies: int
    range: Range | None
    reason: str | None = None
    driver: str | None = None


@dataclass(frozen=True, slots=True)
class NoWindow:
    """Nothing leads to the BAR: the root bus, or a bridge on the way, has no window of its kind.

    Attributes
    ----------
    bridge
        The bridge that implements no such window; ``None`` = the root bus.
    out_of_reach
        The root bus has such windows, all of them beyond what the BAR reaches.
    """

    space: Space
    prefetchable: bool
    bridge: FunctionAddress | None = None
    out_of_reach: bool = False


@dataclass(frozen=True, slots=True)
class TooFewBytes:
    """Together they are longer than the root windows they can use.

    Attributes
    ----------
    needed
        Bytes of the members, bridge windows rounded up to their granularity.
    room
        Bytes of the root windows without what is reserved.
    kept_back
        What is not counted, though there is room.
    """

    needed: Size
    room: Size
    kept_back: KeptBack | None = None

    @property
    def short(self) -> Size:
        return self.needed - self.room


@dataclass(frozen=True, slots=True)
class NoAlignedBlock:
    """There is no free block for one BAR that starts at a multiple of its size.

    Attributes
    ----------
    needed
        The size of the BAR, and what its address is a multiple of.
    span
        The bytes the BAR takes.
    largest
        The largest power of two for which there is an aligned block.
    free
        Bytes beside what has to stay; they would do if they were in one aligned piece, unless fewer than ``span``.
    granularity
        The bridge window around the BAR starts and ends at a multiple of this, and that is what leaves no place;
        ``None`` where the BAR itself finds none.
    around
        Windows of bridges that have to stretch around immovable BARs, and so take room between them.
    kept_back
        As in :class:`TooFewBytes`.
    """

    key: BarKey
    needed: Size
    span: Size
    largest: Size
    free: Size
    granularity: Size | None = None
    around: tuple[tuple[FunctionAddress, WindowKind, Range], ...] = ()
    kept_back: KeptBack | None = None


@dataclass(frozen=True, slots=True)
class NoArrangement:
    """There are bytes enough and each finds a place alone, but alignment and granularity leave no order for all.

    Attributes
    ----------
    needed, room, kept_back
        As in :class:`TooFewBytes`.
    """

    needed: Size
    room: Size
    kept_back: KeptBack | None = None


Shortage = NoWindow | TooFewBytes | NoAlignedBlock | NoArrangement
"""What is missing, from the plainest reason to the most intricate."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """BARs that cannot all have what they need.

    Attributes
    ----------
    windows
        The parts of the root windows that could serve the members (CPU addresses).
    minimal
        Proved: if any pin of it may move, or any other BAR of it is left out, the rest fits.
    alike
        BARs of the same shape on the same bus as a new member, for which the same holds in its place.
    bounds
        The options outside of which bridge windows stay as they are, which is part of the conflict; empty = none.
    """

    members: tuple[Member, ...]
    shortage: Shortage
    windows: tuple[Range, ...]
    minimal: bool
    alike: tuple[BarKey, ...] = ()
    bounds: str = ""

    @property
    def pins(self) -> tuple[Member, ...]:
        return tuple(member for member in self.members if member.role == "pin")


class WayKind(StrEnum):
    """What would have to change, in the order of what it costs: the cheapest first."""

    SCOPE = "scope"
    """The request changes more of the machine."""
    RULE = "window-rule"
    """32-bit prefetchable BARs may lie in any window that is legal for them."""
    POLICY = "policy"
    """The request allows more; nothing that is not prepared moves."""
    PINS = "pins"
    """The request gives up pins of its own."""
    DRIVERS = "drivers"
    """Drivers are prepared or unbound while their BARs move."""
    OPTIONAL = "optional"
    """BARs that are not needed lose their address."""
    SIZES = "sizes"
    """Resizable BARs get smaller."""
    COMBINED = "combined"
    """Several of those above at once, where none does alone."""
    KERNEL = "kernel"
    """The next boot gets a kernel parameter."""
    WINDOW = "window"
    """The firmware, or whoever makes the machine, gives the root bus more room."""
    LEAVE_OUT = "leave-out"
    """BARs that need an address stay without."""


@dataclass(frozen=True, slots=True)
class Way:
    """One change after which everything fits, solved and checked.

    Attributes
    ----------
    cost
        How many drivers (by their weights), functions with pins, BARs or parameters it takes; bytes for a window.
    proved
        No way of this kind costs less.
    functions
        Drivers to prepare, by function.
    bars
        BARs to free, to drop, to shrink or to leave out.
    size
        The new size of a BAR; what several are larger than gets the largest size that is no larger than this.
    parameters
        Kernel parameters (``realloc=on``) and the kernels that succeed with them; the options that bound the scope.
    window
        The root window that grows or is added, and how long it then is; ``None`` beside ``grows`` = a new one.
    grows
        Bytes by which the root window grows, and at which end.
    moved
        BARs that move in the plan that was found.
    options
        What to give to ``barplan solve`` for that plan; empty where no option says it.
    combines
        What has to be done together; the fields above then say nothing beside the cost and the plan.
    """

    kind: WayKind
    cost: int
    proved: bool
    functions: tuple[tuple[FunctionAddress, str | None], ...] = ()
    bars: tuple[BarKey, ...] = ()
    size: Size | None = None
    parameters: tuple[str, ...] = ()
    kernels: tuple[str, ...] = ()
    window: Range | None = None
    grows: Size | None = None
    at_start: bool = False
    prefetchable: bool = False
    moved: int | None = None
    options: tuple[str, ...] = ()
    combines: tuple[Way, ...] = ()


@dataclass(frozen=True, slots=True)
class Always:
    """What policy ``always`` could do: every BAR moves but the fixed and the pinned ones.

    Attributes
    ----------
    unplaced
        BARs that stay without an address in the best plan; ``None`` where there is no plan.
    bound
        How many do at least, proved; ``None`` where no placement exists at all.
    """

    verdict: Verdict
    unplaced: int | None = None
    bound: int | None = None
    moved: int | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """One address space of one root bus where something does not fit.

    Attributes
    ----------
    unplaced
        BARs that the best plan leaves without an address.
    bound
        How many there are at least, proved.
    impossible
        Proved: the BARs that have an address admit no legal placement, even without all the others.
    explained
        A conflict is named for each BAR in ``unplaced``.
    """

    root: str
    space: Space
    verdict: Verdict
    unplaced: tuple[BarKey, ...]
    bound: int
    impossible: bool = False
    conflicts: tuple[Conflict, ...] = ()
    ways: tuple[Way, ...] = ()
    always: Always | None = None
    explained: bool = True


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why not everything fits.

    Attributes
    ----------
    parts
        Where it does not fit, or where that is open; empty where everything fits.
    given
        BARs without an address that find one.
    moved
        BARs that move in the plan in which everything fits.
    out_of_time, interrupted
        The search ended before all was looked at.
    """

    policy: Policy
    verdict: Verdict
    parts: tuple[Part, ...] = ()
    given: int = 0
    moved: int = 0
    out_of_time: bool = False
    interrupted: bool = False
    seconds: float = field(default=0.0, compare=False)
