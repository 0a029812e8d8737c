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
    """Reads the events of a batch into a state an event.

    Attributes:
        width: of a state.
        batch_events: events of a training batch at which it is fastest on a CPU.
        scoring_events: the same when it only scores.
    """

    width: int
    batch_events: int
    scoring_events: int

    def __call__(self, events: torch.Tensor, batch: PackedBatch) -> torch.Tensor:
        """Encode.

        Args:
            events: (N, inputs) float32, the inputs of the batch's events.
            batch: says which events are a row's, and when they were.

        Returns:
            (N, width) float32 states; those of a row depend on no other row.
        """


def make_encoder(
    spec: NetSpec, inputs: int
) -> GruEncoder | BidirectionalGruEncoder | MinGruEncoder | TransformerEncoder:
    """The encoder that a spec names, for events of so many inputs."""
    match spec.encoder:
        case "gru":
            return GruEncoder(inputs, spec.hidden, spec.layers, spec.dropout)
        case "bigru":
            return BidirectionalGruEncoder(inputs, spec.hidden, spec.layers, spec.dropout)
        case "min_gru":
            return MinGruEncoder(inputs, spec.hidden, spec.layers, spec.dropout)
        case "transformer":
            return TransformerEncoder(inputs, spec.hidden, spec.layers, spec.heads, spec.dropout)
