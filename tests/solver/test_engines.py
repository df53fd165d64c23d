"""The table of engines."""

from __future__ import annotations

import pickle
import subprocess
import sys

import pytest

from models.errors import InputError
from solver.engines import ENGINES, engine
from solver.request import Request
from solver.result import Result
from tests.topologies import bar, bridge, function, machine

TOPOLOGY = machine(bridge("00:01.0", function("01:00.0", bar(0, "1M"), bar(1, "2M", width=64, pref=True))))


@pytest.mark.parametrize("name", ENGINES)
def test_every_engine_of_the_table_places_a_device(name: str) -> None:
    result = engine(name)(TOPOLOGY, Request(workers=1))
    assert isinstance(result, Result)
    assert result.plan.engine == name
    assert result.legal
    assert result.measures.unplaced == 0


@pytest.mark.parametrize("name", ENGINES)
def test_engines_are_pure(name: str) -> None:
    before = pickle.dumps(TOPOLOGY)
    request = Request(workers=1)
    asked = pickle.dumps(request)
    engine(name)(TOPOLOGY, request)
    assert pickle.dumps(TOPOLOGY) == before
    assert pickle.dumps(request) == asked


def test_an_unknown_engine_is_named_with_those_there_are() -> None:
    with pytest.raises(InputError, match=r"--engine: unknown engine 'magic', expected one of cp-sat, "):
        engine("magic")


def test_the_table_loads_no_solver() -> None:
    code = "import sys; import solver.engines; sys.exit('ortools' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
