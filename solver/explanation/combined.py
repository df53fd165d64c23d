"""Several changes at once, where none does alone: pins, drivers, BARs that are not needed, sizes.

Pins and drivers are weighed against each other by one solve. Of the rest, one change is tried after the other, then
pairs of them, then all; each time the solve finds the cheapest pins and drivers that go with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from models.resources import Size
from models.topology import BarKey, Topology
from solver.explanation.case import Case, only
from solver.explanation.findings import Conflict, Way, WayKind
from solver.explanation.release import Prices
from solver.explanation.ways import limited, members_of, resizable, spare_bars
from solver.result import Result

_CHANGES = 12
"""How many changes to BARs are tried."""

_TOGETHER = 2
"""How many of them are tried at once."""


@dataclass(frozen=True, slots=True)
class Change:
    """A BAR that loses its address, or one that is no larger than ``size`` from now on."""

    key: BarKey
    size: Size | None = None

    def way(self, *, proved: bool) -> Way:
        """The same, as a part of a way out."""
        kind = WayKind.OPTIONAL if self.size is None else WayKind.SIZES
        return Way(kind, 1, proved, bars=(self.key,), size=self.size)


Found = tuple[tuple[Change, ...], Result]
"""Changes to BARs, and the cheapest plan after them."""


def combined(case: Case, unplaced: Sequence[BarKey], conflicts: Sequence[Conflict]) -> Way | None:
    """The cheapest combination that was found; it is proved to be the cheapest where all cheaper ones were tried."""
    prices = Prices(case)
    changes = _changes(case, unplaced, conflicts)
    complete = len(changes) <= _CHANGES
    best: Found | None = None
    for number in range(_TOGETHER + 1):
        if best is not None and _cost(best) <= number + 1:
            break  # with more changes it would cost as much at least
        for chosen in combinations(changes[:_CHANGES], number):
            result = prices.plan(_changed(case, chosen)) if chosen or prices.by_function else None
            if result is not None and (best is None or _cost((chosen, result)) < _cost(best)):
                best = chosen, result
    if best is None:
        best = _of_all(case, prices, changes) if len(changes) > _TOGETHER else None
        complete = False
    if best is None:
        return None
    # Combinations of more changes were not tried, and each change costs 1.
    complete = complete and case.budget.left > 0 and _cost(best) <= _TOGETHER + 1
    return _way(prices, *_enlarged(case, prices, best), complete=complete)


def _cost(found: Found) -> int:
    chosen, result = found
    return len(chosen) + (result.plan.objectives[1].value or 0)


def _of_all(case: Case, prices: Prices, changes: Sequence[Change]) -> Found | None:
    """Every change, then without each one that turns out not to be needed."""
    result = prices.plan(_changed(case, changes))
    if result is None:
        return None
    kept = list(changes)
    for change in changes:
        rest = [other for other in kept if other != change]
        better = prices.plan(_changed(case, rest))
        if better is not None:
            kept, result = rest, better
    return tuple(kept), result


def _changes(case: Case, unplaced: Sequence[BarKey], conflicts: Sequence[Conflict]) -> list[Change]:
    """What could be done to BARs, those of conflicts first; a Resizable BAR at its smallest."""
    concerned = frozenset[BarKey]().union(*members_of(conflicts))
    found = [Change(key) for key in spare_bars(case)]
    found += [Change(key, min(case.bars[key].sizes)) for key in resizable(case, unplaced, conflicts)]
    return sorted(found, key=lambda change: change.key not in concerned)


def _changed(case: Case, changes: Sequence[Change]) -> Topology:
    topology = case.topology
    for change in changes:
        if change.size is not None:
            topology = limited(case, topology, [change.key], change.size)
    return only(topology, case.bars.keys() - {change.key for change in changes if change.size is None})


def _enlarged(case: Case, prices: Prices, found: Found) -> Found:
    """The same changes with sizes as large as they can be at the same price."""
    price = _cost(found)
    for number, change in enumerate(found[0]):
        bar = case.bars[change.key]
        for size in sorted((size for size in bar.sizes if size < bar.size), reverse=True):
            if change.size is None or size <= change.size:
                break
            larger = (*found[0][:number], Change(change.key, size), *found[0][number + 1 :])
            plan = prices.plan(_changed(case, larger))
            if plan is not None and _cost((larger, plan)) <= price:
                found = larger, plan
                break
    return found


def _way(prices: Prices, chosen: tuple[Change, ...], result: Result, *, complete: bool) -> Way:
    proved = complete and result.plan.objectives[1].proved
    parts = (*prices.ways(result), *(change.way(proved=proved) for change in chosen))
    parts = tuple(sorted(parts, key=lambda part: list(WayKind).index(part.kind)))
    moved = sum(bar.moved for bar in result.plan.bars)
    cost = sum(part.cost for part in parts)
    if len(parts) == 1:
        return replace(parts[0], moved=moved, proved=proved)
    options = ("--policy", "on-demand") if any(part.kind is WayKind.DRIVERS for part in parts) else ()
    return Way(WayKind.COMBINED, cost, proved, moved=moved, options=options, combines=parts)
