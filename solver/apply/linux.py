"""A machine that runs Linux, through sysfs and the kernel module."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from models.resources import MIB, WINDOW_KINDS, FunctionAddress, Range, WindowKind
from models.topology import BarIndex
from solver.apply.building import DEVICE
from solver.apply.files import Files
from solver.steps.access import AccessError

DEVICES, DRIVERS = "/sys/bus/pci/devices", "/sys/bus/pci/drivers"

_TYPES = 0x300
"""I/O or memory: the row of a ``resource`` file stands for something."""
_NOWHERE = 0x3000_0000
"""Disabled or unset: there is a size and no address."""
_SHADOW = 0x2
"""Of a ROM: a copy in memory (bits of the register elsewhere)."""
_ROM, _ROWS_WITH_VFS = 6, 13


class LinuxMachine:
    """Carries out what steps ask for (:class:`solver.steps.access.Access`)."""

    def __init__(self, files: Files) -> None:
        self.files = files

    def functions(self) -> list[FunctionAddress]:
        """Every function the kernel knows."""
        return [FunctionAddress(name) for name in self.files.names(DEVICES)]

    def present(self, function: FunctionAddress) -> bool:
        """Whether the function answers: its vendor ID is not all ones."""
        try:
            return self.read_config(function, 0, 2) != 0xFFFF
        except AccessError:
            return False

    def read_config(self, function: FunctionAddress, offset: int, width: int) -> int:
        """A register of ``width`` bytes.

        Raises
        ------
        AccessError
            If it cannot be read; without root the kernel shows the first 64 bytes alone.
        """
        with _said(f"{function} cannot be read"):
            data = self.files.read(f"{DEVICES}/{function}/config", offset, width)
        if len(data) != width:
            raise AccessError(f"{function} shows no configuration space at {offset:#x}: run as root")
        return int.from_bytes(data, "little")

    def write_config(self, function: FunctionAddress, offset: int, width: int, value: int) -> None:
        """Write a register of ``width`` bytes.

        Raises
        ------
        AccessError
            If the kernel refuses.
        """
        with _said(f"{function}: register {offset:#x} cannot be written"):
            self.files.write(f"{DEVICES}/{function}/config", value.to_bytes(width, "little"), offset)

    def driver_of(self, function: FunctionAddress) -> str | None:
        """The driver that is bound, or ``None``."""
        link = self.files.real(f"{DEVICES}/{function}/driver")
        return link.rsplit("/", 1)[-1] if link else None

    def unbind(self, function: FunctionAddress) -> None:
        """Take the driver away, if there is one.

        Raises
        ------
        AccessError
            If it stays.
        """
        driver = self.driver_of(function)
        if driver is None:
            return
        with _said(f"{driver} cannot be unbound from {function}"):
            self.files.write(f"{DRIVERS}/{driver}/unbind", function.encode())
        if self.driver_of(function) is not None:
            raise AccessError(f"{driver} was not unbound from {function}")

    def bind(self, function: FunctionAddress, driver: str) -> None:
        """Give the function to this driver.

        Raises
        ------
        AccessError
            If the driver does not take it.
        """
        with _said(f"{driver} does not take {function}"):
            self.files.write(f"{DRIVERS}/{driver}/bind", function.encode())
        if self.driver_of(function) != driver:
            raise AccessError(f"{driver} did not take {function}")

    def probe(self, function: FunctionAddress) -> None:
        """Let the kernel look for a driver; there may be none."""
        with suppress(OSError):
            self.files.write("/sys/bus/pci/drivers_probe", function.encode())

    def vfs(self, function: FunctionAddress) -> int:
        """How many virtual functions are enabled."""
        try:
            return int(self.files.read(f"{DEVICES}/{function}/sriov_numvfs"))
        except OSError:
            return 0

    def set_vfs(self, function: FunctionAddress, count: int) -> None:
        """Enable so many virtual functions.

        Raises
        ------
        AccessError
            If the kernel refuses.
        """
        with _said(f"{function}: {count} virtual functions cannot be had"):
            self.files.write(f"{DEVICES}/{function}/sriov_numvfs", str(count).encode())

    def transaction(self, text: str) -> None:
        """Hand a transaction to the kernel module, which carries out all of it or nothing.

        Raises
        ------
        AccessError
            If the module is not loaded or refuses; with what it says.
        """
        try:
            self.files.write(DEVICE, text.encode())
        except FileNotFoundError:
            raise AccessError(f"no {DEVICE}: the kernel module is not loaded") from None
        except OSError as error:
            said = self.status().splitlines()
            raise AccessError(
                f"the kernel module {'; '.join(said[-2:]) or error.strerror}" if said else str(error)
            ) from None

    def status(self) -> str:
        """What the kernel module says of the last transaction, one line for each outcome."""
        with suppress(OSError):
            return self.files.read(DEVICE).decode(errors="replace")
        return ""

    def remove(self, function: FunctionAddress) -> None:
        """Make the kernel forget the function and all behind it.

        Raises
        ------
        AccessError
            If it refuses.
        """
        with _said(f"{function} cannot be removed"):
            self.files.write(f"{DEVICES}/{function}/remove", b"1")

    def rescan(self, bridge: FunctionAddress | None) -> None:
        """Make the kernel look for functions behind the bridge; ``None``: everywhere.

        Raises
        ------
        AccessError
            If it refuses.
        """
        path = "/sys/bus/pci/rescan" if bridge is None else f"{DEVICES}/{bridge}/rescan"
        with _said("no rescan"):
            self.files.write(path, b"1")

    def _rows(self, function: FunctionAddress) -> tuple[list[Range | None], list[Range | None]]:
        """Where the BARs are, in the order of the kernel, and the bridge windows; ``None`` = nowhere."""
        with _said(f"{function} is gone"):
            text = self.files.read(f"{DEVICES}/{function}/resource").decode()
        rows = [_held(*(int(word, 16) for word in line.split())) for line in text.splitlines()]
        first = _ROWS_WITH_VFS if len(rows) >= _ROWS_WITH_VFS else _ROM + 1
        return rows[:first], rows[first:]

    def bars(self, function: FunctionAddress) -> dict[BarIndex, Range]:
        """Where the kernel has the BARs of a function; those without an address are left out."""
        rows, _ = self._rows(function)
        return {_index(number): held for number, held in enumerate(rows) if held is not None}

    def windows(self, function: FunctionAddress) -> dict[WindowKind, Range]:
        """Where the kernel has the windows of a bridge; closed ones are left out."""
        _, rows = self._rows(function)
        return {kind: held for kind, held in zip(WINDOW_KINDS, rows, strict=False) if held is not None}

    def boot(self) -> str:
        """What tells this start of the kernel from every other one."""
        return self.files.read("/proc/sys/kernel/random/boot_id").decode().strip()


def _held(start: int, last: int, flags: int) -> Range | None:
    """Where a row of a ``resource`` file has something."""
    there = flags & _TYPES and not flags & _NOWHERE and 0 < start <= last
    # The ROM of the boot VGA is a copy in memory below 1 MiB, and no address of the device.
    copied = flags & _SHADOW and last < MIB
    return Range.inclusive(start, last) if there and not copied else None


def _index(row: int) -> BarIndex:
    return row if row < _ROM else "rom" if row == _ROM else f"vf{row - _ROM - 1}"


@contextmanager
def _said(what: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise AccessError(f"{what}: {error.strerror or error}") from error
