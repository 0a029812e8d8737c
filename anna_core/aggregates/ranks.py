"""A row's aggregates for the head of a net: counts, sums and recency, each as its rank among the training rows.

Ranks need no scaling, however heavy the tail, and an absurd amount at scoring counts no more than the highest one seen.
"""

import numpy as np
from pydantic import BaseModel, ConfigDict

from anna_core.aggregates.columns import aggregate, code_columns, top_codes
from anna_core.sequences.ragged import Sequences

# Codes per field that have aggregates. Rarer ones have few events, and the mean of the events covers them as well.
_CODES = 20
# Number of quantiles of the training rows between which ranks are interpolated.
_QUANTILES = 33
# Quantiles of this many rows are exact to a thousandth; more rows would only cost time.
_MEASURED_ROWS = 100_000
# Rows read at a time: a few hundred float32 columns of them take some 100 MB.
_BLOCK_ROWS = 50_000
# Ranks spread evenly from -√3 to √3 have a standard deviation of 1.
_LARGEST_RANK = 3**0.5


class AggregateStats(BaseModel):
    """What was learned from the training rows' aggregates.

    Attributes:
        codes: coded field → the codes that are counted, the most frequent first.
        quantiles: name of each aggregate that varies → its quantiles at evenly spaced shares from 0 to 1.
    """

    model_config = ConfigDict(frozen=True)

    codes: dict[str, tuple[int, ...]] = {}
    quantiles: dict[str, tuple[float, ...]] = {}


def measure_aggregates(sequences: Sequences, rows: np.ndarray) -> AggregateStats:
    """Learn the statistics of some rows, by position; of more than 100,000, only every second or so is used."""
    some = sequences.take(rows[:: -(-len(rows) // _MEASURED_ROWS)])
    codes = {name: tuple(found[:_CODES].tolist()) for name, found in top_codes(some).items()}
    quantiles = {}
    unordered = code_columns(sequences.domain)
    for column in aggregate(some, _arrays(codes)):
        if column.name in unordered:
            continue
        values = column.to_numpy()
        values = np.sort(values[np.isfinite(values)])
        if len(values) and values[0] < values[-1]:
            places = np.linspace(0, len(values) - 1, _QUANTILES).round().astype(int)
            quantiles[column.name] = tuple(values[places].tolist())
    return AggregateStats(codes=codes, quantiles=quantiles)


def read_aggregates(stats: AggregateStats, sequences: Sequences, threads: int = 1) -> np.ndarray:
    """(n, A) float16 ranks of each row's aggregates; 0, the median, where an aggregate is not known."""
    ranks = np.zeros((len(sequences), len(stats.quantiles)), dtype=np.float16)
    for begin in range(0, len(sequences), _BLOCK_ROWS):
        rows = slice(begin, begin + _BLOCK_ROWS)
        frame = aggregate(sequences.take(rows), _arrays(stats.codes), threads)
        for place, (name, quantiles) in enumerate(stats.quantiles.items()):
            ranks[rows, place] = _rank(frame[name].to_numpy(), quantiles)
    return ranks


def _arrays(codes: dict[str, tuple[int, ...]]) -> dict[str, np.ndarray]:
    return {name: np.array(known, dtype=np.int64) for name, known in codes.items()}


def _rank(values: np.ndarray, quantiles: tuple[float, ...]) -> np.ndarray:
    """Position of values among quantiles; a value shared by several quantiles is placed in their middle."""
    known, first, count = np.unique(quantiles, return_index=True, return_counts=True)
    place = np.interp(values, known, first + (count - 1) / 2, left=0, right=len(quantiles) - 1)
    rank = (2 * place / (len(quantiles) - 1) - 1) * _LARGEST_RANK
    return np.where(np.isnan(values), 0.0, rank)
