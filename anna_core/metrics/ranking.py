"""Metrics of order: how well a score ranks the rows of a class above the others.

All of them need the rows sorted by score, and only that is slow. So a metric is *prepared* once for its scores and then
evaluated for any weights, which the bootstrap depends on. A weight of 3 counts as the row being there three times.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

WeightedValue = Callable[[np.ndarray], float]


@dataclass(frozen=True)
class Ranking:
    """Rows sorted by score, highest first; rows of equal score form one of g groups.

    Attributes:
        order: (n,) positions of the rows, highest score first.
        starts: (g,) where in `order` each group begins.
        positive: (n,) float64, 1 for a row of the class, sorted like `order`.
    """

    order: np.ndarray
    starts: np.ndarray
    positive: np.ndarray

    @classmethod
    def of(cls, label: np.ndarray, score: np.ndarray) -> "Ranking":
        """Sort rows: label (n,) true for the class, score (n,) finite."""
        order = np.argsort(-score.astype(np.float64), kind="stable")
        ordered = score[order]
        starts = np.flatnonzero(np.concatenate([[len(score) > 0], ordered[1:] != ordered[:-1]]))
        return cls(order=order, starts=starts, positive=label[order].astype(np.float64))

    def masses(self, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Weight of the class (g,) and of the others (g,) in each group, highest score first."""
        if not len(self.starts):
            return np.zeros(0), np.zeros(0)
        ordered = weight[self.order]
        positive = np.add.reduceat(ordered * self.positive, self.starts)
        negative = np.add.reduceat(ordered * (1.0 - self.positive), self.starts)
        return positive, negative

    def roc_auc(self, weight: np.ndarray) -> float:
        """Probability that a row of the class scores higher than another, ties counting one half.

        NaN if one side is empty. Source: Hanley & McNeil, "The meaning and use of the area under a ROC
        curve", 1982.
        """
        positive, negative = self.masses(weight)
        pairs = positive.sum() * negative.sum()
        if pairs <= 0:
            return float("nan")
        positive_above = np.cumsum(positive) - positive
        return float((negative * (positive_above + positive / 2)).sum() / pairs)

    def pr_auc(self, weight: np.ndarray) -> float:
        """Average precision: precision at every threshold, weighted by the recall it adds; no interpolation.

        NaN if the class has none or all of the rows. Source: scikit-learn's `average_precision_score`.
        """
        positive, negative = self.masses(weight)
        if positive.sum() <= 0 or negative.sum() <= 0:
            return float("nan")
        found, seen = np.cumsum(positive), np.cumsum(positive + negative)
        gained = positive > 0  # also keeps groups of weight 0 at the top out of 0 / 0
        return float((found[gained] / seen[gained] * positive[gained]).sum() / positive.sum())

    def ks(self, weight: np.ndarray) -> float:
        """Kolmogorov-Smirnov distance between the class's scores and the others'; NaN if one side is empty."""
        positive, negative = self.masses(weight)
        if positive.sum() <= 0 or negative.sum() <= 0:
            return float("nan")
        above, below = np.cumsum(positive) / positive.sum(), np.cumsum(negative) / negative.sum()
        return float(np.abs(above - below).max())


def roc_auc(target: np.ndarray, scores: np.ndarray) -> WeightedValue:
    """ROC AUC of a binary task: target (n, 1), scores (n, 1)."""
    return Ranking.of(target[:, 0] > 0, scores[:, 0]).roc_auc


def gini(target: np.ndarray, scores: np.ndarray) -> WeightedValue:
    """Gini coefficient (accuracy ratio) of a binary task: 2 ROC AUC - 1."""
    auc = roc_auc(target, scores)
    return lambda weight: 2 * auc(weight) - 1


def pr_auc(target: np.ndarray, scores: np.ndarray) -> WeightedValue:
    """Average precision of a binary task: target (n, 1), scores (n, 1)."""
    return Ranking.of(target[:, 0] > 0, scores[:, 0]).pr_auc


def ks(target: np.ndarray, scores: np.ndarray) -> WeightedValue:
    """Kolmogorov-Smirnov statistic of a binary task: target (n, 1), scores (n, 1)."""
    return Ranking.of(target[:, 0] > 0, scores[:, 0]).ks


def macro_roc_auc(target: np.ndarray, scores: np.ndarray) -> WeightedValue:
    """Mean one-vs-rest ROC AUC over the classes that have rows: target (n,) class index, scores (n, C)."""
    return mean_of_defined([Ranking.of(target == index, scores[:, index]).roc_auc for index in range(scores.shape[1])])


def mean_roc_auc(target: np.ndarray, scores: np.ndarray) -> WeightedValue:
    """Mean ROC AUC over the labels that have both answers: target (n, L), scores (n, L)."""
    return mean_of_defined([Ranking.of(target[:, i] > 0, scores[:, i]).roc_auc for i in range(scores.shape[1])])


def mean_pr_auc(target: np.ndarray, scores: np.ndarray) -> WeightedValue:
    """Mean average precision over the labels that have both answers: target (n, L), scores (n, L)."""
    return mean_of_defined([Ranking.of(target[:, i] > 0, scores[:, i]).pr_auc for i in range(scores.shape[1])])


def mean_of_defined(parts: list[WeightedValue]) -> WeightedValue:
    """Mean of several metrics, leaving out those that are NaN; NaN if all of them are."""

    def mean(weight: np.ndarray) -> float:
        values = np.array([part(weight) for part in parts])
        defined = values[~np.isnan(values)]
        return float(defined.mean()) if len(defined) else float("nan")

    return mean
