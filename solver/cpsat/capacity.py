"""How many BARs are left without an address at least, because root windows are too small for all: by counting."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

from models.resources import Size, Space, align_up
from models.spans import merged, total_length
from models.topology import BarKey
from solver.cpsat.worth import whole_blocks
from solver.problem import BarItem, BusNode, Problem, Span

_TOO_FEW: Size = -1
"""Stands for what so many BARs free where that is not enough."""

_MORE = (0, 4, 16, 64)
"""How many more BARs than bytes tell are left out of each set of root windows."""


def least_unplaced(problem: Problem, bars: Collection[BarItem] | None = None) -> int:
    """Required BARs that no plan can place, by the bytes of the root windows that serve them.

    All BARs that only some root windows serve have to share these, and behind bridges they take whole blocks of
    windows, bus by bus. Where that is too long together, some of those that have no address yet get none, and the
    fewest that make room are the largest. Root windows that are too small may be among others that are too small with
    them: what has to be left out of the inner ones counts for the outer ones too.

    Parameters
    ----------
    bars
        Those that count; all of the problem unless given.
    """
    bars = problem.bars if bars is None else bars
    shortages = list(_shortages(problem, bars))
    least = sum(fewest([each for each in shortages if each.space == space]) for space in ("io", "mem"))
    return least + sum(bar.required and bar.choice is None and not bar.placeable for bar in bars)


def fewest(shortages: Sequence[Shortage]) -> int:
    """BARs that are left out at least, for all shortages of one address space."""
    outermost: list[tuple[frozenset[BarKey], list[Size]]] = []
    alone = [0]
    for shortage in shortages:
        keys = frozenset(bar.key for _, bar in shortage.new)
        inner = [(within, freed) for within, freed in outermost if within <= keys]
        others = [(within, freed) for within, freed in outermost if not within <= keys]
        if any(not keys.isdisjoint(within) for within, _ in others):
            alone.append(len(shortage.relief()))  # neither around another nor apart from it
            continue
        within = frozenset[BarKey]().union(*(keys for keys, _ in inner))
        most = [0, *accumulate(frees for frees, bar in shortage.new if bar.key not in within)]
        for _, freed in inner:
            most = _together(most, freed)
        most[:-1] = [size if size >= shortage.size else _TOO_FEW for size in most[:-1]]
        outermost = [*others, (keys, most)]
    return max(*alone, sum(next(count for count, size in enumerate(most) if size >= 0) for _, most in outermost))


def _together(one: Sequence[Size], other: Sequence[Size]) -> list[Size]:
    """The most that so many BARs free, of two kinds, by what so many of each kind do."""
    most = [_TOO_FEW] * (len(one) + len(other) - 1)
    for count, size in enumerate(one):
        for more, added in enumerate(other):
            if size >= 0 and added >= 0:
                most[count + more] = max(most[count + more], size + added)
    return most


class Overflow:
    """New BARs that make room by having no address: of each set of root windows that is too small the largest.

    Bytes alone do not tell what fits, so more of them are left out until the rest does, then as few as will do.
    """

    def __init__(self, problem: Problem) -> None:
        self.shortages = list(_shortages(problem, problem.bars))

    def fewest(self, fits: Callable[[frozenset[BarKey]], bool]) -> None:
        """Call ``fits`` with smaller and smaller sets that fit; it says whether one does."""
        more = next((number for number in _MORE if fits(self._left_out([number] * len(self.shortages)))), None)
        if more is None:
            return
        numbers = [more] * len(self.shortages)
        for place in range(len(numbers)):
            low = 0
            while low < numbers[place]:
                middle = (low + numbers[place]) // 2
                if fits(self._left_out([*numbers[:place], middle, *numbers[place + 1 :]])):
                    numbers[place] = middle
                else:
                    low = middle + 1

    def _left_out(self, more: Sequence[int]) -> frozenset[BarKey]:
        left_out: frozenset[BarKey] = frozenset()
        for shortage, number in zip(self.shortages, more, strict=True):
            left_out |= {bar.key for bar in shortage.relief(left_out, number)}
        return left_out


@dataclass(frozen=True, slots=True)
class Shortage:
    """A set of root windows that is too small.

    Attributes
    ----------
    size
        Bytes that it lacks.
    new
        BARs that have no address yet and only it serves, with the bytes that leaving out each frees at the most, the
        largest first.
    """

    space: Space
    size: Size
    new: list[tuple[Size, BarItem]]

    def relief(self, left_out: Collection[BarKey] = (), more: int = 0) -> list[BarItem]:
        """The fewest of the BARs without which it may be large enough, besides those already left out."""
        size = self.size - sum(frees for frees, bar in self.new if bar.key in left_out)
        found: list[BarItem] = []
        for frees, bar in self.new:
            if size <= 0:
                if more <= 0:
                    break
                more -= 1
            if bar.key not in left_out:
                found.append(bar)
                size -= frees
        return found


def _shortages(problem: Problem, bars: Collection[BarItem]) -> Iterator[Shortage]:
    """All shortages, those of the smallest root windows first."""
    loose = problem.once("loose", _loose)
    groups: dict[tuple[Space, tuple[Span, ...]], list[BarItem]] = {}
    for bar in bars:
        if bar.choice is None and bar.movable and bar.places and (bar.bus.number, bar.space) not in loose:
            groups.setdefault((bar.space, tuple(sorted(bar.places))), []).append(bar)
    blocks = problem.once("blocks", _blocks)
    broken = {window.space for window in problem.windows if window.tolerated}
    for space, places in sorted(groups, key=lambda group: total_length(group[1])):
        served = [
            bar
            for (other, inner), found in groups.items()
            if other == space and all(any(low <= at and end <= high for low, high in places) for at, end in inner)
            for bar in found
        ]
        fixed = [
            (bar.today, bar.today + bar.span)
            for bar in problem.bars
            if bar.space == space and not bar.movable and bar.today is not None
            # What lies in no window is in the way on its own bus alone; where a window may stay in breach, groups
            # are asked for without what is immovable behind others, and a bound must not know more than they do.
            if bar.bus.parent is None or (bar.nested and space not in broken)
        ]
        room = total_length(places) - covered(list(places), problem.kept_clear(space) + fixed)
        filled: dict[int, Size] = defaultdict(int)
        new: list[tuple[Size, BarItem]] = []
        for bar in served:
            if bar.kept or (bar.required and bar.placeable):
                filled[bar.bus.number] += bar.span
            if bar.required and not bar.kept and bar.placeable:
                new.append((align_up(bar.span, blocks.get((bar.bus.number, space), 1)), bar))
        size = sum(align_up(length, blocks.get((bus, space), 1)) for bus, length in filled.items()) - room
        if size > 0 and new:
            yield Shortage(space, size, sorted(new, key=lambda entry: -entry[0]))


def _blocks(problem: Problem) -> dict[tuple[int, Space], Size]:
    """By bus and address space, the block of which its windows are whole numbers, where they hold all that is on it."""
    odd = {(bar.bus.number, bar.space) for bar in problem.bars if not bar.movable or not bar.nested or bar.choice}
    odd |= {(window.inner.number, window.space) for window in problem.windows if window.bus.subtractive}
    subtractive = {bus.number for bus in problem.buses if bus.subtractive}
    # What is behind a subtractive bridge may stand in the same blocks as what is beside that bridge.
    subtractive |= {bus.parent.number for bus in problem.buses if bus.subtractive and bus.parent is not None}
    blocks = whole_blocks(problem.windows)
    return {key: block for key, block in blocks.items() if key not in odd and key[0] not in subtractive}


def _loose(problem: Problem) -> set[tuple[int, Space]]:
    """Buses, by address space, whose contents may stand over others': a window on the way there may stay in breach."""
    loose: set[tuple[int, Space]] = set()
    for bus in problem.buses:
        above: BusNode | None = bus
        while above is not None:
            loose |= {(bus.number, window.space) for window in above.windows if window.tolerated}
            above = above.parent
    return loose


def covered(places: list[Span], spans: list[Span]) -> Size:
    """Bytes of ``places`` that the spans cover; what two cover counts once."""
    return total_length(_common(places, spans))


def _common(places: list[Span], spans: list[Span]) -> list[Span]:
    found = [(max(low, start), min(high, end)) for low, high in merged(places) for start, end in spans]
    return [(start, end) for start, end in found if start < end]
