"""A simulated machine for executors, and runs on it in which something goes wrong at a point of one's choice."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from models.placement import Placement
from models.resources import FunctionAddress
from models.topology import Topology
from solver.apply.action import Action, actions_of
from solver.apply.executor import Executor, NotAppliedError
from solver.apply.journal import Journal
from solver.apply.outcome import expected, misplaced
from solver.apply.sameness import differences
from solver.steps.planning import make_steps
from tests.steps.machine import Fault, Interrupted, SimulatedMachine

COMMAND, DECODE = 0x04, 0x3


class Machine(SimulatedMachine):
    """Whoever switches a function without driver off relies on it no more."""

    def write_config(self, function: FunctionAddress, offset: int, width: int, value: int) -> None:
        ours = offset == COMMAND and function in self.driver and self.driver[function] is None
        if ours:
            self.stop(function)
        try:
            super().write_config(function, offset, width, value)
        finally:
            if ours and self.raw_read(function, COMMAND, 2) & DECODE and function not in self.gone:
                self.start(function)

    def unplug(self, function: FunctionAddress, *, noticed: bool) -> None:
        """It is gone from now on, with all behind it; a kernel that has noticed drops what it had of them."""
        self.gone |= {function, *self.ground.below(function)}
        if noticed:
            self.kernel_bars = {key: at for key, at in self.kernel_bars.items() if key.function not in self.gone}
            self.kernel_windows = {key: at for key, at in self.kernel_windows.items() if key.bridge not in self.gone}


@dataclass
class Case:
    """A machine and where its BARs shall be."""

    topology: Topology
    planned: Placement
    actions: list[Action] = field(init=False)
    working: set[FunctionAddress] = field(init=False)

    def __post_init__(self) -> None:
        self.actions = actions_of(make_steps(self.topology, self.planned))
        self.working = Machine(self.topology).running()

    def machine(self, fault: Fault | None = None) -> Machine:
        return Machine(self.topology, fault=fault)

    def start(self, folder: Path, machine: Machine) -> Executor:
        """A new run."""
        folder.mkdir(exist_ok=True)
        journal = Journal.start(folder, "boot", "sha", self.actions)
        return Executor(machine, journal, wrong=lambda: self.wrong(machine))

    def again(self, executor: Executor, machine: Machine) -> Executor:
        """The run as another process finds it in the journal."""
        return Executor(machine, Journal.read(executor.journal.path), wrong=lambda: self.wrong(machine))

    def wrong(self, machine: Machine) -> list[str]:
        return misplaced(machine, expected(self.topology, self.planned))

    def is_planned(self, machine: Machine) -> None:
        assert not self.wrong(machine)
        assert machine.registers().windows == {key: self.planned.windows.get(key) for key, _ in self.topology.windows()}
        self.others_work(machine)

    def is_as_before(self, machine: Machine) -> None:
        for line in differences(machine, self.topology):
            assert any(f"{gone} is gone" == line for gone in machine.gone), line
        self.others_work(machine)

    def others_work(self, machine: Machine) -> None:
        """Every device that worked works, but for those that are no longer there."""
        assert self.working - machine.gone <= machine.running()
        machine.look()


def run(executor: Executor) -> str:
    """How a run ends: ``done``, ``taken back``, ``broken`` or ``killed``."""
    try:
        executor.run()
    except NotAppliedError as error:
        return "broken" if error.left else "taken back"
    except Interrupted:
        return "killed"
    return "done"
