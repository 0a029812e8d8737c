"""Gated recurrent units: the default, and the leading encoder of event sequences (EBES, KDD 2025)."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.rnn import PackedSequence

from anna_core.models.nets.batch import PackedBatch
from anna_core.models.nets.packed_gru import Weights, packed_gru
from anna_core.models.nets.recurrent import RecurrentEncoder


class GruEncoder(RecurrentEncoder):
    """Layers of GRU that read from the oldest event on; `packed_gru` on a CPU, cuDNN's (in TF32) on a GPU."""

    directions = 1

    def __init__(self, inputs: int, width: int, layers: int, dropout: float) -> None:
        super().__init__(width, dropout)
        between = dropout if layers > 1 else 0.0
        ways = self.directions
        self.gru = nn.GRU(inputs, width // ways, layers, dropout=between, bidirectional=ways > 1)

    def forward(self, events: torch.Tensor, batch: PackedBatch) -> torch.Tensor:
        """See `anna_core.models.nets.encoders.Encoder`."""
        kind = events.device.type
        dtype = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else torch.float32
        with torch.autocast(kind, enabled=False):
            if kind != "cpu":  # under autocast cuDNN would get float16, which loses small gradients
                states, _ = self.gru(PackedSequence(events, torch.tensor(batch.sizes)))
                return states.data
            for layer in range(self.gru.num_layers):
                if layer:
                    events = F.dropout(events, self.dropout, self.training)
                begin = layer * self.directions
                events = self.layer(events, self.gru.all_weights[begin : begin + self.directions], batch, dtype)
        return events

    def layer(
        self, events: torch.Tensor, weights: Sequence[Weights], batch: PackedBatch, dtype: torch.dtype
    ) -> torch.Tensor:
        """One layer on a CPU: its inputs (N, inputs) → its states (N, width).

        Args:
            events: packed inputs.
            weights: weights of each direction, as in `torch.nn.GRU.all_weights`.
            batch: says which row each event belongs to.
            dtype: number type of the matrix products.
        """
        return packed_gru(events, weights[0], batch.sizes, dtype)
