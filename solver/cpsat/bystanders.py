"""Groups of which nothing has to change, in the model of those that do: what only stands there need not be modelled.

A *bystander* is as it is today, at no cost. In the model of the others it stays
so, and what it takes on the root bus is in their way; or its BARs stay while a
window changes, and what its BARs span is in the way; or at least one of its
BARs moves, and only what can be nowhere else is. Each is less than what it
takes in any plan of that kind, so what the model proves holds for all groups
together, and where every bystander stays, its optimum is that of all. One that
does not stay becomes part of the model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from models.resources import Space
from solver.cpsat.constraints import Constraints
from solver.cpsat.objectives import Term
from solver.cpsat.quick_model import Literal
from solver.cpsat.variables import Expression, Variables
from solver.problem import Span

COUNTED = frozenset({"unplaced", "moved_bars", "windows_changed"})
"""Objectives of which it is known what a bystander that does not stay adds at the least."""


@dataclass(frozen=True, slots=True)
class Bystander:
    """What a group takes on the root bus, by what happens to it.

    Attributes
    ----------
    as_it_is
        Where nothing changes.
    drawn_in
        Where no BAR moves, at the least.
    pinned
        Whatever happens.
    """

    name: str
    as_it_is: Sequence[tuple[Space, Span]]
    drawn_in: Sequence[tuple[Space, Span]]
    pinned: Sequence[tuple[Space, Span]]


class Bystanders:
    """Adds bystanders to the model of other groups.

    Parameters
    ----------
    constraints
        Of that model, before what is disjoint is added.
    """

    def __init__(self, bystanders: Sequence[Bystander], variables: Variables, constraints: Constraints) -> None:
        self.variables, self.constraints, self.model = variables, constraints, variables.model
        self.changes: list[Expression] = []
        self.moves: list[Expression] = []
        self.stays: list[Literal] = []
        for each in bystanders:
            stays = self.model.new_bool_var(f"{each.name} stays")
            changes = self.model.new_bool_var(f"{each.name} changes windows")
            moves = self.model.new_bool_var(f"{each.name} moves")
            self.model.add_exactly_one(stays, changes, moves)
            self._stand(each.as_it_is, stays)
            self._stand(each.drawn_in, changes)
            self._stand(each.pinned, moves)
            self.stays.append(stays)
            self.changes.append(changes)
            self.moves.append(moves)

    def with_cost(self, name: str, term: Term) -> Term:
        """An objective with what bystanders that do not stay add to it at the least."""
        added = {"moved_bars": self.moves, "windows_changed": self.changes}.get(name, [])
        return Term(term.expression + sum(added), term.unit, term.constant) if added else term

    def hint(self) -> None:
        """All stay."""
        for stays in self.stays:
            self.model.add_hint(stays, True)

    def _stand(self, spans: Sequence[tuple[Space, Span]], literal: Literal) -> None:
        """What is in the way while the literal holds, but for parts of granules: that is no more than there is."""
        for space, (low, high) in spans:
            grain = self.variables.granule[space]
            start, end = -(-low // grain), high // grain
            if start < end:
                interval = self.model.new_optional_fixed_size_interval_var(start, end - start, literal, "bystander")
                self.constraints.beside[space].append(interval)
