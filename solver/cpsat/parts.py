"""What a joint model is made of: the least that each part is worth alone bounds it beside the others too.

Groups that collide become one, and what was proved of each is not forgotten.
Every part counts its own share of an objective, which is never less than what
the part reaches alone; so the search begins at the sum of these, and asks which
of the parts cannot stay at its least, instead of which BAR. Where all together
reach the sum, each part is at its least, and what comes behind is bounded too.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from math import gcd

from ortools.sat.python import cp_model

from solver.cpsat.constraints import Constraints
from solver.cpsat.objectives import BYTES, Term, objective
from solver.cpsat.variables import Variables
from solver.problem import BarItem, WindowItem


@dataclass(frozen=True, slots=True)
class Part:
    """Some functions of a group that were a group before.

    Attributes
    ----------
    floors
        Values by objective, in the order of the request, that the part does not undercut, each with all earlier ones
        at theirs.
    parts
        What it was made of itself.
    """

    bars: Collection[BarItem]
    windows: Collection[WindowItem]
    floors: Mapping[str, int]
    parts: tuple[Part, ...] = ()


class Share:
    """What a part, or all, of a model is worth, as terms of that model.

    Parameters
    ----------
    part
        Its items are all in the model; those of its own parts are all of its items.
    """

    def __init__(self, part: Part, variables: Variables, constraints: Constraints) -> None:
        self.floors, self.model, self.constraints = part.floors, variables.model, constraints
        self.variables = variables.of(part.bars, part.windows)
        self.shares = [Share(each, self.variables, constraints) for each in part.parts]
        self.terms: dict[str, Term] = {}
        self.counts = True
        """The floors of its shares hold: what came before is at theirs."""

    def term(self, name: str) -> Term:
        """The objective of this part: the sum of those of its own."""
        if name not in self.terms:
            self.terms[name] = total([share.whole(name) for share in self.shares]) if self.shares else self._own(name)
        return self.terms[name]

    def whole(self, name: str) -> Term:
        """The term as one variable, where it counts: whatever it is made of, it is one thing to a search by cores."""
        term = self.term(name)
        if self.shares or name in BYTES or isinstance(term.expression, int):
            return term
        low, high = term.reach(self.model)
        variable = self.model.new_int_var(low, high, f"{name} of a part")
        self.model.add(variable == term.expression)
        self.terms[name] = Term(variable, term.unit, term.constant)
        return self.terms[name]

    def _own(self, name: str) -> Term:
        return objective(name, self.variables, self.constraints)

    def hold(self, names: Sequence[str]) -> None:
        """No share is worth less than its floor, of the first objective, and of the next ones with it at that floor."""
        if not self.counts:
            return
        for share in self.shares:
            reached: list[cp_model.IntVar] = []
            for name, behind in zip(names, [*names[1:], None], strict=True):
                term, floor = share.term(name), share.floors[name]
                if isinstance(term.expression, int):
                    if term.value(term.expression) > floor:  # nothing is said of what comes behind
                        break
                    continue
                self.model.add(term.expression >= term.least(floor)).only_enforce_if(reached)
                if behind is not None:
                    reached.append(self._is_at(term, floor))
            share.hold(names)

    def _is_at(self, term: Term, floor: int) -> cp_model.IntVar:
        """Whether the term is no more than its floor."""
        literal = self.model.new_bool_var("")
        self.model.add(term.expression <= term.units(floor)).only_enforce_if(literal)
        self.model.add(term.expression >= term.units(floor) + 1).only_enforce_if(literal.negated())
        return literal

    def settle(self, name: str, value: int) -> None:
        """The objective is worth no more than this from now on: with all shares at their floors, or theirs end here."""
        self.counts = self.counts and value == sum(share.floors[name] for share in self.shares)
        for share in self.shares:
            if self.counts:
                term, floor = share.term(name), share.floors[name]
                if not isinstance(term.expression, int):
                    self.model.add(term.expression <= term.units(floor))
                share.settle(name, floor)


def total(terms: Sequence[Term]) -> Term:
    """The sum of some terms."""
    unit = gcd(*(term.unit for term in terms if not isinstance(term.expression, int))) or 1
    constant = sum(term.constant for term in terms)
    constant += sum(term.unit * term.expression for term in terms if isinstance(term.expression, int))
    open_ = [term.unit // unit * term.expression for term in terms if not isinstance(term.expression, int)]
    return Term(sum(open_), unit, constant)
