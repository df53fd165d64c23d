"""One solve in a process of its own: a task on standard input, a row on standard output, both as JSON.

Processor time and memory are then those of one solve and of nothing else, and a crash costs one row.
"""

from __future__ import annotations

import json
import os
import platform
import resource
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.instances import Entry, Instance
from benchmarks.peers import PEERS, any_engine
from benchmarks.peers.joint import RefusedError
from benchmarks.rows import Objective, Row
from models.document import dump_plan, topology_sha256
from models.errors import InputError
from models.plan import Status
from solver.cli.versions import version_of
from solver.request import Request, parse_minimize
from solver.result import Result


@dataclass(frozen=True, slots=True)
class Task:
    """One solve.

    Attributes
    ----------
    minimize
        Objectives, or a preset, in place of the instance's own; empty = its own.
    levers_off
        Levers of ``cp-sat`` to switch off, sorted and separated by commas.
    memory_limit
        GiB of address space; 0 = no limit.
    """

    entry: Entry
    engine: str
    seed: int
    time_limit: float
    minimize: str = ""
    levers_off: str = ""
    workers: int = 0
    memory_limit: float = 0.0

    def as_text(self) -> str:
        """The task as JSON."""
        return json.dumps(asdict(self) | {"entry": [self.entry.name, str(self.entry.path), self.entry.plugged]})

    @classmethod
    def of_text(cls, text: str) -> Task:
        """The task of :meth:`as_text`."""
        record: dict[str, Any] = json.loads(text)
        name, path, plugged = record.pop("entry")
        return cls(Entry(name, Path(path), plugged), **record)

    def request(self, instance: Instance) -> Request:
        """What is asked of the engine."""
        request = replace(
            instance.request, seed=self.seed, time_limit=self.time_limit, workers=self.workers, options={}
        )
        if self.minimize:
            request = replace(request, minimize=parse_minimize(self.minimize, request.policy))
        return replace(request, options={"without": self.levers_off}) if self.levers_off else request


def run_task(task: Task) -> Row:
    """Solve and say how it went; whatever goes wrong is in the row."""
    date = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    began = time.perf_counter()
    instance = task.entry.load()
    request = task.request(instance)
    row = blank_row(task, instance, request, date)
    result: Result | None = None
    try:
        solve = any_engine(task.engine)
        before, started = _cpu_seconds(), time.perf_counter()
        result = solve(instance.topology, request)
        row = replace(row, wall_seconds=time.perf_counter() - started, cpu_seconds=_cpu_seconds() - before)
    except RefusedError as error:
        row = replace(row, status="refused", failure=_line(error))
    except (Exception, MemoryError) as error:
        row = replace(row, status="failed", failure=f"{type(error).__name__}: {_line(error)}")
    if result is not None:
        row = with_result(row, result)
    return replace(row, peak_bytes=_peak_bytes(), process_seconds=time.perf_counter() - began)


def blank_row(task: Task, instance: Instance, request: Request, date: str) -> Row:
    """What is known of a row before anything is solved."""
    bars = [bar for _, bar in instance.topology.bars()]
    versions = {name: version_of(name) for name in ("barplan", "ortools")} | {"python": platform.python_version()}
    if task.engine in PEERS and task.engine.startswith("minizinc"):
        from benchmarks.peers.minizinc import version

        versions["minizinc"] = version()
    return Row(
        instance=instance.name,
        family=instance.family,
        bars=len(bars),
        new=sum(bar.address is None and not bar.optional and not bar.fixed for bar in bars),
        engine=task.engine,
        seed=task.seed,
        minimize=",".join(request.minimize),
        policy=str(request.policy),
        time_limit=task.time_limit,
        status="unknown",
        levers_off=task.levers_off,
        workers=task.workers,
        topology_sha256=topology_sha256(instance.topology),
        versions=versions,
        cpu=cpu_model(),
        cores=len(os.sched_getaffinity(0)),
        date=date,
    )


def with_result(row: Row, result: Result) -> Row:
    """The row with what an engine found."""
    plan = result.plan
    placed = plan.status in (Status.OPTIMAL, Status.FEASIBLE)
    return replace(
        row,
        status=str(plan.status),
        objectives=tuple(Objective(one.name, one.value, one.bound) for one in plan.objectives),
        measures=asdict(result.measures) if placed else {},
        verdict=("refused" if result.breaches else "legal") if placed else "no plan",
        breaches=tuple(str(breach) for breach in result.breaches) if placed else (),
        plan_sha256=_sha256(dump_plan(plan)) if placed else "",
    )


def _sha256(text: str) -> str:
    import hashlib

    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:500]


def _cpu_seconds() -> float:
    """Processor time of this process and of those it started and waited for."""
    usages = (resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def _peak_bytes() -> int:
    """Largest resident memory; what getrusage says of this process may be that of the one that started it."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    status = Path("/proc/self/status")
    for line in status.read_text().splitlines() if status.is_file() else ():
        if line.startswith("VmHWM:"):
            return max(int(line.split()[1]) * 1024, children)
    return max(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024, children)


def cpu_model(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    """The processor's name, where the system tells."""
    fields: Mapping[str, str] = {}
    if cpuinfo.is_file():
        pairs = (line.partition(":") for line in cpuinfo.read_text(errors="replace").splitlines())
        fields = {name.strip(): value.strip() for name, _, value in pairs}
    return fields.get("model name") or platform.processor() or platform.machine()


def main() -> int:
    """Read a task, print its row."""
    task = Task.of_text(sys.stdin.read())
    if task.memory_limit:
        limit = int(task.memory_limit * (1 << 30))
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    try:
        row = run_task(task)
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    print(row.as_line())
    return 0


if __name__ == "__main__":
    sys.exit(main())
