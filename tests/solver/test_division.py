"""Divisions of prefetchable BARs between two windows, against all there are."""

from __future__ import annotations

from itertools import product
from random import Random

import pytest

from models.mobility import Policy
from models.resources import MIB, Range
from models.topology import Bar, Bridge, BridgeWindow, Function, RootBus, RootWindow, Topology
from solver.building import problems
from solver.division import Divider, Division, Share
from solver.packing import Packer
from solver.request import Request
from solver.shapes import Shapes

WINDOWS = (BridgeWindow("mem"), BridgeWindow("pref", width=64))


def port(number: int, *functions: Function, on: int = 0) -> Function:
    bridge = Bridge(number, number, windows=WINDOWS, functions=functions)
    return Function(f"0000:{on:02x}:{number:02x}.0", class_code="060400", bridge=bridge)  # type: ignore[arg-type]


def switch(random: Random) -> Function:
    """A bridge with two ports: a device with up to three BARs behind each, most of them prefetchable."""
    ports = []
    for number in (2, 3):
        bars = []
        for index in range(random.randint(1, 3)):
            size = random.choice([1, 2, 4, 64]) * MIB
            wide = random.random() < 0.8
            bars.append(Bar(2 * index, "mem", size, width=64 if wide else 32, prefetchable=wide))
        device = Function(f"0000:{number:02x}:00.0", bars=tuple(bars))  # type: ignore[arg-type]
        ports.append(port(number, device, on=1))
    return port(1, *ports)


def pref(size: int, index: int = 0) -> Bar:
    return Bar(index, "mem", size * MIB, width=64, prefetchable=True)


def divider(function: Function, low: float = 512) -> Divider:
    """The divider of the bridge on the root bus, below which there are ``low`` MiB for memory windows."""
    windows = (
        RootWindow("mem", Range.of(1 << 30, int(low * MIB))),
        RootWindow("mem", Range.of(1 << 32, 1024 * MIB), prefetchable=True),
    )
    topology = Topology((RootBus(0, 0, windows, (function,)),))
    (problem,) = problems(topology, Request(policy=Policy.ALWAYS).mobility(topology))
    packer = Packer(problem, 0)
    (bus,) = packer.bridges_on[0]
    return Divider(bus, "mem", packer.bars_on, packer.bridges_on, Shapes(MIB))


def all_divisions(made: Divider) -> set[tuple[int, int]]:
    """Bytes of both windows and of the memory window, for every division."""
    found = set()
    for decided in product(*(range(max(1, len(options))) for options in made.choices)):
        windows = made._windows(made.bus, decided) or {}
        lengths = {window.kind: shape.table.least * MIB for window, shape in windows.items()}
        found.add((sum(lengths.values()), lengths.get("mem", 0)))
    return found


def within(made: Divider, most: int) -> Division | None:
    return made.divide(share=Share(frozenset(window for window in made.bus.windows if window.kind == "mem"), most))


@pytest.mark.parametrize("seed", range(30))
def test_the_shortest_windows_within_a_share_are_those_of_the_best_division(seed: int) -> None:
    made = divider(switch(Random(seed)))
    every = all_divisions(made)
    for most in sorted({taken for _, taken in every} | {0, 3 * MIB}):
        fitting = [each for each in every if each[1] <= most]
        found = within(made, most)
        assert found is not None
        assert found.bound == min((total for total, _ in fitting), default=None)
        if not fitting:
            assert found.layouts is None
            continue
        assert found.layouts is not None
        sizes = {window.kind: layouts[0].size for window, layouts in found.layouts.items()}
        assert (sum(sizes.values()), sizes.get("mem", 0)) == min(fitting)
    assert made.length(made.bus.windows[:1]) == min(taken for _, taken in every)


@pytest.mark.parametrize(("low", "bound"), [(512, 149), (7, 149), (6, 151), (1, 151), (0.5, None)])
def test_a_window_is_no_longer_than_the_root_windows(low: float, bound: int | None) -> None:
    """Two BARs of 64 MiB are neighbours, and there is a gap beside them unless 6 MiB stand in the memory window."""
    ports = [
        port(number, Function(f"0000:{number:02x}:00.0", bars=bars), on=1)  # type: ignore[arg-type]
        for number, bars in enumerate(
            [(pref(64), pref(4, 2), pref(2, 4))] * 2 + [(pref(8), Bar(2, "mem", MIB // 2))], 2
        )
    ]
    found = divider(port(1, *ports), low).divide()
    assert found is not None
    assert found.bound == (None if bound is None else bound * MIB)
    assert (found.layouts is None) == (bound is None)
