"""``bks.json``: the best plan and the best bound known of each instance, and what contradicts them.

Objectives are lexicographic, so values are compared as lists. A bound of one objective holds with all before it at
their proved values: a lower bound is a list that ends at the first objective that is not proved, and a plan whose
values begin with something smaller contradicts it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.rows import Row
from models.errors import InputError

BKS = Path(__file__).resolve().parent / "bks.json"
FORMAT = "barplan-bks/1"


@dataclass(frozen=True, slots=True)
class Source:
    """Where a plan or a bound comes from.

    Attributes
    ----------
    values
        In the order of the objectives; of a bound as far as it goes.
    plan_sha256, verdict
        Of the plan document, and what the checker says of it; empty for a bound.
    """

    values: tuple[int, ...]
    solver: str
    date: str
    seconds: float | None
    versions: dict[str, str] = field(default_factory=dict)
    plan_sha256: str = ""
    verdict: str = ""


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of one instance.

    Attributes
    ----------
    upper, lower
        The best plan, and the best bound.
    infeasible
        Who proved that there is no legal placement at all.
    """

    topology_sha256: str
    policy: str
    minimize: tuple[str, ...]
    upper: Source | None = None
    lower: Source | None = None
    infeasible: Source | None = None

    @property
    def closed(self) -> bool:
        """Nothing is open."""
        if self.infeasible is not None:
            return True
        return self.upper is not None and self.lower is not None and self.upper.values == self.lower.values


Table = dict[str, Known]
"""What is known by instance and objectives: ``rack/moves-500 unplaced,moved_bars,windows_changed``."""


def name_of(row: Row) -> str:
    """The row's key in the table."""
    return f"{row.instance} {row.minimize}"


def upper_of(row: Row) -> tuple[int, ...] | None:
    """The values of a legal plan."""
    values = [one.value for one in row.objectives]
    if row.verdict != "legal" or any(value is None for value in values):
        return None
    return tuple(value for value in values if value is not None)


def lower_of(row: Row) -> tuple[int, ...]:
    """Proved bounds, up to the first objective that is open; empty where there is none."""
    bounds: list[int] = []
    for one in row.objectives:
        if one.bound is None:
            break
        bounds.append(one.bound)
        if one.bound != one.value:
            break
    return tuple(bounds)


def contradictions(row: Row, known: Known) -> Iterator[str]:
    """In what a row and what is known cannot both be true, one line each."""
    where = f"{row.instance} {row.engine} seed {row.seed}"
    if row.topology_sha256 != known.topology_sha256:
        yield f"{where}: the machine is another one than that of the best known values"
        return
    if row.policy != known.policy:
        return
    upper, lower = upper_of(row), lower_of(row)
    if row.status == "infeasible" and known.upper is not None:
        yield f"{where}: infeasible, although {known.upper.solver} has a plan: {_listed(known, known.upper.values)}"
    if upper is not None and known.infeasible is not None:
        yield f"{where}: a legal plan, although {known.infeasible.solver} proved that there is none"
    if upper is not None and known.lower is not None and upper[: len(known.lower.values)] < known.lower.values:
        bound = _listed(known, known.lower.values)
        yield f"{where}: {_listed(known, upper)} is below the bound that {known.lower.solver} proved: {bound}"
    if known.upper is not None and lower > known.upper.values[: len(lower)]:
        value = _listed(known, known.upper.values)
        yield f"{where}: the bound {_listed(known, lower)} is above the plan of {known.upper.solver}: {value}"


def better_plan(row: Row, known: Known) -> str:
    """How a row's plan is better than the best known; empty where it is not."""
    upper = upper_of(row)
    if upper is None or known.upper is None or upper >= known.upper.values or row.policy != known.policy:
        return ""
    before = _listed(known, known.upper.values)
    return f"{row.instance} {row.engine} seed {row.seed}: {_listed(known, upper)} beats {known.upper.solver}: {before}"


def improved(row: Row, known: Known | None) -> Known:
    """What is known after a row that contradicts nothing."""
    if known is None:
        known = Known(row.topology_sha256, row.policy, tuple(row.minimize.split(",")))
    upper, lower, infeasible = known.upper, known.lower, known.infeasible
    values, bounds = upper_of(row), lower_of(row)
    if values is not None and (upper is None or values < upper.values):
        upper = _source(row, values, plan=True)
    if bounds and (lower is None or bounds > lower.values):
        lower = _source(row, bounds)
    if row.status == "infeasible" and infeasible is None:
        infeasible = _source(row, ())
    return Known(known.topology_sha256, known.policy, known.minimize, upper, lower, infeasible)


def _source(row: Row, values: tuple[int, ...], *, plan: bool = False) -> Source:
    solver = row.engine + (f" without {row.levers_off}" if row.levers_off else "")
    seconds = None if row.wall_seconds is None else round(row.wall_seconds, 2)
    certificate = (row.plan_sha256, row.verdict) if plan else ("", "")
    return Source(values, solver, row.date, seconds, dict(row.versions), *certificate)


def _listed(known: Known, values: tuple[int, ...]) -> str:
    return ", ".join(f"{name} {value}" for name, value in zip(known.minimize, values, strict=False))


@dataclass(slots=True)
class Review:
    """What rows say about a table.

    Attributes
    ----------
    wrong
        Contradictions.
    beaten
        Plans that are better than the best known.
    table
        With everything taken over that contradicts nothing.
    """

    table: Table
    wrong: list[str] = field(default_factory=list)
    beaten: list[str] = field(default_factory=list)

    def take(self, row: Row) -> list[str]:
        """Compare a row and take over what is better; the new lines of ``wrong`` and ``beaten``."""
        known = self.table.get(name_of(row))
        wrong = [] if known is None else list(contradictions(row, known))
        better = "" if known is None or wrong else better_plan(row, known)
        self.wrong += wrong
        self.beaten += [better] * bool(better)
        if not wrong and row.verdict != "refused" and row.status not in ("failed", "killed", "refused", "unknown"):
            self.table[name_of(row)] = improved(row, known)
        return [*wrong, *([better] if better else [])]


def review(rows: Iterable[Row], table: Table) -> Review:
    """Compare rows with a table, which is left as it is."""
    found = Review(dict(table))
    for row in rows:
        found.take(row)
    return found


def read_table(path: Path = BKS) -> Table:
    """The table of a file; empty where there is no file.

    Raises
    ------
    InputError
        If the file is no such table.
    """
    if not path.is_file():
        return {}
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        if document["format"] != FORMAT:
            raise InputError(f"expected {FORMAT}, found {document['format']!r}", source=str(path), where="format")
        return {name: _known(record) for name, record in document["instances"].items()}
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"no table of best known values: {error!r}", source=str(path)) from None


def _known(record: dict[str, Any]) -> Known:
    sources = {name: _read_source(record.get(name)) for name in ("upper", "lower", "infeasible")}
    return Known(record["topology_sha256"], record["policy"], tuple(record["minimize"]), **sources)


def _read_source(record: dict[str, Any] | None) -> Source | None:
    return None if record is None else Source(**{**record, "values": tuple(record["values"])})


def write_table(table: Table, path: Path = BKS) -> None:
    """Write a table, sorted, with one plan or bound on a line."""
    lines = []
    for name in sorted(table):
        entries = [f"      {json.dumps(key)}: {json.dumps(value)}" for key, value in _record(table[name]).items()]
        lines.append(f"    {json.dumps(name)}: {{\n" + ",\n".join(entries) + "\n    }")
    text = "{\n" + f'  "format": "{FORMAT}",\n  "instances": {{\n' + ",\n".join(lines) + "\n  }\n}\n"
    path.write_text(text, encoding="utf-8")


def _record(known: Known) -> dict[str, Any]:
    record: dict[str, Any] = {
        "topology_sha256": known.topology_sha256,
        "policy": known.policy,
        "minimize": list(known.minimize),
        "status": "closed" if known.closed else "open",
    }
    for name in ("upper", "lower", "infeasible"):
        source: Source | None = getattr(known, name)
        if source is not None:
            fields = {key: getattr(source, key) for key in ("values", "solver", "date", "seconds", "versions")}
            if source.plan_sha256:
                fields |= {"plan_sha256": source.plan_sha256, "verdict": source.verdict}
            record[name] = fields
    return record
