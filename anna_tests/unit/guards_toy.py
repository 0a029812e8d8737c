"""Samples and sequences of one domain in which a test plants what the guards have to find."""

from dataclasses import replace

import numpy as np
import polars as pl
import pyarrow as pa

from anna_core.domains import Domain
from anna_core.durations import DAY
from anna_core.guards.leakage import probe_domain
from anna_core.guards.shift import probe_shift
from anna_core.marts.dictionary import Dictionary
from anna_core.samples.sample import Sample
from anna_core.sequences.ragged import Sequences, SequencesMeta
from anna_core.tasks.task import GuardSpec, Task, TaskType

DOMAIN = Domain.model_validate(
    {
        "name": "cards",
        "source": {"path": "x"},
        "fields": {"kind": "categorical", "amount": "numeric", "online": "boolean"},
    }
)
NO_CODES = Dictionary(DOMAIN)  # values are told by their codes
_TARGETS = {TaskType.MULTILABEL: ("target_a", "target_b")}
_CLASSES = {TaskType.MULTICLASS: ("a", "b", "c")}
_METRICS = {
    TaskType.BINARY: "roc_auc",
    TaskType.MULTICLASS: "macro_roc_auc",
    TaskType.MULTILABEL: "mean_roc_auc",
    TaskType.REGRESSION: "r2",
}


def make_sample(target, *, kind=TaskType.BINARY, as_of=None, split=None, clients=None, allow=()):
    """A sample of a target (n,) or (n, L); every fifth row is of the test, one row a client, one date."""
    target = np.asarray(target)
    n, names = len(target), _TARGETS.get(kind, ("target",))
    columns = target.reshape(n, -1).T
    rows = pl.DataFrame(
        {
            "client_id": [f"c{c}" for c in (range(n) if clients is None else clients)],
            "as_of": np.full(n, np.datetime64("2024-03-01")) if as_of is None else as_of,
            **dict(zip(names, columns, strict=True)),
            "split": np.where(np.arange(n) % 5 == 4, "test", "train") if split is None else split,
            "weight": np.ones(n, dtype=np.float32),
        }
    )
    guards = GuardSpec(allow=allow)
    task = Task(
        name="t", type=kind, metric=_METRICS[kind], targets=names, classes=_CLASSES.get(kind, ()), guards=guards
    )
    return Sample("t.s", task, rows)


def make_sequences(sample, seed=0, length=None):
    """About six random events a row within 200 days of its as_of; nothing tells anything."""
    random, n = np.random.default_rng(seed), len(sample)
    length = (random.poisson(5, n) + 1 if length is None else length).astype(np.int32)
    start, events = np.cumsum(length) - length, int(length.sum())
    as_of = sample.rows["as_of"].to_numpy()
    row = np.repeat(np.arange(n), length)
    time = as_of.astype("datetime64[us]").astype(np.int64)[row] - random.integers(1, 200 * DAY, events)
    return Sequences(
        meta=SequencesMeta(domain=DOMAIN, cardinalities={"kind": 40, "online": 3}, data_version=""),
        client_id=pa.array(sample.rows["client_id"].to_list()),
        as_of=as_of,
        start=start.astype(np.int64),
        length=length,
        event_time=time[np.lexsort((time, row))],
        columns={
            "kind": random.integers(1, 40, events).astype(np.uint8),
            "amount": random.lognormal(3, 1, events).astype(np.float32),
            "online": random.integers(1, 3, events).astype(np.uint8),
        },
    )


def with_last(sequences, field, values):
    """The same sequences, the last value (n,) of each row's field replaced."""
    column, seen = sequences.columns[field].copy(), sequences.length > 0
    column[(sequences.start + sequences.length - 1)[seen]] = np.asarray(values)[seen]
    return replace(sequences, columns={**sequences.columns, field: column})


def coin(n, share=0.5, seed=1):
    """A random target (n,) of 0 and 1."""
    return (np.random.default_rng(seed).random(n) < share).astype(int)


def probe(sequences, sample):
    """What gives the target away."""
    return probe_domain(sequences, sample, NO_CODES)


def shift_of(sequences, sample):
    """In what test rows differ."""
    return probe_shift(sequences, sample, NO_CODES)
