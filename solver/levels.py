"""Packings for BARs whose size is open: as large as one bound for all of them lets each be."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

from models.resources import FunctionAddress, Size, Space
from solver.arrangement import Arrangement
from solver.packing import Packer
from solver.problem import BarItem, Choice, Problem, Span, choices

_RAISES = 40
"""How often a single BAR is tried at its next larger size."""


def pack_level(
    problem: Problem,
    atoms: Sequence[FunctionAddress],
    spaces: Iterable[Space],
    walls: dict[Space, list[Span]],
    ways: Sequence[Size],
) -> Arrangement | None:
    """The packing of these functions under the largest bound with which there is one, then BAR by BAR a size larger.

    ``None`` where there is none at all.
    """
    spaces = set(spaces)
    mine = [bar for bar in problem.bars if bar.atom in set(atoms) and bar.space in spaces]

    def pack(chosen: dict[Choice, BarItem], way: Size) -> Arrangement | None:
        sized = replace(problem, bars=list(_at_one_size(mine, chosen)))
        packed = Packer(sized, way).pack(atoms, spaces, walls)
        if packed is not None:
            for bar in mine:  # what is not named counts as being where it is today
                if bar.choice is not None:
                    packed.bars.setdefault(bar.key, None)
        return packed

    for chosen in _levels(mine):
        for way in ways:
            packed = pack(chosen, way)
            if packed is not None:
                return _raised(chosen, packed, lambda larger, way=way: pack(larger, way))  # type: ignore[misc]
    return None


def _raised(
    chosen: dict[Choice, BarItem], packed: Arrangement, pack: Callable[[dict[Choice, BarItem]], Arrangement | None]
) -> Arrangement:
    """One BAR after the other gets the next larger size, as long as there is a packing."""
    waiting = deque(chosen)
    for _ in range(_RAISES):
        if not waiting:
            break
        choice = waiting.popleft()
        larger = [bar for bar in choice.items if bar.placeable and bar.size > chosen[choice].size]
        if not larger:
            continue
        attempt = {**chosen, choice: min(larger, key=lambda bar: bar.size)}
        found = pack(attempt)
        if found is not None:
            chosen, packed = attempt, found
            waiting.append(choice)
    return packed


def _levels(bars: Sequence[BarItem]) -> Iterator[dict[Choice, BarItem]]:
    """For each bound, the largest first, the item of each BAR that has the largest size within it."""
    fitting = {choice: [bar for bar in choice.items if bar.placeable] for choice in choices(bars)}
    fitting = {choice: items for choice, items in fitting.items() if items}
    last: dict[Choice, BarItem] = {}
    for bound in sorted({bar.size for items in fitting.values() for bar in items}, reverse=True):
        level = {
            choice: max(
                (bar for bar in items if bar.size <= bound),
                key=lambda bar: bar.size,
                default=min(items, key=lambda bar: bar.size),
            )
            for choice, items in fitting.items()
        }
        if level != last:
            yield level
        last = level


def _at_one_size(bars: Iterable[BarItem], chosen: dict[Choice, BarItem]) -> Iterator[BarItem]:
    for bar in bars:
        if bar.choice is None:
            yield bar
        elif chosen.get(bar.choice) is bar and (bar.choice.kept or bar.choice.required):
            yield replace(bar, choice=None, required=True)
