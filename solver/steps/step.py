"""The types of step that carry a plan out, and the groups they come in.

A step says what has to be so before it, what it does, and nothing about how: an executor carries it out over
:class:`solver.steps.access.Access`, :mod:`solver.steps.script` writes it as shell commands, and
:mod:`solver.steps.document` as JSON.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from models.placement import Placement
from models.resources import Address, FunctionAddress, Range, WindowKind
from models.topology import BarIndex, BarKey, WindowKey

Route = Literal["live", "kexec", "firmware"]
"""How a plan reaches the machine."""

ROUTES: tuple[Route, ...] = ("live", "kexec", "firmware")

Capability = Literal["sr-iov"]
"""A capability whose place in configuration space has to be looked up in the machine."""

COMMAND = 0x04
"""Offset of the command register."""

IO_DECODE, MEMORY_DECODE = 0x1, 0x2
"""I/O space and memory space enable in the command register (PCI 3.0, 6.2.2)."""


@dataclass(frozen=True, slots=True)
class Register:
    """A register in configuration space.

    Attributes
    ----------
    offset
        From the start of configuration space, or of ``capability`` where one is named.
    width
        Bytes: 1, 2 or 4.
    """

    function: FunctionAddress
    offset: int
    width: int
    capability: Capability | None = None

    def __str__(self) -> str:
        where = f"{self.capability}+" if self.capability else ""
        return f"{self.function} {where}{self.offset:02x}.{ {1: 'b', 2: 'w', 4: 'l'}[self.width] }"


@dataclass(frozen=True, slots=True)
class DisableVfs:
    """Set the function's ``sriov_numvfs`` to 0 and remember what it was; nothing where it is 0 or absent."""

    function: FunctionAddress


@dataclass(frozen=True, slots=True)
class Unbind:
    """Unbind ``driver`` (``None`` = whatever is bound, if anything) and remember it."""

    function: FunctionAddress
    driver: str | None


@dataclass(frozen=True, slots=True)
class DecodeOff:
    """Clear both decode bits of the command register and remember them."""

    function: FunctionAddress


@dataclass(frozen=True, slots=True)
class RegisterWrite:
    """Write ``value``.

    Attributes
    ----------
    old
        What the register holds right before, as far as ``mask`` goes; ``None`` = not known.
    mask
        The bits that count, before and after; the others are read-only or of no concern.
    what
        What it is, in words: ``BAR 0, low half``.
    """

    register: Register
    value: int
    mask: int
    old: int | None
    what: str


@dataclass(frozen=True, slots=True)
class ClaimBar:
    """In the kernel's resource tree the BAR (all copies of a VF BAR as one) goes from ``before`` to ``after``."""

    key: BarKey
    before: Range | None
    after: Range | None

    def __str__(self) -> str:
        return f"bar {self.key.function} {self.key.index} {_first_last(self.before)} {_first_last(self.after)}"


@dataclass(frozen=True, slots=True)
class ClaimWindow:
    """In the kernel's resource tree the bridge window goes from ``before`` to ``after``; ``None`` = closed."""

    key: WindowKey
    before: Range | None
    after: Range | None

    def __str__(self) -> str:
        return f"win {self.key.bridge} {self.key.kind} {_first_last(self.before)} {_first_last(self.after)}"


def _first_last(range_: Range | None) -> str:
    return "-" if range_ is None else f"{range_.start:x}-{range_.last:x}"


@dataclass(frozen=True, slots=True)
class Transaction:
    """Windows and BARs that the kernel module moves as one, all or nothing.

    Attributes
    ----------
    claims
        Every window (parents first) and every BAR that changes, once.
    writes
        What the module writes for it, in order: windows shrink, from the leaves up, to what their old and new range
        share; then they grow, from the root down; then come the BARs. So nothing ever overlaps and no running
        function's window shuts. A register may be written twice.
    """

    claims: tuple[ClaimBar | ClaimWindow, ...]
    writes: tuple[RegisterWrite, ...]


@dataclass(frozen=True, slots=True)
class DecodeOn:
    """Set decode bits of the command register.

    Attributes
    ----------
    bits
        ``IO_DECODE``, ``MEMORY_DECODE`` or both.
    restore
        Only those of ``bits`` that :class:`DecodeOff` found set; else all of them.
    """

    function: FunctionAddress
    bits: int
    restore: bool


@dataclass(frozen=True, slots=True)
class Bind:
    """Bind the driver that :class:`Unbind` took away (``driver`` as there)."""

    function: FunctionAddress
    driver: str | None


@dataclass(frozen=True, slots=True)
class Probe:
    """Let the kernel look for a driver for a function that has got its first address; finding none is no failure."""

    function: FunctionAddress


@dataclass(frozen=True, slots=True)
class EnableVfs:
    """Set ``sriov_numvfs`` back to what :class:`DisableVfs` found."""

    function: FunctionAddress


@dataclass(frozen=True, slots=True)
class Remove:
    """Remove the function, and what is behind it, from the kernel; drivers let go."""

    function: FunctionAddress


@dataclass(frozen=True, slots=True)
class Rescan:
    """Let the kernel look for functions behind ``bridge`` (``None`` = everywhere)."""

    bridge: FunctionAddress | None


@dataclass(frozen=True, slots=True)
class Kexec:
    """Start the running kernel anew, with its own command line; it claims what it finds in the registers."""


@dataclass(frozen=True, slots=True)
class Verify:
    """Registers, and the kernel's resources where there is a kernel, hold these BARs and windows."""

    bars: dict[BarKey, Address | None]
    windows: dict[WindowKey, Range | None]


Step = (
    DisableVfs
    | Unbind
    | DecodeOff
    | RegisterWrite
    | Transaction
    | DecodeOn
    | Bind
    | Probe
    | EnableVfs
    | Remove
    | Rescan
    | Kexec
    | Verify
)


@dataclass(frozen=True, slots=True)
class Group:
    """From one legal placement to the next.

    Attributes
    ----------
    title
        What happens, in words.
    why
        Why these functions are down together.
    down
        Functions that work before and do not work for a moment.
    new
        Functions that get addresses and had none.
    placement
        Where everything is afterwards.
    """

    title: str
    why: str
    down: tuple[FunctionAddress, ...]
    new: tuple[FunctionAddress, ...]
    placement: Placement
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Steps:
    """A plan as steps.

    Attributes
    ----------
    exact
        No order of moves with a smaller worst moment exists, as far as the search looked (``limits`` says how far).
    limits
        What the order is proved against, or why it is not proved.
    """

    route: Route
    topology_sha256: str
    groups: tuple[Group, ...]
    exact: bool
    limits: str
    notes: tuple[str, ...] = field(default=())

    @property
    def worst(self) -> int:
        """Functions down in the worst moment."""
        return max((len(group.down) for group in self.groups), default=0)


WINDOW_REGISTERS: dict[WindowKind, tuple[int, ...]] = {"io": (0x1C, 0x30), "mem": (0x20,), "pref": (0x24, 0x28, 0x2C)}
"""Offsets of a bridge window's registers (PCI-to-PCI Bridge Architecture 1.2, 3.2.5)."""

SRIOV_BARS = 0x24
"""Offset of VF BAR 0 in the SR-IOV capability (SR-IOV 1.1, 3.3.14)."""

SRIOV_CONTROL = 0x08
"""Offset of the SR-IOV control register; bit 0 enables VFs, bit 3 their memory (SR-IOV 1.1, 3.3.3)."""

SRIOV_ID = 0x10
"""Extended capability ID of SR-IOV."""


def bar_offset(index: BarIndex, *, bridge: bool) -> tuple[Capability | None, int]:
    """Where a BAR's register is: the capability, if any, and the offset in it."""
    if index == "rom":
        return None, 0x38 if bridge else 0x30
    if isinstance(index, str):
        return "sr-iov", SRIOV_BARS + 4 * int(index[2:])
    return None, 0x10 + 4 * index
