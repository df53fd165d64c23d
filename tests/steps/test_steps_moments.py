"""The moments between two placements: windows of running functions, upper halves, and what must go down for them."""

from __future__ import annotations

from models.resources import GIB, MIB, FunctionAddress
from models.topology import Topology
from solver.steps.access import AccessError
from solver.steps.planning import make_steps
from solver.steps.step import DecodeOff, Probe, Transaction
from tests.steps.executor import Executor
from tests.steps.machine import SimulatedMachine
from tests.steps.test_steps_carried_out import carried_out
from tests.topologies import bar, bridge, changed, function, host, key, machine, window_key

A = 0x80000000


def test_siblings_trade_space_while_both_run() -> None:
    """The border between two windows moves; nobody is down, as each keeps what it holds."""
    topology = machine(
        bridge("00:01.0", function("01:00.0", bar(0, "1M", at=A), driver="one"), mem=(A, A + 2 * MIB - 1)),
        bridge(
            "00:02.0",
            function("02:00.0", bar(0, "1M", at=A + 5 * MIB), driver="two"),
            mem=(A + 2 * MIB, A + 6 * MIB - 1),
        ),
    )
    planned = changed(
        topology,
        {},
        {
            window_key("00:01.0", "mem"): (A, A + 4 * MIB - 1),
            window_key("00:02.0", "mem"): (A + 4 * MIB, A + 6 * MIB - 1),
        },
    )
    steps = carried_out(topology, planned)
    assert steps.worst == 0
    (transaction,) = [step for step in steps.groups[0].steps if isinstance(step, Transaction)]
    assert [write.register.function for write in transaction.writes] == ["0000:00:02.0", "0000:00:01.0"]


def across_four_gib(sibling: int) -> Topology:
    """A window from 4.5 to 5.5 times 4 GiB, of which the lower half goes, beside a BAR at ``sibling``."""
    return machine(
        host(
            bridge(
                "00:01.0",
                function("01:00.0", bar(0, "256M", width=64, pref=True, at=20 * GIB), driver="one"),
                pref=(18 * GIB, 22 * GIB - 1),
            ),
            function("00:02.0", bar(0, "1G", width=64, pref=True, at=sibling), driver="two"),
            pref=(16 * GIB, 64 * GIB - 1),
        )
    )


def test_halves_of_a_window_may_pass_over_free_space() -> None:
    topology = across_four_gib(40 * GIB)
    assert (
        carried_out(topology, changed(topology, {}, {window_key("00:01.0", "pref"): (20 * GIB, 22 * GIB - 1)})).worst
        == 0
    )


def test_halves_of_a_window_that_would_pass_over_a_neighbour_silence_the_bridge() -> None:
    topology = across_four_gib(16 * GIB)
    planned = changed(topology, {}, {window_key("00:01.0", "pref"): (20 * GIB, 22 * GIB - 1)})
    steps = carried_out(topology, planned)
    assert steps.groups[0].down == ("0000:01:00.0",)
    assert "wrong addresses" in steps.groups[0].why
    assert DecodeOff(key("00:01.0").function) in steps.groups[0].steps


def test_whatever_goes_wrong_in_a_transaction_the_machine_is_as_before() -> None:
    topology = machine(
        bridge("00:01.0", function("01:00.0", bar(0, "1M", at=A), driver="one"), mem=(A, A + MIB - 1)),
        bridge("00:02.0", function("02:00.0", bar(0, "1M", at=A + MIB), driver="two"), mem=(A + MIB, A + 2 * MIB - 1)),
    )
    there = A + 8 * MIB
    planned = changed(topology, {key("01:00.0"): there}, {window_key("00:01.0", "mem"): (there, there + MIB - 1)})
    steps = make_steps(topology, planned).groups[0].steps
    until = next(number for number, step in enumerate(steps) if isinstance(step, Transaction))
    failed: list[str] = []
    for at in range(1, 20):
        for what in ("error", "lost"):

            def fault(number: int, name: str, at: int = at, what: str = what) -> str | None:
                wanted = "put" if what == "lost" else "claim"
                return what if number == at and name.startswith(wanted) else None

            machine_ = SimulatedMachine(topology, fault=fault)
            before = machine_.registers(), machine_.kernel()
            executor = Executor(machine_)
            executor.run(steps[:until])
            said = ""
            try:
                executor.do(steps[until])
            except AccessError as error:
                said = str(error)
            if said:
                failed.append(said)
                assert (machine_.registers(), machine_.kernel()) == before
    assert len(failed) == 5  # two claims; a window's register twice, a BAR's once
    assert all(said.endswith("; restored") for said in failed)


def test_a_driver_that_missed_one_bar_of_two_is_looked_for_again() -> None:
    """The kernel placed the memory of a new card and not its I/O ports: its driver gave up at the hot-add."""
    card = function("01:00.0", bar(0, 32, io=True), bar(1, "4K", at=A))
    idle = function("01:01.0", bar(0, "4K", at=A + MIB))
    topology = machine(bridge("00:01.0", card, idle, mem=(A, A + 2 * MIB - 1), io=(0x1000, 0x1FFF)))
    planned = changed(topology, {key("01:00.0"): 0x1000})
    steps = [step for group in make_steps(topology, planned).groups for step in group.steps]
    assert [step for step in steps if isinstance(step, Probe)] == [Probe(FunctionAddress("0000:01:00.0"))]
