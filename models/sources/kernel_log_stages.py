"""Cuts one boot of a kernel log into stages: the boot itself, then each time the kernel assigned again.

A stage is told by what changes: a function that is found on a root bus whose assignment is over, a BAR that is
released or assigned after drivers have begun to speak.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

from models.resources import FunctionAddress, Range, Size, split_function_address
from models.sources.kernel_log_boot import Boot, BusKey, Change, Slot
from models.sources.observation import SeenFunction

DecisionKind = Literal["assigned", "released", "failed", "kept", "rejected"]

_OUTCOMES: dict[str, DecisionKind] = {
    "assigned": "assigned",
    "released": "released",
    "failed": "failed",
    "kept": "kept",
    "rejected": "rejected",
}
_SETTLING = ("assigned", "released", "failed", "kept")
"""What the kernel says only while it assigns; ``rejected`` it also says while it looks around."""


@dataclass(frozen=True, slots=True)
class Decision:
    """One thing that the log says was decided.

    Attributes
    ----------
    kind
        ``kept`` = asked for more and stays as it is; ``rejected`` = the address of the firmware is not taken.
    range
        Where it is from now on, or was; ``None`` where the log tells only a size.
    line
        Line number in the source, from 1.
    """

    kind: DecisionKind
    function: FunctionAddress
    slot: Slot
    range: Range | None
    size: Size | None
    line: int


@dataclass(slots=True)
class SeenStage:
    """One stage as it is seen.

    Attributes
    ----------
    line, last_line
        Where it begins, and the last line that belongs to it.
    start
        Every function as it was when the stage began.
    end
        The same when it was over; ``None`` = the stage lasts to the end of the log.
    found, removed
        Functions that were found or taken out in it, in order.
    port
        The port whose slot announced a card before the first function was found; a rescan may find it earlier.
    settled, ready
        Root buses on which something was assigned, and those on which that is over.
    """

    line: int
    start: dict[FunctionAddress, SeenFunction]
    first_failure: int = 0
    last_failure: int | None = None
    last_line: int = 0
    end: dict[FunctionAddress, SeenFunction] | None = None
    found: dict[FunctionAddress, int] = field(default_factory=dict)
    removed: dict[FunctionAddress, int] = field(default_factory=dict)
    decisions: list[Decision] = field(default_factory=list)
    port: FunctionAddress | None = None
    settled: set[BusKey] = field(default_factory=set)
    ready: set[BusKey] = field(default_factory=set)


class Stages:
    """Follows one boot."""

    def __init__(self) -> None:
        self.stages = [SeenStage(line=1, start={})]
        self._slot: FunctionAddress | None = None

    def __call__(self, boot: Boot, change: Change) -> None:
        """Take note of a change that is about to happen."""
        root = _root_of(boot, change.bus)
        if self._begins(change, root):
            self._begin(boot, change)
        stage = self.stages[-1]
        stage.last_line = change.line
        if change.kind == "found" and change.function is not None:
            if not stage.found and self._slot is not None and _leads_to(boot, self._slot, change.bus):
                stage.port = self._slot
            stage.found[change.function] = change.line
        elif change.kind == "removed" and change.function is not None:
            stage.removed[change.function] = change.line
        elif change.kind == "slot":
            self._slot = change.function
        elif change.kind in ("listed", "bound"):
            self._over(change, root)
        elif change.kind in _OUTCOMES and change.function is not None and change.slot is not None:
            stage.decisions.append(_decision(change))
            if change.kind in _SETTLING:
                stage.settled.add(root)

    def _begins(self, change: Change, root: BusKey) -> bool:
        """Whether the change belongs to a new stage.

        Functions are found before the kernel assigns, so one that is found afterwards is an event; whatever is
        assigned once drivers have spoken is one too.
        """
        stage = self.stages[-1]
        later = len(self.stages) > 1
        if change.kind in ("found", "removed"):
            if change.kind == "removed" and change.line == stage.line:
                return False
            return bool(stage.settled) if later else root in stage.settled | stage.ready
        if change.kind in _SETTLING:
            return root in stage.ready
        return False

    def _over(self, change: Change, root: BusKey) -> None:
        """A list of a bus, or words of a driver, come when the assignment is over."""
        stage = self.stages[-1]
        if not stage.found and not stage.settled:
            return
        if len(self.stages) == 1:
            stage.ready.add(root)
        elif stage.settled and (not stage.found or change.function is None or change.function in stage.found):
            stage.ready |= stage.settled

    def _begin(self, boot: Boot, change: Change) -> None:
        stage = self.stages[-1]
        stage.end = snapshot(boot)
        stage.last_failure = len(boot.failures)
        self.stages.append(SeenStage(change.line, start=stage.end, first_failure=len(boot.failures)))


def _leads_to(boot: Boot, port: FunctionAddress, bus: BusKey) -> bool:
    bridge = boot.functions.get(port)
    if bridge is None or not bridge.secondary or split_function_address(port)[0] != bus[0]:
        return False
    return bridge.secondary <= bus[1] <= (bridge.subordinate or bridge.secondary)


def snapshot(boot: Boot) -> dict[FunctionAddress, SeenFunction]:
    """A copy of every function as it is now."""
    return {address: copy_function(function) for address, function in boot.functions.items()}


def copy_function(function: SeenFunction) -> SeenFunction:
    """A copy that shares nothing with the original."""
    return replace(
        function,
        bars={index: replace(bar) for index, bar in function.bars.items()},
        windows={kind: replace(window) for kind, window in function.windows.items()},
        cardbus=list(function.cardbus),
    )


def _decision(change: Change) -> Decision:
    assert change.function is not None
    assert change.slot is not None
    resource = change.resource
    return Decision(
        kind=_OUTCOMES[change.kind],
        function=change.function,
        slot=change.slot,
        range=None if resource is None else resource.range,
        size=None if resource is None else resource.size,
        line=change.line,
    )


def _root_of(boot: Boot, bus: BusKey) -> BusKey:
    """The root bus above a bus: the last one of its domain that does not come after it."""
    below = [key for key in boot.root_buses if key[0] == bus[0] and key[1] <= bus[1]]
    return max(below, default=(bus[0], 0))


def root_of(boot: Boot, address: FunctionAddress) -> BusKey:
    """The root bus above a function."""
    return _root_of(boot, split_function_address(address)[:2])
