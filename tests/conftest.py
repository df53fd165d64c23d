"""Options of the whole test suite."""

from __future__ import annotations

import os
import signal

import pytest
from hypothesis import settings

# Machines are shared and slow at times, and a failure has to come again; BARPLAN_RANDOM=1 looks for new ones.
settings.register_profile("barplan", deadline=None, derandomize="BARPLAN_RANDOM" not in os.environ)
settings.load_profile("barplan")


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--kernel`` chooses how many guests are booted."""
    parser.addoption(
        "--kernel",
        choices=("none", "few", "all"),
        default="few",
        help="boot real kernels in QEMU: none, a few (about two minutes), or all; without python -m tests.kernel setup "
        "these tests are skipped",
    )


@pytest.fixture(autouse=True, scope="session")
def _interruptible() -> None:
    """Shells start what runs in the background with SIGINT ignored; tests of interrupts need Python's own handler."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
