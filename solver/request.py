"""What the user asks of an engine."""

from __future__ import annotations

from dataclasses import dataclass, field

from models.drivers import BUILT_IN, DriverTable
from models.errors import InputError
from models.mobility import Mobility, Policy, mobility
from models.topology import BarKey, Topology

OBJECTIVES: dict[str, str] = {
    "unplaced": "BARs left without an address that need one",
    "moved_bars": "BARs whose address changes",
    "wasted_bytes": "bytes inside the windows of root-bus bridges that back no BAR",
    "windows_changed": "bridge windows whose range changes",
    "prepared_drivers": "drivers to prepare or unbind because a BAR of theirs moves",
    "moved_functions": "functions with a BAR whose address changes",
}
"""Every objective with what it counts; each is minimised."""

PRESETS: dict[str, tuple[str, ...]] = {
    "moves": ("unplaced", "moved_bars", "windows_changed"),
    "waste": ("unplaced", "wasted_bytes", "moved_bars"),
}
"""Named orders of objectives."""


def parse_minimize(text: str, policy: Policy = Policy.SAFE) -> tuple[str, ...]:
    """The order of objectives that ``--minimize`` spells: a preset's name, or objectives separated by commas.

    Under policy ``on-demand`` a preset weighs drivers before everything but ``unplaced``.

    Raises
    ------
    InputError
        If a name is unknown or stands twice.
    """
    if text in PRESETS:
        first, *rest = PRESETS[text]
        return (first, "prepared_drivers", *rest) if policy is Policy.ON_DEMAND else PRESETS[text]
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
    weights
        Costs of preparing drivers, see :func:`models.mobility.preparation_cost`.
    """

    policy: Policy = Policy.SAFE
    minimize: tuple[str, ...] = PRESETS["moves"]
    pins: frozenset[BarKey] = frozenset()
    frees: frozenset[BarKey] = frozenset()
    weights: dict[str, int] = field(default_factory=dict)
    time_limit: float | None = 60.0
    workers: int = 0
    seed: int = 0
    options: dict[str, str] = field(default_factory=dict)
    """Engine-specific options, for instance kernel parameters."""
    drivers: DriverTable = BUILT_IN
    """Which drivers survive a BAR move."""

    def mobility(self, topology: Topology) -> Mobility:
        """What may move under this request."""
        return mobility(
            topology, self.policy, pins=self.pins, frees=self.frees, weights=self.weights, drivers=self.drivers
        )
