"""What is outside of the scope stays, whatever policy and options say."""

from __future__ import annotations

import pytest

from models.errors import InputError
from models.legality import new_breaches
from models.mobility import Policy, mobility
from models.scope import EVERYTHING, Scope, make_scope
from models.topology import BarKey, WindowKey
from tests.topologies import bar, bridge, changed, function, host, key, machine, window_key

LOW = 0x80000000
MACHINE = machine(
    host(
        function("00:02.0", bar(0, at=LOW), bar(1)),
        bridge(
            "00:1c.0",
            bridge(
                "01:00.0",
                function("02:00.0", bar(0, at=LOW + 0x100000), bar(1)),
                mem=(LOW + 0x100000, LOW + 0x1FFFFF),
                bars=(bar(0, "4K", at=LOW + 0x200000),),
            ),
            mem=(LOW + 0x100000, LOW + 0x2FFFFF),
        ),
    ),
    host(function("1:00:02.0", bar(0, at=0x90000000)), mem=(0x90000000, 0x9FFFFFFF), pref=None, io=None, domain=1),
)
ROOT, ROOT_NEW, SWITCH, DEEP, DEEP_NEW = (
    key("00:02.0"),
    key("00:02.0", 1),
    key("01:00.0"),
    key("02:00.0"),
    key("02:00.0", 1),
)
ELSEWHERE = key("1:00:02.0")


def inside(scope: Scope, policy: Policy = Policy.ALWAYS) -> tuple[set[BarKey], set[WindowKey]]:
    """What may move or get an address, and the windows that may change, of those that are open."""
    movement = mobility(MACHINE, policy, scope=scope)
    opened = {item for item, window in MACHINE.windows() if window.range is not None}
    return {item for item in movement.reasons if movement.may_move(item)}, opened - movement.windows.keys()


def test_no_bounds_leave_everything_inside() -> None:
    assert inside(EVERYTHING) == (
        {ROOT, ROOT_NEW, SWITCH, DEEP, DEEP_NEW, ELSEWHERE},
        {window_key("00:1c.0", "mem"), window_key("01:00.0", "mem")},
    )


def test_under_a_bridge_are_its_windows_and_what_is_behind_it() -> None:
    assert inside(make_scope(MACHINE, under=["01:00.0"])) == ({DEEP, DEEP_NEW}, {window_key("01:00.0", "mem")})
    assert inside(make_scope(MACHINE, under=["0000:00:1c.0"])) == (
        {SWITCH, DEEP, DEEP_NEW},
        {window_key("00:1c.0", "mem"), window_key("01:00.0", "mem")},
    )


def test_domains() -> None:
    assert inside(make_scope(MACHINE, domains=["0001"])) == ({ELSEWHERE}, set())
    assert ELSEWHERE not in inside(make_scope(MACHINE, domains=["0"]))[0]
    assert inside(make_scope(MACHINE, domains=["0", "1"])) == inside(EVERYTHING)


def test_keep_root_bus_keeps_addresses_but_gives_new_ones() -> None:
    bars, windows = inside(Scope(keep_root_bus=True))
    assert bars == {ROOT_NEW, SWITCH, DEEP, DEEP_NEW}
    assert windows == inside(EVERYTHING)[1]


def test_the_reasons_are_the_options_in_words() -> None:
    movement = mobility(MACHINE, scope=make_scope(MACHINE, domains=["0"], under=["01:00.0"], keep_root_bus=True))
    assert movement.reasons[ELSEWHERE] == "outside --domain 0000"
    assert movement.reasons[ROOT_NEW] == "outside --under 0000:01:00.0"
    assert movement.windows[window_key("00:1c.0", "io")] == "outside --under 0000:01:00.0"
    assert mobility(MACHINE, scope=Scope(keep_root_bus=True)).reasons[ROOT] == "on the root bus (--keep-root-bus)"


def test_what_is_outside_stays_though_it_is_freed() -> None:
    scope = make_scope(MACHINE, under=["01:00.0"])
    assert not mobility(MACHINE, Policy.SAFE, frees={ROOT}, scope=scope).may_move(ROOT)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"domains": ["7"]}, "--domain: there is no domain '7', expected one of 0000, 0001"),
        ({"domains": ["zero"]}, "--domain: there is no domain 'zero', expected one of 0000, 0001"),
        ({"under": ["00:03.0"]}, "--under: there is no function 0000:00:03.0"),
        ({"under": ["00:02.0"]}, "--under: 0000:00:02.0 is no bridge"),
        ({"under": ["x"]}, "--under: expected a function address such as 0000:01:00.0, found 'x'"),
        (
            {"under": ["00:1c.0"], "domains": ["1"]},
            "--under: 0000:00:1c.0 is in none of the domains that --domain names",
        ),
    ],
)
def test_what_is_not_there_is_refused(options: dict[str, list[str]], message: str) -> None:
    with pytest.raises(InputError) as caught:
        make_scope(MACHINE, **options)  # type: ignore[arg-type]
    assert str(caught.value) == message


def test_the_checker_names_a_window_that_may_not_change() -> None:
    scope = make_scope(MACHINE, under=["01:00.0"])
    movement = mobility(MACHINE, scope=scope)
    wider = changed(MACHINE, windows={window_key("00:1c.0", "mem"): (LOW + 0x100000, LOW + 0x3FFFFF)})
    (breach,) = new_breaches(MACHINE, wider, windows=movement.windows)
    assert (breach.rule, breach.parties) == ("immovable", ("0000:00:1c.0 mem window",))
    assert "may not change but goes from 80100000-802fffff to 80100000-803fffff" in breach.message
    assert new_breaches(MACHINE, wider) == []
