"""Two GRUs over the same events, one from the oldest and one from the latest: each state has seen its whole row."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.rnn import PackedSequence

from anna_core.models.nets.batch import PackedBatch
from anna_core.models.nets.batching import EVENTS_OF_STEPS, SCORING_EVENTS_OF_STEPS
from anna_core.models.nets.packed_gru import packed_gru


class BidirectionalGruEncoder(nn.Module):
    """Layers of two GRUs of half the width each, beside each other: `packed_gru` on a CPU, cuDNN's on a GPU.

    States are in the events' order in both directions, as `torch.nn.GRU` has them: the second half of a row's units has
    read the whole row at its oldest event (`NetSpec.backwards`).
    """

    batch_events = EVENTS_OF_STEPS
    scoring_events = SCORING_EVENTS_OF_STEPS

    def __init__(self, inputs: int, width: int, layers: int, dropout: float) -> None:
        super().__init__()
        self.width = width
        self.dropout = dropout
        self.gru = nn.GRU(inputs, width // 2, layers, dropout=dropout if layers > 1 else 0.0, bidirectional=True)

    def forward(self, events: torch.Tensor, batch: PackedBatch) -> torch.Tensor:
        """See `anna_core.models.nets.encoders.Encoder`."""
        kind = events.device.type
        dtype = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else torch.float32
        with torch.autocast(kind, enabled=False):
            if kind != "cpu":  # under autocast cuDNN would be given float16, which loses small gradients
                states, _ = self.gru(PackedSequence(events, torch.tensor(batch.sizes)))
                return states.data
            weights = self.gru.all_weights
            for layer, (onwards, backwards) in enumerate(zip(weights[::2], weights[1::2], strict=True)):
                if layer:
                    events = F.dropout(events, self.dropout, self.training)
                ahead = packed_gru(events, onwards, batch.sizes, dtype)
                behind = packed_gru(_Reverse.apply(events, batch), backwards, batch.sizes, dtype)
                events = torch.cat([ahead, _Reverse.apply(behind, batch)], dim=1)
        return events


class _Reverse(torch.autograd.Function):
    """Turn each row's events round, (N, width) → (N, width); doing so twice changes nothing, so it is its gradient."""

    @staticmethod
    def forward(ctx: Any, packed: torch.Tensor, batch: PackedBatch) -> torch.Tensor:
        ctx.batch = batch
        return packed.index_select(0, batch.reverse)

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> tuple[torch.Tensor, None]:
        return grad.index_select(0, ctx.batch.reverse), None
