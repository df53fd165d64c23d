"""What users ask of each real machine, and how long the proof takes: why does it not fit, whose drivers are in the way.

``explain`` is asked under the default policy, ``on-demand`` for the fewest drivers and then the fewest moves.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING

import click

from solver.cli.output import Exit, progress, write_document

if TYPE_CHECKING:
    from models.topology import Topology

QUESTIONS = ("explain", "on-demand")

_FEWEST_DRIVERS = ("unplaced", "prepared_drivers", "moved_bars")


@dataclass(frozen=True, slots=True)
class Row:
    """One question to one machine.

    Attributes
    ----------
    answer
        What came out, in a word or two.
    proved
        The verdict, every conflict and every number has its proof, and nothing was left out for want of time.
    refused
        The checker refuses the plan.
    seconds, cpu_seconds
        From the topology to the answer, by the clock and of all threads.
    """

    machine: str
    question: str
    answer: str
    proved: bool
    refused: bool = False
    seconds: float = field(default=0.0, compare=False)
    cpu_seconds: float = field(default=0.0, compare=False)

    @property
    def good(self) -> bool:
        return self.proved and not self.refused


def question_rows(
    folder: Path,
    only: str,
    seconds: float,
    report: Callable[[str], None] | None = None,
    device: str | None = None,
) -> Iterator[Row]:
    """A row for each question to each machine of a corpus that can be read.

    Parameters
    ----------
    device
        What is plugged into the last free port of each machine first; those that cannot take it are left out.

    Raises
    ------
    InputError
        If the folder is none, or there is no such device.
    """
    from benchmarks.corpus import machines, name_of
    from benchmarks.instances import free_ports
    from models.edit import plug
    from models.errors import InputError
    from models.sources.machine import read_machine
    from models.topology import RootBus, Topology

    if device is not None:
        plug(Topology((RootBus(0, 0),)), f"{device}@0000:00")  # refused here if there is no such device
    for path in machines(folder):
        name = name_of(path, folder)
        if not fnmatch(name, only):
            continue
        try:
            topology = read_machine([path]).topology
        except InputError:
            continue  # other forms of input
        if device is not None:
            ports = free_ports(topology)
            if not ports:
                continue
            try:
                topology = plug(topology, f"{device}@{ports[-1]}")
            except InputError:
                continue  # no device or bus numbers are left there
            name += f"+{device}@{ports[-1]}"
        for question in QUESTIONS:
            if report is not None:
                report(f"{name}: {question}")
            started, used = time.perf_counter(), time.process_time()
            answer, proved, refused = _ask(topology, question, seconds)
            took, cpu = time.perf_counter() - started, time.process_time() - used
            yield Row(name, question, answer, proved, refused, took, cpu)


def _ask(topology: Topology, question: str, seconds: float) -> tuple[str, bool, bool]:
    return _explain(topology, seconds) if question == "explain" else _on_demand(topology, seconds)


def _explain(topology: Topology, seconds: float) -> tuple[str, bool, bool]:
    from solver.explanation.explaining import explain
    from solver.explanation.findings import Verdict
    from solver.request import Request

    found = explain(topology, Request(time_limit=seconds))
    complete = not found.out_of_time and found.verdict is not Verdict.UNPROVED
    complete = complete and all(
        part.explained and all(conflict.minimal for conflict in part.conflicts) for part in found.parts
    )
    conflicts = sum(len(part.conflicts) for part in found.parts)
    ways = sum(len(part.ways) for part in found.parts)
    words = f"{found.verdict.value}".replace("-", " ")
    return f"{words}; conflicts {conflicts}, ways out {ways}" if found.parts else words, complete, False


def _on_demand(topology: Topology, seconds: float) -> tuple[str, bool, bool]:
    from models.mobility import Policy
    from models.plan import Status
    from solver.cpsat.engine import solve
    from solver.request import Request

    result = solve(topology, Request(policy=Policy.ON_DEMAND, minimize=_FEWEST_DRIVERS, time_limit=seconds))
    values = ", ".join(f"{one.name} {one.value}" for one in result.plan.objectives if one.value is not None)
    proved = result.plan.status in (Status.OPTIMAL, Status.INFEASIBLE)
    return f"{result.plan.status}: {values}" if values else str(result.plan.status), proved, bool(result.breaches)


def totals(rows: Sequence[Row], seconds: float) -> list[str]:
    """One line for each question."""
    lines = []
    for question in QUESTIONS:
        mine = [row for row in rows if row.question == question]
        proved = sum(row.proved and row.seconds <= seconds for row in mine)
        slowest = max(mine, key=lambda row: row.seconds, default=None)
        worst = f"; slowest {slowest.machine}, {slowest.seconds:.2f} s" if slowest else ""
        lines.append(f"{question}: proved within {seconds:g} s: {proved} of {len(mine)}{worst}")
    return [*lines, f"plans refused by the checker: {sum(row.refused for row in rows)} (must be 0)"]


def as_csv(rows: Sequence[Row]) -> str:
    """All rows, with the seconds."""
    import csv
    from io import StringIO

    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("machine", "question", "answer", "proved", "refused", "seconds", "cpu_seconds"))
    for row in rows:
        seconds = (f"{row.seconds:.3f}", f"{row.cpu_seconds:.3f}")
        writer.writerow((row.machine, row.question, row.answer, row.proved, row.refused, *seconds))
    return text.getvalue()


@click.command()
@click.option("--corpus", "folder", type=click.Path(path_type=Path), help="Where the machines are.", metavar="DIR")
@click.option("--only", default="*", help="Only machines whose names match, for instance 'laptop/*'.", metavar="GLOB")
@click.option(
    "--time-limit",
    type=click.FloatRange(min=0),
    default=30.0,
    show_default=True,
    help="Seconds per question.",
    metavar="S",
)
@click.option(
    "--plug",
    "device",
    help="Plug this into the last free port of each machine first, for instance gpu-80g; a machine that cannot "
    "take it is left out.",
    metavar="DEVICE",
)
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write a .csv file.", metavar="FILE")
@click.pass_context
def questions(
    ctx: click.Context, folder: Path | None, only: str, time_limit: float, device: str | None, output: Path | None
) -> None:
    """Ask each machine of a corpus: why does it not fit (explain), and which drivers have to be prepared (on-demand).

    Exit code 1 says that an answer has no proof, or that the checker refuses a plan.

    \b
    Example:
      python -m benchmarks questions --only 'laptop/*' -o questions.csv
      python -m benchmarks questions --plug gpu-80g
    """
    from benchmarks.__main__ import CORPUS

    rows = []
    with progress("questions") as report:
        for row in question_rows(folder or CORPUS, only, time_limit, report, device):
            rows.append(row)
            note = "" if row.good else "NOT PROVED " if not row.refused else "REFUSED "
            click.echo(f"{row.seconds:7.2f} s  {row.machine}: {row.question}: {note}{row.answer}", err=True)
    if output is not None:
        write_document(as_csv(rows), str(output))
    print("\n".join(totals(rows, time_limit)))
    ctx.exit(int(Exit.DONE if rows and all(row.good for row in rows) else Exit.FAILURE))
