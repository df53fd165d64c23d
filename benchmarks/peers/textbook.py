"""The textbook joint CP-SAT model: one model for the whole machine, objectives one after the other, and nothing else.

Start variables that are multiples of the alignment, no-overlap on every bus, a literal for each container an item may
lie in. No decomposition, no bounds, no symmetry, no first plan; kept simple on purpose, as what one writes first.
"""

from __future__ import annotations

import os
import time
from typing import Any

from ortools.sat.python import cp_model

from benchmarks.peers.joint import Item, Joint, joint
from models.placement import Placement, measure
from models.plan import Status
from models.topology import Topology
from solver.engines import Progress
from solver.request import Request
from solver.result import Result, make_result

NAME = "textbook"

Starts = tuple[list[int | None], list[tuple[int, int] | None]]


class _Model:
    """Variables and constraints of a joint statement."""

    def __init__(self, stated: Joint) -> None:
        self.joint, self.model = stated, cp_model.CpModel()
        self.start: dict[int, Any] = {}
        self.end: dict[int, Any] = {}
        self.there: dict[int, Any] = {}
        self.interval: dict[int, Any] = {}
        for item in stated.bars:
            self.bar(item)
        for item in stated.windows:
            self.window(item)
        self.containers = [(low, high, True) for low, high in stated.roots]
        self.containers += [(self.start[id(one)], self.end[id(one)], self.there[id(one)]) for one in stated.windows]
        for item in (*stated.bars, *stated.windows):
            self.nesting(item)
        for group, items in stated.groups().items():
            walls = [self.model.new_fixed_size_interval_var(low, high - low, "") for low, high in self.walls(group)]
            self.model.add_no_overlap([*(self.interval[id(item)] for item in items), *walls])

    def walls(self, group: int) -> list[tuple[int, int]]:
        return sorted(set(self.joint.obstacles.get(group, [])))

    def bar(self, item: Item) -> None:
        """A BAR starts at a multiple of its size; one that may not move is where it is."""
        there: Any = True if item.must else self.model.new_bool_var("")
        start: Any
        if item.today is not None and not item.movable:
            start = item.today[0]
        else:
            last = (item.high - item.size) // item.alignment
            if last < 0 and not item.must:
                self.model.add(there == 0)
            start = self.model.new_int_var(0, max(0, last), "") * item.alignment
        self.start[id(item)], self.end[id(item)], self.there[id(item)] = start, start + item.size, there
        interval = (
            self.model.new_fixed_size_interval_var(start, item.size, "")
            if there is True
            else self.model.new_optional_fixed_size_interval_var(start, item.size, there, "")
        )
        self.interval[id(item)] = interval

    def window(self, item: Item) -> None:
        """A window is open or closed; it starts and ends on its granularity."""
        units = item.high // item.alignment
        start = self.model.new_int_var(0, units, "")
        end = self.model.new_int_var(0, units, "")
        there = self.model.new_bool_var("")
        size = self.model.new_int_var(0, units, "")
        self.model.add(start + size == end)
        self.model.add(size >= 1).only_enforce_if(there)
        self.model.add(end == 0).only_enforce_if(there.Not())
        self.start[id(item)], self.end[id(item)] = start * item.alignment, end * item.alignment
        self.there[id(item)] = there
        self.interval[id(item)] = self.model.new_optional_interval_var(
            start * item.alignment, size * item.alignment, end * item.alignment, there, ""
        )

    def nesting(self, item: Item) -> None:
        """What is there lies whole inside one of its containers."""
        inside = []
        for number in item.containers:
            low, high, opened = self.containers[number]
            here = self.model.new_bool_var("")
            self.model.add(self.start[id(item)] >= low).only_enforce_if(here)
            self.model.add(self.end[id(item)] <= high).only_enforce_if(here)
            if opened is not True:
                self.model.add_implication(here, opened)
            inside.append(here)
        there = self.there[id(item)]
        if there is True:
            self.model.add_bool_or(inside)
        else:
            self.model.add_bool_or([*inside, there.Not()])

    # -- objectives -------------------------------------------------------------------------------------------------

    def objective(self, name: str) -> Any:
        """What is minimised, as an expression (``wasted_bytes`` in granules of the finest space)."""
        expression: Any = getattr(self, name)()
        return expression

    def unplaced(self) -> Any:
        return sum((1 - self.there[id(item)] for item in self.joint.bars if not item.must), 0)

    def moved_bars(self) -> Any:
        changed = []
        for item in self.joint.bars:
            if item.today is not None and item.movable:
                moved = self.model.new_bool_var("")
                self.model.add(self.start[id(item)] == item.today[0]).only_enforce_if(moved.Not())
                changed.append(moved)
        return sum(changed)

    def windows_changed(self) -> Any:
        changed = []
        for item in self.joint.windows:
            if item.today is None:
                changed.append(self.there[id(item)])
                continue
            other = self.model.new_bool_var("")
            self.model.add_implication(other.Not(), self.there[id(item)])
            self.model.add(self.start[id(item)] == item.today[0]).only_enforce_if(other.Not())
            self.model.add(self.end[id(item)] == item.today[1]).only_enforce_if(other.Not())
            changed.append(other)
        return sum(changed)

    def wasted_bytes(self) -> Any:
        unit = min(self.joint.grain.values())
        below = _behind_root_bridges(self.joint)
        total: Any = 0
        for item in self.joint.windows:
            if item.outer:
                total += (self.end[id(item)] - self.start[id(item)]) * (self.joint.grain[item.space] // unit)
        for item in below:
            total -= self.there[id(item)] * (item.size * (self.joint.grain[item.space] // unit))
        return total

    def scale(self, name: str) -> int:
        """What one of the objective's units is worth."""
        return min(self.joint.grain.values()) if name == "wasted_bytes" else 1

    def hint(self, solver: cp_model.CpSolver) -> None:
        """Begin the next search at the last answer."""
        values = list(solver.response_proto.solution)
        self.model.proto.ClearField("solution_hint")
        for index, value in enumerate(values):
            self.model.add_hint(self.model.get_int_var_from_proto_index(index), value)

    def starts(self, solver: cp_model.CpSolver) -> Starts:
        """The last answer, in granules."""
        bars: list[int | None] = [
            solver.value(self.start[id(item)]) if solver.value(self.there[id(item)]) else None
            for item in self.joint.bars
        ]
        windows: list[tuple[int, int] | None] = [
            (solver.value(self.start[id(item)]), solver.value(self.end[id(item)]))
            if solver.value(self.there[id(item)])
            else None
            for item in self.joint.windows
        ]
        return bars, windows


def _behind_root_bridges(stated: Joint) -> list[Item]:
    """The BARs that do not stand on a root bus: their containers are windows."""
    return [item for item in stated.bars if any(number >= len(stated.roots) for number in item.containers)]


def solve(topology: Topology, request: Request, progress: Progress | None = None) -> Result:
    """Minimise the request's objectives one after the other in one model of the whole machine.

    Raises
    ------
    benchmarks.peers.joint.RefusedError
        If the machine is more than a textbook knows.
    """
    started = time.monotonic()
    limit = request.time_limit if request.time_limit is not None else 1e9
    stated = joint(topology, request)
    model = _Model(stated)
    best: Placement | None = None
    bounds: dict[str, int | None] = {}
    status = Status.OPTIMAL
    for name in request.minimize:
        solver = cp_model.CpSolver()
        solver.parameters.max_time_in_seconds = max(0.0, limit - (time.monotonic() - started))
        solver.parameters.num_workers = request.workers or os.cpu_count() or 1
        solver.parameters.random_seed = request.seed
        solver.parameters.catch_sigint_signal = False  # it would leave the process without Python's handler
        expression, scale = model.objective(name), model.scale(name)
        model.model.minimize(expression)
        found: Any = solver.solve(model.model)
        if progress is not None:
            progress(f"{NAME}: {name} {solver.status_name()}")
        if found == cp_model.INFEASIBLE:
            status = Status.INFEASIBLE
            break
        if found not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
            status = Status.UNKNOWN if best is None else Status.FEASIBLE
            break
        best = stated.placement(topology, *model.starts(solver))
        bound = round(solver.best_objective_bound) * scale
        bounds[name] = bound if bound >= 0 else None  # less than nothing says nothing
        if found != cp_model.OPTIMAL:
            status = Status.FEASIBLE
            break
        # An objective that is proved stays where it is.
        bounds[name] = measure(topology, best).value(name)
        model.model.add(expression <= round(solver.objective_value))
        model.hint(solver)
    if status is not Status.OPTIMAL:
        bounds |= {name: None for name in request.minimize if name not in bounds}
    return make_result(
        topology,
        request,
        NAME,
        best if best is not None and status is not Status.INFEASIBLE else Placement.today(topology),
        status=status,
        bounds=bounds,
        seconds=time.monotonic() - started,
    )
