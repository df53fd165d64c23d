"""What the user asks of an engine."""

from __future__ import annotations

import pickle
from dataclasses import fields

import pytest

from models.errors import InputError
from models.mobility import Policy
from models.placement import Measures
from solver.request import OBJECTIVES, PRESETS, Request, parse_minimize
from tests.topologies import UNKNOWN, bar, function, key, machine


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_is_a_name_for_an_order(preset: str) -> None:
    assert parse_minimize(preset) == PRESETS[preset]
    assert parse_minimize(",".join(PRESETS[preset])) == PRESETS[preset]


def test_orders_are_spelled_out_with_blanks_or_without() -> None:
    assert parse_minimize("moved_functions, unplaced") == ("moved_functions", "unplaced")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("speed", "--minimize: unknown objective 'speed', expected one of moves, waste, rebar, headroom, unplaced, "),
        ("unplaced,", "--minimize: unknown objective ''"),
        ("", "--minimize: unknown objective ''"),
        ("unplaced,moves", "--minimize: unknown objective 'moves'"),
        ("unplaced,unplaced", "--minimize: an objective stands twice"),
    ],
)
def test_wrong_orders_are_named(text: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_minimize(text)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_every_objective_is_measured(name: str) -> None:
    values = range(1, len(fields(Measures)) + 1)
    assert Measures(*values).value(name) in values


@pytest.mark.parametrize("preset", PRESETS)
def test_presets_place_what_they_can_first(preset: str) -> None:
    assert PRESETS[preset][0] == "unplaced"
    assert set(PRESETS[preset]) <= set(OBJECTIVES)


def test_mobility_follows_policy_pins_and_frees() -> None:
    topology = machine(
        function("00:01.0", bar(0, at=0x80000000), bar(1, at=0x80100000)),
        function("00:02.0", bar(0, at=0x80200000), driver=UNKNOWN),
    )
    first, pinned, unknown = key("00:01.0"), key("00:01.0", 1), key("00:02.0")
    assert Request().mobility(topology).immovable == {unknown}
    assert Request(pins=frozenset({pinned})).mobility(topology).immovable == {pinned, unknown}
    assert Request(frees=frozenset({unknown})).mobility(topology).immovable == frozenset()
    assert Request(policy=Policy.NEVER).mobility(topology).immovable == {first, pinned, unknown}


def test_requests_are_pickled() -> None:
    request = Request(
        policy=Policy.ALWAYS,
        minimize=("unplaced",),
        pins=frozenset({key("00:01.0")}),
        frees=frozenset({key("00:02.0")}),
        time_limit=5.0,
        workers=1,
        seed=7,
        options={"a": "b"},
    )
    assert pickle.loads(pickle.dumps(request)) == request
