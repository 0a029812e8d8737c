"""Gated recurrent units: the encoder that leads on event sequences (EBES, KDD 2025), and the default."""

import torch
from torch import nn


class GruEncoder(nn.Module):
    """`nn.GRU` over right-padded rows.

    The net reads oldest first and one way only, so a state depends on earlier events alone and the padding, which comes
    after, cannot reach it. Packed sequences are avoided: their backward pass is pathological on a CPU (BENCHMARKS.md).
    """

    def __init__(self, inputs: int, width: int, layers: int, dropout: float) -> None:
        super().__init__()
        self.width = width
        self.gru = nn.GRU(inputs, width, layers, batch_first=True, dropout=dropout if layers > 1 else 0.0)

    def forward(self, events: torch.Tensor, mask: torch.Tensor, age: torch.Tensor) -> torch.Tensor:
        """See `anna_core.nets.encoders.Encoder`."""
        states, _ = self.gru(events)
        return states
