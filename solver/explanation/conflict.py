"""The smallest set of BARs and pins that cannot be had together, by deletion filtering over whole solves.

A member is dropped where the rest still does not fit. First whole BARs are
left out; then each immovable BAR that is left may move.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from models.topology import BarKey
from solver.explanation.case import Case
from solver.explanation.findings import Conflict, Member, Role, Verdict
from solver.explanation.sets import filter_needed
from solver.explanation.shortage import find_shortage

_CONFLICTS = 3
"""How many conflicts of more than one BAR are looked for in one part of the machine."""


def find_conflicts(case: Case, unplaced: Sequence[BarKey]) -> tuple[list[Conflict], bool]:
    """Conflicts that name each BAR in ``unplaced``, and whether each one got its conflict.

    Parameters
    ----------
    unplaced
        BARs that a plan with as few as possible leaves without an address; empty where even those that have one
        admit no legal placement.
    """
    everything = list(case.bars)
    if not unplaced:
        existing = [key for key in everything if case.bars[key].address is not None]
        return [_minimal(case, existing, None)], True
    placed = [key for key in everything if key not in set(unplaced)]
    alone, together = _split(case, unplaced)
    conflicts = _alike_alone(case, alone)
    named = {*alone}
    searched = 0
    for key in together:
        if key in named:
            continue
        if searched == _CONFLICTS or case.budget.left <= 0:
            return conflicts, False
        searched += 1
        # With one BAR more than can be placed, what is placed cannot be placed any more.
        conflict = _minimal(case, [*placed, key], key)
        shape = _shape(case, key)
        alike = tuple(
            other for other in together if other not in named and other != key and _shape(case, other) == shape
        )
        conflicts.append(_with_alike(conflict, alike))
        named |= {key, *alike}
    return conflicts, True


def _split(case: Case, unplaced: Sequence[BarKey]) -> tuple[list[BarKey], list[BarKey]]:
    """Those that do not fit into the empty machine, and those that only others are in the way of."""
    alone: list[BarKey] = []
    together: list[BarKey] = []
    known: dict[object, Verdict] = {}
    for key in unplaced:
        shape = _shape(case, key)
        if shape not in known:
            known[shape] = case.try_set([key], [])
        (alone if known[shape] is Verdict.DOES_NOT_FIT else together).append(key)
    return alone, together


def _alike_alone(case: Case, alone: Sequence[BarKey]) -> list[Conflict]:
    """One conflict for each thing that is missing, with all BARs that miss it."""
    first: dict[object, Conflict] = {}
    for key in alone:
        shortage, windows = find_shortage(case, [key], frozenset())
        label = getattr(shortage, "bridge", key), type(shortage), getattr(shortage, "prefetchable", None)
        if label in first:
            first[label] = _with_alike(first[label], (*first[label].alike, key))
        else:
            first[label] = Conflict(
                (_member(case, key, frozenset()),), shortage, windows, minimal=True, bounds=case.bounds
            )
    return list(first.values())


def _with_alike(conflict: Conflict, alike: tuple[BarKey, ...]) -> Conflict:
    return replace(conflict, alike=alike)


def _shape(case: Case, key: BarKey) -> tuple[object, ...]:
    """What makes new BARs stand for each other: where they are, and what they ask for.

    BARs on the same bus are in the same place; so are those that have a slot each, of the same kind and on the same
    bus: a bridge that is closed and leads to nothing else. One may take the other's part in any placement.
    """
    bar = case.bars[key]
    bridge = case.bridges[key.function]
    slots: list[object] = []
    while bridge is not None and case.behind[bridge] == 1 and not case.bounds:
        half = case.functions[bridge].bridge
        if half is None or half.cardbus or any(window.range is not None for window in half.windows):
            break
        slots.append((half.windows, half.subtractive, half.isa, half.vga))
        bridge = case.bridges[bridge]
    return bridge, tuple(slots), bar.size, bar.copies, bar.width, bar.prefetchable


def _likeness(case: Case, key: BarKey) -> object:
    """What BARs have in common of which one is as good as the other; one that has an address is like no other."""
    return _shape(case, key) if case.bars[key].address is None else key


def _minimal(case: Case, bars: list[BarKey], key: BarKey | None) -> Conflict:
    """Filter ``bars``, which do not fit together, down to a set of which every member is needed."""
    pins = case.immovable

    def drop_others(rest: list[BarKey]) -> Verdict:
        chosen = [*rest, *([key] if key is not None else [])]
        return case.try_set(chosen, pins.intersection(chosen))

    ordered = sorted((other for other in bars if other != key), key=lambda other: _closeness(case, other, key))
    kept, proved = filter_needed(ordered, drop_others, lambda other: _likeness(case, other))
    chosen = [*([key] if key is not None else []), *reversed(kept)]
    fixed = frozenset(other for other in chosen if case.bars[other].fixed)

    def free_others(rest: list[BarKey]) -> Verdict:
        return case.try_set(chosen, fixed.union(rest))

    held, proved_pins = filter_needed([other for other in chosen if other in pins - fixed], free_others)
    staying = fixed.union(held)
    minimal = proved and proved_pins
    shortage, windows = find_shortage(case, chosen, staying)
    members = tuple(_member(case, other, staying) for other in chosen)
    return Conflict(members, shortage, windows, minimal, bounds=case.bounds)


def _closeness(case: Case, other: BarKey, key: BarKey | None) -> tuple[int, int]:
    """What is left out first: BARs that may move, small ones before large ones; then immovable ones."""
    bar = case.bars[other]
    near = key is not None and other.function == key.function
    return (2 * (other in case.immovable) + near, bar.span)


def _member(case: Case, key: BarKey, staying: frozenset[BarKey]) -> Member:
    bar = case.bars[key]
    role: Role = "pin" if key in staying else "new" if bar.address is None else "existing"
    function = case.functions[key.function]
    reason = case.reasons.get(key) if role == "pin" else None
    return Member(key, role, bar.size, bar.copies, bar.range, reason, function.driver)
