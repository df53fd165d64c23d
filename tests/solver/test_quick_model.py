"""What is written straight into a model is what OR-Tools itself would have written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ortools.sat.python import cp_model

from solver.cpsat.quick_model import QuickModel

Stated = Callable[[Any, Any, Any], Any]


def variables(model: cp_model.CpModel) -> tuple[Any, Any, Any]:
    return model.new_int_var(0, 99, "x"), model.new_int_var(-5, 99, "y"), model.new_bool_var("b")


CONSTRAINTS: dict[str, Stated] = {
    "two variables": lambda x, y, b: x <= y,
    "an offset": lambda x, y, b: x >= 4 * y + 7,
    "three variables": lambda x, y, b: 3 * x + 1 == 16 * y - 2 * b,
    "a gap": lambda x, y, b: x != y + 2,
    "one variable": lambda x, y, b: x < 12,
    "nothing": lambda x, y, b: x - x <= 3,
    "true": lambda x, y, b: True,
    "false": lambda x, y, b: False,
}
LITERALS: dict[str, Callable[[Any], Any]] = {
    "variable": lambda b: b,
    "negation": lambda b: ~b,
    "always": lambda b: True,
    "never": lambda b: False,
}


@pytest.mark.parametrize("constraint", CONSTRAINTS)
@pytest.mark.parametrize("literal", LITERALS)
def test_a_constraint_behind_a_literal(constraint: str, literal: str) -> None:
    quick, plain = QuickModel(), cp_model.CpModel()
    x, y, b = variables(quick)
    quick.add_if(LITERALS[literal](b), CONSTRAINTS[constraint](x, y, b))
    x, y, b = variables(plain)
    plain.add(CONSTRAINTS[constraint](x, y, b)).only_enforce_if(LITERALS[literal](b))
    assert str(quick.proto) == str(plain.proto)
    assert not quick.validate()


@pytest.mark.parametrize("first", LITERALS)
@pytest.mark.parametrize("second", LITERALS)
def test_a_literal_behind_a_literal(first: str, second: str) -> None:
    quick, plain = QuickModel(), cp_model.CpModel()
    one, other = quick.new_bool_var("a"), quick.new_bool_var("b")
    quick.add_if_also(LITERALS[first](one), LITERALS[second](other))
    one, other = plain.new_bool_var("a"), plain.new_bool_var("b")
    plain.add_implication(LITERALS[first](one), LITERALS[second](other))
    assert str(quick.proto) == str(plain.proto)
