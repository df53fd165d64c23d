"""The order of moves: no smaller worst moment exists (brute force), free space is used, and it says so."""

from __future__ import annotations

import itertools
from random import Random

import pytest

from models.legality import new_breaches
from models.placement import Placement
from models.resources import MIB
from models.topology import BarKey, Topology
from solver.steps.ground import Ground
from solver.steps.legs import find_legs
from solver.steps.planning import make_steps
from tests.steps.test_steps_carried_out import carried_out
from tests.topologies import bar, bridge, changed, function, host, key, machine, window_key

A = 0x80000000


def row(slots: int, *places: tuple[int, int | None]) -> Topology:
    """A root bus of so many MiB with one BAR for each pair of size and place, both in MiB."""
    functions = [
        function(f"00:{number:02x}.0", bar(0, size * MIB, at=None if at is None else A + at * MIB), driver="nvme")
        for number, (size, at) in enumerate(places)
    ]
    return machine(host(*functions, mem=(A, A + slots * MIB - 1), pref=None, io=None))


def moved(topology: Topology, *places: int) -> Placement:
    """The same BARs at other places, in MiB."""
    return changed(topology, {key(f"00:{n:02x}.0"): A + at * MIB for n, at in enumerate(places)})


def test_a_chain_moves_one_after_the_other() -> None:
    topology = row(4, (1, 0), (1, 1), (1, 2))
    steps = carried_out(topology, moved(topology, 1, 2, 3))
    assert [group.down for group in steps.groups] == [("0000:00:02.0",), ("0000:00:01.0",), ("0000:00:00.0",)]
    assert (steps.worst, steps.exact) == (1, True)


def test_two_that_change_places_go_through_free_space() -> None:
    topology = row(3, (1, 0), (1, 1))
    steps = carried_out(topology, moved(topology, 1, 0))
    assert [len(group.down) for group in steps.groups] == [1, 1, 1]
    assert "makes way" in steps.groups[0].title


def test_without_free_space_they_go_down_together() -> None:
    topology = row(2, (1, 0), (1, 1))
    steps = carried_out(topology, moved(topology, 1, 0))
    assert [len(group.down) for group in steps.groups] == [2]
    assert steps.exact
    assert "each needs the place of another" in steps.groups[0].why


def test_functions_behind_one_bridge_that_moves_past_another_go_together() -> None:
    """The window over both would lie over what is between, wherever one of the two stops alone."""
    topology = machine(
        host(
            bridge(
                "00:01.0",
                function("01:00.0", bar(0, "1M", at=A), driver="nvme"),
                function("01:01.0", bar(0, "1M", at=A + MIB), driver="nvme"),
                mem=(A, A + 2 * MIB - 1),
            ),
            bridge(
                "00:02.0",
                function("02:00.0", bar(0, "2M", at=A + 2 * MIB), driver="x"),
                mem=(A + 2 * MIB, A + 4 * MIB - 1),
            ),
            mem=(A, A + 6 * MIB - 1),
        )
    )
    planned = changed(
        topology,
        {key("01:00.0"): A + 4 * MIB, key("01:01.0"): A + 5 * MIB},
        {window_key("00:01.0", "mem"): (A + 4 * MIB, A + 6 * MIB - 1)},
    )
    steps = carried_out(topology, planned)
    assert [group.down for group in steps.groups] == [("0000:01:00.0", "0000:01:01.0")]


def test_new_functions_come_last_and_nothing_is_down_for_them() -> None:
    topology = row(2, (1, 0), (1, None))
    steps = carried_out(topology, moved(topology, 1, 0))
    assert [(group.down, group.new) for group in steps.groups] == [(("0000:00:00.0",), ()), ((), ("0000:00:01.0",))]


def brute(topology: Topology, planned: Placement, slots: int) -> int:
    """The smallest worst moment over every way of legal placements, each BAR anywhere."""
    keys = [name for name, _ in topology.bars()]
    start = tuple(bar.address for _, bar in topology.bars())
    end = tuple(planned.bars[name] for name in keys)

    def legal(state: tuple[int | None, ...]) -> bool:
        return not new_breaches(topology, Placement(dict(zip(keys, state, strict=True)), {}))

    places = [
        [A + at * MIB for at in range(0, slots, bar.size // MIB)] if s != e else [s]
        for (_, bar), s, e in zip(topology.bars(), start, end, strict=True)
    ]
    states = [state for state in itertools.product(*places) if legal(state)]
    for size in range(1, len(keys) + 1):
        reached, queue = {start}, [start]
        while queue:
            state = queue.pop()
            for other in states:
                if other not in reached and sum(a != b for a, b in zip(state, other, strict=True)) <= size:
                    reached.add(other)
                    queue.append(other)
        if end in reached:
            return size
    raise AssertionError("no way at all")


def shuffled(rng: Random) -> tuple[Topology, Placement, int]:
    """A row of three or four BARs, and another arrangement of them."""
    slots = rng.choice([4, 5, 6])

    def arrange(sizes: list[int]) -> list[int] | None:
        places: list[int] = []
        for size in sizes:
            free = [
                at
                for at in range(0, slots - size + 1, size)
                if all(at + size <= p or p + s <= at for p, s in zip(places, sizes, strict=False))
            ]
            if not free:
                return None
            places.append(rng.choice(free))
        return places

    while True:
        sizes = [rng.choice([1, 1, 2]) for _ in range(rng.choice([3, 4]))]
        one, other = arrange(sizes), arrange(sizes)
        if one is not None and other is not None and one != other:
            topology = row(slots, *zip(sizes, one, strict=True))
            return topology, moved(topology, *other), slots


@pytest.mark.parametrize("seed", range(16))
def test_no_order_takes_fewer_down(seed: int) -> None:
    topology, planned, slots = shuffled(Random(seed))
    steps = make_steps(topology, planned)
    assert steps.exact
    assert steps.worst == brute(topology, planned, slots)


def test_many_movers_are_ordered_greedily_and_that_is_said() -> None:
    topology = row(18, *((1, at) for at in range(18)))
    steps = make_steps(topology, moved(topology, *range(1, 18), 0))
    assert not steps.exact
    assert "greedy" in steps.limits
    assert steps.worst == 18
    roomy = row(19, *((1, at) for at in range(18)))
    assert make_steps(roomy, moved(roomy, *range(1, 18), 0)).worst == 1


def test_every_placement_on_the_way_is_legal() -> None:
    topology = row(3, (1, 0), (1, 1))
    legs, _ = find_legs(Ground(topology, moved(topology, 1, 0)))
    assert [leg.after.bars[BarKey(*key("00:00.0"))] for leg in legs] != []
    assert all(not new_breaches(topology, leg.after) for leg in legs)
