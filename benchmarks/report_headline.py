"""The headline table: family by family, how often a proof is found, and how often a greedy one needs none.

The table in the README is made of the committed :data:`SUMMARY` alone, and a test holds one against the other.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.report_statistics import shifted_geometric_mean
from benchmarks.report_tables import (
    EXACT,
    SHIFT,
    Record,
    as_good,
    case_of,
    fails,
    main_rows,
    optima,
    records,
    seconds_of,
)
from models.errors import InputError
from solver.frames import COUNT, NAME, Column, typed_frame

if TYPE_CHECKING:
    from pandas import DataFrame

SUMMARY = Path(__file__).resolve().parent / "results" / "headline.csv"
"""The committed numbers."""

BEGIN, END = "<!-- headline -->", "<!-- /headline -->"
"""Between these lines of the README stands the table."""

COMMAND = "python -m benchmarks report RESULTS -o DIR --readme README.md"

GREEDIES = ("linux-7", "movable-bars")
OTHER = "textbook"

HEADLINE = (
    Column("family", NAME, "family of the instances"),
    Column("instances", COUNT, "instances that cp-sat was asked for"),
    Column("bars", COUNT, "BARs of the largest of them"),
    Column("proved", COUNT, "instances that it solved with proof, for every seed"),
    Column("seconds", "Float64", "shifted geometric mean of its time, shift 1 s"),
    *(
        column
        for name in GREEDIES
        for column in (
            Column(f"{name} compared", COUNT, f"instances with a proved optimum that {name} was asked for"),
            Column(f"{name} optimal", COUNT, "on which its plan is as good, windows that change left aside"),
            Column(f"{name} possible", COUNT, "on which everything that needs an address can have one"),
            Column(f"{name} fails", COUNT, "of these, on which it leaves or loses a BAR, or breaks a rule"),
        )
    ),
    Column(f"{OTHER} asked", COUNT, "instances that the textbook model was asked for"),
    Column(f"{OTHER} proved", COUNT, "instances that it solved with proof, for every seed"),
    Column(f"{OTHER} seconds", "Float64", "shifted geometric mean of its time; a limit for what is not solved"),
    Column("measured", "string", "when, on what, with which OR-Tools and time limit: of the rows of cp-sat"),
)


def headline(frame: DataFrame) -> DataFrame:
    """One row for each family, with the columns :data:`HEADLINE`."""
    rows = records(main_rows(frame))
    best = optima(frame)
    out = []
    for family in sorted({str(row["family"]) for row in rows}):
        here = [row for row in rows if row["family"] == family]
        exact = [row for row in here if row["engine"] == EXACT]
        if not exact:
            continue
        cells: list[object] = [family, *_proofs(exact)]
        cells.insert(2, max(int(row["bars"]) for row in exact))
        for name in GREEDIES:
            cells += _greedy([row for row in here if row["engine"] == name], best)
        other = [row for row in here if row["engine"] == OTHER]
        cells += _proofs(other) if other else [0, 0, None]
        cells.append(_measured(exact))
        out.append(tuple(cells))
    return typed_frame(HEADLINE, out)


def _proofs(rows: list[Record]) -> list[object]:
    """Instances, those solved for every seed, and the mean time."""
    cases = {case_of(row) for row in rows}
    open_ = {case_of(row) for row in rows if not row["proved"]}
    return [len(cases), len(cases - open_), shifted_geometric_mean([seconds_of(row) for row in rows], SHIFT)]


def _measured(rows: list[Record]) -> str:
    dates = sorted({str(row["date"])[:10] for row in rows})
    machines = sorted({f"{row['cores']} cores of {row['cpu']}" for row in rows})
    versions = sorted({str(row["ortools"]) for row in rows})
    limits = sorted({float(row["time_limit"]) for row in rows})
    return ", ".join(
        (
            " to ".join(dict.fromkeys((dates[0], dates[-1]))),
            " or ".join(machines),
            f"OR-Tools {' or '.join(versions)}",
            f"limit {' or '.join(f'{limit:g} s' for limit in limits)}",
        )
    )


def _greedy(rows: list[Record], best: dict[tuple[str, str, str], Record]) -> list[object]:
    pairs = {case_of(row): (row, best[case_of(row)]) for row in rows if case_of(row) in best}
    possible = [(row, top) for row, top in pairs.values() if top["unplaced"] == 0]
    optimal = sum(as_good(row, top) for row, top in pairs.values())
    return [len(pairs), optimal, len(possible), sum(fails(row, top) for row, top in possible)]


CAPTION = f"""
*proved*: solved with proof; *optimal*: as good as a proved optimum, windows that change left aside; *fails*: leaves or
loses a BAR though everything fits; -: not run, or nothing to compare. *{OTHER} model*: one CP-SAT model of the whole
machine, as one writes it first. Machines are generated and tight on purpose, but for those of `corpus`, which are real
ones that are not in this repository ([benchmarks/README.md](benchmarks/README.md)). Mean times are shifted geometric
means (1 s), a limit where there is no proof; where the {OTHER} model was asked for fewer instances, the two means are
not of the same.
Made by `{COMMAND}` out of the rows of
`python -m benchmarks run -o RESULTS`.
"""


def headline_text(summary: DataFrame) -> str:
    """The table of the README with its caption, from a frame as :func:`headline` makes it or a CSV file of one."""
    head = ["family", "instances", "cp-sat: proved", "mean time"]
    for name in GREEDIES:
        head += [f"{name}: optimal", "fails though all fits"]
    head += [f"{OTHER} model: proved", "mean time"]
    lines = [_line(head), _line(["---", *["---:"] * (len(head) - 1)])]
    for row in records(summary):
        cells = [f"{row['family']}, up to {row['bars']} BARs", str(row["instances"])]
        cells += [f"{row['proved']} of {row['instances']}", _seconds(row["seconds"])]
        for name in GREEDIES:
            cells += [_of(row, f"{name} optimal", f"{name} compared"), _of(row, f"{name} fails", f"{name} possible")]
        cells += [_of(row, f"{OTHER} proved", f"{OTHER} asked"), _seconds(row[f"{OTHER} seconds"])]
        lines.append(_line(cells))
    return "\n".join(lines) + "\n" + CAPTION + _origin(records(summary))


def _origin(rows: list[Record]) -> str:
    """Where the figures are from, in a sentence; what most families share comes first and without their names."""
    families = Counter(str(row["measured"]) for row in rows)
    (most, _), *others = families.most_common()
    parts = [most, *(f"{', '.join(_with(rows, origin))}: {origin}" for origin, _ in others)]
    return f"Measured {'; '.join(parts)}.\n"


def _with(rows: list[Record], origin: str) -> list[str]:
    return [str(row["family"]) for row in rows if str(row["measured"]) == origin]


def _of(row: Record, part: str, whole: str) -> str:
    return f"{row[part]} of {row[whole]}" if row[whole] else "-"


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f} s"


def _line(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def between(text: str) -> str:
    """What stands between the two marks.

    Raises
    ------
    ValueError
        If they are not there once, in this order.
    """
    head, begin, rest = text.partition(f"{BEGIN}\n")
    inner, end, tail = rest.partition(END)
    if not begin or not end or BEGIN in rest or END in head + tail:
        raise ValueError(f"expected {BEGIN} and {END}, once each, on lines of their own")
    return inner


def insert(readme: Path, summary: DataFrame) -> None:
    """Put the table between the marks of the README.

    Raises
    ------
    InputError
        If the marks are not there.
    """
    text = readme.read_text(encoding="utf-8")
    try:
        old = between(text)
    except ValueError as error:
        raise InputError(str(error), source=str(readme)) from None
    readme.write_text(text.replace(f"{BEGIN}\n{old}{END}", f"{BEGIN}\n{headline_text(summary)}{END}"), encoding="utf-8")
