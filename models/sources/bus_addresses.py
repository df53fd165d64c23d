"""Turns bridge windows printed as bus addresses into CPU addresses.

lspci prints BARs as CPU addresses and, on many platforms, bridge windows as their registers hold them: as bus
addresses. Where the two differ (POWER, some ARM and RISC-V hosts), every BAR behind a bridge lies outside of the
bridge's window, all by the same distance.
"""

from __future__ import annotations

from collections import defaultdict

from models.resources import (
    ADDRESS_LIMIT,
    FOUR_GIB,
    MIB,
    Address,
    Range,
    WindowKind,
    align_down,
    split_function_address,
)
from models.sources.observation import Observation, SeenFunction, SeenWindow

_Key = tuple[int, int]
_Held = list[tuple[Range, list[Range]]]
"""32-bit windows, each with the ranges of the BARs right behind its bridge that belong there."""


def translate_windows(observation: Observation) -> None:
    """Shift memory windows of each domain by the distance at which the BARs behind them lie; a note tells so."""
    behind: dict[_Key, list[SeenFunction]] = defaultdict(list)
    bridges: dict[int, list[SeenFunction]] = defaultdict(list)
    for function in observation.functions.values():
        domain, bus, _, _ = split_function_address(function.address)
        behind[domain, bus].append(function)
        if function.secondary:
            bridges[domain].append(function)
    kinds: tuple[WindowKind, ...] = ("mem", "pref")
    for domain, members in sorted(bridges.items()):
        for kind in kinds:
            distance = _distance(_held(kind, domain, members, behind))
            if distance:
                for window in _open(kind, members):
                    window.range = _shifted(window.range, distance)
                observation.notes.append(
                    f"{kind} windows of domain {domain:04x} are printed as bus addresses: taken as {distance:#x} higher"
                )


def _open(kind: WindowKind, members: list[SeenFunction]) -> list[SeenWindow]:
    windows = (function.windows.get(kind) for function in members)
    return [window for window in windows if window is not None and window.range is not None]


def _held(kind: WindowKind, domain: int, members: list[SeenFunction], behind: dict[_Key, list[SeenFunction]]) -> _Held:
    held: _Held = []
    for bridge in members:
        window = bridge.windows.get(kind)
        if window is None or window.range is None or window.width == 64 or bridge.secondary is None:
            continue
        other = bridge.windows.get("pref" if kind == "mem" else "mem")
        ranges = [
            Range.of(bar.address, bar.size)
            for function in behind.get((domain, bridge.secondary), [])
            for bar in function.bars.values()
            if bar.space == "mem"
            and isinstance(bar.index, int)
            and bar.size
            and bar.address
            and bar.address + bar.size <= ADDRESS_LIMIT
            and bool(bar.prefetchable) == (kind == "pref")
        ]
        if other is not None and other.range is not None:
            ranges = [range_ for range_ in ranges if not other.range.overlaps(range_)]
        if ranges:
            held.append((window.range, ranges))
    return held


def _distance(held: _Held) -> Address:
    """The one distance that puts all BARs inside their bridges' windows; 0 where one is within reach or none fits.

    Where a bridge's window begins with what stands further behind, another bridge shows the distance.
    """
    if any(range_.start < FOUR_GIB for _, ranges in held for range_ in ranges):
        return 0
    candidates = {align_down(min(range_.start for range_ in ranges), MIB) - window.start for window, ranges in held}
    fitting = [
        distance
        for distance in candidates
        if all(
            (moved := _shifted(window, distance)) is not None and all(moved.contains(range_) for range_ in ranges)
            for window, ranges in held
        )
    ]
    return fitting[0] if len(fitting) == 1 else 0


def _shifted(range_: Range | None, distance: Address) -> Range | None:
    if range_ is None or range_.end + distance > ADDRESS_LIMIT or range_.start + distance < 0:
        return None
    return Range(range_.start + distance, range_.end + distance)
