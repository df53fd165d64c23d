"""What the movable-BARs discussion asked for, line by line, on machines where the policies differ.

The names of the tests are the words of the discussion.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from models.driver_file import read_drivers
from models.drivers import BUILT_IN, DriverKnowledge, DriverTable
from models.legality import new_breaches
from models.mobility import Policy, mobility
from models.placement import Placement
from models.plan import Status
from models.resources import MIB, FunctionAddress
from models.scope import Scope
from models.sources.history import read_history
from models.topology import BarKey, Topology
from solver.cpsat.engine import solve
from solver.engines import engine
from solver.explanation.explaining import explain
from solver.explanation.findings import Verdict, WayKind
from solver.replay import run_stage
from solver.request import Request
from solver.result import Result, make_result
from tests.plans import at, solved
from tests.topologies import bar, changed, function, host, key, machine

LOW = 0x80000000
SAMPLES = Path(__file__).parents[2] / "samples"
ON_DEMAND = ("unplaced", "prepared_drivers", "moved_bars")
ODD = (key("00:02.0"), key("00:03.0"), key("00:04.0"))
"""The BARs in the way: those of nvme, of one driver nobody has prepared, and of another."""


def four_blocks(drivers: tuple[str | None, ...] = ("nvme", "first", "second")) -> Topology:
    """16 MiB in four blocks of which three hold a BAR of 1 MiB; three new BARs need a block each.

    Nothing moves: one fits. The first moves: two. Any two of the three move: all.
    """
    places = (LOW + 3 * MIB, LOW + 9 * MIB, LOW + 13 * MIB)
    there = [
        function(f"00:0{device}.0", bar(0, "1M", at=place), driver=driver)
        for device, place, driver in zip((2, 3, 4), places, drivers, strict=True)
    ]
    new = [function(f"00:1{device}.0", bar(0, "4M")) for device in range(3)]
    return machine(host(*there, *new, mem=(LOW, LOW + 16 * MIB - 1), pref=None, io=None))


def moved(result: Result) -> set[BarKey]:
    return {planned.key for planned in result.plan.bars if planned.moved}


def unplaced(result: Result) -> int:
    """How many stay without an address; that no fewer can is proved."""
    assert result.plan.objectives[0].bound == result.measures.unplaced
    return result.measures.unplaced


def test_a_bar_whose_driver_lacks_the_hooks_is_immovable_and_hooks_add_freedom_without_being_a_requirement() -> None:
    """Policy safe is what one gets with no option."""
    result = solve(four_blocks(), Request(workers=1))
    assert result.plan.policy == "safe"
    assert moved(result) == {ODD[0]}
    assert unplaced(result) == 1
    no_hooks_at_all = solved(four_blocks(("x", "y", "z")))
    assert (moved(no_hooks_at_all), unplaced(no_hooks_at_all)) == (set(), 2)
    assert unplaced(solved(four_blocks((None, None, "z")))) == 0


def test_move_everything_regardless_with_a_warning_that_names_each_unprepared_driver() -> None:
    result = solved(four_blocks(), Policy.ALWAYS)
    assert unplaced(result) == 0
    names = {ODD[1]: "first", ODD[2]: "second"}
    assert {warning.split(" is not verified")[0] for warning in result.plan.warnings} == {
        f"{item.function} moves although its driver {names[item]}" for item in moved(result) - {ODD[0]}
    }
    assert len(result.plan.warnings) >= 1
    both = solved(four_blocks(("fixed-by-pin", "first", "second")), Policy.ALWAYS, pins=frozenset({ODD[0]}))
    assert len(both.plan.warnings) == 2


def test_refuse_any_movement_if_one_unprepared_driver_is_met_during_the_rescan() -> None:
    result = solved(four_blocks(), Policy.REFUSE)
    assert (moved(result), unplaced(result)) == (set(), 2)
    assert mobility(four_blocks(), Policy.REFUSE).reasons[ODD[0]] == (
        "policy refuse (0000:00:03.0: driver first is not verified to survive a BAR move)"
    )
    assert unplaced(solved(four_blocks(("nvme", "amdgpu", "pcieport")), Policy.REFUSE)) == 0


def test_prepare_only_the_few_drivers_that_are_affected() -> None:
    """One of the two is enough, and that none is enough is proved; weights say which one."""
    for dear, cheap in ((ODD[1], ODD[2]), (ODD[2], ODD[1])):
        weights = {str(dear.function): 5, str(cheap.function): 2}
        result = solved(four_blocks(), Policy.ON_DEMAND, minimize=ON_DEMAND, weights=weights)
        assert [(one.name, one.value, one.bound) for one in result.plan.objectives] == [
            ("unplaced", 0, 0),
            ("prepared_drivers", 2, 2),
            ("moved_bars", 2, 2),
        ]
        assert moved(result) == {ODD[0], cheap}
        (warning,) = result.plan.warnings
        assert warning.startswith(f"{cheap.function} has to be prepared or unbound before it moves")


def test_a_switch_to_disable_it_all() -> None:
    result = solved(four_blocks((None, None, None)), Policy.NEVER)
    assert (moved(result), unplaced(result)) == (set(), 2)


def test_having_a_reset_hook_is_no_evidence_that_a_driver_survives_a_move(tmp_path: Path) -> None:
    hooks_only = BUILT_IN.extended({"first": DriverKnowledge(True, False, "it has reset callbacks")})
    assert hooks_only.knowledge("first").has_hooks
    assert unplaced(solved(four_blocks(), drivers=hooks_only)) == 1
    own = tmp_path / "mine.toml"
    own.write_text('[drivers.first]\nhooks = true\nverified = true\nsource = "moved in a rack"\n', encoding="utf-8")
    assert unplaced(solved(four_blocks(), drivers=read_drivers(own))) == 0


@pytest.mark.parametrize("policy", Policy)
def test_some_things_cannot_move_at_all(policy: Policy) -> None:
    """Fixed is fixed under every policy, freed or not: legacy ranges, Enhanced Allocation, platform quirks."""
    topology = machine(
        host(
            function("00:02.0", bar(0, "1M", at=LOW + 3 * MIB, fixed=True), driver="nvme"),
            function("00:10.0", bar(0, "4M")),
            mem=(LOW, LOW + 4 * MIB - 1),
            pref=None,
            io=None,
        )
    )
    result = solved(topology, policy, minimize=("unplaced", "moved_bars"), frees=frozenset({ODD[0]}))
    assert at(result, "00:02.0") == LOW + 3 * MIB
    assert unplaced(result) == 1


def test_devices_on_the_root_bus_keep_their_bars_and_only_certain_domains_are_rescanned() -> None:
    """The scope alone is tested in test_scope.py and test_cpsat_scope.py."""
    assert moved(solved(four_blocks(), Policy.ALWAYS, scope=Scope(keep_root_bus=True))) == set()
    elsewhere = replace(four_blocks().root_buses[0], domain=1, functions=())
    topology = machine(*four_blocks().root_buses, elsewhere)
    assert moved(solved(topology, scope=Scope(domains=frozenset({0})))) == {ODD[0]}
    assert moved(solved(topology, scope=Scope(domains=frozenset({1})))) == set()


def test_a_new_device_must_never_take_memory_from_a_working_one() -> None:
    """As many as possible are placed, proved, and none that worked loses its address, under any policy."""
    for policy in Policy:
        result = solved(four_blocks(), policy, minimize=("unplaced", "moved_bars"))
        assert result.measures.lost_bars == 0
        assert unplaced(result) == {Policy.SAFE: 1, Policy.REFUSE: 2, Policy.NEVER: 2}.get(policy, 0)


def test_one_immovable_device_at_a_bad_place_can_block_everything() -> None:
    """And then one is told which device that is, its driver, and the cheapest way out."""
    topology = machine(
        host(
            function("00:02.0", bar(0, "1M", at=LOW + 4 * MIB), driver="nvme"),
            function("00:03.0", bar(0, "1M", at=LOW + MIB), driver="stubborn"),
            function("00:10.0", bar(0, "4M")),
            mem=(LOW, LOW + 6 * MIB - 1),
            pref=None,
            io=None,
        )
    )
    explanation = explain(topology, Request(workers=1))
    assert explanation.verdict is Verdict.DOES_NOT_FIT
    (part,) = explanation.parts
    (pin,) = part.conflicts[0].pins
    assert (pin.key.function, pin.driver) == ("0000:00:03.0", "stubborn")
    assert part.ways[0].kind is WayKind.DRIVERS
    assert part.ways[0].functions == ((FunctionAddress("0000:00:03.0"), "stubborn"),)


def test_the_more_bars_are_movable_the_likelier_the_rearrangement_succeeds() -> None:
    verified = DriverKnowledge(True, True, "a test")
    left = [
        unplaced(solved(four_blocks(("a", "b", "c")), drivers=DriverTable(dict.fromkeys("abc"[:number], verified))))
        for number in range(4)
    ]
    assert left == [2, 1, 0, 0]


def test_all_resources_of_a_root_bridge_are_released_sorted_and_assigned_again() -> None:
    """The greedy of the patches makes room where the kernel's leaves all as it is."""
    topology = four_blocks(("nvme", "amdgpu", "pcieport"))
    assert engine("linux-6.1")(topology, Request()).measures.unplaced == 2
    result = engine("movable-bars")(topology, Request())
    assert (result.measures.unplaced, result.breaches) == (0, ())
    assert moved(result) == set(ODD)


def test_rebuild_a_hierarchy_its_assignment_and_a_hotplug_event_from_a_dmesg_log() -> None:
    log = SAMPLES / "qemu-hotplug-nospace" / "dmesg.txt"
    history = read_history(log.read_text(encoding="utf-8"), log.name)
    boot, hotplug = history.stages
    assert boot.added == ()
    assert len(hotplug.added) == 1
    replayed = run_stage(history, hotplug, ["linux-6.1"], Request())
    (run,) = replayed.runs
    assert replayed.kernel.unplaced == run.measures.unplaced == 1
    assert run.differences == ()


def test_it_must_work_every_time_and_where_no_better_plan_is_found_the_old_placement_stands() -> None:
    """Whatever the time, and every plan is checked by code that shares nothing with the engines."""
    topology = four_blocks((None, None, None))
    hurried = solve(topology, Request(time_limit=1e-6, workers=1))
    assert hurried.plan.status in (Status.FEASIBLE, Status.OPTIMAL)
    assert new_breaches(topology, hurried.plan.placement, immovable=mobility(topology).immovable) == []
    wrong = changed(topology, {key("00:10.0"): LOW})
    made = make_result(topology, Request(), "a bad one", wrong, status=Status.FEASIBLE, seconds=0.0)
    assert [breach.rule for breach in made.breaches] == ["disjoint"]
    assert (
        solved(topology, Policy.NEVER, pins=frozenset()).plan.placement.bars.items()
        >= {item: address for item, address in Placement.today(topology).bars.items() if address is not None}.items()
    )
