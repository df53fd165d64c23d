"""The route ``kexec``: no module; registers are written behind the kernel's back, and a new kernel claims them.

The branches in which something changes are removed, so that their drivers let go; then everything in them is switched
off, written and switched on again, bridges last; then the same kernel is started anew.
"""

from __future__ import annotations

from collections.abc import Iterator

from models.errors import InputError
from models.resources import FunctionAddress
from models.topology import BarKey, WindowKey
from solver.render.words import count
from solver.steps.ground import Ground
from solver.steps.raw import decode_bits, function_writes, window_writes
from solver.steps.step import DecodeOff, DecodeOn, Group, Kexec, Remove, Step, Steps, Verify


def kexec_steps(ground: Ground, topology_sha256: str) -> Steps:
    """One group: everything is down, as after a reboot, but for the firmware's part of it.

    Raises
    ------
    InputError
        If a change lies where ``setpci -A intel-conf1`` does not reach.
    """
    tops = _branches(ground)
    below = [address for top in tops for address in (top, *ground.below(top))]
    below = [address for address in ground.functions if address in set(below)]
    _refuse_out_of_reach(ground, below)
    if not tops:
        return Steps("kexec", topology_sha256, (), True, "nothing changes")
    down = tuple(address for address in ground.functions if ground.works(address))
    title = f"{count(len(tops), 'branch').replace('branchs', 'branches')} below the root bus written anew, then kexec"
    steps = tuple(_steps(ground, tops, below))
    group = Group(title, "a new kernel starts every driver anew", down, ground.arrivals, ground.planned, steps)
    return Steps("kexec", topology_sha256, (group,), True, "kexec takes everything down, whatever moves")


def _branches(ground: Ground) -> list[FunctionAddress]:
    """Functions on a root bus at or below which something changes."""
    changed = {key.function for key in ground.bars if ground.today.bars.get(key) != ground.planned.bars.get(key)}
    changed |= {
        key.bridge for key in ground.windows if ground.today.windows.get(key) != ground.planned.windows.get(key)
    }
    tops = {(ground.above[address][-1].address if ground.above[address] else address) for address in changed}
    return [address for address in ground.functions if address in tops]


def _refuse_out_of_reach(ground: Ground, below: list[FunctionAddress]) -> None:
    for address in below:
        root = ground.root[address]
        if root.domain or root.bus:
            raise InputError(
                f"{address} is behind root bus {root.name}, and setpci -A intel-conf1 (pciutils 3.9) finds "
                "only what is behind 0000:00; use --route live",
                source="--route",
            )
        for bar in ground.functions[address].bars:
            key = BarKey(address, bar.index)
            if str(bar.index).startswith("vf") and ground.today.bars.get(key) != ground.planned.bars.get(key):
                raise InputError(
                    f"{key} has its register beyond the first 256 bytes of configuration space, which is all that "
                    "setpci -A intel-conf1 reaches; use --route live",
                    source="--route",
                )


def _steps(ground: Ground, tops: list[FunctionAddress], below: list[FunctionAddress]) -> Iterator[Step]:
    yield from (Remove(top) for top in tops)
    yield from (DecodeOff(address) for address in reversed(below))
    for address in below:
        yield from function_writes(ground, address, ground.today, ground.planned)
    for address in reversed(below):
        yield from window_writes(ground, address, ground.today, ground.planned)
    for bridges in (False, True):
        for address in below if not bridges else reversed(below):
            bits = decode_bits(ground, address, ground.planned)
            if (ground.functions[address].bridge is not None) is bridges and bits:
                yield DecodeOn(address, bits, restore=False)
    yield Kexec()
    inside = set(below)
    yield Verify(
        {key: at for key, at in ground.planned.bars.items() if key.function in inside and at is not None},
        {
            WindowKey(*key): range_
            for key, range_ in ground.planned.windows.items()
            if key.bridge in inside and range_ is not None
        },
    )
