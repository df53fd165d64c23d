"""The whole process: claim, then size and assign, at boot with retries, after a hot-add twice, on a rescan once."""

from __future__ import annotations

from dataclasses import dataclass

from models.placement import Placement
from models.topology import BarKey, Topology, WindowKey
from solver.kernel.assigning import FailList, assign, assign_bus
from solver.kernel.claiming import claim
from solver.kernel.context import Context, WindowSize
from solver.kernel.decisions import Decision
from solver.kernel.distribution import distribute_at_boot, distribute_behind
from solver.kernel.journal import Attempt, Journal
from solver.kernel.ordering import OptionalList, resources_to_place
from solver.kernel.parameters import Parameters
from solver.kernel.releasing import release_and_restore
from solver.kernel.rules import Rules
from solver.kernel.sizing import size_behind, size_bridges
from solver.kernel.tree import Bus, Device, build_tree


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the kernel would have done.

    Attributes
    ----------
    attempts
        Every search for space, in order.
    sizes
        What the last sizing pass found for each bridge window that it sized.
    log
        The kernel's lines, in its wording, in order.
    decisions
        Every decision with the rule that took it, in order.
    """

    placement: Placement
    attempts: tuple[Attempt, ...]
    sizes: dict[WindowKey, WindowSize]
    log: tuple[str, ...]
    decisions: tuple[Decision, ...] = ()

    @property
    def failures(self) -> tuple[BarKey | WindowKey | None, ...]:
        """What found no space, in the order of the messages; one thing may stand here several times."""
        return tuple(attempt.key for attempt in self.attempts if attempt.address is None and not attempt.grown)


def allocate(topology: Topology, rules: Rules, parameters: Parameters, journal: Journal | None = None) -> Outcome:
    """Run the allocator of one generation on ``topology``, and write what it does into a journal, or a given one."""
    tree = build_tree(topology, parameters)
    context = Context(rules, parameters, journal or Journal(rules.named_resources))
    claim(context, tree, topology)
    event = parameters.event
    buses = tree.roots
    if event.bridge is not None:
        bridge = tree.device(event.bridge)
        buses = [bridge.child] if bridge.child is not None else []
        if event.kind == "hotplug":
            hot_add(context, bridge)
    for bus in buses:
        if event.kind == "boot":
            boot(context, bus)
        elif event.kind == "rescan":
            rescan(context, bus)
    journal = context.journal
    return Outcome(
        tree.placement(), tuple(journal.attempts), context.sizes, tuple(journal.lines), tuple(journal.decisions)
    )


def boot(context: Context, root: Bus) -> None:
    """Assign everything below a root bus; only the last try has an optional list."""
    reallocates = _reallocates(context, root)
    tries = root.depth + 1 if reallocates else 1
    for number in range(1, tries + 1):
        optional = OptionalList() if number == tries else None
        size_bridges(context, root, optional)
        if context.rules.distributes_at_boot:
            distribute_at_boot(context, root, optional)
        failed = FailList()
        assign_bus(context, root, optional if optional is not None else OptionalList(), failed)
        if not failed:
            return
        if number == tries:
            _advise(context, root, reallocates)
            return
        context.journal.say_bus(root.name, f"No. {number + 1} try to assign unassigned res")
        release_and_restore(context, failed, whole_subtree=number + 1 > 2)


def _reallocates(context: Context, root: Bus) -> bool:
    if context.parameters.realloc == "auto":
        return any(
            resource.is_vf and resource.present and resource.parent is None
            for device in root.walk()
            for resource in device.resources
        )
    return context.parameters.realloc == "on"


def _advise(context: Context, root: Bus, reallocates: bool) -> None:
    if context.parameters.realloc == "auto":
        context.journal.say_bus(
            root.name,
            "Automatically enabled pci realloc, if you have problem, try booting with pci=realloc=off"
            if reallocates
            else "Some PCI device resources are unassigned, try booting with pci=realloc",
        )


def hot_add(context: Context, bridge: Device) -> None:
    """Assign what appeared behind ``bridge``: twice, the second time with the windows around failures released."""
    assert bridge.child is not None
    for last in (False, True):
        optional, failed = OptionalList(), FailList()
        size_bridges(context, bridge.child, optional)
        distribute_behind(context, bridge, optional)
        assign(context, resources_to_place([bridge]), optional, failed)
        assign_bus(context, bridge.child, optional, failed)
        if not failed or last:
            return
        context.journal.lines.append("PCI: No. 2 try to assign unassigned res")
        release_and_restore(context, failed, whole_subtree=True)


def rescan(context: Context, bus: Bus) -> None:
    """Size all bridges on a bus, not the one that leads to it, and assign once; failures are ignored."""
    optional = OptionalList()
    for child in bus.children:
        size_behind(context, child, optional)
    assign_bus(context, bus, optional, FailList())
