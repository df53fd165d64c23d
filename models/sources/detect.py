"""Tells what a text is: one line per kind in :data:`KINDS`.

A text may be of several kinds at once (a mail with a log, a listing and
/proc/iomem in it); every reader that recognises it then reads it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import cast

from models.errors import InputError
from models.sources.observation import Observation
from models.sources.unsupported import READABLE, UNSUPPORTED, Unsupported, unsupported

_DOCUMENT = re.compile(r'"format"\s*:\s*"barplan-topology/')
_NUL_SHARE = 1000
"""A text with more than one NUL in this many characters is binary."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of text: its name and the functions that recognise and read it, as ``module:function``.

    Readers are imported when they are first used, so that one reader does not load the others.
    """

    name: str
    recogniser: str
    reader: str

    def recognises(self, text: str) -> bool:
        """Whether the text is of this kind."""
        return bool(_load(self.recogniser)(text))

    def read(self, text: str, source: str) -> Observation:
        """What the text tells; ``source`` is the name that errors give it.

        Raises
        ------
        InputError
            If the text is not of this kind after all.
        """
        return cast("Observation", _load(self.reader)(text, source))


KINDS: tuple[Kind, ...] = (
    Kind("sysfs", "models.sources.sysfs:looks_like_sysfs_resource", "models.sources.sysfs:read_sysfs_resource"),
    Kind("lspci", "models.sources.lspci:looks_like_lspci", "models.sources.lspci:read_lspci"),
    Kind("iomem", "models.sources.iomem:looks_like_iomem", "models.sources.iomem:read_iomem"),
    Kind("kernel log", "models.sources.kernel_log:looks_like_kernel_log", "models.sources.kernel_log:read_kernel_log"),
)
"""Every kind that becomes an observation."""


def _load(name: str) -> Callable[..., object]:
    module, function = name.split(":")
    return cast("Callable[..., object]", getattr(import_module(module), function))


def is_topology_document(text: str) -> bool:
    """Whether the text is a JSON document of the topology format, of whatever version."""
    return text.lstrip("\ufeff \t\r\n").startswith("{") and _DOCUMENT.search(text) is not None


def kinds_of(text: str) -> list[Kind]:
    """Every kind the text is of, in the order of :data:`KINDS`; none where it is a refused form.

    A mail that quotes a refused listing beside a readable one is read.
    """
    found = [kind for kind in KINDS if kind.recognises(text)]
    refused = unsupported(text)
    if refused is not None and (refused is UNSUPPORTED[0] or len(found) == 0):
        return []
    return found


def refusal(text: str) -> Unsupported | None:
    """The form for which the text is refused, or ``None`` where it is readable or of no known form."""
    return None if kinds_of(text) else unsupported(text)


def decode(data: bytes, source: str) -> str:
    """Bytes as text: UTF-8 (or UTF-16 with a byte order mark), undecodable bytes replaced.

    Raises
    ------
    InputError
        If the data is empty or not text.
    """
    if not data.strip():
        raise InputError(f"the file is empty; expected {READABLE}", source=source)
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        text = data.decode("utf-16", errors="replace")
    else:
        text = data.decode("utf-8", errors="replace")
    if text.count("\0") * _NUL_SHARE > len(text) or text.count("\ufffd") * 4 > len(text):
        raise InputError(f"binary data; expected {READABLE}", source=source)
    return text.replace("\0", "").removeprefix("\ufeff")
