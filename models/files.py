"""Reading and writing text files: whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from models.errors import InputError


def read_text(path: Path) -> str:
    """The text of a file, UTF-8.

    Raises
    ------
    InputError
        If the file is missing, unreadable or no text.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise InputError("no such file", source=str(path)) from None
    except IsADirectoryError:
        raise InputError("is a directory, expected a file", source=str(path)) from None
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror or error}", source=str(path)) from None
    except UnicodeDecodeError:
        raise InputError("is binary, expected text", source=str(path)) from None
    if "\0" in text:
        raise InputError("is binary, expected text", source=str(path))
    return text


def write_atomically(path: Path, text: str) -> None:
    """Write ``text`` as UTF-8 so that ``path`` holds either its old content or all of the new.

    The new file is written beside the old one, forced to disk and renamed; it
    keeps the old one's permissions. A symbolic link is followed, and what is no regular file (a terminal, a
    pipe, ``/dev/null``) is written to directly.

    Raises
    ------
    OSError
        If the file cannot be written; an existing file is then untouched.
    """
    data = text.encode("utf-8")
    if path.exists() and not path.is_file() and not path.is_dir():  # the real path of /dev/stdout may be no path
        path.write_bytes(data)
        return
    target = Path(os.path.realpath(path))
    mode = target.stat().st_mode & 0o7777 if target.exists() else 0o666 & ~_umask()
    descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name[:200]}.")
    beside = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        beside.replace(target)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    _sync_folder(target.parent)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _sync_folder(folder: Path) -> None:
    """Force the renaming to disk too, where the file system can."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(descriptor)
    except OSError:
        pass
    finally:
        os.close(descriptor)
