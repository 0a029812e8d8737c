"""How heavy the tails of a regression's target are."""

from enum import StrEnum

import numpy as np

# Moments of the exponential distribution and of Laplace's, which is exponential to both sides: the usual border between
# light and heavy tails. Beyond it a few rows carry most of the squared error: R² tells how those few were hit, and
# swings from sample to sample.
_SKEWNESS, _KURTOSIS = 2.0, 6.0


class Tail(StrEnum):
    """Where a target has values so large that they would rule all that is added up."""

    LIGHT = "light"
    ABOVE = "above"
    BOTH_SIDES = "both sides"


def tail_of(target: np.ndarray) -> Tail:
    """Which of the target's tails are heavy: numbers of any shape, those that are not finite left out.

    One above is what is never negative and more skewed than an exponential, and less so after log1p; tails on both
    sides what has negative values and a higher kurtosis than Laplace's distribution, and a lower one after `asinh`.
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
    """The median of (n,) values, and that of the distances from it other than 0, which `asinh` takes as its unit."""
    centre = float(np.median(values))
    away = np.abs(values - centre)
    return centre, float(np.median(away[away > 0])) if away.any() else 1.0


def _moment(values: np.ndarray, order: int) -> float:
    """Standardised central moment: of order 3 the skewness, of order 4 the kurtosis; 0 of a constant."""
    centred = values - values.mean()
    deviation = np.sqrt((centred**2).mean())
    return float((centred**order).mean() / deviation**order) if deviation > 0 else 0.0
