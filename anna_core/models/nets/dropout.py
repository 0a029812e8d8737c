"""Dropout of whole units of a row, in all its events at once."""

import torch
import torch.nn.functional as F

from anna_core.models.nets.batch import PackedBatch


def drop_units(events: torch.Tensor, share: float, batch: PackedBatch) -> torch.Tensor:
    """Zero a share of each row's units in all its events and scale the others up; (N, width) → (N, width).

    If each event dropped units of its own, the mean over events would hide nothing: neighbours show what is missing.
    Sources: Gal & Ghahramani, 2016 (the same mask at every step); Tompson et al., 2015 ("spatial dropout").
    """
    if share == 0:
        return events
    kept = F.dropout(events.new_ones(len(batch), events.shape[1]), share)
    return events * kept.index_select(0, batch.row)
