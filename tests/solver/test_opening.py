"""First plans without a solver: of a device that does not fit whole, what fits gets its place."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import pytest

from benchmarks.families.rack import make
from models.mobility import Policy
from models.plan import Status
from models.resources import GIB, MIB
from models.topology import Topology
from solver.building import problems
from solver.cpsat.engine import solve
from solver.cpsat.limits import Crew, Limits
from solver.cpsat.model import PlacementModel
from solver.cpsat.search import Search
from solver.packing import Packer
from solver.request import PRESETS, Request
from tests.topologies import bar, bridge, function, host, machine

LOW, HIGH = 0x80000000, 0x100_0000_0000

REQUEST = Request(policy=Policy.ALWAYS, minimize=PRESETS["moves"], workers=1)


def no_room_below_4_gib(new: int) -> Topology:
    """Memory windows are full; a new device wants 1 MiB there, and ``new`` bytes where there is plenty."""
    ports = [
        bridge(
            f"00:0{number}.0",
            function(f"0{number}:00.0", bar(0, MIB, at=LOW + number * MIB)),
            io=None,
            mem=(LOW + number * MIB, LOW + (number + 1) * MIB - 1),
        )
        for number in range(4)
    ]
    device = function("09:00.0", bar(0, MIB), bar(2, new, width=64, pref=True))
    full = (LOW, LOW + 4 * MIB - 1)
    return machine(host(*ports, bridge("00:09.0", device, io=None), mem=full, pref=(HIGH, HIGH + GIB - 1), io=None))


def begun(topology: Topology) -> Search:
    (problem,) = problems(topology, REQUEST.mobility(topology))
    search = Search(problem, REQUEST.minimize, Limits(time.monotonic() + 60, Crew(1)))
    search.begin()
    return search


@pytest.mark.parametrize("new", [16 * MIB, MIB // 2], ids=["larger", "smaller"])
def test_a_device_with_room_for_one_of_its_bars_lacks_the_other_only(new: int) -> None:
    search = begun(no_room_below_4_gib(new))
    *_, device = search.groups
    assert device.answer.values["unplaced"] == 1
    assert device.first is not None
    assert [device.first.bars.get(bar.key) is None for bar in device.bars] == [True, False]


def test_groups_that_become_one_begin_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that the solver has to deny a plan of all only, and not to find one."""
    asked: list[str] = []
    stage = PlacementModel._stage

    def noted(self: PlacementModel, name: str, *others: Any) -> None:
        asked.append(name)
        stage(self, name, *others)

    monkeypatch.setattr(PlacementModel, "_stage", noted)
    result = solve(no_room_below_4_gib(16 * MIB), replace(REQUEST, options={"without": "greedy"}))
    assert result.plan.status is Status.OPTIMAL
    assert [objective.value for objective in result.plan.objectives] == [1, 0, 1]
    assert "unplaced" not in asked


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_windows_as_short_as_can_be_hold_the_same(seed: int) -> None:
    """A boot in which everything fits, packed window by window and with exact lengths."""
    made = make(seed, bars=60, goal="boot", per_host=60)
    (problem,) = problems(made.topology, made.request.mobility(made.topology))
    search = Search(problem, made.request.minimize, Limits(time.monotonic() + 60, Crew(1)))
    plain, exact = (search._all_but(Packer(problem, 0), exactly=exactly) for exactly in (False, True))
    assert exact is not None
    unplaced, waste, moved = search._total(exact)
    assert (unplaced, moved) == (0, 0)
    assert plain is None or waste <= search._total(plain)[1]
    search.without = frozenset({"shapes"})
    assert search._all_but(Packer(problem, 0), exactly=True) is None
