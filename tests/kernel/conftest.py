"""Kernels for the tests that boot one."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from tests.kernel.debian import Kernel, kernels, why_not_ready
from tests.kernel.guest import QemuCrashedError

ONE_IS_ENOUGH = {
    "test_the_kernel_refuses_an_illegal_plan",
    "test_the_sample_without_space_is_what_a_kernel_does",
}
"""Tests that one kernel passes for both, unless all are asked for: the second would show nothing new."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """``series`` is every kernel series; ``seed`` is one or many, as ``--kernel`` says."""
    every = metafunc.config.getoption("--kernel") == "all"
    if "series" in metafunc.fixturenames:
        alone = metafunc.function.__name__ in ONE_IS_ENOUGH and not every
        metafunc.parametrize("series", ("6.1",) if alone else ("6.1", "6.12"))
    if "seed" in metafunc.fixturenames:
        metafunc.parametrize("seed", range(100, 130 if every else 101))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    """A crash of QEMU itself says nothing of kernel or plan."""
    try:
        return (yield)
    except QemuCrashedError as error:
        pytest.skip(f"QEMU crashed under {item.name}: {str(error).splitlines()[0]}")


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
