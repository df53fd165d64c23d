"""Names that may stand in a script: whatever a capture says, nothing else reaches a shell."""

from __future__ import annotations

import re
import shlex

from models.errors import InputError

_FUNCTION = re.compile(r"[0-9a-f]{4,8}:[0-9a-f]{2}:[0-1][0-9a-f]\.[0-7]", re.ASCII)
_DRIVER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_+.-]{0,63}", re.ASCII)
_ID = re.compile(r"([0-9a-fA-F]{4}):([0-9a-fA-F]{4})", re.ASCII)
_PRINTABLE = re.compile(r"[^ -~]")


def function_name(text: str) -> str:
    """A function's address, quoted.

    Raises
    ------
    InputError
        If it is anything else.
    """
    if _FUNCTION.fullmatch(text) is None:
        raise InputError(f"{text!r} is no function address that a script may hold")
    return shlex.quote(text)


def driver_name(text: str) -> str:
    """A driver's name as the kernel has them, quoted.

    Raises
    ------
    InputError
        If it is anything else.
    """
    if _DRIVER.fullmatch(text) is None:
        raise InputError(f"{text!r} is no name of a driver that a script may hold; expected letters, digits, _ + . -")
    return shlex.quote(text)


def vendor_and_device(text: str | None) -> tuple[str, str] | None:
    """The two halves of ``8086:1901`` in lower case, or ``None`` where it is not known or nothing of the kind."""
    match = _ID.fullmatch(text or "")
    return None if match is None else (match[1].lower(), match[2].lower())


def variable(function: str, prefix: str) -> str:
    """A shell variable for a function: ``command_0000_03_00_0``."""
    return f"{prefix}_{function_name(function).replace(':', '_').replace('.', '_')}"


def comment(text: str) -> str:
    """Text for a comment: one line of printable ASCII."""
    return _PRINTABLE.sub("?", text)
