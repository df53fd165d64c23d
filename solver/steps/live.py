"""The route ``live``: group by group through the kernel module, while everything else keeps running."""

from __future__ import annotations

from collections.abc import Iterator

from models.resources import FunctionAddress, Range, Space
from models.topology import BarKey, WindowKey
from solver.steps.ground import Ground
from solver.steps.legs import Leg, find_legs
from solver.steps.moments import Moments, moments
from solver.steps.step import (
    IO_DECODE,
    MEMORY_DECODE,
    Bind,
    ClaimBar,
    ClaimWindow,
    DecodeOff,
    DecodeOn,
    DisableVfs,
    EnableVfs,
    Group,
    Probe,
    Step,
    Steps,
    Transaction,
    Unbind,
    Verify,
)

SPACES: tuple[Space, ...] = ("io", "mem")


def live_steps(ground: Ground, topology_sha256: str) -> Steps:
    """The plan in groups of as few functions as possible, each one transaction of the kernel module."""
    legs, order = find_legs(ground)
    groups: list[Group] = []
    notes: list[str] = []
    cut_off = False
    for number, leg in enumerate(legs, 1):
        found = moments(ground, leg.before, leg.after, leg.moving, leg.arriving)
        cut_off |= bool(found.cut_off)
        groups.append(_group(ground, leg, found))
        if found.silent:
            notes.append(f"group {number}: {', '.join(sorted(found.silent))} decodes nothing for the time")
    worst = max((len(group.down) for group in groups), default=0)
    exact, limits = order.exact, order.limits
    if cut_off and worst > 1:
        exact, limits = False, f"{limits}; functions that are cut off come on top"
    return Steps("live", topology_sha256, tuple(groups), exact, limits, tuple(notes))


def _group(ground: Ground, leg: Leg, found: Moments) -> Group:
    down = tuple(address for address in ground.functions if address in found.down)
    working = tuple(address for address in down if ground.works(address))
    return Group(
        leg.title(ground),
        _why(ground, leg, found, working),
        working,
        leg.arriving,
        leg.after,
        tuple(_steps(ground, leg, found, down)),
    )


def _why(ground: Ground, leg: Leg, found: Moments, down: tuple[FunctionAddress, ...]) -> str:
    if not down:
        return "nothing that works is touched"
    words = []
    if len(leg.moving) > 1:
        words.append(
            "each needs the place of another, or the same windows hold them, and no free space lets one stop on the way"
        )
    for reason in dict.fromkeys(found.cut_off.values()):
        who = [address for address, why in found.cut_off.items() if why == reason]
        words.append(f"{', '.join(sorted(who))}: {reason}")
    return "; ".join(words) or ("it keeps what it has" if leg.gains(ground) else "its new place is free by then")


def _steps(ground: Ground, leg: Leg, found: Moments, down: tuple[FunctionAddress, ...]) -> Iterator[Step]:
    """Drivers and decoding off, the transaction, everything on again, and a look at what came of it."""
    quiet = [address for address in ground.functions if address in {*down, *leg.arriving}]
    for address in down:
        function = ground.functions[address]
        if any(str(bar.index).startswith("vf") for bar in function.bars):
            yield DisableVfs(address)
    for address in quiet:
        function = ground.functions[address]
        if not function.driver_known or function.driver is not None:
            yield Unbind(address, function.driver)
    silent = [address for address in ground.functions if address in {*quiet, *found.silent}]
    for address in reversed(silent):  # what is behind a bridge before the bridge
        yield DecodeOff(address)
    transaction = _transaction(ground, leg, found)
    if transaction.claims:
        yield transaction
    yield from decode_on_ports(ground, leg)
    for address in silent:
        if address in down or address in found.silent:
            yield DecodeOn(address, IO_DECODE | MEMORY_DECODE, restore=True)
        if bits := _new_bits(ground, address, leg):
            yield DecodeOn(address, bits, restore=False)
    yield verify(ground, leg)
    # Without one of its BARs a function may have found no driver at the hot-add, also where it has the others.
    gained = [key for key, at in leg.after.bars.items() if at is not None and leg.before.bars.get(key) is None]
    for address in quiet:
        function = ground.functions[address]
        if not function.driver_known or function.driver is not None:
            yield Bind(address, function.driver)
        elif any(key.function == address for key in gained):
            yield Probe(address)
    for address in down:
        function = ground.functions[address]
        if any(str(bar.index).startswith("vf") for bar in function.bars):
            yield EnableVfs(address)


def _transaction(ground: Ground, leg: Leg, found: Moments) -> Transaction:
    windows = [
        ClaimWindow(key, leg.before.windows.get(key), leg.after.windows.get(key))
        for key in sorted(ground.windows, key=lambda key: len(ground.above[key.bridge]))
        if leg.before.windows.get(key) != leg.after.windows.get(key)
    ]
    bars = [
        ClaimBar(key, ground.bar_range(key, leg.before), ground.bar_range(key, leg.after))
        for key in ground.bars
        if leg.before.bars.get(key) != leg.after.bars.get(key)
    ]
    return Transaction((*windows, *bars, *_held_by_another(ground, leg)), found.writes)


def _held_by_another(ground: Ground, leg: Leg) -> Iterator[ClaimBar | ClaimWindow]:
    """What stays where it is, but in another window of the bridge above: the kernel's tree has to know."""
    for key in ground.windows:
        held = leg.before.windows.get(key)
        if held is not None and held == leg.after.windows.get(key) and ground.above[key.bridge]:
            bridge, space = ground.above[key.bridge][0], ground.windows[key].space
            if ground.holders(bridge, space, held, leg.before) != ground.holders(bridge, space, held, leg.after):
                yield ClaimWindow(key, held, held)
    for bar in ground.bars:
        range_ = ground.bar_range(bar, leg.before)
        if range_ is not None and range_ == ground.bar_range(bar, leg.after) and ground.above[bar.function]:
            bridge = ground.above[bar.function][0]
            if ground.covering_kinds(bar, bridge, leg.before) != ground.covering_kinds(bar, bridge, leg.after):
                yield ClaimBar(bar, range_, range_)


def decode_on_ports(ground: Ground, leg: Leg) -> Iterator[DecodeOn]:
    """A port whose windows of a kind were all closed may have that kind of decoding off."""
    for address, function in ground.functions.items():
        if function.bridge is None:
            continue
        bits = 0
        for window in function.bridge.windows:
            key = WindowKey(address, window.kind)
            if leg.after.windows.get(key) is not None and leg.before.windows.get(key) is None:
                bits |= bit(window.space)
        if bits:
            yield DecodeOn(address, bits, restore=False)


def verify(ground: Ground, leg: Leg) -> Verify:
    """What changed on the way, as it has to be now."""
    bars = {key: leg.after.bars.get(key) for key in ground.bars if leg.before.bars.get(key) != leg.after.bars.get(key)}
    windows: dict[WindowKey, Range | None] = {
        key: leg.after.windows.get(key)
        for key in ground.windows
        if leg.before.windows.get(key) != leg.after.windows.get(key)
    }
    return Verify(bars, windows)


def _new_bits(ground: Ground, address: FunctionAddress, leg: Leg) -> int:
    """The decode bits for the spaces in which the function has its first addresses now, and all of them."""
    found = 0
    for space in SPACES:
        keys = [
            BarKey(address, bar.index)
            for bar in ground.functions[address].bars
            if bar.space == space and not isinstance(bar.index, str)
        ]
        before, after = ([leg_end.bars.get(key) for key in keys] for leg_end in (leg.before, leg.after))
        if keys and None not in after and all(at is None for at in before):
            found |= bit(space)
    return found


def bit(space: Space) -> int:
    """The decode bit of an address space."""
    return IO_DECODE if space == "io" else MEMORY_DECODE
