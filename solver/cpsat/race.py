"""Several manners of searching one model, side by side: which is quick differs, which is right does not.

*Clauses*: no linear relaxation, no symmetry, no probing; conflicts are learned
from the start. A few moves or windows to count are proved so many times sooner,
as the relaxation says nothing of overlaps. How long that takes is a matter of
luck, so a second one searches *afresh*, with other preferences. *Relaxations*:
the solver's own choice, with the linear relaxation, without which sums of bytes
have no bound. *Cores*: sets of what cannot all stay raise the bound step by
step, and the first plan is the best one. What was learned is not simplified
between them, and where something has a choice of places nothing is looked for
that holds in all of them: both took longer than they spared. To make each core
as small as can be takes time; where no byte may be wasted it is worth it, as
few cores are small. Where a small model counts something otherwise, the first
turn is a *quick* one: to simplify it takes longer than to search it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf, isfinite
from typing import Any

from ortools.sat.python import cp_model

from solver.cpsat.limits import Limits

Manner = Mapping[str, float]
"""Parameters of the solver."""

CLAUSES: Manner = {
    "linearization_level": 0,
    "symmetry_level": 0,
    "cp_model_probing_level": 0,
    "use_dynamic_precedence_in_disjunctive": 1,
}
AFRESH: Manner = {**CLAUSES, "use_phase_saving": 0, "use_dynamic_precedence_in_disjunctive": 0}
CORES: Manner = {
    **CLAUSES,
    "max_presolve_iterations": 1,
    "inprocessing_dtime_ratio": 0.0,
    "auto_detect_greater_than_at_least_one_of": 0,
    "optimize_with_core": 1,
    "core_minimization_level": 1,
    "cover_optimization": 0,
}
SMALL_CORES: Manner = {**CORES, "core_minimization_level": 2}
RELAXATIONS: Manner = {}

MANNERS = (CLAUSES, AFRESH, RELAXATIONS)

_QUICK: Manner = {"max_presolve_iterations": 1, "use_sat_inprocessing": 0}
"""Besides clauses that count, in their first turn: nothing is simplified twice."""

_QUICK_SECONDS, _QUICK_VARIABLES = 0.25, 1500
"""Deterministic seconds of the quick turn, about one of the clock, and variables of the largest model that has one."""

_HEAD_START = {True: 2.0, False: 0.1}
"""Seconds after which a second lane starts, as soon as there is a thread for it, by whether something is counted: two
threads hinder each other, and there the first manner is mostly the best one."""

_HEAD_START_OF_CORES = 30.0
"""The same where the first manner goes by cores: beside another one it takes a third longer."""

_POLL, _LOOK = 0.01, 0.1
"""Seconds between two looks at whether one of several lanes has ended, and whether the user wants an end."""

_ROUND, _GROWTH = 0.5, 3.0
"""Deterministic seconds, some two of the clock, of a turn in the first round, and by what turns grow: what a manner has
learned is lost when its turn ends, and what it found is not."""

_FAVOUR = 4.0
"""How much longer the turns of the manner are that suits the objective, where another is the exception."""


@dataclass(slots=True)
class Outcome:
    """What the manners found together.

    Attributes
    ----------
    status
        As of the solver: optimal where the best plan of one is at the bound of another.
    best
        The solver with the best plan; ``None`` where none was found.
    bound
        The largest lower bound of the objective.
    contradiction
        One found a plan that the other denies.
    """

    status: Any = cp_model.UNKNOWN
    best: cp_model.CpSolver | None = None
    bound: float = -float(1 << 60)
    contradiction: bool = False

    @property
    def ended(self) -> bool:
        """Whether there is nothing left to search for."""
        return self.contradiction or self.status in (cp_model.OPTIMAL, cp_model.INFEASIBLE, cp_model.MODEL_INVALID)

    def add(self, status: Any, solver: cp_model.CpSolver) -> None:
        """Take in what one manner found."""
        if status == cp_model.UNKNOWN:
            if solver.best_objective_bound:  # 0 is what it says where it proved nothing
                self._raise(solver)
            self._conclude()
            return
        found = status in (cp_model.OPTIMAL, cp_model.FEASIBLE)
        denied = status == cp_model.INFEASIBLE
        if (denied and self.best is not None) or (found and self.status == cp_model.INFEASIBLE):
            self.contradiction = True
            return
        if denied or status == cp_model.MODEL_INVALID:
            self.status = status
            return
        self._raise(solver)
        if self.best is None or solver.objective_value < self.best.objective_value:
            self.best = solver
        if status == cp_model.OPTIMAL:
            self.bound = max(self.bound, solver.objective_value)
        self._conclude()

    def _conclude(self) -> None:
        """Hold the best plan of one against the largest bound of another."""
        if self.best is None:
            return
        self.contradiction |= self.bound > self.best.objective_value + 0.5
        self.status = cp_model.OPTIMAL if self.bound >= self.best.objective_value else cp_model.FEASIBLE

    def _raise(self, solver: cp_model.CpSolver) -> None:
        if isfinite(solver.best_objective_bound):  # it is not where nothing was proved
            self.bound = max(self.bound, solver.best_objective_bound)


@dataclass(frozen=True, slots=True)
class Turn:
    """One search: a manner with its solver threads, deterministic seconds and seed."""

    manner: Manner
    threads: int
    seconds: float
    seed: int


@dataclass(slots=True)
class _Lane:
    """Turns taken one after the other."""

    turns: Iterator[Turn]
    solver: cp_model.CpSolver | None = None
    done: threading.Event = field(default_factory=lambda: threading.Event())  # join may be wrong: CPython issue 89437
    failure: BaseException | None = None


@dataclass(slots=True)
class Race:
    """Searches one model.

    Parameters
    ----------
    counting
        What is minimised is a number of BARs, functions or windows, not of bytes: clauses start.
    manners
        Those that take part.
    improved
        Called between turns with the solver of the best plan, to begin the next one there, where nothing runs beside.
    """

    model: cp_model.CpModel
    limits: Limits
    counting: bool
    improved: Callable[[cp_model.CpSolver], None] = lambda solver: None
    manners: tuple[Manner, ...] = MANNERS
    outcome: Outcome = field(default_factory=Outcome)
    lock: threading.Lock = field(default_factory=threading.Lock)
    lanes: list[_Lane] = field(default_factory=list)

    def run(self) -> Outcome:
        """What is found until the limits; an interrupt ends the search, and what was found stands."""
        self._start(self._first())
        self._wait()
        for lane in self.lanes:
            if lane.failure is not None:
                raise lane.failure
        return self.outcome

    @property
    def _head_start(self) -> float:
        by_cores = any("optimize_with_core" in manner for manner in self.manners)
        return _HEAD_START_OF_CORES if by_cores else _HEAD_START[self.counting]

    def _first(self) -> Iterator[Turn]:
        """All manners in turns; where another lane runs beside, the one that suits the objective all the time."""
        suits = [one for one in self.manners if (one is not RELAXATIONS) == self.counting] or list(self.manners)
        is_small = len(self.model.proto.variables) <= _QUICK_VARIABLES
        if "optimize_with_core" in suits[0]:  # its bound is all it has, and it would be lost between turns
            yield Turn(suits[0], 1, inf, self.limits.seed)
        elif self.counting and is_small and suits[0] is not RELAXATIONS:
            yield Turn({**suits[0], **_QUICK}, 1, _QUICK_SECONDS, self.limits.seed)
        others = [one for one in self.manners if one not in suits]
        for turn in self._in_turns([*((one, _FAVOUR) for one in suits), *((one, 1.0) for one in others)]):
            if len(self.lanes) > 1 or len(self.manners) == 1 or self.limits.workers > 1:
                yield Turn(suits[0], self._threads(suits[0]), inf, self.limits.seed)
            yield turn

    def _second(self) -> Iterator[Turn]:
        """What the first lane leaves out."""
        suits = [one for one in self.manners if (one is not RELAXATIONS) == self.counting]
        return self._in_turns([(one, 1.0) for one in (*suits[1:], *(one for one in self.manners if one not in suits))])

    def _in_turns(self, manners: Sequence[tuple[Manner, float]]) -> Iterator[Turn]:
        seconds, seed = _ROUND, self.limits.seed
        while True:
            for manner, weight in manners:
                yield Turn(manner, self._threads(manner), weight * seconds, seed)
            seconds, seed = _GROWTH * seconds, seed + 1

    def _threads(self, manner: Manner) -> int:
        """Relaxations take what the other lane leaves, clauses are one thread."""
        beside = 0 if len(self.manners) == 1 else 1
        return max(1, self.limits.workers - beside) if manner is RELAXATIONS else 1

    def _start(self, turns: Iterator[Turn]) -> None:
        lane = _Lane(turns)
        self.lanes.append(lane)
        threading.Thread(target=self._drive, args=(lane,), daemon=True).start()

    def _drive(self, lane: _Lane) -> None:
        """Solve in a thread of its own, so that an interrupt reaches Python."""
        try:
            for turn in lane.turns:
                lane.solver = solver = self._solver(turn)
                status = solver.solve(self.model)
                with self.lock:
                    self.outcome.add(status, solver)
                if self.outcome.ended or self.limits.left <= 0:
                    return
                with self.lock:  # no lane begins while the hint changes
                    if len(self.lanes) == 1 and self.outcome.best is not None:
                        self.improved(self.outcome.best)
        except BaseException as failure:
            lane.failure = failure
        finally:
            lane.done.set()

    def _solver(self, turn: Turn) -> cp_model.CpSolver:
        solver = cp_model.CpSolver()
        solver.parameters.max_time_in_seconds = max(0.01, self.limits.left)
        if isfinite(turn.seconds):
            solver.parameters.max_deterministic_time = turn.seconds
        solver.parameters.num_workers = turn.threads
        solver.parameters.random_seed = turn.seed
        solver.parameters.catch_sigint_signal = False
        for name, value in turn.manner.items():
            setattr(solver.parameters, name, value)
        return solver

    def _wait(self) -> None:
        """Until all lanes have ended; when one has the answer, or the user wants it, stop the others."""
        begun = time.monotonic()
        while True:
            try:
                waiting = [lane for lane in self.lanes if not lane.done.is_set()]
                if not waiting:
                    return
                failed = any(lane.failure is not None for lane in self.lanes)
                stopping = self.outcome.ended or self.limits.interrupted or failed
                if stopping:
                    for lane in waiting:
                        if lane.solver is not None:
                            lane.solver.stop_search()  # before the solver has started this does nothing: say it again
                late = time.monotonic() - begun > self._head_start
                if late and not stopping and len(self.lanes) == 1 and len(self.manners) > 1 and self.limits.workers > 1:
                    with self.lock:
                        self._start(self._second())
                waiting[0].done.wait(_POLL if stopping or len(waiting) > 1 else _LOOK)
            except KeyboardInterrupt:
                self.limits.interrupt()
