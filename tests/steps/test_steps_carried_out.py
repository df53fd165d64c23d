"""Steps carried out on a simulated machine: nothing overlaps, nothing is cut off, and the plan is reached."""

from __future__ import annotations

import itertools
from pathlib import Path
from random import Random

import pytest

from models.errors import InputError
from models.legality import new_breaches
from models.mobility import Policy
from models.placement import Placement
from models.topology import Topology
from solver.engines import engine
from solver.request import Request
from solver.steps.planning import make_steps
from solver.steps.step import Steps, Transaction
from tests.kernel.record import Record, recorded
from tests.random_machines import random_machine
from tests.steps.executor import Executor
from tests.steps.machine import SimulatedMachine
from tests.topologies import bridge, changed, machine, window_key


def plan_for(topology: Topology, policy: Policy = Policy.ALWAYS, minimize: tuple[str, ...] | None = None) -> Placement:
    """Where the exact engine has everything."""
    request = Request(policy=policy, time_limit=5, workers=1)
    if minimize is not None:
        request = Request(policy=policy, time_limit=5, workers=1, minimize=minimize)
    result = engine("cp-sat")(topology, request)
    assert result.legal
    return result.plan.placement


def carried_out(topology: Topology, planned: Placement) -> Steps:
    """Carry the steps out on a simulated machine and look at what comes of it."""
    steps = make_steps(topology, planned)
    simulated = SimulatedMachine(topology)
    before = simulated.running()
    executor = Executor(simulated)
    for group in steps.groups:
        assert not new_breaches(topology, group.placement)
        simulated.log.clear()
        down: set[str] = set()
        simulated.on_write = lambda down=down: down.update(before - simulated.running())  # type: ignore[misc]
        executor.run(group.steps)
        assert down <= {*group.down, *group.new}
        writes = [write for step in group.steps if isinstance(step, Transaction) for write in step.writes]
        announced = {f"{w.register.function}" for w in writes}
        assert {line.split()[0] for line in simulated.log} <= announced | {*group.down, *group.new}
    assert simulated.registers().windows == {key: planned.windows.get(key) for key, _ in topology.windows()}
    for key, address in simulated.registers().bars.items():
        assert address == planned.bars.get(key)
    assert simulated.kernel().bars == {key: planned.bars.get(key) for key, _ in topology.bars()}
    assert before <= simulated.running()
    return steps


HOTPLUG = [path for path in recorded() if "_6.12_" in path.name and "hp" in path.stem.split("_")[2]]


@pytest.mark.parametrize("path", HOTPLUG, ids=lambda path: path.stem)
def test_hotplug_that_a_kernel_gave_up_on(path: Path) -> None:
    record = Record.load(path)
    steps = carried_out(record.topology, plan_for(record.topology))
    assert steps.worst <= 1


def possible(topology: Topology) -> bool:
    """Whether no two root windows of a bus stand for the same bus addresses, as no real machine's do."""
    for root in topology.root_buses:
        spans = sorted((w.space, w.range.start - w.offset, w.range.end - w.offset) for w in root.windows)
        if any(one[0] == two[0] and one[2] > two[1] for one, two in itertools.pairwise(spans)):
            return False
    return True


SEEDS = [seed for seed in range(30) if possible(random_machine(Random(seed), disturbed=False))]


BROKEN = [seed for seed in range(60, 72) if possible(random_machine(Random(seed)))]


@pytest.mark.parametrize("seed", BROKEN)
def test_machines_that_break_rules_today(seed: int) -> None:
    """What is broken stays as it is; everything else is as on other machines."""
    topology = random_machine(Random(seed))
    planned = plan_for(topology, minimize=("unplaced", "moved_bars"))
    simulated = SimulatedMachine(topology)
    executor = Executor(simulated)
    for group in make_steps(topology, planned).groups:
        executor.run(group.steps)
    assert simulated.kernel().windows == {key: planned.windows.get(key) for key, _ in topology.windows()}


def test_a_window_that_registers_cannot_hold_is_refused() -> None:
    topology = machine(bridge("00:01.0", mem=(0x80000000, 0x801003FF)))
    planned = changed(topology, {}, {window_key("00:01.0", "mem"): (0x80100000, 0x801003FF)})
    with pytest.raises(InputError, match="which its registers cannot hold"):
        make_steps(topology, planned)


@pytest.mark.parametrize("seed", SEEDS)
def test_random_machines(seed: int) -> None:
    topology = random_machine(Random(seed), disturbed=False)
    carried_out(topology, plan_for(topology, minimize=("unplaced", "wasted_bytes", "moved_bars")))
