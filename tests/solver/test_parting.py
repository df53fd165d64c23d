"""Where nothing but bytes counts: windows around immovable BARs are parted, and all that holds none shifts."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from random import Random

import pytest

from benchmarks.families.making import Made
from benchmarks.families.rack import make
from models.mobility import Policy
from models.plan import Status
from models.resources import MIB
from models.topology import Bar, BarIndex, Function
from solver.arrangement import Arrangement
from solver.cpsat import search
from solver.cpsat.assembly import held
from solver.cpsat.engine import solve
from solver.cpsat.group import Group, merge, must_change, overlapping
from solver.cpsat.limits import Crew, Limits
from solver.cpsat.parting import Parting
from solver.cpsat.search import Search
from solver.cpsat.worth import worth
from solver.problem import problems
from solver.request import PRESETS, Request
from tests.random_machines import random_machine
from tests.topologies import bar, bridge, function, host, machine

LOW, HIGH = 0x80000000, 0x100_0000_0000
WASTE = Request(policy=Policy.ALWAYS, minimize=PRESETS["waste"], workers=1)


def values(made: Made, without: str = "") -> list[int | None]:
    options = {"without": without} if without else {}
    result = solve(made.topology, replace(made.request, workers=1, options=options))
    assert result.legal
    assert result.plan.status is Status.OPTIMAL
    return [objective.value for objective in result.plan.objectives]


@pytest.fixture
def partings(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Parting, dict[int, Arrangement] | None]]:
    """Those that were run, with what came of each."""
    noted: list[tuple[Parting, dict[int, Arrangement] | None]] = []
    run = Parting.run

    def noting(self: Parting, chosen: Mapping[int, Arrangement]) -> dict[int, Arrangement] | None:
        noted.append((self, run(self, chosen)))
        return noted[-1][1]

    monkeypatch.setattr(Parting, "run", noting)
    return noted


@pytest.mark.parametrize("seed", range(12))
def test_the_optimum_is_the_same_without(
    seed: int, partings: list[tuple[Parting, dict[int, Arrangement] | None]]
) -> None:
    made = make(seed, bars=40, goal="waste-pinned", per_host=40)
    assert values(made) == values(made, "parting") == values(made, "parting,packings,room")
    for parting, parted in partings:
        if parted is None:
            continue
        assert not overlapping((group, held(group, parted[id(group)])) for group in parting.groups)
        for group in parting.groups:
            found = worth(group.bars, group.windows, parted[id(group)])
            assert all(found[name] <= most for name, most in parting.values[id(group)].items())


def test_some_of_them_need_it(partings: list[tuple[Parting, dict[int, Arrangement] | None]]) -> None:
    """Else the test before this one shows nothing: windows are parted, and where that fails it is known which."""
    for seed in range(12):
        values(make(seed, bars=40, goal="waste-pinned", per_host=40))
    assert any(parted is not None for _, parted in partings)


def test_two_that_cannot_be_parted_become_one(
    partings: list[tuple[Parting, dict[int, Arrangement] | None]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By itself each port wastes nothing, but only with the MiB between their immovable BARs, which both want."""

    def port(number: int, window: tuple[int, int], *bars: Bar) -> Function:
        span = (LOW + window[0] * MIB, LOW + window[1] * MIB - 1)
        return bridge(f"00:0{number}.0", function(f"0{number}:00.0", *bars), io=None, mem=span, pref=None)

    def at(index: BarIndex, size: int, place: int, *, fixed: bool = False) -> Bar:
        return bar(index, size * MIB, at=LOW + place * MIB, fixed=fixed)

    ports = (
        port(1, (2, 6), at(0, 1, 5, fixed=True), at(1, 2, 2)),
        port(2, (7, 9), at(0, 1, 8, fixed=True), at(1, 1, 7)),
        port(3, (9, 10), at(0, 1, 9, fixed=True)),
    )
    merged: list[list[int]] = []

    def noted(groups: list[Group], party: Sequence[Group], floors: Sequence[Mapping[str, int]] = ()) -> list[Group]:
        merged.append([len(group.bars) for group in party])
        return merge(groups, party, floors)

    monkeypatch.setattr(search, "merge", noted)
    topology = machine(host(*ports, mem=(LOW, LOW + 16 * MIB - 1), pref=None, io=None))
    result = solve(topology, WASTE)
    assert result.plan.status is Status.OPTIMAL
    assert [objective.value for objective in result.plan.objectives] == [0, MIB, 0]
    ((parting, parted),) = partings
    assert parted is None
    assert [len(group.bars) for group in parting.stuck] == [2, 2]
    assert merged == [[2, 2]]


@pytest.mark.parametrize("without", ["", "parting"])
def test_what_had_too_little_time_gets_more_when_others_are_done(without: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """On one of two root buses nothing happens in the first go at least waste; it is proved all the same."""
    made = make(2, bars=24, goal="waste-pinned", per_host=12)
    best = values(made)
    asked: list[tuple[str, tuple[str, ...]]] = []
    pursue = Search.pursue

    def late(self: Search, names: tuple[str, ...], limits: Limits) -> None:
        first = self.problem.root.name not in [name for name, _ in asked]
        asked.append((self.problem.root.name, names))
        if not first:
            pursue(self, names, limits)

    monkeypatch.setattr(Search, "pursue", late)
    monkeypatch.setattr(Search, "has_reached", lambda self, names: not asked or len(asked) > 2)
    assert values(made, without) == best


@pytest.mark.parametrize("seed", [121, 4, 17, 23, 42])
def test_what_has_to_change_is_not_left_as_it_is(seed: int) -> None:
    """The best that is known of a root bus may be its placement of today, with a BAR in it that breaks a rule."""
    topology = random_machine(Random(seed))
    results = [solve(topology, replace(WASTE, options=options)) for options in ({}, {"without": "packings,groups"})]
    assert [result.plan.status for result in results] == [Status.OPTIMAL] * 2
    assert results[0].plan.objectives == results[1].plan.objectives


def test_one_of_them_has_to_move_though_nothing_wastes() -> None:
    """Else the test before this one shows nothing."""
    topology = random_machine(Random(121))
    (problem, *_) = problems(topology, WASTE.mobility(topology))
    search = Search(problem, WASTE.minimize, Limits(time.monotonic() + 60, Crew(1)))
    assert any(must_change(group) for group in search.groups)
    assert [objective.value for objective in solve(topology, WASTE).plan.objectives] == [1, 0, 1]
