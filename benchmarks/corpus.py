"""Every machine of a corpus: read, checked, solved by every engine and compared with the index of the corpus."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path

from benchmarks.corpus_counts import OTHER_COUNTS, Counts, counts_of_index
from models.errors import InputError
from models.legality import check, today_breaches
from models.plan import Plan, Status
from models.sources.machine import Reading, read_machine
from models.topology import Topology
from solver.engines import engine
from solver.request import PRESETS, Request
from solver.result import Result

EXACT = "cp-sat"
"""The engine whose plans are compared with those of all others."""


@dataclass(slots=True)
class Run:
    """One engine on one machine.

    Attributes
    ----------
    minimize
        Name of the preset; empty for an engine that minimises nothing.
    failure
        One line where the engine failed; there is no result then.
    """

    engine: str
    minimize: str
    result: Result | None = None
    failure: str = ""

    @property
    def title(self) -> str:
        return f"{self.engine} {self.minimize}".strip()

    @property
    def proved(self) -> bool:
        return self.result is not None and self.result.plan.status in (Status.OPTIMAL, Status.INFEASIBLE)

    @property
    def refused(self) -> bool:
        """The checker refuses the plan."""
        return self.result is not None and bool(self.result.breaches)


@dataclass(slots=True)
class Row:
    """One machine.

    Attributes
    ----------
    refused
        The one line with which it was refused.
    failure
        The one line of an error that should not be.
    read_ms
        Milliseconds of reading.
    index
        What the corpus's index says, where it has one.
    explanation
        Why the counts differ from the index; empty where they agree or nobody knows.
    """

    name: str
    refused: str = ""
    failure: str = ""
    read_ms: float = 0.0
    counts: Counts = field(default_factory=lambda: Counts(0, 0, 0))
    other_bars: int = 0
    windows: int = 0
    breaches: int = 0
    kernel_failures: int = 0
    index: Counts | None = None
    explanation: str = ""
    runs: list[Run] = field(default_factory=list)

    @property
    def was_read(self) -> bool:
        return not self.refused and self.counts.functions > 0

    @property
    def failed(self) -> list[str]:
        """Every error that should not be, in one line each."""
        return [self.failure] * bool(self.failure) + [f"{run.title}: {run.failure}" for run in self.runs if run.failure]

    @property
    def differs(self) -> bool:
        """The counts are not those of the index."""
        return self.was_read and self.index is not None and self.index != self.counts

    def worse(self) -> list[str]:
        """Runs of the exact engine that are worse, in their own objectives, than a legal plan of another engine.

        A plan that leaves a movable BAR in a breach of today is no match for one that has to mend it.
        """
        others = [run for run in self.runs if run.engine != EXACT and run.result is not None and run.result.legal]
        found = []
        for run in self.runs:
            if run.engine != EXACT or run.result is None or run.result.plan.status is Status.INFEASIBLE:
                continue
            for other in others:
                assert other.result is not None
                names = PRESETS[run.minimize]
                better = _values(other.result, names) < _values(run.result, names)
                if better and _breaches_left(other.result) <= _breaches_left(run.result):
                    found.append(f"{run.title} is worse than {other.title}")
        return found


def _values(result: Result, names: Sequence[str]) -> list[int]:
    return [result.measures.value(name) for name in names]


def _breaches_left(result: Result) -> set[tuple[str, tuple[str, ...]]]:
    """The rules that a plan still breaks, as today's placement does."""
    return {(breach.rule, breach.parties) for breach in check(result.topology, result.plan.placement)}


@dataclass(frozen=True, slots=True)
class Task:
    """What is done with each machine.

    Attributes
    ----------
    engines
        Names of engines; those that minimise run once for each preset of ``minimize``.
    """

    engines: tuple[str, ...]
    minimize: tuple[str, ...] = ("moves", "waste")
    request: Request = field(default_factory=Request)


def machines(corpus: Path, only: str = "*") -> list[Path]:
    """The machines of a corpus whose names match: folders with a source.txt or, without any, every file and folder.

    Raises
    ------
    InputError
        If there is none.
    """
    if not corpus.is_dir():
        raise InputError("no such folder, expected a corpus of machines", source=str(corpus))
    found = [path.parent for path in corpus.rglob("source.txt")]
    found = found or [path for path in corpus.iterdir() if not path.name.startswith(".") and path.name != "INDEX.md"]
    matching = [path for path in sorted(found) if fnmatch(name_of(path, corpus), only)]
    if not matching:
        raise InputError(f"no machine in it matches {only!r}", source=str(corpus))
    return matching


def name_of(machine: Path, corpus: Path) -> str:
    """The name of a machine: its path inside the corpus."""
    return machine.relative_to(corpus).as_posix()


def run_corpus(corpus: Path, only: str, task: Task, progress: Callable[[str], None] | None = None) -> list[Row]:
    """One row for each machine; stops early, with the rows so far, when the user interrupts.

    Raises
    ------
    InputError
        If the corpus has no such machine.
    """
    index = counts_of_index(corpus)
    rows: list[Row] = []
    folders = machines(corpus, only)
    for number, machine in enumerate(folders, 1):
        name = name_of(machine, corpus)
        if progress is not None:
            progress(f"{number}/{len(folders)} {name}")
        row = run_machine(machine, name, task)
        row.index = index.get(name)
        if row.differs and name in OTHER_COUNTS and OTHER_COUNTS[name][0] == row.counts:
            row.explanation = OTHER_COUNTS[name][1]
        rows.append(row)
        if any(run.result is not None and run.result.interrupted for run in row.runs):
            raise Interrupted(rows)
    return rows


class Interrupted(Exception):  # noqa: N818  # no error
    """The user asked to stop; the rows that are done."""

    def __init__(self, rows: list[Row]) -> None:
        self.rows = rows
        super().__init__("interrupted")


def run_machine(machine: Path, name: str, task: Task) -> Row:
    """Read and solve one machine; whatever goes wrong is in the row."""
    row = Row(name)
    started = time.perf_counter()
    try:
        reading = read_machine([machine])
    except InputError as error:
        row.refused = one_line(str(error.message))
        return row
    except Exception as error:
        row.failure = failure_line(error)
        return row
    row.read_ms = (time.perf_counter() - started) * 1000
    try:
        _count(row, reading)
    except Exception as error:
        row.failure = failure_line(error)
        return row
    for engine_name in task.engines:
        for preset in task.minimize if engine_name == EXACT else ("",):
            run = run_engine(reading.topology, engine_name, preset, task.request)
            row.runs.append(run)
            if run.result is not None and run.result.interrupted:
                return row
    return row


def _count(row: Row, reading: Reading) -> None:
    functions = [function for function, _ in reading.topology.functions()]
    bars = [bar for function in functions for bar in function.bars]
    numbered = sum(isinstance(bar.index, int) for bar in bars)
    row.counts = Counts(len(functions), sum(function.bridge is not None for function in functions), numbered)
    row.other_bars = len(bars) - numbered
    row.windows = sum(window.range is not None for _, window in reading.topology.windows())
    row.breaches = len(today_breaches(reading.topology))
    row.kernel_failures = len(reading.failures)


def run_engine(topology: Topology, name: str, preset: str, request: Request) -> Run:
    """One engine on one machine; an error becomes a line."""
    run = Run(name, preset)
    asked = Request(
        policy=request.policy,
        minimize=PRESETS[preset or "moves"],
        time_limit=request.time_limit,
        workers=request.workers,
        seed=request.seed,
    )
    try:
        run.result = engine(name)(topology, asked)
    except Exception as error:
        run.failure = failure_line(error)
    return run


def failure_line(error: Exception) -> str:
    """``FAILED: ValueError: what it says``, in one line."""
    return one_line(f"FAILED: {type(error).__name__}: {error}")


def one_line(text: str) -> str:
    """The text with all its white space made single blanks."""
    return " ".join(text.split())


def proof(plan: Plan) -> str:
    """The status of a plan; the first open objective with its bound where there is one."""
    if plan.status is Status.INFEASIBLE and plan.warnings:
        return f"{plan.status}: {one_line(plan.warnings[0])}"
    for objective in plan.objectives:
        if plan.status is Status.FEASIBLE and not objective.proved:
            bound = "no bound" if objective.bound is None else f"bound {objective.bound}"
            return f"{plan.status} ({objective.name} {objective.value}, {bound})"
    return str(plan.status)
