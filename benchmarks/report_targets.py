"""The speed barplan is meant to reach, beside what the rows show: one line for each target."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from benchmarks.report_pairs import pair_table
from benchmarks.report_tables import EXACT, Record, is_greedy, main_rows, optima, records, scaling_table, short, told
from solver.frames import COUNT, Column, typed_frame

if TYPE_CHECKING:
    from pandas import DataFrame

TARGETS = (
    Column("work", "string", "what is to be done"),
    Column("reach", "string", "what was set as the goal"),
    Column("rows", COUNT, "solves that tell; 0: nothing was measured"),
    Column("found", "string", "what the rows show"),
    Column("reached", "boolean", "whether it is; missing: nothing was measured"),
)

GIB = 1 << 30


@dataclass(frozen=True, slots=True)
class Found:
    """What the rows say of a target."""

    rows: int
    text: str = "not measured"
    reached: bool | None = None


Judge = Callable[["DataFrame"], Found]


def target_table(frame: DataFrame) -> DataFrame:
    """One row for each target, in the order in which they were set."""
    rows: list[tuple[Any, ...]] = []
    for work, reach, judge in JUDGES:
        found = judge(frame)
        rows.append((work, reach, found.rows, found.text, found.reached))
    return typed_frame(TARGETS, rows)


def _exact(frame: DataFrame) -> list[Record]:
    return [row for row in records(main_rows(frame)) if row["engine"] == EXACT]


def _within(rows: Sequence[Record], seconds: float) -> Found:
    """Proof within so many seconds for every row."""
    if not rows:
        return Found(0)
    late = [row for row in rows if not row["proved"] or row["wall_seconds"] > seconds]
    longest = max(float(row["wall_seconds"] or row["time_limit"]) for row in rows)
    open_ = sum(not row["proved"] for row in rows)
    text = f"{len(rows) - len(late)} of {len(rows)} in time; longest {longest:.1f} s"
    return Found(len(rows), text + (f"; {open_} not proved" if open_ else ""), not late)


def _rack(goals: Sequence[str], bars: Sequence[int], seconds: Sequence[float]) -> list[tuple[int, float, Judge]]:
    def judge(size: int, limit: float) -> Judge:
        def found(frame: DataFrame) -> Found:
            # rack/GOAL-BARS or rack/GOAL-BARS-SEED
            names = [f"rack/{goal}-{size}" for goal in goals]
            rows = [
                row
                for row in _exact(frame)
                if any(row["instance"] == name or str(row["instance"]).startswith(f"{name}-") for name in names)
            ]
            return _within(rows, limit)

        return found

    return [(size, limit, judge(size, limit)) for size, limit in zip(bars, seconds, strict=True)]


def _denied(row: Record) -> bool:
    """Proved that not everything fits; as many as possible are placed in the rest of a run."""
    return bool(row["does_not_fit"])


def _least_waste(row: Record) -> bool:
    """Proved that no plan wastes less; the fewest moves for it are looked for in the rest of a run."""
    return bool(row["wasted_bytes_bound"] is not None and row["wasted_bytes"] == row["wasted_bytes_bound"])


def _soonest(
    goal: str, proved: Callable[[Record], bool], bars: Sequence[int], seconds: Sequence[float]
) -> list[tuple[int, float, Judge]]:
    """That much proved within so many seconds, by the run with the smallest time limit that has it."""

    def judge(size: int, limit: float) -> Judge:
        def found(frame: DataFrame) -> Found:
            name = f"rack/{goal}-{size}"
            rows = [
                row
                for row in records(frame)
                if row["engine"] == EXACT
                and not row["levers_off"]
                and (row["instance"] == name or str(row["instance"]).startswith(f"{name}-"))
            ]
            took: dict[str, list[float]] = {str(row["instance"]): [] for row in rows}
            for row in rows:
                if proved(row):
                    took[str(row["instance"])].append(float(row["wall_seconds"]))
            if not took:
                return Found(0)
            soonest = [min(times) for times in took.values() if times]
            in_time = sum(time <= limit for time in soonest)
            longest = f"; longest {max(soonest):.1f} s" if soonest else ""
            open_ = len(took) - len(soonest)
            text = f"{in_time} of {len(took)} in time{longest}" + (f"; {open_} not proved" if open_ else "")
            return Found(len(rows), text, in_time == len(took))

        return found

    return [(size, limit, judge(size, limit)) for size, limit in zip(bars, seconds, strict=True)]


def _corpus(frame: DataFrame) -> Found:
    rows = [row for row in _exact(frame) if row["family"] == "corpus" and short(str(row["minimize"])) == "moves"]
    if not rows:
        return Found(0)
    one = sum(bool(row["proved"]) and row["wall_seconds"] <= 1 for row in rows) / len(rows)
    ten = _within(rows, 10)
    return Found(len(rows), f"{one:.1%} within 1 s; within 10 s: {ten.text}", one >= 0.95 and bool(ten.reached))


def _textbook(frame: DataFrame) -> Found:
    row = next((row for row in records(pair_table(frame)) if row["engine"] == "textbook"), None)
    if row is None:
        return Found(0)
    text = f"{row['ratio']:.1f} times faster; solved by the textbook model alone: {row['other_only']}"
    return Found(int(row["common"]), text, row["ratio"] >= 20 and row["other_only"] == 0)


def _limits(frame: DataFrame) -> Found:
    """With time running out: a legal plan by 1.1 T + 1 s, no worse than any greedy's or than what a peer has by T."""
    rows = [row for row in records(frame) if row["engine"] == EXACT and not row["proved"] and not row["levers_off"]]
    if not rows:
        return Found(0)
    others: dict[tuple[str, str], list[tuple[float, int]]] = defaultdict(list)
    for row in records(frame):
        if row["verdict"] == "legal" and row["engine"] != EXACT and not row["lost_bars"]:
            took = 0.0 if is_greedy(str(row["engine"])) else float(row["wall_seconds"])  # however long a greedy takes
            others[_machine(row)].append((took, int(row["unplaced"])))
    late = sum(row["wall_seconds"] is None or row["wall_seconds"] > 1.1 * row["time_limit"] + 1 for row in rows)
    without = sum(row["verdict"] != "legal" for row in rows)
    worse = sum(
        row["verdict"] == "legal"
        and any(took <= row["time_limit"] and unplaced < row["unplaced"] for took, unplaced in others[_machine(row)])
        for row in rows
    )
    text = f"late {late}, without a legal plan {without}, more BARs unplaced than a greedy or a peer {worse}"
    return Found(len(rows), text, not (late or without or worse))


def _machine(row: Record) -> tuple[str, str]:
    return str(row["instance"]), str(row["policy"])


def _memory(low: int, high: int, limit: int) -> Judge:
    def found(frame: DataFrame) -> Found:
        peaks = [int(row["peak_bytes"]) for row in _exact(frame) if row["peak_bytes"] and low < row["bars"] <= high]
        if not peaks:
            return Found(0)
        return Found(len(peaks), f"at most {max(peaks) / GIB:.2f} GiB", max(peaks) < limit)

    return found


def _growth(frame: DataFrame) -> Found:
    rows = [row for row in records(scaling_table(frame)) if row["family"] in ("rack", "hotplug") and row["points"] > 2]
    if not rows:
        return Found(0)
    texts = [
        f"{row['family']} {short(str(row['minimize']))}: {row['exponent']:.2f} "
        f"[{row['exponent_low']:.2f}, {row['exponent_high']:.2f}]"
        for row in rows
    ]
    told = [row for row in rows if row["family"] == "hotplug" or "wasted_bytes" in str(row["minimize"])]
    return Found(sum(row["points"] for row in rows), "; ".join(texts), all(row["exponent"] <= 1.3 for row in told))


def _infeasible(frame: DataFrame) -> Found:
    rows = [row for row in _exact(frame) if row["family"] == "infeasible" or "-full-" in str(row["instance"])]
    if not rows:
        return Found(0)
    told = sum(bool(row["does_not_fit"]) for row in rows)
    longest = max(float(row["wall_seconds"] or row["time_limit"]) for row in rows)
    return Found(len(rows), f"{told} of {len(rows)} proved not to fit; longest {longest:.1f} s", told == len(rows))


def _optimal(frame: DataFrame) -> Found:
    """Nothing contradicts a proof: no legal plan of anybody is better than a proved optimum."""
    best = optima(frame)
    rows = [row for row in records(frame) if row["verdict"] == "legal" and not row["lost_bars"]]
    beaten = 0
    for row in rows:
        top = best.get((str(row["instance"]), str(row["minimize"]), str(row["policy"])))
        if top is not None:
            beaten += [row[name] for name in told(row)] < [top[name] for name in told(row)]
    return Found(len(rows), f"{beaten} plans better than a proved optimum", beaten == 0) if rows else Found(0)


JUDGES: list[tuple[str, str, Judge]] = [
    ("hotplug on real machines", "proof within 1 s for 95 %, within 10 s for all", _corpus),
    *(
        (f"minimum waste, {size:,} BARs", f"proof within {limit:g} s", judge)
        for size, limit, judge in _rack(("boot",), (500, 2000, 10_000), (2, 10, 60))
    ),
    *(
        (f"minimum waste, {size:,} BARs that have addresses", f"waste proved within {limit:g} s", judge)
        for size, limit, judge in _soonest("waste", _least_waste, (500, 2000, 10_000), (2, 10, 60))
    ),
    *(
        (f"minimum waste, {size:,} BARs, a tenth immovable", f"waste proved within {limit:g} s", judge)
        for size, limit, judge in _soonest("waste-pinned", _least_waste, (500, 2000, 10_000), (2, 10, 60))
    ),
    *(
        (f"minimum moves, {size:,} BARs, a tenth immovable", f"proof within {limit:g} s", judge)
        for size, limit, judge in _rack(("moves",), (500, 2000), (5, 60))
    ),
    *(
        (f"does not fit, {size:,} BARs", f"proved within {limit:g} s", judge)
        for size, limit, judge in _soonest("boot-full", _denied, (500, 2000, 10_000), (2, 10, 60))
    ),
    *(
        (f"new devices do not fit, {size:,} BARs", f"proved within {limit:g} s", judge)
        for size, limit, judge in _soonest("moves-full", _denied, (500, 2000), (5, 60))
    ),
    ("whatever does not fit", "proved", _infeasible),
    ("a time limit of T", "a checked plan by 1.1 T + 1 s, never worse than the greedies", _limits),
    ("memory up to 2,500 BARs", "under 1 GiB", _memory(0, 2500, GIB)),
    ("memory up to 12,000 BARs", "under 4 GiB", _memory(2500, 12_000, 4 * GIB)),
    ("against the textbook model", "20 times faster, and every case solved that it solves", _textbook),
    ("growth with BARs, waste and hotplug", "exponent at most 1.3", _growth),
    ("proofs", "no plan is better than a proved optimum", _optimal),
]
