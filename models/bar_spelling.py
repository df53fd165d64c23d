"""BARs as one spells them on the command line: ``mem64p:16G,mem32:16M,rom:512K,vf64p:16M*8``."""

from __future__ import annotations

import re

from models.errors import InputError
from models.resources import ADDRESS_LIMIT, FOUR_GIB, format_size, is_power_of_two, parse_number
from models.topology import Bar, BarIndex

REGISTERS = 6
"""Base address registers of a function, and of its VFs; a 64-bit BAR takes two (PCI 3.0, 6.2.5.1)."""

_LARGEST_32_BIT = 1 << 31
_LARGEST_VF_COUNT = (1 << 16) - 1
"""TotalVFs is a 16-bit register (SR-IOV 1.1, 3.3.6)."""
_KIND = re.compile(r"(?P<what>mem|vf)(?P<width>32|64)(?P<prefetchable>p?)|io|rom")
GRAMMAR = "expected BARs such as mem64p:16G,mem32:16M,io:256,rom:512K,vf64p:16M*8"


def spells_bars(text: str) -> bool:
    """Whether the text means BARs (rather than the name of a device)."""
    return ":" in text or text in ("io", "rom")


def parse_bars(text: str, source: str, where: str | None = None) -> tuple[Bar, ...]:
    """The BARs that the text spells, separated by commas; indices are given out in order.

    Each is ``mem32``, ``mem64``, ``io``, ``rom``, or ``vf32``, ``vf64`` for VF BARs, a ``p`` behind the width for
    prefetchable, a colon, the size, and for VF BARs ``*`` and the number of VFs. ``=0xfe000000`` behind it makes the
    BAR fixed at that CPU address, as Enhanced Allocation does.

    Parameters
    ----------
    source, where
        Option or file, and place in it, for error messages.

    Raises
    ------
    InputError
        If something in it is no BAR, or a function has no room for it.
    """
    try:
        return _parse(text)
    except InputError as error:
        raise InputError(error.message, source=source, where=where) from None


def _parse(text: str) -> tuple[Bar, ...]:
    bars: list[Bar] = []
    taken = {"mem": 0, "vf": 0}
    for item in text.split(","):
        kind, _, rest = item.strip().partition(":")
        match = _KIND.fullmatch(kind)
        if match is None:
            raise InputError(f"{item!r} is no BAR; {GRAMMAR}")
        size_text, equals, address_text = rest.partition("=")
        width = int(match["width"] or "32")
        registers = "vf" if match["what"] == "vf" else "mem"
        index: BarIndex = "rom"
        if kind == "rom":
            if any(other.index == "rom" for other in bars):
                raise InputError("a function has one expansion ROM, found two")
        else:
            number = taken[registers]
            taken[registers] += 2 if width == 64 else 1
            if taken[registers] > REGISTERS:
                raise InputError(f"{item!r} does not fit: a function has {REGISTERS} registers, a 64-bit BAR takes two")
            index = f"vf{number}" if registers == "vf" else number
        copies = 1
        if registers == "vf" and kind != "rom":
            size_text, _, count = size_text.partition("*")
            copies = _copies(item, count)
        bar = Bar(
            index,
            "io" if kind == "io" else "mem",
            _size(item, size_text, width),
            width=width,
            prefetchable=kind == "rom" or match["prefetchable"] == "p",
            address=_address(item, address_text) if equals else None,
            copies=copies,
            fixed=bool(equals),
            optional=isinstance(index, str),
        )
        limit = FOUR_GIB if width == 32 else ADDRESS_LIMIT
        if bar.span > limit:
            raise InputError(f"{item!r} is too large: all VFs together exceed {width} bits")
        if bar.address is not None and bar.address + bar.span > ADDRESS_LIMIT:
            raise InputError(f"{item!r} ends above 2^64")
        bars.append(bar)
    return tuple(bars)


def _size(item: str, text: str, width: int) -> int:
    try:
        size = parse_number(text)
    except ValueError:
        raise InputError(f"{item!r} has no size; {GRAMMAR}") from None
    if not is_power_of_two(size):
        raise InputError(f"the size in {item!r} is no power of two")
    largest = _LARGEST_32_BIT if width == 32 else ADDRESS_LIMIT // 2
    if size > largest:
        raise InputError(f"{item!r} is too large: a {width}-bit BAR has at most {format_size(largest)}")
    return size


def _copies(item: str, text: str) -> int:
    if not text.isdecimal() or not text.isascii() or len(text) > 5 or not 1 <= int(text) <= _LARGEST_VF_COUNT:
        raise InputError(f"{item!r} does not say how many VFs; expected for instance vf64p:16M*8")
    return int(text)


def _address(item: str, text: str) -> int:
    try:
        address = parse_number(text)
    except ValueError:
        address = -1
    if address < 0:
        raise InputError(f"{item!r} has no address behind the =; expected for instance mem32:64K=0xfe000000")
    return address
