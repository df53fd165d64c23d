"""The part of a machine that a plan may change; everything else is an obstacle.

Outside of it no BAR gets, loses or changes an address, and no bridge window
changes its range.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from models.errors import InputError
from models.resources import FunctionAddress, parse_function_address, split_function_address
from models.topology import BarKey, Bus, Topology, WindowKey


@dataclass(frozen=True, slots=True)
class Scope:
    """What may change, as far as the place in the machine decides.

    Attributes
    ----------
    domains
        Only these; empty = all.
    under
        Only what is behind one of these bridges, and the bridges' own windows; empty = everything. The BARs of such
        a bridge, and all windows between it and the root bus, are outside.
    keep_root_bus
        BARs of functions on a root bus keep their addresses; those without one may get one.
    """

    domains: frozenset[int] = frozenset()
    under: frozenset[FunctionAddress] = frozenset()
    keep_root_bus: bool = False

    @property
    def bounded(self) -> bool:
        """Whether anything at all is outside."""
        return bool(self.domains or self.under or self.keep_root_bus)

    def __str__(self) -> str:
        """The options that spell it."""
        words = [f"--domain {domain:04x}" for domain in sorted(self.domains)]
        words += [f"--under {bridge}" for bridge in sorted(self.under)]
        return " ".join([*words, "--keep-root-bus"] if self.keep_root_bus else words)

    def bars_outside(self, topology: Topology) -> dict[BarKey, str]:
        """The BARs that stay as they are, with or without an address, each with the reason in words."""
        outside: dict[BarKey, str] = {}
        for function, bus in topology.functions():
            reason = self._reason(bus)
            for bar in function.bars:
                if reason is not None:
                    outside[BarKey(function.address, bar.index)] = reason
                elif self.keep_root_bus and bus.parent is None and bar.address is not None:
                    outside[BarKey(function.address, bar.index)] = "on the root bus (--keep-root-bus)"
        return outside

    def windows_outside(self, topology: Topology) -> dict[WindowKey, str]:
        """The bridge windows that stay as they are, open or closed, each with the reason in words."""
        outside: dict[WindowKey, str] = {}
        for bus in topology.buses():
            if bus.bridge is None or bus.bridge.bridge is None:
                continue
            reason = self._reason(bus)
            if reason is not None:
                for window in bus.bridge.bridge.windows:
                    outside[WindowKey(bus.bridge.address, window.kind)] = reason
        return outside

    def _reason(self, bus: Bus) -> str | None:
        """Why what stands on this bus, and the windows that lead to it, are outside."""
        if self.domains and bus.root.domain not in self.domains:
            return f"outside --domain {', '.join(f'{one:04x}' for one in sorted(self.domains))}"
        if self.under and self.under.isdisjoint(bus.above):
            return f"outside --under {', '.join(sorted(self.under))}"
        return None


EVERYTHING = Scope()
"""No bounds."""


def make_scope(
    topology: Topology, *, domains: Iterable[str] = (), under: Iterable[str] = (), keep_root_bus: bool = False
) -> Scope:
    """The scope that options spell.

    Raises
    ------
    InputError
        If a domain or a bridge is not there, or nothing is left of the machine.
    """
    numbers = frozenset(_domain(topology, text) for text in domains)
    bridges = frozenset(_bridge(topology, text) for text in under)
    for bridge in sorted(bridges):
        if numbers and split_function_address(bridge)[0] not in numbers:
            raise InputError(f"{bridge} is in none of the domains that --domain names", source="--under")
    return Scope(numbers, bridges, keep_root_bus)


def _domain(topology: Topology, text: str) -> int:
    there = sorted({root.domain for root in topology.root_buses})
    try:
        number = int(text, 16)
    except ValueError:
        number = -1
    if number not in there:
        known = ", ".join(f"{domain:04x}" for domain in there)
        raise InputError(f"there is no domain {text!r}, expected one of {known}", source="--domain")
    return number


def _bridge(topology: Topology, text: str) -> FunctionAddress:
    try:
        address = parse_function_address(text)
    except ValueError as error:
        raise InputError(str(error), source="--under") from None
    function = topology.function(address)
    if function is None:
        raise InputError(f"there is no function {address}", source="--under")
    if function.bridge is None:
        raise InputError(f"{address} is no bridge", source="--under")
    return address
