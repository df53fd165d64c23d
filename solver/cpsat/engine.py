"""The engine ``cp-sat``: the best placement, with proof."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import replace

from models.mobility import Mobility, Policy
from models.placement import Placement
from models.plan import Status
from models.resources import Size
from models.topology import Topology
from solver.arrangement import Arrangement
from solver.building import problems
from solver.collector import collecting_rarely
from solver.cpsat.greedies import Greedies, as_arrangement
from solver.cpsat.idle import busy
from solver.cpsat.limits import Crew, Limits
from solver.cpsat.model import Answer
from solver.cpsat.objectives import BYTES
from solver.cpsat.search import Search
from solver.engines import Progress
from solver.leftovers import place_leftovers
from solver.levers import parse_without
from solver.problem import Problem, choices, cpu_range
from solver.request import Request
from solver.result import Result, make_result
from solver.shapes import Shapes
from solver.tidy import tidy

NAME = "cp-sat"

_LAST_WORD = 0.0004
"""Seconds for each BAR to put the parts of a plan together and to check it."""

_SPEAKING = 0.0001
"""The same where nothing has to end before."""

_AGAIN = 0.5
"""Part of the time left for what was not proved in the first go, where other objectives come behind."""

_TIGHT, _INSERTING_FIRST = 2.0, 0.7
"""Seconds of a thread for each root bus that lacks something below which a plan that leaves little out is looked for
first, and the part of the time that this may take."""

_WORTHWHILE = 0.1
"""Seconds that have to be left for what was not proved to be pursued once more."""

_GRACE = 0.5
"""Seconds beyond the time limit within which a plan that was found at the last moment is put together and checked."""


def solve(topology: Topology, request: Request, progress: Progress | None = None) -> Result:
    """Find the placement of ``topology`` that is best by the request's objectives, and prove it.

    Each root bus is searched by itself. When time runs out, or the user interrupts, the best legal placement found
    so far is returned with the bounds proved so far; today's placement is always one, unless a BAR has to be resized.
    """
    with collecting_rarely():
        return _solve_whole(topology, request, progress)


def _solve_whole(topology: Topology, request: Request, progress: Progress | None) -> Result:
    result = _solve(topology, request, progress)
    if not request.whole_functions or "unplaced_functions" in request.minimize or not result.measures.unplaced:
        return result
    if not result.legal or result.interrupted:
        return result
    return _whole_functions_first(topology, request, progress, result)


def _whole_functions_first(topology: Topology, request: Request, progress: Progress | None, first: Result) -> Result:
    """Not everything fits: as many whole functions as can be, and no fewer than in a plan that counts BARs first."""
    left = None if request.time_limit is None else max(0.0, request.time_limit - first.seconds)
    names = ("unplaced_functions", *request.minimize)
    result = _solve(topology, replace(request, minimize=names, time_limit=left), progress, first.plan.placement)
    return replace(result, seconds=first.seconds + result.seconds)


def _solve(topology: Topology, request: Request, progress: Progress | None, start: Placement | None = None) -> Result:
    started = time.monotonic()
    seconds = latest = 1e9
    if request.time_limit is not None:  # the plan has to be put together and checked by then
        bars = sum(1 for _ in topology.bars())
        seconds = max(0.5 * request.time_limit, request.time_limit - _LAST_WORD * bars)
        latest = request.time_limit + _GRACE - _SPEAKING * bars
    limits = Limits(started + seconds, Crew(request.workers or os.cpu_count() or 1), request.seed)
    movement = request.mobility(topology)
    placement = Placement.today(topology)
    without = parse_without(request.options)
    sizes = request.sizes(topology)
    roots = topology.root_buses if "idle" in without else busy(topology, request, sizes)
    parts = problems(
        replace(topology, root_buses=roots),
        movement,
        sizes,
        window_rule=request.window_rule,
        headroom="headroom" in request.minimize,
    )
    known: list[Arrangement | None] = [None] * len(parts)
    greedies: Greedies | None = None
    if start is not None:
        known = [as_arrangement(problem, start) for problem in parts]
    elif "greedy" not in without:
        greedies = Greedies(topology, request, movement, limits, started + latest)
        if greedies.come_first(parts):
            known, greedies = greedies.ask(parts), None
    shapes: dict[Size, Shapes] = {}
    searches = [
        Search(
            problem,
            request.minimize,
            limits,
            progress,
            known=arrangement,
            without=without,
            shapes=shapes,
        )
        for problem, arrangement in zip(parts, known, strict=True)
    ]
    answers = _search(searches, request.minimize, limits, without, greedies)
    answered = list(zip(searches, answers, strict=True))
    for search, answer in answered:
        if answer.arrangement is not None:
            tidied = tidy(search.problem, answer.arrangement)
            answer.arrangement = place_leftovers(search.problem, tidied, request.minimize)
        _take(search.problem, answer, placement)
    warnings = _warnings(topology, placement, movement, request.policy)
    warnings += [warning for search in searches for warning in search.problem.warnings]
    for key in (key for answer in answers for key in answer.blame):
        warnings.append(f"{key} may not stay where it is, for that breaks a rule, and no legal arrangement exists")
    if limits.interrupted:
        warnings.append("interrupted: this is the best plan found until then")
    status, bounds = _proof(answers, request.minimize)
    if status is not Status.INFEASIBLE and any(not _resized(search, answer) for search, answer in answered):
        status, bounds = Status.UNKNOWN, {}
    return make_result(
        topology,
        request,
        NAME,
        Placement.today(topology) if status in (Status.INFEASIBLE, Status.UNKNOWN) else placement,
        status=status,
        bounds=bounds,
        seconds=time.monotonic() - started,
        warnings=tuple(warnings),
        interrupted=limits.interrupted,
    )


def _search(
    searches: list[Search],
    names: tuple[str, ...],
    limits: Limits,
    without: frozenset[str],
    greedies: Greedies | None = None,
) -> list[Answer]:
    """Begin all, let all pursue the first objectives, then the rest, and ask greedies for what is still open.

    Where time is short, a plan that leaves little out comes before that; what is not proved has the time left over.

    Parameters
    ----------
    greedies
        Those to ask for plans of the root buses on which something is open in the end.
    """
    try:
        for search in searches:
            search.begin(0.3 / len(searches))
        _insert(searches, limits, without)
        for pursued in _passes(names, without):
            _pursue(searches, pursued, limits, without)
            late = _late(searches, pursued, limits)  # their shares of the time were too short, but others took less
            if pursued != names:
                _pursue(late, pursued, limits.share(_AGAIN), without)
            else:
                _pursue_in_goes(late, names, limits, without)
    except KeyboardInterrupt:
        limits.interrupt()
    if greedies is not None:
        open_ = [search for search in searches if not (search.is_settled(names) or search.is_infeasible)]
        try:
            for search, known in zip(open_, greedies.ask([search.problem for search in open_]), strict=True):
                if known is not None:
                    search.learn(known)
        except KeyboardInterrupt:
            limits.interrupt()
    return [_conclude(search, limits) for search in searches]


def _insert(searches: list[Search], limits: Limits, without: frozenset[str]) -> None:
    """Where time is short, know a plan first that leaves little out: a search tells nothing before it has the best."""
    if not 0 < limits.left < _TIGHT * len(searches):
        return
    lacking = [search for search in searches if search.lacks]
    threads = _threads(lacking, limits, without)
    if limits.left * threads > _TIGHT * len(lacking):
        return
    first = limits.share(_INSERTING_FIRST)

    def insert(number: int) -> None:
        lacking[number].insert(first.share(min(1.0, 1.5 * threads / (len(lacking) - number))))

    _side_by_side(insert, len(lacking), limits, threads)


def _pursue(searches: list[Search], names: tuple[str, ...], limits: Limits, without: frozenset[str]) -> None:
    """Let all pursue these objectives, as many at a time as there are threads."""
    threads = _threads([search for search in searches if not search.is_settled(names)], limits, without)

    def pursue(number: int) -> None:
        searches[number].pursue(names, _share(searches[number:], names, limits, threads))

    _side_by_side(pursue, len(searches), limits, threads)


def _threads(searches: list[Search], limits: Limits, without: frozenset[str]) -> int:
    """How many of these are at work at a time."""
    return max(1, min(limits.crew.workers, len(searches))) if "beside" not in without else 1


def _pursue_in_goes(searches: list[Search], names: tuple[str, ...], limits: Limits, without: frozenset[str]) -> None:
    """Let those that are not at their end go on, as long as a go brings one there: then its time is left to others."""
    while searches:
        for search in searches:
            search.keep()
        _pursue(searches, names, limits, without)
        late = _late(searches, names, limits)
        searches = late if len(late) < len(searches) else []


def _late(searches: list[Search], names: tuple[str, ...], limits: Limits) -> list[Search]:
    """Those that have not reached these objectives, if there is time."""
    if limits.left < _WORTHWHILE:
        return []
    return [search for search in searches if not search.is_infeasible and not search.has_reached(names)]


def _passes(names: tuple[str, ...], without: frozenset[str]) -> list[tuple[str, ...]]:
    """What is proved one after the other: bytes first where they come before moves, as these count only then."""
    ends = [number for number, name in enumerate(names, 1) if name in BYTES and number < len(names)]
    return [*(names[:end] for end in ends if "passes" not in without), names]


def _share(searches: list[Search], names: tuple[str, ...], limits: Limits, threads: int) -> Limits:
    """What the first of these searches gets of the time left: more than an even share, as some end early."""
    waiting = 1 + sum(not later.is_settled(names) for later in searches[1:])
    return limits.share(min(1.0, 1.5 * threads / waiting))


def _side_by_side(work: Callable[[int], None], count: int, limits: Limits, threads: int) -> None:
    """Do the work of so many searches, as many at a time as there are threads."""
    if threads == 1:
        for number in range(count):
            work(number)
        return

    def one(number: int) -> None:
        try:
            work(number)
        finally:
            limits.crew.one_less()

    limits.crew.searches = count
    running: list[Future[None]] = []
    with ThreadPoolExecutor(threads) as pool:
        while len(running) < count or not all(future.done() for future in running):
            try:
                while len(running) < count:
                    running.append(pool.submit(one, len(running)))
                wait(running)
            except KeyboardInterrupt:
                limits.interrupt()
    limits.crew.searches = 1
    for future in running:
        future.result()


def _conclude(search: Search, limits: Limits) -> Answer:
    """What was found, also where the user interrupts while it is put together."""
    try:
        return search.conclude()
    except KeyboardInterrupt:
        limits.interrupt()
        return search.conclude()


def _resized(search: Search, answer: Answer) -> bool:
    """Whether every BAR with an address that has to get another size got it."""
    at = {} if answer.arrangement is None else answer.arrangement.bars
    return all(
        any(at.get(item.key) is not None for item in choice.items)
        for choice in choices(search.problem.bars)
        if choice.resized
    )


def _take(problem: Problem, answer: Answer, placement: Placement) -> None:
    """Carry an answer over into the placement, in CPU addresses."""
    if answer.arrangement is None:
        return
    spaces = {bar.key: bar.space for bar in problem.bars}
    sized = {bar.key: bar for bar in problem.bars if bar.choice is not None}
    for key, at in answer.arrangement.bars.items():
        if key not in sized:
            placement.bars[key] = None if at is None else problem.coordinates.address(spaces[key], at)
        elif at is not None:
            bar = sized[key]
            assert bar.choice is not None
            placement.bars[bar.choice.key] = problem.coordinates.address(bar.space, at)
            placement.sizes[bar.choice.key] = bar.size
    for window in problem.windows:
        span = answer.arrangement.windows.get(window.key)
        if span != window.today:
            placement.windows[window.key] = None if span is None else cpu_range(problem, window.space, span)


def _proof(answers: list[Answer], names: tuple[str, ...]) -> tuple[Status, dict[str, int | None]]:
    """Values and bounds of independent problems add up; a bound behind an unproved objective is open."""
    if any(answer.infeasible for answer in answers):
        return Status.INFEASIBLE, {}
    bounds: dict[str, int | None] = {}
    proved = True
    for name in names:
        parts = [answer.bounds.get(name) for answer in answers]
        bounds[name] = sum(part for part in parts if part is not None) if proved and None not in parts else None
        proved = proved and all(answer.bounds.get(name) == answer.values.get(name) for answer in answers)
    return (Status.OPTIMAL if proved else Status.FEASIBLE), bounds


def _warnings(topology: Topology, placement: Placement, movement: Mobility, policy: Policy) -> list[str]:
    """Name each unprepared driver whose BARs move."""
    moving: dict[str, str] = {}
    for key, bar in topology.bars():
        after = placement.bars.get(key)
        if bar.address is not None and after != bar.address and key in movement.unprepared:
            moving.setdefault(key.function, movement.unprepared[key])
    if policy is Policy.ON_DEMAND:
        return [
            f"{function} has to be prepared or unbound before it moves: {reason}" for function, reason in moving.items()
        ]
    return [f"{function} moves although its {reason} (policy {policy})" for function, reason in moving.items()]
