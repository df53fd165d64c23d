"""A plan for a person: what it is worth, and how it differs from today."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from models.legality import Breach, check, today_breaches
from models.mobility import Mobility
from models.plan import Objective, Plan, PlannedBar, Status
from models.resources import Range, Size, Space, format_size
from models.topology import Bar, BarKey, Topology, bar_name
from solver.render.columns import bullets, columns, labels, section
from solver.render.words import WINDOW_WORDS, address, bar_kind, bar_size, count, range_text, short_size

STATUS_WORDS = {
    Status.OPTIMAL: "optimal, every value is proved",
    Status.FEASIBLE: "feasible, a legal plan that is not proved to be the best",
    Status.INFEASIBLE: "infeasible, proved: the BARs that have an address admit no legal placement under this policy",
    Status.UNKNOWN: "unknown, time ran out without a plan",
}
"""What each status tells a person."""


def objective_text(objective: Objective) -> str:
    """``2 (proved)``, ``2 (at least 1)``; bytes also as a size."""
    if objective.value is None:
        return "no plan"
    text = str(objective.value)
    if (objective.name.endswith("_bytes") or objective.name == "rebar") and objective.value >= 1024:
        text += f", {short_size(objective.value)}"
    if objective.proved:
        return f"{text} (proved)"
    return f"{text} (no bound proved)" if objective.bound is None else f"{text} (at least {objective.bound} proved)"


def plan_summary(plan: Plan, seconds: float | None) -> str:
    """Engine, policy, status, every objective with its bound, and the time, under right-aligned labels."""
    pairs = [("engine", plan.engine), ("policy", plan.policy), ("status", STATUS_WORDS[plan.status])]
    pairs += [(objective.name, objective_text(objective)) for objective in plan.objectives]
    if seconds is not None:
        pairs.append(("seconds", f"{seconds:.2f}"))
    return labels(pairs)


def plan_difference(
    topology: Topology, plan: Plan, movement: Mobility, resizes: Mapping[BarKey, Sequence[Size]] | None = None
) -> str:
    """What differs from today: moved, placed, lost and unplaced BARs, and the windows that change.

    ``resizes`` are the sizes that were asked for; a BAR that finds no place goes on having the one of today.
    """
    today, bars = dict(topology.bars()), dict(plan.placement.sized(topology).bars())
    moved = [bar for bar in plan.bars if bar.moved]
    resized = [bar for bar in plan.bars if bar.before == bar.after and bars[bar.key].size != today[bar.key].size]
    placed = [bar for bar in plan.bars if bar.before is None and bar.after is not None]
    lost = [bar for bar in plan.bars if bar.before is not None and bar.after is None]
    missing = [bar for bar in plan.bars if bar.before is None and bar.after is None and _needed(bars[bar.key])]
    drivers = {function.address: function for function, _ in topology.functions()}

    def why_moved(bar: PlannedBar) -> str:
        function = drivers[bar.key.function]
        prepared = movement.unprepared.get(bar.key)
        if prepared is not None:
            return f"warning: {prepared}"
        return f"driver {function.driver} survives it" if function.driver else "no driver is bound"

    def asked(bar: PlannedBar) -> str:
        sizes = (resizes or {}).get(bar.key, ())
        return f"was to have {format_size(sizes[0])}" if len(sizes) == 1 else ""

    text = section(_title("Move", moved), _bar_lines(bars, moved, why_moved))
    text += section(_title("Get another size where they are", resized), _bar_lines(bars, resized))
    text += section(_title("Get an address", placed), _bar_lines(bars, placed))
    text += section(_title("Lose their address", lost), _bar_lines(bars, lost))
    text += section(_title("Stay without an address", missing), _bar_lines(bars, missing, asked))
    text += section("Bridge windows that change", _window_lines(plan))
    return text or "\nNothing changes: every BAR and every bridge window stays where it is.\n"


_MOST_NAMES = 8


def optional_left_out(topology: Topology, plan: Plan) -> str:
    """The optional BARs that have no address and get none: the first few by name, and how many more there are."""
    optional = {key for key, bar in topology.bars() if bar.optional and not bar.fixed}
    names = [str(bar.key) for bar in plan.bars if bar.key in optional and bar.before is None and bar.after is None]
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    lines = [", ".join(names[:_MOST_NAMES]) + more] if names else []
    return section(f"Optional, and left without an address ({count(len(names), 'BAR')})", bullets(lines))


def every_bar(topology: Topology, plan: Plan) -> str:
    """Every BAR of the plan with where it ends up and, if it may not move, why."""
    bars = dict(plan.placement.sized(topology).bars())
    rows = [
        (str(planned.key), address(planned.after, bars[planned.key].space), bar_size(bars[planned.key]), _stay(planned))
        for planned in plan.bars
    ]
    return section(f"Every BAR ({len(rows)})", columns(rows))


def broken_today(topology: Topology, plan: Plan) -> str:
    """Rules that today's placement breaks, apart by whether the plan goes on breaking them."""
    today = today_breaches(topology)
    if plan.status not in (Status.OPTIMAL, Status.FEASIBLE):
        return _breaches("Broken today", today)
    after = {(breach.rule, breach.parties) for breach in check(topology, plan.placement)} if today else set()
    kept = [breach for breach in today if (breach.rule, breach.parties) in after]
    mended = [breach for breach in today if (breach.rule, breach.parties) not in after]
    text = _breaches("Broken today already, and therefore tolerated", kept)
    return text + _breaches("Broken today, and no longer in the plan", mended)


def _breaches(title: str, breaches: Sequence[Breach]) -> str:
    return section(f"{title} ({len(breaches)})", bullets(str(breach) for breach in breaches))


def warnings_text(warnings: Iterable[str], title: str = "Warnings") -> str:
    """The warnings, one line each."""
    return section(title, bullets(warnings))


def _title(what: str, bars: Collection[PlannedBar]) -> str:
    return f"{what} ({count(len(bars), 'BAR')})"


def _needed(bar: Bar) -> bool:
    return not bar.optional and not bar.fixed


def _stay(planned: PlannedBar) -> str:
    if planned.moved:
        return f"moves from {planned.before:#x}"
    if planned.before is None:
        return "gets its first address" if planned.after is not None else "has none"
    return f"stays: {planned.why}" if planned.why else "stays"


def _bar_lines(
    bars: dict[BarKey, Bar],
    planned: Sequence[PlannedBar],
    remark: Callable[[PlannedBar], str] = lambda bar: "",
) -> str:
    rows = []
    for bar in planned:
        whole = bars[bar.key]
        kind = "I/O" if whole.space == "io" else bar_kind(whole)
        words = ", ".join(word for word in (bar.why, remark(bar)) if word)
        if bar.before is None and bar.after is None:
            arrow = ""
        elif bar.before is None or bar.before == bar.after:
            arrow = f"at {address(bar.after, whole.space)}"
        else:
            arrow = f"{address(bar.before, whole.space)} -> {address(bar.after, whole.space)}"
        rows.append((str(bar.key.function), bar_name(bar.key.index), arrow, bar_size(whole), kind, words))
    return columns(rows)


def _window_lines(plan: Plan) -> str:
    rows = []
    for window in plan.windows:
        if window.before == window.after:
            continue
        space: Space = "io" if window.key.kind == "io" else "mem"
        rows.append(
            (
                str(window.key.bridge),
                WINDOW_WORDS[window.key.kind].removesuffix(" behind bridge"),
                f"{range_text(window.before, space)} -> {range_text(window.after, space)}",
                _window_change(window.before, window.after),
            )
        )
    return columns(rows)


def _window_change(before: Range | None, after: Range | None) -> str:
    if before is None or after is None:
        return "opens, " + format_size(after.size) if after else "closes"
    if before.size == after.size:
        return f"moves, {format_size(after.size)}"
    verb = "grows" if after.size > before.size else "shrinks"
    return f"{verb} from {format_size(before.size)} to {format_size(after.size)}"
