"""The textbook joint model in MiniZinc (``joint.mzn``), run as a process of its own."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from benchmarks.peers.joint import OBJECTIVES, Item, Joint, RefusedError, joint
from models.placement import Placement, measure
from models.plan import Status
from models.topology import Topology
from solver.engines import Progress
from solver.request import Request
from solver.result import Result, make_result

MODEL = Path(__file__).with_name("joint.mzn")

LARGEST = (1 << 31) - 3
"""Integers of Gecode have 32 bits."""

_STOPPING = 0.5
"""Seconds between asking it to stop and killing it."""


@cache
def version() -> str:
    """Version of the ``minizinc`` command; empty where it is not installed."""
    if shutil.which("minizinc") is None:
        return ""
    run = subprocess.run(["minizinc", "--version"], capture_output=True, text=True, check=False)
    match = re.search(r"version (\d[\w.]*)", run.stdout)
    return match[1] if match else "unknown"


@cache
def missing_solver(name: str) -> str:
    """Why MiniZinc cannot solve with ``name`` here; empty where it can."""
    if not version():
        return "minizinc is not installed (Debian: apt-get install minizinc)"
    run = subprocess.run(["minizinc", "--solvers-json"], capture_output=True, text=True, check=False)
    try:
        known = json.loads(run.stdout)
    except ValueError:
        return "minizinc --solvers-json says nothing readable"
    # Drivers without an executable of their own look for a commercial library.
    there = [one["id"].rpartition(".")[2] for one in known if one.get("extraInfo", {}).get("executable")]
    return "" if name in there else f"minizinc knows no solver {name} (it has {', '.join(there) or 'none'})"


def solve_gecode(topology: Topology, request: Request, progress: Progress | None = None) -> Result:
    """The joint model, solved by Gecode."""
    return _solve(topology, request, "gecode")


def solve_chuffed(topology: Topology, request: Request, progress: Progress | None = None) -> Result:
    """The joint model, solved by Chuffed."""
    return _solve(topology, request, "chuffed")


def _solve(topology: Topology, request: Request, solver: str) -> Result:
    """Minimise the objectives one after the other, each in a process.

    Raises
    ------
    RefusedError
        If the machine is more than a textbook knows, its numbers are too large, or the solver is not there.
    """
    started = time.monotonic()
    if why := missing_solver(solver):
        raise RefusedError(why)
    limit = request.time_limit if request.time_limit is not None else 1e9
    stated = joint(topology, request)
    data, unit = _data(stated, waste="wasted_bytes" in request.minimize)
    limits = dict.fromkeys(OBJECTIVES, -1)
    best: Placement | None = None
    bounds: dict[str, int | None] = dict.fromkeys(request.minimize)
    status = Status.OPTIMAL
    for name in request.minimize:
        asked = data | {"stage": OBJECTIVES.index(name) + 1, "limits": list(limits.values())}
        found, proved = _run(solver, asked, limit - (time.monotonic() - started), request)
        if found is None:
            open_ = Status.UNKNOWN if best is None else Status.FEASIBLE
            status = Status.INFEASIBLE if proved else open_
            break
        best = stated.placement(topology, *_starts(stated, found))
        if not proved:
            status = Status.FEASIBLE
            break
        value = measure(topology, best).value(name)
        bounds[name] = value
        limits[name] = value // unit if name == "wasted_bytes" else value
    return make_result(
        topology,
        request,
        f"minizinc-{solver}",
        best if best is not None and status is not Status.INFEASIBLE else Placement.today(topology),
        status=status,
        bounds=bounds,
        seconds=time.monotonic() - started,
    )


def _data(stated: Joint, *, waste: bool) -> tuple[dict[str, Any], int]:
    """The data of ``joint.mzn``, and the bytes of a unit of waste.

    Parameters
    ----------
    waste
        Waste is minimised; it is the largest number there is.
    """
    items = (*stated.bars, *stated.windows)
    roots = len(stated.roots)
    spaces = {item.space for item in items}
    unit = min((stated.grain[space] for space in spaces), default=1)

    def worth(item: Item) -> int:
        counts = item.outer if not item.size else any(number >= roots for number in item.containers)
        return stated.grain[item.space] // unit if waste and counts else 0

    groups = stated.groups()
    number_of = {id(item): number for number, item in enumerate(items, 1)}
    order = list(groups)
    walls = [(order.index(group) + 1, *wall) for group in order for wall in set(stated.obstacles.get(group, []))]
    data: dict[str, Any] = {
        "B": len(stated.bars),
        "W": len(stated.windows),
        "R": roots,
        "K": len(walls),
        "G": len(groups),
        "size": [item.size for item in items],
        "alignment": [item.alignment for item in items],
        "high": [item.high for item in items],
        "today_start": [-1 if item.today is None else item.today[0] for item in items],
        "today_end": [-1 if item.today is None else item.today[1] for item in items],
        "movable": [item.movable for item in items],
        "must": [item.must for item in items],
        "containers": [{"set": [0, *(number + 1 for number in item.containers)]} for item in items],
        "worth": [worth(item) for item in items],
        "root_start": [start for start, _ in stated.roots],
        "root_end": [end for _, end in stated.roots],
        "groups": [{"set": [number_of[id(item)] for item in groups[group]]} for group in order],
        "wall_group": [group for group, _, _ in walls],
        "wall_start": [start for _, start, _ in walls],
        "wall_end": [end for _, _, end in walls],
    }
    total = sum(item.high * worth(item) for item in stated.windows)
    largest = max([total, *_numbers(data.values())])
    if largest > LARGEST:
        raise RefusedError(f"numbers up to {largest} do not fit into the 32 bits of the solver")
    return data, unit


def _numbers(values: Iterable[Any]) -> Iterable[int]:
    for value in values:
        if isinstance(value, list):
            yield from (number for number in value if isinstance(number, int))


def _run(solver: str, data: dict[str, Any], seconds: float, request: Request) -> tuple[dict[str, Any] | None, bool]:
    """The last solution, and whether it is proved (without one: that there is none)."""
    if seconds <= 0:
        return None, False
    with tempfile.NamedTemporaryFile("w", suffix=".json", prefix="barplan-minizinc-") as stream:
        json.dump(data, stream)
        stream.flush()
        command = ["minizinc", "--solver", solver, "--time-limit", str(int(seconds * 1000)), "--output-mode", "json"]
        command += ["--intermediate", "--random-seed", str(request.seed)]
        if solver == "gecode":
            command += ["--parallel", str(request.workers or os.cpu_count() or 1)]
        process = subprocess.Popen(
            [*command, str(MODEL), stream.name],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        try:
            out, complaint = process.communicate(timeout=seconds + _STOPPING)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            out, complaint = process.communicate()
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise
    return _read(out, complaint, timed_out=process.returncode == -signal.SIGKILL)


def _read(out: str, complaint: str, *, timed_out: bool) -> tuple[dict[str, Any] | None, bool]:
    """What ``minizinc`` printed: solutions, each closed by ten dashes; ten equals signs are the proof."""
    *solutions, rest = out.split("----------\n")
    found: dict[str, Any] | None = json.loads(solutions[-1]) if solutions else None
    if found is None and "=====UNSATISFIABLE=====" in out:
        return None, True
    if found is None and not timed_out and "=====UNKNOWN=====" not in out and "=====ERROR=====" in out + complaint:
        raise RuntimeError(f"minizinc failed: {' '.join(complaint.split())[:300]}")
    if found is None and complaint.strip() and not timed_out and "UNKNOWN" not in out:
        raise RuntimeError(f"minizinc failed: {' '.join(complaint.split())[:300]}")
    return found, found is not None and "==========" in rest


def _starts(stated: Joint, found: dict[str, Any]) -> tuple[list[int | None], list[tuple[int, int] | None]]:
    there, units, lengths = found["there"], found["unit"], found["length"]
    bars = [units[number] * item.alignment if there[number] else None for number, item in enumerate(stated.bars)]
    windows: list[tuple[int, int] | None] = []
    for number, item in enumerate(stated.windows, len(stated.bars)):
        start = units[number] * item.alignment
        windows.append((start, start + lengths[number]) if there[number] else None)
    return bars, windows
