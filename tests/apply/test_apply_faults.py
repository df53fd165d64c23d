"""Runs of which something goes wrong at every point in turn: afterwards whatever worked works."""

from __future__ import annotations

import re
import tempfile
from functools import cache, partial
from pathlib import Path
from random import Random
from typing import Any

import pytest

from models.mobility import Policy
from models.resources import FunctionAddress
from models.topology import Topology
from solver.apply.executor import NotAppliedError
from solver.apply.journal import FINISHED, UNDONE, Journal
from solver.engines import engine
from solver.request import Request
from tests.apply.faulty import Case, Machine, run
from tests.kernel.record import RECORDS, Record
from tests.random_machines import random_machine
from tests.steps.machine import Fault, Interrupted

APPLY = (Path(__file__).resolve().parents[2] / "docs" / "apply.md").read_text(encoding="utf-8")
CASES = ("06-pxb-frag_6.1_pciehp", "10-switch-sriov_6.1_pciehp_pci-hpmemsize-0", "random-3", "random-11", "random-20")
IN_KERNEL = ("claim", "put")
"""Operations inside one write to the module; a process is killed before or after it."""
REFUSABLE = ("unbind", "bind", "transaction", "claim", "write", "vfs")
LOSABLE = ("read", "write", "put")
VANISHING = ("read", "write", "unbind", "bind", "probe")


@cache
def case(name: str) -> Case:
    """A machine, and a plan that moves things on it."""
    topology: Topology
    if name.startswith("random"):
        topology = random_machine(Random(int(name.split("-")[1])), disturbed=False)
        request = Request(
            policy=Policy.ALWAYS, time_limit=5, workers=1, minimize=("unplaced", "wasted_bytes", "moved_bars")
        )
    else:
        topology = Record.load(RECORDS / f"{name}.json").topology
        request = Request(policy=Policy.ALWAYS, time_limit=5, workers=1)
    found = Case(topology, engine("cp-sat")(topology, request).plan.placement)
    assert any(action.do == "transaction" for action in found.actions)
    return found


def at(point: int, fault: str) -> Fault:
    """This goes wrong at one operation."""
    return lambda number, what: fault if number == point else None


def from_on(point: int) -> Fault:
    """Killed at the first operation from ``point`` on at which a process can be."""
    return lambda number, what: "kill" if number >= point and what.split()[0] not in IN_KERNEL else None


def reached(journal: Journal, point: int) -> bool:
    """Whether so many actions are done."""
    return len(journal.done) >= point


@cache
def operations(name: str) -> tuple[str, ...]:
    """What a run without a fault does, in order, from its first action on."""
    names: list[str] = []

    def listen(number: int, what: str) -> None:
        names.append(what)

    with tempfile.TemporaryDirectory() as folder:
        machine = case(name).machine(listen)
        assert run(case(name).start(Path(folder), machine)) == "done"
        case(name).is_planned(machine)
    return tuple(names)


def points(name: str, kinds: tuple[str, ...]) -> list[int]:
    """Where in a run the operations of these kinds are."""
    return [n for n, what in enumerate(operations(name), 1) if what.split()[0] in kinds]


def killable(name: str) -> list[int]:
    """Where in a run a process can be killed."""
    return [n for n, what in enumerate(operations(name), 1) if what.split()[0] not in IN_KERNEL]


def lines(name: str) -> range:
    """The lines of a run's journal from the first action on: where each begins, and where it is done."""
    return range(2, 2 * len(case(name).actions) + 1)


@pytest.fixture(autouse=True)
def _no_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Thousands of runs need no real disk."""
    monkeypatch.setattr("os.fsync", lambda descriptor: None)


def test_as_many_points_are_tried_as_the_documentation_says() -> None:
    tried = sum(
        2 * len(killable(name)) + sum(len(points(name, kinds)) for kinds in (REFUSABLE, LOSABLE, VANISHING, VANISHING))
        for name in CASES
    )
    # Before and after each line of the journal, then undo or resume.
    tried += sum(2 * 2 * len(lines(name)) for name in CASES[:3])
    (said,) = re.findall(r"more than ([\d,]+)\s+points", APPLY)
    assert int(said.replace(",", "")) < tried < 2 * int(said.replace(",", ""))


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("way", ["undo", "resume"])
def test_killed_at_every_operation(name: str, way: str, tmp_path: Path) -> None:
    for point in killable(name):
        machine = case(name).machine(at(point, "kill"))
        executor = case(name).start(tmp_path / str(point), machine)
        assert run(executor) == "killed"
        machine.fault = None
        later = case(name).again(executor, machine)
        if way == "undo":
            assert later.undo() == []
            case(name).is_as_before(machine)
        else:
            assert run(later) == "done"
            case(name).is_planned(machine)


@pytest.mark.parametrize("name", CASES[:3])
@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
def test_killed_around_every_line_of_the_journal(
    name: str, before: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    append = Journal._append
    for way in ("undo", "resume"):
        for point in lines(name):
            count = 0

            def write(journal: Journal, record: dict[str, Any], point: int = point) -> None:
                nonlocal count
                count += 1
                if before and count == point:
                    raise Interrupted
                append(journal, record)
                if count == point:
                    raise Interrupted

            machine = case(name).machine()
            monkeypatch.setattr(Journal, "_append", write)
            executor = case(name).start(tmp_path / f"{way}{point}", machine)
            assert run(executor) == "killed"
            monkeypatch.setattr(Journal, "_append", append)
            later = case(name).again(executor, machine)
            if way == "undo":
                assert later.undo() == []
                case(name).is_as_before(machine)
            else:
                assert run(later) == "done"
                case(name).is_planned(machine)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("fault", ["error", "lost"])
def test_something_fails_at_every_operation(name: str, fault: str, tmp_path: Path) -> None:
    """A claim, a bind or a transaction that is refused; a write that does not stick."""
    for point in points(name, LOSABLE if fault == "lost" else REFUSABLE):
        machine = case(name).machine(at(point, fault))
        ended = run(case(name).start(tmp_path / str(point), machine))
        if ended == "done":  # a write of what was there already, or one that nobody misses
            case(name).is_planned(machine)
        else:
            assert ended == "taken back"
            case(name).is_as_before(machine)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("noticed", [True, False], ids=["noticed", "unnoticed"])
def test_a_device_vanishes_at_every_operation(name: str, noticed: bool, tmp_path: Path) -> None:
    """It is unplugged in the middle of it; all the others work as they did.

    As long as the kernel has not noticed, the place of a port that is gone is taken, and not all can go back.
    """
    for point in points(name, VANISHING):
        machine = case(name).machine()

        def unplug(number: int, what: str, point: int = point, machine: Machine = machine) -> None:
            if number == point:
                machine.unplug(FunctionAddress(what.split()[1]), noticed=noticed)

        machine.fault = unplug
        ended = run(case(name).start(tmp_path / str(point), machine))
        assert ended in ("done", "taken back") if noticed else ended != "killed", operations(name)[point - 1]
        if ended == "taken back":
            case(name).is_as_before(machine)
        else:
            case(name).others_work(machine)


@pytest.mark.parametrize("name", CASES[:3])
def test_killed_while_it_is_taken_back(name: str, tmp_path: Path) -> None:
    total = len(operations(name))
    for point in range(1, total, 3):
        machine = case(name).machine()
        executor = case(name).start(tmp_path / str(point), machine)
        assert run(executor) == "done"
        start = machine.operations
        machine.fault = from_on(start + point)
        try:
            case(name).again(executor, machine).undo()
        except Interrupted:
            machine.fault = None
            later = case(name).again(executor, machine)
            assert later.journal.end != UNDONE
            assert later.undo() == []
        machine.fault = None
        case(name).is_as_before(machine)


def test_a_finished_run_is_taken_back(tmp_path: Path) -> None:
    one = case(CASES[0])
    machine = one.machine()
    executor = one.start(tmp_path, machine)
    executor.run()
    assert Journal.read(executor.journal.path).end == FINISHED
    later = one.again(executor, machine)
    assert later.undo() == []
    assert Journal.read(executor.journal.path).end == UNDONE
    one.is_as_before(machine)


def test_a_run_that_is_stopped_is_taken_back(tmp_path: Path) -> None:
    one = case(CASES[0])
    for point in range(len(one.actions)):
        machine = one.machine()
        executor = one.start(tmp_path / str(point), machine)
        executor.stopped = partial(reached, executor.journal, point)
        with pytest.raises(NotAppliedError, match="stopped on request"):
            executor.run()
        one.is_as_before(machine)


def test_every_action_is_in_the_journal_before_it_is_done(tmp_path: Path) -> None:
    one = case(CASES[2])
    seen: set[int] = set()

    def listen(number: int, what: str) -> None:
        if what.split()[0] != "read" and executor is not None:
            journal = Journal.read(executor.journal.path)
            seen.add(max(journal.begun))
            assert max(journal.begun) not in journal.done

    executor = None
    machine = one.machine(listen)
    executor = one.start(tmp_path, machine)
    executor.run()
    assert len(seen) > 3


def test_a_disk_that_gets_full_under_the_journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = case(CASES[0])
    append = Journal._append
    for point in range(2, 2 * len(one.actions) + 1):
        left = iter(range(point - 1, 0, -1))

        def write(journal: Journal, record: dict[str, Any], left: Any = left) -> None:
            if next(left, None) is None:
                raise OSError(28, "No space left on device")
            append(journal, record)

        machine = one.machine()
        with monkeypatch.context() as patch:
            patch.setattr(Journal, "_append", write)
            executor = one.start(tmp_path / str(point), machine)
            assert run(executor) == "taken back"
        one.is_as_before(machine)
