"""What the allocator did, as attempts for programs and as lines of a kernel log for people."""

from __future__ import annotations

from dataclasses import dataclass, field

from models.resources import Address, Size
from models.topology import BarKey, WindowKey
from solver.kernel.decisions import Decision, DecisionKind, why_here, why_nowhere, window_name
from solver.kernel.resource import FIRST_VF, Resource
from solver.kernel.tree import Bus


@dataclass(frozen=True, slots=True)
class Attempt:
    """One search for space.

    Attributes
    ----------
    address
        CPU address; ``None`` = no space.
    grown
        It had space already and asked for more.
    """

    key: BarKey | WindowKey | None
    size: Size
    alignment: Size
    address: Address | None
    grown: bool = False


@dataclass(slots=True)
class Journal:
    """Collects attempts and lines.

    Attributes
    ----------
    named_resources
        The wording: ``bridge window [...]: assigned``, or ``BAR 14: assigned [...]``.
    phase
        What is being placed: everything with its optional bytes, what is required, or what is optional.
    """

    named_resources: bool
    attempts: list[Attempt] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)
    phase: str = ""

    def decide(
        self, kind: DecisionKind, resource: Resource, size: Size, alignment: Size, why: str, base: Address | None = None
    ) -> None:
        """Note a decision; ``base`` is where the resource stands unless something else is said."""
        if resource.key is not None:
            placed = resource.start if base is None and resource.parent is not None else base
            window = window_name(resource.parent)
            self.decisions.append(Decision(kind, resource.key, placed, size, alignment, window, why))

    def claimed(self, resource: Resource) -> None:
        """A resource keeps the address it has."""
        self.decide("claimed", resource, resource.size, resource.natural, "the address it has is free in this window")

    def _in_phase(self, why: str) -> str:
        return f"{self.phase}: {why}" if self.phase else why

    def assigned(self, resource: Resource, alignment: Size) -> None:
        """A resource got an address."""
        self.attempts.append(Attempt(resource.key, resource.size, alignment, resource.start))
        why = self._in_phase(why_here(resource, alignment))
        self.decide("placed", resource, resource.size, alignment, why)
        self._outcome(resource, "assigned", "assigned", _placed(resource))

    def no_space(self, resource: Resource, alignment: Size) -> None:
        """No gap was found for a resource."""
        self.attempts.append(Attempt(resource.key, resource.size, alignment, None))
        self.decide("no space", resource, resource.size, alignment, self._in_phase(why_nowhere(resource)))
        self._outcome(resource, "no space for", "can't assign; no space", _sized(resource))

    def failed(self, resource: Resource) -> None:
        """A resource stays without an address in the end."""
        self._outcome(resource, "failed to assign", "failed to assign", _sized(resource))

    def trying_firmware(self, resource: Resource) -> None:
        """The kernel tries the address that the firmware had given."""
        what = _ranged(resource, resource.remembered or 0)
        self._outcome(resource, "trying firmware assignment", "trying firmware assignment", what)

    def grown(self, resource: Resource, alignment: Size, extra: Size) -> None:
        """A resource got its ``extra`` optional bytes."""
        self.attempts.append(Attempt(resource.key, resource.size, alignment, resource.start, grown=True))
        why = f"{extra:#x} optional bytes found room, {why_here(resource, alignment)}"
        self.decide("grown", resource, resource.size, alignment, self._in_phase(why))
        name, what = self._name(resource), _placed(resource)
        new, old = f"{name} {what}: reassigned; expanded by {extra:#x}", f"{name}: reassigned {what}"
        self.say(resource, new if self.named_resources else f"{old} (expanded by {extra:#x})")

    def not_grown(self, resource: Resource, alignment: Size, extra: Size) -> None:
        """A resource did not get its ``extra`` optional bytes."""
        self.attempts.append(Attempt(resource.key, resource.size + extra, alignment, None, grown=True))
        why = f"no gap for {extra:#x} optional bytes, in place or elsewhere"
        self.decide("not grown", resource, resource.size + extra, alignment, self._in_phase(why))
        colon = "" if self.named_resources else ":"
        end = ": failed to expand by" if self.named_resources else " failed to expand by"
        self.say(resource, f"{self._name(resource)}{colon} {_placed(resource)}{end} {extra:#x}")

    def not_claimed(self, resource: Resource, start: Address, reason: str) -> None:
        """The address of a resource is refused."""
        self.decide("refused", resource, resource.size, resource.natural, reason, start)
        name, what = self._name(resource), _ranged(resource, start)
        self.say(
            resource,
            f"{name} {what}: can't claim; {reason}" if self.named_resources else f"can't claim {name} {what}: {reason}",
        )

    def optional(self, window: Resource, bus: Bus, extra: Size, alignment: Size) -> None:
        """A window asks for ``extra`` optional bytes."""
        align = "" if window.io else f" add_align {alignment:x}"
        what = _ranged(window, window.stash)
        self.say(window, f"bridge window {what} to {_buses(bus)} add_size {extra:x}{align}")

    def bad_alignment(self, resource: Resource) -> None:
        """A resource whose alignment is unknown is given up."""
        self.say(
            resource,
            f"disabling {self._name(resource)}: {_sized(resource)} (bad alignment {resource.alignment:#x})",
        )

    def released(self, window: Resource) -> None:
        """A window loses its address before a retry."""
        why = "a retry releases the window around what failed, with all that stands in it"
        self.decide("released", window, window.size, window.alignment, why)
        self.say(window, f"resource {window.index} {_placed(window)} released")

    def say(self, resource: Resource, text: str) -> None:
        """A line about the owner of ``resource``."""
        assert resource.device is not None
        self.lines.append(f"pci {resource.device.address}: {text}")

    def say_bus(self, name: str, text: str) -> None:
        """A line about a root bus."""
        self.lines.append(f"pci_bus {name}: {text}")

    def _outcome(self, resource: Resource, old: str, new: str, what: str) -> None:
        name = self._name(resource)
        self.say(resource, f"{name} {what}: {new}" if self.named_resources else f"{name}: {old} {what}")

    def _name(self, resource: Resource) -> str:
        if not self.named_resources:
            return f"BAR {resource.index}"
        if resource.is_window:
            return "bridge window"
        if resource.is_vf:
            return f"VF BAR {resource.index - FIRST_VF}"
        return "ROM" if resource.is_rom else f"BAR {resource.index}"


class Silence(Journal):
    """A journal that keeps nothing, for who wants the placement alone."""

    def decide(
        self, kind: DecisionKind, resource: Resource, size: Size, alignment: Size, why: str, base: Address | None = None
    ) -> None:
        """Say nothing."""

    def claimed(self, resource: Resource) -> None:
        """Say nothing."""

    def assigned(self, resource: Resource, alignment: Size) -> None:
        """Say nothing."""

    def no_space(self, resource: Resource, alignment: Size) -> None:
        """Say nothing."""

    def optional(self, window: Resource, bus: Bus, extra: Size, alignment: Size) -> None:
        """Say nothing."""

    def say(self, resource: Resource, text: str) -> None:
        """Say nothing."""

    def _outcome(self, resource: Resource, old: str, new: str, what: str) -> None:
        """Say nothing."""


def _placed(resource: Resource) -> str:
    return _ranged(resource, resource.start)


def _ranged(resource: Resource, start: Address) -> str:
    digits = 4 if resource.io else 8
    last = start + resource.size - 1
    return f"[{_space(resource)} 0x{start:0{digits}x}-0x{last:0{digits}x}{_flags(resource)}]"


def _sized(resource: Resource) -> str:
    digits = 4 if resource.io else 8
    return f"[{_space(resource)} size 0x{resource.size:0{digits}x}{_flags(resource)}]"


def _space(resource: Resource) -> str:
    return "io " if resource.io else "mem"


def _flags(resource: Resource) -> str:
    return (" 64bit" if resource.m64 else "") + (" pref" if resource.pref else "")


def _buses(bus: Bus) -> str:
    first, last = bus.numbers
    if first is None:
        return "[bus ??]"
    return f"[bus {first:02x}]" if last is None or last == first else f"[bus {first:02x}-{last:02x}]"
