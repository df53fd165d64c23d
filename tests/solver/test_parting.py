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
from models.resources import GIB, KIB, MIB, align_up
from models.topology import Bar, BarIndex, Function, Topology
from solver.arrangement import Arrangement
from solver.building import problems
from solver.cpsat import engine, search
from solver.cpsat.asking import Asking
from solver.cpsat.assembly import held
from solver.cpsat.engine import solve
from solver.cpsat.group import Group, merge, must_change, overlapping
from solver.cpsat.limits import Crew, Limits
from solver.cpsat.model import Answer
from solver.cpsat.parting import Parting
from solver.cpsat.search import Search
from solver.cpsat.worth import worth
from solver.request import PRESETS, Request
from tests.random_machines import random_machine
from tests.solver.noting import runs_of
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
    return runs_of(Parting, monkeypatch)


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


def test_what_is_not_proved_goes_on_while_others_come_to_their_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """The time left over is theirs: of three that had too little, one ends in the next go, then one more."""
    made = make(2, bars=36, goal="waste-pinned", per_host=12)
    best, whole = values(made), made.request.minimize
    goes: list[list[str]] = []
    pursue, pursue_all = Search.pursue, engine._pursue
    late: set[Search] = set()

    def all_of_them(searches: list[Search], names: tuple[str, ...], limits: Limits, without: frozenset[str]) -> None:
        if names != whole:
            pursue_all(searches, names, limits, without)
            return
        goes.append([one.problem.root.name for one in searches])
        for one in searches[:1] if len(goes) > 1 else []:
            pursue(one, names, limits)
            late.discard(one)
        late.update(searches if len(goes) == 1 else [])

    monkeypatch.setattr(engine, "_pursue", all_of_them)
    monkeypatch.setattr(Search, "has_reached", lambda self, names: names != whole or self not in late)
    assert values(made) == best
    assert [len(names) for names in goes] == [3, 3, 2, 1]


def test_a_go_in_which_none_comes_to_its_end_is_the_last_one(monkeypatch: pytest.MonkeyPatch) -> None:
    made = make(2, bars=24, goal="waste-pinned", per_host=12)
    goes: list[int] = []
    monkeypatch.setattr(engine, "_pursue", lambda searches, names, limits, without: goes.append(len(searches)))
    monkeypatch.setattr(Search, "has_reached", lambda self, names: False)
    solve(made.topology, replace(made.request, workers=1, options={"without": "passes"}))
    assert goes == [2, 2]


@pytest.mark.parametrize(("reached", "times"), [(False, 2), (True, 1)])
def test_what_has_not_reached_its_least_waste_has_a_second_go(
    reached: bool, times: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before moves are looked at on any root bus; nothing happens in the first go here."""
    made = make(2, bars=24, goal="waste-pinned", per_host=12)
    best = values(made)
    asked: list[tuple[str, tuple[str, ...]]] = []
    pursue = Search.pursue

    def late(self: Search, names: tuple[str, ...], limits: Limits) -> None:
        asked.append((self.problem.root.name, names))
        if asked.count(asked[-1]) > 1 or names == self.minimize:
            pursue(self, names, limits)

    monkeypatch.setattr(Search, "pursue", late)
    monkeypatch.setattr(Search, "has_reached", lambda self, names: reached or names == self.minimize)
    assert values(made) == best
    waste, whole = made.request.minimize[:2], made.request.minimize
    assert [names for _, names in asked] == [waste] * 2 * times + [whole] * 2


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


# -- the room below 4 GiB, where moves are free ----------------------------------------------------------------------


def span(first: int, last: int, base: int = LOW) -> tuple[int, int]:
    return base + first * MIB, base + last * MIB - 1


def crowded(*ports: Function, room: int) -> Topology:
    """A VF BAR that wastes least below 4 GiB, where there is no room for it in one piece, between two other ports."""
    half = 512 * KIB
    between = function(
        "02:00.0",
        bar(0, half, at=LOW + MIB),
        bar("vf0", half, width=64, pref=True, at=HIGH, copies=3),
    )
    return machine(
        host(
            bridge("00:01.0", function("01:00.0", bar(0, MIB, at=LOW)), io=None, mem=span(0, 1), pref=None),
            bridge("00:02.0", between, io=None, mem=span(1, 2), pref=span(0, 2, HIGH)),
            bridge("00:03.0", function("03:00.0", bar(0, MIB, at=LOW + 2 * MIB)), io=None, mem=span(2, 3), pref=None),
            *ports,
            mem=span(0, room),
            pref=(HIGH, HIGH + GIB - 1),
            io=None,
        )
    )


def test_a_group_without_a_plan_is_not_taken_for_one_that_is_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first time it is asked for, one group gets none, as if its share of the time had been too short."""
    place = HIGH + 8 * MIB
    held_up = bridge(
        "00:04.0",
        function(
            "04:00.0",
            bar(0, MIB, width=64, pref=True, at=place, fixed=True),
            bar(2, MIB, width=64, pref=True, at=place + MIB + 512 * KIB),
        ),
        io=None,
        mem=None,
        pref=(place, place + 4 * MIB - 1),
    )
    topology = crowded(held_up, room=4)
    best = solve(topology, WASTE)
    improve, asked = Asking._improve, [0]

    def late(self: Asking, group: Group, bounds: dict[str, int], limits: Limits, start: Answer | None) -> Answer:
        if group.atoms == ("0000:00:04.0",) and not asked[0]:
            asked[0] += 1
            return Answer(None, {}, dict.fromkeys(self.pursued))
        return improve(self, group, bounds, limits, start)

    monkeypatch.setattr(Asking, "_improve", late)
    found = solve(topology, WASTE)
    assert asked == [1]
    assert best.legal
    assert found.legal
    assert found.plan.objectives == best.plan.objectives


def test_what_is_behind_a_subtractive_bridge_without_windows_does_not_shift() -> None:
    device = function("04:00.0", bar(0, MIB, at=LOW + 5 * MIB))
    subtractive = bridge(
        "00:04.0", device, io=None, mem=None, pref=None, subtractive=True, bars=[bar(0, 2 * MIB, at=LOW + 6 * MIB)]
    )
    topology = crowded(subtractive, room=8)
    names = ("unplaced", "wasted_bytes")
    for options in ({}, {"without": "room"}, {"without": "packings,groups"}):
        result = solve(topology, Request(policy=Policy.ALWAYS, minimize=names, workers=1, options=options))
        assert result.legal
        assert result.plan.status is Status.OPTIMAL
    (problem,) = problems(topology, WASTE.mobility(topology))
    groups = Search(problem, WASTE.minimize, Limits(time.monotonic() + 60, Crew(1))).groups
    (group,) = [group for group in groups if group.atoms == ("0000:00:04.0",)]
    taken = {taken for _, taken in held(group, group.now)}
    assert taken == {(LOW + 5 * MIB, LOW + 6 * MIB), (LOW + 6 * MIB, LOW + 8 * MIB)}


def small_ports(chance: Random) -> Topology:
    """Ports with small BARs below and above 4 GiB and some immovable ones, in root windows with little to spare."""
    low, high = LOW, HIGH
    ports = []
    for number in range(1, chance.randint(4, 6)):
        first_low, first_high, bars = low, high, list[Bar]()
        for index in range(chance.randint(1, 3)):
            size, fixed = chance.choice([512 * KIB, MIB, MIB, 2 * MIB]), chance.random() < 0.3
            if chance.random() < 0.5:
                bars.append(bar(2 * index, size, at=align_up(low, size), fixed=fixed))
                low = align_up(low, size) + size
            elif chance.random() < 0.7:
                at = align_up(high, size)
                bars.append(bar(2 * index, size, width=64, pref=True, at=at, fixed=fixed))
                high = at + size
            elif not any(each.index == "vf0" for each in bars):
                bars.append(bar("vf0", 512 * KIB, width=64, pref=True, at=align_up(high, 512 * KIB), copies=3))
                high = align_up(high, 512 * KIB) + 3 * 512 * KIB
        low, high = align_up(low, MIB), align_up(high, MIB)
        mem, pref = ((start, end - 1) if start < end else () for start, end in ((first_low, low), (first_high, high)))
        ports.append(bridge(f"00:0{number}.0", function(f"0{number}:00.0", *bars), io=None, mem=mem, pref=pref))
    low = max(low, LOW + MIB)
    mem, pref = (LOW, low + chance.choice([0, MIB]) - 1), (HIGH, high + chance.choice([MIB, 2 * MIB]) - 1)
    return machine(host(*ports, mem=mem, pref=pref, io=None))


def optimum(topology: Topology, without: str = "") -> tuple[Status, list[int | None]]:
    result = solve(topology, replace(WASTE, options={"without": without} if without else {}))
    assert result.legal
    return result.plan.status, [objective.value for objective in result.plan.objectives]


@pytest.fixture
def shares(monkeypatch: pytest.MonkeyPatch) -> list[list[Group] | None]:
    """What came of sharing the room below 4 GiB where moves are free."""
    noted: list[list[Group] | None] = []
    share = Search._share_room

    def noting(self: Search) -> list[Group] | None:
        free, found = self._moves_freely, share(self)
        noted.extend([found] if free else [])
        return found

    monkeypatch.setattr(Search, "_share_room", noting)
    return noted


@pytest.mark.parametrize("seed", [22, 33, 51, 55, 64, 85, 87, 116])
def test_those_that_share_the_room_at_a_loss_are_one_group(seed: int, shares: list[list[Group] | None]) -> None:
    topology = small_ports(Random(seed))
    assert optimum(topology) == optimum(topology, "packings,groups,room")
    assert any(shares)


@pytest.mark.parametrize(("seed", "goal"), [(6, "waste"), (72, "waste-pinned"), (81, "waste-pinned")])
def test_those_that_share_the_room_without_a_loss_stay_apart(
    seed: int, goal: str, shares: list[list[Group] | None]
) -> None:
    made = make(seed, bars=40, goal=goal, per_host=40)
    assert values(made) == values(made, "packings,room")
    assert [] in shares
