"""Several manners of search side by side: what one found and the other proved is put together, and a denial is told."""

from __future__ import annotations

import time
from dataclasses import dataclass
from itertools import pairwise
from math import inf

import pytest
from ortools.sat.python import cp_model

from solver.cpsat import race
from solver.cpsat.limits import Crew, Limits
from solver.cpsat.race import AFRESH, CLAUSES, CORES, MANNERS, RELAXATIONS, Manner, Outcome, Race, Turn


def limits(workers: int = 2, seconds: float = 60.0) -> Limits:
    return Limits(time.monotonic() + seconds, Crew(workers))


def stairs(steps: int) -> cp_model.CpModel:
    """Numbers of which each is larger than the one before: the last is ``steps`` at least."""
    model = cp_model.CpModel()
    numbers = [model.new_int_var(0, 2 * steps, f"{number}") for number in range(steps + 1)]
    for before, after in pairwise(numbers):
        model.add(after > before)
    model.minimize(numbers[-1])
    return model


def solved(model: cp_model.CpModel) -> tuple[object, cp_model.CpSolver]:
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.catch_sigint_signal = False  # else the next interrupt ends the process
    return solver.solve(model), solver


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Turn]:
    """Turns that were taken."""
    turns: list[Turn] = []
    plain = Race._solver

    def noted(self: Race, turn: Turn) -> cp_model.CpSolver:
        turns.append(turn)
        return plain(self, turn)

    monkeypatch.setattr(Race, "_solver", noted)
    return turns


@pytest.mark.parametrize("workers", [1, 2, 4])
@pytest.mark.parametrize("counting", [True, False])
@pytest.mark.parametrize("manners", [MANNERS, (CLAUSES,), (AFRESH,), (RELAXATIONS,), (CORES,), (CORES, CLAUSES)])
def test_every_manner_finds_the_same_optimum(workers: int, counting: bool, manners: tuple[Manner, ...]) -> None:
    outcome = Race(stairs(6), limits(workers), counting, manners=manners).run()
    assert outcome.status == cp_model.OPTIMAL
    assert outcome.best is not None
    assert outcome.best.objective_value == outcome.bound == 6


def test_what_both_find_infeasible_is_infeasible() -> None:
    model = stairs(3)
    model.add_bool_or([])
    outcome = Race(model, limits(), counting=True).run()
    assert (outcome.status, outcome.best, outcome.contradiction) == (cp_model.INFEASIBLE, None, False)


def test_a_plan_of_one_that_the_other_denies_is_a_contradiction() -> None:
    found, denied = solved(stairs(3)), cp_model.CpSolver()
    for order in ((found, (cp_model.INFEASIBLE, denied)), ((cp_model.INFEASIBLE, denied), found)):
        outcome = Outcome()
        for status, solver in order:
            outcome.add(status, solver)
        assert outcome.contradiction


def test_the_plan_of_one_at_the_bound_of_the_other_is_optimal() -> None:
    _, best = solved(stairs(5))
    outcome = Outcome()
    outcome.add(cp_model.FEASIBLE, best)
    assert outcome.status == cp_model.OPTIMAL  # its own bound is the value
    outcome = Outcome(bound=4.0)
    assert outcome.status == cp_model.UNKNOWN
    outcome.add(cp_model.FEASIBLE, best)
    assert (outcome.status, outcome.bound) == (cp_model.OPTIMAL, 5.0)


def test_an_interrupt_ends_it_at_once() -> None:
    ended = limits()
    ended.interrupt()
    started = time.monotonic()
    outcome = Race(stairs(400), ended, counting=True).run()
    assert time.monotonic() - started < 30
    assert outcome.status in (cp_model.UNKNOWN, cp_model.FEASIBLE, cp_model.OPTIMAL)
    assert ended.left == 0


def test_a_crew_divides_its_threads_among_the_searches_that_run() -> None:
    all_ = limits(workers=5)
    assert all_.share(0.5).workers == 5
    all_.crew.searches = 7
    assert all_.workers == 1
    for _ in range(5):
        all_.crew.one_less()
    assert all_.share(0.1).workers == 2
    all_.crew.one_less()
    all_.crew.one_less()
    assert all_.workers == 5


@dataclass
class Told:
    """What a solver says."""

    objective_value: float
    best_objective_bound: float


def outcome_of(*told: tuple[object, float, float]) -> Outcome:
    outcome = Outcome()
    for status, value, bound in told:
        outcome.add(status, Told(value, bound))  # type: ignore[arg-type]
    return outcome


def test_a_plan_below_a_proved_optimum_is_a_contradiction() -> None:
    assert outcome_of((cp_model.OPTIMAL, 10, 10), (cp_model.FEASIBLE, 7, 0)).contradiction
    assert outcome_of((cp_model.FEASIBLE, 7, 0), (cp_model.UNKNOWN, 0, 8)).contradiction
    assert not outcome_of((cp_model.OPTIMAL, 7, 7), (cp_model.FEASIBLE, 9, 0)).contradiction


def test_a_bound_without_a_plan_may_end_the_race_and_none_is_taken_from_silence() -> None:
    ended = outcome_of((cp_model.FEASIBLE, 5, 3), (cp_model.UNKNOWN, 0, 5))
    assert (ended.status, ended.ended) == (cp_model.OPTIMAL, True)
    below = outcome_of((cp_model.FEASIBLE, -5, -9), (cp_model.UNKNOWN, 0, 0))
    assert (below.status, below.bound) == (cp_model.FEASIBLE, -9)


def test_a_contradiction_ends_the_race() -> None:
    model = stairs(3)
    model.add_bool_or([])
    known = outcome_of((cp_model.FEASIBLE, 5, 3))
    started = time.monotonic()
    outcome = Race(model, limits(workers=1, seconds=30), counting=True, outcome=known).run()
    assert outcome.contradiction
    assert time.monotonic() - started < 20


def test_shares_and_moments_end_no_later_than_the_whole() -> None:
    all_ = limits(seconds=100)
    assert all_.share(0.5).left <= 50
    assert all_.moment(10).left <= 10
    assert all_.moment(1000).deadline == all_.deadline
    all_.share(0.5).interrupt()
    assert all_.interrupted


def test_a_failure_in_a_lane_ends_the_race_and_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(race: Race, turn: object) -> cp_model.CpSolver:
        raise RuntimeError("no solver")

    monkeypatch.setattr(Race, "_solver", fails)
    with pytest.raises(RuntimeError, match="no solver"):
        Race(stairs(5), limits(), counting=True).run()


def test_one_thread_takes_turns_until_one_manner_has_the_answer(
    asked: list[Turn], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(race, "_ROUND", 1e-9)
    monkeypatch.setattr(race, "_QUICK_SECONDS", 1e-9)
    outcome = Race(stairs(60), limits(workers=1), counting=True).run()
    assert outcome.status == cp_model.OPTIMAL
    assert {turn.threads for turn in asked} == {1}
    quick, *turns = asked
    assert quick.manner.items() > CLAUSES.items()
    assert [turn.manner for turn in turns[:3]] == [CLAUSES, AFRESH, RELAXATIONS][: len(turns)]
    assert all(later.seconds >= earlier.seconds for earlier, later in zip(turns, turns[3:], strict=False))


def test_cores_are_not_cut_off(asked: list[Turn]) -> None:
    """Their bound is all they have, and it would be lost between turns."""
    assert Race(stairs(6), limits(workers=1), counting=True, manners=(CORES, CLAUSES)).run().bound == 6
    assert asked == [Turn(CORES, 1, inf, asked[0].seed)]


@pytest.mark.parametrize(("workers", "lanes"), [(1, 1), (2, 2)])
def test_a_second_lane_joins_where_there_is_a_thread(workers: int, lanes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(race, "_HEAD_START", {True: -1.0, False: -1.0})
    plain = Race._drive

    def slow(self: Race, lane: object) -> None:
        patience = time.monotonic() + 20.0
        while len(self.lanes) < lanes and time.monotonic() < patience:
            time.sleep(0.01)
        plain(self, lane)  # type: ignore[arg-type]

    monkeypatch.setattr(Race, "_drive", slow)
    searched = Race(stairs(30), limits(workers), counting=True)
    assert searched.run().status == cp_model.OPTIMAL
    assert len(searched.lanes) == lanes
