"""The ways out that the request, the drivers and the BARs offer: each is solved and checked before it is named."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from models.mobility import Policy
from models.plan import Status
from models.topology import Bar, BarKey, Topology
from solver.explanation.case import Case, only, verdict, with_bars
from solver.explanation.findings import Always, Conflict, Verdict, Way, WayKind
from solver.request import Request
from solver.result import Result

_SHRUNK = 8
"""How many Resizable BARs are tried at smaller sizes."""

_MOVES = ("unplaced", "moved_bars")
_DRIVERS = ("unplaced", "prepared_drivers", "moved_bars")


def try_always(case: Case) -> Always:
    """What policy ``always`` could do; pins of the request hold, and what is fixed stays."""
    result = case.run(case.topology, replace(case.request, policy=Policy.ALWAYS, minimize=_MOVES))
    if result.plan.status not in (Status.OPTIMAL, Status.FEASIBLE) or result.breaches:
        return Always(verdict(result))
    unplaced, moved = result.plan.objectives
    return Always(verdict(result), unplaced.value, unplaced.bound, moved.value)


def more_policy(case: Case) -> Way | None:
    """Under a policy stricter than ``safe``: what ``safe`` would do."""
    if case.request.policy not in (Policy.NEVER, Policy.REFUSE):
        return None
    result = fitting(case, case.topology, replace(case.request, policy=Policy.SAFE))
    if result is None:
        return None
    return Way(WayKind.POLICY, 0, proved=True, moved=_moved(result), options=("--policy", "safe"))


def prepared_drivers(case: Case) -> Way | None:
    """The cheapest set of drivers to prepare or unbind."""
    request = replace(case.request, policy=Policy.ON_DEMAND, minimize=_DRIVERS)
    result = fitting(case, case.topology, request)
    if result is None:
        return None
    movement = request.mobility(case.topology)
    moving = {bar.key.function for bar in result.plan.bars if bar.moved and bar.key in movement.unprepared}
    if not moving:
        return None  # what may move without any preparation is the matter of another way
    drivers = tuple((address, case.functions[address].driver) for address in sorted(moving))
    cost = result.plan.objectives[1]
    return Way(
        WayKind.DRIVERS,
        cost.value or 0,
        proved=cost.proved,
        functions=drivers,
        bars=tuple(bar.key for bar in result.plan.bars if bar.moved and bar.key in movement.unprepared),
        moved=_moved(result),
        options=("--policy", "on-demand"),
    )


def fewer_pins(case: Case) -> Way | None:
    """Pins of the request to give up, as few as one pass over them leaves."""
    pins = [key for key in case.bars if key in case.request.pins]
    if not pins:
        return None

    def holding(held: Sequence[BarKey]) -> Result | None:
        return fitting(case, case.topology, as_allowed(case, frozenset(pins) - frozenset(held)))

    given_up = _least(pins, lambda freed: holding([pin for pin in pins if pin not in freed]) is not None)
    if given_up is None:
        return None
    result = holding([pin for pin in pins if pin not in given_up])
    if result is None:
        return None
    return Way(WayKind.PINS, len(given_up), proved=len(given_up) == 1, bars=tuple(given_up), moved=_moved(result))


def dropped_optional(case: Case) -> Way | None:
    """BARs that have an address and do not need one, as few as one pass over them leaves."""
    spare = [key for key, bar in case.bars.items() if bar.optional and bar.address is not None and not bar.fixed]
    spare.sort(key=lambda key: -case.bars[key].span)
    if not spare:
        return None

    def without(dropped: Sequence[BarKey]) -> Result | None:
        gone = frozenset(dropped)
        return fitting(case, only(case.topology, case.bars.keys() - gone), as_allowed(case))

    dropped = _least(spare, lambda some: without(some) is not None)
    result = without(dropped) if dropped is not None else None
    if dropped is None or result is None:
        return None
    return Way(WayKind.OPTIONAL, len(dropped), proved=len(dropped) == 1, bars=tuple(dropped), moved=_moved(result))


def smaller_sizes(case: Case, unplaced: Sequence[BarKey], conflicts: Sequence[Conflict]) -> list[Way]:
    """The largest smaller size of one Resizable BAR with which everything fits."""
    concerned = dict.fromkeys([*unplaced, *(member.key for conflict in conflicts for member in conflict.members)])
    candidates = [key for key in concerned if case.bars[key].sizes and key not in case.immovable]
    ways = []
    for key in candidates[:_SHRUNK]:
        bar = case.bars[key]
        for size in sorted((size for size in bar.sizes if size < bar.size), reverse=True):
            changed = with_bars(case.topology, {key: _resized(bar, size)})
            result = fitting(case, changed, as_allowed(case))
            if result is not None:
                ways.append(Way(WayKind.SIZES, 1, proved=True, bars=(key,), size=size, moved=_moved(result)))
                break
    return ways


def _resized(bar: Bar, size: int) -> Bar:
    return replace(bar, size=size)


def as_allowed(case: Case, given_up: frozenset[BarKey] = frozenset()) -> Request:
    """What the request allows to move in the whole machine, whatever is changed in this part of it.

    Parameters
    ----------
    given_up
        Pins of the request that no longer hold; the policy still does.
    """
    request = replace(case.request, pins=case.request.pins - given_up)
    still = request.mobility(case.machine).immovable
    return replace(request, policy=Policy.ALWAYS, pins=still, frees=frozenset(), minimize=_MOVES)


def fitting(case: Case, topology: Topology, request: Request) -> Result | None:
    """The plan, if it gives everything an address and breaks no rule."""
    if case.budget.left <= 0:
        return None
    if "moved_bars" not in request.minimize:
        request = replace(request, minimize=_MOVES)
    result = case.run(topology, request)
    return result if result.legal and verdict(result) is Verdict.FITS else None


def _moved(result: Result) -> int:
    return sum(bar.moved for bar in result.plan.bars)


def _least(members: Sequence[BarKey], enough: Callable[[list[BarKey]], bool]) -> list[BarKey] | None:
    """A set of ``members`` that is enough and none of which can be spared; one alone where that is enough."""
    if not enough(list(members)):
        return None
    for member in members[:_SHRUNK]:
        if enough([member]):
            return [member]
    kept = list(members)
    for member in members:
        rest = [other for other in kept if other != member]
        if rest and enough(rest):
            kept = rest
    return kept
