"""What the user asks of an engine."""

from __future__ import annotations

from dataclasses import dataclass, field

from models.drivers import BUILT_IN, DriverTable
from models.errors import InputError
from models.mobility import Mobility, Policy, mobility
from models.resources import Size
from models.scope import EVERYTHING, Scope
from models.topology import BarKey, Topology

OBJECTIVES: dict[str, str] = {
    "unplaced": "BARs left without an address that need one",
    "moved_bars": "BARs whose address changes",
    "wasted_bytes": "bytes inside the windows of root-bus bridges that back no BAR",
    "windows_changed": "bridge windows whose range changes",
    "prepared_drivers": "drivers to prepare or unbind because a BAR of theirs moves or is resized",
    "moved_functions": "functions with a BAR whose address changes",
    "unplaced_functions": "functions with a BAR left without an address that needs one",
    "rebar": "bytes by which Resizable BARs fall short of their largest size",
    "rebar_halvings": "halvings by which Resizable BARs fall short of their largest size",
    "headroom": "doublings by which empty hotplug ports fall short of the largest block of a root window",
}
"""Every objective with what it counts; each is minimised."""

CHOOSE_SIZES = frozenset({"rebar", "rebar_halvings"})
"""The objectives under which sizes are open."""

PRESETS: dict[str, tuple[str, ...]] = {
    "moves": ("unplaced", "moved_bars", "windows_changed"),
    "waste": ("unplaced", "wasted_bytes", "moved_bars"),
    "rebar": ("unplaced", "rebar", "moved_bars"),
    "headroom": ("unplaced", "headroom", "moved_bars"),
}
"""Named orders of objectives."""

WINDOW_RULES: dict[str, str] = {
    "free": "a 32-bit prefetchable BAR lies in any window that is legal for it",
    "kernel": "a 32-bit prefetchable BAR is never newly placed in a 64-bit prefetchable window, as Linux has it",
}
"""Every choice of ``--window-rule`` with what it means."""


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
            known = ", ".join(dict.fromkeys([*PRESETS, *OBJECTIVES]))
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
    resizes
        BARs to be resized, with the sizes each may take (bytes of one instance). Each of them may move.
    window_rule
        Where 32-bit prefetchable BARs may lie: a key of :data:`WINDOW_RULES`.
    whole_functions
        Where not everything fits, ``unplaced_functions`` is minimised before all else.
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
    resizes: dict[BarKey, tuple[Size, ...]] = field(default_factory=dict)
    window_rule: str = "free"
    whole_functions: bool = False
    drivers: DriverTable = BUILT_IN
    """Which drivers survive a BAR move."""
    scope: Scope = EVERYTHING
    """What is outside stays; the exact engine honours it for windows too, the greedy ones know no scope."""

    def mobility(self, topology: Topology) -> Mobility:
        """What may move under this request."""
        frees = self.frees | self.resizes.keys()
        return mobility(
            topology,
            self.policy,
            pins=self.pins,
            frees=frees,
            weights=self.weights,
            drivers=self.drivers,
            scope=self.scope,
        )

    def sizes(self, topology: Topology) -> dict[BarKey, tuple[Size, ...]]:
        """The sizes that each BAR may take whose size is open, or has to change.

        Under ``rebar`` and ``rebar_halvings`` these are, unless the request leaves the size of some BAR open itself,
        all Resizable BARs that may move: at any size, or, where they have an address and thus work, at no smaller
        size than today's.
        """
        bars = dict(topology.bars())
        found = {key: tuple(sorted(set(sizes))) for key, sizes in self.resizes.items() if key in bars}
        if CHOOSE_SIZES.isdisjoint(self.minimize):  # nothing would choose
            found = {key: sizes for key, sizes in found.items() if len(sizes) == 1}
        elif all(len(sizes) == 1 for sizes in found.values()):
            movement = self.mobility(topology)
            for key, bar in bars.items():
                if key not in found and bar.sizes and movement.may_move(key):
                    least = bar.size if bar.address is not None else 0
                    found[key] = tuple(sorted({size for size in (bar.size, *bar.sizes) if size >= least}))
        return {key: sizes for key, sizes in found.items() if sizes != (bars[key].size,) and not bars[key].fixed}
