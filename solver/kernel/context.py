"""What every step of the allocator needs to know."""

from __future__ import annotations

from dataclasses import dataclass, field

from models.resources import Size
from models.topology import WindowKey
from solver.kernel.journal import Journal
from solver.kernel.parameters import Parameters
from solver.kernel.rules import Rules


@dataclass(frozen=True, slots=True)
class WindowSize:
    """What the sizing pass found for a bridge window, and for its optional part."""

    must: Size
    optional: Size
    alignment: Size
    optional_alignment: Size


@dataclass(slots=True)
class Context:
    """The generation's rules, the machine's parameters, the journal, and the sizes found last."""

    rules: Rules
    parameters: Parameters
    journal: Journal
    sizes: dict[WindowKey, WindowSize] = field(default_factory=dict)

    @property
    def is_x86(self) -> bool:
        return self.parameters.arch == "x86"
