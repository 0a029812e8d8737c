"""The one interface of sequence encoders, and the choice among them."""

from typing import Protocol

import torch

from anna_core.models.nets.batch import PackedBatch
from anna_core.models.nets.bigru import BidirectionalGruEncoder
from anna_core.models.nets.gru import GruEncoder
from anna_core.models.nets.min_gru import MinGruEncoder
from anna_core.models.nets.transformer import TransformerEncoder
from anna_core.tasks.net import NetSpec


class Encoder(Protocol):
    """Turns the events of a batch into one state per event.

    Attributes:
        width: width of a state.
        batch_events: number of events in a training batch at which it is fastest on a CPU.
        scoring_events: the same for scoring.
    """

    width: int
    batch_events: int
    scoring_events: int

    def __call__(self, events: torch.Tensor, batch: PackedBatch) -> torch.Tensor:
        """Encode.

        Args:
            events: (N, inputs) float32, the inputs of the batch's events.
            batch: says which row each event belongs to, and when it happened.

        Returns:
            (N, width) float32 states; a row's states do not depend on other rows.
        """


def make_encoder(
    spec: NetSpec, inputs: int
) -> GruEncoder | BidirectionalGruEncoder | MinGruEncoder | TransformerEncoder:
    """The encoder that a spec names, for events with this many inputs."""
    match spec.encoder:
        case "gru":
            return GruEncoder(inputs, spec.hidden, spec.layers, spec.dropout)
        case "bigru":
            return BidirectionalGruEncoder(inputs, spec.hidden, spec.layers, spec.dropout)
        case "min_gru":
            return MinGruEncoder(inputs, spec.hidden, spec.layers, spec.dropout)
        case "transformer":
            return TransformerEncoder(inputs, spec.hidden, spec.layers, spec.heads, spec.dropout)
