"""One address space of one root bus by itself, and whole-engine solves of it with some of it left out.

Root buses share no addresses, and I/O ports and memory share none either, so
what does not fit in one of these parts has its reasons there.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field, replace

from models.mobility import Policy
from models.plan import Status
from models.resources import FunctionAddress, Space
from models.topology import Bar, BarKey, Function, RootBus, Topology
from solver.cpsat.engine import solve
from solver.explanation.findings import Verdict
from solver.request import Request
from solver.result import Result

_LONGER_SHARE = 0.3
"""The part of the time that is left which one of the few solves that matter most may take."""


@dataclass(slots=True)
class Budget:
    """Wall time for a whole explanation.

    Attributes
    ----------
    deadline
        In the seconds of :func:`time.monotonic`.
    each
        Seconds for one of many solves.
    interrupted
        The user asked to stop: nothing more is solved.
    """

    deadline: float
    each: float
    interrupted: bool = False

    @property
    def left(self) -> float:
        return 0.0 if self.interrupted else self.deadline - time.monotonic()


@dataclass(slots=True)
class Case:
    """A part of the machine with everything that is to be placed there.

    Attributes
    ----------
    machine
        The whole machine.
    topology
        This root bus alone, with the BARs of this address space alone.
    request
        What the user asked for.
    immovable
        BARs that have to stay under the request.
    reasons
        Why each of them does.
    bars
        The BARs that count: those with an address, and those that need one.
    bridges
        The bridge that leads to each function; ``None`` on the root bus.
    behind
        How many of ``bars`` are behind each bridge.
    solves
        How many solves were made.
    """

    machine: Topology
    topology: Topology
    space: Space
    request: Request
    budget: Budget
    immovable: frozenset[BarKey]
    reasons: dict[BarKey, str]
    bars: dict[BarKey, Bar]
    functions: dict[FunctionAddress, Function]
    bridges: dict[FunctionAddress, FunctionAddress | None]
    behind: Counter[FunctionAddress] = field(init=False)
    solves: int = 0

    def __post_init__(self) -> None:
        self.behind = Counter(bridge for key in self.bars for bridge in self.above(key.function))

    @property
    def root(self) -> RootBus:
        return self.topology.root_buses[0]

    def above(self, function: FunctionAddress) -> list[FunctionAddress]:
        """The bridges on the way from a function to the root bus, the nearest first."""
        found = []
        bridge = self.bridges[function]
        while bridge is not None:
            found.append(bridge)
            bridge = self.bridges[bridge]
        return found

    @property
    def bounds(self) -> str:
        """The options outside of which bridge windows stay as they are; empty = none."""
        scope = replace(self.request.scope, keep_root_bus=False)
        return str(scope) if scope.bounded else ""

    def run(self, topology: Topology, request: Request, seconds: float | None = None) -> Result:
        """The exact engine within the time that is left."""
        self.solves += 1
        limit = max(0.05, min(self.budget.left, seconds or self.budget.each))
        result = solve(topology, replace(request, time_limit=limit, options={}))
        self.budget.interrupted |= result.interrupted
        return result

    def longer(self) -> float:
        """Seconds for one of the few solves that matter most."""
        return max(self.budget.each, _LONGER_SHARE * self.budget.left)

    def try_set(self, bars: Collection[BarKey], pins: Collection[BarKey]) -> Verdict:
        """Whether these BARs alone fit, those in ``pins`` where they are and the others anywhere."""
        if self.budget.left <= 0:
            return Verdict.UNPROVED
        # Every BAR moves but the pins, so that what may move does not depend on what is left out.
        request = replace(
            self.request, policy=Policy.ALWAYS, pins=frozenset(pins), frees=frozenset(), minimize=("unplaced",)
        )
        return verdict(self.run(only(self.topology, bars), request))


def verdict(result: Result) -> Verdict:
    """What a result proves."""
    plan = result.plan
    if plan.status is Status.INFEASIBLE:
        return Verdict.DOES_NOT_FIT
    if plan.status is Status.UNKNOWN or result.breaches:
        return Verdict.UNPROVED
    unplaced = plan.objectives[0]
    if unplaced.value == 0:
        return Verdict.FITS
    return Verdict.DOES_NOT_FIT if unplaced.bound else Verdict.UNPROVED


def only(topology: Topology, bars: Collection[BarKey]) -> Topology:
    """The machine with no BARs but these."""
    kept = frozenset(bars)

    def strip(function: Function) -> Function:
        left = tuple(bar for bar in function.bars if BarKey(function.address, bar.index) in kept)
        return function if len(left) == len(function.bars) else replace(function, bars=left)

    return topology.map_functions(strip)


def with_bars(topology: Topology, changes: dict[BarKey, Bar]) -> Topology:
    """The machine with some BARs replaced."""

    def change(function: Function) -> Function:
        bars = tuple(changes.get(BarKey(function.address, bar.index), bar) for bar in function.bars)
        return function if bars == function.bars else replace(function, bars=bars)

    return topology.map_functions(change)


def cases(topology: Topology, request: Request, budget: Budget) -> list[Case]:
    """The parts of the machine that have BARs to place."""
    reasons = {key: reason for key, reason in request.mobility(topology).reasons.items() if reason is not None}
    found: list[Case] = []
    spaces: tuple[Space, ...] = ("mem", "io")
    for root in topology.root_buses:
        part = replace(topology, root_buses=(root,))
        functions = {function.address: function for function, _ in part.functions()}
        bridges = {function.address: bus.bridge.address if bus.bridge else None for function, bus in part.functions()}
        for space in spaces:
            bars = {
                key: bar
                for key, bar in part.bars()
                if bar.space == space and (bar.address is not None or not (bar.optional or key in reasons))
            }
            if bars:
                immovable = frozenset(key for key in bars if key in reasons)
                mine = {key: reasons[key] for key in immovable}
                stripped = only(part, bars)
                case = Case(topology, stripped, space, request, budget, immovable, mine, bars, functions, bridges)
                found.append(case)
    return found
