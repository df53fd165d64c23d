"""Putting a device, one function or a whole tree of bridges, where nothing was: addresses and bus numbers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from models.bus_numbers import BUSES, Run, bridges_in, free_anywhere, free_behind, free_on_root
from models.errors import InputError
from models.resources import function_address, split_function_address
from models.topology import Bridge, Function, RootBus, Topology

_DEVICES = 32
_ROOT_BUS = re.compile(r"(?:root:)?(?:(?P<domain>[0-9a-f]{1,8}):)?(?P<bus>[0-9a-f]{1,2})", re.IGNORECASE)


def graft_on_root(topology: Topology, device: Sequence[Function], where: str, option: str) -> Topology:
    """The machine with the device on a root bus, spelled ``0000:00`` or ``root:0000:00``.

    Raises
    ------
    InputError
        If there is no such root bus, or device or bus numbers run out.
    """
    match = _ROOT_BUS.fullmatch(where.strip())
    number = (int(match["domain"] or "0", 16), int(match["bus"], 16)) if match else None
    root = next((root for root in topology.root_buses if (root.domain, root.bus) == number), None)
    if root is None:
        there = ", ".join(root.name for root in topology.root_buses) or "none"
        raise InputError(
            f"{where!r} is no bridge (such as 0000:00:1c.0) and no root bus of this machine ({there})", source=option
        )
    runs = free_on_root(topology, root)
    new = _addressed(topology, device, (root.domain, root.bus), runs, f"bus {root.name}", option, spread=False)

    def with_new(other: RootBus) -> RootBus:
        return replace(other, functions=(*other.functions, *new)) if other is root else other

    return replace(topology, root_buses=tuple(with_new(other) for other in topology.root_buses))


def graft_behind(topology: Topology, device: Sequence[Function], bridge: Function, option: str) -> Topology:
    """The machine with the device behind a bridge.

    The bridges of the device get the first bus numbers that the bridge passes on and nothing has. Behind a hotplug
    port they take all that are left, shared out among the hotplug ports of the device, as the kernel does. Where there
    are too few, they get numbers that the bridge does not pass on; :func:`models.bus_numbers.bus_shortages` names it.

    Raises
    ------
    InputError
        If it is no bridge, has no bus behind it, or device numbers or the bus numbers of the domain run out.
    """
    if bridge.bridge is None:
        raise InputError(f"{bridge.address} is no bridge", source=option)
    if not bridge.bridge.secondary:
        raise InputError(f"{bridge.address} has no bus number behind it", source=option)
    bus = (split_function_address(bridge.address)[0], bridge.bridge.secondary)
    name = f"the bus behind {bridge.address}"
    runs = free_behind(topology, bridge)
    new = _addressed(topology, device, bus, runs, name, option, spread=bridge.bridge.hotplug)

    def with_new(function: Function) -> Function:
        if function.address != bridge.address or function.bridge is None:
            return function
        return replace(function, bridge=replace(function.bridge, functions=(*function.bridge.functions, *new)))

    return topology.map_functions(with_new)


def _addressed(
    topology: Topology,
    device: Sequence[Function],
    bus: tuple[int, int],
    runs: list[Run],
    name: str,
    option: str,
    *,
    spread: bool,
) -> list[Function]:
    """The functions of a device with addresses on ``bus``: each device number becomes the first free one."""
    domain, number = bus
    numbers = [split_function_address(function.address) for function, _ in topology.functions()]
    taken = {slot for other_domain, other_bus, slot, _ in numbers if (other_domain, other_bus) == bus}
    free = [slot for slot in range(_DEVICES) if slot not in taken]
    wanted = sorted({split_function_address(function.address)[2] for function in device})
    if len(wanted) > len(free):
        if not free:
            raise InputError(f"all {_DEVICES} device numbers of {name} are taken", source=option)
        raise InputError(f"{len(free)} device numbers of {name} are free, expected {len(wanted)}", source=option)
    slots = dict(zip(wanted, free, strict=False))
    run = _bus_numbers(topology, domain, bridges_in(device), runs, option)
    inside = run is not None and any(first <= run[0] and run[1] <= last for first, last in runs)
    return _placed(device, domain, number, slots, run, spread=spread and inside)


def _bus_numbers(topology: Topology, domain: int, needed: int, runs: list[Run], option: str) -> Run | None:
    """The run of bus numbers for a device with so many bridges: out of ``runs`` if there is one, else out of any."""
    if not needed:
        return None
    for first, last in [
        *runs,
        *((first, min(last, first + needed - 1)) for first, last in free_anywhere(topology, domain)),
    ]:
        if last - first + 1 >= needed:
            return first, last
    raise InputError(
        f"the device has {needed} bridges, each needs a bus number, and domain {domain:04x} has no {needed} of its "
        f"{BUSES} left in a row",
        source=option,
    )


def _placed(
    functions: Sequence[Function], domain: int, bus: int, slots: dict[int, int], run: Run | None, *, spread: bool
) -> list[Function]:
    """The functions at their addresses on ``bus``, with bus numbers out of ``run`` for the bridges among them."""
    result = []
    bridges = [function for function in functions if function.bridge is not None]
    next_bus, last = run or (0, -1)
    spare = last - next_bus + 1 - bridges_in(bridges) if spread else 0
    ports = sum(_hotplug_ports(function) for function in bridges)
    for function in functions:
        _, _, device, number = split_function_address(function.address)
        address = function_address(domain, bus, slots.get(device, device), number)
        bridge = function.bridge
        if bridge is not None:
            mine = _hotplug_ports(function)
            extra = spare * mine // ports if ports else 0
            spare, ports = spare - extra, ports - mine
            end = next_bus + bridges_in([function]) - 1 + extra
            bridge = _numbered(bridge, domain, (next_bus, end), spread=spread)
            next_bus = end + 1
        result.append(replace(function, address=address, bridge=bridge))
    return result


def _numbered(bridge: Bridge, domain: int, run: Run, *, spread: bool) -> Bridge:
    first, last = run
    behind = _placed(bridge.functions, domain, first, {}, (first + 1, last), spread=spread)
    return replace(bridge, secondary=first, subordinate=last, functions=tuple(behind))


def _hotplug_ports(function: Function) -> int:
    """Hotplug ports with nothing behind them, this function among them, that could use spare bus numbers."""
    if function.bridge is None:
        return 0
    empty = function.bridge.hotplug and not function.bridge.functions
    return int(empty) + sum(_hotplug_ports(child) for child in function.bridge.functions)
