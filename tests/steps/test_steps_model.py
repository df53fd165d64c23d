"""The model in memory fails a test where it should: two decoding ranges that overlap, a running function cut off."""

from __future__ import annotations

import pytest

from models.resources import MIB, FunctionAddress
from models.topology import BarKey, Topology, WindowKey
from solver.steps.access import AccessError, transaction_text
from solver.steps.planning import make_steps
from solver.steps.step import Step, Transaction
from tests.steps.config_space import COMMAND
from tests.steps.executor import Executor
from tests.steps.machine import SimulatedMachine
from tests.steps.place_module import Line, PlaceModule
from tests.topologies import bar, bridge, changed, function, key, machine, window_key

A = 0x80000000
ONE, TWO = FunctionAddress("0000:01:00.0"), FunctionAddress("0000:02:00.0")
FIRST, SECOND = FunctionAddress("0000:00:01.0"), FunctionAddress("0000:00:02.0")
BAR_0, MEMORY_WINDOW = 0x10, 0x20


def two_ports() -> Topology:
    """Two ports with a window of 2 MiB each, and a running function of 1 MiB behind each."""
    return machine(
        bridge("00:01.0", function("01:00.0", bar(0, "1M", at=A), driver="one"), mem=(A, A + 2 * MIB - 1)),
        bridge(
            "00:02.0",
            function("02:00.0", bar(0, "1M", at=A + 3 * MIB), driver="two"),
            mem=(A + 2 * MIB, A + 4 * MIB - 1),
        ),
    )


def test_two_windows_overlap() -> None:
    model = SimulatedMachine(two_ports())
    with pytest.raises(AssertionError, match=f"{FIRST} mem window and {SECOND} mem window decode the same addresses"):
        model.write_config(FIRST, MEMORY_WINDOW, 4, (A + 3 * MIB - 1) & 0xFFF00000 | A >> 16)


def test_two_bars_overlap_only_when_both_decode() -> None:
    row = machine(function("00:01.0", bar(0, "1M", at=A)), function("00:02.0", bar(0, "1M", at=A + MIB)))
    model = SimulatedMachine(row)
    model.stop(SECOND)
    model.write_config(SECOND, COMMAND, 2, 0)
    model.write_config(SECOND, BAR_0, 4, A)
    with pytest.raises(AssertionError, match="decode the same addresses"):
        model.write_config(SECOND, COMMAND, 2, 2)


@pytest.mark.parametrize(
    ("who", "offset", "width", "value"),
    [(FIRST, MEMORY_WINDOW, 4, 0x0000FFF0), (FIRST, COMMAND, 2, 0), (ONE, COMMAND, 2, 0), (ONE, BAR_0, 4, A + MIB)],
    ids=["window closed", "port off", "function off", "bar moved"],
)
def test_a_running_function_is_cut_off(who: FunctionAddress, offset: int, width: int, value: int) -> None:
    model = SimulatedMachine(two_ports())
    with pytest.raises(AssertionError, match=f"{ONE} is cut off at 80000000-800fffff"):
        model.write_config(who, offset, width, value)


def border_moves() -> tuple[Topology, list[Step]]:
    """The first window gets 1 MiB that the second has had."""
    topology = two_ports()
    windows = {
        window_key("00:01.0", "mem"): (A, A + 3 * MIB - 1),
        window_key("00:02.0", "mem"): (A + 3 * MIB, A + 4 * MIB - 1),
    }
    return topology, [
        step for group in make_steps(topology, changed(topology, {}, windows)).groups for step in group.steps
    ]


def test_a_module_that_grows_before_it_shrinks_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    topology, steps = border_moves()
    Executor(SimulatedMachine(topology)).run(steps)

    def grow_at_once(module: PlaceModule, windows: list[Line], bars: list[Line]) -> None:
        for line in windows:
            assert isinstance(line.key, WindowKey)
            module._window(line.key, line.after, grow=True)

    monkeypatch.setattr(PlaceModule, "_registers", grow_at_once)
    with pytest.raises(AssertionError, match="decode the same addresses"):
        Executor(SimulatedMachine(topology)).run(steps)


def test_a_function_that_has_its_driver_is_not_moved() -> None:
    topology = two_ports()
    steps = make_steps(topology, changed(topology, {key("01:00.0"): A + MIB})).groups[0].steps
    (transaction,) = [step for step in steps if isinstance(step, Transaction)]
    model = SimulatedMachine(topology)
    with pytest.raises(AccessError, match=f"{ONE} is bound to one"):
        model.transaction(transaction_text(transaction))
    assert not model.log
    model.unbind(ONE)
    model.transaction(transaction_text(transaction))
    assert model.kernel().bars[BarKey(ONE, 0)] == A + MIB
