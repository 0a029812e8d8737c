"""Isotonic regression of a label on a logit, made strictly increasing.

A plain isotonic regression is a staircase: all rows of a step get the same score, and the ranking suffers. Here the
steps' centres are joined by straight lines, and each step is pulled a little towards Platt's line, which always rises.
"""

import numpy as np
from scipy.optimize import isotonic_regression

from anna_core.models.blend.calibration.curve import Curve
from anna_core.models.blend.calibration.lines import platt, sigmoid

# Rows are first put into bins of equal information p(1 - p), which limits how well the logit of a rate can be known: so
# a rare target is resolved where its rows are. The logit of a bin has a standard error of 1 / √10 ≈ 0.3; a hundred bins
# are finer than any plot.
_LEAST_INFORMATION = 10.0
_MOST_BINS = 100
# Each step's rate is computed as if one more row of its rarer class had been seen at Platt's rate, so none is 0 or 1.
_PRIOR_ROWS = 1.0
# Platt's share in each step, with which the curve's slope is everywhere at least a twentieth of Platt's.
_PLATT_SHARE = 0.05
_LARGEST_LOGIT = 30.0  # at which Platt's logits are clipped: 1 - p keeps three digits in double precision


def isotonic(logits: np.ndarray, label: np.ndarray, weight: np.ndarray) -> Curve:
    """Fit the curve; it is Platt's line if there is too little information for two bins.

    Args:
        logits: (n,) finite.
        label: (n,) 0 or 1.
        weight: (n,) how many rows each one counts for.
    """
    line = platt(logits, label, weight)
    rate = sigmoid(np.clip(line(logits), -_LARGEST_LOGIT, _LARGEST_LOGIT))
    bins = _bins(logits, weight * rate * (1 - rate))
    if bins.max() == 0:
        return line
    mass = np.bincount(bins, weights=weight)
    expected = np.bincount(bins, weights=weight * rate)
    found = np.bincount(bins, weights=weight * label)

    steps = pool(found / mass, mass)
    mass, expected, found = (np.bincount(steps, weights=part) for part in (mass, expected, found))
    prior = _PRIOR_ROWS / np.minimum(expected / mass, 1 - expected / mass)
    smooth = (found + prior * expected / mass) / (mass + prior)
    steps = pool(smooth, mass + prior)  # small steps are drawn further than large ones, perhaps past them
    smooth = np.bincount(steps, weights=smooth * (mass + prior)) / np.bincount(steps, weights=mass + prior)
    at_line = _logit(np.bincount(steps, weights=expected) / np.bincount(steps, weights=mass))

    # A step lies where Platt's line has the mean of its rates, so that nothing changes if Platt is right.
    x = (at_line - line.y[0]) / line.slope
    y = at_line + (1 - _PLATT_SHARE) * (_logit(smooth) - at_line)
    return Curve(slope=line.slope, x=tuple(map(float, x)), y=tuple(map(float, y)))


def pool(values: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """The steps of the isotonic regression of m values (SciPy's pool-adjacent-violators).

    Args:
        values: (m,).
        weight: (m,) positive.

    Returns:
        (m,) int64, the number of each value's step, counted from 0. The weighted means of the steps increase, apart
        from rounding.
    """
    begins = isotonic_regression(values, weights=weight).blocks
    return np.repeat(np.arange(len(begins) - 1), np.diff(begins))


def _bins(logits: np.ndarray, information: np.ndarray) -> np.ndarray:
    """The bin of each row, (n,) counted from 0; all have about equal information, and equal logits share a bin."""
    order = np.argsort(logits, kind="stable")
    reached = np.cumsum(information[order])
    count = int(min(reached[-1] / _LEAST_INFORMATION, _MOST_BINS))
    cuts = logits[order][np.searchsorted(reached, reached[-1] * np.arange(1, count) / max(count, 1))]
    cuts = np.unique(cuts[cuts > logits[order[0]]])
    return np.searchsorted(cuts, logits, side="right")


def _logit(rate: np.ndarray) -> np.ndarray:
    return np.log(rate) - np.log1p(-rate)
