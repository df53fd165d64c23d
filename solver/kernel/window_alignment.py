"""How a memory window's alignment follows from what stands behind it; two rules, by generation.

``buckets[k]`` is the sum of the alignments of ``1 MiB << k`` behind the bridge, smaller ones counted in the first.
"""

from __future__ import annotations

from collections.abc import Sequence

from models.resources import MEMORY_GRANULARITY, MIB, Size, align_up
from solver.kernel.rules import HeadRule


def order_of(alignment: Size) -> int:
    """The bucket of an alignment."""
    return max((alignment & -alignment).bit_length() - 1 - 20, 0)


def head_alignment(rule: HeadRule, buckets: Sequence[Size], largest: int) -> Size:
    """The alignment of a window whose largest child has order ``largest``."""
    head = _half_of_largest(buckets, largest) if rule == "half of the largest child" else _fill(buckets, largest)
    return max(head, MEMORY_GRANULARITY)


def _half_of_largest(buckets: Sequence[Size], largest: int) -> Size:
    """Smaller children go in front of larger ones, as far as half of the larger one's alignment."""
    filled = head = 0
    for order in range(largest + 1):
        alignment = MIB << order
        if filled == 0:
            head = alignment
        elif align_up(filled + head, head) < alignment:
            head = alignment // 2
        filled += buckets[order]
    return head


def _fill(buckets: Sequence[Size], largest: int) -> Size:
    """The alignment is halved as long as smaller children fill the half in front."""
    head, rest = MIB << largest, 0
    for order in range(largest - 1, -1, -1):
        rest += buckets[order]
        while head > MIB << order and rest >= head // 2:
            head //= 2
            rest -= head
    return head
