"""Where the corpus of real machines lies, for the tests that read it in place."""

from __future__ import annotations

from pathlib import Path

import pytest

CORPUS = Path(__file__).resolve().parents[2] / "shared" / "corpus"
"""Other people's texts: read where they are, never copied."""

needs_corpus = pytest.mark.skipif(
    not CORPUS.is_dir(),
    reason="the corpus of real machines (../shared/corpus) is not here: nothing was compared with it",
)


def machines() -> list[Path]:
    """The folder of every machine, sorted by name; empty where there is no corpus."""
    return sorted(path.parent for path in CORPUS.glob("*/*/source.txt"))
