"""Streams, colour, progress and exit codes: whatever a terminal gets to see passes through here.

Data goes to standard output, everything else to standard error. Text is made
plain by :mod:`solver.render`; colour is laid over it here, on a terminal only,
so that what is piped is exactly the same text.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from enum import IntEnum
from pathlib import Path
from typing import TextIO

from models.errors import InputError


class Exit(IntEnum):
    """What the command's exit code says."""

    DONE = 0
    FAILURE = 1
    USAGE = 2
    DOES_NOT_FIT = 3
    OUT_OF_TIME = 4
    RULES_BROKEN = 5
    INTERRUPTED = 130


_STYLES = {
    "heading": "bold",
    "function": "cyan",
    "address": "green",
    "size": "blue",
    "good": "green",
    "bad": "red",
    "warn": "yellow",
}

_HIGHLIGHTS = [
    r"(?m)^(?P<heading>[A-Z][A-Za-z ,]+( \(\d+.*\))?)$",
    r"(?P<function>\b[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]\b)",
    r"(?P<address>\b[0-9a-f]{8,16}(-[0-9a-f]{8,16})?\b)",
    r"(?P<size>\[size=[^\]]+\])",
    r"(?P<good>\b(optimal|proved|may move)\b)",
    r"(?P<bad>\b(infeasible|unplaced:(?= [1-9])|rules? broken)\b)",
    r"(?P<size>█+)",
    r"(?m)^(?P<heading>root bus .*|outside every root window .*)$",
    r"(?P<warn>[▒░]+)",
    r"(?P<good>·+)",
    r"(?P<warn><unassigned>|\bstays\b|\bunknown\b|\bfeasible\b)",
]


_COMMANDS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""Control characters but line feed and tab, and those that turn the direction of writing."""


def harmless(text: str) -> str:
    """The text without what a name in a capture could tell a terminal: to clear itself, or to write backwards."""
    return _COMMANDS.sub("?", text)


def show(text: str) -> None:
    """Write ``text`` to standard output, coloured where that is wanted."""
    text = harmless(text)
    if not _coloured(sys.stdout):
        _write_plain(text)
        return
    from rich.console import Console
    from rich.highlighter import RegexHighlighter
    from rich.text import Text
    from rich.theme import Theme

    class Words(RegexHighlighter):
        base_style = "barplan."
        highlights = _HIGHLIGHTS

    theme = Theme({f"barplan.{name}": style for name, style in _STYLES.items()})
    console = Console(file=sys.stdout, theme=theme, highlight=False)
    styled = Text(text)
    Words().highlight(styled)
    console.print(styled, soft_wrap=True, end="")


def _write_plain(text: str) -> None:
    encoding = sys.stdout.encoding or "utf-8"
    sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding))


def _coloured(stream: TextIO) -> bool:
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or (stream.isatty() and os.environ.get("TERM") != "dumb")


def unicode_guides() -> bool:
    """Whether the tree may be drawn with box characters: a terminal whose encoding has them."""
    if not sys.stdout.isatty():
        return False
    try:
        "├─└│═█▒░·".encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def terminal_width() -> int | None:
    """Characters of a line of the terminal that standard output is; ``None`` where it is none."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def complain(message: str) -> None:
    """One line on standard error, with the command's name before it."""
    line = harmless(" ".join(message.splitlines()))
    encoding = sys.stderr.encoding or "utf-8"
    print(f"barplan: {line}".encode(encoding, "backslashreplace").decode(encoding), file=sys.stderr, flush=True)


@contextlib.contextmanager
def progress(what: str) -> Iterator[Callable[[str], None] | None]:
    """A line of progress on standard error while the block runs; ``None`` where nobody looks."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.markup import escape

    with Console(stderr=True).status(escape(what)) as status:
        yield lambda line: status.update(escape(f"{what}: {line}"))


def write_document(text: str, output: str | None) -> None:
    """Write a document to ``output``, whole or not at all; to standard output where that is ``None`` or ``-``.

    Raises
    ------
    InputError
        If the file cannot be written.
    """
    if not text.endswith("\n"):
        text += "\n"
    if output is None or output == "-":
        _write_plain(text)
        return
    from models.files import write_atomically

    try:
        write_atomically(Path(output), text)
    except OSError as error:
        raise InputError(f"cannot be written: {error.strerror or error}", source=output) from error
