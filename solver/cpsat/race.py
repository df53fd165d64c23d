"""Two manners of searching one model, side by side: which is quick depends on the objective, which is right does not.

*Clauses*: no linear relaxation, no symmetry, no probing; conflicts are learned
from the start. A few moves or windows to count are proved so many times sooner,
as the relaxation says nothing of overlaps. *Relaxations*: the solver's own
choice, with the linear relaxation, without which sums of bytes have no bound.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import Any

from ortools.sat.python import cp_model

from solver.cpsat.limits import Limits

CLAUSES: Mapping[str, int] = {"linearization_level": 0, "symmetry_level": 0, "cp_model_probing_level": 0}
"""Parameters of the solver for the manner without relaxations."""

RELAXATIONS: Mapping[str, int] = {}
"""Parameters of the solver for its own manner."""

MANNERS = (CLAUSES, RELAXATIONS)

_HEAD_START = 0.1
"""Seconds after which the second manner starts."""

_POLL, _LOOK = 0.01, 0.1
"""Seconds between two looks at whether one of several manners has ended, and whether the user wants an end."""

_ROUND, _GROWTH = 1.0, 4.0
"""Seconds of the first round where the manners take turns, and by what rounds grow; the first manner has as many times
the seconds of the second, as what it has learned is lost when its turn ends."""


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
        return self.status in (cp_model.OPTIMAL, cp_model.INFEASIBLE, cp_model.MODEL_INVALID)

    def add(self, status: Any, solver: cp_model.CpSolver) -> None:
        """Take in what one manner found."""
        if status == cp_model.UNKNOWN:
            self._raise(solver)
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
        proved = cp_model.OPTIMAL in (status, self.status) or self.bound >= self.best.objective_value
        self.status = cp_model.OPTIMAL if proved else cp_model.FEASIBLE

    def _raise(self, solver: cp_model.CpSolver) -> None:
        if isfinite(solver.best_objective_bound):  # it is not where nothing was proved
            self.bound = max(self.bound, solver.best_objective_bound)


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
        Called between rounds with the solver of the best plan, to begin the next one there.
    """

    model: cp_model.CpModel
    limits: Limits
    counting: bool
    improved: Callable[[cp_model.CpSolver], None] = lambda solver: None
    manners: tuple[Mapping[str, int], ...] = MANNERS
    outcome: Outcome = field(default_factory=Outcome)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self) -> Outcome:
        """What is found until the limits; an interrupt ends the search, and what was found stands."""
        order = self.manners if self.counting else self.manners[::-1]
        if len(order) == 1:
            self._alone(order[0])
        elif self.limits.workers > 1:
            self._together(order)
        else:
            self._in_turns(order)
        return self.outcome

    def _alone(self, manner: Mapping[str, int]) -> None:
        solver = self._solver(manner, self.limits.workers, self.limits.left)
        self._wait([self._started(solver)], [solver])

    def _in_turns(self, order: Sequence[Mapping[str, int]]) -> None:
        """One thread: now this manner, now that, for longer and longer."""
        seconds = _ROUND
        while True:
            for manner, turn in zip(order, (_GROWTH * seconds, seconds), strict=True):
                solver = self._solver(manner, 1, min(turn, self.limits.left))
                self._wait([self._started(solver)], [solver])
                if self.outcome.ended or self.limits.left <= 0:
                    return
                if self.outcome.best is not None:
                    self.improved(self.outcome.best)
            seconds *= _GROWTH

    def _together(self, order: Sequence[Mapping[str, int]]) -> None:
        """Both at once, the first one a moment ahead; when one has ended, so has the other."""
        threads = {id(CLAUSES): 1, id(RELAXATIONS): max(1, self.limits.workers - 1)}
        solvers = [self._solver(manner, threads[id(manner)], self.limits.left) for manner in order]
        running = [self._started(solvers[0])]
        self._wait(running, solvers[:1], _HEAD_START)
        if not running[0].is_set() and self.limits.left > 0:
            solvers[1].parameters.max_time_in_seconds = max(0.01, self.limits.left)
            running.append(self._started(solvers[1]))
        self._wait(running, solvers[: len(running)])

    def _solver(self, manner: Mapping[str, int], workers: int, seconds: float) -> cp_model.CpSolver:
        solver = cp_model.CpSolver()
        solver.parameters.max_time_in_seconds = max(0.01, seconds)
        solver.parameters.num_workers = workers
        solver.parameters.random_seed = self.limits.seed
        solver.parameters.catch_sigint_signal = False
        for name, value in manner.items():
            setattr(solver.parameters, name, value)
        return solver

    def _started(self, solver: cp_model.CpSolver) -> threading.Event:
        """Solve in a thread of its own, so that an interrupt reaches Python."""
        done = threading.Event()  # an interrupted Thread.join may take the thread for ended (CPython issue 89437)

        def work() -> None:
            try:
                status = solver.solve(self.model)
                with self.lock:
                    self.outcome.add(status, solver)
            finally:
                done.set()

        threading.Thread(target=work, daemon=True).start()
        return done

    def _wait(self, running: list[threading.Event], solvers: list[cp_model.CpSolver], seconds: float = 1e9) -> None:
        """Until all have ended, or the seconds are over; when one has the answer, or the user wants it, stop all."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            waiting = [done for done in running if not done.is_set()]
            if not waiting:
                return
            try:
                stopping = self.outcome.ended or self.limits.interrupted
                if stopping:
                    for solver in solvers:
                        solver.stop_search()  # before the solver has started this does nothing, so say it again
                waiting[0].wait(min(left, _POLL if stopping or len(waiting) > 1 else _LOOK))
            except KeyboardInterrupt:
                self.limits.interrupt()
