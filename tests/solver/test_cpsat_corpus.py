"""The exact engine on every real machine: proved, legal, and no worse than any greedy engine."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.corpus import EXACT, Row, Run, Task, name_of, run_machine
from benchmarks.corpus_counts import refusal_of
from models.plan import Status
from models.topology import BarKey
from solver.engines import ENGINES
from solver.request import Request
from tests.corpus import CORPUS, machines, needs_corpus

pytestmark = needs_corpus

TASK = Task(tuple(ENGINES), ("moves", "waste"), Request(time_limit=60))


READABLE = [folder for folder in machines() if refusal_of(name_of(folder, CORPUS)) is None] or [CORPUS / "absent"]


@pytest.fixture(scope="module", params=READABLE, ids=lambda folder: name_of(folder, CORPUS))
def row(request: pytest.FixtureRequest) -> Row:
    """One machine, solved by every engine."""
    folder: Path = request.param
    return run_machine(folder, name_of(folder, CORPUS), TASK)


def exact(row: Row) -> list[Run]:
    return [run for run in row.runs if run.engine == EXACT]


def test_nothing_fails(row: Row) -> None:
    assert row.was_read
    assert row.failed == []


def test_every_plan_is_proved(row: Row) -> None:
    assert len(exact(row)) == 2
    for run in exact(row):
        assert run.result is not None
        plan = run.result.plan
        assert plan.status is Status.OPTIMAL or (plan.status is Status.INFEASIBLE and plan.warnings)
        assert all(objective.value == objective.bound for objective in plan.objectives)


def test_no_plan_breaks_a_rule(row: Row) -> None:
    for run in exact(row):
        assert run.result is not None
        assert run.result.breaches == ()


def test_no_plan_is_worse_than_a_greedy_one(row: Row) -> None:
    assert row.worse() == []


def test_nothing_that_may_not_move_moves(row: Row) -> None:
    for run in exact(row):
        assert run.result is not None
        immovable = Request().mobility(run.result.topology).immovable
        moved: set[BarKey] = {bar.key for bar in run.result.plan.bars if bar.before != bar.after}
        assert not moved & immovable
