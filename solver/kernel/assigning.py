"""Assigning the resources of one bus: everything together first, then what is required, then what is optional."""

from __future__ import annotations

from dataclasses import dataclass, field

from solver.kernel.context import Context
from solver.kernel.fitting import grow, place
from solver.kernel.fixed import note_fixed
from solver.kernel.ordering import OptionalEntry, OptionalList, is_optional, move_up, resources_to_place
from solver.kernel.resource import Resource, State
from solver.kernel.tree import Bus


@dataclass(slots=True)
class FailList:
    """What could not be assigned, with the state a retry restores; the newest comes first."""

    failed: list[tuple[Resource, State]] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.failed)

    def push(self, resource: Resource, state: State) -> None:
        """Add what could not be assigned, before all others."""
        self.failed.insert(0, (resource, state))


def assign_bus(context: Context, bus: Bus, optional: OptionalList, failed: FailList) -> None:
    """Assign what stands on ``bus``, then, device by device, what is fixed and what lies behind a bridge."""
    assign(context, resources_to_place(bus.devices), optional, failed)
    for device in bus.devices:
        note_fixed(device)
        if device.child is not None:
            assign_bus(context, device.child, optional, failed)


def assign(context: Context, order: list[Resource], optional: OptionalList, failed: FailList) -> None:
    """Assign the resources of one bus in this order; what fails goes to ``failed``."""
    _BusAssignment(context, order, optional, failed).run()


class _BusAssignment:
    def __init__(self, context: Context, order: list[Resource], optional: OptionalList, failed: FailList) -> None:
        self.context = context
        self.rules = context.rules
        self.order = order
        self.optional = optional
        self.failed = failed

    def run(self) -> None:
        if self.optional or self.rules.tries_everything_first:
            saved = [(resource, resource.state()) for resource in self.order]
            self.context.journal.phase = "with optional bytes"
            self._ask_for_everything()
            failures = self._place_all(self.order)
            if not failures:
                for resource in self.order:
                    self.optional.drop(resource)
                self._give_up_unassigned()
                return
            if self.rules.tries_everything_first and not self.optional and self._only_optional(failures):
                self._give_up_unassigned()
                return
            self._fall_back(failures, saved)
        self.context.journal.phase = "required"
        for resource, state in self._place_all(self._required()):
            if not self.rules.tries_everything_first:
                self.failed.push(resource, state)
        self.context.journal.phase = "optional"
        self._serve_optional()
        self._give_up_unassigned()

    def _ask_for_everything(self) -> None:
        """Add the optional bytes to everything, and the better alignment to windows, which may move them up."""
        for resource in list(self.order):
            entry = self.optional.get(resource)
            if entry is None:
                continue
            resource.size += entry.extra
            if resource.stash and entry.alignment > resource.stash:
                resource.stash = entry.alignment
                move_up(self.order, resource)

    def _place_all(self, order: list[Resource]) -> list[tuple[Resource, State]]:
        """Place in order; the failures, with their states.

        The classic rules make what fails cease to exist at once, and pass over a ROM in silence.
        """
        failures = []
        for resource in order:
            if resource.size == 0 or place(self.context, resource, resource.alignment):
                continue
            if self.rules.tries_everything_first or not resource.is_rom:
                failures.append((resource, resource.state()))
            if not self.rules.tries_everything_first:
                resource.wipe()
        return failures

    def _only_optional(self, failures: list[tuple[Resource, State]]) -> bool:
        return all(is_optional(resource, self.rules) for resource, _ in failures)

    def _required(self) -> list[Resource]:
        if self.rules.tries_everything_first:
            return [resource for resource in self.order if not is_optional(resource, self.rules)]
        return self.order

    def _fall_back(self, failures: list[tuple[Resource, State]], saved: list[tuple[Resource, State]]) -> None:
        """Keep what is assigned and of a kind that nothing failed in; release the rest and restore its sizes.

        Any failure in memory counts as one of plain memory, since prefetchable memory may stand there.
        """
        io = any(resource.io for resource, _ in failures)
        memory = any(not resource.io for resource, _ in failures)
        prefetchable = any(resource.pref for resource, _ in failures)

        def survives(resource: Resource) -> bool:
            if resource.parent is None:
                return False
            if resource.io:
                return not io
            if resource.pref:
                return not prefetchable and not (memory and not resource.parent.pref)
            return not memory

        kept = {resource for resource in self.order if survives(resource)}
        for resource in kept:
            self.optional.drop(resource)
        self.order = [resource for resource in self.order if resource not in kept]
        for resource, state in saved:
            if resource not in kept:
                if resource.parent is not None:
                    resource.detach()
                resource.restore(state)

    def _serve_optional(self) -> None:
        """Serve what is on the optional list, the newest first; a failure costs nothing."""
        if self.rules.lower_entries_lost:
            self._lose_lower_entries()
        for entry in self.optional.newest_first(self.order):
            self._serve(entry)
            self.optional.drop(entry.resource)

    def _lose_lower_entries(self) -> None:
        """The defect: whatever is required and unassigned counts as failed, also on buses that have yet to come."""
        for resource in list(self.optional.entries):
            if resource.parent is None and not is_optional(resource, self.rules):
                self.optional.drop(resource)

    def _serve(self, entry: OptionalEntry) -> None:
        resource = entry.resource
        if self.rules.tries_everything_first:
            gone = resource.parent is None and not is_optional(resource, self.rules)
        else:
            gone = not resource.present
        if gone:
            return
        if resource.parent is None or resource.size == 0:
            self._place_optional(entry)
        elif entry.extra or resource.start % entry.alignment:
            grow(self.context, resource, entry.extra, entry.alignment)

    def _place_optional(self, entry: OptionalEntry) -> None:
        resource = entry.resource
        state = resource.state()
        resource.size += entry.extra
        if not resource.natural:
            resource.stash = entry.alignment
        if resource.size == 0 or place(self.context, resource, resource.alignment):
            return
        if self.rules.tries_everything_first:
            resource.restore(state)
        else:
            resource.wipe()

    def _give_up_unassigned(self) -> None:
        """From 6.18 on: all that is still unassigned has failed, optional or not.

        A BAR ceases to exist; a bridge window keeps its type and size.
        """
        if not self.rules.tries_everything_first:
            return
        for resource in self.order:
            if resource.parent is None:
                self.failed.push(resource, resource.state())
                if not (resource.is_window and self.rules.failed_window_kept):
                    resource.wipe()
