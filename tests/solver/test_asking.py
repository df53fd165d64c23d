"""What the solver is asked of one group: where the fewest left out are not proved, the rest counts all the same."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks.families.rack import make
from models.plan import Status
from solver.cpsat.asking import Asking
from solver.cpsat.engine import solve
from solver.cpsat.group import Group
from solver.cpsat.limits import Limits
from solver.cpsat.model import Answer, PlacementModel


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_moves_are_fewest_beside_as_many_as_are_left_out(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the search for fewer left out had ended for want of time, with a plan that moves more than it has to."""
    made = make(seed, bars=40, new=8, goal="moves-full")
    request = replace(made.request, workers=1, time_limit=60.0, options={"without": "floors"})
    best = solve(made.topology, request)
    assert best.plan.status is Status.OPTIMAL
    place_most = Asking._place_most
    left: list[float] = []

    def unproved(self: Asking, group: Group, bounds: dict[str, int], limits: Limits, start: Answer | None) -> Answer:
        left.append(limits.left)
        found = place_most(self, group, bounds, limits, start)
        found.bounds["unplaced"] = found.values["unplaced"] - 1
        return found

    monkeypatch.setattr(Asking, "_place_most", unproved)
    result = solve(made.topology, request)
    assert 0 < max(left) <= 48  # a fifth is kept for the rest
    assert result.legal
    assert result.plan.status is Status.FEASIBLE
    unplaced, *others = result.plan.objectives
    assert unplaced.bound is not None
    assert unplaced.value is not None
    assert unplaced.bound < unplaced.value
    assert [each.bound for each in others] == [None] * len(others)
    assert [each.value for each in result.plan.objectives] == [each.value for each in best.plan.objectives]


@pytest.mark.parametrize(("limit", "least", "most"), [(2.0, 0.5, 1.0), (60.0, 9.0, 12.0)])
def test_what_leaves_nothing_out_has_a_second_where_there_is_one(
    limit: float, least: float, most: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a fifth of a moment it comes to no end, and is of no use then; more than a fifth of much would be lost."""
    made = make(1, bars=40, new=8, goal="moves")
    given: list[float] = []
    directly = Asking._all_placed

    def noted(self: Asking, group: Group, model: PlacementModel, bounds: dict[str, int], limits: Limits) -> Answer:
        given.append(limits.left)
        return directly(self, group, model, bounds, limits)

    monkeypatch.setattr(Asking, "_all_placed", noted)
    assert solve(made.topology, replace(made.request, workers=1, time_limit=limit)).legal
    assert least < max(given) <= most
