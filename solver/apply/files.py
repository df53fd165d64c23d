"""Files of a machine: the kernel's interfaces under /sys, /proc and /dev, here or elsewhere."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Protocol


class Files(Protocol):
    """Reads and writes files by absolute path; everything raises :class:`OSError`."""

    def read(self, path: str, offset: int = 0, size: int | None = None) -> bytes:
        """The file from ``offset`` on."""
        ...

    def write(self, path: str, data: bytes, offset: int = 0) -> None:
        """Write all of ``data`` in one system call."""
        ...

    def names(self, path: str) -> list[str]:
        """Names in a folder; none where there is no such folder."""
        ...

    def real(self, path: str) -> str | None:
        """The path with every link followed; ``None`` where nothing is there."""
        ...

    def claimed(self, path: str) -> bool:
        """Whether a block device is held by a file system, as swap, or by another driver."""
        ...


class LocalFiles:
    """The files of this machine, or of a tree below ``root``."""

    def __init__(self, root: Path = Path("/")) -> None:
        self._root = root

    def _at(self, path: str) -> Path:
        return self._root / path.lstrip("/")

    def read(self, path: str, offset: int = 0, size: int | None = None) -> bytes:
        """``size`` bytes from ``offset`` on, or all.

        Raises
        ------
        OSError
            If the file cannot be read.
        """
        with self._at(path).open("rb", buffering=0) as file:
            file.seek(offset)
            return (file.read() if size is None else file.read(size)) or b""

    def write(self, path: str, data: bytes, offset: int = 0) -> None:
        """Write all bytes in one call, as sysfs and the module want it.

        Raises
        ------
        OSError
            If the file cannot be written, or took less.
        """
        descriptor = os.open(self._at(path), os.O_WRONLY)
        try:
            written = os.pwrite(descriptor, data, offset) if offset else os.write(descriptor, data)
        finally:
            os.close(descriptor)
        if written != len(data):
            raise OSError(f"{written} of {len(data)} bytes were taken")

    def names(self, path: str) -> list[str]:
        """What is in a folder, sorted; nothing where there is no such folder."""
        try:
            return sorted(entry.name for entry in self._at(path).iterdir())
        except OSError:
            return []

    def real(self, path: str) -> str | None:
        """The path with every link followed; ``None`` where nothing is there."""
        at = self._at(path)
        if not at.exists():
            return None
        return (
            "/" + str(at.resolve().relative_to(self._root.resolve())) if self._root != Path("/") else str(at.resolve())
        )

    def claimed(self, path: str) -> bool:
        """Whether a block device cannot be opened for oneself alone."""
        try:
            os.close(os.open(self._at(path), os.O_RDONLY | os.O_EXCL))
        except OSError as error:
            return error.errno == errno.EBUSY
        return False
