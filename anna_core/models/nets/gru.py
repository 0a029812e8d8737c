"""Gated recurrent units: the default, and the leading encoder of event sequences (EBES, KDD 2025)."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.rnn import PackedSequence

from anna_core.models.nets.batch import PackedBatch
from anna_core.models.nets.packed_gru import Weights, packed_grus
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
        [states] = self.side_by_side([self], [events], batch)
        return states

    @staticmethod
    def side_by_side(
        encoders: Sequence["GruEncoder"], events: Sequence[torch.Tensor], batch: PackedBatch
    ) -> Sequence[torch.Tensor]:
        """The states of several encoders of one shape, each of which has its own inputs of the same batch."""
        first, kind = encoders[0], events[0].device.type
        dtype = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else torch.float32
        with torch.autocast(kind, enabled=False):
            if kind != "cpu":  # under autocast cuDNN would get float16, which loses small gradients
                packed = (PackedSequence(x, torch.tensor(batch.sizes)) for x in events)
                return [one.gru(x)[0].data for one, x in zip(encoders, packed, strict=True)]
            for layer in range(first.gru.num_layers):
                if layer:
                    events = [F.dropout(x, first.dropout, first.training) for x in events]
                ways = slice(layer * first.directions, (layer + 1) * first.directions)
                events = first.layer(events, [one.gru.all_weights[ways] for one in encoders], batch, dtype)
        return events

    def layer(
        self,
        events: Sequence[torch.Tensor],
        weights: Sequence[Sequence[Weights]],
        batch: PackedBatch,
        dtype: torch.dtype,
    ) -> Sequence[torch.Tensor]:
        """One layer of each encoder on a CPU: its inputs (N, inputs) → its states (N, width).

        Args:
            events: packed inputs of each.
            weights: of each, the weights of its directions, as in `torch.nn.GRU.all_weights`.
            batch: says which row each event belongs to.
            dtype: number type of the matrix products.
        """
        return packed_grus(events, [onwards for [onwards] in weights], batch.sizes, dtype)
