"""The movable ratio: whether a hotplug succeeds, and what it moves, as more and more BARs may move.

Every engine sees the same layouts (:mod:`benchmarks.ratio_layouts`), and at every share the same BARs may move: those
of a share are among those of each larger one. Bridge windows may always change, as the movable-BARs work and cp-sat
have it; Linux changes windows by its own rules and moves no BAR, so that one run for each layout serves every share.

A hotplug succeeds if every BAR of the new device has an address, nothing that had one lost it, and the checker finds
the plan legal. cp-sat minimises ``unplaced``, then ``moved_bars``, with proof; these are the moves *needed*.

Rows are appended to :data:`ROWS` layout by layout, so that an interrupted run goes on where it stopped.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields, replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.ratio_layouts import GENERATOR, Layout, layout
from models.errors import InputError
from models.mobility import Policy
from models.plan import Status
from models.topology import BarKey
from solver.engines import engine
from solver.frames import COUNT, NAME, Column, typed_frame
from solver.request import Request
from solver.result import Result

if TYPE_CHECKING:
    from pandas import DataFrame

EXACT = "cp-sat"
KERNELS = ("linux-6.12", "linux-7")
MOVING = ("movable-bars", EXACT)
ENGINES = (*KERNELS, *MOVING)
MINIMIZE = ("unplaced", "moved_bars")
ROWS = "movable-ratio.rows.jsonl"

COLUMNS = (
    Column("seed", COUNT, "seed of the layout"),
    Column("engine", NAME, "what was asked"),
    Column("share", "UInt8", "per cent of the BARs with an address that may move"),
    Column("success", "boolean", "every BAR of the new device has an address, nothing is lost, and the plan is legal"),
    Column("moved", COUNT, "BARs whose address changes, successful or not"),
    Column("lost", COUNT, "BARs that had an address and have none"),
    Column("proved", "boolean", "cp-sat: every value is proved; the greedy ones prove nothing"),
    Column("derived", "boolean", "not run: it follows from a larger share, see benchmarks.ratio.exact_rows"),
    Column("seconds", "Float64", "CPU seconds of the run; 0 where derived"),
    Column("devices", COUNT, "devices that were there before"),
    Column("bars", COUNT, "BARs that have an address"),
    Column("filled", "Float64", "share of the host bridge windows' bytes that BARs take, the new device's included"),
    Column("kind", NAME, "what is plugged in"),
)
"""One row for each layout, engine and share."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row; the fields are those of :data:`COLUMNS`."""

    seed: int
    engine: str
    share: int
    success: bool
    moved: int
    lost: int
    proved: bool
    derived: bool
    seconds: float
    devices: int
    bars: int
    filled: float
    kind: str


@dataclass(frozen=True, slots=True)
class Settings:
    """What a run is of: the layouts with seeds 0 to ``layouts - 1``, at these shares in per cent.

    ``time_limit`` is in seconds for one solve of cp-sat.
    """

    layouts: int = 200
    shares: tuple[int, ...] = tuple(range(0, 101, 10))
    time_limit: float = 60.0

    def head(self) -> dict[str, Any]:
        """What rows have to agree in to stand in one file."""
        from solver.cli.versions import DISTRIBUTIONS, version_of

        versions = {name: version_of(name) for name in ("barplan", *DISTRIBUTIONS[:1])}
        return {"generator": GENERATOR, "shares": list(self.shares), "time_limit": self.time_limit, **versions}


def run(settings: Settings, folder: Path, progress: Callable[[str], None] | None = None) -> list[Row]:
    """All rows, with those that are already in ``folder``.

    Raises
    ------
    InputError
        If the rows in it are of another generator, version or setting.
    """
    path = folder / ROWS
    done = _read(path, settings.head())
    folder.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        path.write_text(json.dumps(settings.head()) + "\n", encoding="utf-8")
    for seed in range(settings.layouts):
        if seed in done:
            continue
        if progress is not None:
            progress(f"layout {seed + 1} of {settings.layouts}")
        done[seed] = layout_rows(layout(seed), settings)
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps([asdict(row) for row in done[seed]]) + "\n")
    return [row for seed in range(settings.layouts) for row in done[seed]]


def _read(path: Path, head: dict[str, Any]) -> dict[int, list[Row]]:
    """Rows by seed; a last line that was cut off is left out, and cut off from the file."""
    if not path.exists():
        return {}
    first, *lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    if json.loads(first) != head:
        raise InputError("has rows of other settings or versions; name another folder, or remove it", source=str(path))
    whole = [line for line in lines if line.endswith("\n")]
    if len(whole) < len(lines):
        path.write_text("".join([first, *whole]), encoding="utf-8")
    done = [[Row(**row) for row in json.loads(line)] for line in whole]
    return {rows[0].seed: rows for rows in done}


def layout_rows(one: Layout, settings: Settings) -> list[Row]:
    """Every engine at every share of one layout."""
    rows = []
    for name in ENGINES:
        if name in KERNELS:
            request = Request(policy=Policy.NEVER, options={"event": f"hotplug:{one.port}"})
            only = _row(one, name, 0, *_timed(one, name, request))
            rows += [replace(only, share=share, derived=number > 0) for number, share in enumerate(settings.shares)]
        elif name == EXACT:
            rows += exact_rows(one, settings)
        else:
            rows += [_row(one, name, share, *_timed(one, name, _request(one, share))) for share in settings.shares]
    return rows


def exact_rows(one: Layout, settings: Settings, *, derive: bool = True) -> list[Row]:
    """cp-sat at every share, from the largest down, so that two proofs save most of the runs.

    What is proved to fail fails with fewer movable BARs too. And a proved best plan that moves nothing but what a
    smaller share may move is a best plan there: what is allowed there is allowed here.
    """
    rows: list[Row] = []
    last: Row | None = None
    movers: frozenset[BarKey] = frozenset()
    for share in sorted(settings.shares, reverse=True):
        if derive and last is not None and last.proved and (not last.success or not movers & one.pins(share)):
            rows.append(replace(last, share=share, derived=True, seconds=0.0))
            continue
        result, seconds = _timed(one, EXACT, _request(one, share, settings.time_limit))
        last = _row(one, EXACT, share, result, seconds)
        movers = frozenset(bar.key for bar in result.plan.bars if bar.moved)
        rows.append(last)
    return rows[::-1]


def _request(one: Layout, share: int, time_limit: float | None = None) -> Request:
    return Request(Policy.ALWAYS, MINIMIZE, pins=one.pins(share), time_limit=time_limit, workers=1)


def _timed(one: Layout, name: str, request: Request) -> tuple[Result, float]:
    started = time.process_time()
    result = engine(name)(one.topology, request)
    return result, time.process_time() - started


def _row(one: Layout, name: str, share: int, result: Result, seconds: float) -> Row:
    if result.interrupted:
        raise KeyboardInterrupt
    measures = result.measures
    return Row(
        seed=one.seed,
        engine=name,
        share=share,
        success=result.legal and measures.unplaced == 0 and measures.lost_bars == 0,
        moved=measures.moved_bars,
        lost=measures.lost_bars,
        proved=result.plan.status in (Status.OPTIMAL, Status.INFEASIBLE),
        derived=False,
        seconds=round(seconds, 4),
        devices=one.devices,
        bars=len(one.order),
        filled=round(one.filled, 4),
        kind=one.kind,
    )


def frame(rows: Sequence[Row]) -> DataFrame:
    """The rows with the columns :data:`COLUMNS`."""
    names = [field.name for field in fields(Row)]
    return typed_frame(COLUMNS, [tuple(getattr(row, name) for name in names) for row in rows])


def contradictions(rows: Sequence[Row]) -> Iterator[str]:
    """What cannot be: a proof that a greedy success, or a smaller share, refutes."""
    found = {(row.seed, row.share): row for row in rows if row.engine == EXACT}
    for row in rows:
        exact = found.get((row.seed, row.share))
        if row.engine == "movable-bars" and exact is not None and row.success and exact.proved:
            if not exact.success:
                yield f"layout {row.seed}, {row.share} %: proved to fail, but {row.engine} succeeds"
            elif row.moved < exact.moved:
                yield f"layout {row.seed}, {row.share} %: {row.engine} moves fewer BARs than proved"
    ordered = sorted(found.values(), key=lambda row: (row.seed, row.share))
    for less, more in pairwise(ordered):
        if less.seed == more.seed and more.proved and less.success and not more.success:
            yield f"layout {less.seed}: proved to fail at {more.share} %, but succeeds at {less.share} %"
        if less.seed == more.seed and more.proved and less.success and more.success and less.moved < more.moved:
            yield f"layout {less.seed}: more moves at {more.share} % than at {less.share} %"


def cpu() -> str:
    """The processor's name, and how many cores this process may use."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        text = ""
    names = [line.partition(":")[2].strip() for line in text.splitlines() if line.startswith("model name")]
    return f"{names[0] if names else 'unknown processor'}, {len(os.sched_getaffinity(0))} cores"
