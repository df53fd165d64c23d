"""Siblings of the same shape: which of them comes first makes no difference, so one order is enough.

Siblings are functions on one bus, with everything behind them, that have the
same BARs and windows and no address as yet. Exchanging two of them turns a
plan into another one of the same worth.
"""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise
from typing import Any

from models.resources import FunctionAddress
from solver.cpsat.exchange import Exchange
from solver.cpsat.variables import BarVars, Variables, WindowVars
from solver.problem import BusNode, Problem


class Siblings:
    """Finds siblings among the items of a model, and orders them.

    Parameters
    ----------
    exchange
        Windows that are in an order of their own: of siblings that must leave them in it, only those that have a place
        come first.
    """

    def __init__(self, problem: Problem, variables: Variables, exchange: Exchange | None = None) -> None:
        self.variables, self.exchange = variables, exchange
        self.bars: dict[FunctionAddress, list[BarVars]] = defaultdict(list)
        self.windows: dict[FunctionAddress, list[WindowVars]] = defaultdict(list)
        self.functions: dict[int, dict[FunctionAddress, None]] = defaultdict(dict)
        self.behind: dict[FunctionAddress, BusNode] = {}
        for bus in problem.buses:
            if bus.bridge is not None and bus.parent is not None:
                self.behind[bus.bridge] = bus
        for bar in variables.bars:
            self.bars[bar.item.key.function].append(bar)
            self.functions[bar.item.bus.number].setdefault(bar.item.key.function)
        for window in variables.windows:
            self.windows[window.item.key.bridge].append(window)
            self.functions[window.item.bus.number].setdefault(window.item.key.bridge)
        known = {bar.item.key for bar in variables.bars}
        self.odd = {item.key.function for item in variables.items if item.key not in known}
        self.shapes: dict[FunctionAddress, Any] = {}

    def order(self) -> int:
        """Put siblings in order, and say how many pairs were."""
        pairs = 0
        for functions in list(self.functions.values()):  # looking behind an empty bus adds it
            alike: dict[Any, list[tuple[FunctionAddress, BarVars]]] = defaultdict(list)
            for function in functions:
                first = self._first(function)
                shape = self._shape(function)
                if first is not None and shape is not None:
                    alike[shape].append((function, first))
            for members in alike.values():
                for (_, earlier), (function, later) in pairwise(members):
                    self._in_order(earlier, later, places=self._by_place(function, later))
                    pairs += 1
        return pairs

    def _by_place(self, function: FunctionAddress, first: BarVars) -> bool:
        return self.exchange is None or self.exchange.leaves_in_order(function, first)

    def _in_order(self, earlier: BarVars, later: BarVars, *, places: bool) -> None:
        model = self.variables.model
        if later.present is not True:
            model.add_if_also(later.present, earlier.present)
        if places:
            model.add_if(later.present, earlier.end <= later.start)

    def _first(self, function: FunctionAddress) -> BarVars | None:
        """The BAR by which a function is put in order: its own first one, or the first behind it."""
        if self.bars[function]:
            return self.bars[function][0]
        inner = self.behind.get(function)
        found = (self._first(each) for each in self.functions[inner.number]) if inner is not None else iter(())
        return next((bar for bar in found if bar is not None), None)

    def _shape(self, function: FunctionAddress) -> Any:
        """The same for functions that can be exchanged; ``None`` where one cannot be."""
        if function not in self.shapes:
            self.shapes[function] = self._shape_of(function)
        return self.shapes[function]

    def _shape_of(self, function: FunctionAddress) -> Any:
        bars, windows = self.bars[function], self.windows[function]
        if function in self.odd or not all(_is_new(bar) for bar in bars) or not all(map(_is_closed, windows)):
            return None
        inner = self.behind.get(function)
        within: list[Any] = []
        if inner is not None:
            if inner.subtractive or any(inner.obstacles.values()):
                return None
            within = [self._shape(each) for each in self.functions[inner.number]]
            if any(shape is None for shape in within):
                return None
        return (
            tuple(
                (
                    bar.item.key.index,
                    bar.item.space,
                    bar.item.size,
                    bar.item.span,
                    bar.item.prefetchable,
                    bar.item.required,
                    bar.present is True,
                    bar.item.low,
                    (bar.item.largest, bar.item.halvings, bar.item.halvings_without),
                    tuple(bar.item.starts),
                )
                for bar in bars
            ),
            tuple(
                (item.kind, item.granularity, item.wide, item.most, tuple(item.places))
                for item in (window.item for window in windows)
            ),
            tuple(within),
        )


def _is_new(bar: BarVars) -> bool:
    item = bar.item
    return item.movable and not item.kept and item.choice is None and bar.stays is None and not item.stand_in


def _is_closed(window: WindowVars) -> bool:
    item = window.item
    return item.today is None and not item.stays and window.tolerated is None and not item.exempt
