"""pytorch-lifestream's nets and batches, put together as its documentation does."""

import logging
import warnings
from typing import Any

import torch
from ptls.data_load.datasets import MemoryMapDataset
from ptls.data_load.utils import collate_feature_dict
from ptls.frames.supervised import SeqToTargetDataset, SequenceToTarget
from ptls.nn import RnnSeqEncoder, TransformerSeqEncoder, TrxEncoder
from torch.utils.data import DataLoader

from benchmarks.speed.dataset import CARDINALITIES, DataSet
from benchmarks.speed.shapes import GRU_WIDTH, TRANSFORMER

warnings.filterwarnings("ignore")
logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)

DROPOUT = 0.1  # its own default, in a transformer


def make_net(data: DataSet, encoder: str, dropout: float = DROPOUT) -> SequenceToTarget:
    """A net of ANNA's widths: the same embeddings, the logarithm of the amount, and a linear head with one logit."""
    embeddings = {name: {"in": size, "out": data.widths[name]} for name, size in CARDINALITIES.items()}
    numeric = {"amount": "log"}
    if encoder == "gru":
        events = TrxEncoder(embeddings=embeddings, numeric_values=numeric)
        sequence: Any = RnnSeqEncoder(trx_encoder=events, hidden_size=GRU_WIDTH, type="gru")
    else:
        shape = TRANSFORMER
        events = TrxEncoder(embeddings=embeddings, numeric_values=numeric, linear_projection_size=shape.width)
        sequence = TransformerSeqEncoder(
            trx_encoder=events,
            n_heads=shape.heads,
            n_layers=shape.layers,
            dim_hidden=shape.feed_forward,
            dropout=dropout,
            max_seq_len=5000,
        )
    head = torch.nn.Sequential(torch.nn.Linear(sequence.embedding_size, 1), torch.nn.Flatten(start_dim=0))
    return SequenceToTarget(sequence, head, loss=torch.nn.BCEWithLogitsLoss(), metric_list=[])


def make_records(data: DataSet, clients: list[int]) -> list[dict[str, Any]]:
    """Its in-memory form: a dictionary of tensors a client."""
    columns = {
        "event_time": torch.from_numpy(data.event_time),
        **{name: torch.from_numpy(codes).long() for name, codes in data.codes.items()},
        "amount": torch.from_numpy(data.amount),
    }
    start, length = data.start, data.length
    return [
        {
            **{name: column[start[i] : start[i] + length[i]] for name, column in columns.items()},
            "target": int(data.target[i]),
        }
        for i in clients
    ]


def supervised_batches(records: list[dict[str, Any]], batch: int, workers: int, shuffle: bool) -> DataLoader:
    """Batches of a padded batch and a target."""
    dataset = SeqToTargetDataset(records, target_col_name="target", target_dtype="float32")
    return DataLoader(dataset, batch_size=batch, shuffle=shuffle, collate_fn=dataset.collate_fn, num_workers=workers)


def inference_batches(records: list[dict[str, Any]], batch: int) -> DataLoader:
    """Padded batches in the records' order."""
    return DataLoader(MemoryMapDataset(records), batch_size=batch, shuffle=False, collate_fn=collate_feature_dict)
