"""The routes ``kexec`` and ``firmware``: the registers end up as planned, and what they cannot reach is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from models.errors import InputError
from models.topology import Topology
from solver.steps.planning import make_steps
from solver.steps.step import COMMAND, Kexec, RegisterWrite
from tests.kernel.record import RECORDS, Record
from tests.kernel.referee import register_writes
from tests.steps.executor import Executor
from tests.steps.machine import SimulatedMachine
from tests.steps.test_steps_carried_out import HOTPLUG, plan_for
from tests.topologies import bar, changed, function, host, key, machine

SWITCH = RECORDS / "02-switch-frag_6.12_pciehp.json"


def without_vfs(topology: Topology) -> Topology:
    """The machine without VF BARs, which port I/O does not reach."""
    return topology.map_functions(
        lambda one: replace(one, bars=tuple(b for b in one.bars if not str(b.index).startswith("vf")))
    )


@pytest.mark.parametrize("path", [path for path in HOTPLUG if "pxb" not in path.stem], ids=lambda path: path.stem)
def test_kexec_reaches_the_plan(path: Path) -> None:
    topology = without_vfs(Record.load(path).topology)
    planned = plan_for(topology)
    steps = make_steps(topology, planned, "kexec")
    simulated = SimulatedMachine(topology)
    executor = Executor(simulated)
    for group in steps.groups:
        executor.run(group.steps)
    assert steps.groups == () or Kexec() in steps.groups[0].steps
    for name, at in simulated.registers().bars.items():
        assert at == planned.bars.get(name)


def test_kexec_refuses_what_port_io_does_not_reach() -> None:
    topology = machine(function("00:02.0", bar(0, "1M", at=0x80000000), bar("vf0", "1M", copies=4, at=0x80400000)))
    planned = changed(topology, {key("00:02.0", "vf0"): 0x80800000})
    with pytest.raises(InputError, match=r"0000:00:02\.0 VF BAR 0 has its register beyond the first 256 bytes"):
        make_steps(topology, planned, "kexec")
    far = machine(host(function("0001:00:02.0", bar(0, "1M", at=0x80000000)), domain=1))
    with pytest.raises(InputError, match=r"0001:00:02\.0 is behind root bus 0001:00"):
        make_steps(far, changed(far, {key("0001:00:02.0"): 0x80100000}), "kexec")
    extra = machine(host(function("0000:40:02.0", bar(0, "1M", at=0x80000000)), bus=0x40))
    with pytest.raises(InputError, match=r"0000:40:02\.0 is behind root bus 0000:40, .*; use --route live"):
        make_steps(extra, changed(extra, {key("0000:40:02.0"): 0x80100000}), "kexec")


def test_firmware_writes_what_the_referee_writes() -> None:
    """The kernels' verdicts on plans rest on these writes, which were made apart."""
    topology = without_vfs(Record.load(SWITCH).topology)
    planned = plan_for(topology)
    theirs = {(who, at): (width, value) for who, at, width, value in register_writes(topology, planned)}
    ours: dict[tuple[str, int], int] = {}
    for step in make_steps(topology, planned, "firmware").groups[0].steps:
        assert isinstance(step, RegisterWrite)
        ours[step.register.function, step.register.offset] = step.value & step.mask
        if step.register.offset != COMMAND:
            width, value = theirs[step.register.function, step.register.offset]
            assert (width, value & step.mask) == (step.register.width, step.value & step.mask)
    assert {place for place in theirs if theirs[place][1] and place[1] != COMMAND} <= ours.keys()


def test_a_plan_that_resizes_is_refused() -> None:
    topology = machine(function("00:02.0", bar(0, "1M", sizes=("1M", "2M"), at=0x80000000)))
    planned = replace(changed(topology, {}), sizes={key("00:02.0"): 2 << 20})
    with pytest.raises(InputError, match="resizes a BAR"):
        make_steps(topology, planned)
