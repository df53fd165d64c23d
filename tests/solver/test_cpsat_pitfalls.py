"""On every pitfall of greedy allocation the exact engine reaches what a legal placement can, and proves it."""

from __future__ import annotations

import pytest

from models.mobility import Policy
from models.plan import Status
from solver.cpsat.engine import solve
from solver.request import PRESETS, Request
from tests.pitfalls import PITFALLS


@pytest.mark.parametrize("name", PITFALLS)
@pytest.mark.parametrize("preset", PRESETS)
def test_the_witness_is_found_and_proved(name: str, preset: str) -> None:
    pitfall = PITFALLS[name]
    result = solve(pitfall.build(), Request(policy=Policy.ALWAYS, minimize=PRESETS[preset], workers=1))
    assert result.plan.status is Status.OPTIMAL
    assert result.breaches == ()
    assert result.measures.unplaced == pitfall.witness
    assert result.measures.lost_bars == 0


@pytest.mark.parametrize("name", [name for name, pitfall in PITFALLS.items() if pitfall.moves is not None])
def test_the_fewest_moves_are_proved(name: str) -> None:
    pitfall = PITFALLS[name]
    result = solve(pitfall.build(), Request(policy=Policy.ALWAYS, workers=1))
    moved = next(objective for objective in result.plan.objectives if objective.name == "moved_bars")
    assert (moved.value, moved.bound) == (pitfall.moves, pitfall.moves)
