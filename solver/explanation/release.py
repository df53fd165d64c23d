"""What it costs to let functions move that have to stay, in one solve: pins of the request and drivers alike."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from models.mobility import Policy, preparation_cost
from models.resources import FunctionAddress
from models.topology import BarKey, Function, Topology
from solver.explanation.case import Case, verdict
from solver.explanation.findings import Verdict, Way, WayKind
from solver.request import Request
from solver.result import Result

_CHEAPEST = ("unplaced", "prepared_drivers", "moved_bars")


def release(
    case: Case, topology: Topology, prices: Mapping[FunctionAddress, int], staying: Collection[BarKey]
) -> Result | None:
    """The cheapest plan that gives everything an address; ``None`` where there is none, or none was found.

    The second objective of the plan is what was paid.

    Parameters
    ----------
    prices
        What it costs to move BARs of a function; those of all other functions move for nothing.
    staying
        BARs that move at no price.
    """
    if case.budget.left <= 0:
        return None

    def priced(function: Function) -> Function:
        # A function that the engine knows no driver of costs its weight, one without a driver costs nothing.
        return replace(function, driver=None, driver_known=function.address not in prices)

    request = replace(
        case.request,
        policy=Policy.ON_DEMAND,
        pins=frozenset(staying),
        frees=frozenset(),
        weights={str(function): price for function, price in prices.items()},
        minimize=_CHEAPEST,
    )
    result = case.run(topology.map_functions(priced), request)
    return result if result.legal and verdict(result) is Verdict.FITS else None


class Prices:
    """What may be given up to let BARs move: pins of the request, and drivers that are not prepared.

    Attributes
    ----------
    staying
        BARs that nothing lets move.
    """

    def __init__(self, case: Case) -> None:
        self.case = case
        request = replace(case.request, pins=frozenset())
        self.staying = replace(request, policy=Policy.ALWAYS).mobility(case.machine).immovable
        # Under policy always no driver is in the way of anything.
        on_demand = request if request.policy is Policy.ALWAYS else replace(request, policy=Policy.ON_DEMAND)
        self._drivers = self._unprepared(on_demand)
        self.pinned = {key for key in case.bars if key in case.request.pins and key not in self.staying}
        self.by_function: dict[FunctionAddress, int] = dict(self._drivers)
        for function in {key.function for key in self.pinned}:
            self.by_function[function] = self.by_function.get(function, 0) + 1

    def _unprepared(self, request: Request) -> dict[FunctionAddress, int]:
        if request.policy is Policy.ALWAYS:
            return {}
        concerned = {key.function for key in request.mobility(self.case.topology).unprepared}
        concerned -= {key.function for key in request.frees}
        return {one: preparation_cost(self.case.functions[one], request.weights) for one in concerned}

    def plan(self, topology: Topology) -> Result | None:
        """The cheapest plan for a machine in which all of this may be given up."""
        return release(self.case, topology, self.by_function, self.staying)

    def ways(self, result: Result) -> list[Way]:
        """What the plan gives up: pins, then drivers; each with its part of the cost."""
        proved = result.plan.objectives[1].proved
        moved = [bar.key for bar in result.plan.bars if bar.moved]
        pins = tuple(key for key in moved if key in self.pinned)
        functions = sorted({key.function for key in moved if key.function in self._drivers})
        drivers = tuple((one, self.case.functions[one].driver) for one in functions)
        found = []
        if pins:
            found.append(Way(WayKind.PINS, len({key.function for key in pins}), proved, bars=pins))
        if drivers:
            bars = tuple(key for key in moved if key.function in functions)
            cost = sum(self._drivers[one] for one in functions)
            found.append(Way(WayKind.DRIVERS, cost, proved, functions=drivers, bars=bars))
        return found
