"""What may move under which policy, and why the rest may not."""

from __future__ import annotations

import pytest

from models.drivers import BUILT_IN, DriverKnowledge
from models.mobility import Policy, mobility
from tests.topologies import bar, function, key, machine

MACHINE = machine(
    function("00:02.0", bar(0, at=0x80000000), driver="nvme"),
    function("00:03.0", bar(0, at=0x80100000), driver="ixgbe"),
    function("00:04.0", bar(0, at=0x80200000), driver=None),
    function("00:05.0", bar(0, at=0x80300000), driver="?"),
    function("00:06.0", bar(0, at=0x80400000, fixed=True), bar(1, fixed=True), driver=None),
    function("00:07.0", bar(0), driver="ixgbe"),
)
PREPARED, UNPREPARED, UNBOUND, UNKNOWN = (key(f"00:0{device}.0") for device in (2, 3, 4, 5))
FIXED, FIXED_NOWHERE, NEW = key("00:06.0"), key("00:06.0", 1), key("00:07.0")


@pytest.mark.parametrize(
    ("policy", "movable"),
    [
        (Policy.SAFE, {PREPARED, UNBOUND}),
        (Policy.ALWAYS, {PREPARED, UNBOUND, UNPREPARED, UNKNOWN}),
        (Policy.REFUSE, set()),
        (Policy.NEVER, set()),
    ],
)
def test_what_each_policy_lets_move(policy: Policy, movable: set[object]) -> None:
    result = mobility(MACHINE, policy)
    assert {item for item in result.reasons if result.may_move(item)} == {*movable, NEW}
    assert result.immovable == set(result.reasons) - {*movable, NEW}


def test_a_policy_may_be_named_and_an_unknown_name_is_refused() -> None:
    assert mobility(MACHINE, "never").immovable == mobility(MACHINE, Policy.NEVER).immovable  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="brave"):
        mobility(MACHINE, "brave")  # type: ignore[arg-type]


def test_reasons_under_the_default_policy() -> None:
    assert mobility(MACHINE).reasons == {
        PREPARED: None,
        UNPREPARED: "driver ixgbe is not verified to survive a BAR move",
        UNBOUND: None,
        UNKNOWN: "driver is unknown",
        FIXED: "fixed",
        FIXED_NOWHERE: "fixed",
        NEW: None,
    }


def test_refuse_names_the_first_unprepared_driver() -> None:
    reasons = mobility(MACHINE, Policy.REFUSE).reasons
    assert reasons[PREPARED] == ("policy refuse (0000:00:03.0: driver ixgbe is not verified to survive a BAR move)")
    assert reasons[NEW] is None


def test_refuse_moves_everything_where_every_driver_is_prepared() -> None:
    calm = machine(function("00:02.0", bar(0, at=0x80000000), driver="nvme"), function("00:03.0", driver="ixgbe"))
    assert mobility(calm, Policy.REFUSE).immovable == frozenset()


def test_always_names_each_unprepared_driver() -> None:
    assert set(mobility(MACHINE, Policy.ALWAYS).unprepared) == {UNPREPARED, UNKNOWN}
    assert mobility(MACHINE, Policy.SAFE).unprepared == {}


def test_pins_stay_under_every_policy() -> None:
    for policy in Policy:
        assert mobility(MACHINE, policy, pins={PREPARED}).reasons[PREPARED] == "pinned"


def test_a_pin_on_a_bar_without_address_pins_nothing() -> None:
    assert mobility(MACHINE, pins={NEW}).may_move(NEW)


def test_freed_bars_move_under_every_policy() -> None:
    for policy in Policy:
        result = mobility(MACHINE, policy, frees={UNPREPARED})
        assert result.may_move(UNPREPARED)
        assert set(result.unprepared) >= {UNPREPARED}


def test_a_fixed_bar_stays_fixed_when_freed() -> None:
    assert mobility(MACHINE, Policy.ALWAYS, frees={FIXED}).reasons[FIXED] == "fixed"


def test_a_bar_that_is_nowhere_in_the_machine_is_not_immovable() -> None:
    assert mobility(MACHINE).may_move(key("1f:00.0"))


def test_only_verified_drivers_survive() -> None:
    assert BUILT_IN.survives_move("nvme")
    assert not BUILT_IN.survives_move("ixgbe")
    assert all(known.source for known in BUILT_IN.rows.values())


def test_a_row_of_ones_own_makes_movable_and_costs_nothing() -> None:
    own = BUILT_IN.extended({"ixgbe": DriverKnowledge(True, True, "a test rack")})
    assert mobility(MACHINE, drivers=own).may_move(UNPREPARED)
    assert mobility(MACHINE, Policy.ON_DEMAND, drivers=own).costs == {UNKNOWN.function: 1}


def test_hooks_alone_make_nothing_movable() -> None:
    own = BUILT_IN.extended({"nvme": DriverKnowledge(True, False, "a test rack")})
    assert not mobility(MACHINE, drivers=own).may_move(PREPARED)
    assert mobility(MACHINE).may_move(PREPARED)


def test_a_dash_in_a_drivers_name_is_an_underscore() -> None:
    assert BUILT_IN.extended({"vfio-pci": DriverKnowledge(False, True, "x")}).survives_move("vfio_pci")
    assert BUILT_IN.survives_move("snd-hda-intel")
