"""The rules of a legal placement as CP-SAT constraints: one method for each rule.

The legality rules themselves are stated, independently, in
:mod:`models.legality`; every plan is checked there afterwards. Alignment,
reach, granularity and the root windows' kinds are in the variables' domains
(:mod:`solver.cpsat.variables`).
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from ortools.sat.python import cp_model

from models.resources import Space
from models.spans import inside_any, merged
from solver.cpsat.quick_model import Literal
from solver.cpsat.variables import BarVars, Expression, Variables, WindowVars, standing_buses, standing_today
from solver.problem import BarItem, BusNode, Problem, Span, WindowItem, overlap

Walls = dict[Space, list[Span]]
"""Ranges on the root bus that belong to items outside the model."""


@dataclass(frozen=True, slots=True)
class Slack:
    """The length of a bus's windows beyond what its BARs and child windows need.

    Attributes
    ----------
    blocks
        Whole blocks beyond need, a variable.
    block
        Bytes of one block.
    rounding
        Bytes by which need is rounded up to whole blocks.
    """

    blocks: cp_model.IntVar
    block: int
    rounding: int


class Constraints:
    """Adds the rules to a model."""

    def __init__(self, problem: Problem, variables: Variables, walls: Walls) -> None:
        self.problem, self.variables, self.walls = problem, variables, walls
        self.model = variables.model
        self.standing: dict[tuple[int, Space], list[cp_model.IntervalVar]] = defaultdict(list)
        self.contents: dict[object, list[tuple[Literal, Expression]]] = defaultdict(list)
        self.options: dict[object, list[tuple[Literal, WindowVars | None]]] = {}
        """For each BAR and window, where it may lie and the literal of each (``None`` = a root window)."""
        self.slack: dict[tuple[int, Space], Slack] = {}
        """Blocks beyond need in the windows that lead to a bus."""
        self.beside: dict[Space, list[cp_model.IntervalVar]] = defaultdict(list)
        """What is in the way on the root bus of all that stands there, but not of each other (bystanders)."""
        self.bounded = False
        self.settled: list[tuple[int, Space, Span, Literal]] = []
        """What stays where it is on a bus, where that is not known beforehand."""

    def add_all(self) -> None:
        """Every rule, in the order in which they build on each other."""
        self.nesting()
        self.kind()
        self.root_windows()
        self.contents_fit()
        self.blocks_fit()
        self.disjoint()
        self.reserved()
        self.scope()

    # -- nesting ----------------------------------------------------------------------------------------------------

    def nesting(self) -> None:
        """A BAR, and a window, lies whole inside one window of the bus it stands on."""
        for bar in self.variables.bars:
            if bar.item.nested:
                self._nest_bar(bar)
            else:
                self._keep_clear(bar.item, standing_buses(bar.item.bus)[1:], (bar.start, bar.end), True)
        for window in self.variables.windows:
            self._nest_window(window)

    def _nest_bar(self, bar: BarVars) -> None:
        item = bar.item
        options = self._options(item, bar.present)
        self.options[item.key] = [(literal, window) for literal, window, _ in options]
        for literal, window, outside in options:
            if window is not None:
                self._lies_in(literal, bar.start, bar.end, window)
            if window is not None and not item.shared:
                self.contents[window.item.key].append((literal, item.span // self.variables.granule[item.space]))
            length = item.span // self.variables.granule[item.space]
            if item.movable:
                self._stand_outside(outside, item.space, (bar.start, length, bar.end), literal, str(item.key))
            else:
                self._keep_clear(item, outside, (bar.start, bar.end), literal)
        if bar.interval is not None:
            self.standing[item.bus.number, item.space].append(bar.interval)

    def _nest_window(self, window: WindowVars) -> None:
        item = window.item
        self.standing[item.bus.number, item.space].append(window.interval)
        # A window that stays in breach stays in its place, unless having none is the breach.
        housed = window.legal if item.homeless else window.open
        options = self._options(item, housed)
        self.options[item.key] = [(literal, outer) for literal, outer, _ in options]
        for literal, outer, outside in options:
            if outer is not None:
                self._lies_in(literal, window.start, window.end, outer)
                # A window's own length is a variable: its blocks count inside the outer window (see contents_fit).
                length = window.length
                if len(options) > 1:
                    length = self._length_if(literal, length, item.places, str(item.key))
                self.contents[outer.item.key].append((True, length))
            shape = (window.legal_start, window.length, window.legal_end)
            self._stand_outside(outside, item.space, shape, literal, str(item.key))
            if window.tolerated is not None and not item.homeless:
                self._keep_clear(item, outside, self._as_it_is(window), self._both(literal, window.tolerated))
        if window.tolerated is not None:
            around = standing_buses(item.bus) if item.homeless else [item.bus]
            self._keep_clear(item, around, self._as_it_is(window), window.tolerated)

    def kind(self) -> None:
        """What is not prefetchable and stays outside of all windows is not enclosed by prefetchable ones alone.

        What moves has this in its options.
        """
        for bar in self.variables.bars:
            if not bar.item.nested and not bar.item.prefetchable:
                self._not_enclosed(bar.item, (bar.start, bar.end), True)
                self._still_enclosed(bar.item, (bar.start, bar.end), True)
        for window in self.variables.windows:
            if window.tolerated is not None and window.item.homeless and window.item.kind != "pref":
                self._not_enclosed(window.item, self._as_it_is(window), window.tolerated)
                self._still_enclosed(window.item, self._as_it_is(window), window.tolerated)

    def _not_enclosed(self, item: BarItem | WindowItem, span: Span, literal: Literal) -> None:
        grain = self.variables.granule[item.space]
        for outer in item.bus.windows:
            today = outer.today
            encloses = today is not None and today[0] <= span[0] * grain and span[1] * grain <= today[1]
            if outer.space != item.space or outer.kind != "pref" or encloses:
                continue
            made = self.variables.window_of[outer.key]
            before, after = self.model.new_bool_var(""), self.model.new_bool_var("")
            self.model.add_if(before, made.start > span[0])
            self.model.add_if(after, made.end < span[1])
            stays = [] if literal is True else [~literal]
            self.model.add_bool_or([before, after, ~made.open, *stays])

    def _still_enclosed(self, item: BarItem | WindowItem, span: Span, literal: Literal) -> None:
        """What lies in a prefetchable window today and stays is in some window: in none, it breaks another rule."""
        grain = self.variables.granule[item.space]
        windows = [window for window in item.bus.windows if window.space == item.space]
        today = [window.today for window in windows if window.today is not None]
        enclosed = any(low <= span[0] * grain and span[1] * grain <= high for low, high in today)
        if item.bus.subtractive or not enclosed:
            return
        holding: list[Literal] = []
        for window in windows:
            made, holds = self.variables.window_of[window.key], self.model.new_bool_var("")
            self.model.add_if(holds, made.start <= span[0])
            self.model.add_if(holds, made.end >= span[1])
            self.model.add_if_also(holds, made.open)
            holding.append(holds)
        self.model.add_bool_or([*holding, *([] if literal is True else [~literal])])

    def _options(
        self, item: BarItem | WindowItem, present: Literal
    ) -> list[tuple[Literal, WindowVars | None, list[BusNode]]]:
        """The windows an item may lie in (``None`` = a root window) and the buses it stands on besides its own."""
        choices: list[tuple[WindowVars | None, list[BusNode]]] = []
        outside: list[BusNode] = []
        for place in standing_buses(item.bus):
            if place is not item.bus:
                outside = [*outside, place]
            if place.parent is None:
                choices.append((None, outside))
            for window in place.windows:
                if item.may_lie_in(window):
                    choices.append((self.variables.window_of[window.key], outside))
        if len(choices) == 1:
            return [(present, *choices[0])]
        literals = [self.model.new_bool_var(f"{item.key} in {number}") for number in range(len(choices))]
        self.model.add(sum(literals) == (int(present) if isinstance(present, bool) else present))
        return [(literal, *choice) for literal, choice in zip(literals, choices, strict=True)]

    def _lies_in(
        self,
        literal: Literal,
        start: Expression,
        end: Expression,
        window: WindowVars,
    ) -> None:
        self.model.add_if(literal, start >= window.start)
        self.model.add_if(literal, end <= window.end)
        self.model.add_if_also(literal, window.open)

    def _stand_outside(
        self,
        buses: list[BusNode],
        space: Space,
        shape: tuple[Expression, Expression, Expression],
        literal: Literal,
        name: str,
    ) -> None:
        """Behind a subtractive bridge but outside its windows, an item counts as standing on the parent bus."""
        for bus in buses:
            interval = self.model.new_optional_interval_var(*shape, literal, f"{name} {bus.name}")
            self.standing[bus.number, space].append(interval)

    def _keep_clear(self, item: BarItem | WindowItem, buses: list[BusNode], span: Span, literal: Literal) -> None:
        """What stays where it is overlaps nothing on these buses but what also stays, if it does so today."""
        grain = self.variables.granule[item.space]
        standing = set(standing_today(item.bus, item.space, (span[0] * grain, span[1] * grain)))
        for bus in buses:
            self.settled.append((bus.number, item.space, span, literal))
            new = bus not in standing and literal is not True
            if new and any(overlap(span, other) for other in self._obstacles(bus, item.space)):
                self.model.add(literal == 0)

    def _as_it_is(self, window: WindowVars) -> Span:
        assert window.item.today is not None
        return self.variables.units(window.item.space, window.item.today)

    def _both(self, first: Literal, second: Literal) -> Literal:
        both = self.model.new_bool_var("")
        self.model.add_bool_or([both, ~first, ~second])
        return both

    def _length_if(self, literal: Literal, length: Expression, places: list[Span], name: str) -> cp_model.IntVar:
        """A variable that is at least ``length`` where ``literal`` holds."""
        bound = max((high - low for low, high in places), default=0)
        result = self.model.new_int_var(0, bound, f"{name} counts")
        self.model.add_if(literal, result >= length)
        return result

    def root_windows(self) -> None:
        """A window that lies in no bridge's window lies in one root window; bars have this in their domains."""
        for window in self.variables.windows:
            item = window.item
            root = [literal for literal, outer in self.options[item.key] if outer is None]
            if not root or len(item.places) < 2:
                continue
            literals = []
            for number, place in enumerate(item.places):
                literal = self.model.new_bool_var(f"{item.key} root window {number}")
                step, grain = item.granularity, self.variables.granule[item.space]
                self.model.add_if(literal, window.start >= -(-place[0] // step) * step // grain)
                self.model.add_if(literal, window.end <= place[1] // step * step // grain)
                literals.append(literal)
            if item.bus.parent is None:
                self.model.add(sum(literals) == window.legal)
            else:
                self.model.add_bool_or([*literals, window.legal.negated(), root[0].negated()])

    def contents_fit(self) -> None:
        """A window is at least as long as what lies in it (implied by nesting and disjointness; it helps the proof)."""
        for window in self.variables.windows:
            contents = self.contents.get(window.item.key)
            if contents:
                total = sum(length if literal is True else length * literal for literal, length in contents)
                self.model.add(window.extent >= total)

    def blocks_fit(self) -> None:
        """The windows of a bus have, together, a whole number of blocks for its BARs and child windows (implied)."""
        by_bus: dict[tuple[int, Space], list[WindowVars]] = defaultdict(list)
        for window in self.variables.windows:
            by_bus[window.item.inner.number, window.item.space].append(window)
        certain: dict[tuple[int, Space], int] = defaultdict(int)
        for bar in self.variables.bars:
            if bar.present is True and bar.item.nested and not bar.item.shared and not bar.item.bus.subtractive:
                certain[bar.item.bus.number, bar.item.space] += bar.item.span
        on_bus: dict[tuple[int, Space], list[WindowVars]] = defaultdict(list)
        for window in self.variables.windows:
            on_bus[window.item.bus.number, window.item.space].append(window)
        for (number, space), outer in by_bus.items():
            if self.problem.buses[number].subtractive or any(window.tolerated is not None for window in outer):
                continue
            grain = min(window.item.granularity for window in outer)
            inner = on_bus[number, space]
            if any(window.item.granularity % grain for window in inner):
                continue
            scale = grain // self.variables.granule[space]
            needed = -(-certain[number, space] // grain)
            highest = sum(max((high - low for low, high in window.item.places), default=0) for window in outer)
            slack = self.model.new_int_var(0, highest // grain + 1, f"{self.problem.buses[number].name} {space} slack")
            length = sum(window.length for window in outer) - sum(window.length for window in inner)
            self.model.add(length == (needed + slack) * scale)
            self.slack[number, space] = Slack(slack, grain, needed * grain - certain[number, space])

    def root_capacity(self) -> None:
        """What stands on the root bus is no longer than the root windows that serve it (implied)."""
        if self.bounded:
            return
        self.bounded = True
        for space in ("io", "mem"):
            lengths: list[tuple[list[Span], Expression]] = []
            for window in self.variables.windows:
                if window.item.bus.parent is None and window.item.space == space:
                    lengths.append((window.item.places, window.length))
            for bar in self.variables.bars:
                if bar.interval is not None and bar.item.bus.parent is None and bar.item.space == space:
                    span = bar.item.span // self.variables.granule[space]
                    lengths.append((bar.item.places, span * bar.present))
            obstacles = self._obstacles(self.problem.buses[0], space)
            for places in {tuple(places) for places, _ in lengths}:
                inside = [length for others, length in lengths if all(inside_any(other, places) for other in others)]
                self.model.add(sum(inside) <= self._room(space, places, obstacles))

    def _room(self, space: Space, places: tuple[Span, ...], obstacles: list[Span]) -> int:
        """Granules in these parts of the root windows that no obstacle takes."""
        parts = merged([self.variables.units(space, place) for place in places])
        taken = sum(max(0, min(high, end) - max(low, start)) for low, high in parts for start, end in obstacles)
        return sum(high - low for low, high in parts) - taken

    # -- disjointness -----------------------------------------------------------------------------------------------

    def disjoint(self) -> None:
        """On one bus, BARs and the windows of child bridges do not overlap."""
        for (number, space), intervals in self.standing.items():
            bus = self.problem.buses[number]
            fixed = [
                self.model.new_fixed_size_interval_var(start, end - start, f"{bus.name} immovable")
                for start, end in self._obstacles(bus, space)
            ]
            self.model.add_no_overlap([*intervals, *fixed])
            if number == 0 and self.beside[space]:
                self.model.add_no_overlap([*intervals, *self.beside[space]])
        for number, space, span, literal in self.settled:
            if number == 0 and any(
                overlap(span, self.variables.units(space, wall)) for wall in self.walls.get(space, [])
            ):
                self.model.add_bool_or([literal.negated()] if literal is not True else [])
                continue
            as_it_is = self.model.new_optional_fixed_size_interval_var(span[0], span[1] - span[0], literal, "as it is")
            for interval in self.standing[number, space]:
                self.model.add_no_overlap([as_it_is, interval])

    def _obstacles(self, bus: BusNode, space: Space) -> list[Span]:
        spans = [self.variables.units(space, span) for span in bus.obstacles[space]]
        if bus.parent is None:
            spans += [self.variables.units(space, span) for span in self.walls.get(space, [])]
        return merged(spans)

    def reserved(self) -> None:
        """No window touches a reserved range, unless it does so today; bars have this in their domains."""
        for window in self.variables.windows:
            space = window.item.space
            spans = [
                self.variables.units(space, span)
                for span in self.problem.reserved[space]
                if span not in window.item.exempt
                and any(span[0] < high and low < span[1] for low, high in window.item.places)
            ]
            if not spans:
                continue
            fixed = [
                self.model.new_fixed_size_interval_var(start, end - start, "reserved") for start, end in merged(spans)
            ]
            self.model.add_no_overlap([window.interval, *fixed])

    def scope(self) -> None:
        """A window outside of the scope stays as it is, in breach of a rule or not."""
        for window in self.variables.windows:
            if not window.item.stays:
                continue
            if window.item.today is None:
                self.model.add(window.open == 0)
            elif window.tolerated is not None:
                self.model.add(window.tolerated == 1)
            else:
                start, end = self._as_it_is(window)
                self.model.add(window.open == 1)
                self.model.add(window.start == start)
                self.model.add(window.end == end)
