"""Reserves: room that a plan has to leave free behind a bridge, for what is plugged in later.

While a plan is made, a reserve is a device that is not there: one BAR behind the bridge that has to have an address.
In the plan it is the free range inside the bridge's windows where that BAR would stand.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from models.errors import InputError
from models.placement import Placement
from models.resources import (
    FOUR_GIB,
    Address,
    FunctionAddress,
    Range,
    Size,
    WindowKind,
    format_size,
    parse_function_address,
    parse_number,
)
from models.topology import Bar, BarKey, Function, Topology, default_granularity

HOTPLUG = "hotplug"
"""What stands for every hotplug port."""

STAND_IN = "the reserve behind"
"""How the name of what stands for a reserve begins."""

_OPTION = "--reserve"
_WORDS: dict[WindowKind, str] = {"io": "I/O", "mem": "memory", "pref": "prefetchable memory"}


@dataclass(frozen=True, slots=True)
class Reserve:
    """One block of room behind a bridge.

    Attributes
    ----------
    kind
        For what: I/O, non-prefetchable memory (below 4 GiB) or 64-bit prefetchable memory.
    size
        Bytes in one piece, aligned to the largest power of two that divides it.
    """

    bridge: FunctionAddress
    kind: WindowKind
    size: Size

    def __str__(self) -> str:
        return f"{format_size(self.size)} of {_WORDS[self.kind]} behind {self.bridge}"

    @property
    def bar(self) -> Bar:
        """The BAR that stands for it: as many aligned blocks as make up the size."""
        block = self.size & -self.size
        return Bar(
            0,
            "io" if self.kind == "io" else "mem",
            block,
            width=64 if self.kind == "pref" else 32,
            prefetchable=self.kind == "pref",
            copies=self.size // block,
        )


@dataclass(frozen=True, slots=True)
class PlannedReserve:
    """A reserve with the range that a plan leaves free for it."""

    reserve: Reserve
    range: Range


def parse_reserves(topology: Topology, spelled: Iterable[str]) -> tuple[Reserve, ...]:
    """The reserves that ``BRIDGE=mem:64M,pref:16G,io:4K`` name; ``hotplug=…`` is for every hotplug port.

    Raises
    ------
    InputError
        If a text has another form, there is no such bridge, or a size is no multiple of the granularity of windows.
    """
    found: list[Reserve] = []
    for text in spelled:
        where, equals, blocks = text.partition("=")
        if not equals or not where.strip() or not blocks.strip():
            raise InputError(f"expected BRIDGE=mem:SIZE,pref:SIZE,io:SIZE, found {text!r}", source=_OPTION)
        parsed = [_block(block.strip()) for block in blocks.split(",")]
        found += [Reserve(bridge, kind, size) for bridge in _bridges(topology, where.strip()) for kind, size in parsed]
    return tuple(found)


def _bridges(topology: Topology, where: str) -> list[FunctionAddress]:
    if where == HOTPLUG:
        ports = [
            function.address for function, _ in topology.functions() if function.bridge and function.bridge.hotplug
        ]
        if not ports:
            raise InputError("the machine has no hotplug port; expected the address of a bridge", source=_OPTION)
        return ports
    try:
        address = parse_function_address(where)
    except ValueError as error:
        raise InputError(f"{error}, or {HOTPLUG} for all hotplug ports", source=_OPTION) from None
    function = topology.function(address)
    if function is None or function.bridge is None:
        what = "there is no function" if function is None else "no bridge:"
        raise InputError(f"{what} {address}", source=_OPTION)
    return [address]


def _block(text: str) -> tuple[WindowKind, Size]:
    kinds: dict[str, WindowKind] = {"io": "io", "mem": "mem", "pref": "pref"}
    kind = kinds.get(text.partition(":")[0])
    try:
        size = parse_number(text.partition(":")[2])
    except ValueError:
        size = 0
    if kind is None or size <= 0:
        raise InputError(f"expected io:SIZE, mem:SIZE or pref:SIZE such as mem:64M, found {text!r}", source=_OPTION)
    if size % default_granularity(kind):
        unit = format_size(default_granularity(kind))
        raise InputError(f"the size in {text!r} is no multiple of {unit}, as windows are", source=_OPTION)
    limit = {"io": 1 << 16, "mem": FOUR_GIB, "pref": 1 << 63}[kind]
    if size >= limit:
        raise InputError(f"{text!r} is too large; expected less than {format_size(limit)}", source=_OPTION)
    return kind, size


def stand_ins(reserves: Sequence[Reserve]) -> list[tuple[BarKey, Reserve]]:
    """The key of the BAR that stands for each reserve; it reads as a name, for it is the address of no function."""
    counts: dict[FunctionAddress, int] = {}
    keys = []
    for reserve in reserves:
        number = counts[reserve.bridge] = counts.get(reserve.bridge, 0) + 1
        which = "" if number == 1 else f" ({number})"
        keys.append((BarKey(FunctionAddress(f"{STAND_IN} {reserve.bridge}{which}"), 0), reserve))
    return keys


def with_stand_ins(topology: Topology, reserves: Sequence[Reserve]) -> Topology:
    """The machine with a function for each reserve."""
    new: dict[FunctionAddress, list[Function]] = {}
    for key, reserve in stand_ins(reserves):
        new.setdefault(reserve.bridge, []).append(Function(key.function, driver_known=True, bars=(reserve.bar,)))

    def change(function: Function) -> Function:
        if function.address not in new or function.bridge is None:
            return function
        behind = (*function.bridge.functions, *new[function.address])
        return replace(function, bridge=replace(function.bridge, functions=behind))

    return topology.map_functions(change)


def with_addresses(placement: Placement, planned: Sequence[PlannedReserve]) -> Placement:
    """The placement in which the stand-ins have the ranges that a plan leaves free."""
    keys = stand_ins([one.reserve for one in planned])
    there: dict[BarKey, Address | None] = {key: one.range.start for (key, _), one in zip(keys, planned, strict=True)}
    return replace(placement, bars={**placement.bars, **there})


def planned_reserves(reserves: Sequence[Reserve], bars: Mapping[BarKey, Address | None]) -> list[PlannedReserve]:
    """Each reserve with its range in a placement of the machine with stand-ins; those without one are left out."""
    return [
        PlannedReserve(reserve, Range.of(at, reserve.size))
        for key, reserve in stand_ins(reserves)
        if (at := bars.get(key)) is not None
    ]
