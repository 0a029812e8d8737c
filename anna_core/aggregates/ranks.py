"""What a row's events add up to, for the head of a net: counts, sums and recency, each as its rank among training rows.

Ranks need no scale of their own, whatever the heavy tail, and an absurd amount at scoring is no more than the highest.
"""

import numpy as np
from pydantic import BaseModel, ConfigDict

from anna_core.aggregates.columns import aggregate, code_columns, top_codes
from anna_core.sequences.ragged import Sequences

# Codes of a field that have aggregates. The rarer ones have few events, and the mean of the events tells of them too.
_CODES = 20
# Between so many quantiles of the training rows, ranks are interpolated.
_QUANTILES = 33
# Ranks spread evenly from -√3 to √3 have deviation 1.
_LARGEST_RANK = 3**0.5


class AggregateStats(BaseModel):
    """What was learned from the training rows' aggregates.

    Attributes:
        codes: coded field → its codes that are counted, the most frequent first.
        quantiles: name of an aggregate that varies → its quantiles at evenly spaced shares from 0 to 1.
    """

    model_config = ConfigDict(frozen=True)

    codes: dict[str, tuple[int, ...]] = {}
    quantiles: dict[str, tuple[float, ...]] = {}


def measure_aggregates(sequences: Sequences, rows: np.ndarray) -> AggregateStats:
    """Statistics of some rows, by position."""
    some = sequences.take(rows)
    codes = {name: tuple(found[:_CODES].tolist()) for name, found in top_codes(some).items()}
    quantiles = {}
    unordered = code_columns(sequences.domain)
    for column in aggregate(some, {name: np.array(found, dtype=np.int64) for name, found in codes.items()}):
        if column.name in unordered:
            continue
        values = column.to_numpy()
        values = np.sort(values[np.isfinite(values)])
        if len(values) and values[0] < values[-1]:
            places = np.linspace(0, len(values) - 1, _QUANTILES).round().astype(int)
            quantiles[column.name] = tuple(values[places].tolist())
    return AggregateStats(codes=codes, quantiles=quantiles)


def read_aggregates(stats: AggregateStats, sequences: Sequences) -> np.ndarray:
    """(n, A) float32 ranks of each row's aggregates; 0, the median, where one is not known."""
    frame = aggregate(sequences, {name: np.array(codes, dtype=np.int64) for name, codes in stats.codes.items()})
    ranks = np.zeros((len(sequences), len(stats.quantiles)), dtype=np.float32)
    for place, (name, quantiles) in enumerate(stats.quantiles.items()):
        ranks[:, place] = _rank(frame[name].to_numpy(), np.array(quantiles, dtype=np.float32))
    return ranks


def _rank(values: np.ndarray, quantiles: np.ndarray) -> np.ndarray:
    """Where values stand among quantiles; a value that several quantiles share stands in their middle."""
    below, upto = np.searchsorted(quantiles, values, "left"), np.searchsorted(quantiles, values, "right")
    between = np.interp(values, quantiles, np.arange(len(quantiles)))
    place = np.where(upto > below, (below + upto - 1) / 2, between)
    rank = (2 * place / (len(quantiles) - 1) - 1) * _LARGEST_RANK
    return np.where(np.isnan(values), 0.0, rank)
