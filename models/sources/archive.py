"""Unpacks a captured machine (tar, compressed tar or zip) without letting anything out of the folder."""

from __future__ import annotations

import tarfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

from models.errors import InputError

FILE_LIMIT = 64 << 20
"""Bytes of the largest file that is read: the largest real logs have a few MiB."""

TOTAL_LIMIT = 1 << 30
"""Bytes an archive may unpack to."""

MEMBER_LIMIT = 200_000


def is_archive(path: Path) -> bool:
    """Whether the file is an archive that :func:`unpacked` reads."""
    return zipfile.is_zipfile(path) or tarfile.is_tarfile(path)


@contextmanager
def unpacked(path: Path) -> Iterator[Path]:
    """A temporary folder with the archive's regular files, folders and inner symbolic links.

    Raises
    ------
    InputError
        If the archive is damaged or unpacks to too much.
    """
    with TemporaryDirectory(prefix="barplan-") as folder:
        try:
            if zipfile.is_zipfile(path):
                _unpack_zip(path, Path(folder))
            else:
                _unpack_tar(path, Path(folder))
        except (tarfile.TarError, zipfile.BadZipFile, EOFError, OSError, ValueError, RuntimeError) as error:
            if isinstance(error, InputError):
                raise
            raise InputError(f"the archive cannot be unpacked ({error})", source=str(path)) from error
        yield Path(folder)


class _Budget:
    """Counts members and bytes; what is written is counted, never what a header claims."""

    def __init__(self, source: str) -> None:
        self.source, self.bytes, self.members = source, 0, 0

    def spend(self, size: int) -> None:
        self.members += 1
        self.bytes += size
        if self.bytes > TOTAL_LIMIT or self.members > MEMBER_LIMIT:
            raise InputError(
                f"the archive unpacks to more than {TOTAL_LIMIT >> 20} MiB or {MEMBER_LIMIT} members; "
                "expected the capture of one machine",
                source=self.source,
            )


def _inside(name: str) -> PurePosixPath | None:
    """The member's path below the folder, or ``None`` for one that leads out of it."""
    path = PurePosixPath(name)
    parts = [part for part in path.parts if part not in ("/", ".")]
    if not parts or ".." in parts or "\\" in name or any("\0" in part for part in parts):
        return None
    return PurePosixPath(*parts)


def _write(folder: Path, name: PurePosixPath, data: bytes) -> None:
    target = folder / name
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(data)


def _unpack_zip(path: Path, folder: Path) -> None:
    budget = _Budget(str(path))
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            name = _inside(info.filename)
            if name is None or info.is_dir():
                continue
            with archive.open(info) as stream:
                data = stream.read(FILE_LIMIT + 1)
            budget.spend(len(data))
            if len(data) <= FILE_LIMIT:
                _write(folder, name, data)


def _unpack_tar(path: Path, folder: Path) -> None:
    budget = _Budget(str(path))
    links: list[tuple[Path, str]] = []
    with tarfile.open(path) as archive:
        for member in archive:
            name = _inside(member.name)
            if name is None:
                continue
            if member.isdir():
                budget.spend(0)
                (folder / name).mkdir(parents=True, exist_ok=True)
            elif member.issym():
                budget.spend(0)
                links.append((folder / name, member.linkname))
            elif member.isreg():
                stream = archive.extractfile(member)
                data = stream.read(FILE_LIMIT + 1) if stream is not None else b""
                budget.spend(len(data))
                if len(data) <= FILE_LIMIT:
                    _write(folder, name, data)
    _make_links(folder.resolve(), links)


def _make_links(folder: Path, links: list[tuple[Path, str]]) -> None:
    """Make the links last, so that no file is written through one; then remove each that leads out of the folder."""
    made = []
    for path, target in links:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not target.startswith("/") and not path.exists() and not path.is_symlink():
            path.symlink_to(target)
            made.append(path)
    removed = True
    while removed:
        removed = False
        for path in list(made):
            try:
                leads_inside = path.resolve(strict=False).is_relative_to(folder)
            except (OSError, RuntimeError):
                leads_inside = False
            if not leads_inside:
                path.unlink()
                made.remove(path)
                removed = True
