"""Why not everything fits: the proof, the smallest conflicts, and the ways out."""

from __future__ import annotations

import time
from dataclasses import replace

from models.mobility import Policy
from models.plan import Status
from models.topology import BarKey, Topology
from solver.engines import Progress
from solver.explanation import ways
from solver.explanation.case import Budget, Case, cases, verdict
from solver.explanation.combined import combined
from solver.explanation.conflict import find_conflicts
from solver.explanation.findings import Always, Explanation, Part, Verdict, Way, WayKind
from solver.explanation.kernel_ways import KernelTrials, named_by_parameter
from solver.explanation.window_ways import larger_windows
from solver.request import Request
from solver.result import Result

_EACH = 2.0
"""Seconds for one of the many solves that filter a conflict or check a way out."""

_CONFLICT_SHARE = 0.5
"""The part of the time of a root bus and address space in which conflicts are looked for; ways out get the rest."""

_KERNEL_SHARE = 0.4
"""The part of the time that is left in which kernels are run."""

_ORDER = {kind: number for number, kind in enumerate(WayKind)}


def explain(
    topology: Topology,
    request: Request,
    progress: Progress | None = None,
    absent: frozenset[BarKey] = frozenset(),
) -> Explanation:
    """Say why not everything that needs an address fits under ``request``, and what would help.

    It is first proved, for each root bus and address space by itself, that something stays without an address; the
    objectives of the request mean nothing here. Where time runs out, what was found until then is returned.

    Parameters
    ----------
    absent
        BARs that stand for a device that is not there yet.
    """
    started = time.monotonic()
    tell = progress or (lambda line: None)
    budget = Budget(started + (1e9 if request.time_limit is None else request.time_limit), _EACH)
    parts: list[Part] = []
    given = moved = 0
    open_cases: list[tuple[Case, Result]] = []
    for case in cases(topology, request, budget):
        tell(f"{case.root.name}: does everything fit?")
        result = case.run(case.topology, replace(ways.as_allowed(case)), seconds=budget.left)
        if verdict(result) is Verdict.FITS:
            given += sum(bar.before is None and bar.after is not None for bar in result.plan.bars)
            moved += sum(bar.moved for bar in result.plan.bars)
        else:
            open_cases.append((case, result))
    trials = KernelTrials(topology, request, budget, absent)
    for number, (case, result) in enumerate(open_cases):
        share = budget.left / (len(open_cases) - number)
        parts.append(_part(case, result, trials, share, tell))
    verdicts = {part.verdict for part in parts}
    total = next((v for v in (Verdict.DOES_NOT_FIT, Verdict.UNPROVED) if v in verdicts), Verdict.FITS)
    return Explanation(
        request.policy,
        total,
        tuple(parts),
        given,
        moved,
        out_of_time=bool(parts) and budget.left <= 0 and not budget.interrupted,
        interrupted=budget.interrupted,
        seconds=time.monotonic() - started,
    )


def _part(case: Case, result: Result, trials: KernelTrials, seconds: float, tell: Progress) -> Part:
    """One part of the machine in which not everything has an address."""
    whole, case.budget = case.budget, Budget(time.monotonic() + seconds, _EACH, case.budget.interrupted)
    impossible = result.plan.status is Status.INFEASIBLE
    planned = {bar.key: bar.after for bar in result.plan.bars}
    unplaced = () if impossible else tuple(key for key in case.bars if planned.get(key) is None)
    bound = (result.plan.objectives[0].bound or 0) if result.plan.status is not Status.UNKNOWN else 0
    part = Part(case.root.name, case.space, verdict(result), unplaced, bound, impossible)
    if part.verdict is Verdict.DOES_NOT_FIT:
        tell(f"{part.root}: what is in the way?")
        if impossible or bound == len(unplaced):
            limited = Budget(time.monotonic() + _CONFLICT_SHARE * case.budget.left, _EACH, case.budget.interrupted)
            rest, case.budget = case.budget, limited
            conflicts, explained = find_conflicts(case, unplaced)
            rest.interrupted |= limited.interrupted
            case.budget = rest
            part = replace(part, conflicts=tuple(conflicts), explained=explained)
        else:
            part = replace(part, explained=False)
    always = _always(case, part, result)
    tell(f"{part.root}: what would help?")
    part = replace(part, always=always, ways=_ways(case, part, always, trials))
    whole.interrupted |= case.budget.interrupted
    return part


def _always(case: Case, part: Part, result: Result) -> Always | None:
    """Whether any placement exists under policy ``always``."""
    freest = replace(case.request, policy=Policy.ALWAYS).mobility(case.machine)
    if case.immovable <= freest.immovable:  # what was asked first is the same question
        if part.impossible or result.plan.status is Status.UNKNOWN:
            return Always(part.verdict)
        return Always(part.verdict, len(part.unplaced), part.bound, sum(bar.moved for bar in result.plan.bars))
    return ways.try_always(case) if case.budget.left > 0 else None


def _ways(case: Case, part: Part, always: Always | None, trials: KernelTrials) -> tuple[Way, ...]:
    """Every way out, the cheapest kind first."""
    found: list[Way | None] = []
    if always is None or always.verdict is not Verdict.DOES_NOT_FIT:
        found += [ways.more_policy(case), ways.prepared_drivers(case)]
    found += [ways.any_window(case), ways.wider_scope(case)]
    found += [ways.fewer_pins(case), ways.dropped_optional(case, part.conflicts)]
    found += ways.smaller_sizes(case, part.unplaced, part.conflicts)
    if not any(found):
        found.append(combined(case, part.unplaced, part.conflicts))
    found.append(_kernel(case, part, trials))
    found += larger_windows(case, part.unplaced)
    if part.unplaced:
        proved = len(part.unplaced) == part.bound
        found.append(Way(WayKind.LEAVE_OUT, len(part.unplaced), proved=proved, bars=part.unplaced))
    there = [way for way in found if way is not None]
    return tuple(sorted(there, key=lambda way: (_ORDER[way.kind], way.cost)))


def _kernel(case: Case, part: Part, trials: KernelTrials) -> Way | None:
    required = frozenset(key for key, bar in case.bars.items() if not bar.optional)
    short = {key: (case.bars[key].prefetchable, case.bars[key].span) for key in part.unplaced}
    members = [member.key for conflict in part.conflicts for member in conflict.members]
    near = named_by_parameter(case, dict.fromkeys([*part.unplaced, *members]))
    return trials.way(required, short, near, case.budget.left * _KERNEL_SHARE)
