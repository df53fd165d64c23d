"""Rules on what a plan may change, keys that are not there, and what is no new breach."""

from __future__ import annotations

import pytest

from models.legality import check, new_breaches, today_breaches
from models.placement import Placement
from models.topology import BarKey, Topology
from tests.models.breaches import legal, only
from tests.topologies import bar, bridge, changed, function, key, machine, window_key


class TestImmovable:
    def test_an_immovable_bar_that_moves(self) -> None:
        topology = machine(function("00:02.0", bar(0, at=0x80000000)))
        placement = changed(topology, {key("00:02.0"): 0x80100000})
        breach = only(check(topology, placement, immovable={key("00:02.0")}))
        assert (breach.rule, breach.parties) == ("immovable", ("0000:00:02.0 BAR 0",))
        assert breach.message == "0000:00:02.0 BAR 0 may not move but goes from 80000000 to 80100000"
        assert check(topology, placement) == []

    def test_a_fixed_bar_never_moves(self) -> None:
        topology = machine(function("00:02.0", bar(0, at=0x80000000, fixed=True)))
        placement = changed(topology, {key("00:02.0"): 0x80100000})
        assert only(check(topology, placement)).rule == "immovable"

    def test_a_fixed_bar_without_an_address_gets_none(self) -> None:
        topology = machine(function("00:02.0", bar(0, fixed=True)))
        breach = only(check(topology, changed(topology, {key("00:02.0"): 0x80000000})))
        assert breach.message == "0000:00:02.0 BAR 0 may not move but goes from unassigned to 80000000"

    def test_what_is_immovable_elsewhere_is_no_matter(self) -> None:
        topology = machine(function("00:02.0", bar(0, at=0x80000000)))
        assert check(topology, Placement.today(topology), immovable={key("00:02.0"), key("00:03.0")}) == []


class TestKept:
    @pytest.mark.parametrize("optional", [False, True])
    def test_a_bar_that_loses_its_address(self, optional: bool) -> None:
        topology = machine(function("00:02.0", bar(0, at=0x80000000, optional=optional)))
        breach = only(check(topology, changed(topology, {key("00:02.0"): None})))
        assert (breach.rule, breach.parties) == ("kept", ("0000:00:02.0 BAR 0",))
        assert breach.message == "0000:00:02.0 BAR 0 80000000-800fffff loses its address"

    def test_a_key_that_is_absent_means_unassigned(self) -> None:
        topology = machine(function("00:02.0", bar(0, at=0x80000000)))
        assert only(check(topology, Placement({}, {}))).rule == "kept"

    def test_what_may_be_dropped_may_go_even_when_it_may_not_move(self) -> None:
        topology = machine(function("00:02.0", bar(0, at=0x80000000)))
        bars = {key("00:02.0")}
        assert check(topology, changed(topology, {key("00:02.0"): None}), immovable=bars, droppable=bars) == []

    def test_what_had_none_needs_none(self) -> None:
        topology = machine(function("00:02.0", bar(0)))
        assert legal(topology)


def test_keys_the_machine_does_not_have_are_breaches() -> None:
    topology = machine(function("00:02.0", bar(0)), bridge("00:01.0", pref=None))
    placement = changed(topology, {key("00:02.0", 1): None}, {window_key("00:01.0", "pref"): None})
    assert [(breach.rule, breach.parties) for breach in check(topology, placement)] == [
        ("unknown", ("0000:00:02.0 BAR 1",)),
        ("unknown", ("0000:00:01.0 pref window",)),
    ]


def test_an_enabled_vf_without_bars_breaks_nothing() -> None:
    assert legal(machine(function("00:02.0", bar("vf0", copies=2, at=0x80000000)), function("00:02.1")))


class TestNewBreaches:
    """A rule broken today is a warning as long as the same parties break it in the plan."""

    def overlapping(self) -> Topology:
        return machine(
            function("00:02.0", bar(0, at=0x80000000)),
            function("00:03.0", bar(0, at=0x80000000)),
            function("00:04.0", bar(0, at=0x80100000)),
        )

    def test_todays_placement_has_none(self) -> None:
        topology = self.overlapping()
        assert only(today_breaches(topology)).rule == "disjoint"
        assert new_breaches(topology, Placement.today(topology)) == []

    def test_the_same_parties_elsewhere_are_tolerated(self) -> None:
        topology = self.overlapping()
        placement = changed(topology, {key("00:02.0"): 0x90000000, key("00:03.0"): 0x90000000})
        assert new_breaches(topology, placement) == []

    def test_other_parties_are_not(self) -> None:
        topology = self.overlapping()
        breach = only(new_breaches(topology, changed(topology, {key("00:03.0"): 0x80100000})))
        assert breach.parties == ("0000:00:03.0 BAR 0", "0000:00:04.0 BAR 0")

    def test_another_rule_is_not(self) -> None:
        topology = self.overlapping()
        placement = changed(topology, {key("00:02.0"): 0x80080000, key("00:03.0"): 0x80080000 - 0x80000})
        rules = {(breach.rule, breach.parties[0]) for breach in new_breaches(topology, placement)}
        assert ("alignment", "0000:00:02.0 BAR 0") in rules

    def test_immovable_and_kept_are_asked_of_the_plan_alone(self) -> None:
        topology = self.overlapping()
        bars: frozenset[BarKey] = frozenset({key("00:04.0")})
        breaches = new_breaches(topology, changed(topology, {key("00:04.0"): None}), immovable=bars)
        assert {breach.rule for breach in breaches} == {"immovable", "kept"}
        assert new_breaches(topology, changed(topology, {key("00:04.0"): None}), droppable=bars) == []
