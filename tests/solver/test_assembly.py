"""Whole windows shifted on the root bus until no two collide."""

from __future__ import annotations

import time

import pytest

from models.mobility import Policy
from models.resources import GIB, MIB
from solver.arrangement import Arrangement
from solver.building import problems
from solver.cpsat.assembly import assemble, held
from solver.cpsat.group import Group, collisions
from solver.cpsat.limits import Crew, Limits
from solver.cpsat.search import Search
from solver.problem import Problem
from solver.request import PRESETS, Request
from tests.topologies import bar, bridge, function, host, machine

LOW, HIGH = 0x80000000, 0x100_0000_0000
WASTE = Request(policy=Policy.ALWAYS, minimize=PRESETS["waste"], workers=1)


def two_ports(*, fixed: bool) -> tuple[Problem, Group, Group]:
    """Two ports with a MiB below 4 GiB and one above each; that of the first below 4 GiB cannot move, if ``fixed``."""
    ports = [
        bridge(
            f"00:0{number}.0",
            function(
                f"0{number}:00.0",
                bar(0, MIB, at=LOW + number * MIB, fixed=fixed and number == 1),
                bar(2, MIB, width=64, pref=True, at=HIGH + number * MIB),
            ),
            io=None,
            mem=(LOW + number * MIB, LOW + (number + 1) * MIB - 1),
            pref=(HIGH + number * MIB, HIGH + (number + 1) * MIB - 1),
        )
        for number in (1, 2)
    ]
    topology = machine(host(*ports, mem=(LOW, LOW + 8 * MIB - 1), pref=(HIGH, HIGH + GIB - 1), io=None))
    (problem,) = problems(topology, WASTE.mobility(topology))
    first, second = Search(problem, WASTE.minimize, Limits(time.monotonic() + 60, Crew(1))).groups
    return problem, first, second


def as_the_other(group: Group, other: Group) -> Arrangement:
    """The same addresses, BAR by BAR and window by window, as the other group has today."""
    bars = {mine.key: its.today for mine, its in zip(group.bars, other.bars, strict=True) if mine.movable}
    windows = {mine.key: its.today for mine, its in zip(group.windows, other.windows, strict=True)}
    return Arrangement(bars, windows)


def test_all_but_what_holds_an_immovable_bar_shifts() -> None:
    problem, first, second = two_ports(fixed=True)
    assert [span for _, span in held(first, first.now)][:1] == [(LOW + MIB, LOW + 2 * MIB)]
    assert held(second, second.now) == []
    chosen = {id(first): first.now, id(second): as_the_other(second, first)}
    assert len(collisions([first, second], chosen)) == 2
    found = assemble(problem, [first, second], chosen, move=True)
    assert found is not None
    assert not collisions([first, second], found)
    assert (LOW + MIB, LOW + 2 * MIB) in found[id(first)].windows.values()


@pytest.mark.parametrize("fixed", [True, False])
@pytest.mark.parametrize(("stay", "moved"), [(1, 0), (2, 2), (0, 2)])
def test_what_has_the_address_of_today_stays_first(fixed: bool, stay: int, moved: int) -> None:
    """All BARs of the first port may stay, each alone in its window: enough of them where one is."""
    problem, first, second = two_ports(fixed=fixed)
    chosen = {id(first): first.now, id(second): as_the_other(second, first)}
    found = assemble(problem, [first, second], chosen, move=True, stay=stay)
    assert found is not None
    assert not collisions([first, second], found)
    movable = [each for each in first.bars if each.movable]
    assert sum(found[id(first)].bars[each.key] != each.today for each in movable) == min(moved, len(movable))
