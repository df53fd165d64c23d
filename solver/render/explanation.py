"""An explanation for a person: the conflicts and the ways out in sentences."""

from __future__ import annotations

from collections.abc import Sequence

from models.mobility import FIXED
from models.reserves import STAND_IN
from models.resources import Space, format_size
from models.topology import BarKey, bar_name
from solver.explanation.findings import (
    Always,
    Conflict,
    Explanation,
    KeptBack,
    Member,
    NoAlignedBlock,
    NoWindow,
    Part,
    TooFewBytes,
    Verdict,
    Way,
    WayKind,
)
from solver.render.columns import columns
from solver.render.words import WINDOW_WORDS, count, range_text

_FEW = 8
"""BARs that are named before the rest is counted."""


def explanation_text(explanation: Explanation, *, everything: bool = False) -> str:
    """The verdict in one line, then each part of the machine in which something does not fit.

    Parameters
    ----------
    everything
        Name every BAR, however many there are.
    """
    text = _headline(explanation)
    for part in explanation.parts:
        text += "\n" + _part_text(part, None if everything else _FEW)
    if explanation.interrupted:
        text += "\nInterrupted: what was found until then stands above.\n"
    elif explanation.out_of_time:
        text += "\nTime ran out: there may be smaller conflicts and further ways out (--time-limit).\n"
    return text


def _headline(explanation: Explanation) -> str:
    policy = explanation.policy
    if explanation.verdict is Verdict.FITS:
        return f"Everything fits under policy {policy}: {_found(explanation)}.\nNothing has to be explained.\n"
    if explanation.verdict is Verdict.UNPROVED:
        return f"Whether everything fits under policy {policy} is not proved: time ran out before a plan or a proof.\n"
    bound = sum(part.bound for part in explanation.parts)
    if any(part.impossible for part in explanation.parts):
        return f"Proved: under policy {policy} no legal placement exists, whatever is left out of what is new.\n"
    least = "" if bound == sum(len(part.unplaced) for part in explanation.parts) else "at least "
    verb = _verb(bound, "stays", "stay")
    return (
        f"Proved: not everything fits under policy {policy}; {least}{count(bound, 'BAR')} {verb} without an address.\n"
    )


def _found(explanation: Explanation) -> str:
    """Why nothing has to be explained."""
    given, moved = explanation.given, explanation.moved
    text = "every BAR that needs an address has one"
    if given:
        text = f"{count(given, 'BAR')} without an address {_verb(given, 'finds', 'find')} one"
    return f"{text}, and {count(moved, 'BAR')} {_verb(moved, 'moves', 'move')} (see barplan solve)" if moved else text


def _verb(number: int, one: str, many: str) -> str:
    return one if number == 1 else many


def _part_text(part: Part, few: int | None) -> str:
    text = f"root bus {part.root}, {_SPACE[part.space]}: {_part_verdict(part)}\n"
    for conflict in part.conflicts:
        text += _conflict_text(conflict, part.space, few)
    if part.verdict is Verdict.DOES_NOT_FIT and not part.explained:
        text += "  Not every BAR that stays without an address is explained by itself.\n"
    if part.ways:
        text += "  Ways out, cheapest first, each solved and checked:\n"
        text += "".join(f"    {number}. {way_text(way, part.space, few)}\n" for number, way in enumerate(part.ways, 1))
    elif part.verdict is Verdict.DOES_NOT_FIT:
        text += "  No way out was found.\n"
    return text + (f"  {always_text(part.always)}\n" if part.always is not None else "")


_SPACE: dict[Space, str] = {"mem": "memory", "io": "I/O ports"}


def _part_verdict(part: Part) -> str:
    if part.impossible:
        return "the BARs that have an address admit no legal placement (proved)"
    number = len(part.unplaced)
    stay = f"{count(number, 'BAR')} {_verb(number, 'stays', 'stay')} without an address"
    if part.verdict is Verdict.UNPROVED:
        return f"{stay} in the best plan so far, which is not proved to be the best"
    return f"{stay} (proved)" if part.bound == number else f"{stay} (at least {part.bound} proved)"


# -- conflicts ----------------------------------------------------------------------------------------------------


def _conflict_text(conflict: Conflict, space: Space, few: int | None) -> str:
    if len(conflict.members) == 1:
        title = "Conflict, of one BAR that does not fit into the empty machine"
        title += f", as windows outside of {conflict.bounds} stay:" if conflict.bounds else ":"
    elif conflict.minimal:
        title = "Conflict, minimal: without any one of them the others fit"
        fixed = [pin.reason == FIXED for pin in conflict.pins]
        if not all(fixed):
            title += ", and all fit if any that stays" + (" and is not fixed" if any(fixed) else "") + " could move"
        title += ":"
    else:
        title = "Conflict, not proved to be minimal (time ran out):"
    rows = [_member_row(member, space) for member in conflict.members]
    text = f"  {title}\n" + columns(rows, indent="    ")
    text += "".join(f"    {line}\n" for line in shortage_lines(conflict, space))
    if conflict.alike:
        text += f"    The same goes for {_names(conflict.alike, few)}.\n"
    return text


def _member_row(member: Member, space: Space) -> tuple[str, ...]:
    size = f"[size={format_size(member.size)}]" + (f" x {member.copies} VFs" if member.copies > 1 else "")
    if _is_reserve(member.key):  # it has no VFs but is so many aligned blocks
        size = f"[size={format_size(member.size * member.copies)}]"
    bar = "" if _is_reserve(member.key) else bar_name(member.key.index)
    return (str(member.key.function), bar, size, _member_words(member, space))


def _is_reserve(key: BarKey) -> bool:
    """Whether it is no BAR but room that was asked for."""
    return str(key.function).startswith(STAND_IN)


def _name(key: BarKey) -> str:
    return str(key.function) if _is_reserve(key) else str(key)


def _member_words(member: Member, space: Space) -> str:
    if member.role == "new":
        return "asked for" if _is_reserve(member.key) else "needs an address"
    where = range_text(member.range, space)
    if member.role == "existing":
        return f"has to keep an address, now {where}"
    reason = member.reason or "it may not move"
    if member.driver is not None and member.driver not in reason:
        reason += f" (driver {member.driver})"
    return f"stays at {where}: {reason}"


def shortage_lines(conflict: Conflict, space: Space) -> list[str]:
    """What is missing, as one or two sentences."""
    shortage = conflict.shortage
    windows = " and ".join(range_text(window, space) for window in conflict.windows)
    there = f"root {_verb(len(conflict.windows), 'window', 'windows')} {windows}"
    if isinstance(shortage, NoWindow):
        return [_no_window(shortage)]
    more = [] if shortage.kept_back is None else [_KEPT_BACK[shortage.kept_back]]
    if isinstance(shortage, NoAlignedBlock):
        return _no_block(shortage, there, space) + more
    room = f"The {there} {_verb(len(conflict.windows), 'has', 'have')} room for {format_size(shortage.room)}"
    room += f", and {format_size(shortage.needed)} have to go in: "
    if isinstance(shortage, TooFewBytes):
        return [f"{room}{format_size(shortage.short)} short.", *more]
    if conflict.bounds:
        return [f"{room}bytes enough, but the bridge windows outside of {conflict.bounds} stay as they are."]
    return [
        f"{room}bytes enough, but no order of them fits the alignment of all and the whole blocks of bridge windows.",
        *more,
    ]


_KEPT_BACK: dict[KeptBack, str] = {
    "ports": "I/O ports that an ISA or a VGA enable bit keeps from them do not serve.",
    "windows": "Under --window-rule kernel, 64-bit prefetchable bridge windows do not serve 32-bit prefetchable BARs.",
}


def _no_window(shortage: NoWindow) -> str:
    kind = "I/O" if shortage.space == "io" else "memory"
    if shortage.bridge is not None:
        return f"The bridge {shortage.bridge} on the way has no window for {kind}."
    if shortage.out_of_reach:
        return f"The root bus has {kind} windows, but none below 4 GiB, where it has to be."
    if kind == "memory" and not shortage.prefetchable:
        kind = "non-prefetchable memory"
    return f"The root bus has no {kind} window."


def _no_block(shortage: NoAlignedBlock, there: str, space: Space) -> list[str]:
    free = f"{format_size(shortage.free)} free" if shortage.free else "nothing free"
    beside = "Beside what stays" if not shortage.around else "Beside what stays, and the bridge windows around it"
    line = f"{beside}, the {there} {'have' if ' and ' in there else 'has'} {free}"
    if shortage.free:
        line += f", the largest aligned block being {format_size(shortage.largest)}"
    needs = (
        f"; {_name(shortage.key)} takes {format_size(shortage.span)} at a multiple of {format_size(shortage.needed)}"
    )
    if shortage.granularity is not None:
        needs = (
            f"; the bridge window around {_name(shortage.key)} takes {format_size(shortage.span)} in whole blocks of "
        )
        needs += format_size(shortage.granularity)
    lines = [line + needs + "."]
    for bridge, kind, range_ in shortage.around:
        words = WINDOW_WORDS[kind].removesuffix(" behind bridge")
        lines.append(f"{bridge}: its window ({words}) has to cover {range_text(range_, space)}.")
    return lines


# -- ways ---------------------------------------------------------------------------------------------------------


def way_text(way: Way, space: Space = "mem", few: int | None = None) -> str:
    """One way out as a sentence, with the option of ``barplan solve`` that takes it."""
    text = _way_words(way, space, few)
    if way.moved:
        text += f"; {count(way.moved, 'BAR')} {_verb(way.moved, 'moves', 'move')}"
    return f"{text} (barplan solve {' '.join(way.options)})" if way.options else text


def _way_words(way: Way, space: Space, few: int | None) -> str:
    names = _names(way.bars, few)
    if way.kind is WayKind.SCOPE:
        return f"change more than {way.parameters[0]} allows"
    if way.kind is WayKind.RULE:
        return "let 32-bit prefetchable BARs lie in any window, though Linux does not"
    if way.kind is WayKind.POLICY:
        return "allow the moves that are safe"
    if way.kind is WayKind.PINS:
        return f"give up the {_verb(len(way.bars), 'pin', 'pins')} of {names}"
    if way.kind is WayKind.DRIVERS:
        return f"prepare or unbind {_drivers(way, _no_cheaper(way))}"
    if way.kind is WayKind.OPTIONAL:
        return f"take the address from {names}, which {_verb(len(way.bars), 'does', 'do')} not need one"
    if way.kind is WayKind.SIZES:
        most = "at most " if len(way.bars) > 1 else ""
        return f"resize {names} to {most}{format_size(way.size or 0)}"
    if way.kind is WayKind.COMBINED:
        together = ", and ".join(_part_words(part, space, few) for part in way.combines)
        return f"{together} (together; {_no_cheaper(way)})"
    if way.kind is WayKind.WINDOW and way.combines:
        return ", and ".join(_way_words(part, space, few) for part in way.combines)
    if way.kind is WayKind.KERNEL:
        return _kernel(way)
    if way.kind is WayKind.LEAVE_OUT:
        return f"leave out {names}: all the rest fits" + ("" if way.proved else " (fewer may do)")
    return _window(way, space)


def _part_words(way: Way, space: Space, few: int | None) -> str:
    """A way as a part of a combination, which alone knows what is proved."""
    return f"prepare or unbind {_drivers(way)}" if way.kind is WayKind.DRIVERS else _way_words(way, space, few)


def _drivers(way: Way, proof: str = "") -> str:
    drivers = ", ".join(f"{driver or 'the unknown driver'} of {function}" for function, driver in way.functions)
    return count(len(way.functions), "driver") + f" ({proof})" * bool(proof) + f": {drivers}"


def _no_cheaper(way: Way) -> str:
    return "no cheaper set does, proved" if way.proved else "a cheaper set may do"


def _kernel(way: Way) -> str:
    kernels = ", ".join(way.kernels)
    if not way.parameters:
        return f"boot again: {kernels} would place everything with no parameter"
    return f"boot with pci={','.join(way.parameters)}: {kernels} would place everything"


def _window(way: Way, space: Space) -> str:
    least = "less does not do" if way.proved else "less may do"
    size = format_size(way.grows or 0)
    if way.window is None:
        kind = "I/O" if space == "io" else "prefetchable memory" if way.prefetchable else "memory"
        below = "" if kind != "memory" else " below 4 GiB"
        return f"give the root bus a new {kind} window of {size}{below} ({least}; a matter of the firmware)"
    end = "start" if way.at_start else "end"
    window = range_text(way.window, space)
    return f"enlarge the root window {window} by {size} at its {end} ({least}; a matter of the firmware)"


def always_text(always: Always) -> str:
    """Whether any placement exists under policy ``always``."""
    if always.verdict is Verdict.FITS:
        moved = always.moved or 0
        return f"Under policy always everything fits; {count(moved, 'BAR')} {_verb(moved, 'moves', 'move')}."
    if always.verdict is Verdict.UNPROVED:
        return "Whether everything fits under policy always is not proved."
    if always.bound is None:
        return "Under policy always no legal placement exists either (proved)."
    number = always.bound
    stay = f"{count(number, 'BAR')} {_verb(number, 'stays', 'stay')}"
    return f"Under policy always it does not fit either: at least {stay} without an address (proved)."


def _names(keys: Sequence[BarKey], few: int | None) -> str:
    shown = [_name(key) for key in keys[:few]]
    more = len(keys) - len(shown)
    if more:
        return f"{', '.join(shown)} and {more} more"
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}" if shown else ""
