"""Plain PyTorch by a good hand: the same net on tensors, batches of like length, nothing else.

What an experienced user would write in an afternoon instead of taking a library.
"""

import numpy as np
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_sequence

from benchmarks.speed.dataset import CARDINALITIES, DataSet
from benchmarks.speed.shapes import GRU_WIDTH, TRANSFORMER

Columns = dict[str, torch.Tensor]


class PlainNet(nn.Module):
    """Embeddings and the logarithm of the amount → `nn.GRU` or `nn.TransformerEncoder` → last state → one logit."""

    def __init__(self, data: DataSet, encoder: str) -> None:
        super().__init__()
        self.embeddings = nn.ModuleDict(
            {name: nn.Embedding(size, data.widths[name], padding_idx=0) for name, size in CARDINALITIES.items()}
        )
        inputs = sum(data.widths.values()) + 1
        if encoder == "gru":
            self.encoder: nn.Module = nn.GRU(inputs, GRU_WIDTH, batch_first=True)
            self.head = nn.Linear(GRU_WIDTH, 1)
        else:
            shape = TRANSFORMER
            layer = nn.TransformerEncoderLayer(
                shape.width, shape.heads, shape.feed_forward, dropout=0.0, batch_first=True, norm_first=True
            )
            self.project = nn.Linear(inputs, shape.width)
            self.encoder = nn.TransformerEncoder(layer, shape.layers, enable_nested_tensor=False)
            self.head = nn.Linear(shape.width, 1)

    def forward(self, columns: Columns, length: torch.Tensor) -> torch.Tensor:
        """Logits (B,) of padded columns (B, T) and lengths (B,)."""
        return self.head(self.embed(columns, length))[:, 0]

    def embed(self, columns: Columns, length: torch.Tensor) -> torch.Tensor:
        """(B, width): the state after the last event."""
        events = torch.cat(
            [
                *(self.embeddings[name](columns[name]) for name in CARDINALITIES),
                torch.log1p(columns["amount"])[:, :, None],
            ],
            dim=2,
        )
        if isinstance(self.encoder, nn.GRU):
            if torch.is_inference_mode_enabled():  # packed is fast forwards, and pathological backwards on a CPU
                packed = pack_padded_sequence(events, length, batch_first=True, enforce_sorted=False)
                return self.encoder(packed)[1][-1]
            states = self.encoder(events)[0]
        else:
            padding = torch.arange(events.shape[1]) >= length[:, None]
            states = self.encoder(self.project(events), src_key_padding_mask=padding)
        return states[torch.arange(len(states)), length - 1]


class PlainData:
    """The data set as tensors, cut into padded batches of like length."""

    def __init__(self, data: DataSet, clients: np.ndarray) -> None:
        self.columns: Columns = {name: torch.from_numpy(codes).int() for name, codes in data.codes.items()}
        self.columns["amount"] = torch.from_numpy(data.amount)
        self.clients, self.start, self.length, self.target = clients, data.start, data.length, data.target

    def plan(self, rows: int, rng: np.random.Generator | None = None) -> list[np.ndarray]:
        """Clients of each batch; with a generator, like lengths are mixed and the batches shuffled."""
        length = self.length[self.clients].astype(np.float64)
        if rng is not None:
            length *= rng.uniform(0.95, 1.05, len(length))
        ordered = self.clients[np.argsort(length)]
        batches = [ordered[begin : begin + rows] for begin in range(0, len(ordered), rows)]
        return batches if rng is None else [batches[i] for i in rng.permutation(len(batches))]

    def read(self, batch: np.ndarray) -> tuple[Columns, torch.Tensor, torch.Tensor]:
        """Padded columns (B, T), lengths (B,), targets (B,)."""
        spans = [slice(self.start[i], self.start[i] + self.length[i]) for i in batch]
        columns = {
            name: pad_sequence([values[span] for span in spans], batch_first=True)
            for name, values in self.columns.items()
        }
        return columns, torch.from_numpy(self.length[batch]).long(), torch.from_numpy(self.target[batch]).float()
