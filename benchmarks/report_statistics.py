"""The statistics of the reports, each with its definition; nothing here knows where its numbers come from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

Z95 = 1.959963984540054
"""The 97.5 % quantile of the normal distribution."""


class Interval(NamedTuple):
    """An estimate and the ends of its 95 % confidence interval."""

    value: float
    low: float
    high: float


class PowerLaw(NamedTuple):
    """``y = factor * x ** exponent.value``, fitted to ``points`` points."""

    exponent: Interval
    factor: float
    points: int


def wilson(successes: int, trials: int) -> Interval:
    """A share with its Wilson score interval (E. B. Wilson, 1927): it stays inside 0 to 1, and is no point at 0 or 1.

    Raises
    ------
    ValueError
        If there are no trials, or more successes than trials.
    """
    if not 0 <= successes <= trials or trials == 0:
        raise ValueError(f"expected 0 <= successes <= trials and a trial, found {successes} of {trials}")
    share, z2 = successes / trials, Z95**2
    centre = (share + z2 / (2 * trials)) / (1 + z2 / trials)
    half = Z95 / (1 + z2 / trials) * (share * (1 - share) / trials + z2 / (4 * trials**2)) ** 0.5
    return Interval(share, max(0.0, centre - half), min(1.0, centre + half))


def bootstrap_mean(values: Sequence[float], resamples: int = 2000, seed: int = 0) -> Interval:
    """A mean with the percentile interval of ``resamples`` means over draws with replacement.

    Raises
    ------
    ValueError
        If there are no values.
    """
    import numpy as np

    if not values:
        raise ValueError("expected at least one value")
    numbers = np.asarray(values, dtype=float)
    draws = np.random.default_rng(seed).integers(0, len(numbers), (resamples, len(numbers)))
    low, high = np.quantile(numbers[draws].mean(axis=1), [0.025, 0.975])
    return Interval(float(numbers.mean()), float(low), float(high))


def shifted_geometric_mean(values: Sequence[float], shift: float = 1.0) -> float:
    """``exp(mean(log(value + shift))) - shift``: small values neither dominate nor vanish.

    Raises
    ------
    ValueError
        If there are no values, or one of them is not above ``-shift``.
    """
    import numpy as np

    numbers = np.asarray(values, dtype=float) + shift
    if not len(numbers) or (numbers <= 0).any():
        raise ValueError(f"expected values above {-shift:g}, and at least one")
    return float(np.exp(np.log(numbers).mean()) - shift)


def power_law(x: Sequence[float], y: Sequence[float]) -> PowerLaw:
    """Least squares of ``log y`` on ``log x``; the exponent's interval is that of Student's t.

    With two points, or fewer different ``x``, there is no interval: its ends are not numbers.

    Raises
    ------
    ValueError
        If fewer than two different ``x`` are there, or something is not positive.
    """
    import numpy as np

    if len(set(x)) < 2 or min([*x, *y]) <= 0:
        raise ValueError("expected positive numbers, and two different x")
    log_x, log_y = np.log(np.asarray(x, dtype=float)), np.log(np.asarray(y, dtype=float))
    spread = ((log_x - log_x.mean()) ** 2).sum()
    exponent = float(((log_x - log_x.mean()) * (log_y - log_y.mean())).sum() / spread)
    intercept = float(log_y.mean() - exponent * log_x.mean())
    half = float("nan")
    if len(log_x) > 2:
        residual = ((log_y - intercept - exponent * log_x) ** 2).sum() / (len(log_x) - 2)
        half = student_quantile(len(log_x) - 2) * float((residual / spread) ** 0.5)
    return PowerLaw(Interval(exponent, exponent - half, exponent + half), float(np.exp(intercept)), len(log_x))


def student_quantile(freedom: int) -> float:
    """The 97.5 % quantile of Student's t: from a table up to 10 degrees of freedom, then by Cornish and Fisher."""
    if freedom < 1:
        raise ValueError("expected at least one degree of freedom")
    table = (12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.3060, 2.2622, 2.2281)
    if freedom <= len(table):
        return table[freedom - 1]
    z = Z95
    first, second = (z**3 + z) / 4, (5 * z**5 + 16 * z**3 + 3 * z) / 96
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    return z + first / freedom + second / freedom**2 + third / freedom**3
