"""The exact engine against an enumeration of every placement, judged by the independent checker."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from dataclasses import replace

import pytest

from models.legality import new_breaches, today_breaches
from models.mobility import Policy
from models.placement import Placement, measure
from models.plan import Status
from models.resources import MIB, Range, WindowKind
from models.topology import Bar, Bridge, BridgeWindow, Function, RootBus, RootWindow, Topology
from solver.cpsat.engine import solve
from solver.request import PRESETS, Request

BASE = 0x4000_0000
ORDERS = {
    **PRESETS,
    "functions": ("unplaced", "moved_functions", "moved_bars"),
    "windows": ("windows_changed", "unplaced"),
    "drivers": ("unplaced", "prepared_drivers", "moved_bars"),
}


def small_machine(seed: int) -> tuple[Topology, int]:
    """A host window of 4 MiB with up to two bridges and three BARs, some of them in place."""
    rng = random.Random(seed)
    room = 4
    functions: list[Function] = []
    count = rng.choice([2, 3])
    bars = [
        Bar(
            index,
            "mem",
            rng.choice([MIB // 2, MIB, MIB, 2 * MIB]),
            prefetchable=rng.random() < 0.3,
            optional=rng.random() < 0.1,
        )
        for index in range(count)
    ]
    drivers = [rng.choice([None, "nvme", "other"]) for _ in bars]
    split = rng.randint(0, count)
    inner = tuple(
        Function(f"0000:01:{index:02x}.0", driver=driver, driver_known=True, bars=(bar,))  # type: ignore[arg-type]
        for index, (bar, driver) in enumerate(zip(bars[:split], drivers[:split], strict=True))
    )
    choices: list[tuple[WindowKind, ...]] = [("mem",), ("mem",), ("mem", "pref")]
    kinds = rng.choice(choices)
    windows = tuple(BridgeWindow(kind) for kind in kinds)
    if len(windows) == 1 and rng.random() < 0.3 and inner:
        deep = Bridge(2, 2, windows=(BridgeWindow("mem"),), functions=inner)
        inner = (Function("0000:01:1f.0", driver="pcieport", driver_known=True, bridge=deep),)  # type: ignore[arg-type]
    functions.append(
        Function(
            "0000:00:01.0",  # type: ignore[arg-type]
            driver="pcieport",
            driver_known=True,
            bridge=Bridge(1, 2, windows=windows, functions=inner),
        )
    )
    functions += [
        Function(f"0000:00:{2 + index:02x}.0", driver=driver, driver_known=True, bars=(bar,))  # type: ignore[arg-type]
        for index, (bar, driver) in enumerate(zip(bars[split:], drivers[split:], strict=True))
    ]
    window = RootWindow("mem", Range.of(BASE, room * MIB))
    topology = Topology((RootBus(0, 0, (window,), tuple(functions)),))
    return _put_in_place(topology, rng, room), room


def _put_in_place(topology: Topology, rng: random.Random, room: int) -> Topology:
    """Give some BARs and windows addresses of today, as long as no rule breaks."""
    choices = list(placements(topology, room))
    legal = [choice for choice in rng.sample(choices, min(400, len(choices))) if not new_breaches(topology, choice)]
    if not legal:
        return topology
    chosen = rng.choice(legal)

    def placed(function: Function) -> Function:
        bars = tuple(replace(bar, address=chosen.bars[function.address, bar.index]) for bar in function.bars)  # type: ignore[index]
        if function.bridge is None:
            return replace(function, bars=bars)
        opened = tuple(
            replace(window, range=chosen.windows[function.address, window.kind])  # type: ignore[index]
            for window in function.bridge.windows
        )
        return replace(function, bars=bars, bridge=replace(function.bridge, windows=opened))

    return topology.map_functions(placed)


def placements(topology: Topology, room: int, immovable: frozenset[object] = frozenset()) -> Iterator[Placement]:
    """Every aligned placement of the BARs with every range of the windows, legal or not."""
    bars = list(topology.bars())
    windows = list(topology.windows())
    places: list[list[int | None]] = []
    for key, bar in bars:
        if key in immovable:
            places.append([bar.address])
            continue
        starts: list[int | None] = list(range(BASE, BASE + room * MIB - bar.span + 1, bar.size))
        places.append(starts if bar.address is not None else [None, *starts])
    ranges = [None] + [
        Range(BASE + low * MIB, BASE + high * MIB) for low in range(room) for high in range(low + 1, room + 1)
    ]
    for starts_ in itertools.product(*places):
        at = dict(zip([key for key, _ in bars], starts_, strict=True))
        for spans in itertools.product(ranges, repeat=len(windows)):
            yield Placement(at, dict(zip([key for key, _ in windows], spans, strict=True)))


@pytest.mark.parametrize("policy", [Policy.SAFE, Policy.ON_DEMAND])
@pytest.mark.parametrize("seed", range(10))
def test_the_optimum_is_the_best_of_all_placements(seed: int, policy: Policy) -> None:
    topology, room = small_machine(seed)
    assert not today_breaches(topology)
    immovable = Request(policy=policy).mobility(topology).immovable
    choices = [(choice, measure(topology, choice)) for choice in placements(topology, room, frozenset(immovable))]
    legal: dict[int, bool] = {}

    def is_legal(index: int) -> bool:
        if index not in legal:
            legal[index] = not new_breaches(topology, choices[index][0], immovable=immovable)
        return legal[index]

    for order, names in ORDERS.items():
        worths = [[measures.value(name) for name in names] for _, measures in choices]
        ranked = sorted(range(len(choices)), key=worths.__getitem__)
        best = worths[next(index for index in ranked if is_legal(index))]
        result = solve(topology, Request(policy=policy, minimize=names, workers=1))
        assert result.plan.status is Status.OPTIMAL, order
        assert result.breaches == (), order
        assert [objective.value for objective in result.plan.objectives] == best, order
        assert [objective.bound for objective in result.plan.objectives] == best, order
