"""What the kernel's words say happened to a BAR or bridge window."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from models.resources import Size

OutcomeKind = Literal["read", "copies", "assigned", "fixed", "released", "failed", "rejected", "kept"]

_EXPANSION = re.compile(r"failed to expand by 0x(?P<size>[0-9a-f]+)")
_RESOURCE = re.compile(r"\[(?:mem|io)\b[^\]]*\]")


@dataclass(frozen=True, slots=True)
class Outcome:
    """One event.

    Attributes
    ----------
    kind
        ``read`` = a register or window as found, ``copies`` = the block of all VFs, ``rejected`` = an address
        firmware gave and the kernel does not take, ``kept`` = it stays as it is.
    failure
        The kernel's words for a failure.
    size
        What it failed for, where that is not the size of the resource.
    """

    kind: OutcomeKind
    failure: str | None = None
    size: Size | None = None


_OUTCOMES: tuple[tuple[str, Outcome | None], ...] = (
    ("assigned to ", None),  # a frame buffer driver's line
    ("assigned", Outcome("assigned")),
    ("reassigned", Outcome("assigned")),
    ("set to", Outcome("assigned")),
    ("releasing", Outcome("released")),
    ("released", Outcome("released")),
    ("no space for", Outcome("failed", "no space")),
    ("can't assign; no space", Outcome("failed", "no space")),
    ("can't assign; bogus alignment", Outcome("failed", "bogus alignment")),
    ("has bogus alignment", Outcome("failed", "bogus alignment")),
    ("failed to assign", Outcome("failed", "failed to assign")),
    ("can't assign", Outcome("failed", "can't assign")),
    ("can't allocate", Outcome("failed", "can't allocate")),
    ("can't claim", Outcome("rejected", "can't claim")),
    ("not claimed", Outcome("rejected", "not claimed")),
    ("not assigned", Outcome("rejected", "not assigned")),
    ("contains BAR", Outcome("copies")),
    ("from Enhanced Allocation", Outcome("fixed")),
    ("(from Enhanced Allocation", Outcome("fixed")),
    ("legacy IDE quirk", Outcome("fixed")),
    ("(subtractive decode)", Outcome("read")),
)
"""Words that begin what stands beside a resource; the first that fits counts, and all other words say nothing."""


def outcome_of(text: str) -> Outcome | None:
    """The event in what follows the name of a BAR or window; ``None`` = nothing happened to it."""
    words = _RESOURCE.sub("", text, count=1).lstrip(" :")
    if not words:
        return None if text.startswith(":") else Outcome("read")
    expansion = _EXPANSION.search(words)
    if expansion is not None:
        return Outcome("kept", "failed to expand", int(expansion["size"], 16))
    return next((outcome for prefix, outcome in _OUTCOMES if words.startswith(prefix)), None)
