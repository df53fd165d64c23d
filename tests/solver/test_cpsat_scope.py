"""The exact engine changes nothing outside of the scope, and still proves what it says."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.mobility import Policy
from models.placement import Placement
from models.plan import Status
from models.resources import MIB, FunctionAddress, Range
from models.scope import Scope
from models.topology import Topology
from solver.cpsat.engine import solve
from solver.request import PRESETS, Request
from tests.plans import at, opened, solved
from tests.random_machines import placed_machines
from tests.topologies import bar, bridge, function, host, key, machine

LOW = 0x80000000


def two_ports(*, room: int = 2) -> Topology:
    """A switch of ``room`` MiB with a new BAR of 2 MiB behind its first port; 8 MiB are free beside it."""
    return machine(
        host(
            function("00:02.0", bar(0, "1M", at=LOW + 7 * MIB)),
            bridge(
                "00:1c.0",
                bridge("01:00.0", function("02:00.0", bar(0, "1M", at=LOW)), mem=(LOW, LOW + MIB - 1)),
                bridge("01:01.0", function("03:00.0", bar(0, "2M"))),
                mem=(LOW, LOW + room * MIB - 1),
            ),
            mem=(LOW, LOW + 16 * MIB - 1),
            pref=None,
        )
    )


def test_under_a_bridge_its_own_windows_grow_and_those_above_stay() -> None:
    free = solved(two_ports(room=4), scope=Scope(under=frozenset({FunctionAddress("0000:01:01.0")})))
    assert free.measures.unplaced == 0
    assert at(free, "03:00.0") == LOW + 2 * MIB
    assert opened(free, "01:01.0", "mem") == Range.of(LOW + 2 * MIB, 2 * MIB)
    assert opened(free, "00:1c.0", "mem") == Range.of(LOW, 4 * MIB)


def test_where_the_window_above_is_full_nothing_under_the_bridge_fits() -> None:
    """Without bounds, and under the bridge above, there is room for everything."""
    topology = two_ports()
    assert solved(topology).measures.unplaced == 0
    assert solved(topology, scope=Scope(under=frozenset({FunctionAddress("0000:00:1c.0")}))).measures.unplaced == 0
    bounded = solved(topology, scope=Scope(under=frozenset({FunctionAddress("0000:01:01.0")})))
    assert bounded.plan.objectives[0].bound == bounded.measures.unplaced == 1
    assert (bounded.measures.moved_bars, bounded.measures.windows_changed) == (0, 0)


def test_what_has_no_address_outside_gets_none_and_is_counted() -> None:
    topology = two_ports(room=4)
    bounded = solved(topology, scope=Scope(under=frozenset({FunctionAddress("0000:01:00.0")})))
    assert at(bounded, "03:00.0") is None
    assert bounded.plan.objectives[0].value == bounded.plan.objectives[0].bound == 1
    (reason,) = [planned.why for planned in bounded.plan.bars if planned.key == key("03:00.0")]
    assert reason == "outside --under 0000:01:00.0"


def root_bus_in_the_way() -> Topology:
    """A BAR on the root bus cuts 4 MiB into halves, and a port needs 3 of them."""
    return machine(
        host(
            function("00:02.0", bar(0, "1M", at=LOW + 2 * MIB)),
            bridge("00:1c.0", function("01:00.0", bar(0, "2M"), bar(1, "1M"))),
            mem=(LOW, LOW + 4 * MIB - 1),
            pref=None,
        )
    )


def test_keep_root_bus_keeps_what_stands_on_it() -> None:
    free = solved(root_bus_in_the_way())
    assert (free.measures.unplaced, free.measures.moved_bars) == (0, 1)
    kept = solved(root_bus_in_the_way(), scope=Scope(keep_root_bus=True))
    assert (kept.measures.unplaced, kept.measures.moved_bars) == (1, 0)
    assert at(kept, "00:02.0") == LOW + 2 * MIB


def test_a_domain_outside_stays_though_it_could_be_better() -> None:
    closed = bridge("1:00:1c.0", hotplug=True, mem=(0x90000000, 0x900FFFFF))
    topology = machine(
        two_ports().root_buses[0], host(closed, mem=(0x90000000, 0x9FFFFFFF), pref=None, io=None, domain=1)
    )
    waste = PRESETS["waste"]
    assert opened(solved(topology, minimize=waste), "1:00:1c.0", "mem") is None
    bounded = solved(topology, minimize=waste, scope=Scope(domains=frozenset({0})))
    assert opened(bounded, "1:00:1c.0", "mem") == Range.of(0x90000000, MIB)
    assert bounded.measures.unplaced == 0


def test_a_window_outside_that_breaks_a_rule_stays_as_it_is() -> None:
    odd = bridge(
        "00:1d.0", function("04:00.0", bar(0, "4K", at=LOW + 8 * MIB)), mem=(LOW + 8 * MIB, LOW + 8 * MIB + 4095)
    )
    topology = two_ports(room=4)
    root = topology.root_buses[0]
    topology = replace(topology, root_buses=(replace(root, functions=(*root.functions, odd)),))
    bounded = solved(
        topology, minimize=PRESETS["waste"], scope=Scope(under=frozenset({FunctionAddress("0000:01:01.0")}))
    )
    assert opened(bounded, "00:1d.0", "mem") == Range.of(LOW + 8 * MIB, 4096)
    assert bounded.measures.unplaced == 0


@pytest.mark.parametrize("order", ["moves", "waste"])
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(placed_machines, st.randoms(use_true_random=False))
def test_nothing_outside_changes_and_the_plan_is_proved(order: str, topology: Topology, rng: Random) -> None:
    bridges = [one.address for one, _ in topology.functions() if one.bridge is not None]
    chosen = [rng.choice(bridges)] if bridges else []
    scope = Scope(under=frozenset(chosen), keep_root_bus=rng.random() < 0.3)
    request = Request(Policy.ALWAYS, PRESETS[order], time_limit=20, workers=1, scope=scope)
    result = solve(topology, request)
    assert result.breaches == ()
    if result.plan.status in (Status.INFEASIBLE, Status.UNKNOWN):
        return
    assert result.plan.status is Status.OPTIMAL
    placement, today = result.plan.placement, Placement.today(topology)
    assert {item: placement.bars[item] for item in scope.bars_outside(topology)}.items() <= today.bars.items()
    windows = {item: placement.windows.get(item) for item in scope.windows_outside(topology)}
    assert windows.items() <= today.windows.items()
    wide = solve(topology, replace(request, scope=Scope()))
    assert [one.value or 0 for one in wide.plan.objectives] <= [one.value or 0 for one in result.plan.objectives]
