"""Objectives that count, minimised at once: a sum in which each outweighs all that come behind it.

What a search learns while it minimises the first objective helps with the
second one only if both are in one model. The sum is the same order: where
weights are larger than all that is behind them can be worth, the least sum is
the least value of the first objective, with it the least of the second, and so
on, and what bounds the sum bounds them one by one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ortools.sat.python import cp_model

from solver.cpsat.objectives import Term
from solver.cpsat.variables import Expression

_LARGEST = 1 << 31
"""The largest sum; the solver is surest of its ground with small numbers."""


@dataclass(frozen=True, slots=True)
class _Rank:
    """One objective in the sum: its weight, and the least number of units it can be."""

    name: str
    term: Term
    weight: int
    low: int


class Ranking:
    """Some objectives, one after the other, as one sum.

    Parameters
    ----------
    names
        Objectives in their order.
    terms
        The term of each.
    """

    def __init__(self, model: cp_model.CpModel, names: Sequence[str], terms: Mapping[str, Term]) -> None:
        self.ranks: list[_Rank] = []
        weight = 1
        for name in reversed(names):
            low, high = terms[name].reach(model)
            self.ranks.insert(0, _Rank(name, terms[name], weight, low))
            weight *= high - low + 1
        self.largest = weight

    @property
    def is_small(self) -> bool:
        """Whether the sum stays within what the solver handles well."""
        return self.largest <= _LARGEST

    @property
    def expression(self) -> Expression:
        """The sum; each objective counts from the least it can be."""
        return sum(rank.weight * (rank.term.expression - rank.low) for rank in self.ranks)

    def bounds(self, least: int, values: Mapping[str, int]) -> dict[str, int]:
        """Bounds of the objectives that follow from one of the sum, up to the first that ``values`` does not reach."""
        found: dict[str, int] = {}
        for rank in self.ranks:
            units = rank.low + max(0, least) // rank.weight
            found[rank.name] = rank.term.value(units)
            if found[rank.name] != values.get(rank.name):
                break
            least -= (units - rank.low) * rank.weight
        return found
