"""What changed from kernel to kernel: one row of named rules per generation, nothing else.

Each field names a rule where generations part ways; the code that follows the rule asks for it by this name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Literal

HeadRule = Literal["half of the largest child", "descending fill"]
RelaxedHead = Literal["largest child", "smaller of both"]


@dataclass(frozen=True, slots=True)
class Rules:
    """One generation of the allocator.

    Attributes
    ----------
    named_resources
        Messages say ``bridge window [...]: assigned``, not ``BAR 14: assigned [...]``.
    head_alignment
        How the alignment of a bridge window follows from what stands behind it.
    alignment_orders
        Alignments from 1 MiB upward that sizing distinguishes; a BAR aligned to more is disabled.
    size_rounded_to_head
        A memory window's size is a multiple of its alignment, not only of 1 MiB.
    memory_keeps_old_size
        A memory window is never sized smaller than it was (an I/O window never is, in any generation).
    io_old_size_covers_children
        The children's optional I/O counts before the old size is a lower bound, not on top of it.
    large_items_fill
        Items larger than their alignment count as filling the space in front of larger ones.
    relaxed_must, relaxed_optional
        Where the assigned window upstream has no room, the required (optional) size is rounded to 1 MiB only.
    relaxed_head
        The alignment that a relaxed window gets.
    relaxed_without_space
        A window below two others that have no address yet is relaxed, as if those had no room (a defect of 6.18).
    rom_optional
        Disabled ROMs are optional.
    empty_window_optional
        A child window that requires nothing does not count 1 MiB.
    optional_keeps_size
        An optional BAR keeps its size while it waits; before, it was 0 until its turn came.
    optional_alignment
        A window may ask for a better alignment without asking for more bytes.
    selects_window
        A BAR's window is chosen by one function, not by masks of type bits.
    untouched_are_sized
        BARs of functions that the kernel never assigns count in the sizes of windows.
    tries_everything_first
        Everything is tried together even where nothing optional is asked for; required ones go first afterwards.
    failed_window_kept
        A bridge window that found no space keeps its type and size.
    releases_selected_window
        A retry releases the window that the failed resource selects, and those nested in it, not all of its type.
    lower_entries_lost
        When one bus falls back, buses below lose their optional requests (a defect of 6.15 to 7.0.0).
    distributes_at_boot
        Spare space is distributed to hotplug ports at boot, not only after a hot-add.
    shares_aligned
        Shares are what everything on the bus leaves, aligned down; before, normal bridges alone were subtracted.
    distribution_keeps_required
        Distribution never makes a window smaller than it has to be.
    tail_relocation
        The part of a window that is smaller than its alignment may stand in front.
    """

    named_resources: bool = False
    head_alignment: HeadRule = "half of the largest child"
    alignment_orders: int = 24
    size_rounded_to_head: bool = True
    memory_keeps_old_size: bool = True
    io_old_size_covers_children: bool = False
    large_items_fill: bool = False
    relaxed_must: bool = False
    relaxed_optional: bool = False
    relaxed_head: RelaxedHead = "largest child"
    relaxed_without_space: bool = False
    rom_optional: bool = False
    empty_window_optional: bool = False
    optional_keeps_size: bool = False
    optional_alignment: bool = False
    selects_window: bool = False
    untouched_are_sized: bool = True
    tries_everything_first: bool = False
    failed_window_kept: bool = False
    releases_selected_window: bool = False
    lower_entries_lost: bool = False
    distributes_at_boot: bool = False
    shares_aligned: bool = False
    distribution_keeps_required: bool = False
    tail_relocation: bool = False


_LINUX_6_1 = Rules()
"""The classic algorithm, 2.6.3x to 6.9."""

_LINUX_6_12 = replace(
    _LINUX_6_1,
    named_resources=True,
    relaxed_must=True,
    distributes_at_boot=True,
    shares_aligned=True,
)
"""Classic sizing, relaxed where upstream has no room (from 6.10)."""

_LINUX_6_15 = replace(
    _LINUX_6_12,
    relaxed_optional=True,
    relaxed_head="smaller of both",
    rom_optional=True,
    empty_window_optional=True,
    optional_keeps_size=True,
    tries_everything_first=True,
    lower_entries_lost=True,
)
"""Required parts before optional ones, ROMs among these (6.15 to 6.17)."""

_LINUX_6_18_0 = replace(
    _LINUX_6_15,
    relaxed_without_space=True,
    selects_window=True,
    failed_window_kept=True,
)
"""Windows are selected by one function; they are relaxed too often (6.18 before tight sizing reached it)."""

_LINUX_6_18 = replace(
    _LINUX_6_12,
    head_alignment="descending fill",
    alignment_orders=28,
    size_rounded_to_head=False,
    memory_keeps_old_size=False,
    io_old_size_covers_children=True,
    large_items_fill=True,
    relaxed_must=False,
    rom_optional=True,
    empty_window_optional=True,
    optional_keeps_size=True,
    optional_alignment=True,
    selects_window=True,
    untouched_are_sized=False,
    tries_everything_first=True,
    failed_window_kept=True,
    releases_selected_window=True,
    lower_entries_lost=True,
)
"""Tight sizing (6.18.16)."""

_LINUX_7 = replace(
    _LINUX_6_18,
    large_items_fill=False,
    lower_entries_lost=False,
    distribution_keeps_required=True,
    tail_relocation=True,
)
"""Tight sizing with tail relocation (7.0 with what was merged for 7.1)."""

RULES: Mapping[str, Rules] = MappingProxyType(
    {
        "linux-6.1": _LINUX_6_1,
        "linux-6.12": _LINUX_6_12,
        "linux-6.15": _LINUX_6_15,
        "linux-6.18.0": _LINUX_6_18_0,
        "linux-6.18": _LINUX_6_18,
        "linux-7": _LINUX_7,
    }
)
"""The rules by engine name."""
