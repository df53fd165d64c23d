"""What is known of drivers: whether one survives that a BAR of its device moves.

A reset hook is no evidence; only ``verified`` makes a BAR movable under policy
``safe``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


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


NOTHING_KNOWN = DriverKnowledge(False, False, "")
"""What is known of a driver that no table names."""


@dataclass(frozen=True, slots=True)
class DriverTable:
    """What is known of drivers, by name; one without a row counts as unable to survive a move.

    A dash and an underscore in a name count as the same, as they do for kernel modules.
    """

    rows: Mapping[str, DriverKnowledge] = field(default_factory=dict)

    def knowledge(self, driver: str) -> DriverKnowledge:
        """What is known of ``driver``."""
        return self.rows.get(plain_name(driver), NOTHING_KNOWN)

    def survives_move(self, driver: str) -> bool:
        """Whether ``driver`` is verified to survive a BAR move."""
        return self.knowledge(driver).verified

    def extended(self, rows: Mapping[str, DriverKnowledge]) -> DriverTable:
        """This table with more rows; a row whose name it has already takes the old one's place."""
        return DriverTable({**self.rows, **{plain_name(name): row for name, row in rows.items()}})


def plain_name(driver: str) -> str:
    """The name under which a driver stands in a table."""
    return driver.replace("-", "_")


_V9 = "linux-pci, movable BARs v9, 20201218174011.340514-1-s.miroshnichenko@yadro.com"
_AMD = "A. Grodzovsky's additions to movable_bars_v9.1, linux-pci, January 2021"

BUILT_IN = DriverTable(
    {
        "pcieport": DriverKnowledge(True, True, _V9),
        "nvme": DriverKnowledge(True, True, _V9),
        "amdgpu": DriverKnowledge(True, True, _AMD),
        "snd_hda_intel": DriverKnowledge(True, True, _AMD),
    }
)
"""Drivers reported to survive a move; every other driver counts as unable to."""
