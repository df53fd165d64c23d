"""Machines half or more of which may not move: plans have to find their way around what stays.

Minimum moves, with a few new devices; the root windows just hold everything.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from benchmarks.families.making import Made, fill, finish_moves, new_devices, plug
from benchmarks.families.rack import MIX, NEW
from benchmarks.families.tree import Host


def instances() -> Iterator[tuple[str, int, dict[str, int | str]]]:
    """Name, seed and parameters of each."""
    for percent in (30, 50, 80):
        for bars in (40, 120):
            yield f"{percent}-percent-{bars}", 1, {"percent": percent, "bars": bars, "new": bars // 15}


def make(seed: int = 1, *, percent: int = 50, bars: int = 40, new: int = 3) -> Made:
    """A host of which about ``percent`` of 100 devices may not move."""
    rng = Random(f"pinned {seed} {percent} {bars} {new}")
    host = Host()
    fill(rng, host, MIX, bars, pinned=percent / 100, groups=(1, 2, 4))
    for device in new_devices(rng, NEW, new):
        plug(rng, host, device, width=6)
    return finish_moves([host], f"{percent} % immovable, seed {seed}")
