"""Options of the whole test suite."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--kernel`` chooses how many guests are booted."""
    parser.addoption(
        "--kernel",
        choices=("none", "few", "all"),
        default="few",
        help="boot real kernels in QEMU: none, a few (about two minutes), or all; without python -m tests.kernel setup "
        "these tests are skipped",
    )
