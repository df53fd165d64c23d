"""Rows of results: one for each instance, engine, seed, time limit and set of levers; on disk as JSON, one a line.

A row is the whole truth about one solve: a report reads rows and nothing else. Fields are added at the end and never
change their meaning; a row without a field has its default.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from models.errors import InputError
from solver.frames import BYTES, COUNT, NAME, Column, typed_frame

if TYPE_CHECKING:
    from pandas import DataFrame

SHOWN = ("unplaced", "moved_bars", "windows_changed", "wasted_bytes")
"""Objectives with a column and a column of the bound in the frame."""

PROVED = ("optimal", "infeasible")
"""Statuses that leave nothing open."""


class Objective(NamedTuple):
    """Value and proved lower bound of one objective; ``None`` = there is none."""

    name: str
    value: int | None
    bound: int | None


@dataclass(frozen=True, slots=True)
class Row:
    """One solve.

    Attributes
    ----------
    instance, family
        Which instance; ``corpus`` is the family of real machines.
    bars, new
        BARs of the machine, and those of them that have no address and need one.
    engine
        Name of an engine of barplan, or of a peer (:mod:`benchmarks.peers`).
    seed
        Random seed of the solver.
    minimize
        Objectives in their order, separated by commas.
    levers_off
        Levers of ``cp-sat`` that were switched off, sorted and separated by commas; empty = none.
    time_limit
        Seconds of wall time that the engine was given.
    workers
        Threads of the solver; 0 = one per core.
    status
        ``optimal``, ``feasible``, ``infeasible``, ``unknown`` (no plan in time), ``failed`` (an error, see
        ``failure``), ``killed`` (it had not stopped long after its limit) or ``refused`` (the engine does not take
        such an instance, see ``failure``).
    objectives
        In their order; without a plan no values, maybe bounds.
    measures
        What the plan is worth, as the checker's side measures it (:class:`models.placement.Measures`); empty without
        a plan.
    wall_seconds, cpu_seconds
        Of the engine's call alone, with processes it started; reading the instance and start-up are not in it.
    process_seconds
        Wall time of the whole process.
    peak_bytes
        Largest resident memory of the process or of one it started.
    verdict
        ``legal``, ``refused`` (see ``breaches``), or ``no plan``.
    breaches
        Rules that the plan breaks and today's placement does not.
    topology_sha256, plan_sha256
        Of the canonical topology document, and of the plan document.
    versions
        Of barplan, python, ortools and, where it was used, minizinc.
    date
        When it began, UTC, ``2026-11-22T21:00:00Z``.
    """

    instance: str
    family: str
    bars: int
    new: int
    engine: str
    seed: int
    minimize: str
    policy: str
    time_limit: float
    status: str
    levers_off: str = ""
    workers: int = 0
    objectives: tuple[Objective, ...] = ()
    measures: dict[str, int] = field(default_factory=dict)
    wall_seconds: float | None = None
    cpu_seconds: float | None = None
    process_seconds: float | None = None
    peak_bytes: int | None = None
    verdict: str = "no plan"
    breaches: tuple[str, ...] = ()
    failure: str = ""
    topology_sha256: str = ""
    plan_sha256: str = ""
    versions: dict[str, str] = field(default_factory=dict)
    cpu: str = ""
    cores: int = 0
    date: str = ""

    @property
    def key(self) -> tuple[str, ...]:
        """What is run once: a row with this key is not run again."""
        numbers = (str(self.seed), f"{self.time_limit:g}", str(self.workers))
        return (self.instance, self.engine, self.minimize, self.policy, self.levers_off, *numbers)

    @property
    def proved(self) -> bool:
        """Nothing is open: every bound is the value, or there is no placement at all."""
        return self.status in PROVED and self.verdict != "refused"

    @property
    def does_not_fit(self) -> bool:
        """Proved: not everything that needs an address can have one."""
        first = self.objectives[0] if self.objectives else None
        short = first is not None and first.name == "unplaced" and (first.bound or 0) > 0
        return self.status == "infeasible" or short

    @property
    def open(self) -> Objective | None:
        """The first objective whose value is not proved."""
        return next((one for one in self.objectives if one.value is None or one.value != one.bound), None)

    @property
    def gap(self) -> float | None:
        """Proved gap of the first open objective, (value - bound) / max(value, 1); 0 = all proved, ``None`` = no plan.

        An objective without a bound has none of a lower bound than 0, which no objective undercuts.
        """
        if self.status not in ("optimal", "feasible") or self.verdict != "legal":
            return None
        one = self.open
        if one is None or one.value is None:
            return 0.0
        return (one.value - (one.bound or 0)) / max(one.value, 1)

    def as_line(self) -> str:
        """The row as one line of JSON, without the newline."""
        return json.dumps(asdict(self), ensure_ascii=False, separators=(",", ":"))


_FIELDS = frozenset(one.name for one in fields(Row))


def row_of(record: dict[str, Any]) -> Row:
    """The row of a JSON object; keys that are not known are ignored.

    Raises
    ------
    TypeError
        If a field without a default is missing.
    """
    known = {name: value for name, value in record.items() if name in _FIELDS}
    known["objectives"] = tuple(Objective(*one) for one in known.get("objectives", ()))
    known["breaches"] = tuple(known.get("breaches", ()))
    return Row(**known)


def read_rows(folder: Path) -> Iterator[Row]:
    """Every row of the ``*.jsonl`` files of a folder, sorted by file name; a last line that was cut off is left out.

    Raises
    ------
    InputError
        If a line is no row.
    """
    for path in sorted(folder.glob("*.jsonl")):
        text = path.read_text(encoding="utf-8")
        for number, line in enumerate(text.split("\n"), 1):
            if not line:
                continue
            try:
                yield row_of(json.loads(line))
            except (ValueError, TypeError, AttributeError) as error:
                if number > text.count("\n"):  # the process was stopped while it wrote
                    continue
                raise InputError(f"no row of results: {error}", source=str(path), where=f"line {number}") from None


def append_row(path: Path, row: Row) -> None:
    """Write a row to the end of a file, so that it is there even if the machine stops right after.

    What an earlier run was stopped in the middle of is taken away.
    """
    with path.open("ab+") as stream:
        length = stream.seek(0, os.SEEK_END)
        if length:
            stream.seek(0)
            whole = stream.read().rfind(b"\n") + 1
            if whole < length:
                stream.truncate(whole)
        stream.write(row.as_line().encode("utf-8") + b"\n")
        stream.flush()
        os.fsync(stream.fileno())


COLUMNS = (
    Column("instance", NAME, "name of the instance, family/name"),
    Column("family", NAME, "family of the instance; corpus: a real machine"),
    Column("bars", COUNT, "BARs of the machine"),
    Column("new", COUNT, "BARs that have no address and need one"),
    Column("engine", NAME, "engine of barplan, or peer"),
    Column("seed", COUNT, "random seed of the solver"),
    Column("minimize", NAME, "objectives in their order, separated by commas"),
    Column("policy", NAME, "what may move"),
    Column("levers_off", NAME, "levers of cp-sat that were switched off, separated by commas; empty: none"),
    Column("time_limit", "Float64", "seconds of wall time that the engine was given"),
    Column("workers", COUNT, "threads of the solver; 0: one per core"),
    Column("status", NAME, "optimal, feasible, infeasible, unknown, failed, killed or refused"),
    Column("verdict", NAME, "of the checker: legal, refused or no plan"),
    Column("proved", "boolean", "whether nothing is open: all values proved, or proved that there is no placement"),
    Column("does_not_fit", "boolean", "whether it is proved that not everything can have an address"),
    *(
        column
        for name in SHOWN
        for column in (
            Column(name, BYTES if name.endswith("bytes") else COUNT, f"{name} of the plan; missing without one"),
            Column(
                f"{name}_bound",
                BYTES if name.endswith("bytes") else COUNT,
                f"proved lower bound of {name}; missing without one",
            ),
        )
    ),
    Column("moved_functions", COUNT, "functions with a BAR whose address changes"),
    Column("lost_bars", COUNT, "BARs that had an address and have none"),
    Column("open", NAME, "first objective that is not proved; missing where all are"),
    Column("gap", "Float64", "(value - bound) / max(value, 1) of the open objective; 0: all proved; missing: no plan"),
    Column("wall_seconds", "Float64", "wall time of the engine's call"),
    Column("cpu_seconds", "Float64", "processor time of the engine's call, of all threads and processes"),
    Column("process_seconds", "Float64", "wall time of the whole process with start-up and reading"),
    Column("peak_bytes", BYTES, "largest resident memory of the process or of one it started"),
    Column("rules_broken", COUNT, "rules that the plan breaks and today's placement does not"),
    Column("failure", "string", "what went wrong; missing where nothing did"),
    Column("topology_sha256", "string", "of the canonical topology document"),
    Column("plan_sha256", "string", "of the plan document; missing without a plan"),
    Column("barplan", NAME, "version of barplan"),
    Column("ortools", NAME, "version of OR-Tools"),
    Column("python", NAME, "version of Python"),
    Column("minizinc", NAME, "version of MiniZinc; missing where it had no part"),
    Column("cpu", NAME, "model of the processor"),
    Column("cores", COUNT, "processors the process may use"),
    Column("date", "string", "when it began, UTC"),
)
"""One row for each solve."""


def frame(rows: Iterable[Row]) -> DataFrame:
    """The rows as a data frame with the columns :data:`COLUMNS`; :func:`solver.frames.describe` shows these."""
    records = [_record(row) for row in rows]
    return typed_frame(COLUMNS, [tuple(record.get(column.name) for column in COLUMNS) for record in records])


def _record(row: Row) -> dict[str, Any]:
    record = {column.name: getattr(row, column.name) for column in COLUMNS if column.name in _FIELDS}
    record |= {"proved": row.proved, "does_not_fit": row.does_not_fit, "gap": row.gap}
    record["open"] = None if row.proved or row.open is None else row.open.name
    record |= {name: row.measures.get(name) for name in (*SHOWN, "moved_functions", "lost_bars")}
    bounds = {one.name: one.bound for one in row.objectives}
    record |= {f"{name}_bound": bounds.get(name) for name in SHOWN}
    record |= {name: row.versions.get(name) for name in ("barplan", "ortools", "python", "minizinc")}
    record["rules_broken"] = len(row.breaches)
    for name in ("failure", "plan_sha256"):
        record[name] = record[name] or None
    return record
