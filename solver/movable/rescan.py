"""One rescan of one root bus: release, size, assign, once and from scratch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from models.placement import Placement
from models.resources import Size
from models.topology import BarKey, RootBus, Topology, WindowKey
from solver.kernel.context import Context
from solver.kernel.driver import allocate
from solver.kernel.journal import Journal
from solver.kernel.ordering import OptionalList
from solver.kernel.parameters import Event, Parameters
from solver.kernel.resource import Resource
from solver.kernel.rules import RULES
from solver.kernel.tree import Tree, build_tree
from solver.movable.anchors import Anchors, release_all_but_fixed
from solver.movable.assigning import Assignment
from solver.movable.ladder import Rung, is_off, rungs
from solver.movable.sizing import size_windows

RULES_OF_V9 = RULES["linux-6.1"]
"""The work was made for 5.10, whose allocator is that of 6.1."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one root bus.

    Attributes
    ----------
    lost
        What worked and would not have afterwards.
    dropped
        BARs that were given up so that nothing is lost.
    old
        The old placement stands.
    """

    placement: Placement
    lost: tuple[BarKey | WindowKey, ...]
    log: tuple[str, ...]
    dropped: frozenset[BarKey] = frozenset()
    old: bool = False


class Rescan:
    """Rescans of one root bus of a machine; it and what is below are all that the attempts see."""

    def __init__(self, topology: Topology, root: RootBus, parameters: Parameters, immovable: frozenset[BarKey]) -> None:
        self.root, self.parameters, self.immovable = root, parameters, immovable
        self.topology = replace(topology, root_buses=(root,))
        self.today = Placement.today(self.topology)
        self.granularity: Mapping[WindowKey, Size] = {
            key: window.granularity for key, window in self.topology.windows()
        }

    def run(self) -> Outcome:
        """Climb down the ladder until nothing that worked is lost; at its end the old placement stands."""
        name = f"pci_bus {self.root.name}"
        if is_off(self.root):
            return self._stock(f"{name}: a bridge is transparent, BARs are not movable")
        log: list[str] = []
        lost: tuple[BarKey | WindowKey, ...] = ()
        for rung in rungs(self.root, self.parameters):
            if rung.without:
                log.append(f"{name}: {_some(lost)} worked and would be lost, once more without {rung.without}")
            outcome = self.attempt(rung)
            log += outcome.log
            lost = outcome.lost
            if not lost:
                return replace(outcome, log=tuple(log))
        log.append(f"{name}: {_some(lost)} worked and would be lost, the old placement stands")
        return self._old(log, lost)

    def attempt(self, rung: Rung) -> Outcome:
        """One attempt, whatever it loses."""
        tree = build_tree(self.topology, rung.parameters)
        bus = tree.roots[0]
        for device in bus.walk():
            for resource in device.resources:
                if resource.key in rung.dropped:
                    resource.present = False
        for reserved in self.topology.reserved:
            for window in bus.windows:
                if window.io == (reserved.space == "io"):
                    window.gaps.reserve(reserved.range.start, reserved.range.end)
        context = Context(RULES_OF_V9, rung.parameters, Journal(RULES_OF_V9.named_resources))
        anchors = release_all_but_fixed(bus, self.immovable, self.granularity)
        optional = OptionalList()
        size_windows(context, bus, anchors, optional)
        assignment = Assignment(context, anchors, optional)
        assignment.below(bus)
        placement = tree.placement()
        for resource in [*anchors.fixed, *anchors.kept]:
            if isinstance(resource.key, BarKey):
                placement.bars[resource.key] = self.today.bars[resource.key]
            elif resource.key is not None:
                placement.windows[resource.key] = self.today.windows[resource.key]
        lost = _lost(tree, anchors, assignment.standing)
        return Outcome(placement, lost, tuple(context.journal.lines), rung.dropped)

    def _stock(self, why: str) -> Outcome:
        """The kernel's own rescan, which releases nothing; where something cannot be claimed, all stays as it is."""
        parameters = replace(self.parameters, event=Event("rescan"), firmware="claim")
        result = allocate(self.topology, RULES_OF_V9, parameters)
        new, lost = result.placement, list[BarKey | WindowKey]()
        lost += [key for key, here in self.today.bars.items() if here not in (None, new.bars.get(key))]
        lost += [key for key, here in self.today.windows.items() if here not in (None, new.windows.get(key))]
        log = [why, *result.log]
        if lost:
            log.append(f"pci_bus {self.root.name}: {_some(tuple(lost))} could not be claimed, the old placement stands")
            return self._old(log, tuple(lost))
        return Outcome(new, (), tuple(log))

    def _old(self, log: list[str], lost: tuple[BarKey | WindowKey, ...]) -> Outcome:
        return Outcome(self.today, lost, tuple(log), old=True)


def _lost(tree: Tree, anchors: Anchors, standing: set[Resource]) -> tuple[BarKey, ...]:
    """The BARs that had an address and have none, and the fixed ones that no window of their bus holds any more."""
    return tuple(
        resource.key
        for device in tree.roots[0].walk()
        for resource in device.resources
        if isinstance(resource.key, BarKey) and resource.before is not None and _is_lost(resource, anchors, standing)
    )


def _is_lost(resource: Resource, anchors: Anchors, standing: set[Resource]) -> bool:
    if resource in anchors.fixed:
        return anchors.fixed[resource] is not None and resource not in standing
    return resource not in anchors.kept and resource.parent is None


def _some(keys: tuple[BarKey | WindowKey, ...]) -> str:
    return str(keys[0]) if len(keys) == 1 else f"{keys[0]} and {len(keys) - 1} more"
