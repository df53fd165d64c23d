"""The kernel's way to write a resource: ``[mem 0xa0000000-0xafffffff 64bit pref]`` and its older forms."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import cast

from models.resources import ADDRESS_LIMIT, Address, Range, Size, Space, WindowKind

_RESOURCE = re.compile(
    r"\[(?P<space>mem|io)\s*(?:size\s+0x(?P<size>[0-9a-f]+)|0x(?P<start>[0-9a-f]+)(?:-0x(?P<end>[0-9a-f]+))?)?"
    r"(?P<flags>[ \w]*)\]"
)
_OLD_RESOURCE = re.compile(
    r"(?P<kind>(?:32bit |64bit )?(?:mmio|mem)(?: pref)?|pref mem|io(?: port)?|I/O)(?: resource)?:? *"
    r"(?:\[0x(?P<start>[0-9a-f]+)-0x(?P<end>[0-9a-f]+)\]|\(size 0x(?P<size>[0-9a-f]+)\))"
)


@dataclass(frozen=True, slots=True)
class LoggedResource:
    """One resource as a log prints it.

    Attributes
    ----------
    start
        ``None`` where only a size is printed, or nothing.
    wide
        ``64bit`` is printed.
    disabled
        Printed as ``disabled``.
    """

    space: Space
    start: Address | None
    size: Size | None
    wide: bool = False
    prefetchable: bool = False
    disabled: bool = False

    @property
    def range(self) -> Range | None:
        """Where it is, unless it is disabled or has no address."""
        if self.disabled or self.start is None or not self.size or self.start + self.size > ADDRESS_LIMIT:
            return None
        return Range.of(self.start, self.size)

    @property
    def window_kind(self) -> WindowKind:
        """The bridge window it is, when it is one."""
        if self.space == "io":
            return "io"
        return "pref" if self.prefetchable else "mem"


def find_resource(text: str) -> LoggedResource | None:
    """The first resource in the text, or ``None``; an end below the start is an empty resource."""
    match = _RESOURCE.search(text)
    if match is None:
        return _find_old(text)
    flags = match["flags"]
    if match["start"] is None and match["size"] is None and "disabled" not in flags:
        return None
    start, size = _extent(match["start"], match["end"])
    if match["size"] is not None:
        size = int(match["size"], 16)
    return LoggedResource(
        space=cast("Space", match["space"]),
        start=start,
        size=size,
        wide="64bit" in flags,
        prefetchable="pref" in flags,
        disabled="disabled" in flags,
    )


def _find_old(text: str) -> LoggedResource | None:
    """The forms before 2.6.33: ``64bit mmio pref: [0xd0000000-0xdfffffff]``, ``mem pref (size 0x200000)``."""
    match = _OLD_RESOURCE.search(text)
    if match is None:
        return None
    kind = match["kind"]
    start, size = _extent(match["start"], match["end"])
    if match["size"] is not None:
        size = int(match["size"], 16)
    return LoggedResource(
        space="io" if kind.startswith(("io", "I/O")) else "mem",
        start=start,
        size=size,
        wide="64bit" in kind,
        prefetchable="pref" in kind,
    )


def _extent(start: str | None, end: str | None) -> tuple[Address | None, Size | None]:
    if start is None:
        return None, None
    first = int(start, 16)
    last = first if end is None else int(end, 16)
    return (first, last + 1 - first) if last >= first else (None, None)
