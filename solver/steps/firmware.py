"""The route ``firmware``: the registers that a machine fresh from reset gets before its first instruction.

For hypervisors and tests. A kernel that starts afterwards claims what it finds.
"""

from __future__ import annotations

from collections.abc import Iterator

from models.errors import InputError
from models.placement import Placement
from models.resources import FunctionAddress
from solver.steps.ground import Ground
from solver.steps.raw import decode_bits, function_writes, window_writes
from solver.steps.step import COMMAND, Group, Register, RegisterWrite, Step, Steps

BUS_NUMBERS, BUS_MASTER = 0x18, 0x4


def firmware_steps(ground: Ground, topology_sha256: str) -> Steps:
    """One group of writes: bus numbers, windows, BARs, and last the command registers, bridges after what is behind.

    Raises
    ------
    InputError
        If a bridge's bus numbers are not known.
    """
    writes: list[Step] = []
    nothing = Placement({}, {})
    for address in ground.functions:
        writes += _bus_numbers(ground, address)
        writes += window_writes(ground, address, None, ground.planned)
        writes += function_writes(ground, address, nothing, ground.planned)
    for address in reversed(ground.functions):
        bits = decode_bits(ground, address, ground.planned)
        if bits:
            bits |= BUS_MASTER
            writes.append(RegisterWrite(Register(address, COMMAND, 2), bits, 0x7, None, "command: decode on"))
    group = Group(
        "every register before the first instruction",
        "nothing runs yet",
        (),
        tuple(ground.functions),
        ground.planned,
        tuple(writes),
    )
    return Steps("firmware", topology_sha256, (group,), True, "nothing runs yet")


def _bus_numbers(ground: Ground, address: FunctionAddress) -> Iterator[RegisterWrite]:
    function = ground.functions[address]
    if function.bridge is None:
        return
    above = ground.above[address]
    primary = ground.root[address].bus
    if above:
        assert above[0].bridge is not None
        primary = above[0].bridge.secondary or 0
    if function.bridge.secondary is None or function.bridge.subordinate is None:
        raise InputError(f"the bus numbers behind {address} are not known", source="--route")
    value = primary | function.bridge.secondary << 8 | function.bridge.subordinate << 16
    yield RegisterWrite(Register(address, BUS_NUMBERS, 4), value, 0xFFFFFF, None, "bus numbers")
