"""The numbers behind the plots: points of curves, and rows grouped by their scores."""

from dataclasses import dataclass

import numpy as np

from anna_core.metrics.ranking import Ranking

BINS = 10  # deciles: how banks group scores
CURVE_POINTS = 400  # finer than a plot's pixels, and keeps the files small
Z = 1.96  # of a 95% interval


@dataclass(frozen=True)
class ScoreBins:
    """Rows in b ≤ 10 groups of about equal weight, from the lowest to the highest scores; equal scores stay together.

    Attributes:
        index: (n,) the bin of each row.
        share: (b,) each bin's share of the weight.
        score: (b,) mean score.
        target: (b,) mean target.
        rows: (b,) number of rows.
    """

    index: np.ndarray
    share: np.ndarray
    score: np.ndarray
    target: np.ndarray
    rows: np.ndarray

    @property
    def calibration_error(self) -> float:
        """Expected calibration error: mean distance between score and target over the bins (Naeini et al., 2015)."""
        return float((np.abs(self.score - self.target) * self.share).sum())

    def wilson(self) -> tuple[np.ndarray, np.ndarray]:
        """Lower and upper bounds (b,) of each bin's rate, 95% interval (Wilson, 1927), from its number of rows."""
        p, n = self.target, self.rows
        centre = (p + Z**2 / (2 * n)) / (1 + Z**2 / n)
        half = Z / (1 + Z**2 / n) * np.sqrt(p * (1 - p) / n + Z**2 / (4 * n**2))
        return np.minimum(centre - half, p), np.maximum(centre + half, p)


def score_bins(target: np.ndarray, score: np.ndarray, weight: np.ndarray, bins: int = BINS) -> ScoreBins:
    """Group n rows by quantiles of their score: target (n,), score (n,), weight (n,); n > 0."""
    _, tie = np.unique(score, return_inverse=True)
    mass = np.bincount(tie, weights=weight)
    quantile = (np.cumsum(mass) - mass / 2)[tie] / weight.sum()
    _, index = np.unique(np.floor(quantile * bins).astype(int).clip(0, bins - 1), return_inverse=True)
    total = np.bincount(index, weights=weight)
    return ScoreBins(
        index=index,
        share=total / total.sum(),
        score=np.bincount(index, weights=weight * score) / total,
        target=np.bincount(index, weights=weight * target) / total,
        rows=np.bincount(index),
    )


def roc_points(label: np.ndarray, score: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """False and true positive rates, from (0, 0) to (1, 1); both classes must have rows."""
    positive, negative = Ranking.of(label, score).masses(weight)
    x = np.concatenate([[0.0], np.cumsum(negative) / negative.sum()])
    y = np.concatenate([[0.0], np.cumsum(positive) / positive.sum()])
    return _thin(x, y)


def pr_points(label: np.ndarray, score: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Recall and precision at every threshold, from the highest down; both classes must have rows."""
    positive, negative = Ranking.of(label, score).masses(weight)
    found = np.cumsum(positive)
    return _thin(found / positive.sum(), found / np.cumsum(positive + negative))


def confusion(target: np.ndarray, predicted: np.ndarray, weight: np.ndarray, classes: int) -> np.ndarray:
    """Weight (C, C) by true class (row) and predicted class (column): target (n,), predicted (n,) class indices."""
    cells = np.bincount(target * classes + predicted, weights=weight, minlength=classes**2)
    return cells.reshape(classes, classes)


def both_classes(label: np.ndarray) -> bool:
    """Whether label (n,) has rows of both classes, without which no curve is defined."""
    return bool(label.any() and not label.all())


def _thin(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    if len(x) <= CURVE_POINTS:
        return x, y
    kept = np.unique(np.linspace(0, len(x) - 1, CURVE_POINTS).round().astype(int))
    return x[kept], y[kept]
