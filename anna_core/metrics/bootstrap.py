"""How far a metric could have come out otherwise: the percentile bootstrap over rows."""

from typing import NamedTuple

import numpy as np

from anna_core.metrics.registry import Metric

LEVEL = 0.95  # the share of intervals that hold the true value, as reports customarily state it
RESAMPLES = 200  # Efron & Tibshirani (1993), ch. 12-13: enough for a 95% interval read to two digits


class Interval(NamedTuple):
    """A metric's value on the rows, and the bounds of its bootstrap interval; NaN where not defined."""

    value: float
    low: float
    high: float


def bootstrap_interval(
    metric: Metric,
    target: np.ndarray,
    scores: np.ndarray,
    weight: np.ndarray | None = None,
    *,
    seed: int = 0,
    resamples: int = RESAMPLES,
    level: float = LEVEL,
) -> Interval:
    """Percentile bootstrap interval of a metric over n rows (Efron, 1979).

    A resample is a weight on the rows (how often each was drawn), so the scores are sorted once: ROC AUC on
    100,000 rows takes about a second. Resamples where it is not defined (a class is missing) are left out.

    Args:
        metric: what to evaluate.
        target: (n, L), or (n,) class index.
        scores: (n, K).
        weight: (n,), None means 1 for each row.
        seed: of the draws; the same seed gives the same interval.
        resamples: how many times the rows are drawn.
        level: share of the resamples between the bounds.

    Raises:
        AnnaError: as a call of the metric does.
    """
    n = len(target)
    target, scores = np.asarray(target), np.asarray(scores)
    # Rows in the order of the first score: metrics of order then read memory in sequence, twice as fast.
    order = np.argsort(-(scores if scores.ndim == 1 else scores[:, 0]), kind="stable")
    own = np.ones(n) if weight is None else np.asarray(weight, dtype=np.float64)[order]
    evaluate = metric.prepared(target[order], scores[order])
    value = evaluate(own)
    if np.isnan(value):
        return Interval(value, float("nan"), float("nan"))
    draws = np.random.default_rng(seed)
    return _interval(value, np.array([evaluate(own * _counts(draws, n)) for _ in range(resamples)]), level)


def bootstrap_difference(
    metric: Metric,
    target: np.ndarray,
    scores: np.ndarray,
    other: np.ndarray,
    weight: np.ndarray | None = None,
    *,
    seed: int = 0,
    resamples: int = RESAMPLES,
    level: float = LEVEL,
) -> Interval:
    """By how much one model's metric exceeds another's on the same n rows, with its percentile bootstrap interval.

    Both are judged on the same resamples, so what is hard in the rows themselves cancels out: two models whose own
    intervals overlap may still differ for certain. Arguments and errors are those of `bootstrap_interval`.
    """
    n = len(target)
    own = np.ones(n) if weight is None else np.asarray(weight, dtype=np.float64)
    first, second = metric.prepared(target, scores), metric.prepared(target, other)
    value = first(own) - second(own)
    if np.isnan(value):
        return Interval(value, float("nan"), float("nan"))
    draws = np.random.default_rng(seed)
    resampled = (own * _counts(draws, n) for _ in range(resamples))
    return _interval(value, np.array([first(drawn) - second(drawn) for drawn in resampled]), level)


def _interval(value: float, resampled: np.ndarray, level: float) -> Interval:
    resampled = resampled[~np.isnan(resampled)]
    if not len(resampled):
        return Interval(value, float("nan"), float("nan"))
    low, high = np.quantile(resampled, [(1 - level) / 2, (1 + level) / 2])
    return Interval(value, float(low), float(high))


def _counts(draws: np.random.Generator, n: int) -> np.ndarray:
    return np.bincount(draws.integers(0, n, size=n), minlength=n)
