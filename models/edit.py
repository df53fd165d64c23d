"""Changes a person asks for before anything is solved: devices added and removed, VFs and drivers set, BARs named.

Every function is pure; options are named in errors as on the command line.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from models.bar_spelling import parse_bars, spells_bars
from models.errors import InputError
from models.grafting import graft_behind, graft_on_root
from models.profiles import PROFILES, Profile
from models.profiles_shapes import endpoint
from models.resources import FunctionAddress, parse_function_address, split_function_address
from models.topology import Bar, BarIndex, BarKey, Bridge, Function, Topology

_FROM_ELSEWHERE = re.compile(
    r"(?P<file>.+?):(?P<function>(?:[0-9a-f]{1,8}:)?[0-9a-f]{1,2}:[0-9a-f]{1,2}(?:\.[0-7])?)", re.IGNORECASE
)
_SIZE_OF_ALL = "max"
FIT = "fit"
"""What stands for as many VFs as fit."""


def plug(topology: Topology, spec: str, profiles: Mapping[str, Profile] = PROFILES) -> Topology:
    """The machine with one more device, which has no addresses and no drivers yet.

    Parameters
    ----------
    spec
        ``DEVICE@WHERE``. DEVICE is the name of a profile; or BARs (see :func:`models.bar_spelling.parse_bars`); or a
        function of another machine, with all behind it where it is a bridge: ``machine.json:0000:41:00.0``, or all
        functions of a device: ``machine.json:0000:41:00``.
        WHERE is the address of a bridge, or a root bus as ``0000:00`` or ``root:0000:00``. The device gets the first
        free device numbers there, its bridges the bus numbers that are left (:mod:`models.grafting`).
    profiles
        The kinds of devices there are, by name.

    Raises
    ------
    InputError
        If the device is unknown, or nothing can be plugged in there.
    """
    what, at, where = spec.rpartition("@")
    if not at or not what or not where:
        raise InputError(f"expected DEVICE@BRIDGE such as nvme@0000:00:1c.0, found {spec!r}", source="--plug")
    device = _device(what, profiles)
    if "." not in where:
        return graft_on_root(topology, device, where, "--plug")
    return graft_behind(topology, device, find_function(topology, where, "--plug"), "--plug")


def _device(what: str, profiles: Mapping[str, Profile]) -> Sequence[Function]:
    """The functions that the first half of ``--plug`` means."""
    if what in profiles:
        return profiles[what].functions
    taken = _FROM_ELSEWHERE.fullmatch(what)
    if taken is not None:
        return take(taken["file"], taken["function"])
    if spells_bars(what):
        return [endpoint(None, None, *parse_bars(what, "--plug"))]
    raise InputError(
        f"unknown device {what!r}, expected one of {', '.join(profiles)}, or BARs such as mem64p:16G,mem32:16M",
        source="--plug",
    )


def take(file: str, function: str) -> list[Function]:
    """A function of another machine as a device to plug in: without addresses, bus numbers and drivers.

    A fixed BAR stays fixed, so it gets no address in the other machine.

    Parameters
    ----------
    file
        Any input that describes one machine.
    function
        ``0000:41:00.0``, or ``0000:41:00`` for all functions of that device.

    Raises
    ------
    InputError
        If the file cannot be read or has no such function.
    """
    # Readers of machines take long to load, and nearly nobody plugs in what stands in another file.
    from models.sources.machine import read_machine

    machine = read_machine([file]).topology
    if "." in function:
        return [_bare(find_function(machine, function, f"--plug {file}"))]
    first = parse_function_address(f"{function}.0")
    found = [other for other, _ in machine.functions() if other.address.rpartition(".")[0] == first.rpartition(".")[0]]
    if not found:
        raise InputError(f"there is no device {first.rpartition('.')[0]}", source=f"--plug {file}")
    return [_bare(one) for one in found]


def _bare(function: Function) -> Function:
    """The function as it leaves its machine: no addresses, no drivers, no open windows, no bits set in its bridges."""
    bars = tuple(replace(bar, address=None) for bar in function.bars)
    bridge = function.bridge
    if bridge is not None:
        windows = tuple(replace(window, range=None) for window in bridge.windows)
        behind = tuple(_bare(child) for child in bridge.functions)
        bridge = Bridge(None, None, bridge.hotplug, bridge.subtractive, windows, behind)
    return replace(function, driver=None, driver_known=True, bars=bars, bridge=bridge)


def set_vfs(topology: Topology, spec: str) -> Topology:
    """The machine with room asked for so many VFs of a function: ``0000:01:00.0=8``, or ``=max`` for all it has.

    Its VF BARs then hold that many VFs, and they are required; with 0 there are none.

    Raises
    ------
    InputError
        If the text has another form, or the function has fewer VFs.
    """
    address, _, wanted = parse_vfs(topology, spec)
    if wanted is None:
        raise InputError(
            f"{spec!r}: how many VFs fit is found by barplan solve alone; expected a number", source="--vfs"
        )
    return with_vfs(topology, address, wanted)


def parse_vfs(topology: Topology, spec: str) -> tuple[FunctionAddress, int, int | None]:
    """What one ``--vfs`` means: the function, the VFs it has, and how many are asked for (``None``: as many as fit).

    Raises
    ------
    InputError
        As :func:`set_vfs`.
    """
    text, equals, count = (part.strip() for part in spec.partition("="))
    if not equals or not (count in (_SIZE_OF_ALL, FIT) or (count.isdecimal() and count.isascii())):
        raise InputError(f"expected FUNCTION=N, =max or =fit such as 0000:01:00.0=8, found {spec!r}", source="--vfs")
    function = find_function(topology, text, "--vfs")
    total = max((bar.copies for bar in function.bars if is_vf(bar)), default=0)
    if not total:
        raise InputError(f"{function.address} has no VF BARs", source="--vfs")
    wanted = {FIT: None, _SIZE_OF_ALL: total}.get(count, int(count) if count.isdecimal() else None)
    if wanted is not None and wanted > total:
        raise InputError(f"{function.address} has {total} VFs (TotalVFs), found {wanted}", source="--vfs")
    return function.address, total, wanted


def with_vfs(topology: Topology, address: FunctionAddress, count: int) -> Topology:
    """The machine in which the VF BARs of a function are required and hold ``count`` VFs; 0 removes them."""

    def change(function: Function) -> Function:
        if function.address != address:
            return function
        bars = tuple(
            replace(bar, copies=count, optional=False) if is_vf(bar) else bar
            for bar in function.bars
            if count or not is_vf(bar)
        )
        return replace(function, bars=bars)

    return topology.map_functions(change)


def is_vf(bar: Bar) -> bool:
    """Whether it is a VF BAR."""
    return isinstance(bar.index, str) and bar.index.startswith("vf")


def unplug(topology: Topology, address: str) -> Topology:
    """The machine without this function, and without everything behind it where it is a bridge.

    Raises
    ------
    InputError
        If there is no such function.
    """
    gone = find_function(topology, address, "--unplug").address
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
    target = find_function(topology, address, "--driver").address
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
        function = find_function(topology, text, option)
        if not function.bars:
            raise InputError(f"{function.address} has no BARs", source=option)
        return frozenset(BarKey(function.address, bar.index) for bar in function.bars)
    function = find_function(topology, head, option)
    index: BarIndex = int(tail) if tail.isdecimal() and tail.isascii() else tail.lower()
    if function.bar(index) is None:
        there = ", ".join(str(bar.index) for bar in function.bars) or "none"
        raise InputError(f"{function.address} has no BAR {tail!r}; it has {there}", source=option)
    return frozenset({BarKey(function.address, index)})


def find_function(topology: Topology, text: str, option: str) -> Function:
    """The function with this address.

    Raises
    ------
    InputError
        If the text is no address, or there is no such function; the nearest one is named.
    """
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
