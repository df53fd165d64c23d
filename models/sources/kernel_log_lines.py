"""Takes the text of a kernel log apart: whole lines, and whose line each one is.

Logs come as files, consoles, syslog or mails: timestamps, host names, quoting and wrapping around the
kernel's own words are taken off here, so that the readers of the words see none of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_QUOTING = re.compile(r"^[ \t]*(?:>[ \t]?)+")
_ORIGIN = re.compile(
    r" (?P<domain>[0-9a-f]{4,8}):(?P<bus>[0-9a-f]{2})"
    r"(?::(?P<device>[01][0-9a-f])\.(?P<function>[0-7]))?(?::pcie?\d*)?: "
)
_TIME = re.compile(r"\[ *(\d+\.\d{3,6})\]")
_WRAPPED_BEFORE = (
    "no space for",
    "assign",
    "assigned",
    "releasing",
    "bridge window",
    ":",
    "can't claim BAR",
    "resource",
)
_IN_NUMBER = re.compile(r"-$|0x[0-9a-f]*$")
_WORD = re.compile(r"64bit|pref|size|window|disabled|0x")
_CONTINUES_INSIDE = re.compile(
    r"-?0x[0-9a-f]|-?[0-9a-f]+(?:[-\]]| (?:64bit|pref|window|disabled))|(?:64bit|pref|size|window|disabled)\b"
)
_CONTINUES_AFTER = re.compile(r"\[(?:mem|io) |\d+: \[(?:mem|io) ")
_ADDED = re.compile(r"^\+(?:\[ *\d+\.|pci[a-z_]* [0-9a-f]{4,8}:)", re.MULTILINE)
_HUNK = re.compile(r"^(?:@@ |\+\+\+ )", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Line:
    """What one line says of a function or a bus.

    Attributes
    ----------
    who
        The driver or subsystem that prints (``pci``, ``pcieport``, ``pci_bus``).
    device
        Device and function number; ``None`` on a line about a bus.
    body
        The kernel's words, without what stands before them.
    number
        Line number in the text, from 1.
    """

    who: str
    domain: int
    bus: int
    device: tuple[int, int] | None
    body: str
    number: int


def whole_lines(text: str) -> Iterator[tuple[int, str]]:
    """Every line with its number, without mail quoting, wrapped lines joined.

    Of a ``diff`` between two logs the newer one is kept.
    """
    difference = is_difference(text)
    pending: str | None = None
    pending_number = 0
    for number, raw in enumerate(text.replace("\u00a0", " ").splitlines(), start=1):
        line = _QUOTING.sub("", raw, count=1) if ">" in raw[:12] else raw
        if difference and line[:1] in "+-":
            if line[:1] == "-":
                continue
            line = " " + line[1:]
        if pending is not None:
            stripped = line.strip()
            if _continues(pending, stripped):
                yield pending_number, _joined(pending, stripped)
                pending = None
                continue
            yield pending_number, pending
            pending = None
        if _is_wrapped(line):
            pending, pending_number = line.rstrip(), number
        else:
            yield number, line
    if pending is not None:
        yield pending_number, pending


def is_difference(text: str) -> bool:
    """Whether the text holds a ``diff`` between two kernel logs."""
    return _ADDED.search(text) is not None and _HUNK.search(text) is not None


def _is_wrapped(line: str) -> bool:
    """The line stops inside a resource, or just before one."""
    opened = line.rfind("[")
    if opened > line.rfind("]"):
        return line.startswith(("mem", "io ", "bus"), opened + 1) and _ORIGIN.search(line) is not None
    return line.rstrip().endswith(_WRAPPED_BEFORE) and _ORIGIN.search(line) is not None


def _continues(pending: str, stripped: str) -> bool:
    """The line is the rest of the wrapped one before it."""
    inside = pending.rfind("[") > pending.rfind("]")
    return (_CONTINUES_INSIDE if inside else _CONTINUES_AFTER).match(stripped) is not None


def _joined(pending: str, stripped: str) -> str:
    """The wrapped line in one piece; some mail programs break a number in two."""
    within = _IN_NUMBER.search(pending)
    broken = within is not None and (within[0] == "-" or _WORD.match(stripped) is None)
    return pending + ("" if broken else " ") + stripped


def origins(number: int, line: str) -> Iterator[Line]:
    """What the line says of functions and buses; a damaged line holds the words of several."""
    if ": " not in line:
        return
    if line[:1] != " ":
        line = " " + line
    found = list(_ORIGIN.finditer(line))
    for position, match in enumerate(found):
        before = line[: match.start()].rsplit(None, 1)
        who = before[-1] if before else ""
        end = found[position + 1].start() if position + 1 < len(found) else len(line)
        device = match["device"]
        yield Line(
            who=who,
            domain=int(match["domain"], 16),
            bus=int(match["bus"], 16),
            device=None if device is None else (int(device, 16), int(match["function"])),
            body=line[match.end() : end].strip(),
            number=number,
        )


def time_of(line: str) -> float | None:
    """Seconds since boot, where the line says so."""
    match = _TIME.search(line)
    return float(match[1]) if match else None
