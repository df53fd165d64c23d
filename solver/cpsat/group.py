"""A group: functions of the root bus that are placed together, what it takes there, and where two are in the way."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from models.resources import FunctionAddress, Space, align_down, align_up
from models.spans import merged
from models.topology import BarKey
from solver.arrangement import Arrangement
from solver.cpsat.bystanders import Bystander
from solver.cpsat.model import Answer
from solver.cpsat.parts import Part
from solver.cpsat.variables import standing_today
from solver.cpsat.worth import today
from solver.problem import BarItem, BusNode, Span, WindowItem, choices


@dataclass(slots=True, eq=False)
class Group:
    """Functions of the root bus that are placed together.

    Attributes
    ----------
    answer
        The optimum of the group by itself.
    first, safe
        The best arrangement found without a solver, and the first one, which leaves most room to others.
    exact
        The exact lengths of its windows are worth the time.
    tries
        How often the solver was asked.
    parts
        What it was made of, where that is known.
    bystanders
        Other groups that may stay as they are while this one is solved beside them.
    of_today, taken, illegal, floors
        What was worked out before: see ``now``, ``spans``, :func:`must_change` and ``Opening``.
    """

    atoms: tuple[FunctionAddress, ...]
    bars: list[BarItem]
    windows: list[WindowItem]
    answer: Answer = field(default_factory=lambda: Answer(None, {}, {}))
    first: Arrangement | None = None
    safe: Arrangement | None = None
    of_today: Arrangement | None = None
    exact: bool = False
    tries: int = 0
    parts: tuple[Part, ...] = ()
    bystanders: tuple[Group, ...] = ()
    taken: tuple[Arrangement | None, list[tuple[Space, Span]]] = (None, [])
    illegal: bool | None = None
    floors: tuple[dict[str, int], int] | None = None

    @property
    def now(self) -> Arrangement:
        """The group's arrangement of today."""
        if self.of_today is None:
            self.of_today = today(self.bars, self.windows)
        return self.of_today

    def spans(self, arrangement: Arrangement) -> list[tuple[Space, Span]]:
        """What the group takes on the root bus, but for immovable BARs that are on that bus themselves."""
        if self.taken[0] is not arrangement:
            self.taken = arrangement, self._spans(arrangement)
        return self.taken[1]

    def _spans(self, arrangement: Arrangement) -> list[tuple[Space, Span]]:
        taken: list[tuple[Space, Span]] = []
        for window in self.windows:
            span = arrangement.windows.get(window.key)
            if span is not None and _stands_on_root(window.bus, window.space, span, arrangement):
                taken.append((window.space, span))
        for bar in self.bars:
            fixed = None if bar.bus.parent is None else bar.today
            at = arrangement.bars.get(bar.key) if bar.movable else fixed
            if at is not None and _stands_on_root(bar.bus, bar.space, (at, at + bar.span), arrangement):
                taken.append((bar.space, (at, at + bar.span)))
        return taken


def _stands_on_root(bus: BusNode, space: Space, span: Span, arrangement: Arrangement) -> bool:
    """Whether an item on ``bus`` counts as standing on the root bus: it does behind subtractive bridges' windows."""
    while bus.parent is not None:
        opened = [arrangement.windows.get(window.key) for window in bus.windows if window.space == space]
        if not bus.subtractive or any(low <= span[0] and span[1] <= high for low, high in filter(None, opened)):
            return False
        bus = bus.parent
    return True


def blame(group: Group) -> tuple[BarKey, ...]:
    """The BARs that may not stay as they are, of a group that admits no legal arrangement."""
    resized = [choice for choice in choices(group.bars) if choice.kept]
    nowhere = [choice.key for choice in resized if choice.resized or not choice.placeable]
    plain = [bar for bar in group.bars if bar.choice is None]
    evicted = [bar.key for bar in plain if bar.evicted or (bar.kept and not bar.placeable)]
    return (*evicted, *nowhere) or (*(bar.key for bar in plain if bar.kept), *(choice.key for choice in resized))


def part_of(arrangement: Arrangement, group: Group) -> Arrangement:
    """What an arrangement says of the items of a group."""
    return Arrangement(
        {bar.key: arrangement.bars.get(bar.key) for bar in group.bars if bar.movable},
        {window.key: arrangement.windows.get(window.key) for window in group.windows},
    )


def must_change(group: Group) -> bool:
    """Whether today's arrangement is no legal one: a movable BAR breaks a rule, or two overlap."""
    if group.illegal is None:
        group.illegal = _is_illegal(group)
    return group.illegal


def _is_illegal(group: Group) -> bool:
    if any(bar.evicted or bar.homeless for bar in group.bars):
        return True
    if any(choice.resized for choice in choices(group.bars)):
        return True
    by_bus: dict[tuple[int, Space], list[tuple[Span, bool]]] = defaultdict(list)
    for bar in group.bars:
        if bar.today is not None:
            span = (bar.today, bar.today + bar.span)
            for bus in standing_today(bar.bus, bar.space, span):
                by_bus[bus.number, bar.space].append((span, not bar.movable))
    for window in group.windows:
        if window.today is not None:
            for bus in standing_today(window.bus, window.space, window.today):
                by_bus[bus.number, window.space].append((window.today, window.tolerated))
    return any(_overlap_beyond_tolerance(spans) for spans in by_bus.values())


def _overlap_beyond_tolerance(spans: list[tuple[Span, bool]]) -> bool:
    """Whether two of these overlap that do not both stay as they are (marked by the truth value)."""
    open_: list[tuple[Span, bool]] = []
    for span, settled in sorted(spans):
        open_ = [other for other in open_ if other[0][1] > span[0]]
        if any(not (settled and other_settled) for _, other_settled in open_):
            return True
        open_.append((span, settled))
    return False


def pinned(group: Group) -> Iterable[tuple[Space, Span]]:
    """Ranges on the root bus that a group's windows cover in every arrangement.

    They are those of windows that stay, and what is around each immovable BAR.
    """
    for window in group.windows:
        if window.stays and window.bus.parent is None and window.today is not None:
            yield window.space, window.today
    grain = {(window.inner.number, window.space): window.granularity for window in group.windows}
    for bar in group.bars:
        if not bar.movable and bar.nested and bar.bus.parent is not None and bar.today is not None:
            step, bus = 1, bar.bus
            while bus.parent is not None:  # nothing need open a window for what lies behind subtractive bridges only
                if not bus.subtractive:
                    step = grain.get((bus.number, bar.space), 1)
                bus = bus.parent
            yield bar.space, (align_down(bar.today, step), align_up(bar.today + bar.span, step))


def may_stand_by(group: Group) -> bool:
    """Whether a group is as it is today at no cost, and there is nothing odd about it."""
    settled = group.answer.arrangement is group.now and group.answer.proved and not any(group.answer.values.values())
    odd = any(window.tolerated or window.bus.subtractive or window.inner.subtractive for window in group.windows)
    odd = odd or any(bar.choice is not None or bar.bus.subtractive for bar in group.bars)
    odd = odd or any(not bar.movable and not bar.nested for bar in group.bars)
    return settled and not odd and not must_change(group)


def as_bystander(group: Group) -> Bystander:
    """What the group takes on the root bus as it is, with windows drawn in, and whatever happens."""
    drawn_in: list[tuple[Space, Span]] = []
    for window in group.windows:
        if window.bus.parent is None and window.today is not None:
            low, high = window.today
            there = [bar for bar in group.bars if bar.space == window.space]
            spans = [(bar.today, bar.today + bar.span) for bar in there if bar.today is not None]
            held = [span for span in spans if low <= span[0] and span[1] <= high]
            if held:
                start = align_down(min(start for start, _ in held), window.granularity)
                end = align_up(max(end for _, end in held), window.granularity)
                drawn_in.append((window.space, (max(low, start), min(high, end))))
    for bar in group.bars:
        if bar.bus.parent is None and bar.movable and bar.today is not None:
            drawn_in.append((bar.space, (bar.today, bar.today + bar.span)))
    by_space: dict[Space, list[Span]] = defaultdict(list)
    for space, span in pinned(group):
        by_space[space].append(span)
    fixed = [(space, span) for space, spans in by_space.items() for span in merged(spans)]
    return Bystander(str(group.atoms[0]), group.spans(group.now), drawn_in, fixed)


def collisions(groups: list[Group], chosen: dict[int, Arrangement]) -> list[tuple[Group, Group]]:
    """Pairs of groups whose ranges on the root bus overlap."""
    return overlapping((group, group.spans(chosen[id(group)])) for group in groups)


def overlapping(spans: Iterable[tuple[Group, Iterable[tuple[Space, Span]]]]) -> list[tuple[Group, Group]]:
    """Pairs of groups of which some of these ranges overlap."""
    taken = [(space, span, group) for group, mine in spans for space, span in mine]
    taken.sort(key=lambda entry: (entry[0], entry[1]))
    pairs: list[tuple[Group, Group]] = []
    last: tuple[Space, Span, Group] | None = None
    for entry in taken:
        if last is not None and last[0] == entry[0] and entry[1][0] < last[1][1]:
            if last[2] is not entry[2]:
                pairs.append((last[2], entry[2]))
            if entry[1][1] <= last[1][1]:
                continue
        last = entry
    return pairs


def merge(groups: list[Group], party: Sequence[Group], floors: Sequence[Mapping[str, int]] = ()) -> list[Group]:
    """The groups with some of them as one, which comes last.

    Parameters
    ----------
    floors
        What each of the party is worth at least (:attr:`Part.floors`), where that is known.
    """
    whole = Group((), [], [])
    if floors:
        whole.parts = tuple(
            Part(group.bars, group.windows, least, group.parts) for group, least in zip(party, floors, strict=True)
        )
    for group in party:
        whole.atoms += group.atoms
        whole.bars += group.bars
        whole.windows += group.windows
    return [group for group in groups if group not in party] + [whole]


def neighbours(group: Group, groups: Sequence[Group], chosen: dict[int, Arrangement]) -> list[Group]:
    """The other groups in its address spaces, the nearest on the root bus first.

    Where it stands nowhere as yet, those beside the most free space come first.
    """
    spaces = {window.space for window in group.windows} | {bar.space for bar in group.bars}
    order: dict[Space, list[tuple[Span, Group]]] = defaultdict(list)
    for each in groups:
        for space, span in each.spans(chosen[id(each)]):
            if space in spaces:
                order[space].append((span, each))
    near: list[tuple[int, int, Group]] = []
    for items in order.values():
        items.sort(key=lambda entry: entry[0])
        mine = [number for number, (_, each) in enumerate(items) if each is group]
        for number, (span, each) in enumerate(items):
            before = items[number - 1][0][1] if number else 0
            after = items[number + 1][0][0] if number + 1 < len(items) else span[1]
            distance = min((abs(number - other) for other in mine), default=0)
            near.append((distance, -max(span[0] - before, after - span[1]), each))
    near.sort(key=lambda entry: entry[:2])
    return list(dict.fromkeys(each for _, _, each in near if each is not group))
