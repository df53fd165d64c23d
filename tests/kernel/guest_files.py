"""The files of a guest, over its serial port."""

from __future__ import annotations

import base64
import errno
import os
import re

from tests.kernel.guest import Guest, GuestError

_LOOK = """
    for f in /sys/bus/pci/devices/*; do
      echo "[$f]"; base64 $f/config; echo "-"; base64 $f/resource; echo "-"; [ -e $f/driver ] && readlink -f $f/driver
    done; true
"""
_SEEN = re.compile(r"/sys/bus/pci/devices/[^/]+/(config|resource|driver)")
_ERRORS = {os.strerror(number): number for number in errno.errorcode}


class GuestFiles:
    """Implements :class:`solver.apply.files.Files`.

    The port is slow: what functions show is read of all of them at once, and again after every write.
    """

    def __init__(self, guest: Guest) -> None:
        self.guest = guest
        self._seen: dict[str, bytes] = {}

    def read(self, path: str, offset: int = 0, size: int | None = None) -> bytes:
        if _SEEN.fullmatch(path):
            self._look()
            if path not in self._seen:
                raise FileNotFoundError(errno.ENOENT, "No such file or directory")
            return self._seen[path][offset : None if size is None else offset + size]
        if size is None:
            assert not offset
            return base64.b64decode(self._run(f"base64 {path}"))
        return base64.b64decode(self._run(f"dd if={path} bs=1 skip={offset} count={size} 2>/dev/null | base64"))

    def write(self, path: str, data: bytes, offset: int = 0) -> None:
        self._seen.clear()
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
        if _SEEN.fullmatch(path):
            self._look()
            return self._seen.get(path, b"").decode() or None
        return self._run(f"[ -e {path} ] && readlink -f {path} || true").strip() or None

    def claimed(self, path: str) -> bool:
        """No shell opens a drive for itself alone; ``barplan apply`` typed in a guest does."""
        return False

    def forget(self) -> None:
        """Read everything anew: something else has written."""
        self._seen.clear()

    def _look(self) -> None:
        if self._seen:
            return
        for part in self._run(_LOOK).split("[")[1:]:
            folder, _, rest = part.partition("]")
            config, resource, driver = rest.split("-\n")
            self._seen[f"{folder}/config"] = base64.b64decode(config)
            self._seen[f"{folder}/resource"] = base64.b64decode(resource)
            self._seen[f"{folder}/driver"] = driver.strip().encode()

    def _run(self, script: str) -> str:
        try:
            return self.guest.run(script)
        except GuestError as error:
            text = str(error).strip().splitlines()
            words = next((line for line in text if line.rpartition(": ")[2] in _ERRORS), text[-1])
            said = words.rpartition(": ")[2]
            number = _ERRORS.get(said, errno.EIO)
            raise OSError(number, said) from None
