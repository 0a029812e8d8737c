"""Gated recurrent units: the encoder that leads on event sequences (EBES, KDD 2025), and the default."""

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.rnn import PackedSequence

from anna_core.models.nets.batch import PackedBatch
from anna_core.models.nets.batching import EVENTS_OF_STEPS, SCORING_EVENTS_OF_STEPS
from anna_core.models.nets.packed_gru import packed_gru


class GruEncoder(nn.Module):
    """Layers of GRU, oldest event first and one way only; `packed_gru` on a CPU, cuDNN's (in TF32) on a GPU."""

    batch_events = EVENTS_OF_STEPS
    scoring_events = SCORING_EVENTS_OF_STEPS

    def __init__(self, inputs: int, width: int, layers: int, dropout: float) -> None:
        super().__init__()
        self.width = width
        self.dropout = dropout
        self.gru = nn.GRU(inputs, width, layers, dropout=dropout if layers > 1 else 0.0)

    def forward(self, events: torch.Tensor, batch: PackedBatch) -> torch.Tensor:
        """See `anna_core.models.nets.encoders.Encoder`."""
        kind = events.device.type
        dtype = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else torch.float32
        with torch.autocast(kind, enabled=False):
            if kind != "cpu":  # under autocast cuDNN would be given float16, which loses small gradients
                states, _ = self.gru(PackedSequence(events, torch.tensor(batch.sizes)))
                return states.data
            for layer, weights in enumerate(self.gru.all_weights):
                if layer:
                    events = F.dropout(events, self.dropout, self.training)
                events = packed_gru(events, weights, batch.sizes, dtype)
        return events
