"""Whether a machine is still the one a plan was made for: functions, the kernel's tree, registers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from models.placement import Placement
from models.resources import FunctionAddress, Range
from models.topology import Bar, BarKey, Function, Topology
from solver.steps.access import Access, AccessError, offset_of
from solver.steps.ground import Ground
from solver.steps.registers import Coding, bar_writes


class Machine(Access, Protocol):
    """A machine that can list its functions."""

    def functions(self) -> list[FunctionAddress]:
        """Every function the kernel knows."""
        ...


def differences(machine: Machine, topology: Topology) -> Iterator[str]:
    """What is not as the topology says, one line each.

    Functions have to be the same ones, with the same IDs; every BAR and window has to be where the topology has it, in
    the kernel and in the registers. Functions that the document does not list at all (VFs among them) are none of a
    plan's business only where they have no BARs.
    """
    ground = Ground(topology, Placement.today(topology))
    here = set(machine.functions())
    for address in sorted(here - set(ground.functions)):
        if machine.bars(address):
            yield f"{address} is new"
    for address, function in ground.functions.items():
        if address not in here or not machine.present(address):
            yield f"{address} is gone"
            continue
        try:
            yield from _function(machine, ground, function)
        except AccessError as error:
            yield str(error)


def _function(machine: Machine, ground: Ground, function: Function) -> Iterator[str]:
    address = function.address
    word = machine.read_config(address, 0, 4)
    id_ = f"{word & 0xFFFF:04x}:{word >> 16:04x}"
    if function.id is not None and function.id != id_:
        yield f"{address} is {id_} and was {function.id}"
        return
    bars = machine.bars(address)
    for bar in function.bars:
        held = bars.get(bar.index)
        if bar.fixed or held == bar.range:
            continue
        yield f"{BarKey(address, bar.index)} is {_at(held)} and was {_at(bar.range)}"
    for bar in function.bars:
        if bar.address is not None and not bar.fixed and bar.index != "rom" and held_same(bars.get(bar.index), bar):
            yield from _registers(machine, ground, function, bar)
    if function.bridge is None:
        return
    windows = machine.windows(address)
    for window in function.bridge.windows:
        if windows.get(window.kind) != window.range:
            yield f"{address} {window.kind} window is {_at(windows.get(window.kind))} and was {_at(window.range)}"
        elif window.range is not None:
            coding = Coding.of(window)
            offset = ground.offset(address, window.space, window.range)
            wanted = coding.encode(Range(window.range.start - offset, window.range.end - offset))
            for (register, width, mask, name), value in zip(coding.registers, wanted, strict=True):
                if (machine.read_config(address, register, width) ^ value) & mask:
                    yield f"{address} {window.kind} window: the registers do not hold what the kernel has ({name})"
                    break


def held_same(held: Range | None, bar: Bar) -> bool:
    """Whether the kernel has the BAR where the topology has it."""
    return held is not None and held == bar.range


def _registers(machine: Machine, ground: Ground, function: Function, bar: Bar) -> Iterator[str]:
    assert bar.address is not None
    assert bar.range is not None
    at = bar.address - ground.offset(function.address, bar.space, bar.range)
    for write in bar_writes(function.address, bar, None, at, bridge=function.bridge is not None):
        register = write.register
        held = machine.read_config(function.address, offset_of(machine, register), register.width)
        if (held ^ write.value) & write.mask:
            yield f"{BarKey(function.address, bar.index)}: the register holds {held:#x} and not {write.value:#x}"
            return


def _at(range_: Range | None) -> str:
    return "nowhere" if range_ is None else f"at {range_}"
