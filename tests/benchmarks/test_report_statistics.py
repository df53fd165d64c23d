"""Statistics against results computed by hand or printed in text books."""

from __future__ import annotations

import math

import pytest

from benchmarks.report_statistics import bootstrap_mean, power_law, shifted_geometric_mean, student_quantile, wilson


def test_wilson() -> None:
    half = wilson(5, 10)
    assert (half.value, half.low, half.high) == pytest.approx((0.5, 0.2366, 0.7634), abs=1e-4)
    none = wilson(0, 10)
    assert (none.value, none.low, none.high) == pytest.approx((0, 0, 0.2775), abs=1e-4)
    assert wilson(10, 10).high == pytest.approx(1.0)
    with pytest.raises(ValueError, match="successes"):
        wilson(0, 0)


def test_bootstrap() -> None:
    assert bootstrap_mean([3.0, 3.0, 3.0]) == (3.0, 3.0, 3.0)
    wide = bootstrap_mean([0.0, 1.0] * 50)
    # the mean of 100 draws of a fair coin has a standard deviation of 0.05
    assert (wide.value, wide.low, wide.high) == pytest.approx((0.5, 0.4, 0.6), abs=0.02)
    assert bootstrap_mean([0.0, 1.0, 5.0]) == bootstrap_mean([0.0, 1.0, 5.0])
    with pytest.raises(ValueError, match="at least one"):
        bootstrap_mean([])


def test_shifted_geometric_mean() -> None:
    assert shifted_geometric_mean([1.0, 7.0], shift=1.0) == pytest.approx(3.0)  # sqrt(2 * 8) - 1
    assert shifted_geometric_mean([0.0, 0.0]) == pytest.approx(0.0)
    with pytest.raises(ValueError, match="above"):
        shifted_geometric_mean([-1.0])


def test_power_law() -> None:
    exact = power_law([1.0, 10.0, 100.0], [2.0, 200.0, 20000.0])
    assert exact.exponent == pytest.approx((2.0, 2.0, 2.0))
    assert exact.factor == pytest.approx(2.0)
    # log2 of y is 0, 2, 1 at 0, 1, 2: slope 1/2, residuals -1/2, 1, -1/2, so the slope's error is sqrt(1.5 / 2)
    rough = power_law([1.0, 2.0, 4.0], [1.0, 4.0, 2.0]).exponent
    assert rough.value == pytest.approx(0.5)
    assert rough.high - rough.value == pytest.approx(12.7062 * math.sqrt(0.75))
    assert math.isnan(power_law([1.0, 2.0], [1.0, 2.0]).exponent.low)
    with pytest.raises(ValueError, match="two different"):
        power_law([2.0, 2.0], [1.0, 3.0])


@pytest.mark.parametrize(("freedom", "printed"), [(1, 12.706), (10, 2.228), (11, 2.201), (20, 2.086), (100, 1.984)])
def test_student_quantile(freedom: int, printed: float) -> None:
    assert student_quantile(freedom) == pytest.approx(printed, abs=1e-3)
