"""Windows that hold the same, away from its address, come in one order, and no optimum is lost by it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from ortools.sat.python import cp_model

from benchmarks.families import devices as kinds
from benchmarks.families import rack
from models.mobility import Policy
from models.plan import Status
from models.resources import MIB
from models.topology import Bar, Function, Topology
from solver.building import problems
from solver.cpsat import model as placement_model
from solver.cpsat.asking import Asking
from solver.cpsat.engine import solve
from solver.cpsat.exchange import Exchange
from solver.cpsat.model import PlacementModel
from solver.cpsat.siblings import Siblings
from solver.request import PRESETS, Request
from tests.topologies import bar, bridge, function, key, machine, window_key

LOW = 0x8000_0000
ONE, TWO = "02:00.0", "03:00.0"
FREE, MOVES = ("unplaced", "wasted_bytes"), PRESETS["waste"]


def port(number: int, *bars: Bar, start: int | None = None, size: int = 4 * MIB, hotplug: bool = False) -> Function:
    """A downstream port with a device behind it, its window at ``start`` today."""
    mem = () if start is None else (LOW + start, LOW + start + size - 1)
    behind = [function(f"{number + 1:02x}:00.0", *bars)] if bars else []
    return bridge(f"01:{number:02x}.0", *behind, mem=mem, secondary=number + 1, hotplug=hotplug)


def switch(*ports: Function, end: int = 16 * MIB) -> Topology:
    """A root port with downstream ports behind it, its window of 16 MiB open."""
    return machine(bridge("00:01.0", *ports, mem=(LOW, LOW + end - 1)))


def twins(size: str = "4M", other: str | None = None) -> Topology:
    """Two devices with addresses, each in a window that it fills."""
    first = port(1, bar(0, size, at=LOW), start=0)
    return switch(first, port(2, bar(0, other or size, at=LOW + 4 * MIB), start=4 * MIB))


def modelled(
    topology: Topology, counted: Sequence[str] = MOVES, *without: str, require_all: bool = True
) -> PlacementModel:
    (found,) = problems(topology, Request(policy=Policy.ALWAYS).mobility(topology))
    return PlacementModel(
        found, found.bars, found.windows, {}, require_all=require_all, without=without, counted=counted
    )


def admits(model: PlacementModel, first: int, second: int, stays: Sequence[str] = ()) -> bool:
    """Whether the window of the first port may begin at one offset and that of the second at another."""
    variables = model.variables
    for where, start in (("01:01.0", first), ("01:02.0", second)):
        window = variables.window_of[window_key(where, "mem")]
        model.model.add(window.start == (LOW + start) // variables.granule["mem"])
        model.model.add(window.length == 4 * MIB // variables.granule["mem"])
    for made in variables.bars:
        if made.stays is not None:
            model.model.add(made.stays == (made.item.key in [key(each) for each in stays]))
    return has_plan(model.model)


def has_plan(model: cp_model.CpModel) -> bool:
    """Whether anything is legal; nothing is minimised."""
    solver = cp_model.CpSolver()
    return solver.status_name(solver.solve(model)) == "OPTIMAL"


def test_what_has_moved_stands_in_order() -> None:
    assert admits(modelled(twins()), 8 * MIB, 12 * MIB)
    assert not admits(modelled(twins()), 12 * MIB, 8 * MIB)
    assert admits(modelled(twins(), MOVES, "exchange"), 12 * MIB, 8 * MIB)


def test_what_stays_is_in_no_order_while_moves_count() -> None:
    assert admits(modelled(twins()), 8 * MIB, 4 * MIB, stays=[TWO])
    assert not admits(modelled(twins(), FREE), 8 * MIB, 4 * MIB, stays=[TWO])


def test_what_is_alike_but_in_size_is_in_no_order() -> None:
    assert admits(modelled(twins(other="2M")), 12 * MIB, 8 * MIB)


def test_less_than_a_block_is_in_no_order() -> None:
    assert admits(modelled(twins(size="512K")), 12 * MIB, 8 * MIB)


def test_a_window_as_today_is_in_no_order_where_changes_count() -> None:
    """The BAR of the second leaves its address, the window keeps its range: in another place it counts."""
    second = port(2, bar(0, "2M", at=LOW + 4 * MIB), start=4 * MIB)
    topology = switch(port(1, bar(0, "2M", at=LOW), start=0), second)
    assert not admits(modelled(topology), 8 * MIB, 4 * MIB)
    assert admits(modelled(topology, PRESETS["moves"], require_all=False), 8 * MIB, 4 * MIB)
    assert not admits(modelled(topology, PRESETS["moves"], require_all=False), 12 * MIB, 8 * MIB)


def test_where_all_finds_a_place_and_changes_count_nothing_is_in_order() -> None:
    assert admits(modelled(twins(), PRESETS["moves"]), 12 * MIB, 8 * MIB)


def test_what_may_lie_in_two_windows_is_in_order_where_both_hold_the_same() -> None:
    def device(number: int) -> Function:
        return port(number, bar(0, "2M"), bar(2, "2M", pref=True, width=64))

    model = modelled(switch(device(1), device(2)), MOVES, "siblings")
    pref = {
        where: next(
            literal
            for literal, place in model.constraints.options[key(where, 2)]
            if place is not None and place.item.kind == "pref"
        )
        for where in (ONE, TWO)
    }
    below = model.variables.window_of[window_key("01:02.0", "mem")].end
    above = model.variables.window_of[window_key("01:01.0", "mem")].start
    model.model.add(below <= above)

    def may(one: bool, two: bool) -> bool:
        tried = model.model.clone()
        tried.add_assumptions(
            [literal if wanted else ~literal for literal, wanted in zip(pref.values(), (one, two), strict=True)]
        )
        return has_plan(tried)

    assert [may(one, two) for one in (False, True) for two in (False, True)] == [False, True, True, False]


@pytest.mark.parametrize(
    ("topology", "counted"),
    [
        (switch(port(1, bar(0, "4M", at=LOW, fixed=True), start=0), port(2, bar(0, "4M"))), MOVES),
        (switch(port(1, bar(0, "4M"), hotplug=True), port(2, hotplug=True)), PRESETS["headroom"]),
        (switch(port(1, bar(0, "4M", at=LOW + 32 * MIB), start=32 * MIB), port(2, bar(0, "4M"))), MOVES),
        (
            switch(
                bridge("01:01.0", bridge("02:00.0", function("03:00.0", bar(0, "4M")))),
                bridge("01:02.0", function("04:00.0", bar(0, "4M"))),
            ),
            MOVES,
        ),
        (
            machine(
                bridge(
                    "00:01.0",
                    port(1, bar(0, "4M", at=LOW + 4 * MIB), start=0, size=8 * MIB),
                    port(2, bar(0, "4M")),
                    mem=(LOW, LOW + 16 * MIB - 1),
                ),
                reserved=[("mem", (LOW, LOW + MIB - 1))],
            ),
            MOVES,
        ),
        (
            switch(
                bridge("01:01.0", function("02:00.0", bar(0, "4M")), subtractive=True),
                bridge("01:02.0", function("03:00.0", bar(0, "4M"))),
            ),
            MOVES,
        ),
        (switch(port(1, bar(0, "4M", sizes=["2M", "4M"])), port(2, bar(0, "4M"))), PRESETS["rebar"]),
    ],
    ids=["immovable", "empty port", "in breach", "bridge behind", "covers a reserved range", "subtractive", "any size"],
)
def test_windows_that_are_bound_are_left_alone(topology: Topology, counted: tuple[str, ...]) -> None:
    request = Request(policy=Policy.SAFE, minimize=counted)
    sizes = {bar_key: made.sizes for bar_key, made in topology.bars() if made.sizes}
    (found,) = problems(topology, request.mobility(topology), sizes, headroom="headroom" in counted)
    made = PlacementModel(found, found.bars, found.windows, {}, require_all=False, without=("exchange", "siblings"))
    exchange = Exchange(found, made.variables, made.constraints, counted)
    below = {window.item.key for window in exchange.windows if window.item.kind == "mem"}
    assert not {window_key("01:01.0", "mem"), window_key("01:02.0", "mem")} <= below
    assert exchange.order() == 0


def low_ports(second_width: int, second_bar: int, today: bool) -> Topology:
    """Two ports with a prefetchable BAR each; the first, of 32 bits, may have its window in the port's of 64 today."""
    inner, outer = ((LOW, LOW + size * MIB - 1) if today else () for size in (4, 8))
    ports = (
        bridge("01:01.0", function("02:00.0", bar(0, "4M", pref=True)), pref=inner, pref_width=32),
        bridge("01:02.0", function("03:00.0", bar(0, "4M", pref=True, width=second_bar)), pref_width=second_width),
    )
    return machine(bridge("00:01.0", *ports, pref=outer))


@pytest.mark.parametrize(
    ("topology", "rule", "pairs"),
    [
        (low_ports(32, 32, today=False), "kernel", 1),
        (low_ports(64, 32, today=False), "free", 0),
        (low_ports(32, 64, today=False), "free", 0),
        (low_ports(32, 32, today=True), "free", 1),
        (low_ports(32, 32, today=True), "kernel", 0),
    ],
    ids=["alike", "window reaches farther", "BAR reaches farther", "any window takes both", "one window takes one"],
)
def test_windows_that_may_not_stand_where_another_does_are_in_no_order(
    topology: Topology, rule: str, pairs: int
) -> None:
    (found,) = problems(topology, Request(policy=Policy.ALWAYS).mobility(topology), window_rule=rule)
    made = PlacementModel(found, found.bars, found.windows, {}, require_all=True, without=("exchange", "siblings"))
    exchange = Exchange(found, made.variables, made.constraints, MOVES)
    exchange.windows = [window for window in exchange.windows if window.item.kind == "pref"]
    assert exchange.order() == pairs


@pytest.mark.parametrize("first", [bar(0, "4M"), bar(0, "4M", pref=True, width=64)], ids=["mem", "either"])
def test_siblings_are_in_order_by_what_lies_in_a_memory_window_only(first: Bar) -> None:
    """Of others, the two windows may be in an order that exchanging one pair of them would break."""
    topology = switch(port(1, first), port(2, first))
    (found,) = problems(topology, Request(policy=Policy.ALWAYS).mobility(topology))
    made = PlacementModel(found, found.bars, found.windows, {}, require_all=False, without=("exchange", "siblings"))
    exchange = Exchange(found, made.variables, made.constraints, MOVES)
    assert exchange.bridges == {"0000:01:01.0", "0000:01:02.0"}
    before = len(made.model.proto.constraints)
    assert Siblings(found, made.variables, exchange).order() == 1
    presence, place = len(made.model.proto.constraints) - before, 0 if first.prefetchable else 1
    assert presence == 1 + place
    assert Siblings(found, made.variables).order() == 1
    assert len(made.model.proto.constraints) - before == presence + 2


def test_while_only_the_number_left_out_counts_what_stays_is_in_order_too(monkeypatch: pytest.MonkeyPatch) -> None:
    free: list[bool] = []

    class Noting(Exchange):
        def order(self) -> int:
            free.append(self.free)
            return super().order()

    monkeypatch.setattr(placement_model, "Exchange", Noting)
    monkeypatch.setattr(Asking, "_may_be_direct", lambda *_: False)
    made = rack.make(4, bars=24, new=6, goal="moves-full")
    assert solve(made.topology, replace(made.request, workers=1)).plan.status is Status.OPTIMAL
    assert {True, False} == set(free)


ORDERS = (
    PRESETS["waste"],
    PRESETS["moves"],
    ("unplaced", "wasted_bytes", "windows_changed"),
    ("unplaced", "windows_changed", "moved_bars"),
    ("unplaced_functions", "moved_functions", "windows_changed"),
    ("unplaced", "headroom", "wasted_bytes", "moved_bars"),
)


@pytest.mark.parametrize("minimize", ORDERS, ids=",".join)
@pytest.mark.parametrize("goal", ["waste", "waste-pinned", "moves", "moves-full", "boot-full"])
def test_racks_of_equal_devices_have_the_same_optimum_without_it(
    goal: str, minimize: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rack, "MIX", ((kinds.NVME_CMB, 2), (kinds.FPGA, 1)))
    monkeypatch.setattr(rack, "NEW", ((kinds.NVME_CMB, 1), (kinds.FPGA, 1)))
    made = rack.make(7, bars=20, new=4 if goal.startswith("moves") else 0, goal=goal)
    values = []
    for without in ("", "exchange"):
        options = {"without": without} if without else {}
        result = solve(made.topology, replace(made.request, minimize=minimize, workers=1, options=options))
        assert result.legal
        assert result.plan.status is Status.OPTIMAL
        values.append([objective.value for objective in result.plan.objectives])
    assert values[0] == values[1]
