"""How far a distribution moved: the population stability index, and how much of it is mere chance."""

import numpy as np
from scipy.special import chdtri

BINS = 10  # of equal numbers of reference rows, as scorecards are watched by (Siddiqi, 2006)
# Below 0.1 nothing to speak of, above 0.25 another population: the usual reading (Siddiqi, "Credit Risk Scorecards",
# 2006, ch. 8; Lewis, "An Introduction to Credit Scoring", 1994).
SMALL, LARGE = 0.1, 0.25
_BY_CHANCE = 0.95  # the share of unmoved distributions whose index stays below `chance`
_SMALLEST = 0.5  # rows that an empty bin counts for; the index of an empty one would be infinite


def psi(reference: np.ndarray, found: np.ndarray) -> float:
    """The population stability index: sum over bins of (found - reference) * log(found / reference), of shares.

    Bins are cut at quantiles of the reference; values that are equal are never divided, so there may be fewer than
    `BINS`. Symmetric in what it compares, apart from the cuts; 0 for equal shares; NaN where either is empty.

    Args:
        reference: (n,) values, finite.
        found: (m,) values, finite.
    """
    if not len(reference) or not len(found):
        return float("nan")
    cuts = cuts_of(reference)
    ours, theirs = (_counts(cuts, values) for values in (reference, found))
    filled = ours + theirs > 0
    return index(_shares(ours[filled]), _shares(theirs[filled]), 0.0)


def cuts_of(reference: np.ndarray, weight: np.ndarray | None = None) -> np.ndarray:
    """Upper bounds of all bins but the last: quantiles of the reference (n,), float64, ascending.

    Where so many values are the smallest one that it is a bound itself, what lies below it has a bin of its own, empty
    in the reference; or a field that was always 0 could become -1 unseen.

    Args:
        reference: values, finite.
        weight: of each, above 0 in all; None: all alike.
    """
    if not len(reference) or (weight is not None and weight.sum() <= 0):
        return np.empty(0)
    known = reference if weight is None else reference[weight > 0]
    places = np.linspace(0, 1, BINS + 1)[1:-1]
    cuts = np.unique(np.quantile(reference, places, weights=weight, method="inverted_cdf")).astype(np.float64)
    lowest = np.float64(known.min())
    return np.concatenate([[np.nextafter(lowest, -np.inf)], cuts]) if cuts[0] == lowest else cuts


def index(reference: np.ndarray, found: np.ndarray, smallest: float) -> float:
    """The index of two distributions over the same bins.

    Args:
        reference: (b,) shares, 1 in all.
        found: likewise.
        smallest: share that an empty bin counts for; of a distribution without empty bins 0 will do.
    """
    ours, theirs = (np.maximum(shares, smallest) for shares in (reference, found))
    return float(((theirs - ours) * np.log(theirs / ours)).sum())


def chance(reference: float, found: float, bins: int = BINS) -> float:
    """What the index of two samples of one distribution exceeds in 5 of a hundred cases.

    It is about (1/n + 1/m) times chi-square with one degree less than there are bins (Yurdakul and Naranjo,
    "Statistical properties of the population stability index", 2020): of a hundred rows a side, 0.3 says nothing.

    Args:
        reference: number n of reference values.
        found: number m of values.
        bins: how many there are, 2 or more.
    """
    return (
        float((1 / reference + 1 / found) * chdtri(bins - 1, 1 - _BY_CHANCE)) if reference and found else float("inf")
    )


def _counts(cuts: np.ndarray, values: np.ndarray) -> np.ndarray:
    return np.bincount(np.searchsorted(cuts, values, side="left"), minlength=len(cuts) + 1)


def _shares(counts: np.ndarray) -> np.ndarray:
    counted = np.maximum(counts, _SMALLEST)
    return np.asarray(counted / counted.sum())
