"""One decision of the allocator in words: what, where, how large, how aligned, in which window, and by which rule."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from models.resources import FOUR_GIB, Address, Size
from models.topology import BarKey, WindowKey
from solver.kernel.resource import Resource

if TYPE_CHECKING:
    from solver.kernel.tree import Bus

DecisionKind = Literal["claimed", "refused", "sized", "placed", "no space", "grown", "not grown", "released"]


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision about one BAR or bridge window.

    Attributes
    ----------
    kind
        ``refused`` = the address it has is not taken; ``sized`` = what a window requires; ``not grown`` = it stays.
    base
        CPU address; ``None`` where there is none.
    size
        What was asked for.
    window
        The bridge window it stands in now; ``root`` for a host bridge window, empty for none.
    why
        The rule that decided.
    """

    kind: DecisionKind
    key: BarKey | WindowKey
    base: Address | None
    size: Size
    alignment: Size
    window: str
    why: str


def window_name(window: Resource | None) -> str:
    """``root`` for a host bridge window, the bridge and the kind of any other, nothing for none."""
    if window is None:
        return ""
    return "root" if window.is_root or window.key is None else str(window.key)


def why_here(resource: Resource, alignment: Size) -> str:
    """Which of the rounds of the search found the window, and where in it the search looked."""
    window = resource.parent
    assert window is not None
    if window.pref == resource.pref and window.m64 == resource.m64:
        found = "first fit in a window of its own type"
    elif window.pref and resource.pref:
        found = "first fit in a prefetchable window"
    else:
        found = "first fit in a window of another type, none of its own had room"
    if resource.m64:
        above = resource.start - resource.offset >= FOUR_GIB
        found += ", above 4 GiB first" if above else ", no room above 4 GiB"
    if alignment and resource.start % alignment:
        found += ", the part smaller than its alignment in front"
    return found


def why_nowhere(resource: Resource) -> str:
    """Whether there is a window at all."""
    assert resource.device is not None
    bus: Bus | None = resource.device.bus
    while bus is not None:
        for window in bus.windows:
            if window.is_open and window.io == resource.io and (resource.pref or not window.pref):
                return "no gap of this size and alignment in any window"
        bus = bus.parent if bus.subtractive else None
    return "no window of this type is open on its bus"
