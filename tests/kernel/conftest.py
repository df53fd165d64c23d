"""Kernels for the tests that boot one."""

from __future__ import annotations

import pytest

from tests.kernel.debian import Kernel, kernels, why_not_ready


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """``series`` is every kernel series; ``seed`` is one or many, as ``--kernel`` says."""
    every = metafunc.config.getoption("--kernel") == "all"
    if "series" in metafunc.fixturenames:
        metafunc.parametrize("series", ("6.1", "6.12"))
    if "seed" in metafunc.fixturenames:
        metafunc.parametrize("seed", range(100, 130 if every else 101))


@pytest.fixture
def kernel(series: str, pytestconfig: pytest.Config) -> Kernel:
    """The kernel of this series, set up and bootable."""
    if pytestconfig.getoption("--kernel") == "none":
        pytest.skip("--kernel=none: no guest was booted")
    missing = why_not_ready()
    if missing:
        pytest.skip(f"no real kernel was asked: {missing}")
    found = kernels().get(series)
    if found is None:
        pytest.skip(f"kernel {series} is not set up: run python -m tests.kernel setup")
    return found
