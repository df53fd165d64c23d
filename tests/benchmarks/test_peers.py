"""Peers: they agree with cp-sat where they prove something, and say so where they cannot."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.best_known import BKS, read_table
from benchmarks.instances import shipped
from benchmarks.peers import PEERS, any_engine, missing
from benchmarks.peers.joint import RefusedError, joint
from benchmarks.peers.minizinc import _read
from models.errors import InputError
from models.plan import Status
from models.resources import MIB, Range
from models.topology import Function, Topology
from solver.request import Request
from solver.result import Result

SMALL = ("toy/comb-3", "toy/comb-5", "toy/draw-moves-1", "toy/draw-moves-2", "toy/ladder-3")
LIMIT = 30.0
"""Far more than they take; nobody waits for it."""


def solved(name: str, engine: str) -> Result:
    instance = next(one for one in shipped() if one.name == name).load()
    return any_engine(engine)(instance.topology, replace(instance.request, time_limit=LIMIT))


@pytest.mark.parametrize("engine", ["cp-sat", "textbook"])
@pytest.mark.parametrize("name", SMALL)
def test_small_optima_of_the_archive_are_found(name: str, engine: str) -> None:
    known = next(one for key, one in read_table(BKS).items() if key.startswith(f"{name} "))
    assert known.closed
    assert known.upper is not None
    result = solved(name, engine)
    assert result.plan.status is Status.OPTIMAL
    assert not result.breaches
    assert [one.value for one in result.plan.objectives] == list(known.upper.values)


@pytest.mark.skipif(bool(missing("minizinc-gecode")), reason=missing("minizinc-gecode") or "there")
@pytest.mark.parametrize("name", ["toy/comb-3", "toy/draw-moves-2"])
def test_minizinc_agrees_with_the_archive(name: str) -> None:
    known = next(one for key, one in read_table(BKS).items() if key.startswith(f"{name} "))
    result = solved(name, "minizinc-gecode")
    assert known.upper is not None
    assert result.plan.status is Status.OPTIMAL
    assert not result.breaches
    assert [one.value for one in result.plan.objectives] == list(known.upper.values)


def test_what_does_not_fit_is_proved_by_the_textbook() -> None:
    result = solved("infeasible/pins-20", "textbook")
    first = result.plan.objectives[0]
    assert (first.name, first.value, first.bound) == ("unplaced", 1, 1)


_INTERRUPTED = """
import signal
from benchmarks.instances import shipped
from benchmarks.peers import any_engine
instance = next(one for one in shipped() if one.name == "toy/comb-3").load()
any_engine({engine!r})(instance.topology, instance.request)
try:
    signal.raise_signal(signal.SIGINT)
except KeyboardInterrupt:
    print("caught")
"""


@pytest.mark.parametrize("engine", ["cp-sat", "textbook"])
def test_an_interrupt_still_reaches_python_afterwards(engine: str) -> None:
    """The solver's own handler takes Python's away: the next interrupt would end the process without a word."""
    root = Path(__file__).resolve().parents[2]
    script = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)" + _INTERRUPTED
    done = subprocess.run(
        [sys.executable, "-c", script.format(engine=engine)], cwd=root, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "caught\n", "")


def test_out_of_time_there_is_a_plan_or_nothing() -> None:
    instance = next(one for one in shipped() if one.name == "pinned/50-percent-40").load()
    result = any_engine("textbook")(instance.topology, replace(instance.request, time_limit=0.0))
    assert result.plan.status is Status.UNKNOWN
    assert all(one.value is None for one in result.plan.objectives)


def machine() -> Topology:
    return next(one for one in shipped() if one.name == "toy/draw-moves-1").load().topology


def test_what_a_textbook_does_not_know_is_refused() -> None:
    topology = machine()
    with pytest.raises(RefusedError, match="moved_functions is not known"):
        joint(topology, Request(minimize=("moved_functions",)))
    root = topology.root_buses[0]
    shifted = replace(root.windows[0], range=Range.of(1 << 44, 4 * MIB), offset=1 << 43)
    other = replace(topology, root_buses=(replace(root, windows=(*root.windows, shifted)),))
    with pytest.raises(RefusedError, match="different offsets"):
        joint(other, Request())

    def subtractive(function: Function) -> Function:
        bridge = function.bridge
        return function if bridge is None else replace(function, bridge=replace(bridge, subtractive=True))

    with pytest.raises(RefusedError, match="subtractive"):
        joint(topology.map_functions(subtractive), Request())


def test_a_joint_statement_has_every_bar_and_every_window_once() -> None:
    topology = machine()
    stated = joint(topology, Request())
    assert sorted(str(item.key) for item in stated.bars) == sorted(
        str(key) for key, bar in topology.bars() if not (bar.optional and bar.address is None)
    )
    assert sorted(str(item.key) for item in stated.windows) == sorted(str(key) for key, _ in topology.windows())
    containers = len(stated.roots) + len(stated.windows)
    assert all(0 <= number < containers for item in stated.bars for number in item.containers)


@pytest.mark.parametrize(
    ("out", "found", "proved"),
    [
        ('{"x": 1}\n----------\n{"x": 2}\n----------\n==========\n', {"x": 2}, True),
        ('{"x": 1}\n----------\n', {"x": 1}, False),
        ("=====UNSATISFIABLE=====\n", None, True),
        ("=====UNKNOWN=====\n", None, False),
    ],
)
def test_what_minizinc_prints_is_understood(out: str, found: dict[str, int] | None, proved: bool) -> None:
    assert _read(out, "Warning: whatever", timed_out=False) == (found, proved)


def test_an_error_of_minizinc_is_no_answer() -> None:
    with pytest.raises(RuntimeError, match="type error"):
        _read("", "joint.mzn:1: type error", timed_out=False)


def test_every_peer_is_there_and_others_are_refused() -> None:
    for name in PEERS:
        assert callable(any_engine(name))
    assert any_engine("linux-7") is not None
    with pytest.raises(InputError, match="unknown engine 'nobody', expected one of cp-sat"):
        any_engine("nobody")
    assert "no solver nobody" in missing("minizinc-nobody") or "not installed" in missing("minizinc-nobody")
