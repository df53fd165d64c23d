"""Runs instances x engines x seeds, each in a process of its own, and keeps every row; what has a row is not run again.

One solve at a time: engines use all cores, and two at once would measure each other.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.instances import Entry
from benchmarks.peers import PEERS, missing
from benchmarks.rows import Row, append_row, read_rows, row_of
from benchmarks.solving import Task, blank_row
from models.errors import InputError
from solver.engines import ENGINES
from solver.request import parse_minimize

DEFAULT_ENGINES = ("cp-sat", "linux-6.1", "linux-7", "movable-bars", "coreboot", *PEERS)

RANDOM = ("cp-sat", *PEERS)
"""Engines to which a seed matters; the others run with the first one only."""

ROWS = "rows.jsonl"

ROOT = Path(__file__).resolve().parents[1]

_GRACE = 120.0
"""Seconds beyond three times its time limit after which a process is killed; that it is late is for the row to tell."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be run.

    Attributes
    ----------
    minimize
        Objectives in place of each instance's own; empty = its own.
    without
        Sets of levers to switch off, each a run of ``cp-sat`` of its own; ``""`` = none.
    """

    entries: Sequence[Entry]
    engines: Sequence[str] = DEFAULT_ENGINES
    seeds: Sequence[int] = (1,)
    time_limits: Sequence[float] = (60.0,)
    minimize: str = ""
    without: Sequence[str] = ("",)
    workers: int = 0
    memory_limit: float = 6.0

    def tasks(self) -> Iterator[Task]:
        """Every solve, instance by instance."""
        for entry in self.entries:
            for engine in self.engines:
                for limit in self.time_limits:
                    for seed in self.seeds if engine in RANDOM else self.seeds[:1]:
                        for levers in self.without if engine == "cp-sat" else [one for one in self.without if not one]:
                            yield Task(
                                entry, engine, seed, limit, self.minimize, levers, self.workers, self.memory_limit
                            )


def engines_of(names: str | None, report: Callable[[str], None]) -> list[str]:
    """The engines of these names, separated by commas; all, without those that are not installed, where none is named.

    Raises
    ------
    InputError
        If a name is unknown.
    """
    wanted = [name.strip() for name in names.split(",")] if names else list(DEFAULT_ENGINES)
    there = []
    for name in wanted:
        if name not in ENGINES and name not in PEERS:
            known = ", ".join((*ENGINES, *PEERS))
            raise InputError(f"unknown engine {name!r}, expected one of {known}", source="--engine")
        why = missing(name)
        if why:
            report(f"SKIPPED: {name}: {why}")
        else:
            there.append(name)
    return there


def run(plan: Plan, folder: Path, report: Callable[[str], None] | None = None) -> Iterator[Row]:
    """Every row that is new, written to the folder before it is handed out.

    A row of another version of barplan or of its solver counts as done; empty the folder, or take another, to begin
    anew.
    """
    folder.mkdir(parents=True, exist_ok=True)
    done = {row.key: row for row in read_rows(folder)}
    tasks = list(plan.tasks())
    begun = {row.instance for row in done.values()}
    for number, task in enumerate(tasks, 1):
        if report is not None:
            off = f" without {task.levers_off}" if task.levers_off else ""
            report(f"{number}/{len(tasks)} {task.entry.name} {task.engine} seed {task.seed}{off}")
        if task.entry.name in begun:
            policy, minimize = task.entry.asked()
            minimize = parse_minimize(plan.minimize, policy) if plan.minimize else minimize
            if _key(task, ",".join(minimize), policy) in done:
                continue
        row = run_in_process(task)
        append_row(folder / ROWS, row)
        done[row.key] = row
        begun.add(row.instance)
        yield row


def _key(task: Task, minimize: str, policy: str) -> tuple[str, ...]:
    row = Row(task.entry.name, "", 0, 0, task.engine, task.seed, minimize, policy, task.time_limit, "")
    return replace(row, levers_off=task.levers_off, workers=task.workers).key


def run_in_process(task: Task) -> Row:
    """One solve in a process of its own, which is killed where it does not end."""
    command = [sys.executable, "-m", "benchmarks.solving"]
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])},
    )
    killed, patience = "", 3 * task.time_limit + _GRACE
    try:
        out, complaint = process.communicate(task.as_text(), timeout=patience)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        out, complaint = process.communicate()
        killed = f"killed after {patience:g} s"
    except BaseException:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        raise
    if process.returncode == 2:
        raise InputError(complaint.strip() or "the instance cannot be read", source=task.entry.name)
    if process.returncode == 0:
        return row_of(json.loads(out.splitlines()[-1]))
    last = complaint.strip().splitlines()[-1:] or [""]
    why = killed or f"the process ended with {process.returncode}: {last[0][:300]}"
    instance = task.entry.load()
    date = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    row = blank_row(task, instance, task.request(instance), date)
    return replace(row, status="killed" if killed else "failed", failure=why)


def complaints(rows: Iterable[Row]) -> Iterator[str]:
    """Rows that must not be: an exact engine that failed, or a plan of it that the checker refuses."""
    for row in rows:
        where = f"{row.instance} {row.engine} seed {row.seed}"
        if row.status in ("failed", "killed") and row.engine == "cp-sat":
            yield f"{where}: {row.status}: {row.failure}"
        if row.verdict == "refused" and row.engine in RANDOM:
            yield f"{where}: the checker refuses the plan: {row.breaches[0]}"
