"""Changes a person asks for before anything is solved: devices added and removed, drivers named, BARs named.

Every function is pure; options are named in errors as on the command line.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from models.errors import InputError
from models.profiles import PROFILES
from models.resources import (
    ADDRESS_LIMIT,
    FOUR_GIB,
    FunctionAddress,
    format_size,
    function_address,
    is_power_of_two,
    parse_function_address,
    parse_number,
    split_function_address,
)
from models.topology import Bar, BarIndex, BarKey, Function, RootBus, Topology

_DEVICES = 32
_REGISTERS = 6
_LARGEST_32_BIT = 1 << 31
_LARGEST_VF_COUNT = (1 << 16) - 1
"""TotalVFs is a 16-bit register (SR-IOV 1.1, 3.3.6)."""
_KIND = re.compile(r"(?P<what>mem|vf)(?P<width>32|64)(?P<prefetchable>p?)|io|rom")
_ROOT_BUS = re.compile(r"(?:root:)?(?:(?P<domain>[0-9a-f]{1,8}):)?(?P<bus>[0-9a-f]{1,2})", re.IGNORECASE)
_GRAMMAR = "expected BARs such as mem64p:16G,mem32:16M,io:256,rom:512K,vf64p:16M*8"


def plug(topology: Topology, spec: str) -> Topology:
    """The machine with one more function, which has no addresses and no driver yet.

    Parameters
    ----------
    spec
        ``PROFILE@WHERE`` or ``BARS@WHERE``. BARs are separated by commas: ``mem32``, ``mem64``, ``io``, ``rom``,
        or ``vf32``, ``vf64`` for VF BARs, a ``p`` behind the width for prefetchable, a colon, the size, and for
        VF BARs ``*`` and the number of VFs. Indices are given out in order; a 64-bit BAR takes two.
        WHERE is the address of a bridge, or a root bus as ``0000:00`` or ``root:0000:00``. The function
        gets the first free device number there.

    Raises
    ------
    InputError
        If the profile or the BARs are unknown, or nothing can be plugged in there.
    """
    what, at, where = spec.partition("@")
    if not at or not what or not where:
        raise InputError(f"expected DEVICE@BRIDGE such as nvme@0000:00:1c.0, found {spec!r}", source="--plug")
    if ":" in what or what in ("io", "rom"):
        device = Function(FunctionAddress(""), driver_known=True, bars=_parse_bars(what))
    elif what in PROFILES:
        profile = PROFILES[what]
        device = Function(FunctionAddress(""), profile.id, profile.class_code, None, True, profile.bars)
    else:
        raise InputError(
            f"unknown device {what!r}, expected one of {', '.join(PROFILES)}, or BARs such as mem64p:16G,mem32:16M",
            source="--plug",
        )
    return _plug_into_root(topology, device, where) if "." not in where else _plug_behind(topology, device, where)


def unplug(topology: Topology, address: str) -> Topology:
    """The machine without this function, and without everything behind it where it is a bridge.

    Raises
    ------
    InputError
        If there is no such function.
    """
    gone = _find(topology, address, "--unplug").address
    return topology.map_functions(lambda function: None if function.address == gone else function)


def set_driver(topology: Topology, spec: str) -> Topology:
    """The machine with another driver bound: ``0000:01:00.0=nvme``, or ``=none`` for no driver.

    Raises
    ------
    InputError
        If the text has another form or there is no such function.
    """
    address, equals, driver = spec.partition("=")
    if not equals or not driver.strip():
        raise InputError(f"expected FUNCTION=DRIVER such as 0000:01:00.0=nvme, found {spec!r}", source="--driver")
    target = _find(topology, address, "--driver").address
    name = None if driver.strip() == "none" else driver.strip()
    return topology.map_functions(
        lambda function: replace(function, driver=name, driver_known=True) if function.address == target else function
    )


def find_bars(topology: Topology, text: str, option: str) -> frozenset[BarKey]:
    """The BARs that ``0000:01:00.0`` (all of the function's own), ``0000:01:00.0:2``, ``…:rom`` or ``…:vf0`` name.

    Raises
    ------
    InputError
        If there is no such function or BAR.
    """
    head, colon, tail = text.strip().rpartition(":")
    if not colon or "." in tail:
        function = _find(topology, text, option)
        if not function.bars:
            raise InputError(f"{function.address} has no BARs", source=option)
        return frozenset(BarKey(function.address, bar.index) for bar in function.bars)
    function = _find(topology, head, option)
    index: BarIndex = int(tail) if tail.isdecimal() and tail.isascii() else tail.lower()
    if function.bar(index) is None:
        there = ", ".join(str(bar.index) for bar in function.bars) or "none"
        raise InputError(f"{function.address} has no BAR {tail!r}; it has {there}", source=option)
    return frozenset({BarKey(function.address, index)})


def _find(topology: Topology, text: str, option: str) -> Function:
    """The function with this address."""
    try:
        address = parse_function_address(text)
    except ValueError as error:
        raise InputError(str(error), source=option) from None
    function = topology.function(address)
    if function is None:
        nearest = _nearest(address, (other.address for other, _ in topology.functions()))
        raise InputError(f"there is no function {address}{nearest}", source=option)
    return function


def _nearest(wanted: str, there: Iterable[str]) -> str:
    """``; the nearest is …``: the address that shares the longest beginning, then the closest in order."""
    wanted_numbers = split_function_address(FunctionAddress(wanted))

    def distance(other: str) -> tuple[int, ...]:
        numbers = split_function_address(FunctionAddress(other))
        return tuple(abs(one - two) for one, two in zip(wanted_numbers, numbers, strict=True))

    best = min(there, key=distance, default=None)
    return "; the machine has no functions" if best is None else f"; the nearest is {best}"


def _plug_into_root(topology: Topology, device: Function, where: str) -> Topology:
    match = _ROOT_BUS.fullmatch(where.strip())
    number = (int(match["domain"] or "0", 16), int(match["bus"], 16)) if match else None
    root = next((root for root in topology.root_buses if (root.domain, root.bus) == number), None)
    if root is None:
        there = ", ".join(root.name for root in topology.root_buses) or "none"
        raise InputError(
            f"{where!r} is no bridge (such as 0000:00:1c.0) and no root bus of this machine ({there})", source="--plug"
        )
    new = replace(device, address=_free_address(topology, root.domain, root.bus, f"bus {root.name}"))

    def with_new(other: RootBus) -> RootBus:
        return replace(other, functions=(*other.functions, new)) if other is root else other

    return replace(topology, root_buses=tuple(with_new(other) for other in topology.root_buses))


def _plug_behind(topology: Topology, device: Function, where: str) -> Topology:
    bridge = _find(topology, where, "--plug")
    if bridge.bridge is None:
        raise InputError(f"{bridge.address} is no bridge", source="--plug")
    if not bridge.bridge.secondary:
        raise InputError(f"{bridge.address} has no bus number behind it", source="--plug")
    domain = split_function_address(bridge.address)[0]
    name = f"the bus behind {bridge.address}"
    new = replace(device, address=_free_address(topology, domain, bridge.bridge.secondary, name))

    def with_new(function: Function) -> Function:
        if function.address != bridge.address or function.bridge is None:
            return function
        return replace(function, bridge=replace(function.bridge, functions=(*function.bridge.functions, new)))

    return topology.map_functions(with_new)


def _free_address(topology: Topology, domain: int, bus: int, name: str) -> FunctionAddress:
    """The first device number on this bus that no function has."""
    numbers = (split_function_address(function.address) for function, _ in topology.functions())
    taken = {device for other_domain, other_bus, device, _ in numbers if (other_domain, other_bus) == (domain, bus)}
    device = next((device for device in range(_DEVICES) if device not in taken), None)
    if device is None:
        raise InputError(f"all {_DEVICES} device numbers of {name} are taken", source="--plug")
    return function_address(domain, bus, device, 0)


def _parse_bars(text: str) -> tuple[Bar, ...]:
    bars: list[Bar] = []
    taken = {"mem": 0, "vf": 0}
    for item in text.split(","):
        kind, _, size_text = item.strip().partition(":")
        match = _KIND.fullmatch(kind)
        if match is None:
            raise InputError(f"{item!r} is no BAR; {_GRAMMAR}", source="--plug")
        if kind == "rom":
            bar = Bar("rom", "mem", _size(item, size_text, 32), prefetchable=True, optional=True)
            if any(other.index == "rom" for other in bars):
                raise InputError("a function has one expansion ROM, found two", source="--plug")
            bars.append(bar)
            continue
        width = int(match["width"] or "32")
        registers = "vf" if match["what"] == "vf" else "mem"
        number = taken[registers]
        taken[registers] += 2 if width == 64 else 1
        if taken[registers] > _REGISTERS:
            raise InputError(
                f"{item!r} does not fit: a function has {_REGISTERS} registers, a 64-bit BAR takes two", source="--plug"
            )
        copies = 1
        if registers == "vf":
            size_text, _, count = size_text.partition("*")
            copies = _copies(item, count)
        bar = Bar(
            f"vf{number}" if registers == "vf" else number,
            "io" if kind == "io" else "mem",
            _size(item, size_text, width),
            width=width,
            prefetchable=match["prefetchable"] == "p",
            copies=copies,
            optional=registers == "vf",
        )
        if bar.span > (FOUR_GIB if width == 32 else ADDRESS_LIMIT):
            raise InputError(f"{item!r} is too large: all VFs together exceed {width} bits", source="--plug")
        bars.append(bar)
    return tuple(bars)


def _size(item: str, text: str, width: int) -> int:
    try:
        size = parse_number(text)
    except ValueError:
        raise InputError(f"{item!r} has no size; {_GRAMMAR}", source="--plug") from None
    if not is_power_of_two(size):
        raise InputError(f"the size in {item!r} is no power of two", source="--plug")
    largest = _LARGEST_32_BIT if width == 32 else ADDRESS_LIMIT // 2
    if size > largest:
        raise InputError(
            f"{item!r} is too large: a {width}-bit BAR has at most {format_size(largest)}", source="--plug"
        )
    return size


def _copies(item: str, text: str) -> int:
    if not text.isdecimal() or not text.isascii() or len(text) > 5 or not 1 <= int(text) <= _LARGEST_VF_COUNT:
        raise InputError(f"{item!r} does not say how many VFs; expected for instance vf64p:16M*8", source="--plug")
    return int(text)
