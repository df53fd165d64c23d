"""What may move, and why the rest may not.

Bridge windows may always change. This module decides for BARs.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from models.drivers import survives_move
from models.topology import Bar, BarKey, Function, Topology


class Policy(StrEnum):
    """The rules on what may move, after the movable-BARs discussion."""

    SAFE = "safe"
    """BARs move where the driver is verified to survive it, or where no driver is bound."""
    ALWAYS = "always"
    """BARs move regardless of drivers; each unprepared driver is named."""
    REFUSE = "refuse"
    """Nothing moves if one unprepared driver is met."""
    NEVER = "never"
    """Nothing moves."""


@dataclass(frozen=True, slots=True)
class Mobility:
    """For every BAR the reason why it may not move, or ``None`` where it may.

    Attributes
    ----------
    reasons
        Reason by BAR.
    unprepared
        Why the function's driver counts as unprepared, for BARs that move regardless (policy ``always``, ``--free``).
    """

    reasons: dict[BarKey, str | None]
    unprepared: dict[BarKey, str]

    @property
    def immovable(self) -> frozenset[BarKey]:
        """The BARs that have to stay where they are (or unassigned, where fixed without an address)."""
        return frozenset(key for key, reason in self.reasons.items() if reason is not None)

    def may_move(self, key: BarKey) -> bool:
        return self.reasons.get(key) is None


def unprepared_reason(function: Function) -> str | None:
    """Why the function's driver would not survive a BAR move, or ``None`` where it would."""
    if not function.driver_known:
        return "driver unknown"
    if function.driver is None or survives_move(function.driver):
        return None
    return f"driver {function.driver} is not verified to survive a BAR move"


def mobility(
    topology: Topology,
    policy: Policy = Policy.SAFE,
    *,
    pins: Collection[BarKey] = (),
    frees: Collection[BarKey] = (),
) -> Mobility:
    """Decide for every BAR of ``topology`` whether it may move.

    A BAR without an address has nothing to move from: it may be placed anywhere, unless it is fixed.

    Parameters
    ----------
    pins
        BARs that must stay, whatever the policy says.
    frees
        BARs that may move although the policy says no; a fixed BAR stays fixed.
    """
    pins, frees = frozenset(pins), frozenset(frees)
    refused = _first_unprepared(topology) if policy is Policy.REFUSE else None
    reasons: dict[BarKey, str | None] = {}
    unprepared: dict[BarKey, str] = {}
    for function, _ in topology.functions():
        driver_reason = unprepared_reason(function)
        for bar in function.bars:
            key = BarKey(function.address, bar.index)
            reason = _hard_reason(bar, key in pins)
            if reason is None and bar.address is not None:
                if key not in frees:
                    reason = _policy_reason(policy, driver_reason, refused)
                if reason is None and driver_reason is not None:
                    unprepared[key] = driver_reason
            reasons[key] = reason
    return Mobility(reasons, unprepared)


def _hard_reason(bar: Bar, pinned: bool) -> str | None:
    if bar.fixed:
        return "fixed"
    if pinned and bar.address is not None:
        return "pinned"
    return None


def _policy_reason(policy: Policy, driver_reason: str | None, refused: str | None) -> str | None:
    if policy is Policy.NEVER:
        return "policy never"
    if policy is Policy.REFUSE:
        return refused
    return driver_reason if policy is Policy.SAFE else None


def _first_unprepared(topology: Topology) -> str | None:
    for function, _ in topology.functions():
        reason = unprepared_reason(function)
        if reason is not None and any(bar.address is not None for bar in function.bars):
            return f"policy refuse: {function.address} has {reason}"
    return None
