"""Objectives in one sum: the least sum is the first in order, and what bounds the sum bounds each of them."""

from __future__ import annotations

import time
from itertools import product

import pytest
from ortools.sat.python import cp_model

from solver.cpsat.limits import Crew, Limits
from solver.cpsat.objectives import Term
from solver.cpsat.race import CLAUSES, CORES, Manner, Race
from solver.cpsat.ranking import Ranking

NAMES = ("first", "second", "third")


def model() -> tuple[cp_model.CpModel, dict[str, Term], list[cp_model.IntVar]]:
    """Three objectives with negative factors, constants and units over three truth values and a number."""
    made = cp_model.CpModel()
    a, b, c = (made.new_bool_var(name) for name in "abc")
    k = made.new_int_var_from_domain(cp_model.Domain.from_intervals([[-2, -1], [1, 3]]), "k")
    terms = {"first": Term(2 - a - b), "second": Term(a + c - k, 4096, 7), "third": Term(3 * b - 2 * c + k, 2, -5)}
    return made, terms, [a, b, c, k]


def points() -> list[dict[str, int]]:
    """What each objective is worth at every point."""
    found = []
    for a, b, c, k in product((0, 1), (0, 1), (0, 1), (-2, -1, 1, 2, 3)):
        if k > 1 and a + b > 1:
            continue
        found.append({"first": 2 - a - b, "second": 4096 * (a + c - k) + 7, "third": 2 * (3 * b - 2 * c + k) - 5})
    return found


def units(terms: dict[str, Term], values: dict[str, int]) -> dict[str, int]:
    return {name: terms[name].units(values[name]) for name in NAMES}


def total(ranking: Ranking, found: dict[str, int]) -> int:
    return sum(rank.weight * (found[rank.name] - rank.low) for rank in ranking.ranks)


@pytest.mark.parametrize("manners", [(CORES,), (CLAUSES,), (CORES, CLAUSES)], ids=["cores", "clauses", "both"])
def test_the_least_sum_is_the_first_in_order(manners: tuple[Manner, ...]) -> None:
    made, terms, (a, b, _, k) = model()
    made.add(a + b <= 1).only_enforce_if(at_least_two(made, k))
    ranking = Ranking(made, NAMES, terms)
    made.minimize(ranking.expression)
    outcome = Race(made, Limits(time.monotonic() + 60, Crew(2)), counting=True, manners=manners).run()
    assert outcome.status == cp_model.OPTIMAL
    assert outcome.best is not None
    values = {name: term.value(int(outcome.best.value(term.expression))) for name, term in terms.items()}
    assert list(values.values()) == min(list(point.values()) for point in points())
    assert ranking.bounds(round(outcome.bound), values) == values


def at_least_two(made: cp_model.CpModel, number: cp_model.IntVar) -> cp_model.IntVar:
    literal = made.new_bool_var("at least two")
    made.add(number >= 2).only_enforce_if(literal)
    made.add(number <= 1).only_enforce_if(~literal)
    return literal


def test_sums_order_points_as_their_values_do() -> None:
    made, terms, _ = model()
    ranking = Ranking(made, NAMES, terms)
    sums = [total(ranking, units(terms, point)) for point in points()]
    for point, mine in zip(points(), sums, strict=True):
        for other, theirs in zip(points(), sums, strict=True):
            assert (list(point.values()) < list(other.values())) == (mine < theirs)
    assert min(sums) >= 0
    assert max(sums) < ranking.largest


def test_what_bounds_the_sum_bounds_each_objective_with_the_earlier_ones_at_their_bounds() -> None:
    made, terms, _ = model()
    ranking = Ranking(made, NAMES, terms)
    best = min(points(), key=lambda point: list(point.values()))
    for least in range(total(ranking, units(terms, best)) + 1):
        bounds = ranking.bounds(least, best)
        assert list(bounds) == list(NAMES[: len(bounds)])
        for number, name in enumerate(bounds):
            assert bounds[name] <= best[name]
            if bounds[name] != best[name]:
                assert number == len(bounds) - 1
        above = [point for point in points() if total(ranking, units(terms, point)) >= least]
        for number, (name, bound) in enumerate(bounds.items()):
            earlier = NAMES[:number]
            assert all(point[name] >= bound for point in above if all(point[one] == bounds[one] for one in earlier))


def test_what_is_no_bound_bounds_nothing() -> None:
    made, terms, _ = model()
    values = {"first": 0, "second": 7, "third": 0}
    assert Ranking(made, NAMES, terms).bounds(-(1 << 60), values) == {"first": 0, "second": -4096 * 3 + 7}


def test_a_sum_that_grows_too_large_is_not_small() -> None:
    made = cp_model.CpModel()
    costs = [made.new_int_var(0, 1 << 20, f"{number}") for number in range(2)]
    terms = {"first": Term(costs[0]), "second": Term(costs[1]), "third": Term(0)}
    assert not Ranking(made, NAMES, terms).is_small
    assert Ranking(made, NAMES[:1], terms).is_small
