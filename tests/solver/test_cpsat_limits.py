"""Out of time, interrupted, in several threads, in another process: there is always a legal plan."""

from __future__ import annotations

import multiprocessing
import pickle
import random
import signal
import threading
from concurrent import futures
from types import SimpleNamespace

import pytest

from models.document import topology_sha256
from models.mobility import Policy
from models.placement import Placement, measure
from models.plan import Status
from models.resources import KIB, MIB
from models.topology import Function, RootBus, Topology
from solver.cpsat import engine, race
from solver.cpsat.engine import solve
from solver.request import PRESETS, Request
from solver.result import Result
from tests.random_machines import random_machine
from tests.topologies import bar, bridge, function, host, machine

LOW = 0x80000000


def hard(domains: int = 1) -> Topology:
    """Ports in place without room to spare, and twelve new devices: far from proved in a second; in each domain."""
    return machine(*(_hard_host(domain) for domain in range(domains)))


def _hard_host(domain: int) -> RootBus:
    rng = random.Random(3)
    ports: list[Function] = []
    low = start = LOW + domain * (512 * MIB)
    for number in range(1, 25):
        sizes = [rng.choice(["64K", "256K", "1M", "2M"]) for _ in range(3)]
        inner = [bar(index, size) for index, size in enumerate(sizes)]
        placed, position = [], start
        for one in sorted(inner, key=lambda one: -one.size):
            position = -(-position // one.size) * one.size
            placed.append(bar(one.index, one.size, at=position))
            position += one.size
        end = -(-position // MIB) * MIB
        new = [function(f"{domain:04x}:{number:02x}:01.0", bar(0, "1M"), bar(1, "512K"))] if number % 2 else []
        device = function(f"{domain:04x}:{number:02x}:00.0", *placed, driver="nvme")
        ports.append(
            bridge(
                f"{domain:04x}:00:{number:02x}.0",
                *(device, *new),
                mem=(start, end - 1),
                io=None,
                pref=None,
                driver="pcieport",
            )
        )
        start = end
    return host(*ports, domain=domain, mem=(low, start + 24 * MIB - 1), pref=None)


def no_worse_than_today(result: Result, request: Request) -> bool:
    today = measure(result.topology, Placement.today(result.topology))
    return [result.measures.value(name) for name in request.minimize] <= [
        today.value(name) for name in request.minimize
    ]


def check_bounds(result: Result) -> None:
    """Bounds are bounds, and none stands behind an open one."""
    open_ = False
    for objective in result.plan.objectives:
        assert objective.value is not None
        if open_:
            assert objective.bound is None
        elif objective.bound is not None:
            assert objective.bound <= objective.value
        open_ = open_ or not objective.proved
    assert (result.plan.status is Status.FEASIBLE) == open_


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("seconds", [0.0, 0.01, 0.3])
def test_out_of_time_there_is_a_legal_plan(preset: str, seconds: float) -> None:
    request = Request(policy=Policy.ALWAYS, minimize=PRESETS[preset], time_limit=seconds, workers=1)
    result = solve(hard(), request)
    assert result.breaches == ()
    assert result.plan.status in (Status.FEASIBLE, Status.OPTIMAL)
    assert no_worse_than_today(result, request)
    check_bounds(result)
    assert not result.interrupted


def test_without_time_the_proof_is_open() -> None:
    result = solve(hard(), Request(policy=Policy.ALWAYS, minimize=PRESETS["moves"], time_limit=0, workers=1))
    assert result.plan.status is Status.FEASIBLE


@pytest.mark.parametrize("seconds", [0.0, 0.02])
def test_out_of_time_no_plan_is_worse_than_today(seconds: float) -> None:
    """A greedy plan that loses by what is asked for, or half of a search, stood where today's placement was better."""
    for seed in (*range(40), 96, 163):
        topology = random_machine(random.Random(seed), disturbed=False)
        request = Request(policy=Policy.ALWAYS, minimize=PRESETS["waste"], time_limit=seconds, workers=1)
        result = solve(topology, request)
        assert result.breaches == ()
        assert no_worse_than_today(result, request), seed
        check_bounds(result)


def test_out_of_time_a_breach_that_has_to_go_may_still_be_there() -> None:
    """The bound said that one BAR has to move, and the plan of a run without time moved none."""
    for seed in range(60):
        topology = random_machine(random.Random(seed))
        result = solve(topology, Request(policy=Policy.ALWAYS, time_limit=0, workers=1))
        assert result.breaches == ()
        if result.plan.status is not Status.INFEASIBLE:
            check_bounds(result)


def test_a_bound_of_a_short_run_is_no_higher_than_the_optimum() -> None:
    for seed in range(40):
        topology = random_machine(random.Random(seed), disturbed=False)
        best = solve(topology, Request(policy=Policy.ALWAYS, workers=1))
        quick = solve(topology, Request(policy=Policy.ALWAYS, workers=1, time_limit=0))
        assert best.plan.status is Status.OPTIMAL
        first, known = quick.plan.objectives[0], best.plan.objectives[0]
        assert first.value is not None
        assert known.value is not None
        assert first.bound is None or first.bound <= known.value
        assert known.value <= first.value


class Interrupting(threading.Event):
    """The first time somebody waits for such an event, SIGINT comes."""

    came = 0

    def wait(self, timeout: float | None = None) -> bool:
        if not Interrupting.came:
            Interrupting.came += 1
            signal.raise_signal(signal.SIGINT)
        return super().wait(timeout)


@pytest.mark.parametrize("preset", PRESETS)
def test_an_interrupt_ends_the_solve_with_the_best_plan_so_far(preset: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Interrupting, "came", 0)
    monkeypatch.setattr(race, "threading", SimpleNamespace(Thread=threading.Thread, Event=Interrupting))
    request = Request(policy=Policy.ALWAYS, minimize=PRESETS[preset], workers=1, time_limit=60)
    result = solve(hard(), request)
    assert Interrupting.came == 1
    assert result.interrupted
    assert result.breaches == ()
    assert any(warning.startswith("interrupted") for warning in result.plan.warnings)
    assert no_worse_than_today(result, request)
    check_bounds(result)


def test_an_interrupt_ends_all_that_is_searched_side_by_side(monkeypatch: pytest.MonkeyPatch) -> None:
    waits = 0

    def interrupted(pending: object) -> object:
        nonlocal waits
        waits += 1
        if waits == 1:
            raise KeyboardInterrupt
        return futures.wait(pending)  # type: ignore[arg-type]

    monkeypatch.setattr(engine, "wait", interrupted)
    request = Request(policy=Policy.ALWAYS, minimize=PRESETS["moves"], workers=2, time_limit=120)
    result = solve(hard(domains=2), request)
    assert waits == 2
    assert result.interrupted
    assert result.breaches == ()
    assert result.seconds < 60
    assert no_worse_than_today(result, request)
    check_bounds(result)


@pytest.mark.parametrize("preset", PRESETS)
def test_values_do_not_depend_on_threads_or_seed(preset: str) -> None:
    for seed in range(12):
        topology = random_machine(random.Random(seed))
        found = set()
        for workers, search_seed in ((1, 0), (2, 0), (1, 7)):
            request = Request(policy=Policy.ALWAYS, minimize=PRESETS[preset], workers=workers, seed=search_seed)
            result = solve(topology, request)
            found.add((result.plan.status, tuple((o.value, o.bound) for o in result.plan.objectives)))
        assert len(found) == 1, seed


def test_one_thread_repeats_itself() -> None:
    topology = random_machine(random.Random(5))
    plans = {pickle.dumps(solve(topology, Request(policy=Policy.ALWAYS, workers=1)).plan) for _ in range(3)}
    assert len(plans) == 1


def test_progress_is_told_in_lines() -> None:
    lines: list[str] = []
    solve(hard(), Request(policy=Policy.ALWAYS, minimize=PRESETS["waste"], time_limit=0.5, workers=1), lines.append)
    assert lines
    assert all("\n" not in line for line in lines)


def test_a_solve_works_in_another_process() -> None:
    topology = machine(bridge("00:01.0", function("01:00.0", bar(0, "64K"), bar(1, "1M"))))
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        result = pool.apply(solve, (topology, Request(workers=1)))
    assert result.topology == topology
    assert result.plan.topology_sha256 == topology_sha256(topology)
    assert result.measures == solve(topology, Request(workers=1)).measures


def test_no_time_limit_is_no_limit() -> None:
    topology = machine(function("00:01.0", bar(0, 64 * KIB)))
    assert solve(topology, Request(time_limit=None, workers=1)).plan.status is Status.OPTIMAL
