"""A plan is not carried out on another machine than the one it was made for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from models.resources import FunctionAddress, Range
from models.topology import BarKey, WindowKey
from solver.apply.executor import NotAppliedError
from solver.apply.sameness import differences
from tests.apply.faulty import Case, Machine
from tests.apply.test_apply_faults import CASES, case

MOVING = FunctionAddress("0000:42:00.0")
PORT = FunctionAddress("0000:40:01.0")


@pytest.fixture
def one() -> Case:
    return case(CASES[0])


def test_the_same_machine(one: Case) -> None:
    assert list(differences(one.machine(), one.topology)) == []


def _another_place(machine: Machine) -> None:
    machine.kernel_bars[BarKey(MOVING, 2)] = Range.of(0xE000_0000, 64 << 20)


def _another_register(machine: Machine) -> None:
    machine.stop(MOVING)
    machine.space[MOVING].write(0x18, 4, 0xE000_0000)


def _another_window(machine: Machine) -> None:
    machine.kernel_windows[WindowKey(PORT, "pref")] = Range.of(0xE000_0000, 64 << 20)


def _another_window_register(machine: Machine) -> None:
    machine.promises.clear()
    machine.space[PORT].write(0x24, 4, 0xE3F0E000)


def _gone(machine: Machine) -> None:
    machine.unplug(MOVING, noticed=True)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_another_place, "0000:42:00.0 BAR 2 is at e0000000-e3ffffff and was at f4000000-f7ffffff"),
        (_another_register, "0000:42:00.0 BAR 2: the register holds 0xe000000c and not 0xf400000c"),
        (_another_window, "0000:40:01.0 pref window is at e0000000-e3ffffff and was at f4000000-f7ffffff"),
        (_another_window_register, "0000:40:01.0 pref window: the registers do not hold what the kernel has"),
        (_gone, "0000:42:00.0 is gone"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_another_machine(one: Case, change: Callable[[Machine], None], said: str) -> None:
    machine = one.machine()
    change(machine)
    (found,) = differences(machine, one.topology)
    assert found.startswith(said)


def test_a_stale_plan_changes_nothing(one: Case, tmp_path: Path) -> None:
    """Had nobody looked, the module would refuse it, and the executor takes back the little it did."""
    machine = one.machine()
    _another_place(machine)
    with pytest.raises(NotAppliedError, match="elsewhere in the kernel"):
        one.start(tmp_path, machine).run()
    assert machine.running() == one.working
