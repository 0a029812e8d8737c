"""Metrics of probability: how close predicted probabilities, or the predicted class, come to what happened.

Each is prepared for its scores and evaluated for any weights, as in `anna_core.metrics.ranking`.
"""

import numpy as np

from anna_core.metrics.ranking import WeightedValue

# Scores are float32, whose spacing just below 1 is 6e-8: with a closer bound, log(1 - p) could be infinite.
SMALLEST_PROBABILITY = 1e-7


def log_loss(target: np.ndarray, scores: np.ndarray) -> WeightedValue:
    """Mean negative log-likelihood, in nats.

    Multiclass: target (n,) class index, scores (n, C). Binary and multilabel: target (n, L), scores (n, L),
    the mean over rows and labels.
    """
    p = np.clip(scores.astype(np.float64), SMALLEST_PROBABILITY, 1 - SMALLEST_PROBABILITY)
    if target.ndim == 1:
        loss = -np.log(p[np.arange(len(p)), target] / p.sum(axis=1))
    else:
        loss = -np.log(np.where(target > 0, p, 1 - p)).mean(axis=1)
    return mean_of_rows(loss)


def brier(target: np.ndarray, scores: np.ndarray) -> WeightedValue:
    """Mean squared error of a binary task's probabilities (Brier, 1950): target (n, 1), scores (n, 1)."""
    return mean_of_rows((scores[:, 0].astype(np.float64) - (target[:, 0] > 0)) ** 2)


def accuracy(target: np.ndarray, scores: np.ndarray) -> WeightedValue:
    """Share of rows whose highest score is that of their class: target (n,) class index, scores (n, C)."""
    return mean_of_rows((scores.argmax(axis=1) == target).astype(np.float64))


def mean_of_rows(values: np.ndarray) -> WeightedValue:
    """Weighted mean of one value per row (n,); NaN if the total weight is 0."""

    def mean(weight: np.ndarray) -> float:
        total = weight.sum()
        return float(values @ weight / total) if total > 0 else float("nan")

    return mean
