"""What the encoders have in common that read a row's events one after the other."""

from torch import nn


class RecurrentEncoder(nn.Module):
    """Goes step by step: one step reads an event of every row of the batch that still has one.

    The more rows a step has, the more efficient its matrix products are (docs/speed.md), hence the large batches.

    Attributes:
        width: width of a state.
        dropout: probability with which a unit between two layers is dropped in training.
        batch_events: as of `anna_core.models.nets.encoders.Encoder`.
        scoring_events: likewise.
    """

    batch_events = 65_536
    scoring_events = 262_144

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.width = width
        self.dropout = dropout
