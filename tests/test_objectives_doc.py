"""docs/objectives.md does not rot: it has every objective, every order, and what they stand for."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from models.placement import Measures
from solver.request import OBJECTIVES, PRESETS, WINDOW_RULES

TEXT = (Path(__file__).resolve().parents[1] / "docs" / "objectives.md").read_text(encoding="utf-8")
ROWS = dict(re.findall(r"^\| `(\w+)` \| (.+) \|$", TEXT, re.MULTILINE))


@pytest.mark.parametrize("name", OBJECTIVES)
def test_every_objective_is_defined_and_measured(name: str) -> None:
    assert f"\n| `{name}` | " in TEXT
    assert isinstance(getattr(Measures(0, 0, 0, 0, 0, 0, 0), name), int)


@pytest.mark.parametrize("name", PRESETS)
def test_every_order_is_spelled_out(name: str) -> None:
    assert f"| `{name}` | `{','.join(PRESETS[name])}` |" in TEXT


@pytest.mark.parametrize("name", WINDOW_RULES)
def test_every_window_rule_is_there(name: str) -> None:
    assert f"`--window-rule {name}`" in " ".join(TEXT.split())


def test_nothing_is_there_that_does_not_exist() -> None:
    assert set(ROWS) == {*OBJECTIVES, *PRESETS}
