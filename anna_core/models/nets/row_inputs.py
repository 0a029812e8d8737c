"""What the head reads of a row beside its events' states: their number, how recent they are, and their aggregates."""

import torch
from torch import nn

from anna_core.models.nets.batch import PackedBatch
from anna_core.models.nets.inputs import InputStats
from anna_core.models.nets.time_features import log_age
from anna_core.tasks.net import NetSpec

_AGGREGATES_WIDTH = 32  # units that a few hundred aggregates are reduced to; what nets gain: docs/quality.md
_AGGREGATES_DROPOUT = 0.2  # share of the aggregates that are hidden while training


class RowInputs(nn.Module):
    """Log of the row's length, log age of its last event, and a few units made from its aggregates.

    The first two, activity and recency, are among a bank's strongest aggregates, and pooled states hide them.
    """

    def __init__(self, stats: InputStats, spec: NetSpec) -> None:
        super().__init__()
        self.stats = stats
        self.width = 2
        self.aggregates: nn.Module | None = None
        if count := len(stats.aggregates.quantiles):
            self.width += _AGGREGATES_WIDTH
            self.aggregates = nn.Sequential(
                nn.Dropout(_AGGREGATES_DROPOUT),
                nn.Linear(count, _AGGREGATES_WIDTH),
                nn.GELU(),
                nn.Dropout(spec.dropout),
            )

    def forward(self, batch: PackedBatch) -> torch.Tensor:
        """(B, width) float32."""
        length = self.stats.length.standardise(torch.log1p(batch.held.to(torch.float32)))
        newest = self.stats.last_age.standardise(log_age(batch)[batch.last])
        parts = [torch.stack([length, newest], dim=1)]
        if self.aggregates is not None:
            parts.append(self.aggregates(batch.aggregates))
        return torch.cat(parts, dim=1)
