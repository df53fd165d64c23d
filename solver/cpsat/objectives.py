"""The objectives as linear expressions: one function for each, named after the objective.

Each returns an expression in *units*, the bytes (or the count) of one unit and
a constant, so that ``value = unit * expression + constant``.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from math import gcd

from ortools.sat.python import cp_model

from solver.cpsat.constraints import Constraints
from solver.cpsat.variables import BarVars, Expression, Literal, Variables, WindowVars


@dataclass(frozen=True, slots=True)
class Term:
    """An objective: ``unit * expression + constant``."""

    expression: Expression
    unit: int = 1
    constant: int = 0

    def value(self, units: int) -> int:
        return self.unit * units + self.constant

    def units(self, value: int) -> int:
        """The largest number of units whose value is at most ``value``."""
        return (value - self.constant) // self.unit


def objective(name: str, variables: Variables, constraints: Constraints, unplaceable: int) -> Term:
    """The term of a named objective.

    Parameters
    ----------
    unplaceable
        Required BARs that no root window can hold; they are in no model.
    """
    if name == "unplaced":
        return unplaced(variables, unplaceable)
    if name == "moved_bars":
        return moved_bars(variables)
    if name == "moved_functions":
        return moved_functions(variables)
    if name == "windows_changed":
        return windows_changed(variables)
    return wasted_bytes(variables, constraints)


def unplaced(variables: Variables, unplaceable: int) -> Term:
    """Required BARs left without an address."""
    missing = [1 - bar.present for bar in variables.bars if bar.item.required and not isinstance(bar.present, bool)]
    return Term(sum(missing), constant=unplaceable)


def moved_bars(variables: Variables) -> Term:
    """BARs that leave the address they have."""
    leaving = [1 - bar.stays for bar in variables.bars if bar.stays is not None]
    return Term(sum(leaving), constant=sum(bar.item.evicted for bar in variables.bars))


def moved_functions(variables: Variables) -> Term:
    """Functions of which at least one BAR leaves its address."""
    model = variables.model
    stays: dict[str, list[cp_model.IntVar]] = defaultdict(list)
    evicted: set[str] = set()
    for bar in variables.bars:
        if bar.item.evicted:
            evicted.add(bar.item.key.function)
        elif bar.stays is not None:
            stays[bar.item.key.function].append(bar.stays)
    moves = []
    for function, literals in stays.items():
        if function not in evicted:
            moved = model.new_bool_var(f"{function} moves")
            for literal in literals:
                model.add_implication(moved.negated(), literal)
            moves.append(moved)
    return Term(sum(moves), constant=len(evicted))


def windows_changed(variables: Variables) -> Term:
    """Bridge windows whose range differs from today's."""
    return Term(sum(_changed(variables, window) for window in variables.windows))


def _changed(variables: Variables, window: WindowVars) -> Expression:
    model, item = variables.model, window.item
    if item.today is None:
        return window.open
    changed = model.new_bool_var(f"{item.key} changes")
    start, end = variables.units(item.space, item.today)
    same = changed.negated()
    model.add_implication(same, window.open)
    model.add(window.start == start).only_enforce_if(same)
    model.add(window.end == end).only_enforce_if(same)
    return changed


def wasted_bytes(variables: Variables, constraints: Constraints) -> Term:
    """Bytes inside the windows of root-bus bridges that back no BAR."""
    constant = 0
    terms: list[tuple[int, Expression]] = []
    for window in variables.windows:
        if window.item.bus.parent is None:
            terms.append((variables.granule[window.item.space], window.end - window.start))
    for bar in variables.bars:
        item = bar.item
        if item.bus.parent is None or item.stand_in:
            continue
        literals = constraints.inside[item.key] if item.nested else _backs_anyway(variables, bar)
        if item.nested and item.key in constraints.always_inside:
            literals = [bar.present]
        for literal in literals:
            if isinstance(literal, bool):
                constant -= item.span
            else:
                terms.append((-item.span, literal))
    unit = gcd(*(abs(factor) for factor, _ in terms)) or 1
    return Term(sum(factor // unit * expression for factor, expression in terms), unit, constant)


def _backs_anyway(variables: Variables, bar: BarVars) -> list[Literal]:
    """Whether an immovable BAR that lies in no window of its bus is inside a root-bus bridge's window all the same."""
    literals: list[Literal] = []
    for window in variables.windows:
        item = window.item
        if item.bus.parent is None and item.atom == bar.item.atom and item.space == bar.item.space:
            literal = variables.model.new_bool_var(f"{bar.item.key} in {item.key}")
            variables.model.add(window.start <= bar.start).only_enforce_if(literal)
            variables.model.add(window.end >= bar.end).only_enforce_if(literal)
            literals.append(literal)
    if len(literals) > 1:
        variables.model.add_at_most_one(literals)
    return literals
