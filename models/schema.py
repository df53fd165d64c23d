"""The shape of the two documents: which keys, which types, which defaults.

Only shape: what a value means beside others is checked where the document
becomes a topology or a plan. This is the only file that imports pydantic.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from models.resources import ADDRESS_LIMIT, parse_function_address, parse_number
from models.topology import BAR_INDICES


def _checked(parse: Callable[[Any], object]) -> BeforeValidator:
    """A validator that turns the ``ValueError`` of ``parse`` into the error's message."""

    def validate(value: object) -> object:
        try:
            return parse(value)
        except ValueError as error:
            raise PydanticCustomError("barplan", "{text}", {"text": str(error)}) from None

    return BeforeValidator(validate)


def found(value: object) -> str:
    """A value of the document, short enough for a message."""
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "a list"
    text = json.dumps(value, ensure_ascii=True, default=str)
    return text if len(text) <= 40 else f"{text[:37]}..."


def _number(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ValueError(f'expected a number such as "0xfe000000", 4096 or "256M", found {found(value)}')
    try:
        return parse_number(value)
    except ValueError:
        raise ValueError(f'expected a number such as "0xfe000000", 4096 or "256M", found {found(value)}') from None


def _unsigned(value: object) -> int:
    number = _number(value)
    if not 0 <= number < ADDRESS_LIMIT:
        raise ValueError(f"expected a number from 0 to 2^64 - 1, found {found(value)}")
    return number


def _small(limit: int) -> Callable[[Any], int]:
    def parse(value: object) -> int:
        number = _number(value)
        if not 0 <= number <= limit:
            raise ValueError(f"expected a number from 0 to {limit:#x}, found {found(value)}")
        return number

    return parse


def _one_of(*allowed: int) -> Callable[[Any], int]:
    def parse(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int | str) or _number(value) not in allowed:
            raise ValueError(f"expected {' or '.join(map(str, allowed))}, found {found(value)}")
        return _number(value)

    return parse


def _function(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"expected a function address such as 0000:01:00.0, found {found(value)}")
    return parse_function_address(value)


def _index(value: object) -> int | str:
    if isinstance(value, bool) or not isinstance(value, int | str) or value not in BAR_INDICES:
        raise ValueError(f'expected 0 to 5, "rom" or "vf0" to "vf5", found {found(value)}')
    return value


Number = Annotated[int, _checked(_number)]
Unsigned = Annotated[int, _checked(_unsigned)]
Domain = Annotated[int, _checked(_small(0xFFFFFFFF))]
BusNumber = Annotated[int, _checked(_small(0xFF))]
FunctionText = Annotated[str, _checked(_function)]
IndexValue = Annotated[Any, _checked(_index)]
SpaceText = Literal["io", "mem"]


class _Shape(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)


class RootWindowShape(_Shape):
    """A window of a root bus."""

    space: SpaceText
    start: Unsigned
    end: Unsigned
    prefetchable: bool = False
    offset: Number = 0


class BarShape(_Shape):
    """A BAR, expansion ROM or VF BAR."""

    index: IndexValue
    space: SpaceText
    size: Unsigned
    width: Annotated[int, _checked(_one_of(32, 64))] = 32
    prefetchable: bool = False
    address: Unsigned | None = None
    copies: Number = 1
    sizes: list[Unsigned] = []
    fixed: bool = False
    optional: bool | None = None


class WindowShape(_Shape):
    """A memory window of a bridge; ``null`` ends: closed."""

    start: Unsigned | None = None
    end: Unsigned | None = None


class IoWindowShape(WindowShape):
    """An I/O window of a bridge."""

    width: Annotated[int, _checked(_one_of(16, 32))] = 16
    granularity: Annotated[int, _checked(_one_of(4096, 1024))] = 4096


class PrefWindowShape(WindowShape):
    """A prefetchable window of a bridge."""

    width: Annotated[int, _checked(_one_of(32, 64))] = 64


class WindowsShape(_Shape):
    """The windows that a bridge implements."""

    io: IoWindowShape | None = None
    mem: WindowShape | None = None
    pref: PrefWindowShape | None = None


class CardbusShape(_Shape):
    """A window of a CardBus bridge."""

    space: SpaceText
    start: Unsigned
    end: Unsigned
    prefetchable: bool = False


class BridgeShape(_Shape):
    """What makes a function a bridge, and what is behind it."""

    secondary: BusNumber | None = None
    subordinate: BusNumber | None = None
    hotplug: bool = False
    subtractive: bool = False
    isa: bool = False
    vga: Annotated[int, _checked(_one_of(10, 16))] | None = None
    windows: WindowsShape = WindowsShape()
    functions: list[FunctionShape] = []
    cardbus: list[CardbusShape] | None = None


class FunctionShape(_Shape):
    """A PCI function."""

    address: FunctionText
    id: str | None = None
    class_code: str | None = Field(default=None, alias="class")
    driver: str | None = None
    bars: list[BarShape] = []
    bridge: BridgeShape | None = None


class RootBusShape(_Shape):
    """A root bus: its windows and what is on it."""

    domain: Domain
    bus: BusNumber
    windows: list[RootWindowShape] = []
    functions: list[FunctionShape] = []


class ReservedShape(_Shape):
    """A range where nothing may be placed."""

    space: SpaceText
    start: Unsigned
    end: Unsigned
    what: str = ""


class TopologyShape(_Shape):
    """A topology document, ``barplan-topology/1``."""

    machine: str = ""
    root_buses: list[RootBusShape]
    reserved: list[ReservedShape] = []


class ObjectiveShape(_Shape):
    """An objective of a plan: its value and its proved bound."""

    name: str
    value: Number | None = None
    bound: Number | None = None


class PlannedBarShape(_Shape):
    """A BAR of a plan, before and after."""

    function: FunctionText
    index: IndexValue
    size: Unsigned
    before: Unsigned | None = Field(default=None, alias="from")
    after: Unsigned | None = Field(default=None, alias="to")
    moved: bool | None = None
    why: str | None = None


class PlannedRangeShape(_Shape):
    """Where a window of a plan lies."""

    start: Unsigned
    end: Unsigned


class PlannedWindowShape(_Shape):
    """A bridge window of a plan, before and after."""

    bridge: FunctionText
    window: Literal["io", "mem", "pref"]
    before: PlannedRangeShape | None = Field(default=None, alias="from")
    after: PlannedRangeShape | None = Field(default=None, alias="to")


class PlannedReserveShape(_Shape):
    """A range that a plan leaves free for later devices."""

    bridge: FunctionText
    window: Literal["io", "mem", "pref"]
    start: Unsigned
    end: Unsigned


class PlanShape(_Shape):
    """A plan document, ``barplan-plan/1``."""

    topology_sha256: str
    engine: str
    policy: str
    status: Literal["optimal", "feasible", "infeasible", "unknown"]
    objectives: list[ObjectiveShape] = []
    bars: list[PlannedBarShape]
    windows: list[PlannedWindowShape]
    warnings: list[str] = []
    reserves: list[PlannedReserveShape] = []


_EXPECTED = {
    "bool_type": "true or false",
    "string_type": "a string",
    "string_unicode": "a string of whole Unicode characters",
    "list_type": "a list",
    "model_type": "an object",
    "dict_type": "an object",
}


_LONGEST_PATH = 1000
"""A path through bridges nested without end says no more by going on."""


def json_path(location: tuple[int | str, ...]) -> str:
    """``root_buses[0].functions[2].size`` for the keys and positions that lead there."""
    path = ""
    for part in location:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else part
    return path if len(path) <= _LONGEST_PATH else f"{path[:_LONGEST_PATH].rpartition('.')[0]}..."


def problems_of(error: ValidationError) -> list[tuple[str, str]]:
    """JSON path and message of everything that is wrong with the shape, the first first."""
    return [(json_path(detail["loc"]), _message(detail)) for detail in error.errors(include_url=False)]


def _message(detail: ErrorDetails) -> str:
    kind = detail["type"]
    if kind == "barplan":
        return detail["msg"]
    if kind == "missing":
        return "the key is missing and required"
    if kind == "literal_error":
        expected = detail["ctx"]["expected"].replace("'", '"')
        return f"expected {expected}, found {found(detail['input'])}"
    if kind in ("recursion_loop", "recursion_depth_exceeded"):
        return "bridges are nested too deep"
    expected = _EXPECTED.get(kind)
    return f"expected {expected}, found {found(detail['input'])}" if expected else detail["msg"]
