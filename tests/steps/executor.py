"""The simplest executor there can be: step by step, no journal, no way back."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from models.resources import FunctionAddress
from solver.steps.access import offset_of, transaction_text
from solver.steps.step import (
    COMMAND,
    Bind,
    DecodeOff,
    DecodeOn,
    DisableVfs,
    EnableVfs,
    Kexec,
    Probe,
    RegisterWrite,
    Remove,
    Rescan,
    Step,
    Transaction,
    Unbind,
    Verify,
)
from tests.steps.machine import SimulatedMachine


@dataclass(slots=True)
class Executor:
    """Carries steps out on a simulated machine; ``down`` is the most functions that were down at once."""

    machine: SimulatedMachine
    drivers: dict[FunctionAddress, str | None] = field(default_factory=dict)
    commands: dict[FunctionAddress, int] = field(default_factory=dict)
    vfs: dict[FunctionAddress, int] = field(default_factory=dict)

    def run(self, steps: Iterable[Step]) -> None:
        for step in steps:
            self.do(step)

    def do(self, step: Step) -> None:
        machine = self.machine
        match step:
            case DisableVfs(function):
                self.vfs[function] = machine.vfs(function)
                if self.vfs[function]:
                    machine.set_vfs(function, 0)
            case EnableVfs(function):
                if self.vfs[function]:
                    machine.set_vfs(function, self.vfs[function])
            case Unbind(function, driver):
                found = self.drivers[function] = machine.driver_of(function)
                assert driver is None or found == driver
                if found is not None:
                    machine.unbind(function)
            case Bind(function, _):
                driver = self.drivers[function]
                if driver is not None:
                    machine.bind(function, driver)
            case Probe(function):
                machine.probe(function)
            case DecodeOff(function):
                self._stop(function)
            case DecodeOn(function, bits, restore):
                bits &= self.commands[function] if restore else 3
                self._raw_command(function, self._command(function) | bits)
                if function not in machine.promises and machine.driver[function] is None:
                    machine.start(function)
            case RegisterWrite():
                self._write(step)
            case Transaction():
                machine.transaction(transaction_text(step))
            case Verify():
                self._verify(step)
            case Remove(function):
                machine.remove(function)
            case Rescan(bridge):
                machine.rescan(bridge)
            case Kexec():
                machine.kexec()

    def _command(self, function: FunctionAddress) -> int:
        return self.machine.raw_read(function, COMMAND, 2)

    def _raw_command(self, function: FunctionAddress, value: int) -> None:
        if self.machine.present(function):
            self.machine.write_config(function, COMMAND, 2, value)
        else:
            self.machine.raw_write(function, COMMAND, 2, value)

    def _stop(self, function: FunctionAddress) -> None:
        """Nothing runs without a driver that this executor would not be asked to stop."""
        bridge = self.machine.known[function].bridge is not None
        assert bridge or function in self.machine.removed or self.machine.driver_of(function) is None
        self.machine.stop(function)
        self.commands[function] = self._command(function)
        self._raw_command(function, self.commands[function] & ~3)

    def _write(self, step: RegisterWrite) -> None:
        register = step.register
        offset = offset_of(self.machine, register)
        old = self.machine.raw_read(register.function, offset, register.width)
        assert step.old is None or (old ^ step.old) & step.mask == 0, step
        self.machine.raw_write(register.function, offset, register.width, step.value)
        now = self.machine.raw_read(register.function, offset, register.width)
        assert (now ^ step.value) & step.mask == 0, step

    def _verify(self, step: Verify) -> None:
        registers, kernel = self.machine.registers(), self.machine.kernel()
        for key, address in step.bars.items():
            assert kernel.bars.get(key) == address, key
            assert address is None or registers.bars.get(key) == address, key
        for window, range_ in step.windows.items():
            assert kernel.windows.get(window) == range_, window
            assert registers.windows.get(window) == range_, window
