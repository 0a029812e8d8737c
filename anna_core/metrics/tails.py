"""How heavy the tails of a regression's target are."""

from enum import StrEnum

import numpy as np

# Moments of the exponential distribution and of Laplace's, which is exponential on both sides: the usual border between
# light and heavy tails. Beyond it a few rows carry most of the squared error: R² then depends on how well those few are
# predicted, and varies from sample to sample.
_SKEWNESS, _KURTOSIS = 2.0, 6.0


class Tail(StrEnum):
    """Where a target has values so large that they would dominate any sum."""

    LIGHT = "light"
    ABOVE = "above"
    BOTH_SIDES = "both sides"


def tail_of(target: np.ndarray) -> Tail:
    """Which of the target's tails are heavy; takes numbers in any shape and ignores those that are not finite.

    Heavy above: never negative and more skewed than an exponential, but less so after log1p. Heavy on both sides: some
    values negative and a kurtosis above that of Laplace's distribution, but lower after `asinh`.
    """
    values = np.asarray(target, dtype=np.float64).ravel()
    values = values[np.isfinite(values)]
    if not len(values):
        return Tail.LIGHT
    if values.min() >= 0:
        skewness = _moment(values, 3)
        heavy = skewness > _SKEWNESS and abs(_moment(np.log1p(values), 3)) < skewness
        return Tail.ABOVE if heavy else Tail.LIGHT
    kurtosis, (centre, unit) = _moment(values, 4), centre_and_unit(values)
    heavy = kurtosis > _KURTOSIS and _moment(np.arcsinh((values - centre) / unit), 4) < kurtosis
    return Tail.BOTH_SIDES if heavy else Tail.LIGHT


def centre_and_unit(values: np.ndarray) -> tuple[float, float]:
    """The median of values (n,), and the median of their distances from it other than 0, the unit of `asinh`."""
    centre = float(np.median(values))
    away = np.abs(values - centre)
    return centre, float(np.median(away[away > 0])) if away.any() else 1.0


def _moment(values: np.ndarray, order: int) -> float:
    """Standardised central moment: order 3 is the skewness, order 4 the kurtosis; 0 for a constant."""
    centred = values - values.mean()
    deviation = np.sqrt((centred**2).mean())
    return float((centred**order).mean() / deviation**order) if deviation > 0 else 0.0
