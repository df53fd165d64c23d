"""Reads and writes the two documents, ``barplan-topology/1`` and ``barplan-plan/1``.

This file knows the text: JSON, format versions, layout, the hash. What the
keys mean is in :mod:`models.topology_document` and :mod:`models.plan_document`.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from models.errors import InputError
from models.plan import Plan
from models.plan_document import PLAN_FORMAT, plan_document
from models.topology import Topology
from models.topology_document import TOPOLOGY_FORMAT, canonical_document, topology_document

__all__ = [
    "dump_plan",
    "dump_topology",
    "load_plan",
    "load_topology",
    "plan_document",
    "topology_document",
    "topology_sha256",
]

_LINE_LENGTH = 200
_FORMATS = {"barplan-topology": "a topology", "barplan-plan": "a plan"}

Problem = tuple[str, str]
"""JSON path and message."""


def load_topology(text: str, source: str) -> Topology:
    """The machine that a topology document describes.

    Parameters
    ----------
    source
        File name, for error messages.

    Raises
    ------
    InputError
        If the text is no JSON, no topology document of a known version, or describes no possible machine; the
        message names the first problem and counts the rest.
    """
    # pydantic takes a tenth of a second to load; only readers pay for it.
    from pydantic import ValidationError

    from models.schema import TopologyShape, problems_of
    from models.topology_reading import read_topology

    document = _parse(text, source, TOPOLOGY_FORMAT)
    try:
        shape = TopologyShape.model_validate(document)
    except ValidationError as error:
        raise _refusal(problems_of(error), source) from None
    topology, problems = read_topology(shape)
    if problems:
        raise _refusal(problems, source)
    return topology


def load_plan(text: str, source: str) -> Plan:
    """The plan that a plan document describes; its ``moved`` keys follow from ``from`` and ``to`` and are not read.

    Raises
    ------
    InputError
        As :func:`load_topology`.
    """
    from pydantic import ValidationError

    from models.plan_reading import read_plan
    from models.schema import PlanShape, problems_of

    document = _parse(text, source, PLAN_FORMAT)
    try:
        shape = PlanShape.model_validate(document)
    except ValidationError as error:
        raise _refusal(problems_of(error), source) from None
    plan, problems = read_plan(shape)
    if problems:
        raise _refusal(problems, source)
    return plan


def dump_topology(topology: Topology) -> str:
    """The topology document as text, with a final newline."""
    return _pretty(topology_document(topology), 0) + "\n"


def dump_plan(plan: Plan) -> str:
    """The plan document as text, with a final newline."""
    return _pretty(plan_document(plan), 0) + "\n"


def topology_sha256(topology: Topology) -> str:
    """SHA-256 (lower-case hex) of the canonical topology document; the same however the document was written.

    The canonical document is the document with every key explicit, as
    :func:`models.topology_document.canonical_document` lists them, as JSON
    text: keys sorted, no white space, characters outside ASCII not escaped, UTF-8, every number
    (also ``domain``, ``index``, ``width``) a string of lower-case hex digits with ``0x``, negative ones with ``-0x``.
    Lists keep the order of the document.
    """
    return str(topology.once("sha256", _sha256))


def _sha256(topology: Topology) -> str:
    text = json.dumps(canonical_document(topology), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def _parse(text: str, source: str, expected: str) -> dict[str, Any]:
    try:
        document = json.loads(text.removeprefix("\ufeff"))
    except json.JSONDecodeError as error:
        raise InputError(
            f"not JSON: {error.msg}; expected a {expected} document",
            source=source,
            where=f"line {error.lineno} column {error.colno}",
        ) from None
    except RecursionError:
        raise InputError(f"nested too deep for a {expected} document", source=source) from None
    except ValueError as error:  # a number with thousands of digits
        raise InputError(f"not readable as JSON: {error}", source=source) from None
    if not isinstance(document, dict):
        raise InputError(f"expected a {expected} document, a JSON object", source=source)
    _check_format(document.get("format"), source, expected)
    return document


def _check_format(format_: object, source: str, expected: str) -> None:
    if format_ == expected:
        return
    wrong = f'expected "{expected}"'
    if format_ is None:
        raise InputError(f"the key is missing; {wrong}", source=source, where="format")
    if not isinstance(format_, str):
        raise InputError(f"{wrong}, found no string", source=source, where="format")
    name = format_.partition("/")[0]
    if name == expected.partition("/")[0]:
        raise InputError(f'version "{format_[:60]}" is not known; {wrong}', source=source, where="format")
    what = f", which is {_FORMATS[name]}" if name in _FORMATS else ""
    raise InputError(f'{wrong}, found "{format_[:60]}"{what}', source=source, where="format")


def _refusal(problems: list[Problem], source: str) -> InputError:
    where, message = problems[0]
    rest = len(problems) - 1
    more = "" if rest == 0 else f" (and {rest} more {'error' if rest == 1 else 'errors'})"
    return InputError(message + more, source=source, where=where or None)


def _pretty(value: Any, indent: int) -> str:
    """JSON text in which an object or a list with nothing nested in it stands on one line, however deep it stands."""
    if isinstance(value, dict | list) and value:
        children = value.values() if isinstance(value, dict) else value
        line = None
        if not any(isinstance(child, dict | list) and child for child in children) or _is_leaf_pair(value):
            line = json.dumps(value, ensure_ascii=False)
        if line is not None and len(line) <= _LINE_LENGTH:
            return line
        inner = " " * (indent + 2)
        if isinstance(value, dict):
            parts = [f"{json.dumps(key)}: {_pretty(child, indent + 2)}" for key, child in value.items()]
            opening, closing = "{", "}"
        else:
            parts = [_pretty(child, indent + 2) for child in value]
            opening, closing = "[", "]"
        return f"{opening}\n{inner}" + f",\n{inner}".join(parts) + f"\n{' ' * indent}{closing}"
    return json.dumps(value, ensure_ascii=False)


def _is_leaf_pair(value: Any) -> bool:
    """An object whose only containers are flat: a BAR with sizes, a planned window with its two ranges."""
    if not isinstance(value, dict) or "bars" in value or "objectives" in value or "windows" in value:
        return False
    flat = ("sizes", "from", "to")
    return all(key in flat for key, child in value.items() if isinstance(child, dict | list) and child)
