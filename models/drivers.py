"""What is known of drivers: whether one survives that a BAR of its device moves.

A reset hook is no evidence; only ``verified`` makes a BAR movable under policy
``safe``.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DriverKnowledge:
    """One row of the driver table.

    Attributes
    ----------
    has_hooks
        A patch gave the driver hooks to pause and to resume around a BAR move.
    verified
        It was reported to survive a BAR move.
    source
        Where that is reported.
    """

    has_hooks: bool
    verified: bool
    source: str


_V9 = "linux-pci, movable BARs v9, 20201218174011.340514-1-s.miroshnichenko@yadro.com"
_AMD = "A. Grodzovsky's additions to movable_bars_v9.1, linux-pci, January 2021"

DRIVERS: dict[str, DriverKnowledge] = {
    "pcieport": DriverKnowledge(True, True, _V9),
    "nvme": DriverKnowledge(True, True, _V9),
    "amdgpu": DriverKnowledge(True, True, _AMD),
    "snd_hda_intel": DriverKnowledge(True, True, _AMD),
}
"""Drivers reported to survive a move; every other driver counts as unable to."""


def survives_move(driver: str) -> bool:
    """Whether ``driver`` is verified to survive a BAR move."""
    known = DRIVERS.get(driver)
    return known is not None and known.verified
