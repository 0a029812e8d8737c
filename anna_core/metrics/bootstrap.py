"""How far a metric could have come out otherwise: the bootstrap over clients, its intervals corrected for few cases.

Rows of one client are not independent of one another: twelve months of clients who stay as they are tell little more
than one, and intervals that took them for new clients would be three times too narrow. So clients are drawn, each with
all of its rows (the cluster bootstrap: Davison & Hinkley, "Bootstrap Methods and their Application", 1997, ch. 3.8).
"""

from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np
from scipy.special import ndtr, ndtri, stdtrit

from anna_core.metrics.evidence import Evidence, evidence_of
from anna_core.metrics.registry import Metric

LEVEL = 0.95  # the share of intervals that hold the true value, as reports customarily state it
# Limits of intervals lie far out in the tails, the more so of few cases: a thousand resamples tell where. Of many rows,
# which bring many cases, 200 do (Efron & Tibshirani, 1993, ch. 12-13); in between so many as draw the same rows in all.
_MOST_RESAMPLES, _FEWEST_RESAMPLES = 1000, 200
_DRAWN_ROWS = 5_000_000
# The resamples' skewness, and how far the value lies from their middle, are trusted so far: acceleration, and normal
# deviates. Metrics that look for a maximum (KS, best F1) draw far above their value where they know nothing.
_LARGEST_ACCELERATION, _LARGEST_BIAS = 0.15, 1.0
_LARGEST_STRETCH = 0.5  # of a deviate, relative: beyond 1 the formula turns round


class Interval(NamedTuple):
    """A metric's value on the rows, and the bounds of its bootstrap interval; NaN where not defined."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Resampled:
    """A metric's value on n rows, and on each of R resamples of them (R,); NaN where not defined.

    Attributes:
        value: on the rows.
        drawn: (R,) on the resamples.
        evidence: how many cases it rests on.
    """

    value: float
    drawn: np.ndarray
    evidence: Evidence

    def __sub__(self, other: Self) -> Self:
        """By how much this one exceeds another that was drawn with the same seed from the same rows.

        What is hard in the rows cancels out: models whose own intervals overlap may differ by more than chance.
        """
        return type(self)(self.value - other.value, self.drawn - other.drawn, self.evidence)

    def interval(self) -> Interval:
        """The interval that holds the true value in `LEVEL` of all samples; NaN where there are too few cases."""
        drawn = self.drawn[~np.isnan(self.drawn)]
        if np.isnan(self.value) or not len(drawn) or not self.evidence.enough:
            return Interval(self.value, float("nan"), float("nan"))
        return Interval(self.value, *bounds(self.value, drawn, self.evidence.freedom))


def bounds(value: float, drawn: np.ndarray, freedom: float) -> tuple[float, float]:
    """Quantiles of the resamples between which the true value lies in `LEVEL` of all samples.

    Plain quantiles are too near to each other of few cases, and too high of a good ranking. So they are taken at normal
    deviates that are corrected as by the bias-corrected and accelerated bootstrap (Efron, "Better bootstrap confidence
    intervals", 1987), and widened to those of Student's distribution (Hesterberg, "What teachers should know about the
    bootstrap", 2015). The acceleration, a sixth of the skewness of the cases' influence, is taken from the resamples,
    whose skewness is the same to first order. docs/quality.md has what that gains.

    Args:
        value: the metric on the rows.
        drawn: (R,) the metric on resamples, all defined.
        freedom: degrees of freedom of its error, positive.
    """
    reach = stdtrit(freedom, (1 + LEVEL) / 2) * np.sqrt((freedom + 1) / freedom)
    below = np.mean(drawn < value) + np.mean(drawn == value) / 2
    bias = np.clip(ndtri(below), -_LARGEST_BIAS, _LARGEST_BIAS)
    acceleration = np.clip(_skewness(drawn) / 6, -_LARGEST_ACCELERATION, _LARGEST_ACCELERATION)
    deviates = bias + np.array([-reach, reach])
    stretch = np.minimum(acceleration * deviates, _LARGEST_STRETCH)
    low, high = np.quantile(drawn, ndtr(bias + deviates / (1 - stretch)))
    return float(low), float(high)


def resample(
    metric: Metric,
    target: np.ndarray,
    scores: np.ndarray,
    weight: np.ndarray | None = None,
    *,
    client: np.ndarray | None = None,
    seed: int = 0,
    resamples: int | None = None,
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
        resamples: how many times the clients are drawn; None: as often as the number of rows allows.

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
    group = clients_of(client, n)[order]
    evidence = evidence_of(metric, target[order], own, group)
    if resamples is None:
        resamples = int(np.clip(_DRAWN_ROWS // max(n, 1), _FEWEST_RESAMPLES, _MOST_RESAMPLES))
    if np.isnan(value):
        return Resampled(value, np.full(resamples, np.nan), evidence)
    clients, draws = int(group.max(initial=-1)) + 1, np.random.default_rng(seed)
    counts = (np.bincount(draws.integers(0, clients, size=clients), minlength=clients) for _ in range(resamples))
    return Resampled(value, np.array([evaluate(own * count[group]) for count in counts]), evidence)


def lead_of(metric: Metric, ours: Resampled, other: Resampled) -> Interval:
    """By how much one model is better than another (worse, if negative) on the same rows, with its interval."""
    return (ours - other if metric.greater_is_better else other - ours).interval()


def clients_of(client: np.ndarray | None, rows: int) -> np.ndarray:
    """Number (n,) of each row's client, 0 … g - 1; each row's own where none is known."""
    return np.arange(rows) if client is None else np.unique(client, return_inverse=True)[1]


def _skewness(values: np.ndarray) -> float:
    """Third standardised moment of (n,) values; 0 where they are all the same."""
    away = values - values.mean()
    spread = np.sqrt(np.mean(away**2))
    return float(np.mean(away**3) / spread**3) if spread > 0 else 0.0
