"""Cuts a text with lspci listings in it into records, one for each function listed.

The text may be a mail: quoted, indented, with lines wrapped by the mail program and prose around the listing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from models.resources import FunctionAddress, function_address

_PATH = r"(?:[0-9a-f]{4,8}:)?[0-9a-f]{2}:[01][0-9a-f]\.[0-7](?:/(?:[0-9a-f]{2}:)?[01][0-9a-f]\.[0-7])*"
_TITLE = (
    r"(?:Class )?[0-9a-f]{4}: (?:Device )?[0-9a-f]{4}:[0-9a-f]{4}\b"  # lspci -n, or names not known
    r"|class=0x[0-9a-f]{6} vendor=0x[0-9a-f]{4} device=0x[0-9a-f]{4}\b"  # a dump of config files
    r"|[A-Z0-9][^:\[\]\n]{2,60}(?: \[[0-9a-f]{4}\])?: \S"
)
_HEADER = re.compile(rf"(?P<path>{_PATH}) (?P<title>(?:{_TITLE}).*)")
_HEADER_LINE = re.compile(rf"^[>|\s]*{_PATH} (?:{_TITLE})", re.MULTILINE)
_BODY_LINE = re.compile(
    r"^[>|\s]*(?:(?:Region \d: )?(?:\[virtual\] )?(?:Memory|I/O ports|Expansion ROM) at [0-9a-f<]"
    r"|Flags: |Control: I/O|Bus: primary=|Kernel driver in use: |[0-9a-f]{2}:(?: [0-9a-f]{2}){16}\s*$)",
    re.MULTILINE,
)
_QUOTE = re.compile(r"(?:[>|] ?)+")
_HEX = re.compile(r"(?P<offset>[0-9a-f]{2,3}):(?P<bytes>(?: [0-9a-f]{2}){1,16})")
_KEY = re.compile(
    r"(?:Region \d|Memory (?:at|behind|window)|I/O (?:ports|behind|window)|Prefetchable memory|Expansion ROM"
    r"|\[virtual\]|Capabilities: |!!! |BAR \d: |Kernel |[A-Z][A-Za-z0-9/ ]{2,24}:\s)"
)
_PROMPT = re.compile(r"(?:\S+@\S+[:~ \]].*[#$]|```|[#$] )")
_DUMP_LIMIT = 4096


@dataclass(slots=True)
class Record:
    """What one listing shows of one function.

    Attributes
    ----------
    bus_path
        The numbers of the bridges above and of the function, as (bus or ``None``, device, function).
    title
        The header line after the address.
    lines
        The lines below it, stripped and unwrapped.
    config
        The hex dump; empty where there is none.
    listing
        Number of the listing the record is of.
    """

    domain: int
    bus_path: list[tuple[int | None, int, int]]
    title: str
    listing: int
    lines: list[str] = field(default_factory=list)
    config: bytearray = field(default_factory=bytearray)

    @property
    def shown_bus(self) -> int | None:
        """The bus number in the address; ``None`` in the path view without bus numbers."""
        return self.bus_path[-1][0]

    def address(self, bus: int) -> FunctionAddress:
        """The function's address, on this bus."""
        _, device, function = self.bus_path[-1]
        return function_address(self.domain, bus, device, function)


def looks_like_lspci(text: str) -> bool:
    """Whether a listing of lspci is in the text: two functions, or one with its details."""
    headers = _HEADER_LINE.finditer(text)
    first = next(headers, None)
    if first is None:
        return False
    return next(headers, None) is not None or _BODY_LINE.search(text, first.end()) is not None


def records_of(text: str) -> list[Record]:
    """Every record of every listing in the text, in order."""
    splitter = _Splitter()
    for line in text.splitlines():
        splitter.take(line)
    return splitter.records


class _Splitter:
    """Takes the text line by line; knows the record that is open."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self._open: Record | None = None
        self._indent = 0
        self._after_blank = False
        self._cut = False
        self._listing = 0
        self._listed: set[tuple[int, tuple[tuple[int | None, int, int], ...]]] = set()

    def take(self, line: str) -> None:
        quote = _QUOTE.match(line)
        if quote is not None:
            line = line[quote.end() :]
        content = line.strip()
        if not content:
            self._after_blank = True
            return
        indent = len(line) - len(line.lstrip())
        first = content[0]
        header = _HEADER.match(content) if first in "0123456789abcdef" else None
        if header is not None:
            self._begin(header, indent)
        elif self._open is not None:
            self._continue(self._open, line, content, indent)
        self._after_blank = False
        self._cut = len(line) >= 60 or line.endswith(" ")

    def _begin(self, header: re.Match[str], indent: int) -> None:
        domain, path = _numbers(header["path"])
        name = (domain, tuple(path))
        if name in self._listed:
            self._next_listing()
        self._listed.add(name)
        self._open = Record(domain, path, header["title"].strip(), self._listing)
        self._indent = indent
        self.records.append(self._open)

    def _next_listing(self) -> None:
        self._listing += 1
        self._listed.clear()

    def _continue(self, record: Record, line: str, content: str, indent: int) -> None:
        dump = _HEX.fullmatch(content)
        if dump is not None:
            _add_bytes(record.config, int(dump["offset"], 16), bytes.fromhex(dump["bytes"]))
        elif indent > self._indent or _KEY.match(content):
            record.lines.append(content)
        elif self._after_blank or _PROMPT.match(content):
            self._open = None
            self._next_listing()
        elif self._cut:
            self._join(record, content)

    def _join(self, record: Record, content: str) -> None:
        """Put back what the mail program moved to the next line."""
        if record.lines:
            record.lines[-1] += f" {content}"
        else:
            record.title += f" {content}"


def _numbers(path: str) -> tuple[int, list[tuple[int | None, int, int]]]:
    first, *rest = path.split("/")
    *domain, bus, device = first.split(":")
    numbers: list[tuple[int | None, int, int]] = [(int(bus, 16), *_slot(device))]
    for part in rest:
        *shown, device = part.split(":")
        numbers.append((int(shown[0], 16) if shown else None, *_slot(device)))
    return int(domain[0], 16) if domain else 0, numbers


def _slot(text: str) -> tuple[int, int]:
    device, function = text.split(".")
    return int(device, 16), int(function)


def _add_bytes(config: bytearray, offset: int, data: bytes) -> None:
    """Add a line of the dump; a line that does not follow the one before is left out."""
    if offset == len(config) and offset + len(data) <= _DUMP_LIMIT:
        config += data
