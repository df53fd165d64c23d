"""The kernel as referee of a placement: registers are written before its first instruction, and it claims or refuses.

A booting kernel claims what it finds in the registers. A legal placement is kept without a word; of an illegal one
it says ``can't claim`` with a reason, and places anew.
qboot gives an extra root bus no windows, so this works for root bus 0000:00 alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from models.placement import Placement
from models.resources import FunctionAddress, Range, WindowKind
from models.topology import Bar, BarKey, Function, Topology, WindowKey
from tests.kernel.debian import Kernel
from tests.kernel.guest import Guest, Machine, RegisterWrite
from tests.kernel.state import State, differences, refusals

COMMAND, BUS_NUMBERS, ROM, BRIDGE_ROM = 0x04, 0x18, 0x30, 0x38
IO_WINDOW, MEMORY_WINDOW, PREFETCHABLE_WINDOW = 0x1C, 0x20, 0x24
NVME_VF_BARS = 0x120 + 0x24
"""VF BAR 0 in the SR-IOV capability of QEMU's NVMe drive, the only device with VFs here."""
DECODE = 0x3
DECODE_AND_MASTER = 0x7


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the kernel said of a placement: its refusals, and everything that is not where it was wanted."""

    refused: tuple[str, ...]
    elsewhere: tuple[str, ...]

    @property
    def accepted(self) -> bool:
        return not self.refused and not self.elsewhere


def look(machine: Machine, kernel: Kernel) -> State:
    """Boot once and see what the kernel finds and makes of it."""
    with Guest(machine, kernel) as guest:
        return state(guest)


def state(guest: Guest) -> State:
    """The guest's PCI state now."""
    return State.read(guest.run("dmesg"), guest.run("functions"))


def referee(machine: Machine, kernel: Kernel, topology: Topology, placement: Placement) -> Verdict:
    """Boot ``machine`` with ``placement`` in its registers."""
    with Guest(machine.but(firmware="qboot"), kernel, list(register_writes(topology, placement))) as guest:
        after = state(guest)
    got = after.placement()
    # The kernel may open windows that the placement leaves closed, and place BARs that it leaves unassigned.
    wanted = Placement(
        {key: at for key, at in placement.bars.items() if at is not None},
        {key: range_ for key, range_ in placement.windows.items() if range_ is not None},
    )
    kept = Placement(
        {key: got.bars.get(key) for key in wanted.bars}, {key: got.windows.get(key) for key in wanted.windows}
    )
    return Verdict(tuple(refusals(after.log)), tuple(differences(wanted, kept)))


def register_writes(topology: Topology, placement: Placement) -> Iterator[RegisterWrite]:
    """The configuration writes that put ``placement`` into a machine fresh from reset, parents first."""
    for function, bus in topology.functions():
        bridge = function.bridge
        if bridge is not None:
            primary = 0 if bus.bridge is None else _secondary(bus.bridge)
            assert bridge.subordinate is not None
            numbers = primary | _secondary(function) << 8 | bridge.subordinate << 16
            yield function.address, BUS_NUMBERS, 4, numbers
            for window in bridge.windows:
                yield from window_writes(
                    function.address, window.kind, placement.windows.get(WindowKey(function.address, window.kind))
                )
        for bar in function.bars:
            address = placement.bars.get(BarKey(function.address, bar.index))
            if address is not None:
                yield from _bar_writes(function, bar, address)
        yield function.address, COMMAND, 2, DECODE_AND_MASTER if bridge else DECODE


def _secondary(function: Function) -> int:
    assert function.bridge is not None
    assert function.bridge.secondary is not None
    return function.bridge.secondary


def _bar_writes(function: Function, bar: Bar, address: int) -> Iterator[RegisterWrite]:
    if bar.index == "rom":
        yield function.address, BRIDGE_ROM if function.bridge else ROM, 4, address
    else:
        offset = 0x10 + 4 * bar.index if isinstance(bar.index, int) else NVME_VF_BARS + 4 * int(bar.index[2:])
        yield function.address, offset, 4, address & 0xFFFF_FFFF
        if bar.width == 64:
            yield function.address, offset + 4, 4, address >> 32


def window_writes(bridge: FunctionAddress, kind: WindowKind, held: Range | None) -> Iterator[RegisterWrite]:
    """The configuration writes of one window; a closed one has a base above its limit."""
    base, last = (held.start, held.last) if held else (0xFFFF_F000, 0)
    if kind == "io":
        yield bridge, IO_WINDOW, 2, (last >> 8 & 0xF0) << 8 | base >> 8 & 0xF0
    else:
        offset = MEMORY_WINDOW if kind == "mem" else PREFETCHABLE_WINDOW
        yield bridge, offset, 4, last & 0xFFF0_0000 | base >> 16 & 0xFFF0
        if kind == "pref":
            yield bridge, offset + 4, 4, base >> 32
            yield bridge, offset + 8, 4, last >> 32
