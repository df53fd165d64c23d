"""Real kernels in QEMU: what they do with a machine, and whether they take a plan."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest

from models.mobility import Policy
from models.placement import Placement
from models.resources import MIB, Range
from models.topology import BarKey, Topology, WindowKey
from solver.engines import engine
from solver.request import Request
from tests.kernel.collect import live_records
from tests.kernel.debian import Kernel
from tests.kernel.guest import Machine
from tests.kernel.prediction import predicted
from tests.kernel.record import Record
from tests.kernel.referee import look, referee
from tests.kernel.scenarios import HOTPLUG_NO_SPACE
from tests.kernel.state import differences
from tests.kernel.topologies import Builder, random_machine, random_plug

FROM_SCRATCH = Request(policy=Policy.ALWAYS, minimize=("unplaced", "wasted_bytes"), time_limit=20)


@cache
def _booted(seed: int, kernel: Kernel) -> Record:
    (record,) = live_records(random_machine(seed), kernel)
    return record


def test_the_engine_does_what_the_kernel_does_at_boot(kernel: Kernel, seed: int) -> None:
    record = _booted(seed, kernel)
    assert differences(record.result, predicted(record)) == []


def test_the_engine_does_what_the_kernel_does_with_a_new_device(kernel: Kernel, seed: int) -> None:
    for record in live_records(random_plug(seed), kernel):
        assert differences(record.result, predicted(record)) == [], record.name


def test_the_kernel_takes_every_plan(kernel: Kernel, seed: int) -> None:
    topology = _booted(seed, kernel).topology
    plan = engine("cp-sat")(topology, FROM_SCRATCH)
    assert plan.measures.unplaced == 0
    verdict = referee(random_machine(seed), kernel, topology, plan.plan.placement)
    assert verdict.accepted, verdict


def test_the_sample_without_space_is_what_a_kernel_does(kernel: Kernel) -> None:
    *_, record = live_records(HOTPLUG_NO_SPACE, kernel)
    missing = [str(key) for key, address in record.result.bars.items() if address is None]
    assert missing == ["0000:41:00.0 BAR 2"]


def _two_ports() -> Machine:
    builder = Builder()
    builder.nvme(builder.root_port(), 16)
    builder.memory(64, builder.root_port())
    return builder.machine("two-ports")


@cache
def _legal(kernel: Kernel) -> tuple[Topology, Placement]:
    """The machine with two ports as the kernel finds it, and a legal placement for it."""
    topology = look(_two_ports(), kernel).topology_before_assignment()
    return topology, engine("cp-sat")(topology, FROM_SCRATCH).plan.placement


def _overlapping(topology: Topology, legal: Placement) -> Placement:
    """One BAR on top of the other one's first bytes, with its window."""
    one, other = _memory_windows(topology)
    return replace(legal, windows={**legal.windows, one: legal.windows[other]})


def _outside(topology: Topology, legal: Placement) -> Placement:
    """A BAR in its neighbour's window."""
    one, other = _memory_windows(topology)
    behind = next(key for key, bar in topology.bars() if _port(topology, key) == one.bridge and bar.size < MIB)
    held = legal.windows[other]
    assert held is not None
    return replace(legal, bars={**legal.bars, behind: held.start + MIB // 2})


def _over_ecam(topology: Topology, legal: Placement) -> Placement:
    """A window where the configuration space is, outside all root windows."""
    one, _ = _memory_windows(topology)
    return replace(legal, windows={**legal.windows, one: Range.of(0xB800_0000, MIB)})


def _memory_windows(topology: Topology) -> list[WindowKey]:
    return [key for key, window in topology.windows() if key.kind == "mem"]


def _port(topology: Topology, key: BarKey) -> str | None:
    bus = next(bus for function, bus in topology.functions() if function.address == key.function)
    return bus.bridge.address if bus.bridge else None


@pytest.mark.parametrize(
    "spoil", [_overlapping, _outside, _over_ecam], ids=lambda spoil: str(spoil.__name__).strip("_")
)
def test_the_kernel_refuses_an_illegal_plan(kernel: Kernel, spoil: object) -> None:
    """The referee can say no."""
    assert callable(spoil)
    topology, legal = _legal(kernel)
    verdict = referee(_two_ports(), kernel, topology, spoil(topology, legal))
    assert verdict.refused
    assert verdict.elsewhere
