"""Groups that may stay as they are, in the model of those that collide: they spare most of it and change no optimum."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from dataclasses import replace

import pytest

from benchmarks.families.hotplug import make
from models.mobility import Policy
from models.plan import Status
from models.resources import MIB, align_up
from models.topology import Bar, Function, Topology
from solver.building import problems
from solver.cpsat import asking, search
from solver.cpsat.bystanders import Bystander, Bystanders
from solver.cpsat.constraints import Constraints
from solver.cpsat.engine import solve
from solver.cpsat.group import as_bystander, merge
from solver.cpsat.limits import Crew, Limits
from solver.cpsat.model import PlacementModel
from solver.cpsat.search import Search
from solver.cpsat.variables import Variables
from solver.request import PRESETS, Request
from tests.topologies import bar, bridge, function, host, machine

LOW = 0x80000000


@pytest.fixture
def stood_by(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many bystanders the models had, where they had some; no machine is too small for them."""
    numbers: list[int] = []
    init = Bystanders.__init__

    def noted(
        self: Bystanders, bystanders: Sequence[Bystander], variables: Variables, constraints: Constraints
    ) -> None:
        numbers.extend([len(bystanders)] if bystanders else [])
        init(self, bystanders, variables, constraints)

    monkeypatch.setattr(Bystanders, "__init__", noted)
    monkeypatch.setattr(search, "_BESIDE", 0)
    monkeypatch.setattr(asking, "LARGE", 0)  # they are tried where a plan is known, which insertion makes
    return numbers


def values(topology: Topology, request: Request) -> tuple[Status, list[int | None]]:
    result = solve(topology, request)
    assert result.legal or result.plan.status is Status.INFEASIBLE
    return result.plan.status, [objective.value for objective in result.plan.objectives]


def both(topology: Topology, policy: Policy) -> None:
    """With bystanders and without any, the same is proved optimal."""
    request = Request(policy=policy, minimize=PRESETS["moves"], workers=1)
    with_them = values(topology, request)
    assert with_them == values(topology, replace(request, options={"without": "bystanders"}))
    assert with_them[0] is Status.OPTIMAL


def crowded(seed: int) -> Topology:
    """Bridges with little room between them, in windows that are longer than they need be, and something new."""
    rng, at, functions = random.Random(seed), LOW, []
    for number in range(1, 9):
        at += rng.choice([0, 0, 0, 1, 2]) * MIB
        start, bars = at, []
        at += rng.choice([0, 0, 1]) * MIB
        for index in range(rng.choice([1, 1, 2])):
            size = rng.choice([1, 1, 2, 4]) * MIB
            at = align_up(at, size)
            bars.append(bar(index, size, at=at, fixed=rng.random() < 0.1))
            at += size
        at += rng.choice([0, 0, 1]) * MIB
        functions.append(port(number, *bars, mem=(start, at - 1)))
    size = rng.choice([1, 2, 4]) * MIB
    functions.append(port(9, bar(0, size), *([bar(1, MIB)] if rng.random() < 0.3 else [])))
    return machine(host(*functions, mem=(LOW, at + rng.choice([0, 1, 2, 4]) * MIB - 1), pref=None, io=None))


def port(number: int, *bars: Bar, mem: tuple[int, int] | tuple[()] = ()) -> Function:
    return bridge(f"00:{number:02x}.0", function(f"{number:02x}:00.0", *bars), io=None, mem=mem, pref=None)


@pytest.mark.parametrize("seed", range(300))
def test_in_crowds_the_optimum_is_the_same(seed: int, stood_by: list[int]) -> None:
    both(crowded(seed), Policy.ALWAYS)


def test_in_crowds_there_are_bystanders(stood_by: list[int]) -> None:
    """Else the test before this one shows nothing."""
    for seed in range(100):
        solve(crowded(seed), Request(policy=Policy.ALWAYS, minimize=PRESETS["moves"], workers=1))
    assert len(stood_by) > 20


def long_windows() -> Topology:
    """A new BAR has room in the long windows of two bridges together; else one BAR has to move to another hole."""

    def at(start: int, end: int) -> tuple[int, int]:
        return LOW + start * MIB, LOW + end * MIB - 1

    ports = (
        port(1, bar(0, MIB, at=LOW), mem=at(0, 1)),
        port(2, bar(0, MIB, at=LOW + 4 * MIB), mem=at(4, 9)),
        port(3, bar(0, MIB, at=LOW + 12 * MIB), mem=at(9, 13)),
        port(4, bar(0, 4 * MIB)),
    )
    return machine(host(*ports, mem=at(0, 14), pref=None, io=None))


def test_windows_of_bystanders_are_drawn_in_before_anything_moves() -> None:
    request = Request(policy=Policy.ALWAYS, minimize=PRESETS["moves"], workers=1)
    (problem,) = problems(long_windows(), request.mobility(long_windows()))
    limits = Limits(time.monotonic() + 60, Crew(1))
    first, second, third, new = Search(problem, request.minimize, limits).groups
    (party,) = merge([first, new], [first, new])
    model = PlacementModel(
        problem,
        party.bars,
        party.windows,
        {},
        require_all=True,
        bystanders=[as_bystander(second), as_bystander(third)],
    )
    found = model.minimize(("moved_bars", "windows_changed"), limits, {}, party.now)
    assert found.values == {"moved_bars": 0, "windows_changed": 3}
    assert found.bounds == found.values
    assert values(long_windows(), request) == (Status.OPTIMAL, [0, 0, 3])


def test_nobody_stands_by_where_not_everything_is_known_to_fit(stood_by: list[int]) -> None:
    """To deny a plan takes longer among bystanders than in one model."""
    ports = [
        port(number, bar(0, MIB, at=LOW + number * MIB), mem=(LOW + number * MIB, LOW + number * MIB + MIB - 1))
        for number in range(1, 27)
    ]
    full = machine(host(*ports, port(30, bar(0, 8 * MIB)), mem=(LOW, LOW + 32 * MIB - 1), pref=None, io=None))
    request = Request(policy=Policy.ALWAYS, minimize=PRESETS["moves"], workers=1)
    assert values(full, request) == (Status.OPTIMAL, [1, 0, 0])
    assert stood_by == []


def test_a_group_is_a_bystander_of_one_other_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else what it costs to move it would be counted twice, and a bound could be too high."""
    monkeypatch.setattr(search, "_BESIDE", 0)
    request = Request(policy=Policy.ALWAYS, minimize=PRESETS["moves"], workers=1)
    (problem,) = problems(crowded(1), request.mobility(crowded(1)))
    found = Search(problem, request.minimize, Limits(time.monotonic() + 60, Crew(1)))
    found.pursued = request.minimize
    for group in found.groups:
        found._settle(group)
    monkeypatch.setattr(found, "_lacking", list)  # whatever the known plan leaves out
    first, second, third, fourth, fifth, *_ = found.groups
    first.bystanders = (second, third)
    both_of = found._with_bystanders([(fourth, fifth)])
    assert both_of is not None
    assert second not in both_of[1]
    assert third not in both_of[1]
    assert first not in both_of[0]
    joined = found._with_bystanders([(third, fourth)])
    assert joined is not None
    assert joined[0] == [third, fourth, first]
    assert second in joined[1]


@pytest.mark.parametrize("seed", [1, 2, 4, 6, 7])
@pytest.mark.parametrize("new", ["gpu", "nvme", "nic"])
def test_with_one_device_more_the_optimum_is_the_same(new: str, seed: int, stood_by: list[int]) -> None:
    made = make(seed, bars=100, new=new)
    both(made.topology, made.request.policy)


def test_most_of_a_machine_stands_by(stood_by: list[int]) -> None:
    made = make(1, bars=100, new="gpu")
    both(made.topology, made.request.policy)
    assert stood_by
    assert min(stood_by) > 5
