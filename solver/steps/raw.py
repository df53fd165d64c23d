"""Register writes while nothing decodes: whole subtrees, before a kernel looks at them."""

from __future__ import annotations

from collections.abc import Iterator

from models.placement import Placement
from models.resources import FunctionAddress, Range
from models.topology import BarKey, WindowKey
from solver.steps.ground import Ground
from solver.steps.registers import Coding, bar_writes
from solver.steps.step import IO_DECODE, MEMORY_DECODE, Register, RegisterWrite


def window_writes(
    ground: Ground, bridge: FunctionAddress, before: Placement | None, after: Placement
) -> Iterator[RegisterWrite]:
    """Every register of every window of a bridge that changes; upper halves first, as nothing decodes meanwhile.

    ``before`` is ``None`` after a reset, when every window has to be written: one whose registers are 0 is open.
    """
    for key in ground.windows:
        here, there = None if before is None else before.windows.get(key), after.windows.get(key)
        if key.bridge != bridge or (before is not None and here == there):
            continue
        coding = Coding.of(ground.windows[key])
        old = None if here is None else coding.encode(_bus(ground, key, here))
        new = coding.encode(None if there is None else _bus(ground, key, there))
        for number, (offset, width, mask, name) in reversed(list(enumerate(coding.registers))):
            was = None if old is None else old[number]
            register = Register(bridge, offset, width)
            yield RegisterWrite(register, new[number], mask, was, f"{key.kind} window, {name}")


def function_writes(
    ground: Ground, address: FunctionAddress, before: Placement, after: Placement
) -> Iterator[RegisterWrite]:
    """Every BAR of a function that gets another address."""
    function = ground.functions[address]
    for bar in function.bars:
        key = BarKey(address, bar.index)
        here, there = before.bars.get(key), after.bars.get(key)
        if there is None or here == there:
            continue
        was, now = (
            None if at is None else at - ground.offset(address, bar.space, Range.of(at, bar.span))
            for at in (here, there)
        )
        assert now is not None
        yield from bar_writes(address, bar, was, now, bridge=function.bridge is not None)


def decode_bits(ground: Ground, address: FunctionAddress, placement: Placement) -> int:
    """The decode bits for everything that has an address; none for a space in which a BAR has none."""
    bits = missing = 0
    function = ground.functions[address]
    for bar in function.bars:
        if isinstance(bar.index, str):
            continue
        bit = IO_DECODE if bar.space == "io" else MEMORY_DECODE
        if placement.bars.get(BarKey(address, bar.index)) is None:
            missing |= bit
        else:
            bits |= bit
    bits &= ~missing
    if function.bridge is not None:
        for window in function.bridge.windows:
            if placement.windows.get(WindowKey(address, window.kind)) is not None:
                bits |= IO_DECODE if window.space == "io" else MEMORY_DECODE
    return bits


def _bus(ground: Ground, key: WindowKey, range_: Range) -> Range:
    offset = ground.offset(key.bridge, ground.windows[key].space, range_)
    return Range(range_.start - offset, range_.end - offset)
