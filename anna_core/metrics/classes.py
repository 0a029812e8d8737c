"""Metrics of the most likely class, all classes counting the same: target (n,) class index, scores (n, C).

Prepared as in `anna_core.metrics.ranking`. A class without rows is left out.
"""

import numpy as np

from anna_core.metrics.ranking import WeightedValue


def balanced_accuracy(target: np.ndarray, scores: np.ndarray) -> WeightedValue:
    """Mean over the classes of the share of their rows that are classified correctly (Brodersen et al., 2010)."""
    counts = _Counts(target, scores)

    def value(weight: np.ndarray) -> float:
        actual, _, right = counts.of(weight)
        there = actual > 0
        return float((right[there] / actual[there]).mean()) if there.any() else float("nan")

    return value


def macro_f1(target: np.ndarray, scores: np.ndarray) -> WeightedValue:
    """Mean over the classes of F1, the harmonic mean of precision and recall."""
    counts = _Counts(target, scores)

    def value(weight: np.ndarray) -> float:
        actual, told, right = counts.of(weight)
        there = actual > 0
        return float((2 * right[there] / (actual + told)[there]).mean()) if there.any() else float("nan")

    return value


class _Counts:
    """The true class of each row, and the one that its scores predict."""

    def __init__(self, target: np.ndarray, scores: np.ndarray) -> None:
        self._classes, self._actual, self._told = scores.shape[1], target, scores.argmax(axis=1)
        self._right = (self._actual == self._told).astype(np.float64)

    def of(self, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Weight (C,) of each class's rows, of the rows predicted to be in it, and of those predicted correctly."""
        actual = np.bincount(self._actual, weights=weight, minlength=self._classes)
        told = np.bincount(self._told, weights=weight, minlength=self._classes)
        right = np.bincount(self._actual, weights=weight * self._right, minlength=self._classes)
        return actual, told, right
