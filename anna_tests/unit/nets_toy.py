"""Small sequences for the tests of nets, training and scoring."""

import numpy as np
import pyarrow as pa
import torch

from anna_core.domains import Domain
from anna_core.models.blend.fitting import train_metamodel
from anna_core.models.device import choose_device
from anna_core.models.progress import ignore
from anna_core.models.training.domain import train_domain_model
from anna_core.sequences.ragged import Sequences, SequencesMeta
from anna_core.tasks.net import NetSpec
from anna_core.tasks.task import Task
from anna_core.tasks.training import TrainingSpec

HOUR = 3_600_000_000
AS_OF = np.datetime64("2024-03-01", "D")


def devices():
    """Where nets can compute here: what differs between a CPU and a GPU is tested on both, where there is one."""
    return list(dict.fromkeys([torch.device("cpu"), choose_device()]))


def make_sequences(lengths, kinds=None, amounts=None, seed=0, name="toy", cardinality=6):
    """Sequences with one category `kind`, a boolean `online` and a number `amount`, events an hour or more apart."""
    rng = np.random.default_rng(seed)
    lengths = np.asarray(lengths, dtype=np.int32)
    total = int(lengths.sum())
    start = np.cumsum(lengths, dtype=np.int64) - lengths
    age = np.concatenate([np.sort(rng.integers(1, 2000, n))[::-1] for n in lengths] + [np.empty(0, np.int64)])
    event_time = AS_OF.astype("datetime64[us]").astype(np.int64) - age.astype(np.int64) * HOUR
    if kinds is None:
        kinds = rng.integers(0, cardinality, total)
    if amounts is None:
        amounts = np.where(rng.random(total) < 0.1, np.nan, rng.normal(0, 100, total))
    domain = Domain.model_validate(
        {
            "name": name,
            "source": {"path": name},
            "fields": {"kind": "categorical", "online": "boolean", "amount": "numeric"},
        }
    )
    return Sequences(
        meta=SequencesMeta(domain=domain, cardinalities={"kind": cardinality, "online": 3}, data_version="0"),
        client_id=pa.array([str(i) for i in range(len(lengths))]),
        as_of=np.full(len(lengths), AS_OF),
        start=start,
        length=lengths,
        event_time=event_time,
        columns={
            "kind": np.asarray(kinds, dtype=np.uint16),
            "online": rng.integers(0, 3, total).astype(np.uint8),
            "amount": np.asarray(amounts, dtype=np.float32),
        },
    )


def order_signal(rows, seed=0):
    """Sequences of kinds 1 to 4, each kind once or more, whose target is whether the first 1 comes before the first 2.

    Kinds 1 and 2 occur once in every row, so a bag of events says nothing of the target.
    """
    rng = np.random.default_rng(seed)
    lengths = rng.integers(4, 9, rows)
    kinds, target = [], np.zeros((rows, 1), dtype=np.float32)
    for row, length in enumerate(lengths):
        events = rng.permutation(np.concatenate([[1, 2], rng.integers(3, 5, length - 2)]))
        target[row] = np.flatnonzero(events == 1)[0] < np.flatnonzero(events == 2)[0]
        kinds.append(events)
    return make_sequences(lengths, np.concatenate(kinds), seed=seed, cardinality=5), target


def split_of(rows):
    """Three rows of five to train, one to validate, one to test."""
    return np.array(["train", "valid", "train", "test", "train"] * (rows // 5 + 1))[:rows]


def train_nets(sequences, target, weight, split, task, on_epoch=ignore, threads=None, fold=None, client=None):
    """The nets of a domain; by default each row is a client of its own, and the validation rows are the only fold."""
    fold = np.where(split == "valid", 0, -1) if fold is None else fold
    client = np.arange(len(target)) if client is None else client
    return train_domain_model(sequences, target, weight, split, task, on_epoch, threads, fold, client)


def train_blend(members, target, weight, split, judged, task, on_epoch=ignore, client=None, unseen=None):
    """The metamodel of members; by default each row is a client of its own, and nobody left out a row."""
    client = np.arange(len(target)) if client is None else client
    return train_metamodel(members, target, weight, split, judged, task, on_epoch, client, unseen)


def make_task(task_type="binary", metric="roc_auc", net=None, training=None, **settings):
    """A task with a small net, few epochs and a high learning rate."""
    net = {"hidden": 16, "embedding": 8, "dropout": 0.0, **(net or {})}
    training = {"epochs": 4, "batch_rows": 32, "learning_rate": 1e-2, "event_dropout": 0.0, **(training or {})}
    return Task(
        name="toy", type=task_type, metric=metric, net=NetSpec(**net), training=TrainingSpec(**training), **settings
    )
