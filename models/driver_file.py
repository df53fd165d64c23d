"""A person's own knowledge of drivers: a TOML file that extends the built-in table.

::

    [drivers.mlx5_core]
    verified = true
    hooks = false
    source = "moved ten times in the test rack"
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from models.drivers import BUILT_IN, DriverKnowledge, DriverTable, plain_name
from models.errors import InputError
from models.files import read_text

_KEYS: dict[str, type] = {"hooks": bool, "verified": bool, "source": str}
_WORDS: dict[type, str] = {bool: "true or false", str: "a text in quotes"}


def read_drivers(path: Path, table: DriverTable = BUILT_IN) -> DriverTable:
    """``table`` with the rows of a TOML file, each in place of the row of the same name.

    A row's ``hooks`` and ``verified`` are false unless it says otherwise; its ``source`` is the file's name.

    Raises
    ------
    InputError
        If the file cannot be read or is no TOML, a key is unknown or of the wrong type, or a driver stands twice.
    """
    import tomllib  # here, as most runs read no file

    try:
        document = tomllib.loads(read_text(path))
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"is no TOML: {error}", source=str(path)) from None
    return table.extended(_rows(document, str(path)))


def _rows(document: dict[str, Any], source: str) -> dict[str, DriverKnowledge]:
    for key in document:
        if key != "drivers":
            raise InputError("unknown key, expected drivers", source=source, where=key)
    drivers = document.get("drivers", {})
    if not isinstance(drivers, dict):
        raise InputError("expected a table for each driver, [drivers.NAME]", source=source, where="drivers")
    rows: dict[str, DriverKnowledge] = {}
    spelled: dict[str, str] = {}
    for name, row in drivers.items():
        twin = spelled.setdefault(plain_name(name), name)
        if twin != name:
            raise InputError(f"stands twice, as {twin} and as {name}", source=source, where=f"drivers.{name}")
        rows[name] = _row(row, source, f"drivers.{name}")
    return rows


def _row(row: object, source: str, where: str) -> DriverKnowledge:
    if not isinstance(row, dict):
        raise InputError("expected a table with hooks, verified and source", source=source, where=where)
    for key, value in row.items():
        if key not in _KEYS:
            raise InputError(f"unknown key, expected {', '.join(_KEYS)}", source=source, where=f"{where}.{key}")
        if not isinstance(value, _KEYS[key]):
            raise InputError(f"expected {_WORDS[_KEYS[key]]}, found {value!r}", source=source, where=f"{where}.{key}")
    return DriverKnowledge(row.get("hooks", False), row.get("verified", False), row.get("source", source))
