"""How many VFs fit, with proof."""

from __future__ import annotations

import pytest

from models.plan import Status
from models.topology import Topology
from solver.cpsat.engine import solve
from solver.engines import Progress
from solver.request import Request
from solver.result import Result
from solver.vfs import VfCount, how_many_fit
from tests.topologies import address, bar, bridge, function, host, machine

REQUEST = Request(time_limit=20.0, workers=1)
NIC = address("01:00.0")


def card(vfs: int = 64, size: str = "1M") -> Topology:
    """A NIC with 8 MiB and so many VFs behind a port, in a prefetchable root window of 32 MiB; none has an address."""
    return machine(
        host(
            bridge(
                "00:01.0",
                function(
                    "01:00.0", bar(0, "8M", width=64, pref=True), bar("vf0", size, width=64, pref=True, copies=vfs)
                ),
            ),
            mem=(0x80000000, 0x800FFFFF),
            pref=(0x4000000000, 0x4001FFFFFF),
        )
    )


def test_as_many_as_the_window_has_room_for() -> None:
    """32 MiB less the 8 MiB of the function itself: 24 VFs of 1 MiB."""
    found = how_many_fit(card(), NIC, 64, REQUEST)
    assert found == VfCount(NIC, 64, 24, 25)
    assert found.proved
    assert str(found) == "24 of 64 VFs of 0000:01:00.0 fit (proved: 25 do not)"


def test_all_of_them() -> None:
    found = how_many_fit(card(vfs=16), NIC, 16, REQUEST)
    assert (found.fit, found.too_many, found.proved) == (16, None, True)
    assert str(found) == "16 of 16 VFs of 0000:01:00.0 fit"


def test_none_of_them() -> None:
    found = how_many_fit(card(vfs=4, size="64M"), NIC, 4, REQUEST)
    assert (found.fit, found.too_many, found.proved) == (0, 1, True)
    assert str(found) == "0 of 4 VFs of 0000:01:00.0 fit (proved: 1 does not)"


def test_no_vf_takes_the_place_of_a_bar_that_needs_one() -> None:
    """Two functions of 16 MiB fill the window; a third one is out with VFs or without, and no VF changes that."""
    many = machine(
        host(
            *(bridge(f"00:0{n}.0", function(f"0{n}:00.0", bar(0, "16M", width=64, pref=True))) for n in (2, 3, 4)),
            bridge("00:01.0", function("01:00.0", bar("vf0", "1M", width=64, pref=True, copies=8))),
            mem=None,
            pref=(0x4000000000, 0x4001FFFFFF),
        )
    )
    found = how_many_fit(many, NIC, 8, REQUEST)
    assert (found.fit, found.proved) == (0, True)


def test_no_plan_at_all() -> None:
    def infeasible(topology: Topology, request: Request, progress: Progress | None = None) -> Result:
        result = solve(topology, request, progress)
        object.__setattr__(result.plan, "status", Status.INFEASIBLE)
        return result

    found = how_many_fit(card(), NIC, 64, REQUEST, run=infeasible)
    assert (found.fit, found.proved) == (None, False)
    assert "not even without VFs" in str(found)


@pytest.mark.parametrize("answered", [1, 2, 3])
def test_without_time_what_is_known_is_a_range(answered: int) -> None:
    """An engine that answers so often and is interrupted then."""
    calls = 0

    def tired(topology: Topology, request: Request, progress: Progress | None = None) -> Result:
        nonlocal calls
        calls += 1
        result = solve(topology, request, progress)
        object.__setattr__(result, "interrupted", calls >= answered)
        return result

    found = how_many_fit(card(), NIC, 64, REQUEST, run=tired)
    assert calls == max(answered, 1)
    assert found.fit is not None
    assert found.fit <= 24
    assert found.too_many is None or found.too_many > 24
    assert not found.proved
    assert found.interrupted
    assert "time ran out for those in between" in str(found)
