"""Metrics of regression: target (n, 1) and scores (n, 1) in the target's own units.

Each is prepared for its scores and evaluated for any weights, as in `anna_core.metrics.ranking`.
"""

import numpy as np

from anna_core.errors import TaskError
from anna_core.metrics.probability import mean_of_rows
from anna_core.metrics.ranking import WeightedValue


def r2(target: np.ndarray, scores: np.ndarray) -> WeightedValue:
    """Share of the target's variance that the scores explain: below 0 if they are worse than the mean.

    NaN if the target is constant.
    """
    y, predicted = target[:, 0].astype(np.float64), scores[:, 0].astype(np.float64)
    error = (y - predicted) ** 2

    def value(weight: np.ndarray) -> float:
        total = weight.sum()
        if total <= 0:
            return float("nan")
        variance = (y - y @ weight / total) ** 2 @ weight
        # Rounding leaves a constant target a variance of about (its size x machine epsilon) squared.
        if variance <= total * (np.finfo(np.float64).eps * np.abs(y).max()) ** 2:
            return float("nan")
        return float(1 - error @ weight / variance)

    return value


def r2_log1p(target: np.ndarray, scores: np.ndarray) -> WeightedValue:
    """R² of log(1 + target) and log(1 + max(score, 0)): the way to judge a heavy-tailed amount.

    Raises:
        TaskError: the target has negative values.
    """
    if len(target) and target.min() < 0:
        count = int((target < 0).sum())
        raise TaskError(f"metric 'r2_log1p': {count} targets are below 0; choose r2, or make the target positive.")
    return r2(np.log1p(target.astype(np.float64)), np.log1p(np.maximum(scores, 0).astype(np.float64)))


def rmse(target: np.ndarray, scores: np.ndarray) -> WeightedValue:
    """Root of the mean squared error, in the target's units."""
    mean = mean_of_rows((target[:, 0].astype(np.float64) - scores[:, 0]) ** 2)
    return lambda weight: float(np.sqrt(mean(weight)))


def mae(target: np.ndarray, scores: np.ndarray) -> WeightedValue:
    """Mean absolute error, in the target's units."""
    return mean_of_rows(np.abs(target[:, 0].astype(np.float64) - scores[:, 0]))


def mape(target: np.ndarray, scores: np.ndarray) -> WeightedValue:
    """Mean absolute error as a share of the target's size; NaN if any target is 0, where there is no such share.

    It is lenient on predictions that are too low (by 1 at most), not on those that are too high.
    """
    y = target[:, 0].astype(np.float64)
    undefined = y == 0
    mean = mean_of_rows(np.abs(y - scores[:, 0]) / np.where(undefined, 1.0, np.abs(y)))
    return lambda weight: float("nan") if (weight[undefined] > 0).any() else mean(weight)


def spearman(target: np.ndarray, scores: np.ndarray) -> WeightedValue:
    """Spearman's rank correlation; NaN if the target is constant, 0 if the scores are, since they order nothing.

    Ranks are weighted mid-ranks (the weight below plus half of the ties'), as repeated rows would get.
    """
    sides = [_Ranks(target[:, 0]), _Ranks(scores[:, 0])]

    def value(weight: np.ndarray) -> float:
        total = weight.sum()
        if total <= 0:
            return float("nan")
        a, b = (side.of_rows(weight) - total / 2 for side in sides)  # mid-ranks have the mean total / 2
        spread, of_scores = np.sqrt(a * a @ weight), np.sqrt(b * b @ weight)
        # The spread of true ranks is at least of the order of total x root of weight; anything below is rounding.
        least = 1e-6 * total**1.5
        if spread <= least:
            return float("nan")
        return float((a * b) @ weight / (spread * of_scores)) if of_scores > least else 0.0

    return value


class _Ranks:
    """The sorted distinct values of n numbers, so that weighted ranks need no further sorting."""

    def __init__(self, values: np.ndarray) -> None:
        _, self._group = np.unique(values, return_inverse=True)

    def of_rows(self, weight: np.ndarray) -> np.ndarray:
        """Weighted mid-rank (n,) of every row."""
        mass = np.bincount(self._group, weights=weight)
        return (np.cumsum(mass) - mass / 2)[self._group]
