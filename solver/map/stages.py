"""What happens between today and a plan, in an order that never lets two things have one address.

Where the plan can be carried out group by group (:mod:`solver.steps`), a stage is one group. Else every BAR that
moves or is lost leaves its place first, function by function; then the bridge windows change; then every BAR that
moves or is new gets its place.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from models.placement import Placement
from models.resources import Address
from models.topology import BarKey, Function, Topology, WindowKey, bar_name
from solver.render.words import address, count
from solver.steps.frames import frames

TOGETHER = 40
"""From so many functions on they leave, and arrive, all in one stage."""


@dataclass(frozen=True, slots=True)
class Stage:
    """One step of the way; ``leave`` and ``arrive`` name what is no longer, and what is now, in its place."""

    title: str
    leave: tuple[str, ...] = ()
    arrive: tuple[str, ...] = ()


def stages(topology: Topology, planned: Placement) -> list[Stage]:
    """The way from today to ``planned``; empty where nothing changes."""
    today = Placement.today(topology)
    if (way := frames(topology, planned)) is not None:
        return _groups(topology, today, planned, way)
    functions = [function for function, _ in topology.functions()]
    leaving = [(function, keys) for function in functions if (keys := _changed(function, today, planned))]
    arriving = [(function, keys) for function in functions if (keys := _changed(function, planned, today))]
    windows = [key for key, _ in topology.windows() if today.windows.get(key) != planned.windows.get(key)]
    found = _leave(leaving, today)
    if windows:
        found.append(_windows_change(windows, today, planned))
    return found + _arrive(arriving, today, planned)


def _groups(topology: Topology, today: Placement, planned: Placement, way: list[tuple[str, Placement]]) -> list[Stage]:
    """A stage for each group; what stops at a place that is neither today's nor the plan's is told, not drawn."""
    ends = _things(topology, today), _things(topology, planned)
    found, before = [], ends[0]
    for title, placement in way:
        after = _things(topology, placement)
        moving = [name for name in before if before[name] != after[name] and ends[0][name] != ends[1][name]]
        leave = [name for name in moving if before[name] is not None and before[name] == ends[0][name]]
        arrive = [name for name in moving if after[name] is not None and after[name] == ends[1][name]]
        found.append(Stage(title, tuple(leave), tuple(arrive)))
        before = after
    return found


def _things(topology: Topology, placement: Placement) -> dict[str, object]:
    """Where every BAR and every window is, by name."""
    places: dict[str, object] = {str(key): placement.bars.get(key) for key, _ in topology.bars()}
    return places | {str(key): placement.windows.get(key) for key, _ in topology.windows()}


def _changed(function: Function, here: Placement, there: Placement) -> list[BarKey]:
    """The BARs with an address ``here`` that they do not have ``there``."""
    keys = [BarKey(function.address, bar.index) for bar in function.bars]
    return [key for key in keys if here.bars.get(key) is not None and here.bars.get(key) != there.bars.get(key)]


def _leave(leaving: list[tuple[Function, list[BarKey]]], today: Placement) -> list[Stage]:
    names = [tuple(map(str, keys)) for _, keys in leaving]
    if len(leaving) >= TOGETHER:
        title = f"{count(len(leaving), 'function')} pause; their BARs leave their places"
        return [Stage(title, leave=tuple(name for some in names for name in some))]
    return [
        Stage(f"{_who(function)} pauses; {_bars(function, keys, today)} left", leave=some)
        for (function, keys), some in zip(leaving, names, strict=True)
    ]


def _windows_change(windows: Iterable[WindowKey], today: Placement, planned: Placement) -> Stage:
    windows = list(windows)
    leave = tuple(str(key) for key in windows if today.windows.get(key) is not None)
    arrive = tuple(str(key) for key in windows if planned.windows.get(key) is not None)
    return Stage(f"{count(len(windows), 'bridge window')} change", leave, arrive)


def _arrive(arriving: list[tuple[Function, list[BarKey]]], today: Placement, planned: Placement) -> list[Stage]:
    names = [tuple(map(str, keys)) for _, keys in arriving]
    if len(arriving) >= TOGETHER:
        title = f"{count(len(arriving), 'function')} get their BARs' new places"
        return [Stage(title, arrive=tuple(name for some in names for name in some))]
    return [
        Stage(
            f"{_who(function)} {_verb(keys, today)}; {_bars(function, keys, planned)}",
            arrive=some,
        )
        for (function, keys), some in zip(arriving, names, strict=True)
    ]


def _who(function: Function) -> str:
    return f"{function.address} (driver {function.driver})" if function.driver else str(function.address)


def _verb(keys: list[BarKey], today: Placement) -> str:
    return "goes on" if any(today.bars.get(key) is not None for key in keys) else "gets its addresses"


def _bars(function: Function, keys: list[BarKey], placement: Placement) -> str:
    """``BAR 0 at 82200000, BAR 2 at 82300000``."""
    spaces = {bar.index: bar.space for bar in function.bars}
    places: list[str] = []
    for key in keys:
        at: Address | None = placement.bars.get(key)
        places.append(f"{bar_name(key.index)} at {address(at, spaces[key.index])}")
    return ", ".join(places)
