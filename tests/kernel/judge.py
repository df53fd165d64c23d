"""Puts plans before a real kernel, one row of the table of verdicts each; what is in the table is not asked again."""

from __future__ import annotations

from collections.abc import Iterator

from tests.kernel.collect import live_records
from tests.kernel.debian import Kernel
from tests.kernel.guest import Machine, QemuCrashedError
from tests.kernel.pitfalls import MACHINES
from tests.kernel.record import RECORDS, Record
from tests.kernel.referee import Verdict, referee
from tests.kernel.scenarios import SAMPLES
from tests.kernel.topologies import random_machine, random_plug
from tests.kernel.verdicts import ACCEPTED, CRASHED, REFUSED, Row, read, row, solve, tasks, write


def machine_of(name: str) -> Machine:
    """The machine that a record is of, with everything in it that was plugged in later."""
    what = name.split("_")[0]
    kind, _, number = what.rpartition("-")
    if kind == "random":
        machine = random_machine(int(number))
    elif kind == "plug":
        machine = random_plug(int(number))
    else:
        machine = {**SAMPLES, **MACHINES}[what]
    plugged = tuple(step.device for step in machine.plugs if step.device) if "hp-" in name else ()
    return machine.but(devices=(*machine.devices, *plugged), plugs=(), parameters="", prepare="")


def record_of(machine: Machine, kernel: Kernel) -> Record:
    """The record of what this kernel makes of the machine at boot; made now where there is none."""
    path = RECORDS / f"{machine.name}_{kernel.series}_{machine.firmware}.json"
    if not path.exists():
        (record,) = live_records(machine, kernel)
        path.write_text(record.dump())
    return Record.load(path)


def judge(record: Record, kernel: Kernel) -> Iterator[Row]:
    """Put each plan for the machine of ``record`` before the kernel, and its row into the table."""
    machine = machine_of(record.name)
    for start, minimize in tasks(record):
        known = {one.task: one for one in read()}
        task = (record.name, start, minimize)
        if task in known and known[task].verdict != CRASHED:
            continue
        result = solve(record, start, minimize)
        try:
            verdict, words = _words(referee(machine, kernel, result.topology, result.plan.placement))
        except QemuCrashedError as error:
            verdict, words = CRASHED, str(error).splitlines()[0]
        made = row(record, machine, start, minimize, result, verdict, words)
        # Another run may have written rows meanwhile.
        write([*(one for one in read() if one.task != task), made])
        yield made


def _words(verdict: Verdict) -> tuple[str, str]:
    if verdict.accepted:
        return ACCEPTED, ""
    return REFUSED, "; ".join((*verdict.refused, *verdict.elsewhere))
