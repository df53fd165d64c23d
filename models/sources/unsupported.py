"""Texts that describe PCI machines in a form barplan does not read: recognised, to be refused by name."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

READABLE = "Linux kernel logs, lspci -vv text, /proc/iomem, /proc/ioports, sysfs trees and topology documents"
"""What barplan reads, in the words of its messages."""


@dataclass(frozen=True, slots=True)
class Unsupported:
    """A form of text that is refused: its name with an article, and how it is told apart."""

    name: str
    looks_like: Callable[[str], bool]

    @property
    def refusal(self) -> str:
        """One line for the user."""
        return f"{self.name}; barplan reads {READABLE}"


def _has(*patterns: str) -> Callable[[str], bool]:
    """A test for texts in which every pattern is found."""
    compiled = [re.compile(pattern, re.MULTILINE) for pattern in patterns]
    return lambda text: all(pattern.search(text) for pattern in compiled)


UNSUPPORTED: tuple[Unsupported, ...] = (
    Unsupported(
        "a FreeBSD boot log", _has(r"^(?:.*\bCopyright .*FreeBSD Project|.*\bFreeBSD \d+\.\d)", r"\bpcib\d+: <")
    ),
    Unsupported("pciconf output", _has(r"^\w+\d*@pci\d+:\d+:\d+:\d+:\s+class=0x")),
    Unsupported("an hwinfo report", _has(r"^\s*\[Created at pci\.\d+\]", r"^\s*SysFS BusID: ")),
    Unsupported("an lshw listing", _has(r"^\s*\*-\w+", r"^\s*bus info: pci@", r"^\s*description: ")),
    Unsupported("Barrelfish SKB facts", _has(r"^\s*(?:rootbridge|bar)\(\s*addr\(")),
    Unsupported(
        "a plan document (check and map take it by --plan, steps and apply before the machine)",
        _has(r'"format"\s*:\s*"barplan-plan/'),
    ),
    Unsupported("an lspci -t tree", _has(r"^-(?:\+-|\[)\[?[0-9a-f]{2,}.*\]-")),
)
"""The refused forms; a FreeBSD log comes first, because pciconf output is often put beside it."""


def unsupported(text: str) -> Unsupported | None:
    """The refused form this text has, or ``None``."""
    return next((form for form in UNSUPPORTED if form.looks_like(text)), None)
