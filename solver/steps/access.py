"""What carrying a plan out needs of a machine: the one interface of executors, real machines and simulated ones.

The text of a transaction is what the kernel module reads (``solver/module/README.md``)::

    barplan-place 1
    win BRIDGE KIND FROM TO          KIND io, mem or pref; FROM and TO first-last in hex, - = closed
    bar FUNCTION INDEX FROM TO       INDEX 0 to 5, rom, vf0 to vf5; the range of all copies, - = no address
    end

The whole text is checked before anything is touched; whatever fails after that, tree and registers are put back and
an error is returned. A function named in a ``bar`` line has no driver and no enabled VFs.
"""

from __future__ import annotations

from typing import Protocol

from models.resources import FunctionAddress, Range, WindowKind
from models.topology import BarIndex
from solver.steps.step import SRIOV_ID, Register, Transaction


class AccessError(Exception):
    """The machine did not do what it was asked; one line says what and why."""


class Access(Protocol):
    """A machine's configuration space, drivers and resource tree. Everything raises :class:`AccessError`."""

    def present(self, function: FunctionAddress) -> bool:
        """Whether the kernel knows the function and it answers (a vendor ID other than ffff)."""
        ...

    def read_config(self, function: FunctionAddress, offset: int, width: int) -> int:
        """Read 1, 2 or 4 bytes."""
        ...

    def write_config(self, function: FunctionAddress, offset: int, width: int, value: int) -> None:
        """Write 1, 2 or 4 bytes."""
        ...

    def driver_of(self, function: FunctionAddress) -> str | None:
        """The bound driver."""
        ...

    def unbind(self, function: FunctionAddress) -> None:
        """Unbind the bound driver."""
        ...

    def bind(self, function: FunctionAddress, driver: str) -> None:
        """Bind this driver; an error where it does not take the function."""
        ...

    def probe(self, function: FunctionAddress) -> None:
        """Let the kernel find a driver; finding none is no error."""
        ...

    def vfs(self, function: FunctionAddress) -> int:
        """Number of enabled VFs; 0 where the function has none."""
        ...

    def set_vfs(self, function: FunctionAddress, count: int) -> None:
        """Enable so many VFs; 0 disables them."""
        ...

    def transaction(self, text: str) -> None:
        """Hand one transaction to the kernel module; on an error nothing has changed."""
        ...

    def remove(self, function: FunctionAddress) -> None:
        """Remove the function and what is behind it from the kernel."""
        ...

    def rescan(self, bridge: FunctionAddress | None) -> None:
        """Look for functions behind a bridge, or everywhere."""
        ...

    def bars(self, function: FunctionAddress) -> dict[BarIndex, Range]:
        """The kernel's view of the function's BARs that have addresses (all copies of a VF BAR as one)."""
        ...

    def windows(self, function: FunctionAddress) -> dict[WindowKind, Range]:
        """The kernel's view of the bridge's windows that are open."""
        ...


def sriov_capability(access: Access, function: FunctionAddress) -> int:
    """Offset of the function's SR-IOV capability.

    Raises
    ------
    AccessError
        If it has none.
    """
    position, seen = 0x100, set[int]()
    while position and position not in seen:
        seen.add(position)
        header = access.read_config(function, position, 4)
        if header & 0xFFFF == SRIOV_ID:
            return position
        position = header >> 20 & 0xFFC if header not in (0, 0xFFFFFFFF) else 0
    raise AccessError(f"{function} has no SR-IOV capability")


def offset_of(access: Access, register: Register) -> int:
    """Where the register is in configuration space."""
    if register.capability is None:
        return register.offset
    return sriov_capability(access, register.function) + register.offset


def transaction_text(transaction: Transaction) -> str:
    """The transaction as the kernel module reads it."""
    return "\n".join(["barplan-place 1", *map(str, transaction.claims), "end"]) + "\n"
