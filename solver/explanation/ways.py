"""The ways out that the request, the drivers and the BARs offer: each is solved and checked before it is named."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from models.mobility import Policy
from models.plan import Status
from models.resources import Size
from models.scope import EVERYTHING
from models.topology import Bar, BarKey, Topology
from solver.explanation.case import Case, only, verdict, with_bars
from solver.explanation.findings import Always, Conflict, Verdict, Way, WayKind
from solver.explanation.release import release
from solver.explanation.sets import filter_needed, smallest_set
from solver.request import Request
from solver.result import Result

_SHRUNK = 16
"""How many Resizable BARs are tried at smaller sizes."""

_MOVES = ("unplaced", "moved_bars")
_DRIVERS = ("unplaced", "prepared_drivers", "moved_bars")


def try_always(case: Case) -> Always:
    """What policy ``always`` could do; pins of the request hold, and what is fixed stays."""
    result = case.run(case.topology, replace(case.request, policy=Policy.ALWAYS, minimize=_MOVES), case.longer())
    if result.plan.status not in (Status.OPTIMAL, Status.FEASIBLE) or result.breaches:
        return Always(verdict(result))
    unplaced, moved = result.plan.objectives
    return Always(verdict(result), unplaced.value, unplaced.bound, moved.value)


def wider_scope(case: Case) -> Way | None:
    """Within bounds: what the same policy could do in the whole machine."""
    if not case.request.scope.bounded:
        return None
    request = replace(case.request, scope=EVERYTHING)
    staying = request.mobility(case.machine).immovable
    request = replace(request, policy=Policy.ALWAYS, pins=staying, frees=frozenset(), minimize=_MOVES)
    result = fitting(case, case.topology, request)
    if result is None:
        return None
    return Way(WayKind.SCOPE, 0, proved=True, moved=_moved(result), parameters=(str(case.request.scope),))


def any_window(case: Case) -> Way | None:
    """Under window rule ``kernel``: what the same policy could do without."""
    if case.request.window_rule == "free":
        return None
    result = fitting(case, case.topology, replace(as_allowed(case), window_rule="free"))
    if result is None:
        return None
    return Way(WayKind.RULE, 0, proved=True, moved=_moved(result), options=("--window-rule", "free"))


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
    result = fitting(case, case.topology, request, case.longer())
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
    """Pins of the request to give up, on as few functions as can be."""
    pins = {key for key in case.bars if key in case.request.pins}
    if not pins:
        return None
    staying = as_allowed(case, frozenset(pins)).pins
    released = release(case, case.topology, {key.function: 1 for key in pins}, staying)
    if released is None:
        return None
    given_up = tuple(bar.key for bar in released.plan.bars if bar.moved and bar.key in pins)
    cost = released.plan.objectives[1]
    return Way(WayKind.PINS, cost.value or 0, proved=cost.proved, bars=given_up, moved=_moved(released))


def spare_bars(case: Case) -> list[BarKey]:
    """BARs that have an address and do not need one, large ones first."""
    outside = case.request.scope.bars_outside(case.machine)
    spare = [
        key
        for key, bar in case.bars.items()
        if bar.optional and bar.address is not None and not bar.fixed and key not in outside
    ]
    return sorted(spare, key=lambda key: -case.bars[key].span)


def dropped_optional(case: Case, conflicts: Sequence[Conflict]) -> Way | None:
    """BARs that have an address and do not need one, as few as can be."""
    request = replace(as_allowed(case), minimize=("unplaced",))

    def without(dropped: Sequence[BarKey]) -> Verdict:
        return try_plan(case, only(case.topology, case.bars.keys() - set(dropped)), request)

    dropped, proved = smallest_set(spare_bars(case), without, members_of(conflicts))
    if dropped is None:
        return None
    result = fitting(case, only(case.topology, case.bars.keys() - set(dropped)), request)
    if result is None:
        return None
    return Way(WayKind.OPTIONAL, len(dropped), proved=proved, bars=tuple(dropped), moved=_moved(result))


def members_of(conflicts: Sequence[Conflict]) -> list[frozenset[BarKey]]:
    """What one has to change something of, in each conflict, for anything to help."""
    return [frozenset(member.key for member in conflict.members) for conflict in conflicts]


def resizable(case: Case, unplaced: Sequence[BarKey], conflicts: Sequence[Conflict]) -> list[BarKey]:
    """The BARs concerned that could be smaller."""
    concerned = dict.fromkeys([*unplaced, *(member.key for conflict in conflicts for member in conflict.members)])
    can = [key for key in concerned if key not in case.immovable and min(case.bars[key].sizes, default=1 << 64)]
    return [key for key in can if any(size < case.bars[key].size for size in case.bars[key].sizes)][:_SHRUNK]


def smaller_sizes(case: Case, unplaced: Sequence[BarKey], conflicts: Sequence[Conflict]) -> list[Way]:
    """The largest smaller size of one Resizable BAR with which everything fits, or a limit for several."""
    candidates = resizable(case, unplaced, conflicts)
    hit = members_of(conflicts)
    alone = [key for key in candidates if all(key in conflict for conflict in hit)]
    ways = [way for key in alone for way in _at_most(case, [key])]
    return ways or (_at_most(case, candidates) if len(candidates) > 1 else [])


def _at_most(case: Case, keys: Sequence[BarKey]) -> list[Way]:
    """The largest limit for the sizes of these BARs with which everything fits; no BAR of them shrinks in vain."""
    request = replace(as_allowed(case), minimize=("unplaced",))
    sizes = {size for key in keys for size in case.bars[key].sizes if size < case.bars[key].size}
    for limit in sorted(sizes, reverse=True):

        def needs(some: list[BarKey], limit: Size = limit) -> Verdict:
            answer = try_plan(case, limited(case, case.topology, some, limit), request)
            return {Verdict.FITS: Verdict.DOES_NOT_FIT, Verdict.DOES_NOT_FIT: Verdict.FITS}.get(answer, answer)

        smaller = [key for key in keys if case.bars[key].size > limit]
        if needs(smaller) is not Verdict.DOES_NOT_FIT:
            continue
        shrunk, _ = filter_needed(smaller, needs)
        result = fitting(case, limited(case, case.topology, shrunk, limit), request)
        if result is not None:
            bars = tuple(key for key in case.bars if key in shrunk)
            return [Way(WayKind.SIZES, len(bars), len(keys) == 1, bars=bars, size=limit, moved=_moved(result))]
    return []


def limited(case: Case, topology: Topology, keys: Iterable[BarKey], limit: Size) -> Topology:
    """The machine with these BARs at the largest sizes they can have that are no larger than ``limit``."""
    return with_bars(topology, {key: _limited(case.bars[key], limit) for key in keys})


def _limited(bar: Bar, limit: Size) -> Bar:
    return replace(bar, size=max([size for size in bar.sizes if size <= limit] or [min(bar.sizes)]))


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


def try_plan(case: Case, topology: Topology, request: Request) -> Verdict:
    """Whether everything fits in a changed machine."""
    return verdict(case.run(topology, request)) if case.budget.left > 0 else Verdict.UNPROVED


def fitting(case: Case, topology: Topology, request: Request, seconds: float | None = None) -> Result | None:
    """The plan, if it gives everything an address and breaks no rule; found in ``seconds``, or as long as most."""
    if case.budget.left <= 0:
        return None
    if "moved_bars" not in request.minimize:
        request = replace(request, minimize=_MOVES)
    result = case.run(topology, request, seconds)
    return result if result.legal and verdict(result) is Verdict.FITS else None


def _moved(result: Result) -> int:
    return sum(bar.moved for bar in result.plan.bars)
