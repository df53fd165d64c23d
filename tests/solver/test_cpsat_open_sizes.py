"""Open sizes, room behind empty ports and whole functions, against every placement of tiny machines."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest

from models.legality import new_breaches, today_breaches
from models.mobility import Policy
from models.placement import Placement, measure
from models.plan import Status
from models.resources import MIB, Range, Size
from models.topology import Bar, BarKey, Function, Topology
from solver.cpsat.engine import solve
from solver.request import Request
from tests.topologies import bar, bridge, function, host, machine

BASE = 0x8000_0000
ROOM = 4
SIZES = (MIB, 2 * MIB, 4 * MIB)


def small(*functions: Function) -> Topology:
    """A machine with one root window of 4 MiB."""
    return machine(host(*functions, mem=(BASE, BASE + ROOM * MIB - 1), pref=None, io=None))


def placements(
    topology: Topology, sizes: dict[BarKey, tuple[Size, ...]], stay: frozenset[BarKey]
) -> Iterator[Placement]:
    """Every size, aligned start and window range with which no two BARs overlap, legal or not."""
    keys, places = [], []
    for key, it in topology.bars():
        keys.append(key)
        if key in stay:
            places.append([(it.size, it.address)])
            continue
        found: list[tuple[Size, int | None]] = [] if it.address is not None else [(it.size, None)]
        for size in sizes.get(key, (it.size,)):
            end = BASE + ROOM * MIB - size * it.copies
            found += [(size, start) for start in range(BASE, end + 1, size)]
        places.append(found)
    ranges = [None] + [
        Range(BASE + low * MIB, BASE + high * MIB) for low in range(ROOM) for high in range(low + 1, ROOM + 1)
    ]
    windows = [key for key, _ in topology.windows()]
    for chosen in itertools.product(*places):
        spans_of_bars = sorted((start, start + size) for size, start in chosen if start is not None)
        if any(one[1] > other[0] for one, other in itertools.pairwise(spans_of_bars)):
            continue
        at = {key: start for key, (_, start) in zip(keys, chosen, strict=True)}
        taken = {key: size for key, (size, _) in zip(keys, chosen, strict=True)}
        for spans in itertools.product(ranges, repeat=len(windows)):
            yield Placement(at, dict(zip(windows, spans, strict=True)), taken)


def best(topology: Topology, names: Sequence[str], request: Request) -> list[int]:
    """The least values of these objectives over all legal placements."""
    immovable = request.mobility(topology).immovable
    choices = list(placements(topology, request.sizes(topology), immovable))
    worths = [[measure(topology, choice).value(name) for name in names] for choice in choices]
    for index in sorted(range(len(choices)), key=worths.__getitem__):
        if not new_breaches(topology, choices[index], immovable=immovable):
            return worths[index]
    raise AssertionError("no placement is legal")


def put_in_place(topology: Topology, rng: random.Random) -> Topology:
    """Some BARs and windows get addresses of today, so that no rule breaks."""
    choices = list(placements(topology, {}, frozenset()))
    chosen = next(choice for choice in rng.sample(choices, len(choices)) if not new_breaches(topology, choice))

    def placed(it: Function) -> Function:
        bars = tuple(replace(one, address=chosen.bars[BarKey(it.address, one.index)]) for one in it.bars)
        if it.bridge is None:
            return replace(it, bars=bars)
        windows = tuple(replace(w, range=chosen.windows[it.address, w.kind]) for w in it.bridge.windows)  # type: ignore[index]
        return replace(it, bars=bars, bridge=replace(it.bridge, windows=windows))

    return topology.map_functions(placed)


def resizable_machine(seed: int) -> Topology:
    """Up to three BARs, most of them resizable, behind a bridge or on the root bus, some in place."""
    rng = random.Random(seed)

    def some_bar() -> Bar:
        supported = sorted(rng.sample(SIZES, rng.choice([0, 2, 3, 3])))
        copies = rng.choice([1, 1, 1, 2])
        smallest = supported[0] if supported else rng.choice(SIZES[:2])
        if smallest * copies > 2 * MIB:
            copies = 1
        return bar(0, smallest, pref=rng.random() < 0.3, sizes=supported, copies=copies, optional=rng.random() < 0.15)

    count = rng.choice([2, 2, 3])
    made = [some_bar() for _ in range(count)]
    split = rng.randint(0, count)
    drivers = [rng.choice([None, None, "nvme", "other"]) for _ in made]
    inner = [function(f"01:{n:02x}.0", made[n], driver=drivers[n]) for n in range(split)]
    outer = [function(f"00:{8 + n:02x}.0", made[n], driver=drivers[n]) for n in range(split, count)]
    topology = small(bridge("00:01.0", *inner, io=None, pref=None), *outer)
    return put_in_place(topology, rng) if rng.random() < 0.6 else topology


def assert_optimum(topology: Topology, request: Request) -> None:
    result = solve(topology, request)
    assert result.plan.status is Status.OPTIMAL
    assert result.breaches == ()
    expected = best(topology, request.minimize, request)
    assert [objective.value for objective in result.plan.objectives] == expected
    assert [objective.bound for objective in result.plan.objectives] == expected


ORDERS = (
    ("unplaced", "rebar", "moved_bars"),
    ("unplaced", "rebar_halvings", "rebar", "windows_changed"),
    ("rebar", "unplaced"),
    ("unplaced", "moved_bars", "rebar", "wasted_bytes"),
    ("unplaced", "prepared_drivers", "rebar"),
)


@pytest.mark.parametrize("seed", range(8))
def test_the_sizes_are_the_best_of_all(seed: int) -> None:
    topology = resizable_machine(seed)
    assert not today_breaches(topology)
    for number, names in enumerate(ORDERS):
        policy = [Policy.SAFE, Policy.ALWAYS, Policy.ON_DEMAND][(seed + number) % 3]
        assert_optimum(topology, Request(policy=policy, minimize=names, workers=1))


def port_machine(seed: int) -> Topology:
    """One or two empty hotplug ports beside a BAR or two; some behind a bridge."""
    rng = random.Random(seed)
    ports = [
        bridge(f"01:{n:02x}.0", io=None, pref=None, hotplug=True, secondary=2 + n) for n in range(rng.choice([1, 2]))
    ]
    bars = [
        function(f"01:{8 + n:02x}.0", bar(0, rng.choice(SIZES[:2])), driver="nvme") for n in range(rng.choice([0, 1]))
    ]
    if rng.random() < 0.5 and len(ports) == 1:
        topology = small(bridge("00:01.0", *ports, *bars, io=None, pref=None))
    else:
        topology = small(*ports, *bars)
    return put_in_place(topology, rng) if rng.random() < 0.7 else topology


@pytest.mark.parametrize("seed", range(6))
def test_the_room_behind_empty_ports_is_the_most_of_all(seed: int) -> None:
    topology = port_machine(seed)
    for names in (
        ("unplaced", "headroom", "moved_bars"),
        ("unplaced", "moved_bars", "headroom", "wasted_bytes"),
        ("headroom", "windows_changed"),
    ):
        assert_optimum(topology, Request(minimize=names, workers=1))


def crowded_machine(seed: int) -> Topology:
    """Functions of one to three new BARs beside one that works; together they are too large."""
    rng = random.Random(seed)
    working = function(
        "00:10.0", bar(0, MIB, at=BASE + rng.randrange(ROOM) * MIB), driver=rng.choice(["nvme", "other"])
    )
    new = [
        function(f"00:{n:02x}.0", *(bar(index, rng.choice([MIB, MIB, 2 * MIB])) for index in range(rng.choice([1, 2]))))
        for n in range(1, 4)
    ]
    return small(working, *new)


@pytest.mark.parametrize("seed", range(6))
def test_as_many_whole_functions_as_can_be_are_placed(seed: int) -> None:
    topology = crowded_machine(seed)
    for names in (("unplaced_functions", "unplaced", "moved_bars"), ("unplaced", "unplaced_functions")):
        assert_optimum(topology, Request(minimize=names, workers=1))


@pytest.mark.parametrize("minimize", [("rebar", "unplaced"), ("rebar_halvings", "unplaced"), ("unplaced", "rebar")])
def test_a_resizable_bar_of_one_size_is_no_sibling_of_a_plain_one(minimize: tuple[str, ...]) -> None:
    """There is room for one of the two; only the second falls short of its largest size without a place."""
    topology = small(function("00:01.0", bar(0, "4M")), function("00:02.0", bar(0, "4M", sizes=("4M",))))
    options = {"without": "floors,greedy,packings,shapes,groups,room"}  # so that the model is asked
    result = solve(topology, Request(policy=Policy.ALWAYS, minimize=minimize, workers=1, options=options))
    assert result.plan.status is Status.OPTIMAL
    values = {objective.name: objective.value for objective in result.plan.objectives}
    assert [values[name] for name in minimize] == [int(name == "unplaced") for name in minimize]
