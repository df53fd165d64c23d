"""The objectives as linear expressions: one function for each, named after the objective.

Each returns an expression in *units*, the bytes (or the count) of one unit and
a constant, so that ``value = unit * expression + constant``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from math import gcd

from ortools.sat.python import cp_model

from models.resources import MIB, FunctionAddress, align_up
from solver.cpsat.constraints import Constraints
from solver.cpsat.quick_model import Literal
from solver.cpsat.variables import BarVars, Expression, Variables, WindowVars
from solver.problem import BusNode, choices, unplaceable

BYTES = frozenset({"wasted_bytes", "rebar", "headroom"})
"""Objectives whose bounds come from sums of sizes."""

MOVES = ("moved_bars", "moved_functions", "prepared_drivers")
"""Objectives that count what leaves its address."""

CHANGES = (*MOVES, "windows_changed")
"""Objectives that count what leaves its place."""


@dataclass(frozen=True, slots=True)
class Term:
    """An objective: ``unit * expression + constant``."""

    expression: Expression
    unit: int = 1
    constant: int = 0

    def value(self, units: int) -> int:
        return self.unit * units + self.constant

    def units(self, value: int) -> int:
        """The largest number of units whose value is at most ``value``."""
        return (value - self.constant) // self.unit

    def least(self, value: int) -> int:
        """The smallest number of units whose value is at least ``value``."""
        return -((self.constant - value) // self.unit)

    def reach(self, model: cp_model.CpModel) -> tuple[int, int]:
        """The least and the largest number of units, whatever the constraints."""
        if isinstance(self.expression, int):
            return self.expression, self.expression
        flat = cp_model.FlatIntExpr(self.expression)
        low = high = int(flat.offset)
        for variable, factor in zip(flat.vars, flat.coeffs, strict=True):
            domain = model.proto.variables[variable.index].domain
            ends = int(factor) * domain[0], int(factor) * domain[-1]
            low, high = low + min(ends), high + max(ends)
        return low, high


def objective(name: str, variables: Variables, constraints: Constraints) -> Term:
    """The term of a named objective."""
    if name == "wasted_bytes":
        return wasted_bytes(variables, constraints)
    if name in ("rebar", "rebar_halvings", "headroom"):
        constraints.root_capacity()
    return _OF_VARIABLES[name](variables)


def unplaced(variables: Variables) -> Term:
    """Required BARs left without an address."""
    missing = [1 - bar.present for bar in variables.bars if bar.item.required and not isinstance(bar.present, bool)]
    for choice in choices(variables.items):
        if choice.required and choice.placeable:
            missing.append(1 - sum(bar.present for bar in variables.of_choice(choice)))
    return Term(sum(missing), constant=unplaceable(variables.items))


def unplaced_functions(variables: Variables) -> Term:
    """Functions of which a required BAR is left without an address."""
    model = variables.model
    placed: dict[FunctionAddress, list[Expression]] = defaultdict(list)
    out: set[FunctionAddress] = {bar.key.function for bar in variables.items if bar.required and not bar.placeable}
    for bar in variables.bars:
        if bar.item.required and not isinstance(bar.present, bool):
            placed[bar.item.key.function].append(bar.present)
    for choice in choices(variables.items):
        if choice.required and not choice.placeable:
            out.add(choice.key.function)
        elif choice.required:
            placed[choice.key.function].append(sum(bar.present for bar in variables.of_choice(choice)))
    left_out = []
    for function, presences in placed.items():
        if function not in out:
            lacking = model.new_bool_var(f"{function} lacks a BAR")
            for present in presences:
                model.add(lacking + present >= 1)
            left_out.append(lacking)
    return Term(sum(left_out), constant=len(out))


def moved_bars(variables: Variables) -> Term:
    """BARs that leave the address they have."""
    plain = [bar for bar in variables.bars if bar.item.choice is None]
    leaving: list[Expression] = [1 - bar.stays for bar in plain if bar.stays is not None]
    constant = sum(bar.item.evicted for bar in plain)
    for choice in choices(variables.items):
        if choice.home is not None:
            leaving.append(1 - sum(bar.stays for bar in variables.of_choice(choice) if bar.stays is not None))
    return Term(sum(leaving), constant=constant)


def moved_functions(variables: Variables) -> Term:
    """Functions of which at least one BAR leaves its address."""
    return _functions(variables, {bar.key.function: 1 for bar in variables.items}, resized=False)


def prepared_drivers(variables: Variables) -> Term:
    """What it costs to prepare the drivers of functions of which a BAR leaves its address or its size."""
    costs = {bar.key.function: bar.cost for bar in variables.items if bar.cost}
    return _functions(variables, costs, resized=True)


def _functions(variables: Variables, costs: dict[FunctionAddress, int], *, resized: bool) -> Term:
    """The cost of the functions of which at least one BAR leaves its address (or, if ``resized``, its size)."""
    model = variables.model
    stays: dict[FunctionAddress, list[Expression]] = defaultdict(list)
    evicted: set[FunctionAddress] = set()
    for bar in variables.bars:
        if bar.item.choice is not None:
            continue
        if bar.item.evicted:
            evicted.add(bar.item.key.function)
        elif bar.stays is not None:
            stays[bar.item.key.function].append(bar.stays)
    for choice in choices(variables.items):
        if choice.home is not None:
            same = [bar for bar in variables.of_choice(choice) if not resized or bar.item.today is not None]
            stays[choice.key.function].append(sum(bar.stays for bar in same if bar.stays is not None))
    moves = []
    for function, literals in stays.items():
        if function in costs and function not in evicted:
            moved = model.new_bool_var(f"{function} moves")
            for literal in literals:
                model.add(moved + literal >= 1)
            moves.append(costs[function] * moved)
    return Term(sum(moves), constant=sum(costs[function] for function in evicted if function in costs))


def rebar(variables: Variables) -> Term:
    """Bytes by which Resizable BARs fall short of the largest size they support."""
    constant = sum(item.largest for item in variables.items if item.choice is None)
    open_: list[list[BarVars]] = [variables.of_choice(choice) for choice in choices(variables.items)]
    constant += sum(choice.items[0].largest for choice in choices(variables.items))
    for bar in variables.bars:
        if bar.item.choice is None and bar.item.largest:
            if bar.present is True:
                constant -= bar.item.span
            else:
                open_.append([bar])
    unit = gcd(*(bar.item.span for bars in open_ for bar in bars)) or 1
    short: list[Expression] = []
    for bars in open_:
        best = max((bar.item.span for bar in bars), default=0)
        constant -= best
        short.append(best // unit - sum(bar.item.span // unit * bar.present for bar in bars))
    return Term(sum(short), unit, constant)


def rebar_halvings(variables: Variables) -> Term:
    """Halvings by which Resizable BARs fall short of the largest size they support."""
    without = sum(item.halvings_without for item in variables.items if item.choice is None)
    without += sum(choice.items[0].halvings_without for choice in choices(variables.items))
    gains = [
        (bar.item.halvings_without - bar.item.halvings) * bar.present for bar in variables.bars if bar.item.largest
    ]
    return Term(without - sum(gains))


def headroom(variables: Variables) -> Term:
    """Doublings by which empty hotplug ports fall short of the largest block of any root window."""
    missing: list[Expression] = []
    constant = 0
    for window in variables.windows:
        if window.item.most is not None:
            levels = _blocks_in(variables, window)
            missing += [1 - level for level in levels]
            constant += window.item.most - len(levels)
    return Term(sum(missing), constant=constant)


def _blocks_in(variables: Variables, window: WindowVars) -> list[cp_model.IntVar]:
    """A literal for 1 MiB, 2 MiB and so on: the window holds such a block at a multiple of its size."""
    model, grain = variables.model, variables.granule["mem"]
    assert window.item.most is not None
    spans = [*window.item.places, *([window.item.today] if window.tolerated is not None and window.item.today else [])]
    levels: list[cp_model.IntVar] = []
    for number in range(window.item.most):
        size = MIB << number
        starts = [[align_up(low, size) // size, high // size - 1] for low, high in spans]
        starts = [piece for piece in starts if piece[0] <= piece[1]]
        if not starts:
            break
        level = model.new_bool_var(f"{window.item.key} holds {size:#x}")
        k = model.new_int_var_from_domain(cp_model.Domain.from_intervals(starts), f"{window.item.key} {size:#x} at")
        model.add_if(level, window.start <= size // grain * k)
        model.add_if(level, window.end >= size // grain * (k + 1))
        model.add_if_also(level, levels[-1] if levels else window.open)
        levels.append(level)
    if levels:  # implied
        first, *rest = levels
        model.add(
            window.extent >= MIB // grain * (first + sum((1 << number) * level for number, level in enumerate(rest)))
        )
    return levels


def windows_changed(variables: Variables) -> Term:
    """Bridge windows whose range differs from today's."""
    return Term(sum(_changed(variables, window) for window in variables.windows))


def _changed(variables: Variables, window: WindowVars) -> Expression:
    model, item = variables.model, window.item
    if item.today is None:
        return window.open
    changed = model.new_bool_var(f"{item.key} changes")
    start, end = variables.units(item.space, item.today)
    same = changed.negated()
    model.add_if_also(same, window.open)
    model.add_if(same, window.start == start)
    model.add_if(same, window.end == end)
    return changed


def wasted_bytes(variables: Variables, constraints: Constraints) -> Term:
    """Bytes inside the windows of root-bus bridges that back no BAR."""
    counted = dict.fromkeys((window.item.inner.number, window.item.space) for window in variables.windows)
    if counted.keys() <= constraints.slack.keys() and _all_lie_there(variables):
        # Where every BAR has a place in a window of its bus, waste is what the windows have beyond need, bus by bus.
        slacks = [constraints.slack[bus] for bus in counted]
        unit = gcd(*(slack.block for slack in slacks)) or 1
        blocks = sum(slack.block // unit * slack.blocks for slack in slacks)
        return Term(blocks, unit, sum(slack.rounding for slack in slacks))
    constant = 0
    terms: list[tuple[int, Expression]] = []
    for window in variables.windows:
        if window.item.bus.parent is None:
            terms.append((variables.granule[window.item.space], window.extent))
    backing = _Backing(variables, constraints)
    for bar in variables.bars:
        item = bar.item
        if item.bus.parent is None or item.stand_in:
            continue
        for literal in backing.of_bar(bar) if item.nested and not _in_a_stray(bar) else _backs_anyway(variables, bar):
            if isinstance(literal, bool):
                constant -= item.span
            else:
                terms.append((-item.span, literal))
    unit = gcd(*(abs(factor) for factor, _ in terms)) or 1
    return Term(sum(factor // unit * expression for factor, expression in terms), unit, constant)


def _all_lie_there(variables: Variables) -> bool:
    """Whether every BAR below the root bus is sure to lie in a window of its own bus."""
    if any(window.item.bus.subtractive for window in variables.windows):
        return False
    below = [bar for bar in variables.bars if bar.item.bus.parent is not None]
    odd = any(bar.item.shared or bar.item.stand_in or bar.item.bus.subtractive for bar in below)
    return not odd and all(bar.present is True and bar.item.nested for bar in below)


class _Backing:
    """Literals that imply that something lies, directly or not, in a window of a bridge on the root bus.

    Behind a subtractive bridge, or in a window that stays homeless, it may lie elsewhere and then backs nothing.
    """

    def __init__(self, variables: Variables, constraints: Constraints) -> None:
        self.variables, self.options = variables, constraints.options
        self.known: dict[object, Literal] = {}

    def of_bar(self, bar: BarVars) -> list[Literal]:
        """At most one of these holds, and only where the BAR backs a root-bus bridge's window."""
        options = self.options[bar.item.key]
        if all(outer is not None and self.of_window(outer) is True for _, outer in options):
            return [bar.present]
        return [self._both(literal, self.of_window(outer)) for literal, outer in options if outer is not None]

    def of_window(self, window: WindowVars) -> Literal:
        key = window.item.key
        if key not in self.known:
            self.known[key] = self._made(window)
        return self.known[key]

    def _made(self, window: WindowVars) -> Literal:
        if window.item.bus.parent is None:
            return True
        options = self.options[window.item.key]
        housed = [(literal, self.of_window(outer)) for literal, outer in options if outer is not None]
        if len(housed) == len(options) and not window.item.homeless and all(backs is True for _, backs in housed):
            return True
        model = self.variables.model
        backs = model.new_bool_var(f"{window.item.key} backs")
        model.add_bool_or([self._both(literal, outer) for literal, outer in housed]).only_enforce_if(backs)
        return backs

    def _both(self, first: Literal, second: Literal) -> Literal:
        if second is True:
            return first
        both = self.variables.model.new_bool_var("")
        self.variables.model.add_if_also(both, first)
        self.variables.model.add_if_also(both, second)
        return both


def _in_a_stray(bar: BarVars) -> bool:
    """Whether a window above the BAR may stay although it lies in no window of its bus."""
    bus: BusNode | None = bar.item.bus
    while bus is not None:
        if any(window.homeless for window in bus.windows):
            return True
        bus = bus.parent
    return False


def _backs_anyway(variables: Variables, bar: BarVars) -> list[Literal]:
    """Whether a BAR that lies in no window of its bus, or in a stray one, is inside a root-bus bridge's window."""
    literals: list[Literal] = []
    for window in variables.windows:
        item = window.item
        if item.bus.parent is None and item.atom == bar.item.atom and item.space == bar.item.space:
            literal = variables.model.new_bool_var(f"{bar.item.key} in {item.key}")
            variables.model.add_if(literal, window.start <= bar.start)
            variables.model.add_if(literal, window.end >= bar.end)
            variables.model.add_if_also(literal, bar.present)
            literals.append(literal)
    if len(literals) > 1:
        variables.model.add_at_most_one(literals)
    return literals


_OF_VARIABLES: dict[str, Callable[[Variables], Term]] = {
    "unplaced": unplaced,
    "unplaced_functions": unplaced_functions,
    "moved_bars": moved_bars,
    "moved_functions": moved_functions,
    "prepared_drivers": prepared_drivers,
    "windows_changed": windows_changed,
    "rebar": rebar,
    "rebar_halvings": rebar_halvings,
    "headroom": headroom,
}
