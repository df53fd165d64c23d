"""Reads kinds of devices from a TOML file, to plug in beside those that barplan knows.

A table for each device, by name; ``docs/devices.md`` shows one::

    [capture-card]
    what = "Video capture card"
    source = "https://example.org/capture-card"
    bars = "mem64p:64M,mem32:4K"

A device with several functions lists them under ``functions``; a function with ``functions`` of its own is a bridge.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

from models.bar_spelling import parse_bars
from models.errors import InputError
from models.files import read_text
from models.profiles import PROFILES
from models.profiles_shapes import Profile, at_slot, endpoint, port
from models.resources import WINDOW_KINDS, WindowKind
from models.topology import Bar, Function

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*")
_SLOT = re.compile(r"(?P<device>[0-9a-f]{1,2})\.(?P<function>[0-7])")
_ID = re.compile(r"[0-9a-f]{4}:[0-9a-f]{4}")
_CLASS = re.compile(r"[0-9a-f]{6}")
_FUNCTION_KEYS = {"at", "count", "id", "class", "bars", "functions", "hotplug", "windows"}
_DEVICE_KEYS = _FUNCTION_KEYS - {"at"} | {"what", "source"}
_DEVICES = 32


def load_profiles(path: Path) -> dict[str, Profile]:
    """The kinds of devices in the file, by name.

    Raises
    ------
    InputError
        If it cannot be read, is no TOML, or says something that is no device; the message names the first mistake and
        counts the rest.
    """
    try:
        tables = tomllib.loads(read_text(path))
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"not TOML: {error}", source=str(path)) from None
    reader = _Reader(str(path))
    found = {name: reader.profile(name, table) for name, table in tables.items()}
    if not tables:
        raise InputError("no device in it; expected tables such as [my-card] with bars = ...", source=str(path))
    if reader.mistakes:
        first, rest = reader.mistakes[0], len(reader.mistakes) - 1
        more = "" if not rest else f" (and {rest} more {'mistake' if rest == 1 else 'mistakes'})"
        raise InputError(first.message + more, source=str(path), where=first.where)
    return found


def known_profiles(path: Path | None) -> dict[str, Profile]:
    """Every kind of device there is: those that barplan knows and those of the file, which go first.

    Raises
    ------
    InputError
        As :func:`load_profiles`.
    """
    return dict(PROFILES) if path is None else {**load_profiles(path), **PROFILES}


class _Reader:
    """Reads one file; mistakes are gathered."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.mistakes: list[InputError] = []

    def wrong(self, where: str, message: str) -> None:
        self.mistakes.append(InputError(message, where=where))

    def profile(self, name: str, table: Any) -> Profile:
        if not _NAME.fullmatch(name):
            self.wrong(name, "a name consists of small letters, digits, dots and dashes")
        elif name in PROFILES:
            self.wrong(name, "barplan knows a device of this name; expected another name")
        if not isinstance(table, dict):
            self.wrong(name, "expected a table with the keys of a device, for instance bars")
            return Profile(name, "", (), "")
        self.no_other_keys(name, table, _DEVICE_KEYS)
        what = self.text(name, table, "what") or name
        source = self.text(name, table, "source") or self.source
        single = not ({"hotplug", "windows"} & set(table)) and "functions" in table and "bars" not in table
        if single:
            return Profile(name, what, self.bus(name, table["functions"]), source)
        return Profile(name, what, self.function(name, table), source)

    def bus(self, where: str, tables: Any) -> tuple[Function, ...]:
        """The functions on one bus; each that does not say ``at`` gets the next device number."""
        if not isinstance(tables, list) or not tables or not all(isinstance(table, dict) for table in tables):
            self.wrong(f"{where}.functions", "expected a list of tables, one for each function")
            return ()
        made: list[Function] = []
        for number, table in enumerate(tables):
            path = f"{where}.functions[{number}]"
            self.no_other_keys(path, table, _FUNCTION_KEYS)
            device, function = self.slot(path, table, len({one.address[8:10] for one in made}))
            for copy, one in enumerate(self.function(path, table)):
                if device + copy >= _DEVICES:
                    self.wrong(path, f"a bus has {_DEVICES} device numbers")
                    break
                made.append(at_slot(one, device + copy, function))
        addresses = [one.address for one in made]
        for address in sorted({address for address in addresses if addresses.count(address) > 1}):
            self.wrong(f"{where}.functions", f"two functions are at {address[8:]}")
        return tuple(made)

    def function(self, where: str, table: dict[str, Any]) -> tuple[Function, ...]:
        """The function that a table describes, as often as ``count`` says."""
        bars: tuple[Bar, ...] = ()
        spelled = self.text(where, table, "bars")
        if spelled:
            try:
                bars = parse_bars(spelled, self.source, f"{where}.bars")
            except InputError as error:
                self.wrong(f"{where}.bars", error.message)
        id_ = self.matching(where, table, "id", _ID, "15b3:1017")
        if "functions" in table or {"hotplug", "windows"} & set(table):
            behind = self.bus(where, table["functions"]) if "functions" in table else ()
            hotplug = table.get("hotplug", False)
            if not isinstance(hotplug, bool):
                self.wrong(f"{where}.hotplug", "expected true or false")
            made = port(id_, *behind, bars=bars, hotplug=hotplug is True, windows=self.windows(where, table))
        else:
            if not bars and spelled is None:
                self.wrong(where, 'expected bars, for instance bars = "mem64p:16G,mem32:16M"')
            made = endpoint(id_, self.matching(where, table, "class", _CLASS, "030000"), *bars)
        count = table.get("count", 1)
        if not isinstance(count, int) or isinstance(count, bool) or not 1 <= count <= _DEVICES:
            self.wrong(f"{where}.count", f"expected a number from 1 to {_DEVICES}")
            count = 1
        return tuple(at_slot(made, device) for device in range(count))

    def windows(self, where: str, table: dict[str, Any]) -> tuple[WindowKind, ...]:
        given = table.get("windows", list(WINDOW_KINDS))
        if not isinstance(given, list) or not all(kind in WINDOW_KINDS for kind in given):
            self.wrong(f"{where}.windows", 'expected some of ["io", "mem", "pref"]')
            return WINDOW_KINDS
        return tuple(kind for kind in WINDOW_KINDS if kind in given)

    def slot(self, where: str, table: dict[str, Any], default: int) -> tuple[int, int]:
        """Device and function number."""
        text = self.text(where, table, "at")
        match = _SLOT.fullmatch(text) if text is not None else None
        if text is None:
            return default, 0
        if match is None or int(match["device"], 16) >= _DEVICES:
            self.wrong(f"{where}.at", f'expected device and function number such as "1f.0", found {text!r}')
            return default, 0
        return int(match["device"], 16), int(match["function"])

    def matching(
        self, where: str, table: dict[str, Any], key: str, pattern: re.Pattern[str], example: str
    ) -> str | None:
        text = self.text(where, table, key)
        if text is not None and not pattern.fullmatch(text):
            self.wrong(f"{where}.{key}", f'expected digits such as "{example}", found {text!r}')
        return text

    def text(self, where: str, table: dict[str, Any], key: str) -> str | None:
        value = table.get(key)
        if value is not None and not isinstance(value, str):
            self.wrong(f"{where}.{key}", f"expected a text in quotes, found {value!r}")
            return None
        return value

    def no_other_keys(self, where: str, table: dict[str, Any], known: set[str]) -> None:
        for key in table:
            if key not in known:
                self.wrong(f"{where}.{key}", f"no such key; expected one of {', '.join(sorted(known))}")
