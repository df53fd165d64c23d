"""One resource: a BAR or a window, with or without an address, and what stands in it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from models.resources import Address, Size
from models.topology import BarKey, WindowKey
from solver.kernel.gaps import Gaps

if TYPE_CHECKING:
    from solver.kernel.tree import Device

ROM = 6
FIRST_VF = 7
FIRST_WINDOW = 13
"""Indices of a function's resources: BARs 0 to 5, the ROM, six VF BARs, then the bridge windows."""

State = tuple[Size, Address, Size, bool, bool]


@dataclass(eq=False, slots=True)
class Resource:
    """A BAR, a bridge window or a root window.

    Attributes
    ----------
    device
        The owner; ``None`` for a root window.
    pref, m64
        Prefetchable; 64-bit BAR or window.
    natural
        The alignment of a BAR: its size, or that of one VF. 0 for bridge windows.
    stash
        The alignment of a bridge window that was sized and not placed; 0 otherwise.
    present
        It exists for the kernel; a resource that failed for good does not.
    disabled
        A window that is not needed.
    start, offset
        CPU address, and CPU minus bus address, while ``parent`` is set.
    parent
        The window it stands in; ``None`` = no address.
    before
        The address it had before the kernel looked.
    remembered
        The address from the firmware that could not be claimed.
    """

    device: Device | None
    index: int
    key: BarKey | WindowKey | None
    io: bool
    pref: bool = False
    m64: bool = False
    size: Size = 0
    natural: Size = 0
    fixed: bool = False
    before: Address | None = None
    remembered: Address | None = None
    present: bool = True
    disabled: bool = False
    stash: Size = 0
    start: Address = 0
    offset: int = 0
    parent: Resource | None = None
    children: dict[Resource, None] = field(default_factory=dict)
    gaps: Gaps = field(default_factory=lambda: Gaps(0, 0))

    @property
    def is_root(self) -> bool:
        return self.device is None

    @property
    def is_window(self) -> bool:
        return self.index >= FIRST_WINDOW

    @property
    def is_rom(self) -> bool:
        return self.index == ROM

    @property
    def is_vf(self) -> bool:
        return FIRST_VF <= self.index < FIRST_WINDOW

    @property
    def is_open(self) -> bool:
        """A window that something can be placed in."""
        return self.parent is not None or self.is_root

    @property
    def wants_place(self) -> bool:
        """It exists, has no address, and the kernel chooses one."""
        return self.present and self.parent is None and not self.fixed and not self.disabled

    @property
    def alignment(self) -> Size:
        """What its start is a multiple of; 0 = unknown."""
        return self.natural or self.stash

    @property
    def end(self) -> Address:
        return self.start + self.size

    def contains(self, start: Address, end: Address) -> bool:
        """Whether ``[start, end)`` lies inside."""
        return self.start <= start and end <= self.end

    def insert(self, child: Resource, start: Address) -> None:
        """Give ``child`` the address ``start`` in this window, where it has to be free."""
        self.gaps.take(start, start + child.size)
        self.children[child] = None
        child.parent, child.start, child.offset, child.stash = self, start, self.offset, 0
        if child.is_window:
            child.gaps = Gaps(start, start + child.size)

    def detach(self) -> None:
        """Take the address away; size and type stay."""
        assert self.parent is not None
        self.parent.gaps.give(self.start, self.end)
        del self.parent.children[self]
        self.parent, self.start, self.offset = None, 0, 0

    def release(self) -> None:
        """Take the address away from the resource and from everything that stands in it."""
        for child in list(self.children):
            child.release()
        self.detach()

    def wipe(self) -> None:
        """Make it cease to exist."""
        self.size = self.start = self.stash = 0
        self.present = False

    def state(self) -> State:
        """What :meth:`restore` brings back."""
        return self.size, self.start, self.stash, self.present, self.disabled

    def restore(self, state: State) -> None:
        """Go back to what :meth:`state` returned."""
        self.size, self.start, self.stash, self.present, self.disabled = state
