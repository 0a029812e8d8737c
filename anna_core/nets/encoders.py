"""The one interface of sequence encoders, and the choice among them."""

from typing import Protocol

import torch

from anna_core.nets.gru import GruEncoder
from anna_core.nets.spec import NetSpec
from anna_core.nets.transformer import TransformerEncoder


class Encoder(Protocol):
    """Reads the events of a batch into a state an event.

    Attributes:
        width: of a state.
    """

    width: int

    def __call__(self, events: torch.Tensor, mask: torch.Tensor, age: torch.Tensor) -> torch.Tensor:
        """Encode.

        Args:
            events: (B, T, inputs) float32, zero in the padding, which is on the right.
            mask: (B, T) bool, True where there is an event.
            age: (B, T) float32, days from the event to as_of.

        Returns:
            (B, T, width) states; those of true events do not depend on the padding, those in the padding mean nothing.
        """


def make_encoder(spec: NetSpec, inputs: int) -> GruEncoder | TransformerEncoder:
    """The encoder that a spec names, for events of so many inputs."""
    match spec.encoder:
        case "gru":
            return GruEncoder(inputs, spec.hidden, spec.layers, spec.dropout)
        case "transformer":
            return TransformerEncoder(inputs, spec.hidden, spec.layers, spec.heads, spec.dropout)
