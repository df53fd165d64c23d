"""What is given up, step by step, when something that worked would be lost."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from models.topology import BarKey, Function, RootBus
from models.words import count
from solver.kernel.parameters import Parameters


@dataclass(frozen=True, slots=True)
class Rung:
    """One attempt.

    Attributes
    ----------
    without
        What is given up in addition to all before; empty for the first attempt.
    parameters
        With or without the extra sizes of windows.
    dropped
        BARs that get no address.
    """

    without: str
    parameters: Parameters
    dropped: frozenset[BarKey] = frozenset()


def rungs(root: RootBus, parameters: Parameters) -> Iterator[Rung]:
    """Every attempt in order, without those that would repeat the one before.

    With everything; without the extra sizes of hotplug windows; without the BARs that failed before; without the BARs
    of new devices, one device after the other, what is behind a bridge before the bridge. Beyond the last one the old
    placement stands. A new device is a function of which no BAR has an address.
    """
    yield Rung("", parameters)
    functions = list(_depth_first(root.functions))
    if any(function.bridge is not None and function.bridge.hotplug for function in functions):
        parameters = replace(parameters, io_reserve=0, memory_reserve=0, prefetchable_reserve=0)
        yield Rung("the extra sizes of windows", parameters)
    dropped: frozenset[BarKey] = frozenset()
    failed = _unassigned(function for function in functions if not _is_new(function))
    if failed:
        dropped |= failed
        yield Rung(f"the {count(len(failed), 'BAR')} not assigned before", parameters, dropped)
    for function in functions:
        new = _unassigned([function]) if _is_new(function) else frozenset()
        if new:
            dropped |= new
            yield Rung(f"the new device {function.address}", parameters, dropped)


def is_off(root: RootBus) -> bool:
    """Where a bridge is transparent (subtractive), nothing is moved at all."""
    return any(function.bridge is not None and function.bridge.subtractive for function in _depth_first(root.functions))


def _depth_first(functions: tuple[Function, ...]) -> Iterator[Function]:
    for function in functions:
        if function.bridge is not None:
            yield from _depth_first(function.bridge.functions)
        yield function


def _is_new(function: Function) -> bool:
    return all(bar.address is None for bar in function.bars)


def _unassigned(functions: Iterator[Function] | list[Function]) -> frozenset[BarKey]:
    return frozenset(
        BarKey(function.address, bar.index)
        for function in functions
        for bar in function.bars
        if bar.address is None and not bar.fixed
    )
