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

    @property
    def skips_aliases(self) -> bool:
        """I/O begins in the first 256 bytes of a KiB (IP30, x86)."""
        return self.parameters.arch in ("x86", "mips")

    @property
    def takes_in_windows(self) -> bool:
        """A window may be claimed around one that was claimed before (PA Semi)."""
        return self.parameters.arch == "powerpc"
