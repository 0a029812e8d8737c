"""Measures what the inputs need to know, on the events of the training rows alone."""

from collections.abc import Callable, Iterator

import numpy as np
import torch

from anna_core.aggregates.ranks import AggregateStats, measure_aggregates
from anna_core.models.nets.batch import EventStore, PackedBatch
from anna_core.models.nets.batching import length_batches
from anna_core.models.nets.inputs import InputStats, NumberStats, Spread, signed_log
from anna_core.models.nets.time_features import granularity_of, log_age, log_gap
from anna_core.models.nets.vocabulary import most_frequent
from anna_core.sequences.ragged import Sequences
from anna_core.tasks.net import NetSpec

# Means and deviations of a million events are exact to a thousandth; more would only cost time.
_MOST_EVENTS = 1_000_000
_BATCH_EVENTS = 131_072
_SMALLEST_STD = 1e-6
# Bins of a number between its quantiles: each holds a sixteenth of a field's events, and more bins would hold fewer.
_BINS = 16


def measure_inputs(sequences: Sequences, rows: np.ndarray, seed: int, spec: NetSpec) -> InputStats:
    """Measure the statistics of some rows' events.

    Args:
        sequences: the domain's sequences.
        rows: positions of the training rows, all with at least one event.
        seed: chooses the rows to measure if there are more than a million events.
        spec: spec of the net that will read them.
    """
    batches = list(_sample(sequences, rows, seed))

    def spread(values: Callable[[PackedBatch], torch.Tensor]) -> Spread:
        return _spread(torch.cat([values(batch) for batch in batches]))

    def events(name: str) -> torch.Tensor:
        return torch.cat([batch.numbers[name] for batch in batches])

    def frequent(name: str) -> tuple[int, ...]:
        codes = torch.cat([batch.codes[name] for batch in batches]).numpy()
        return most_frequent(codes, cardinalities[name], spec.vocabulary)

    cardinalities = {name: sequences.meta.cardinalities[name] for name in sequences.domain.coded}
    lengths = torch.cat([batch.lengths for batch in batches])
    times = torch.cat([batch.event_time for batch in batches])
    return InputStats(
        cardinalities=cardinalities,
        frequent={name: frequent(name) for name, cardinality in cardinalities.items() if cardinality > spec.vocabulary},
        numbers={name: _number(events(name)) for name in sequences.domain.numeric},
        granularity=granularity_of(times),
        gap=spread(log_gap),
        age=spread(log_age),
        length=_spread(torch.log1p(lengths.to(torch.float32))),
        last_age=spread(lambda batch: log_age(batch)[batch.last]),
        aggregates=measure_aggregates(sequences, rows) if spec.aggregates else AggregateStats(),
    )


def _sample(sequences: Sequences, rows: np.ndarray, seed: int) -> Iterator[PackedBatch]:
    rows = np.random.default_rng(seed).permutation(rows)
    enough = int(np.searchsorted(np.cumsum(sequences.length[rows], dtype=np.int64), _MOST_EVENTS)) + 1
    rows = np.sort(rows[:enough])
    store = EventStore(sequences, torch.device("cpu"))
    for batch in length_batches(sequences.length[rows], len(rows), _BATCH_EVENTS):
        yield store.gather(rows[batch])


def _number(values: torch.Tensor) -> NumberStats:
    finite = values[torch.isfinite(values)]
    zeros = int((finite == 0).sum())
    logs = signed_log(finite)
    spread = _spread(logs)
    return NumberStats(
        spread=spread,
        quantiles=_quantiles(spread.standardise(logs)),
        has_missing=len(finite) < len(values),
        has_zero=0 < zeros < len(finite),
    )


def _quantiles(values: torch.Tensor) -> tuple[float, ...]:
    if len(values) == 0:
        return ()
    return tuple(np.unique(np.quantile(values.numpy(), np.linspace(0, 1, _BINS + 1))).tolist())


def _spread(values: torch.Tensor) -> Spread:
    """Mean and deviation in double precision; if nothing varies, the deviation is 1, so that values become 0."""
    values = values.to(torch.float64)
    if len(values) == 0:
        return Spread(mean=0.0, std=1.0)
    mean, std = float(values.mean()), float(values.std(correction=0))
    return Spread(mean=mean, std=std if std > _SMALLEST_STD else 1.0)
