"""The benchmark's data and nets in ANNA's own terms: sequences, a task, a trained model."""

import argparse

import numpy as np
import pyarrow as pa

from anna_core.domains import Domain
from anna_core.models.nets.domain_model import DomainModel
from anna_core.models.progress import OnEpoch, ignore
from anna_core.models.training.domain import train_domain_model
from anna_core.sequences.ragged import Sequences, SequencesMeta
from anna_core.tasks.net import NetSpec, Precision
from anna_core.tasks.task import Task, TaskType
from anna_core.tasks.training import TrainingSpec
from benchmarks.speed.contest import net_orders
from benchmarks.speed.dataset import AS_OF, CARDINALITIES, LONGEST, LOOKBACK_DAYS, DataSet
from benchmarks.speed.shapes import GRU_WIDTH, TRANSFORMER, WIDEST_EMBEDDING

PRECISIONS: dict[str, Precision] = {"fp32": "float32", "bf16": "bfloat16"}


def product_orders(description: str | None) -> argparse.ArgumentParser:
    """What both training and inference are told."""
    parser = net_orders(description)
    parser.add_argument("--precision", choices=tuple(PRECISIONS), required=True)
    return parser


def make_sequences(data: DataSet) -> Sequences:
    """The data set as the sequences of a sample, one row a client."""
    domain = Domain.model_validate(
        {
            "name": "bench",
            "source": {"path": "bench"},
            "fields": {**dict.fromkeys(CARDINALITIES, "categorical"), "amount": "numeric"},
            "lookback": f"{LOOKBACK_DAYS}d",
            "max_length": LONGEST,
        }
    )
    clients = len(data.length)
    return Sequences(
        meta=SequencesMeta(domain=domain, cardinalities=CARDINALITIES, data_version="bench"),
        client_id=pa.array([f"{i:06d}" for i in range(clients)]),
        as_of=np.full(clients, AS_OF),
        start=data.start,
        length=data.length,
        event_time=data.event_time,
        columns={**data.codes, "amount": data.amount},
    )


def net_spec(encoder: str, precision: str) -> NetSpec:
    """The net that is measured: the peers' embedding widths, logarithm and pooling."""
    shape = {"hidden": GRU_WIDTH}
    if encoder == "transformer":
        shape = {"hidden": TRANSFORMER.width, "layers": TRANSFORMER.layers, "heads": TRANSFORMER.heads}
    same = {"pooling": "last", "code_width": WIDEST_EMBEDDING, "numbers": "log"}
    return NetSpec.model_validate({"encoder": encoder, "precision": PRECISIONS[precision], **shape, **same})


def train(data: DataSet, given: argparse.Namespace, epochs: int, on_epoch: OnEpoch = ignore) -> DomainModel:
    """Train a model by the product's own call and default settings, but for epochs, event dropout and the net."""
    task = Task(
        name="bench",
        type=TaskType.BINARY,
        metric="roc_auc",
        net=net_spec(given.encoder, given.precision),
        # As the peers do, it reads all events.
        training=TrainingSpec(epochs=epochs, patience=epochs, event_dropout=0.0),
        seed=given.seed,
    )
    return train_domain_model(
        make_sequences(data),
        data.target.astype(np.float32)[:, None],
        np.ones(len(data.target), dtype=np.float32),
        np.where(data.valid, "valid", "train"),
        task,
        on_epoch=on_epoch,
        threads=given.threads,
        fold=np.where(data.valid, 0, -1),
        client=np.arange(len(data.target)),
    )
