"""BARs that a request resizes, engine by engine; window rules; whole functions before BARs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from models.document import load_topology
from models.legality import new_breaches
from models.mobility import Policy
from models.plan import PlannedBar, Status
from models.resources import GIB, MIB, Range, Size
from models.topology import BarKey, Function, RootWindow, Topology
from solver.cpsat.engine import solve
from solver.engines import engine
from solver.request import PRESETS, Request
from solver.result import Result
from tests.topologies import bar, bridge, function, host, key, machine

GPU = key("01:00.0", 1)
SIZES = ("4M", "8M", "16M")
SAMPLES = Path(__file__).resolve().parents[2] / "samples"


def gpu(driver: str | None = "nvidia", *others: Function, size: str = "8M", at: int = 0x80800000) -> Topology:
    """A GPU with a Resizable BAR behind a port, on a root bus with 32 MiB."""
    device = function("01:00.0", bar(1, size, sizes=SIZES, at=at), driver=driver)
    port = bridge("00:01.0", device, io=None, pref=None, mem=(0x80800000, 0x80FFFFFF))
    return machine(host(port, *others, mem=(0x80000000, 0x81FFFFFF), pref=None, io=None))


def planned(result: Result, bar_key: BarKey = GPU) -> PlannedBar:
    return next(one for one in result.plan.bars if one.key == bar_key)


def resized(topology: Topology, size: Size | tuple[Size, ...], **options: object) -> Result:
    sizes = size if isinstance(size, tuple) else (size,)
    return solve(topology, Request(resizes={GPU: sizes}, workers=1, **options))  # type: ignore[arg-type]


class TestOneSize:
    def test_it_stays_where_it_may(self) -> None:
        result = resized(gpu(), 4 * MIB)
        assert (planned(result).size, planned(result).after, planned(result).moved) == (4 * MIB, 0x80800000, False)
        assert result.plan.status is Status.OPTIMAL
        assert result.measures.resized_bars == 1

    def test_it_moves_where_it_must_whatever_the_policy(self) -> None:
        for policy in (Policy.SAFE, Policy.NEVER, Policy.REFUSE):
            result = resized(gpu(), 16 * MIB, policy=policy)
            assert result.legal
            assert (planned(result).size, planned(result).moved) == (16 * MIB, True)

    def test_its_driver_has_to_let_go(self) -> None:
        warning = "has to let go of 0000:01:00.0 while it is resized: BAR 1 from 8M to 4M"
        assert f"driver nvidia {warning}" in resized(gpu(), 4 * MIB).plan.warnings
        assert f"driver amdgpu {warning}" in resized(gpu("amdgpu"), 4 * MIB).plan.warnings
        assert f"a driver, if one is bound, {warning}" in resized(gpu("?"), 4 * MIB).plan.warnings
        assert resized(gpu(None), 4 * MIB).plan.warnings == ()

    def test_it_is_infeasible_where_an_immovable_bar_is_in_the_way(self) -> None:
        blocker = function("00:02.0", bar(0, at=0x81000000), driver="other")
        left = function("00:03.0", bar(0, at=0x80000000), driver="other")
        result = resized(gpu("nvidia", blocker, left), 16 * MIB)
        assert result.plan.status is Status.INFEASIBLE
        assert any(line.startswith("0000:01:00.0 BAR 1 may not stay") for line in result.plan.warnings)

    def test_out_of_time_there_is_no_plan(self) -> None:
        result = resized(gpu(), 16 * MIB, time_limit=0.0)
        assert result.plan.status is Status.UNKNOWN
        assert [objective.value for objective in result.plan.objectives] == [None, None, None]

    def test_out_of_time_todays_size_stands_under_rebar(self) -> None:
        result = solve(gpu(), Request(policy=Policy.ALWAYS, minimize=PRESETS["rebar"], time_limit=0.0, workers=1))
        assert result.legal
        assert result.measures.rebar <= 8 * MIB

    def test_others_make_room(self) -> None:
        movable = function("00:02.0", bar(0, at=0x81000000), driver="nvme")
        pinned = function("00:03.0", bar(0, at=0x80000000), driver="other")
        result = resized(gpu("nvidia", movable, pinned), 16 * MIB)
        assert (planned(result).after, result.measures.moved_bars) == (0x81000000, 2)

    @pytest.mark.parametrize("name", ["linux-6.1", "linux-7", "movable-bars", "coreboot"])
    def test_greedy_engines_get_the_new_size(self, name: str) -> None:
        topology = gpu(None)
        result = engine(name)(topology, Request(policy=Policy.ALWAYS, resizes={GPU: (4 * MIB,)}))
        assert result.legal
        assert (planned(result).size, planned(result).before) == (4 * MIB, 0x80800000)
        assert result.topology is topology
        assert not new_breaches(topology, result.plan.placement)


class TestSizesOfARequest:
    def test_none_unless_asked(self) -> None:
        assert Request(policy=Policy.ALWAYS).sizes(gpu()) == {}

    def test_rebar_opens_all_that_may_move_and_shrinks_nothing_that_works(self) -> None:
        request = Request(policy=Policy.ALWAYS, minimize=PRESETS["rebar"])
        assert request.sizes(gpu()) == {GPU: (8 * MIB, 16 * MIB)}
        assert replace(request, policy=Policy.SAFE).sizes(gpu()) == {}
        unassigned = machine(function("01:00.0", bar(1, "8M", sizes=SIZES)))
        assert request.sizes(unassigned) == {GPU: (4 * MIB, 8 * MIB, 16 * MIB)}

    def test_an_open_size_in_the_request_is_the_scope(self) -> None:
        other = function("00:02.0", bar(0, "4M", sizes=("4M", "8M"), at=0x81000000))
        request = Request(minimize=PRESETS["rebar"], resizes={GPU: (4 * MIB, 8 * MIB)})
        assert list(request.sizes(gpu("nvidia", other))) == [GPU]
        assert replace(request, minimize=PRESETS["moves"]).sizes(gpu("nvidia", other)) == {}

    def test_one_size_beside_rebar(self) -> None:
        other = function("00:02.0", bar(0, "4M", sizes=("4M", "8M"), at=0x81000000))
        request = Request(minimize=PRESETS["rebar"], resizes={GPU: (4 * MIB,)})
        assert request.sizes(gpu("nvidia", other)) == {GPU: (4 * MIB,), key("00:02.0"): (4 * MIB, 8 * MIB)}


def eight_gpus(room: Size) -> Topology:
    """The sample server with Resizable BARs of 256 MiB to 128 GiB and this much prefetchable room."""
    sample = load_topology((SAMPLES / "gpu-server-8x.json").read_text(encoding="utf-8"), "the sample")

    def resizable(one: Function) -> Function:
        bars = tuple(
            replace(it, size=256 * MIB, sizes=tuple(256 * MIB << step for step in range(10))) if it.index == 1 else it
            for it in one.bars
        )
        return replace(one, bars=bars) if one.id == "10de:20b2" else one

    def narrowed(window: RootWindow) -> RootWindow:
        return replace(window, range=Range.of(window.range.start, room)) if window.prefetchable else window

    roots = tuple(replace(root, windows=tuple(map(narrowed, root.windows))) for root in sample.root_buses)
    return replace(sample, root_buses=roots).map_functions(resizable)


def test_eight_gpus_get_all_that_fits() -> None:
    topology = eight_gpus(448 * GIB)
    result = solve(topology, Request(minimize=("unplaced", "rebar_halvings", "rebar"), workers=1))
    assert result.plan.status is Status.OPTIMAL
    sizes = sorted(one.size // GIB for one in result.plan.bars if one.key.index == 1 and one.size >= 256 * MIB)
    assert sizes == [32, 32, 64, 64, 64, 64, 64, 64]


class TestWindowRule:
    def device(self, at: int | None = None) -> Topology:
        """A 32-bit prefetchable BAR behind a port with a 64-bit prefetchable window below 4 GiB."""
        low = function("01:00.0", bar(0, pref=True, at=at))
        plain = function("01:01.0", bar(0, at=0x80000000))
        taken = None if at is None else (at, at + MIB - 1)
        port = bridge("00:01.0", low, plain, io=None, mem=(0x80000000, 0x800FFFFF), pref=taken or ())
        # The memory window cannot grow, so that free choice opens the other one.
        walls = function("00:02.0", bar(0, at=0x80100000, fixed=True))
        return machine(host(port, walls, mem=(0x80000000, 0x803FFFFF), pref=None, io=None))

    def test_free_uses_any_window(self) -> None:
        result = solve(self.device(), Request(policy=Policy.NEVER, workers=1))
        assert (result.measures.unplaced, result.plan.status) == (0, Status.OPTIMAL)

    def test_kernel_shuns_the_64_bit_prefetchable_window(self) -> None:
        result = solve(self.device(), Request(policy=Policy.NEVER, window_rule="kernel", workers=1))
        assert (result.measures.unplaced, result.plan.status) == (1, Status.OPTIMAL)

    def test_what_is_there_today_may_stay(self) -> None:
        result = solve(self.device(0x80200000), Request(policy=Policy.ALWAYS, window_rule="kernel", workers=1))
        assert (result.measures.moved_bars, result.plan.status) == (0, Status.OPTIMAL)

    def test_a_32_bit_prefetchable_window_is_not_shunned(self) -> None:
        topology = self.device().map_functions(
            lambda one: (
                one
                if one.bridge is None
                else replace(
                    one,
                    bridge=replace(
                        one.bridge, windows=tuple(replace(window, width=32) for window in one.bridge.windows)
                    ),
                )
            )
        )
        result = solve(topology, Request(policy=Policy.NEVER, window_rule="kernel", workers=1))
        assert result.measures.unplaced == 0

    def test_the_kernels_own_placement_obeys_it(self) -> None:
        result = engine("linux-7")(self.device(), Request())
        assert result.measures.unplaced == 1


class TestWholeFunctions:
    def crowded(self) -> Topology:
        """Room for 4 MiB beside a working BAR: three small BARs of two functions, or one function of 4 MiB."""
        working = function("00:01.0", bar(0, "4M", at=0x80000000), driver="nvme")
        large = function("00:02.0", bar(0, "4M"))
        torn = [function(f"00:0{n}.0", bar(0, "1M"), bar(1, "1M"), bar(2, "4M")) for n in (3, 4)]
        return machine(host(working, large, *torn, mem=(0x80000000, 0x807FFFFF), pref=None, io=None))

    def test_a_whole_function_comes_before_more_bars(self) -> None:
        few = solve(self.crowded(), Request(workers=1))
        assert (few.measures.unplaced, few.measures.unplaced_functions) == (3, 3)
        whole = solve(self.crowded(), Request(workers=1, whole_functions=True))
        assert whole.plan.status is Status.OPTIMAL
        assert [(one.name, one.value, one.bound) for one in whole.plan.objectives][:2] == [
            ("unplaced_functions", 2, 2),
            ("unplaced", 6, 6),
        ]
        assert planned(whole, key("00:02.0")).after is not None

    def test_nothing_changes_where_everything_fits(self) -> None:
        result = solve(gpu(), Request(workers=1, whole_functions=True))
        assert [one.name for one in result.plan.objectives] == list(PRESETS["moves"])

    def test_nothing_is_taken_from_a_working_function(self) -> None:
        for request in (
            Request(policy=Policy.ALWAYS, whole_functions=True, workers=1),
            Request(policy=Policy.ALWAYS, minimize=("unplaced_functions", "unplaced"), workers=1),
            Request(policy=Policy.ALWAYS, minimize=("wasted_bytes",), workers=1),
        ):
            result = solve(self.crowded(), request)
            assert planned(result, key("00:01.0")).after is not None
            assert result.measures.lost_bars == 0

    def test_rebar_takes_nothing_from_a_working_bar_either(self) -> None:
        new = function("00:02.0", bar(0, "16M"))
        result = solve(gpu(None, new), Request(minimize=("rebar", "unplaced"), workers=1))
        assert planned(result).size == 16 * MIB
        again = solve(gpu(None, new, function("00:03.0", bar(0, "8M"))), Request(minimize=PRESETS["rebar"], workers=1))
        assert planned(again).size == 8 * MIB
        assert again.measures.unplaced == 0
