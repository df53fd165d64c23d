"""Room that a plan leaves free behind bridges."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from models.document import dump_plan, load_plan
from models.errors import InputError
from models.legality import new_breaches
from models.plan import Status
from models.reserves import PlannedReserve, Reserve, parse_reserves
from models.resources import MIB, Range, parse_number
from models.topology import Topology
from solver.claims import false_claims
from solver.cpsat.engine import solve
from solver.engines import Progress
from solver.request import PRESETS, Request
from solver.reserves import Reserved, solve_with_reserves
from solver.result import Result
from tests.topologies import address, bar, bridge, function, host, key, machine

REQUEST = Request(time_limit=20.0, workers=1)
WASTE = Request(time_limit=20.0, workers=1, minimize=PRESETS["waste"])


def two_ports(size: str = "16M") -> Topology:
    """An empty hotplug port beside one with a BAR in the middle of the prefetchable window, 64 MiB in all."""
    return machine(
        host(
            bridge("00:01.0", hotplug=True, secondary=1),
            bridge(
                "00:02.0",
                function("02:00.0", bar(0, size, width=64, pref=True, at=0x4001000000), driver="nvme"),
                pref=(0x4001000000, 0x4001000000 + parse_number(size) - 1),
            ),
            mem=(0x80000000, 0x803FFFFF),
            pref=(0x4000000000, 0x4003FFFFFF),
        )
    )


def reserved(topology: Topology, *spelled: str, request: Request = REQUEST) -> Reserved:
    """Solved, and checked without the engine: the plan is legal for the machine alone, its claims are true."""
    found = solve_with_reserves(topology, request, parse_reserves(topology, spelled))
    plan = found.result.plan
    assert not found.result.breaches
    assert not new_breaches(topology, plan.placement, immovable=request.mobility(topology).immovable)
    assert list(false_claims(load_plan(dump_plan(plan), "plan"), topology)) == []
    assert {bar.key for bar in plan.bars} == {one for one, _ in topology.bars()}
    return found


class TestSpelling:
    def test_kinds_and_sizes(self) -> None:
        port = address("00:01.0")
        assert parse_reserves(two_ports(), ["0000:00:01.0=mem:64M,pref:3M,io:4K"]) == (
            Reserve(port, "mem", 64 * MIB),
            Reserve(port, "pref", 3 * MIB),
            Reserve(port, "io", 4096),
        )

    def test_every_hotplug_port(self) -> None:
        assert [one.bridge for one in parse_reserves(two_ports(), ["hotplug=mem:1M"])] == ["0000:00:01.0"]

    def test_what_is_no_power_of_two_is_aligned_to_what_divides_it(self) -> None:
        block = Reserve(address("00:01.0"), "pref", 3 * MIB).bar
        assert (block.size, block.copies, block.span) == (MIB, 3, 3 * MIB)

    @pytest.mark.parametrize(
        ("spelled", "expected"),
        [
            ("00:01.0", "expected BRIDGE=mem:SIZE,pref:SIZE,io:SIZE, found '00:01.0'"),
            ("00:01.0=", "expected BRIDGE=mem:SIZE,pref:SIZE,io:SIZE, found '00:01.0='"),
            ("00:01.0=64M", "expected io:SIZE, mem:SIZE or pref:SIZE such as mem:64M, found '64M'"),
            ("00:01.0=mem:x", "expected io:SIZE, mem:SIZE or pref:SIZE such as mem:64M, found 'mem:x'"),
            ("00:01.0=mem:512K", "the size in 'mem:512K' is no multiple of 1M, as windows are"),
            ("00:01.0=io:256", "the size in 'io:256' is no multiple of 4K, as windows are"),
            ("00:01.0=mem:4G", "'mem:4G' is too large; expected less than 4G"),
            ("00:09.0=mem:1M", "there is no function 0000:00:09.0"),
            ("02:00.0=mem:1M", "no bridge: 0000:02:00.0"),
            ("ports=mem:1M", "expected a function address such as 0000:01:00.0, found 'ports', or hotplug for all"),
        ],
    )
    def test_what_is_refused(self, spelled: str, expected: str) -> None:
        with pytest.raises(InputError) as caught:
            parse_reserves(two_ports(), [spelled])
        assert str(caught.value).startswith(f"--reserve: {expected}")

    def test_no_hotplug_port(self) -> None:
        with pytest.raises(InputError, match="the machine has no hotplug port"):
            parse_reserves(machine(), ["hotplug=mem:1M"])


class TestPlans:
    def test_the_windows_of_the_port_have_the_room(self) -> None:
        topology = two_ports()
        found = reserved(topology, "00:01.0=pref:16M,mem:2M")
        assert (found.refused, found.result.plan.status) == ((), Status.OPTIMAL)
        windows = {(w.key.bridge, w.key.kind): w.after for w in found.result.plan.windows}
        for planned in found.result.plan.reserves:
            window = windows[planned.reserve.bridge, planned.reserve.kind]
            assert window is not None
            assert window.contains(planned.range)

    def test_a_bar_moves_for_it_and_says_so(self) -> None:
        """32 MiB are free in one piece only after the BAR in the middle moved."""
        topology = machine(
            host(
                bridge("00:01.0", hotplug=True, secondary=1),
                bridge(
                    "00:02.0",
                    function("02:00.0", bar(0, "16M", width=64, pref=True, at=0x4001000000), driver="nvme"),
                    pref=(0x4001000000, 0x4001FFFFFF),
                ),
                mem=(0x80000000, 0x803FFFFF),
                pref=(0x4000000000, 0x4002FFFFFF),
            )
        )
        found = reserved(topology, "00:01.0=pref:32M")
        (moved,) = found.result.plan.bars
        assert (moved.moved, moved.after) == (True, 0x4002000000)
        assert moved.why == "makes room for the reserve behind 0000:00:01.0"
        assert found.result.plan.reserves == (
            PlannedReserve(Reserve(address("00:01.0"), "pref", 32 * MIB), Range.of(0x4000000000, 32 * MIB)),
        )

    def test_what_does_not_fit_is_refused_with_proof_and_the_rest_granted(self) -> None:
        found = reserved(two_ports(), "00:01.0=pref:64M,pref:16M")
        assert [one.size for one in found.refused] == [64 * MIB]
        assert found.proved
        assert [one.reserve.size for one in found.result.plan.reserves] == [16 * MIB]
        assert found.result.plan.objectives[0].value == 0

    def test_no_bar_gives_up_its_place_for_a_reserve(self) -> None:
        """The new BAR and the reserve exclude each other; the BAR counts."""
        topology = machine(
            host(
                bridge("00:01.0", hotplug=True, secondary=1),
                bridge("00:02.0", function("02:00.0", bar(0, "32M", width=64, pref=True))),
                mem=(0x80000000, 0x803FFFFF),
                pref=(0x4000000000, 0x4003FFFFFF),
            )
        )
        found = reserved(topology, "00:01.0=pref:64M")
        assert (len(found.refused), found.proved) == (1, True)
        assert found.result.plan.placement.bars[key("02:00.0")] is not None

    def test_waste_counts_a_reserve_as_content(self) -> None:
        found = reserved(two_ports(), "00:01.0=pref:16M,mem:1M", request=WASTE)
        assert {o.name: (o.value, o.proved) for o in found.result.plan.objectives}["wasted_bytes"] == (0, True)
        assert found.result.measures.wasted_bytes == 0

    def test_without_reserves_the_plan_is_the_plain_one(self) -> None:
        found = reserved(two_ports())
        assert (found.result.plan.reserves, found.refused) == ((), ())

    def test_one_in_every_hotplug_port(self) -> None:
        found = reserved(two_ports(), "hotplug=io:4K,mem:1M,pref:1M")
        assert len(found.result.plan.reserves) == 3


def test_interrupted_it_asks_nothing_more_and_hands_back_a_plan() -> None:
    calls = 0

    def stopped(topology: Topology, request: Request, progress: Progress | None = None) -> Result:
        nonlocal calls
        calls += 1
        return replace(solve(topology, request, progress), interrupted=calls == 1)

    topology = two_ports()
    wanted = parse_reserves(topology, ["00:01.0=pref:64M,pref:32M"])
    found = solve_with_reserves(topology, REQUEST, wanted, run=stopped)
    assert calls == 2
    assert (found.result.interrupted, found.result.legal) == (True, True)
    assert (found.refused, found.proved) == (wanted, False)


class TestTheDocument:
    def test_reserves_stand_in_it_and_come_back(self) -> None:
        plan = reserved(two_ports(), "00:01.0=pref:16M").result.plan
        document = json.loads(dump_plan(plan))
        (entry,) = document["reserves"]
        assert (entry["bridge"], entry["window"]) == ("0000:00:01.0", "pref")
        assert load_plan(dump_plan(plan), "plan") == plan

    def test_a_reserve_where_something_is_is_a_false_claim(self) -> None:
        topology = two_ports()
        plan = reserved(topology, "00:01.0=pref:16M").result.plan
        document = json.loads(dump_plan(plan))
        document["reserves"][0] |= {"start": "0x4001000000", "end": "0x4001ffffff"}
        wrong = load_plan(json.dumps(document), "plan")
        assert any("the reserve behind 0000:00:01.0" in claim for claim in false_claims(wrong, topology))

    def test_a_reserve_behind_no_bridge_is_a_false_claim(self) -> None:
        topology = two_ports()
        document = json.loads(dump_plan(reserved(topology, "00:01.0=pref:16M").result.plan))
        document["reserves"][0]["bridge"] = "0000:02:00.0"
        claims = list(false_claims(load_plan(json.dumps(document), "plan"), topology))
        assert "0000:02:00.0 has a reserve and is no bridge" in claims

    def test_a_range_that_ends_before_it_starts(self) -> None:
        document = json.loads(dump_plan(reserved(two_ports(), "00:01.0=pref:16M").result.plan))
        document["reserves"][0]["end"] = "0x0"
        with pytest.raises(InputError, match=r"reserves\[0\].end"):
            load_plan(json.dumps(document), "plan")


def test_a_bridge_without_a_bus_number_may_have_a_reserve() -> None:
    """What stands for the reserve has no number: it is not asked for one."""
    port = bridge("01:00.0", secondary=0xF0, subordinate=0xF0, hotplug=True)
    topology = machine(bridge("00:01.0", port, secondary=1, subordinate=1))
    result = solve_with_reserves(topology, REQUEST, parse_reserves(topology, ["01:00.0=mem:4M"])).result
    assert result.plan.status is Status.OPTIMAL
    assert sum("bus numbers" in warning for warning in result.plan.warnings) == 1
