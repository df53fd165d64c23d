"""Put groups beside each other that have no address as yet, or may move: each of their windows is a block."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from models.resources import Size, Space, align_up
from models.topology import BarKey, WindowKey
from solver.arrangement import Arrangement
from solver.cpsat.group import Group, pinned
from solver.problem import Problem, Span, overlap


@dataclass(slots=True)
class Block:
    """What stands on the root bus, with all that is in it.

    Attributes
    ----------
    alignment
        It may shift by multiples of this.
    places
        Where it, and everything in it, may stand.
    unmoved
        BARs in it that have the address of today.
    """

    group: int
    space: Space
    span: Span
    alignment: Size
    places: list[Span]
    bars: dict[BarKey, int] = field(default_factory=dict)
    windows: dict[WindowKey, Span] = field(default_factory=dict)
    unmoved: int = 0


def assemble(
    problem: Problem,
    groups: Sequence[Group],
    chosen: dict[int, Arrangement],
    *,
    move: bool = False,
    stay: int = 0,
) -> dict[int, Arrangement] | None:
    """The same arrangements, shifted so that no two collide; ``None`` where that is not found.

    Parameters
    ----------
    move
        Groups with an address of today may be shifted too, all but what holds an immovable BAR; else they stay where
        they are chosen to be.
    stay
        What holds so many BARs with the address of today, or more, stays where it is chosen to be, the most of them
        first; all else is shifted. 0: nothing stays for that.
    """
    taken: dict[Space, list[Span]] = {
        space: [*problem.buses[0].obstacles[space], *problem.reserved[space]] for space in ("io", "mem")
    }
    blocks: list[Block] = []
    for group in groups:
        if shifts_in_part(group) if move else shifts(group):
            for block in _blocks(group, chosen[id(group)]):
                if _is_held(block, group):
                    taken[block.space].append(block.span)
                else:
                    blocks.append(block)
        else:
            for space, span in group.spans(chosen[id(group)]):
                taken[space].append(span)
        for space, span in pinned(group):
            taken[space].append(span)
    placed = {id(group): Arrangement(dict(chosen[id(group)].bars), dict(chosen[id(group)].windows)) for group in groups}
    if stay:
        blocks = _left_over(blocks, taken, stay)
    for block in sorted(blocks, key=lambda block: (-block.alignment, block.span[0] - block.span[1])):
        start = _first_fit(block, sorted(taken[block.space]))
        if start is None:
            return None
        shift = start - block.span[0]
        taken[block.space].append((start, start + block.span[1] - block.span[0]))
        arrangement = placed[block.group]
        arrangement.bars.update({key: at + shift for key, at in block.bars.items()})
        arrangement.windows.update({key: (low + shift, high + shift) for key, (low, high) in block.windows.items()})
    return placed


def _left_over(blocks: list[Block], taken: dict[Space, list[Span]], stay: int) -> list[Block]:
    """The blocks that do not stay where they are chosen to be; what stays is taken from then on."""
    left: list[Block] = []
    for block in sorted(blocks, key=lambda block: -block.unmoved):
        if block.unmoved >= stay and not any(overlap(block.span, span) for span in taken[block.space]):
            taken[block.space].append(block.span)
        else:
            left.append(block)
    return left


def shifts(group: Group) -> bool:
    """Whether the group has no address as yet, and its windows can stand anywhere on the root bus."""
    if any(window.today is not None for window in group.windows) or not shifts_in_part(group):
        return False
    return all(bar.movable and not bar.kept for bar in group.bars)


def shifts_in_part(group: Group) -> bool:
    """Whether those windows of a group that hold no immovable BAR can stand elsewhere on the root bus."""
    odd = any(window.stays or window.tolerated for window in group.windows)
    odd = odd or any(window.bus.subtractive or window.inner.subtractive for window in group.windows)
    odd = odd or any(bar.bus.subtractive for bar in group.bars)  # behind a bridge that may have no windows
    return not odd and not any(bar.choice is not None or bar.isa or not bar.nested for bar in group.bars)


def held(group: Group, arrangement: Arrangement) -> list[tuple[Space, Span]]:
    """What a group takes on the root bus that cannot shift: all, where anything is odd about it."""
    if not shifts_in_part(group):
        return [*group.spans(arrangement), *pinned(group)]
    blocks = _blocks(group, arrangement)
    return [*((block.space, block.span) for block in blocks if _is_held(block, group)), *pinned(group)]


def _is_held(block: Block, group: Group) -> bool:
    """Whether an immovable BAR of the group lies in the block."""
    fixed = [bar for bar in group.bars if not bar.movable and bar.space == block.space]
    return any(bar.today is not None and block.span[0] <= bar.today < block.span[1] for bar in fixed)


def _blocks(group: Group, arrangement: Arrangement) -> list[Block]:
    blocks: list[Block] = []
    for window in group.windows:
        span = arrangement.windows.get(window.key)
        if window.bus.parent is None and span is not None:
            blocks.append(Block(id(group), window.space, span, window.granularity, list(window.places)))
    for bar in group.bars:
        at = arrangement.bars.get(bar.key)
        if bar.bus.parent is None and at is not None:
            blocks.append(Block(id(group), bar.space, (at, at + bar.span), bar.size, list(bar.places)))
    for window in group.windows:
        span = arrangement.windows.get(window.key)
        block = _around(blocks, window.space, span)
        if block is not None and span is not None:
            block.windows[window.key] = span
            block.alignment = max(block.alignment, window.granularity)
            _keep_in(block, span, window.places)
    for bar in group.bars:
        at = arrangement.bars.get(bar.key)
        span = None if at is None else (at, at + bar.span)
        block = _around(blocks, bar.space, span)
        if block is not None and at is not None and span is not None:
            block.bars[bar.key] = at
            block.unmoved += at == bar.today
            block.alignment = max(block.alignment, bar.size)
            _keep_in(block, span, bar.places)
    return blocks


def _around(blocks: list[Block], space: Space, span: Span | None) -> Block | None:
    for block in blocks:
        if span is not None and block.space == space and block.span[0] <= span[0] and span[1] <= block.span[1]:
            return block
    return None


def _keep_in(block: Block, span: Span, places: Sequence[Span]) -> None:
    """Narrow the places of a block to those where a part of it is in its own."""
    before, after = span[0] - block.span[0], block.span[1] - span[1]
    common = {
        (max(low, start - before), min(high, end + after))
        for low, high in block.places
        for start, end in places
        if max(low, start - before) < min(high, end + after)
    }
    block.places = sorted(
        place
        for place in common
        if not any(other != place and other[0] <= place[0] and place[1] <= other[1] for other in common)
    )


def _first_fit(block: Block, busy: list[Span]) -> int | None:
    size, phase = block.span[1] - block.span[0], block.span[0] % block.alignment
    for low, high in sorted(block.places, reverse=True):  # room below 4 GiB is for those that need it
        position = align_up(low - phase, block.alignment) + phase
        for start, end in busy:
            if position + size <= start:
                break
            if end > position:
                position = align_up(end - phase, block.alignment) + phase
        if position + size <= high:
            return position
    return None
