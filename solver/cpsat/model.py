"""The model of a group: variables, then constraints, then objectives; solve, convert, return."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

from ortools.sat.python import cp_model

from models.resources import Size
from models.topology import BarKey
from solver.arrangement import Arrangement
from solver.cpsat.bystanders import Bystander, Bystanders
from solver.cpsat.constraints import Constraints, Walls
from solver.cpsat.exchange import Exchange
from solver.cpsat.limits import Limits
from solver.cpsat.objectives import BYTES, Term
from solver.cpsat.parts import Part, Tally
from solver.cpsat.race import CORES, MANNERS, RELAXATIONS, SMALL_CORES, Manner, Race
from solver.cpsat.ranking import Ranking
from solver.cpsat.siblings import Siblings
from solver.cpsat.variables import Expression, Variables, make_variables
from solver.cpsat.worth import lowest
from solver.problem import BarItem, Problem, WindowItem
from solver.request import OBJECTIVES

_BY_CORES = 0.9
"""Part of the time left in which objectives that count are minimised at once; then one after the other, from the known
plan again, as what cores have learned is lost."""

_APART = BYTES | {"unplaced", "unplaced_functions"}
"""Objectives that are minimised one by one: a plan that leaves nothing out is mostly found sooner than any bound."""


class ContradictionError(RuntimeError):
    """The solver denies what a known plan shows: a fault of the solver or of the model, never an answer.

    The model is written to a file that the message names.
    """

    def __init__(self, message: str, model: cp_model.CpModel) -> None:
        descriptor, name = tempfile.mkstemp(prefix="barplan-contradiction-", suffix=".pb.txt")
        os.close(descriptor)
        model.export_to_file(name)
        super().__init__(f"the solver contradicts a known plan: {message}; the model is in {name}, please report it")


@dataclass(slots=True)
class Answer:
    """What a group's model said.

    Attributes
    ----------
    values, bounds
        Value and proved lower bound by objective, in the order of the request; a bound behind an unproved one is
        ``None``.
    infeasible
        Proved that no legal arrangement exists.
    blame
        Where none exists: BARs that would have to move and find no place.
    """

    arrangement: Arrangement | None
    values: dict[str, int]
    bounds: dict[str, int | None]
    infeasible: bool = False
    blame: tuple[BarKey, ...] = ()

    @property
    def proved(self) -> bool:
        return self.is_settled(tuple(self.values))

    def is_settled(self, names: Sequence[str]) -> bool:
        """Whether nothing is open of these objectives, the first of the request."""
        # While a group is asked for its first objectives it has no others, and the user may interrupt then.
        told = bool(self.values) and all(name in self.values for name in names)
        return told and all(self.bounds.get(name) == self.values[name] for name in names)


class PlacementModel:
    """The CP-SAT model of some atoms of a problem.

    Parameters
    ----------
    bars, windows
        The items to place: all of some functions of the root bus, in one or both address spaces.
    walls
        Ranges on the root bus taken by everything else.
    require_all
        Every required BAR that some root window can hold gets a place, as it is known to be possible.
    without
        Levers that are switched off (:data:`solver.levers.LEVERS`).
    parts
        What the atoms were divided in before, all of them, with what is known of each.
    bystanders
        Other groups of the root bus that may stay as they are; they are not among what is in the way.
    counted
        The objectives that it will be asked for: plans that none of them tells apart need not all be among its own.

    Attributes
    ----------
    begins
        Where the next search begins; today's arrangement where that is ``None``.
    """

    def __init__(
        self,
        problem: Problem,
        bars: Collection[BarItem],
        windows: Collection[WindowItem],
        walls: Walls,
        *,
        require_all: bool,
        without: Collection[str] = (),
        parts: tuple[Part, ...] = (),
        bystanders: Sequence[Bystander] = (),
        counted: Collection[str] = OBJECTIVES,
    ) -> None:
        self.variables: Variables = make_variables(bars, windows, require_all=require_all)
        self.hopeless = self.variables.hopeless
        self.constraints = Constraints(problem, self.variables, walls)
        self.bystanders = Bystanders(bystanders, self.variables, self.constraints)
        self.constraints.add_all()
        self.model = self.variables.model
        self.begins: Arrangement | None = None
        self.without = without
        self.manners = MANNERS if "race" not in without else (RELAXATIONS,)
        self._order(problem, counted, require_all=require_all)
        whole = Part(bars, windows, {}, () if "parts" in without else parts)
        self.tally = Tally(whole, self.variables, self.constraints)

    def _order(self, problem: Problem, counted: Collection[str], *, require_all: bool) -> None:
        """One order of what makes no difference.

        Where all finds a place and changed windows count, most of them stay, and exchange costs more than it spares.
        """
        exchange = None
        if "exchange" not in self.without and not (require_all and "windows_changed" in counted):
            exchange = Exchange(problem, self.variables, self.constraints, counted)
            exchange.order()
        if "siblings" not in self.without:
            Siblings(problem, self.variables, exchange).order()

    def minimize(
        self,
        names: tuple[str, ...],
        limits: Limits,
        floors: Mapping[str, int],
        hint: Arrangement,
        start: Answer | None = None,
    ) -> Answer:
        """Minimise the objectives one after the other.

        Parameters
        ----------
        floors
            Values that no arrangement undercuts; the floor of an objective holds with all earlier ones at theirs.
        hint
            Where the search begins; it need not be legal.
        start
            A legal arrangement with its values: the search looks for better ones only.

        Raises
        ------
        ContradictionError
            If the solver denies what ``start`` shows.
        """
        answer = start or Answer(None, {}, {})
        answer.bounds = dict.fromkeys(names)
        if self.hopeless:
            answer.infeasible = True
            return answer
        terms = {name: self.bystanders.with_cost(name, self.tally.term(name)) for name in names}
        self.begins = hint
        on_floor, ranked = True, dict[str, int]()
        for number, name in enumerate(names):
            least = self._lowest(name)
            floor = max(least, floors.get(name, least)) if on_floor else least
            if least == 0:  # else its terms may be negative
                floor = max(terms[name].constant, floor)
            is_open = answer.arrangement is None or answer.values[name] > floor
            if is_open and name not in {*ranked, *_APART} and "cores" not in self.without:
                run = tuple(takewhile(lambda other: other not in _APART, names[number:]))
                self.tally.hold(run)
                cores = CORES if BYTES.isdisjoint(names[:number]) else SMALL_CORES
                ranked = self._ranked(run, answer, limits, terms, cores)
                self.begins = answer.arrangement or hint
                if answer.infeasible:
                    break
            floor = max(floor, ranked.get(name, floor))
            if answer.arrangement is None or answer.values[name] > floor:
                self.tally.hold([name])
                self._stage(name, floor, answer, limits, terms)
            else:
                answer.bounds[name] = answer.values[name]
            if answer.arrangement is None or answer.bounds[name] != answer.values[name]:
                break
            on_floor = on_floor and answer.values[name] == floors.get(name, 0)
            self._at_most(terms[name], answer.values[name])
            self.tally.settle(name, answer.values[name])
            self.begins = answer.arrangement
        return answer

    def _lowest(self, name: str) -> int:
        windows = [window.item for window in self.variables.windows]
        return lowest(name, self.variables.items, windows)

    def reach(self, values: Mapping[str, int], limits: Limits, hint: Arrangement | None = None) -> Arrangement | None:
        """Some arrangement whose objectives are at most ``values``; ``None`` where none exists or none was found."""
        if self.hopeless:
            return None
        for name, value in values.items():
            self._at_most(self.tally.term(name), value)
        self.begins = hint
        _, solver, _ = self._run(limits, values)
        return None if solver is None else self._arrangement(solver)

    def polish(self, values: Mapping[str, int], limits: Limits, known: Arrangement) -> Arrangement | None:
        """Among plans whose objectives are at most ``values`` one with shorter windows; nothing is claimed of it."""
        for name, value in values.items():
            self._at_most(self.tally.term(name), value)
        self.model.minimize(self.tally.term("wasted_bytes").expression)
        self.begins = known
        _, solver, _ = self._run(limits, ["wasted_bytes"])
        return None if solver is None else self._arrangement(solver)

    def hold(self, name: str, value: int) -> None:
        """No arrangement makes an objective worse than ``value``; it need not be the least."""
        self._at_most(self.tally.term(name), value)
        self.tally.settle(name, None)

    def limit_room(self, items: Collection[BarItem | WindowItem], most: Size) -> None:
        """These items take no more than ``most`` bytes together."""
        length = self._length(items)
        if not isinstance(length, int):
            self.model.add(length <= most // self.variables.granule["mem"])

    def least_room(
        self,
        items: Collection[BarItem | WindowItem],
        values: Mapping[str, int],
        limits: Limits,
        hint: Arrangement | None = None,
    ) -> tuple[Arrangement, Size] | None:
        """These items with as few bytes together as can be, objectives at most ``values``, and a bound of the bytes.

        ``None`` where no arrangement was found.
        """
        if self.hopeless:
            return None
        for name, value in values.items():
            self._at_most(self.tally.term(name), value)
        length = self._length(items)
        self.model.minimize(length)
        self.begins = hint
        _, solver, bound = self._run(limits, ["wasted_bytes"])
        return None if solver is None else (self._arrangement(solver), max(0, bound) * self.variables.granule["mem"])

    def _length(self, items: Collection[BarItem | WindowItem]) -> Expression:
        """Granules that these items take together, all of them in memory."""
        keys = {item.key for item in items}
        lengths: list[Expression] = [window.length for window in self.variables.windows if window.item.key in keys]
        grain = self.variables.granule["mem"]
        lengths += [bar.item.span // grain * bar.present for bar in self.variables.bars if bar.item.key in keys]
        return sum(lengths)

    def _stage(self, name: str, floor: int, answer: Answer, limits: Limits, terms: Mapping[str, Term]) -> None:
        """Minimise one objective; whatever happens, ``answer`` becomes no worse."""
        if limits.left <= 0:
            answer.bounds[name] = floor if answer.arrangement is not None else None
            return
        self.model.minimize(terms[name].expression)
        status, solver, least = self._run(limits, [name])
        self._take(status, solver, answer, terms)
        if solver is None:
            answer.bounds[name] = floor if answer.arrangement is not None else None
        else:
            bound = max(floor, terms[name].value(least))
            self._hold_against(answer, {name: bound})
            answer.bounds[name] = bound

    def _ranked(
        self, names: Sequence[str], answer: Answer, limits: Limits, terms: Mapping[str, Term], cores: Manner
    ) -> dict[str, int]:
        """Minimise objectives that count at once, by cores; bounds of them, each with all earlier ones at theirs."""
        ranking = Ranking(self.model, names, terms)
        if not ranking.is_small or limits.left <= 0:
            return {}
        self.model.minimize(ranking.expression)
        others = tuple(manner for manner in self.manners if manner is not RELAXATIONS)
        status, solver, least = self._run(limits.share(_BY_CORES), names, (cores, *others))
        self._take(status, solver, answer, terms)
        bounds = ranking.bounds(least, answer.values)
        self._hold_against(answer, bounds)
        return bounds

    def _take(self, status: Any, solver: cp_model.CpSolver | None, answer: Answer, terms: Mapping[str, Term]) -> None:
        """Make what was found the answer, if it is better, or that there is nothing to find."""
        if status == cp_model.INFEASIBLE:
            if answer.arrangement is not None:
                raise ContradictionError(f"infeasible, although a plan with {answer.values} is known", self.model)
            answer.infeasible = True
        if solver is not None:
            values = {name: term.value(int(solver.value(term.expression))) for name, term in terms.items()}
            if answer.arrangement is None or list(values.values()) < [answer.values[name] for name in values]:
                answer.arrangement, answer.values = self._arrangement(solver), values

    def _hold_against(self, answer: Answer, bounds: Mapping[str, int]) -> None:
        """A bound above what is known is a fault, and told as such."""
        for name, bound in bounds.items():
            if answer.arrangement is not None and bound > answer.values[name]:
                raise ContradictionError(f"{name} is at least {bound}, although {answer.values} is known", self.model)

    def _at_most(self, term: Term, value: int) -> None:
        """Later objectives may not make this one worse."""
        if not isinstance(term.expression, int):
            self.model.add(term.expression <= term.units(value))

    def _run(
        self, limits: Limits, names: Iterable[str], manners: tuple[Manner, ...] = ()
    ) -> tuple[Any, cp_model.CpSolver | None, int]:
        """Status, the solver with the best plan, and a bound of the objective; ``names`` are what is minimised."""

        def improved(solver: cp_model.CpSolver) -> None:
            self._hint(self._arrangement(solver))

        self._hint(self.begins)
        counting = BYTES.isdisjoint(names)
        outcome = Race(self.model, limits, counting, improved, manners=manners or self.manners).run()
        if outcome.status == cp_model.MODEL_INVALID:
            raise RuntimeError(f"invalid model: {self.model.validate()}")
        if outcome.contradiction:
            raise ContradictionError("one search denies the plan of another", self.model)
        return outcome.status, outcome.best, _ceil(outcome.bound)

    # -- conversion -------------------------------------------------------------------------------------------------

    def _arrangement(self, solver: cp_model.CpSolver) -> Arrangement:
        found = Arrangement()
        for bar in self.variables.bars:
            if bar.item.movable:
                placed = bar.present is True or solver.boolean_value(bar.present)
                grain = self.variables.granule[bar.item.space]
                found.bars[bar.item.key] = solver.value(bar.start) * grain if placed else None
        for window in self.variables.windows:
            if not solver.boolean_value(window.open):
                found.windows[window.item.key] = None
            elif window.tolerated is not None and solver.boolean_value(window.tolerated):
                found.windows[window.item.key] = window.item.today
            else:
                grain = self.variables.granule[window.item.space]
                found.windows[window.item.key] = solver.value(window.start) * grain, solver.value(window.end) * grain
        return found

    def _hint(self, hint: Arrangement | None) -> None:
        """Start from a known arrangement; from today's where none is given."""
        self.model.clear_hints()  # type: ignore[no-untyped-call]
        if "hints" in self.without:
            return
        self.bystanders.hint()
        for bar in self.variables.bars:
            if not bar.item.movable:
                continue
            key = bar.item.key
            at = bar.item.today if hint is None or key not in hint.bars else hint.bars[key]
            if not isinstance(bar.present, bool):
                self.model.add_hint(bar.present, at is not None)
            if at is not None:
                self._hint_start(bar.start, at // self.variables.granule[bar.item.space])
            if bar.stays is not None:
                self.model.add_hint(bar.stays, at is not None and at == bar.item.home)
        for window in self.variables.windows:
            name = window.item.key
            span = window.item.today if hint is None or name not in hint.windows else hint.windows[name]
            self.model.add_hint(window.open, span is not None)
            if span is not None and window.tolerated is None:
                start, end = self.variables.units(window.item.space, span)
                self._hint_start(window.start, start)
                self._hint_start(window.end, end)
                self._hint_start(window.length, end - start)

    def _hint_start(self, expression: Expression, value: int) -> None:
        variable, factor = _affine(expression)
        if variable is not None and value % factor == 0:
            self.model.add_hint(variable, value // factor)


def _affine(expression: Any) -> tuple[cp_model.IntVar | None, int]:
    """The variable and the factor of ``variable * factor``."""
    if isinstance(expression, cp_model.IntVar):
        return expression, 1
    flat = cp_model.FlatIntExpr(expression)
    if len(flat.vars) == 1 and flat.offset == 0:
        return flat.vars[0], int(flat.coeffs[0])
    return None, 1


def _ceil(bound: float) -> int:
    """The smallest integer that is at least ``bound``, forgiving the noise of a float."""
    return -int(-(bound - 1e-6) // 1)
