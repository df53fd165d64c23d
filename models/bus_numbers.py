"""Bus numbers: what is free behind a bridge, and which bridges have fewer than what stands behind them needs.

A bridge passes on the buses from its secondary to its subordinate number; every bridge behind it needs a number of
its own in there, and the numbers of a bridge with all behind it are consecutive (PCI-to-PCI Bridge Architecture 1.2,
3.2.5.3 and 3.2.5.4). Addresses have nothing to do with it: a plan may exist for a device that cannot be reached.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from models.reserves import STAND_IN
from models.resources import FunctionAddress, split_function_address
from models.topology import Bridge, Function, RootBus, Topology

BUSES = 256
"""Bus numbers of a domain."""

Run = tuple[int, int]
"""Consecutive bus numbers, both ends included."""


@dataclass(frozen=True, slots=True)
class BusShortage:
    """A bridge with fewer free bus numbers than the bridges behind it need.

    Attributes
    ----------
    first, last
        The numbers it passes on.
    needed
        Bridges behind it that lie outside of these, each of which needs a number, in one run.
    free
        The longest run of its numbers that nothing behind it has.
    """

    bridge: FunctionAddress
    first: int
    last: int
    needed: int
    free: int
    hotplug: bool

    @property
    def short(self) -> int:
        """How many numbers are missing."""
        return self.needed - self.free

    def __str__(self) -> str:
        more = self.last - self.first + self.short
        parameters = f"pci=assign-busses,hpbussize={more}" if self.hotplug else "pci=assign-busses"
        have = "none is" if self.free == 0 else f"{self.free} in a row {'is' if self.free == 1 else 'are'}"
        need = "1 bridge that needs a number" if self.needed == 1 else f"{self.needed} bridges that need a number each"
        return (
            f"{self.bridge} passes on the bus numbers {self.first:02x}-{self.last:02x}; behind it are {need}, {have} "
            f"free, {self.short} short: the kernel cannot reach what lies behind them until it is booted with "
            f"{parameters}"
        )


def bridges_in(functions: Iterable[Function]) -> int:
    """How many bridges there are among these functions and behind them."""
    return sum(1 + bridges_in(function.bridge.functions) for function in functions if function.bridge is not None)


def bus_shortages(topology: Topology) -> list[BusShortage]:
    """Bridges in front of bridges whose bus numbers they do not pass on, the outermost ones, in order.

    Bridges with unknown numbers count for nothing.
    """
    found = []
    for function, _ in topology.functions():
        bridge = function.bridge
        if bridge is None or not bridge.secondary or bridge.subordinate is None:
            continue
        outside = [
            child for child in bridge.functions if child.bridge is not None and _is_outside(child.bridge, bridge)
        ]
        if outside:
            free = max((last - first + 1 for first, last in free_behind(topology, function)), default=0)
            needed = bridges_in(outside)
            if needed > free:
                first, last = bridge.secondary, bridge.subordinate
                found.append(BusShortage(function.address, first, last, needed, free, bridge.hotplug))
    return found


def _is_outside(inner: Bridge, outer: Bridge) -> bool:
    assert outer.secondary is not None
    assert outer.subordinate is not None
    if not inner.secondary:
        return False
    last = inner.secondary if inner.subordinate is None else inner.subordinate
    return not outer.secondary < inner.secondary <= last <= outer.subordinate


def free_behind(topology: Topology, bridge: Function) -> list[Run]:
    """Runs of the bus numbers that a bridge passes on and nothing has, in order."""
    assert bridge.bridge is not None
    first, last = bridge.bridge.secondary, bridge.bridge.subordinate
    if not first or last is None:
        return []
    taken = _taken(_below(bridge.bridge.functions))
    taken |= {_bus(other) for other in _in_domain(topology, split_function_address(bridge.address)[0])}
    return _runs(number for number in range(first + 1, last + 1) if number not in taken)


def free_on_root(topology: Topology, root: RootBus) -> list[Run]:
    """Runs of bus numbers of a root bus, up to the next root bus of its domain, that nothing has, in order."""
    others = [other.bus for other in topology.root_buses if other.domain == root.domain and other.bus > root.bus]
    taken = _taken(_in_domain(topology, root.domain))
    return _runs(number for number in range(root.bus + 1, min(others, default=BUSES)) if number not in taken)


def free_anywhere(topology: Topology, domain: int) -> list[Run]:
    """Runs of bus numbers that nothing in the domain has, in order."""
    taken = _taken(_in_domain(topology, domain))
    taken |= {root.bus for root in topology.root_buses if root.domain == domain}
    return _runs(number for number in range(1, BUSES) if number not in taken)


def _in_domain(topology: Topology, domain: int) -> Iterator[Function]:
    """Functions of a domain that have an address: what stands for a reserve has none."""
    for function, _ in topology.functions():
        if not _stands_in(function) and split_function_address(function.address)[0] == domain:
            yield function


def _below(functions: Sequence[Function]) -> Iterator[Function]:
    for function in functions:
        if not _stands_in(function):
            yield function
        if function.bridge is not None:
            yield from _below(function.bridge.functions)


def _stands_in(function: Function) -> bool:
    return function.address.startswith(STAND_IN)


def _bus(function: Function) -> int:
    return split_function_address(function.address)[1]


def _taken(functions: Iterable[Function]) -> set[int]:
    """Numbers that these functions stand on or, as bridges, pass on."""
    taken: set[int] = set()
    for function in functions:
        taken.add(_bus(function))
        if function.bridge is not None and function.bridge.secondary:
            last = function.bridge.subordinate
            taken.update(range(function.bridge.secondary, (last or function.bridge.secondary) + 1))
    return taken


def _runs(numbers: Iterable[int]) -> list[Run]:
    runs: list[Run] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][1] + 1:
            runs[-1] = (runs[-1][0], number)
        else:
            runs.append((number, number))
    return runs
