"""Metrics of a cut-off: what a bank finds if it picks the rows with the highest scores.

The top k% is k% of the rows' weight. Rows of equal score at its edge count by expectation: each is in it with the same
probability, so neither the order of the file nor the sort matters. Prepared as in `anna_core.metrics.ranking`.
"""

from collections.abc import Callable

import numpy as np

from anna_core.metrics.ranking import Ranking, WeightedValue, mean_of_defined

Prepare = Callable[[np.ndarray, np.ndarray], WeightedValue]

# Shares of the rows that campaigns or collection teams usually take: name in the metric → share.
SHARES = {"1pct": 0.01, "5pct": 0.05, "10pct": 0.10}


def lift_at(share: float) -> Prepare:
    """How many times more often the class is in the top share of the rows than among all: 1 is chance.

    Target (n, 1), scores (n, 1); NaN if the class has none or all of the rows, as for the two below.
    """
    return _top(share, lambda found, positive, total: found / positive / share)


def precision_at(share: float) -> Prepare:
    """Share of the class among the rows of the top share: target (n, 1), scores (n, 1)."""
    return _top(share, lambda found, positive, total: found / (share * total))


def recall_at(share: float) -> Prepare:
    """Share of the class's rows that are in the top share: target (n, 1), scores (n, 1)."""
    return _top(share, lambda found, positive, total: found / positive)


def best_f1(target: np.ndarray, scores: np.ndarray) -> WeightedValue:
    """Largest F1 (harmonic mean of precision and recall) over all cut-offs: target (n, 1), scores (n, 1).

    The cut-off is chosen on the same rows, so the value is slightly optimistic if they are few; with the cut-off fixed
    at 0.5, F1 of a rare target would be 0 for every model. Source: Lipton et al., 2014 (arXiv 1402.1892).
    """
    return _best_f1(Ranking.of(target[:, 0] > 0, scores[:, 0]))


def mean_best_f1(target: np.ndarray, scores: np.ndarray) -> WeightedValue:
    """Mean of `best_f1`, each label with its own cut-off, over the labels that have both answers: (n, L)."""
    return mean_of_defined([_best_f1(Ranking.of(target[:, i] > 0, scores[:, i])) for i in range(scores.shape[1])])


def _top(share: float, judge: Callable[[float, float, float], float]) -> Prepare:
    def prepare(target: np.ndarray, scores: np.ndarray) -> WeightedValue:
        ranking = Ranking.of(target[:, 0] > 0, scores[:, 0])

        def value(weight: np.ndarray) -> float:
            positive, negative = ranking.masses(weight)
            if positive.sum() <= 0 or negative.sum() <= 0:
                return float("nan")
            seen, found = np.cumsum(positive + negative), np.cumsum(positive)
            inside = np.interp(share * seen[-1], np.append(0, seen), np.append(0, found))
            return float(judge(inside, found[-1], seen[-1]))

        return value

    return prepare


def _best_f1(ranking: Ranking) -> WeightedValue:
    def value(weight: np.ndarray) -> float:
        positive, negative = ranking.masses(weight)
        if positive.sum() <= 0 or negative.sum() <= 0:
            return float("nan")
        seen, found = np.cumsum(positive + negative), np.cumsum(positive)
        return float((2 * found / (seen + found[-1])).max())

    return value
