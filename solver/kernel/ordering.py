"""The lists of the allocator: what a bus has to place, in order, and what is optional."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from models.resources import Size
from solver.kernel.resource import Resource
from solver.kernel.rules import Rules
from solver.kernel.tree import Device


@dataclass(slots=True)
class OptionalEntry:
    """A request beyond what is required: ``extra`` more bytes, at this alignment."""

    resource: Resource
    extra: Size
    alignment: Size


@dataclass(slots=True)
class OptionalList:
    """Optional requests; the newest is served first."""

    entries: dict[Resource, OptionalEntry] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.entries)

    def push(self, resource: Resource, extra: Size, alignment: Size) -> None:
        """Add a request; an older one of the same resource gives way."""
        self.drop(resource)
        self.entries[resource] = OptionalEntry(resource, extra, alignment)

    def get(self, resource: Resource) -> OptionalEntry | None:
        """The request of a resource, if there is one."""
        return self.entries.get(resource)

    def drop(self, resource: Resource) -> None:
        """Forget the request of a resource."""
        self.entries.pop(resource, None)

    def newest_first(self, among: Collection[Resource]) -> list[OptionalEntry]:
        """The requests of these resources."""
        wanted = set(among)
        return [entry for entry in reversed(self.entries.values()) if entry.resource in wanted]


def is_optional(resource: Resource, rules: Rules) -> bool:
    """Whether nothing is lost when this resource gets no space."""
    if resource.is_vf:
        return True
    if resource.is_rom:
        return rules.rom_optional
    return rules.empty_window_optional and resource.is_window and resource.size == 0


def resources_to_place(devices: Iterable[Device]) -> list[Resource]:
    """What these devices still need, by descending alignment, then in the order of devices and indices.

    The size plays no role; an alignment of 0 is bogus, and the resource is skipped.
    """
    wanted = [
        resource
        for device in devices
        if not device.untouched
        for resource in device.resources
        if resource.wants_place and resource.alignment
    ]
    return sorted(wanted, key=lambda resource: -resource.alignment)


def move_up(order: list[Resource], resource: Resource) -> None:
    """Move ``resource``, whose alignment has grown, before the first one with a smaller alignment."""
    at = next(
        (at for at, other in enumerate(order) if other is resource or other.alignment < resource.alignment), len(order)
    )
    if at < len(order) and order[at] is not resource:
        order.remove(resource)
        order.insert(at, resource)
