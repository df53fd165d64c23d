"""Each lever of the exact engine on and off: the same optimum, and each does something somewhere."""

from __future__ import annotations

from functools import cache

import pytest

from models.errors import InputError
from models.mobility import Policy
from models.plan import Status
from models.resources import KIB, MIB, Range
from models.topology import Bar, Bridge, BridgeWindow, Function, RootBus, RootWindow, Topology
from solver.building import problems
from solver.cpsat.engine import solve
from solver.cpsat.limits import Limits
from solver.cpsat.race import CORES, Manner, Outcome, Race
from solver.cpsat.search import Search
from solver.levers import LEVERS, parse_without
from solver.packing import Packer
from solver.request import PRESETS, Request
from solver.shapes import Shapes
from tests.pitfalls import claimed_never_move, odd_tail_beside_bar, retries, type_rule

BASE = 0x4000_0000


def bridge(number: int, *functions: Function, on: str = "00", device: int | None = None) -> Function:
    windows = (BridgeWindow("mem"), BridgeWindow("pref", width=64))
    return Function(
        f"0000:{on}:{number if device is None else device:02x}.0",  # type: ignore[arg-type]
        class_code="060400",
        driver="pcieport",
        driver_known=True,
        bridge=Bridge(number, number, windows=windows, functions=functions),
    )


def leaf(bus: int, *bars: Bar, device: int = 0) -> Function:
    return Function(f"0000:{bus:02x}:{device:02x}.0", driver="nvme", driver_known=True, bars=bars)  # type: ignore[arg-type]


def root(room: int, *functions: Function, high: int = 64) -> Topology:
    windows = (
        RootWindow("mem", Range.of(BASE, room * MIB)),
        RootWindow("mem", Range.of(1 << 32, high * MIB), prefetchable=True),
    )
    return Topology((RootBus(0, 0, windows, functions),))


def mem(index: int, size: int) -> Bar:
    return Bar(index, "mem", size)


def pref(index: int, size: int) -> Bar:
    return Bar(index, "mem", size, width=64, prefetchable=True)


def twins() -> Topology:
    """Three ports of the same shape, none with an address, in a root window that holds two."""
    ports = (bridge(number, leaf(number, mem(0, 4 * MIB), mem(1, 64 * KIB))) for number in (1, 2, 3))
    return root(11, *ports)


def odd_windows() -> Topology:
    """Windows whose odd tails leave gaps that no volume tells of."""
    sizes = ((16, 1), (16, 2), (16, 1), (4, 1))
    inner = (
        bridge(number, leaf(number, mem(0, big * MIB), mem(1, small * MIB)), on="01", device=number)
        for number, (big, small) in enumerate(sizes, 2)
    )
    return root(96, bridge(1, *inner))


def divided() -> Topology:
    """Prefetchable BARs that waste least when they are divided between the two windows."""
    inner = (
        bridge(2, leaf(2, pref(0, 8 * MIB), pref(2, 2 * MIB), mem(4, 512 * KIB)), on="01", device=2),
        bridge(3, leaf(3, pref(0, 8 * MIB), mem(2, 2 * MIB)), on="01", device=3),
    )
    return root(48, bridge(1, *inner))


def competing(room: int = 4) -> Topology:
    """Two switches that waste least with small prefetchable BARs below 4 GiB, where there is room for one of them."""

    def switch(first: int) -> Function:
        bars = (pref(0, 8 * MIB), pref(2, 2 * MIB))
        ports = (bridge(first + n, leaf(first + n, *bars), on=f"{first:02x}", device=n) for n in (1, 2, 3))
        return bridge(first, *ports)

    return root(room, switch(1), switch(6))


def boxes(room: int = 8) -> Topology:
    """Two switches, each with two large BARs that must be neighbours and small ones that leave a gap beside them."""

    def switch(first: int) -> Function:
        small = (pref(2, 4 * MIB), pref(4, 2 * MIB))
        contents = ((pref(0, 1024 * MIB), *small), (pref(0, 1024 * MIB), *small), (pref(0, 8 * MIB), mem(2, 16 * KIB)))
        ports = (
            bridge(first + n, leaf(first + n, *bars), on=f"{first:02x}", device=n) for n, bars in enumerate(contents, 1)
        )
        return bridge(first, *ports)

    return root(room, switch(1), switch(6), high=1 << 14)


def two_hosts() -> Topology:
    """Two root buses with one device too many each."""

    def host(domain: int) -> RootBus:
        devices = (
            Function(f"{domain:04x}:00:{number:02x}.0", driver=None, driver_known=True, bars=(mem(0, size * MIB),))  # type: ignore[arg-type]
            for number, size in enumerate((4, 2, 2, 1), 1)
        )
        return RootBus(domain, 0, (RootWindow("mem", Range.of(BASE + domain * 64 * MIB, 8 * MIB)),), tuple(devices))

    return Topology((host(0), host(1)))


MACHINES = {
    "twins": twins,
    "odd windows": odd_windows,
    "divided": divided,
    "retries": retries,
    "claimed": claimed_never_move,
    "types": type_rule,
    "odd tail": odd_tail_beside_bar,
    "competing": competing,
    "two hosts": two_hosts,
}


@cache
def _values(machine: str, preset: str, without: str) -> tuple[str, list[int]]:
    options = {"without": without} if without else {}
    request = Request(policy=Policy.ALWAYS, minimize=PRESETS[preset], options=options, workers=2)
    result = solve(MACHINES[machine](), request)
    assert result.legal
    return str(result.plan.status), [objective.value or 0 for objective in result.plan.objectives]


@pytest.mark.parametrize("preset", ["moves", "waste"])
@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("lever", [*LEVERS, ",".join(LEVERS)], ids=[*LEVERS, "all"])
def test_without_it_the_optimum_is_the_same(lever: str, machine: str, preset: str) -> None:
    assert _values(machine, preset, lever) == _values(machine, preset, "")
    assert _values(machine, preset, "")[0] == "optimal"


def test_an_unknown_lever_is_named() -> None:
    with pytest.raises(InputError, match="unknown lever 'luck', expected some of groups"):
        parse_without({"without": "groups,luck"})
    with pytest.raises(InputError, match="unknown option 'with', expected without"):
        parse_without({"with": "luck"})


def test_shapes_know_gaps_that_volume_does_not() -> None:
    """17, 18, 17 and 5 units of which three hold 16 that are aligned: 65 units, not the 57 they add up to."""
    (problem,) = problems(odd_windows(), Request(policy=Policy.ALWAYS).mobility(odd_windows()))
    packer, shapes = Packer(problem, 0), Shapes(MIB)
    inner = [
        (bus.windows[0], shape)
        for bus in packer.bridges_on[1]
        if (shape := shapes.shape(packer.bars_on[bus.number], ())) is not None
    ]
    lengths = [shape.table.least for _, shape in inner]
    assert lengths == [17, 18, 17, 5]
    outer = shapes.shape((), inner)
    assert outer is not None
    assert outer.table.least == 65


@pytest.mark.parametrize(("room", "waste", "short"), [(2, 0, True), (4, 4 * MIB, False), (6, 0, True)])
def test_groups_share_the_room_below_4_gib(room: int, waste: int, short: bool) -> None:
    """With 4 MiB there is room for what each takes alone: it is above 4 GiB that they are in each other's way."""
    lines: list[str] = []
    request = Request(policy=Policy.ALWAYS, minimize=PRESETS["waste"], workers=2)
    result = solve(competing(room), request, lines.append)
    shared = ["0000:00: the room below 4 GiB, shared by 2"] if short else []
    assert [line for line in lines if "the room below 4 GiB" in line] == shared
    assert result.plan.status is Status.OPTIMAL
    assert result.plan.objectives[1].value == waste


@pytest.mark.parametrize(("room", "waste"), [(6, 6258688), (8, 4161536), (16, 2064384)])
@pytest.mark.parametrize("without", ["shapes", "room", "shapes,room"])
def test_shares_of_exact_windows_are_worth_what_the_solver_says(room: int, waste: int, without: str) -> None:
    results = [
        solve(boxes(room), Request(policy=Policy.ALWAYS, minimize=PRESETS["waste"], options=options))
        for options in ({}, {"without": without})
    ]
    assert [result.plan.status for result in results] == [Status.OPTIMAL, Status.OPTIMAL]
    assert [result.plan.objectives[1].value for result in results] == [waste, waste]


def test_the_solver_is_not_asked_what_exact_windows_share(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(Race, "run")
    lines: list[str] = []
    result = solve(boxes(8), Request(policy=Policy.ALWAYS, minimize=PRESETS["waste"]), lines.append)
    assert [line for line in lines if "room" in line] == ["0000:00: the room below 4 GiB, shared by 2"]
    assert result.plan.status is Status.OPTIMAL


@pytest.mark.parametrize(
    ("preset", "without", "passes"),
    [
        ("waste", "", [("unplaced", "wasted_bytes"), PRESETS["waste"]]),
        ("waste", "passes", [PRESETS["waste"]]),
        ("moves", "", [PRESETS["moves"]]),
        ("headroom", "", [("unplaced", "headroom"), PRESETS["headroom"]]),
    ],
)
def test_bytes_before_moves_are_pursued_first(
    preset: str, without: str, passes: list[tuple[str, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, ...]] = []
    pursue = Search.pursue

    def noted(self: Search, names: tuple[str, ...], limits: Limits) -> None:
        asked.append(names)
        pursue(self, names, limits)

    monkeypatch.setattr(Search, "pursue", noted)
    options = {"without": without} if without else {}
    solve(twins(), Request(policy=Policy.ALWAYS, minimize=PRESETS[preset], options=options))
    assert asked == passes


@pytest.mark.parametrize(("without", "by_cores"), [("", True), ("cores", False)])
def test_moves_are_counted_by_cores(without: str, by_cores: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    manners: list[Manner] = []
    run = Race.run

    def noted(self: Race) -> Outcome:
        manners.extend(self.manners)
        return run(self)

    monkeypatch.setattr(Race, "run", noted)
    result = solve(claimed_never_move(), Request(policy=Policy.ALWAYS, options={"without": without}))
    assert result.plan.status is Status.OPTIMAL
    assert (CORES in manners) == by_cores
