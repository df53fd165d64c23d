"""One device plugged into a machine of 25 to 10,000 BARs: how the cost grows with the machine.

The root buses are those of a rack, a tenth of the devices may not move. The port has no window, or (``reserve``) the
two MiB that firmware keeps for hotplug by default. Minimum moves.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from random import Random

from benchmarks.families import devices as kinds
from benchmarks.families.making import NO_IO, Made, fill, finish_moves, plug
from benchmarks.families.rack import BARS_PER_HOST, MIX
from benchmarks.families.tree import Device, Host

NEW = {"nvme": kinds.NVME, "gpu": kinds.ACCELERATOR, "nic": kinds.DPU}
SIZES = (25, 50, 100, 200, 400, 800, 1600, 3200, 10_000)


def instances() -> Iterator[tuple[str, int, dict[str, int | str]]]:
    """Name, seed and parameters of each."""
    for bars in SIZES:
        for new in ("nvme", "gpu"):
            yield f"{new}-{bars}", 1, {"bars": bars, "new": new}
    for seed in (2, 3):
        yield f"nic-100-{seed}", seed, {"bars": 100, "new": "nic"}


def make(seed: int = 1, *, bars: int = 100, new: str = "nvme") -> Made:
    """A machine with about this many BARs, and one device of :data:`NEW` plugged in; a tenth of room to spare."""
    rng = Random(f"hotplug {seed} {bars} {new}")
    count = max(1, round(bars / BARS_PER_HOST))
    hosts = [Host() for _ in range(count)]
    for number, host in enumerate(hosts):
        fill(rng, host, MIX, bars // count + (number < bars % count), pinned=0.1, groups=(1, 4, 8))
    plug(rng, rng.choice(hosts), Device.of(NEW[new], new=True), kinds=NO_IO)
    return finish_moves(hosts, f"{new} plugged in among {bars} BARs, seed {seed}", room=Fraction(11, 10))
