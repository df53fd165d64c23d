"""A result is checked and measured from its placement, whatever the engine says."""

from __future__ import annotations

import pickle

from models.document import topology_sha256
from models.mobility import Policy
from models.placement import Placement
from models.plan import Objective, Status
from models.resources import Range
from models.topology import Topology
from solver.request import Request
from solver.result import Result, make_result
from tests.topologies import UNKNOWN, bar, bridge, changed, function, key, machine, window_key


def one_port() -> Topology:
    inner = function("01:00.0", bar(0, "1M", at=0x80000000), bar(1, "1M"), driver=UNKNOWN)
    return machine(bridge("00:01.0", inner, mem=(0x80000000, 0x800FFFFF), io=None))


def result_of(
    topology: Topology, placement: Placement, request: Request | None = None, status: Status = Status.FEASIBLE
) -> Result:
    return make_result(topology, request or Request(), "an engine", placement, status=status, seconds=1.5)


def grown(topology: Topology) -> Placement:
    return changed(topology, {key("01:00.0", 1): 0x80100000}, {window_key("00:01.0", "mem"): (0x80000000, 0x801FFFFF)})


def test_a_plan_lists_every_bar_and_every_window_that_is_open_before_or_after() -> None:
    topology = one_port()
    plan = result_of(topology, grown(topology)).plan
    assert [(bar_.key, bar_.before, bar_.after, bar_.moved) for bar_ in plan.bars] == [
        (key("01:00.0", 0), 0x80000000, 0x80000000, False),
        (key("01:00.0", 1), None, 0x80100000, False),
    ]
    assert [(window.key, window.before, window.after) for window in plan.windows] == [
        (window_key("00:01.0", "mem"), Range(0x80000000, 0x80100000), Range(0x80000000, 0x80200000))
    ]


def test_a_plan_names_the_machine_the_engine_and_the_policy() -> None:
    topology = one_port()
    plan = result_of(topology, grown(topology), Request(policy=Policy.NEVER)).plan
    assert (plan.engine, plan.policy, plan.topology_sha256) == ("an engine", "never", topology_sha256(topology))


def test_values_are_measured_in_the_order_asked_for() -> None:
    topology = one_port()
    request = Request(minimize=("windows_changed", "unplaced"))
    assert result_of(topology, grown(topology), request).plan.objectives == (
        Objective("windows_changed", 1, None),
        Objective("unplaced", 0, None),
    )


def test_bounds_stand_beside_values() -> None:
    topology = one_port()
    today = Placement.today(topology)
    made = make_result(topology, Request(), "e", today, status=Status.FEASIBLE, bounds={"unplaced": 0}, seconds=0)
    assert made.plan.objectives[0] == Objective("unplaced", 1, 0)
    assert not made.plan.objectives[0].proved


def test_without_a_plan_nothing_has_a_value() -> None:
    topology = one_port()
    for status in (Status.INFEASIBLE, Status.UNKNOWN):
        made = result_of(topology, Placement.today(topology), status=status)
        assert all(objective.value is None for objective in made.plan.objectives)
        assert not made.legal


def test_a_broken_rule_is_found() -> None:
    topology = one_port()
    made = result_of(topology, changed(topology, {key("01:00.0", 1): 0x80000000}))
    assert [breach.rule for breach in made.breaches] == ["disjoint"]
    assert not made.legal


def test_moving_what_may_not_move_is_a_breach_under_this_request_alone() -> None:
    topology = one_port()
    swapped = changed(
        topology,
        {key("01:00.0", 0): 0x80100000},
        {window_key("00:01.0", "mem"): (0x80000000, 0x801FFFFF)},
    )
    assert [breach.rule for breach in result_of(topology, swapped).breaches] == ["immovable"]
    assert result_of(topology, swapped, Request(policy=Policy.ALWAYS)).legal


def test_why_a_bar_stays_and_why_it_moves() -> None:
    topology = one_port()
    stays = result_of(topology, grown(topology)).plan.bars[0]
    assert stays.why == "driver is unknown"
    pushed = changed(
        topology,
        {key("01:00.0", 0): 0x80100000},
        {window_key("00:01.0", "mem"): (0x80000000, 0x801FFFFF)},
    )
    request = Request(policy=Policy.ALWAYS)
    made = make_result(
        topology, request, "e", pushed, status=Status.FEASIBLE, seconds=0, why={key("01:00.0", 0): "a whim"}
    )
    assert made.plan.bars[0].why == "a whim"


def test_results_are_pickled() -> None:
    topology = one_port()
    made = result_of(topology, grown(topology))
    assert pickle.loads(pickle.dumps(made)) == made
    assert pickle.loads(pickle.dumps(topology)) == topology
