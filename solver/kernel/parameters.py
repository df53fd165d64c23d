"""Kernel parameters and the platform, read from a request's options in one place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast, get_args

from models.errors import InputError
from models.resources import MIB, FunctionAddress, Size, parse_function_address, parse_number
from models.topology import Topology
from solver.kernel.realigning import Alignments, parse_alignments

Realloc = Literal["on", "off", "auto"]
Arch = Literal["x86", "mips", "powerpc", "generic"]
"""``generic`` has no rules of its own (ARM64, RISC-V)."""
Firmware = Literal["claim", "ignore"]

_Parser = Callable[[str], dict[str, Any]]
"""From the text of an option to fields of :class:`Parameters`."""

SOURCE = "kernel option"
"""What an error about an option names as its source."""


@dataclass(frozen=True, slots=True)
class Event:
    """What makes the kernel assign.

    The boot, a device added below a hotplug ``bridge`` (native PCIe hotplug, or a bridge that was added), or a rescan
    of all buses, or of the one behind ``bridge`` (also what ACPI hotplug does).
    """

    kind: Literal["boot", "rescan", "hotplug"] = "boot"
    bridge: FunctionAddress | None = None


@dataclass(frozen=True, slots=True)
class Parameters:
    """Kernel parameters (``pci=...``) and what kind of machine it is.

    Attributes
    ----------
    realloc
        ``pci=realloc``; ``auto`` enables it where a VF BAR has no address, as distributions build their kernels.
    io_reserve, memory_reserve, prefetchable_reserve
        What a hotplug bridge asks for beyond what it has: ``hpiosize``, ``hpmmiosize``, ``hpmmioprefsize``.
    cardbus_io, cardbus_memory
        Sizes of the windows of a CardBus bridge: ``cbiosize``, ``cbmemsize``.
    isa
        Built with ISA or EISA support: only a quarter of an I/O window counts as usable.
    firmware
        Whether the addresses that the machine has are claimed, or everything starts without one.
    alignments
        What ``resource_alignment`` names, see :mod:`solver.kernel.realigning`.
    """

    event: Event = Event()
    realloc: Realloc = "auto"
    io_reserve: Size = 256
    memory_reserve: Size = 2 * MIB
    prefetchable_reserve: Size = 2 * MIB
    cardbus_io: Size = 256
    cardbus_memory: Size = 64 * MIB
    arch: Arch = "x86"
    isa: bool = False
    firmware: Firmware = "claim"
    alignments: Alignments = ()


def parse_parameters(options: Mapping[str, str], topology: Topology) -> Parameters:
    """The parameters that the options spell.

    ``hpmemsize`` sets both memory reserves; ``hpmmiosize`` and ``hpmmioprefsize`` go before it.

    Raises
    ------
    InputError
        If an option is unknown, or its value is none that it takes.
    """
    known: dict[str, _Parser] = {
        **_PARSERS,
        "event": lambda value: {"event": _event(value, topology)},
        "resource_alignment": lambda value: {"alignments": parse_alignments(value, topology, SOURCE)},
    }
    fields: dict[str, Any] = {}
    # A reserve of one kind goes before the one for both, in whatever order they stand.
    for name in sorted(options, key=lambda name: name != "hpmemsize"):
        if name not in known:
            raise InputError(f"unknown option {name!r}, expected one of {', '.join(sorted(known))}", source=SOURCE)
        fields.update(known[name](options[name]))
    return Parameters(**fields)


def _sizes(option: str, *fields: str) -> _Parser:
    def parse(value: str) -> dict[str, Any]:
        try:
            size = parse_number(value)
        except ValueError as error:
            raise InputError(str(error), source=SOURCE, where=option) from None
        if size < 0:
            raise InputError(f"expected a size, found {value!r}", source=SOURCE, where=option)
        return dict.fromkeys(fields, size)

    return parse


def _word(option: str, field: str, *words: str) -> _Parser:
    def parse(value: str) -> dict[str, Any]:
        if value not in words:
            raise InputError(f"expected one of {', '.join(words)}, found {value!r}", source=SOURCE, where=option)
        return {field: value}

    return parse


def _switch(option: str, field: str) -> _Parser:
    word = _word(option, field, "on", "off")
    return lambda value: {field: word(value)[field] == "on"}


def _event(value: str, topology: Topology) -> Event:
    kind, _, where = value.partition(":")
    if value in ("boot", "rescan"):
        return Event(cast("Literal['boot', 'rescan']", kind))
    if kind not in ("hotplug", "rescan"):
        expected = "boot, rescan, rescan:BRIDGE or hotplug:BRIDGE"
        raise InputError(f"expected {expected}, found {value!r}", source=SOURCE, where="event")
    try:
        bridge = parse_function_address(where)
    except ValueError as error:
        raise InputError(str(error), source=SOURCE, where="event") from None
    function = topology.function(bridge)
    if function is None or function.bridge is None:
        raise InputError(f"expected a bridge of the machine, found {where!r}", source=SOURCE, where="event")
    return Event(cast("Literal['hotplug', 'rescan']", kind), bridge)


_PARSERS: dict[str, _Parser] = {
    "realloc": _word("realloc", "realloc", "on", "off", "auto"),
    "hpiosize": _sizes("hpiosize", "io_reserve"),
    "hpmmiosize": _sizes("hpmmiosize", "memory_reserve"),
    "hpmmioprefsize": _sizes("hpmmioprefsize", "prefetchable_reserve"),
    "hpmemsize": _sizes("hpmemsize", "memory_reserve", "prefetchable_reserve"),
    "cbiosize": _sizes("cbiosize", "cardbus_io"),
    "cbmemsize": _sizes("cbmemsize", "cardbus_memory"),
    "arch": _word("arch", "arch", *get_args(Arch)),
    "isa": _switch("isa", "isa"),
    "firmware": _word("firmware", "firmware", "claim", "ignore"),
}
