"""How far a metric could have come out otherwise: the percentile bootstrap over clients.

Rows of one client are not independent of one another: twelve months of clients who stay as they are tell little more
than one, and intervals that took them for new clients would be three times too narrow. So clients are drawn, each with
all of its rows (the cluster bootstrap: Davison & Hinkley, "Bootstrap Methods and their Application", 1997, ch. 3.8).
"""

from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np

from anna_core.metrics.registry import Metric

LEVEL = 0.95  # the share of intervals that hold the true value, as reports customarily state it
RESAMPLES = 200  # Efron & Tibshirani (1993), ch. 12-13: enough for a 95% interval read to two digits


class Interval(NamedTuple):
    """A metric's value on the rows, and the bounds of its bootstrap interval; NaN where not defined."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Resampled:
    """A metric's value on n rows, and on each of R resamples of them (R,); NaN where not defined."""

    value: float
    drawn: np.ndarray

    def __sub__(self, other: Self) -> Self:
        """By how much this one exceeds another that was drawn with the same seed from the same rows.

        What is hard in the rows cancels out: models whose own intervals overlap may differ by more than chance.
        """
        return type(self)(self.value - other.value, self.drawn - other.drawn)

    def interval(self, level: float = LEVEL) -> Interval:
        """Percentile interval (Efron, 1979): `level` of the resamples where the metric is defined lie within."""
        drawn = self.drawn[~np.isnan(self.drawn)]
        if np.isnan(self.value) or not len(drawn):
            return Interval(self.value, float("nan"), float("nan"))
        low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
        return Interval(self.value, float(low), float(high))


def resample(
    metric: Metric,
    target: np.ndarray,
    scores: np.ndarray,
    weight: np.ndarray | None = None,
    *,
    client: np.ndarray | None = None,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Resampled:
    """Evaluate a metric on n rows and on resamples of them, drawn with replacement.

    A resample is a weight on the rows (how often each one's client was drawn), so the scores are sorted once: ROC AUC
    on 100,000 rows takes about a second.

    Args:
        metric: what to evaluate.
        target: (n, L), or (n,) class index.
        scores: (n, K).
        weight: (n,), None means 1 for each row.
        client: (n,) the client that each row belongs to; None: every row is a client of its own.
        seed: of the draws; the same seed draws the same rows, whatever the scores.
        resamples: how many times the clients are drawn.

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
        return Resampled(value, np.full(resamples, np.nan))
    group = clients_of(client, n)[order]
    clients, draws = int(group.max(initial=-1)) + 1, np.random.default_rng(seed)
    counts = (np.bincount(draws.integers(0, clients, size=clients), minlength=clients) for _ in range(resamples))
    return Resampled(value, np.array([evaluate(own * count[group]) for count in counts]))


def lead_of(metric: Metric, ours: Resampled, other: Resampled) -> Interval:
    """By how much one model is better than another (worse, if negative) on the same rows, with its interval."""
    return (ours - other if metric.greater_is_better else other - ours).interval()


def clients_of(client: np.ndarray | None, rows: int) -> np.ndarray:
    """Number (n,) of each row's client, 0 … g - 1; each row's own where none is known."""
    return np.arange(rows) if client is None else np.unique(client, return_inverse=True)[1]
