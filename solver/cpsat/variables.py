"""Decision variables of a placement model, in granules.

A granule is the largest power of two that divides every size, alignment and
movable position of one address space, so numbers stay small and starts are
``alignment * k`` with an integer ``k``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from ortools.sat.python import cp_model

from models.errors import InputError
from models.resources import Size, Space, align_down, align_up
from solver.cpsat.quick_model import Literal, QuickModel
from solver.problem import BarItem, BusNode, Choice, Span, WindowItem, choices

Expression: TypeAlias = Any
"""A linear expression or an integer; the unions that OR-Tools declares hold numpy scalars and cannot be added."""

_LARGEST = 1 << 58
"""The largest number of granules in an address; sums of a few stay within the solver's integers."""


@dataclass(slots=True)
class BarVars:
    """A BAR: where it starts and whether it is there.

    Attributes
    ----------
    start
        First granule, an affine expression; a constant for an immovable BAR.
    present
        It has an address.
    stays
        It is where it is today, at whatever size; ``None`` where that means nothing.
    """

    item: BarItem
    start: Expression
    end: Expression
    present: Literal
    stays: cp_model.IntVar | None
    interval: cp_model.IntervalVar | None


@dataclass(slots=True)
class WindowVars:
    """A bridge window: its range, and whether it is open.

    Attributes
    ----------
    length
        Its size as far as it is legal; 0 = closed or tolerated.
    extent
        Its size, legal or not; 0 = closed.
    tolerated
        It stays as it is, although today's range breaks a rule; ``None`` where it does not.
    legal
        It is open and obeys every rule.
    """

    item: WindowItem
    start: Expression
    end: Expression
    legal_start: Expression
    legal_end: Expression
    length: Expression
    open: cp_model.IntVar
    legal: Literal
    tolerated: cp_model.IntVar | None
    interval: cp_model.IntervalVar
    extent: Expression


@dataclass(slots=True)
class Variables:
    """All variables of one model.

    Attributes
    ----------
    granule
        Bytes of one granule, by address space.
    items
        Every BAR of the model, also those that no root window can hold: they have no variables.
    """

    model: QuickModel
    granule: dict[Space, Size]
    bars: list[BarVars] = field(default_factory=list)
    windows: list[WindowVars] = field(default_factory=list)
    window_of: dict[object, WindowVars] = field(default_factory=dict)
    items: list[BarItem] = field(default_factory=list)

    @property
    def hopeless(self) -> bool:
        """Whether a BAR that has to have an address can stand nowhere."""
        kept = any(bar.kept and not bar.placeable for bar in self.items)
        return kept or any(choice.kept and not choice.placeable for choice in choices(self.items))

    def of_choice(self, choice: Choice) -> list[BarVars]:
        """The items of a BAR whose size is open that some root window can hold."""
        return [bar for bar in self.bars if bar.item.choice is choice]

    def of(self, bars: Iterable[BarItem], windows: Iterable[WindowItem]) -> Variables:
        """Those of some of the items."""
        bars, names = list(bars), {window.key for window in windows}
        chosen = set(map(id, bars))
        return Variables(
            self.model,
            self.granule,
            [bar for bar in self.bars if id(bar.item) in chosen],
            [window for window in self.windows if window.item.key in names],
            self.window_of,
            bars,
        )

    def units(self, space: Space, span: Span) -> Span:
        """A range in granules, rounded out."""
        grain = self.granule[space]
        return span[0] // grain, -(-span[1] // grain)


def make_variables(bars: Iterable[BarItem], windows: Iterable[WindowItem], *, require_all: bool) -> Variables:
    """Variables for these items of a problem.

    Parameters
    ----------
    require_all
        Every required BAR gets a place, as it is known to be possible.

    Raises
    ------
    InputError
        If the addresses are too large, in granules, for the solver's integers.
    """
    bars, windows = list(bars), list(windows)
    variables = Variables(QuickModel(), {space: _granule(space, bars, windows) for space in ("io", "mem")})
    variables.items = bars
    items: list[BarItem | WindowItem] = [*windows, *(bar for bar in bars if bar.movable)]
    for item in items:
        grain, highest = variables.granule[item.space], max((high for _, high in item.places), default=0)
        if highest // grain > _LARGEST:
            raise InputError(
                f"{item.key} may stand at addresses up to {highest:#x} in steps of {grain} bytes; "
                f"expected fewer than 2^{_LARGEST.bit_length() - 1} steps"
            )
    for window in windows:
        made = _window(variables, window)
        variables.windows.append(made)
        variables.window_of[window.key] = made
    for bar in bars:
        made_bar = _bar(variables, bar, require_all)
        if made_bar is not None:
            variables.bars.append(made_bar)
    for choice in choices(bars):
        present = sum(bar.present for bar in variables.of_choice(choice))
        if choice.kept or (require_all and choice.required and choice.placeable):
            variables.model.add(present == 1)
        else:
            variables.model.add(present <= 1)
    return variables


def _granule(space: Space, bars: list[BarItem], windows: list[WindowItem]) -> Size:
    bits = 0
    for bar in bars:
        if bar.space == space and bar.movable:
            bits |= bar.size
    for window in windows:
        if window.space == space:
            bits |= window.granularity
            if window.today is not None:
                bits |= window.today[0] | window.today[1]
    return bits & -bits if bits else 1


def _bar(variables: Variables, bar: BarItem, require_all: bool) -> BarVars | None:
    model, grain = variables.model, variables.granule[bar.space]
    if not bar.movable:
        assert bar.today is not None
        start, end = variables.units(bar.space, (bar.today, bar.today + bar.span))
        return BarVars(bar, start, end, True, None, None)
    if not bar.placeable:
        return None
    name = str(bar.key)
    k = model.new_int_var_from_domain(cp_model.Domain.from_intervals([list(piece) for piece in bar.starts]), name)
    first: Expression = k * (bar.size // grain)
    length = bar.span // grain
    present: Literal = True if bar.kept or (require_all and bar.required) else model.new_bool_var(f"{name} placed")
    stays = None
    if bar.home is not None and bar.may_stay:
        stays = model.new_bool_var(f"{name} stays")
        model.add_if(stays, k == bar.home // bar.size)
        if not isinstance(present, bool):
            model.add_if_also(stays, present)
    interval = model.new_optional_fixed_size_interval_var(first, length, present, name)
    return BarVars(bar, first, first + length, present, stays, interval)


def _window(variables: Variables, window: WindowItem) -> WindowVars:
    model, grain = variables.model, variables.granule[window.space]
    name, step = str(window.key), window.granularity
    opened = model.new_bool_var(f"{name} open")
    places = [(align_up(low, step) // step, align_down(high, step) // step) for low, high in window.places]
    places = [place for place in places if place[0] < place[1]]
    reach = cp_model.Domain.from_intervals([list(place) for place in places] or [[0, 0]])
    first = model.new_int_var_from_domain(reach, f"{name} start")
    last = model.new_int_var_from_domain(reach, f"{name} end")
    longest = max((place[1] - place[0] for place in places), default=0)
    blocks = model.new_int_var(0, longest, f"{name} blocks")
    start, end, size = first * (step // grain), last * (step // grain), blocks * (step // grain)
    if window.tolerated:
        return _tolerated_window(variables, window, opened, (start, size, end), blocks)
    interval = model.new_optional_interval_var(start, size, end, opened, name)
    model.add_if(opened, blocks >= 1)
    model.add_if(opened.negated(), blocks == 0)
    model.add_if(opened.negated(), last == first)
    if not places:
        model.add(opened == 0)
    return WindowVars(window, start, end, start, end, size, opened, opened, None, interval, size)


def _tolerated_window(
    variables: Variables,
    window: WindowItem,
    opened: cp_model.IntVar,
    shape: tuple[Expression, Expression, Expression],
    blocks: cp_model.IntVar,
) -> WindowVars:
    """A window that either stays as it is today, in breach, or becomes legal."""
    model, name, grain = variables.model, str(window.key), variables.granule[window.space]
    start, size, end = shape
    assert window.today is not None
    today = variables.units(window.space, window.today)
    stays, legal = model.new_bool_var(f"{name} tolerated"), model.new_bool_var(f"{name} legal")
    model.add(stays + legal == opened)
    interval = model.new_optional_interval_var(start, size, end, legal, name)
    model.add_if(legal, blocks >= 1)
    model.add_if(legal.negated(), blocks == 0)
    reach = [(align_up(low, grain) // grain, align_down(high, grain) // grain) for low, high in window.places]
    lowest, highest = min(low for low, _ in [today, *reach]), max(high for _, high in [today, *reach])
    outer_start = model.new_int_var(lowest, highest, f"{name} start as it is")
    outer_end = model.new_int_var(lowest, highest, f"{name} end as it is")
    model.add_if(legal, outer_start == start)
    model.add_if(legal, outer_end == end)
    model.add_if(opened.negated(), outer_start == outer_end)
    model.add_if(stays, outer_start == today[0])
    model.add_if(stays, outer_end == today[1])
    extent = size + (today[1] - today[0]) * stays
    return WindowVars(window, outer_start, outer_end, start, end, size, opened, legal, stays, interval, extent)


def standing_buses(bus: BusNode) -> list[BusNode]:
    """The bus itself and, behind subtractive bridges, the buses an item there may count as standing on."""
    result = [bus]
    while bus.subtractive and bus.parent is not None:
        bus = bus.parent
        result.append(bus)
    return result


def standing_today(bus: BusNode, space: Space, span: Span) -> Iterator[BusNode]:
    """The buses on which an item counts as standing today: from behind subtractive bridges' windows, more than one."""
    yield bus
    while bus.parent is not None and bus.subtractive:
        opened = [window.today for window in bus.windows if window.space == space and window.today is not None]
        if any(low <= span[0] and span[1] <= high for low, high in opened):
            return
        bus = bus.parent
        yield bus
