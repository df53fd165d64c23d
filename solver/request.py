"""What the user asks of an engine."""

from __future__ import annotations

from dataclasses import dataclass, field

from models.errors import InputError
from models.mobility import Mobility, Policy, mobility
from models.topology import BarKey, Topology

OBJECTIVES: dict[str, str] = {
    "unplaced": "BARs left without an address that need one",
    "moved_bars": "BARs whose address changes",
    "wasted_bytes": "bytes inside the windows of root-bus bridges that back no BAR",
    "windows_changed": "bridge windows whose range changes",
    "moved_functions": "functions with a BAR whose address changes",
}
"""Every objective with what it counts; each is minimised."""

PRESETS: dict[str, tuple[str, ...]] = {
    "moves": ("unplaced", "moved_bars", "windows_changed"),
    "waste": ("unplaced", "wasted_bytes", "moved_bars"),
}
"""Named orders of objectives."""


def parse_minimize(text: str) -> tuple[str, ...]:
    """The order of objectives that ``--minimize`` spells: a preset's name, or objectives separated by commas.

    Raises
    ------
    InputError
        If a name is unknown or stands twice.
    """
    if text in PRESETS:
        return PRESETS[text]
    names = tuple(name.strip() for name in text.split(","))
    for name in names:
        if name not in OBJECTIVES:
            known = ", ".join([*PRESETS, *OBJECTIVES])
            raise InputError(f"unknown objective {name!r}, expected one of {known}", source="--minimize")
    if len(set(names)) < len(names):
        raise InputError("an objective stands twice", source="--minimize")
    return names


@dataclass(frozen=True, slots=True)
class Request:
    """Everything an engine needs to know beside the machine.

    Attributes
    ----------
    minimize
        Objectives in lexicographic order.
    pins, frees
        BARs that must stay, and BARs that may move although the policy says no.
    time_limit
        Seconds of wall time for the whole solve; ``None`` = no limit.
    workers
        Solver threads; 0 = one per core.
    """

    policy: Policy = Policy.SAFE
    minimize: tuple[str, ...] = PRESETS["moves"]
    pins: frozenset[BarKey] = frozenset()
    frees: frozenset[BarKey] = frozenset()
    time_limit: float | None = 60.0
    workers: int = 0
    seed: int = 0
    options: dict[str, str] = field(default_factory=dict)
    """Engine-specific options, for instance kernel parameters."""

    def mobility(self, topology: Topology) -> Mobility:
        """What may move under this request."""
        return mobility(topology, self.policy, pins=self.pins, frees=self.frees)
