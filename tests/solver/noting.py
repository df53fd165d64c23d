"""What was run while a test looks, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import pytest

from solver.arrangement import Arrangement

Made = TypeVar("Made")


def runs_of(kind: type[Made], monkeypatch: pytest.MonkeyPatch) -> list[tuple[Made, dict[int, Arrangement] | None]]:
    """Each time that ``kind.run`` is called with an arrangement of groups: on what, and what it returned."""
    noted: list[tuple[Made, dict[int, Arrangement] | None]] = []
    run: Any = kind.run  # type: ignore[attr-defined]

    def noting(self: Made, chosen: Mapping[int, Arrangement]) -> dict[int, Arrangement] | None:
        noted.append((self, run(self, chosen)))
        return noted[-1][1]

    monkeypatch.setattr(kind, "run", noting)
    return noted
