"""What preparing a driver costs, as a person spells it.

The option is named in errors as on the command line.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from models.drivers import plain_name
from models.edit import find_function
from models.errors import InputError
from models.topology import Topology

MOST = 1_000_000
"""The largest cost: sums over all functions of a machine stay small enough for exact proofs."""

_OPTION = "--weight"
_CLASS = re.compile(r"[0-9a-f]{1,6}")


def parse_weights(topology: Topology, spelled: Iterable[str]) -> dict[str, int]:
    """The costs that ``driver:NAME=COST``, ``class:CODE=COST`` and ``FUNCTION=COST`` name; the last one counts.

    The keys are those of :func:`models.mobility.preparation_cost`.

    Raises
    ------
    InputError
        If a text has another form, a cost is too large, a class code has other digits, or there is no such function.
    """
    return dict(_weight(topology, text) for text in spelled)


def _weight(topology: Topology, text: str) -> tuple[str, int]:
    what, equals, cost = (part.strip() for part in text.rpartition("="))
    kind, colon, name = what.partition(":")
    if not equals or not what or not (cost.isascii() and cost.isdecimal()) or (kind == "driver" and not name):
        raise InputError(f"expected driver:NAME=COST, class:CODE=COST or FUNCTION=COST, found {text!r}", source=_OPTION)
    if len(cost) > len(str(MOST)) or int(cost) > MOST:
        raise InputError(f"the cost in {text!r} is too large; expected at most {MOST}", source=_OPTION)
    if colon and kind == "driver":
        return f"driver:{plain_name(name)}", int(cost)
    if colon and kind == "class":
        code = name.lower().removeprefix("0x")
        if not _CLASS.fullmatch(code):
            raise InputError(f"expected the digits of a class code such as class:0300, found {what!r}", source=_OPTION)
        return f"class:{code}", int(cost)
    return find_function(topology, what, _OPTION).address, int(cost)
