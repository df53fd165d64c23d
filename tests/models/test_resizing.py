"""Resizable BARs: named on the command line, resized in a machine, measured and checked in a placement."""

from __future__ import annotations

import pytest

from models.document import dump_plan, load_plan
from models.errors import InputError
from models.legality import check
from models.placement import Placement, free_space, measure
from models.plan import Plan, PlannedBar, Status
from models.resizing import parse_resize, release, resize
from models.resources import MIB, Size
from models.topology import BarKey, Topology
from tests.topologies import bar, bridge, changed, function, key, machine

GPU = key("01:00.0", 1)
SIZES = ("4M", "8M", "16M")


@pytest.fixture
def topology() -> Topology:
    """A GPU with a Resizable BAR of 8 MiB beside a BAR of 1 MiB, in a window of 32 MiB."""
    gpu = function(
        "01:00.0",
        bar(0, "1M", at=0x82000000),
        bar(1, "8M", sizes=SIZES, at=0x80800000),
        bar(3, "4M", sizes=SIZES, at=0x80000000, fixed=True),
        driver="nvidia",
    )
    return machine(bridge("00:01.0", gpu, mem=(0x80000000, 0x820FFFFF)))


def at_size(topology: Topology, size: Size, address: int | None = None) -> Placement:
    placement = changed(topology, {} if address is None else {GPU: address})
    return Placement(placement.bars, placement.windows, {GPU: size})


class TestParse:
    @pytest.mark.parametrize(
        ("spec", "sizes"),
        [
            ("0000:01:00.0:1=16M", (16 * MIB,)),
            ("01:00.0:1=4194304", (4 * MIB,)),
            ("01:00.0:1=max", (16 * MIB,)),
            ("01:00.0:1=any", (4 * MIB, 8 * MIB, 16 * MIB)),
            ("01:00.0=max", (16 * MIB,)),
        ],
    )
    def test_sizes(self, topology: Topology, spec: str, sizes: tuple[Size, ...]) -> None:
        assert parse_resize(topology, spec) == {GPU: sizes}

    @pytest.mark.parametrize(
        ("spec", "message"),
        [
            ("01:00.0:1", "expected FUNCTION:BAR=SIZE"),
            ("01:00.0:1=", "expected FUNCTION:BAR=SIZE"),
            ("01:00.0:1=large", "expected a size, max or any for 0000:01:00.0 BAR 1, found 'large'"),
            ("01:00.0:1=32M", "0000:01:00.0 BAR 1 does not support 32M; it supports 4M, 8M, 16M"),
            ("01:00.0:0=16M", "0000:01:00.0 BAR 0 is not known to be resizable"),
            ("01:00.0:3=16M", "0000:01:00.0 BAR 3 is fixed"),
            ("01:00.0:2=16M", "has no BAR '2'"),
            ("02:00.0:1=16M", "there is no function 0000:02:00.0"),
        ],
    )
    def test_refusals_are_one_line_and_name_the_option(self, topology: Topology, spec: str, message: str) -> None:
        with pytest.raises(InputError) as caught:
            parse_resize(topology, spec)
        assert message in str(caught.value)
        assert str(caught.value).startswith("--resize: ")
        assert "\n" not in str(caught.value)

    def test_a_function_without_resizable_bars(self) -> None:
        with pytest.raises(InputError, match="no BAR that is known to be resizable"):
            parse_resize(machine(function("00:02.0", bar(0), bar(1))), "00:02.0=max")


class TestResize:
    def test_it_stays_where_that_breaks_no_rule(self, topology: Topology) -> None:
        resized = dict(resize(topology, {GPU: (4 * MIB,)}).bars())[GPU]
        assert (resized.size, resized.address) == (4 * MIB, 0x80800000)

    def test_it_has_no_address_where_it_would_not_be_aligned(self, topology: Topology) -> None:
        resized = dict(resize(topology, {GPU: (16 * MIB,)}).bars())[GPU]
        assert (resized.size, resized.address) == (16 * MIB, None)

    def test_an_open_size_changes_nothing(self, topology: Topology) -> None:
        assert resize(topology, {GPU: (4 * MIB, 8 * MIB)}) == topology

    def test_a_released_bar_has_no_address(self, topology: Topology) -> None:
        released = dict(release(topology, {GPU: 4 * MIB}).bars())[GPU]
        assert (released.size, released.address) == (4 * MIB, None)


class TestPlacement:
    def test_what_it_is_worth(self, topology: Topology) -> None:
        today = measure(topology, Placement.today(topology))
        assert (today.rebar, today.rebar_halvings, today.resized_bars) == (8 * MIB, 1, 0)
        small = measure(topology, at_size(topology, 4 * MIB))
        assert (small.rebar, small.rebar_halvings, small.resized_bars) == (12 * MIB, 2, 1)
        assert (small.moved_bars, small.prepared_drivers) == (0, 1)
        assert small.wasted_bytes == today.wasted_bytes + 4 * MIB
        large = measure(topology, at_size(topology, 16 * MIB, 0x81000000))
        assert (large.rebar, large.moved_bars, large.prepared_drivers) == (0, 1, 1)

    def test_without_an_address_it_falls_short_by_all(self, topology: Topology) -> None:
        nowhere = measure(topology, changed(topology, {GPU: None}))
        assert (nowhere.rebar, nowhere.rebar_halvings) == (16 * MIB, 3)

    def test_every_vf_counts(self) -> None:
        topology = machine(function("00:02.0", bar("vf0", "1M", copies=4, sizes=("1M", "4M"), at=0x80000000)))
        assert measure(topology, Placement.today(topology)).rebar == 12 * MIB

    def test_free_space_knows_the_size(self) -> None:
        topology = machine(function("00:02.0", bar(0, "1M", sizes=("1M", "4M"), at=0x80000000)))
        grown = Placement({key("00:02.0"): 0x80000000}, {}, {key("00:02.0"): 4 * MIB})
        before, after = (free_space(topology, placement)[1].free for placement in (Placement.today(topology), grown))
        assert before - after == 3 * MIB


class TestLegality:
    def rules(self, topology: Topology, placement: Placement, **options: frozenset[object]) -> list[str]:
        return [breach.rule for breach in check(topology, placement, **options)]  # type: ignore[arg-type]

    def test_a_supported_size(self, topology: Topology) -> None:
        assert self.rules(topology, at_size(topology, 4 * MIB)) == []
        assert self.rules(topology, at_size(topology, 16 * MIB, 0x81000000)) == []

    def test_alignment_and_overlap_hold_at_the_new_size(self, topology: Topology) -> None:
        assert self.rules(topology, at_size(topology, 16 * MIB)) == ["alignment"]
        assert self.rules(topology, at_size(topology, 16 * MIB, 0x80000000)) == ["disjoint"]

    def test_an_unsupported_size(self, topology: Topology) -> None:
        breaches = check(topology, at_size(topology, 2 * MIB))
        assert [str(breach) for breach in breaches] == [
            "size: 0000:01:00.0 BAR 1 goes from 8M to 2M, and supports 4M, 8M, 16M"
        ]

    def test_what_may_not_move_keeps_its_size(self, topology: Topology) -> None:
        assert self.rules(topology, at_size(topology, 4 * MIB), immovable=frozenset({GPU})) == ["size"]
        fixed = resized(topology, {key("01:00.0", 3): 8 * MIB})
        assert "size" in self.rules(topology, fixed)

    def test_a_size_of_nothing(self, topology: Topology) -> None:
        assert self.rules(topology, resized(topology, {key("02:00.0"): MIB})) == ["unknown"]


def resized(topology: Topology, sizes: dict[BarKey, Size]) -> Placement:
    """Today's placement with other sizes."""
    today = Placement.today(topology)
    return Placement(today.bars, today.windows, sizes)


def test_a_plan_document_carries_the_size() -> None:
    bars = (PlannedBar(GPU, 16 * MIB, 0x80800000, 0x81000000, "resized from 8M"),)
    plan = Plan("0" * 64, "by hand", "safe", Status.FEASIBLE, (), bars, ())
    assert load_plan(dump_plan(plan), "a test").placement.sizes == {GPU: 16 * MIB}
