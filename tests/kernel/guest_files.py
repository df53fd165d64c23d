"""The files of a guest, over its serial port."""

from __future__ import annotations

import base64
import errno
import os

from tests.kernel.guest import Guest, GuestError

_ERRORS = {os.strerror(number): number for number in errno.errorcode}


class GuestFiles:
    """Implements :class:`solver.apply.files.Files`."""

    def __init__(self, guest: Guest) -> None:
        self.guest = guest

    def read(self, path: str, offset: int = 0, size: int | None = None) -> bytes:
        if size is None:
            assert not offset
            return base64.b64decode(self._run(f"base64 {path}"))
        return base64.b64decode(self._run(f"dd if={path} bs=1 skip={offset} count={size} 2>/dev/null | base64"))

    def write(self, path: str, data: bytes, offset: int = 0) -> None:
        # One write(2) of all of it: a register at its offset, or a text.
        text = base64.b64encode(data).decode()
        size = len(data)
        assert offset % size == 0
        self._run(
            f"[ -e {path} ] || {{ echo '{path}: No such file or directory'; exit 1; }}\n"
            f"base64 -d >/tmp/write <<'END'\n{text}\nEND\n"
            f"dd if=/tmp/write of={path} bs={size} count=1 seek={offset // size} conv=notrunc 2>&1"
        )

    def names(self, path: str) -> list[str]:
        return self._run(f"ls {path} 2>/dev/null || true").split()

    def real(self, path: str) -> str | None:
        return self._run(f"[ -e {path} ] && readlink -f {path} || true").strip() or None

    def _run(self, script: str) -> str:
        try:
            return self.guest.run(script)
        except GuestError as error:
            text = str(error).strip().splitlines()
            words = next((line for line in text if line.rpartition(": ")[2] in _ERRORS), text[-1])
            said = words.rpartition(": ")[2]
            number = _ERRORS.get(said, errno.EIO)
            raise OSError(number, said) from None
