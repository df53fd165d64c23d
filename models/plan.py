"""A plan: a placement with what it is worth, how it was found and how far it is proved."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from models.placement import Placement
from models.reserves import PlannedReserve
from models.resources import Address, Range, Size
from models.topology import BarKey, WindowKey


class Status(StrEnum):
    """How far a plan is proved."""

    OPTIMAL = "optimal"
    """Every objective's value equals its proved bound."""
    FEASIBLE = "feasible"
    """A legal plan; some bound is open."""
    INFEASIBLE = "infeasible"
    """Proved: the existing and immovable BARs alone admit no legal placement under this policy."""
    UNKNOWN = "unknown"
    """Time ran out with no plan."""


@dataclass(frozen=True, slots=True)
class Objective:
    """One minimised objective: the plan's value and the proved lower bound (``None`` = no bound)."""

    name: str
    value: int | None
    bound: int | None

    @property
    def proved(self) -> bool:
        return self.value is not None and self.value == self.bound


@dataclass(frozen=True, slots=True)
class PlannedBar:
    """One BAR of the machine: ``size`` is that of one instance afterwards; ``why`` is why it may not move, or why it
    moves.
    """

    key: BarKey
    size: Size
    before: Address | None
    after: Address | None
    why: str | None = None

    @property
    def moved(self) -> bool:
        return self.before is not None and self.after is not None and self.before != self.after


@dataclass(frozen=True, slots=True)
class PlannedWindow:
    """One bridge window that is open before or after (``None`` = closed)."""

    key: WindowKey
    before: Range | None
    after: Range | None


@dataclass(frozen=True, slots=True)
class Plan:
    """A ``barplan-plan/1`` document; the fields are its keys."""

    topology_sha256: str
    engine: str
    policy: str
    status: Status
    objectives: tuple[Objective, ...]
    bars: tuple[PlannedBar, ...]
    windows: tuple[PlannedWindow, ...]
    warnings: tuple[str, ...] = ()
    reserves: tuple[PlannedReserve, ...] = ()

    def _repr_html_(self) -> str:
        """What the plan is worth and what it changes, as tables: what Jupyter shows."""
        from models.representation import plan_html

        return plan_html(self)

    @property
    def placement(self) -> Placement:
        """The placement the plan describes."""
        return Placement(
            {bar.key: bar.after for bar in self.bars},
            {window.key: window.after for window in self.windows},
            {bar.key: bar.size for bar in self.bars},
        )
