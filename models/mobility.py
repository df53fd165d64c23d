"""What may move, and why the rest may not.

Bridge windows may always change, unless they are outside of the scope. This
module decides for BARs.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from models.drivers import BUILT_IN, DriverTable, plain_name
from models.resources import FunctionAddress
from models.scope import EVERYTHING, Scope
from models.topology import Bar, BarKey, Function, Topology, WindowKey

FIXED = "fixed"
"""Why a BAR stays that may not move under any policy."""


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
    ON_DEMAND = "on-demand"
    """BARs of unprepared drivers move only as far as nothing else helps; each such driver is named."""


@dataclass(frozen=True, slots=True)
class Mobility:
    """For every BAR the reason why it may not move, or ``None`` where it may.

    Attributes
    ----------
    reasons
        Reason by BAR.
    unprepared
        Why the function's driver counts as unprepared, for BARs that move regardless (policies ``always`` and
        ``on-demand``, ``--free``).
    costs
        What it costs to prepare or unbind the driver of a function in ``unprepared``.
    windows
        The bridge windows that stay as they are, open or closed, each with the reason.
    """

    reasons: dict[BarKey, str | None]
    unprepared: dict[BarKey, str]
    costs: dict[FunctionAddress, int] = field(default_factory=dict)
    windows: dict[WindowKey, str] = field(default_factory=dict)

    @property
    def immovable(self) -> frozenset[BarKey]:
        """The BARs that have to stay where they are (or unassigned, where fixed without an address)."""
        return frozenset(key for key, reason in self.reasons.items() if reason is not None)

    def may_move(self, key: BarKey) -> bool:
        """Whether the BAR may change its address; so may one that this machine does not have."""
        return self.reasons.get(key) is None


def unprepared_reason(function: Function, drivers: DriverTable = BUILT_IN) -> str | None:
    """Why the function's driver would not survive a BAR move, or ``None`` where it would."""
    if not function.driver_known:
        return "driver is unknown"
    if function.driver is None or drivers.survives_move(function.driver):
        return None
    return f"driver {function.driver} is not verified to survive a BAR move"


def preparation_cost(function: Function, weights: Mapping[str, int], drivers: DriverTable = BUILT_IN) -> int:
    """What it costs to prepare or unbind the function's driver: 0 where it survives a move, else 1 unless weighted.

    Parameters
    ----------
    weights
        Cost by function address, ``driver:NAME`` or ``class:CODE`` (a prefix of the class code); the first of these
        that is given counts.
    """
    if unprepared_reason(function, drivers) is None:
        return 0
    if function.address in weights:
        return weights[function.address]
    for name in () if function.driver is None else (function.driver, plain_name(function.driver)):
        if f"driver:{name}" in weights:
            return weights[f"driver:{name}"]
    code = function.class_code or ""
    for length in range(len(code), 0, -1):
        if f"class:{code[:length]}" in weights:
            return weights[f"class:{code[:length]}"]
    return 1


def mobility(
    topology: Topology,
    policy: Policy = Policy.SAFE,
    *,
    pins: Collection[BarKey] = (),
    frees: Collection[BarKey] = (),
    weights: Mapping[str, int] | None = None,
    drivers: DriverTable = BUILT_IN,
    scope: Scope = EVERYTHING,
) -> Mobility:
    """Decide for every BAR of ``topology`` whether it may move.

    A BAR without an address has nothing to move from: it may be placed anywhere, unless it is fixed or outside of the
    scope.

    Parameters
    ----------
    pins
        BARs that must stay, whatever the policy says.
    frees
        BARs that may move although the policy says no; a fixed BAR stays fixed.
    weights
        Costs of preparing drivers, see :func:`preparation_cost`.
    drivers
        Which drivers survive a move.
    scope
        What is outside stays, whatever else is said of it.
    """
    policy = Policy(policy)  # its plain name counts as well, and anything else is refused
    pins, frees = frozenset(pins), frozenset(frees)
    refused = _first_unprepared(topology, drivers) if policy is Policy.REFUSE else None
    outside = scope.bars_outside(topology) if scope.bounded else {}
    reasons: dict[BarKey, str | None] = {}
    unprepared: dict[BarKey, str] = {}
    costs: dict[FunctionAddress, int] = {}
    for function, _ in topology.functions():
        driver_reason = unprepared_reason(function, drivers)
        for bar in function.bars:
            key = BarKey(function.address, bar.index)
            reason = _hard_reason(bar, key in pins) or outside.get(key)
            if reason is None and bar.address is not None:
                if key not in frees:
                    reason = _policy_reason(policy, driver_reason, refused)
                if reason is None and driver_reason is not None:
                    unprepared[key] = driver_reason
                    costs[function.address] = preparation_cost(function, weights or {}, drivers)
            reasons[key] = reason
    return Mobility(reasons, unprepared, costs, scope.windows_outside(topology) if scope.bounded else {})


def _hard_reason(bar: Bar, pinned: bool) -> str | None:
    if bar.fixed:
        return FIXED
    if pinned and bar.address is not None:
        return "pinned"
    return None


def _policy_reason(policy: Policy, driver_reason: str | None, refused: str | None) -> str | None:
    if policy is Policy.NEVER:
        return "policy never"
    if policy is Policy.REFUSE:
        return refused
    return driver_reason if policy is Policy.SAFE else None


def _first_unprepared(topology: Topology, drivers: DriverTable) -> str | None:
    for function, _ in topology.functions():
        reason = unprepared_reason(function, drivers)
        if reason is not None and any(bar.address is not None for bar in function.bars):
            return f"policy refuse ({function.address}: {reason})"
    return None
