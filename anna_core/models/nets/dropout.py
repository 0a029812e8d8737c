"""Dropout of whole units of a row, whatever its events."""

import torch
import torch.nn.functional as F

from anna_core.models.nets.batch import PackedBatch


def drop_units(events: torch.Tensor, share: float, batch: PackedBatch) -> torch.Tensor:
    """Zero a share of the units, for each row in all its events at once, and scale the others up; (N, width) stays.

    Where each event drops its own units, the mean over the events hides nothing: neighbours tell what is missing.
    Sources: Gal & Ghahramani, 2016 (the same mask at every step); Tompson et al., 2015 ("spatial dropout").
    """
    if share == 0:
        return events
    kept = F.dropout(events.new_ones(len(batch), events.shape[1]), share)
    return events * kept.index_select(0, batch.row)
