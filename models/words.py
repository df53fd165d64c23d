"""Words that depend on a number."""

from __future__ import annotations


def count(number: int, noun: str) -> str:
    """``1 BAR``, ``2 BARs``."""
    if number == 1:
        return f"1 {noun}"
    plural = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"
    return f"{number} {plural}"


def agree(number: int, one: str, several: str) -> str:
    """The form of a verb or an adjective that goes with a number."""
    return one if number == 1 else several
