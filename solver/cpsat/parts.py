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


class Tally:
    """What a part, or all, of a model is worth, as terms of that model.

    Parameters
    ----------
    part
        Its items are all in the model; those of its own parts are all of its items.
    """

    def __init__(self, part: Part, variables: Variables, constraints: Constraints) -> None:
        self.floors, self.model, self.constraints = part.floors, variables.model, constraints
        self.variables = variables.of(part.bars, part.windows)
        self.inner = [Tally(each, self.variables, constraints) for each in part.parts]
        self.terms: dict[str, Term] = {}
        self.reached: dict[str, cp_model.IntVar] = {}
        self.open: list[str] = []
        """Earlier objectives of which it is not known that all parts are at their floors."""

    def term(self, name: str) -> Term:
        """The objective of this part: the sum of those of its own."""
        if name not in self.terms:
            own = [tally.whole(name) for tally in self.inner]
            self.terms[name] = total(own) if own else objective(name, self.variables, self.constraints)
        return self.terms[name]

    def whole(self, name: str) -> Term:
        """The term as one variable, where it counts: whatever it is made of, it is one thing to a search by cores."""
        term = self.term(name)
        if self.inner or name in BYTES or isinstance(term.expression, int):
            return term
        low, high = term.reach(self.model)
        variable = self.model.new_int_var(low, high, f"{name} of a part")
        self.model.add(variable == term.expression)
        self.terms[name] = Term(variable, term.unit, term.constant)
        return self.terms[name]

    def hold(self, names: Sequence[str]) -> None:
        """no part is worth less than its floor, while it is at its floors of what came before.

        Parameters
        ----------
        names
            Objectives in their order, all behind those that are settled.
        """
        for tally in self.inner:
            tally._stay_above(self.open, names)
            tally.hold(names)

    def _stay_above(self, open_: Sequence[str], names: Sequence[str]) -> None:
        reached: list[cp_model.IntVar] = []
        for name in (*open_, *names):
            term, floor = self.term(name), self.floors[name]
            if isinstance(term.expression, int):
                if term.value(term.expression) > floor:  # nothing is known of what comes behind
                    return
                continue
            if name in names:
                self.model.add(term.expression >= term.least(floor)).only_enforce_if(reached)
            if name != names[-1]:
                reached.append(self._is_at(name))

    def _is_at(self, name: str) -> cp_model.IntVar:
        """Whether the objective is no more than its floor."""
        if name not in self.reached:
            term, literal = self.term(name), self.model.new_bool_var("")
            most = term.units(self.floors[name])
            self.model.add_if(literal, term.expression <= most)
            self.model.add_if(literal.negated(), term.expression >= most + 1)
            self.reached[name] = literal
        return self.reached[name]

    def settle(self, name: str, value: int | None) -> None:
        """The objective is worth no more than this from now on: if that is all floors, each part is at its own.

        Parameters
        ----------
        value
            ``None`` where it is not known.
        """
        certain = value is not None and not self.open and value == sum(tally.floors[name] for tally in self.inner)
        if not certain:
            self.open.append(name)
        for tally in self.inner:
            term, floor = tally.term(name), tally.floors[name]
            if certain and not isinstance(term.expression, int):
                self.model.add(term.expression <= term.units(floor))
            tally.settle(name, floor if certain else None)


def total(terms: Sequence[Term]) -> Term:
    """The sum of some terms."""
    unit = gcd(*(term.unit for term in terms if not isinstance(term.expression, int))) or 1
    constant = sum(term.constant for term in terms)
    constant += sum(term.unit * term.expression for term in terms if isinstance(term.expression, int))
    open_ = [term.unit // unit * term.expression for term in terms if not isinstance(term.expression, int)]
    return Term(sum(open_), unit, constant)
