"""What barplan says of the machines whose kernel failed to place memory: fits, fits after preparing drivers, or never.

The table is made of facts about the machines; how long it took is told beside it and not written.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING

import click

from solver.cli.output import Exit, progress, write_document
from solver.render.words import count

if TYPE_CHECKING:
    from models.sources.machine import Reading
    from models.topology import BarKey, Topology
    from solver.explanation.findings import Part
    from solver.request import Request
    from solver.result import Result

TABLE = Path(__file__).with_name("verdicts.md")
"""The committed table."""

_FOLDER = "alloc-failure/"
"""Machines that are judged whatever their logs say."""


@dataclass(frozen=True, slots=True)
class Row:
    """One machine with what is asked of it.

    Attributes
    ----------
    asked
        Which BARs have to get an address: those that always need one, and of those that do not, which the kernel tried.
    failed
        Memory BARs and windows that the kernel failed to place at some time, by kind.
    open
        BARs asked for that have no address in the end.
    windows
        Whether the input tells the root windows.
    proved
        Every number has its proof, and so has a verdict that something does not fit.
    broken
        Rules that the plan breaks; none, or the row is worth nothing.
    """

    machine: str
    asked: str
    failed: str
    open: int
    verdict: str
    why: str
    windows: str
    proved: bool
    broken: int
    seconds: float = field(compare=False)
    cpu_seconds: float = field(compare=False)

    @property
    def good(self) -> bool:
        return self.proved and not self.broken

    @property
    def cells(self) -> tuple[str, ...]:
        """What stands in the table."""
        checked = "proved, checked" if self.good else "NOT PROVED" if not self.broken else "REFUSED BY THE CHECKER"
        return self.machine, self.asked, self.failed, str(self.open), self.verdict, self.why, checked, self.windows


HEAD = ("machine", "to be placed", "failed in the log", "open", "verdict", "how, or why not", "", "root windows")


def verdict_rows(folder: Path, only: str, seconds: float, report: Callable[[str], None] | None = None) -> Iterator[Row]:
    """One row or more for each machine of a corpus that is to be judged.

    Raises
    ------
    InputError
        If the folder is none, or holds no machine of that name.
    """
    from benchmarks.corpus import machines, name_of
    from models.errors import InputError
    from models.sources.machine import read_machine

    for path in machines(folder, "*"):
        name = name_of(path, folder)
        if not fnmatch(name, only):
            continue
        try:
            reading = read_machine([path])
        except InputError:
            continue  # other forms of input are no kernel logs
        failed = failures(reading)
        if failed or name.startswith(_FOLDER):
            if report is not None:
                report(name)
            yield from _rows(name, reading, failed, seconds)


def failures(reading: Reading) -> set[tuple[str, int | str]]:
    """The memory BARs and windows that the kernel could not place: function, and index or kind of window."""
    return {
        (failure.function, failure.index)
        for failure in reading.failures
        if failure.space == "mem" and "claim" not in failure.what
    }


def _rows(name: str, reading: Reading, failed: set[tuple[str, int | str]], seconds: float) -> Iterator[Row]:
    kinds = Counter(_kind(index) for _, index in failed)
    words = ", ".join(count(kinds[kind], kind) for kind in ("BAR", "VF BAR", "ROM", "window") if kinds[kind]) or "none"
    known = _root_windows(reading)
    topology, asked = reading.topology, "BARs"
    wanted = [key for key, bar in topology.bars() if bar.optional and bar.address is None and not bar.fixed]
    yield _judged(name, asked, words, topology, known, seconds)
    for kind in ("VF BAR", "ROM"):
        more = {key for key in wanted if _kind(key.index) == kind and (key.function, key.index) in failed}
        if more:
            topology, asked = required(topology, more), f"{asked}, {kind}s"
            yield _judged(name, asked, words, topology, known, seconds)


def _root_windows(reading: Reading) -> str:
    """Whether the input tells the root windows of memory."""
    if any(note.startswith("root windows of") for note in reading.notes):
        return "estimated"
    windows = [window for root in reading.topology.root_buses for window in root.windows]
    return "told" if any(window.space == "mem" for window in windows) else "none"


def _kind(index: int | str) -> str:
    if isinstance(index, int):
        return "BAR"
    return "ROM" if index == "rom" else "VF BAR" if index.startswith("vf") else "window"


def required(topology: Topology, keys: set[BarKey]) -> Topology:
    """The machine in which these BARs need an address."""
    from models.topology import BarKey, Function

    def change(function: Function) -> Function:
        bars = tuple(
            replace(bar, optional=bar.optional and BarKey(function.address, bar.index) not in keys)
            for bar in function.bars
        )
        return function if bars == function.bars else replace(function, bars=bars)

    return topology.map_functions(change)


def _judged(name: str, asked: str, failed: str, topology: Topology, known: str, seconds: float) -> Row:
    started, cpu = time.perf_counter(), time.process_time()
    verdict, why, proved, broken = judge(topology, seconds)
    taken = time.perf_counter() - started, time.process_time() - cpu
    bars = [bar for _, bar in topology.bars()]
    still_open = sum(bar.address is None and not (bar.optional or bar.fixed) for bar in bars)
    return Row(name, asked, failed, still_open, verdict, why, known, proved, broken, *taken)


def judge(topology: Topology, seconds: float) -> tuple[str, str, bool, int]:
    """The verdict, how or why, whether all of it is proved, and how many rules the plan breaks."""
    from models.mobility import Policy
    from models.plan import Status
    from solver.cpsat.engine import solve
    from solver.request import Request

    request = Request(
        policy=Policy.ON_DEMAND,
        minimize=("unplaced", "prepared_drivers", "moved_bars"),
        time_limit=seconds,
        workers=2,
    )
    result = solve(topology, request)
    broken = len(result.breaches)
    if result.plan.status is Status.UNKNOWN:
        return "open", "", False, broken
    if result.plan.status is Status.INFEASIBLE or result.plan.objectives[0].value:
        return _impossible(topology, request, result, broken)
    proved = result.plan.status is Status.OPTIMAL
    drivers = _prepared(topology, request, result)
    moves = result.measures.moved_bars
    how = f"{count(moves, 'BAR')} {'moves' if moves == 1 else 'move'}" if moves else "nothing moves"
    if drivers:
        return "fits after preparing drivers", f"{how}; prepare or unbind {'; '.join(drivers)}", proved, broken
    return "fits", how, proved, broken


def _prepared(topology: Topology, request: Request, result: Result) -> list[str]:
    """The drivers that have to be prepared or unbound, by name as far as it is known, each with its functions."""
    unprepared = request.mobility(topology).unprepared
    moved = {bar.key.function for bar in result.plan.bars if bar.moved and bar.key in unprepared}
    drivers: dict[str, list[str]] = {}
    for function, _ in topology.functions():
        if function.address in moved:
            drivers.setdefault(function.driver or "the unknown driver", []).append(function.address)
    return [f"{driver} of {', '.join(functions)}" for driver, functions in drivers.items()]


def _impossible(topology: Topology, request: Request, result: Result, broken: int) -> tuple[str, str, bool, int]:
    from solver.explanation.explaining import explain
    from solver.explanation.findings import Verdict

    explanation = explain(topology, request)
    why = " ".join(_why(part) for part in explanation.parts)
    proved = explanation.verdict is Verdict.DOES_NOT_FIT and all(
        part.explained and all(conflict.minimal for conflict in part.conflicts) for part in explanation.parts
    )
    if result.plan.objectives and result.plan.objectives[0].value is not None:
        unplaced = result.plan.objectives[0]
        proved = proved and unplaced.proved and sum(part.bound for part in explanation.parts) == unplaced.value
    return "impossible", why, proved, broken


def _why(part: Part) -> str:
    """What a part of the machine lacks, and the least that it would have to have."""
    from solver.explanation.findings import WayKind
    from solver.render.explanation import shortage_lines, way_text

    space = {"mem": "memory", "io": "I/O ports"}[part.space]
    lines = dict.fromkeys(line for conflict in part.conflicts for line in shortage_lines(conflict, part.space))
    text = f"Root bus {part.root}, {space}, {count(len(part.unplaced), 'BAR')} left out: {' '.join(lines)}"
    window = next((way for way in part.ways if way.kind is WayKind.WINDOW), None)
    if window is not None:
        text += f" Way out: {way_text(window, part.space)}."
    return text


def as_markdown(rows: Sequence[Row]) -> str:
    """The table, and what it adds up to."""
    lines = [
        "Machines whose kernel failed to place memory, and what is possible under policy `on-demand`.",
        "`python -m benchmarks verdicts -o benchmarks/verdicts.md` makes this table.",
        "*Fits*: every BAR asked for gets an address, with as few drivers prepared, and then as few moves, as can be.",
        "*Impossible*: no legal placement exists, whatever moves. *Open* are the BARs asked for that the kernel left",
        "without an address. Root windows are *estimated* where the input does not tell them all, and *none* where it",
        "tells none of memory; a verdict is as good as they are.",
        "",
        f"| {' | '.join(HEAD)} |",
        f"|{'---|' * len(HEAD)}",
    ]
    lines += [f"| {' | '.join(row.cells)} |" for row in rows]
    verdicts = Counter(row.verdict for row in rows)
    total = ", ".join(f"{number} {verdict}" for verdict, number in verdicts.most_common())
    bad = sum(not row.good for row in rows)
    machines = count(len({row.machine for row in rows}), "machine")
    lines += ["", f"{count(len(rows), 'row')} of {machines}: {total}; without proof: {bad}."]
    return "\n".join(lines) + "\n"


@click.command()
@click.option("--corpus", "folder", type=click.Path(path_type=Path), help="Where the machines are.", metavar="DIR")
@click.option("--only", default="*", help="Only machines whose names match, for instance 'arm64/*'.", metavar="GLOB")
@click.option(
    "--time-limit",
    type=click.FloatRange(min=0),
    default=30.0,
    show_default=True,
    help="Seconds per solve.",
    metavar="S",
)
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write the table to a file.", metavar="FILE")
@click.pass_context
def verdicts(ctx: click.Context, folder: Path | None, only: str, time_limit: float, output: Path | None) -> None:
    """Judge every machine whose kernel failed to place memory: does it fit, at what price, or why not.

    Exit code 1 says that a verdict is not proved or that the checker refuses a plan.
    """
    from benchmarks.__main__ import CORPUS

    rows = []
    with progress("verdicts") as report:
        for row in verdict_rows(folder or CORPUS, only, time_limit, report):
            rows.append(row)
            click.echo(f"{row.seconds:7.2f} s {row.cpu_seconds:7.2f} s CPU  {row.machine}: {row.verdict}", err=True)
    write_document(as_markdown(rows), str(output) if output else None)
    ctx.exit(int(Exit.DONE if all(row.good for row in rows) else Exit.FAILURE))
