"""Root windows without a byte to spare: everything fits, and hardly in any other way.

All below 4 GiB, so that no window above takes what does not fit; sizes from 1 to 64 MiB. Minimum moves with new
devices, or minimum waste from nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from benchmarks.families.devices import Kind, mem
from benchmarks.families.making import Made, fill, finish_boot, finish_moves, new_devices, plug
from benchmarks.families.tree import Host
from models.resources import MIB

_LOW = tuple(
    (Kind("ff0000", "nvme", tuple(mem(index, size * MIB) for index, size in enumerate(sizes))), weight)
    for sizes, weight in (((1,), 4), ((2, 1), 3), ((4,), 3), ((8, 2), 2), ((16,), 2), ((32, 1), 1), ((64, 4), 1))
)


def instances() -> Iterator[tuple[str, int, dict[str, int | str]]]:
    """Name, seed and parameters of each."""
    for bars in (15, 30, 60):
        yield f"moves-{bars}", 1, {"bars": bars, "new": max(2, bars // 12)}
        yield f"boot-{bars}", 1, {"bars": bars, "new": 0}


def make(seed: int = 1, *, bars: int = 30, new: int = 2) -> Made:
    """A host with about this many BARs; with nothing new, nothing has an address."""
    rng = Random(f"tight {seed} {bars} {new}")
    host = Host()
    fill(rng, host, _LOW, bars, groups=(1, 2, 4))
    for device in new_devices(rng, _LOW, new):
        plug(rng, host, device, width=6)
    machine = f"no room to spare, seed {seed}"
    return finish_moves([host], machine) if new else finish_boot([host], machine, room=1)
