"""The net of one domain: events → states → one vector → client embedding → outputs.

The head also sees the mean of the events as they entered the encoder: for coded fields the shares of the codes, in the
units of the embeddings, for numbers their mean. So it knows what happened, whatever the encoder makes of the order.

The pooled states are not normalised: their distance from zero says how much has happened, and a LayerNorm there makes
nets worse (docs/quality.md).
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import nn

from anna_core.aggregates.ranks import read_aggregates
from anna_core.models.nets.batch import EventStore, PackedBatch
from anna_core.models.nets.dropout import drop_units
from anna_core.models.nets.encoders import make_encoder
from anna_core.models.nets.gru import GruEncoder
from anna_core.models.nets.inputs import EventInputs, InputStats
from anna_core.models.nets.packed_gru import FEW_ROWS
from anna_core.models.nets.pooling import make_pool, mean
from anna_core.models.nets.row_inputs import RowInputs
from anna_core.models.precision import matrix_products
from anna_core.sequences.ragged import Sequences
from anna_core.tasks.net import NetSpec

_OUTPUT_STD = 0.1


class NetOutput(NamedTuple):
    """What a domain net says of B rows: embedding (B, d) and logits (B, K)."""

    embedding: torch.Tensor
    logits: torch.Tensor


class DomainNet(nn.Module):
    """Sequence net of one domain, with K outputs; every row of a batch has at least one event."""

    def __init__(self, spec: NetSpec, stats: InputStats, base_logits: tuple[float, ...]) -> None:
        """Make the net with random weights, its outputs at the base rate (logits) of the training rows."""
        super().__init__()
        self.spec = spec
        self.inputs = EventInputs(stats, spec)
        self.encoder = make_encoder(spec, self.inputs.width)
        self.pool = make_pool(spec)
        self.row = RowInputs(stats, spec)
        self.head = nn.Sequential(
            nn.Linear(self.pool.width + self.inputs.width + self.row.width, spec.hidden),
            nn.GELU(),
            nn.Dropout(spec.dropout),
            nn.Linear(spec.hidden, spec.embedding),
            nn.GELU(),
        )
        self.dropout = nn.Dropout(spec.dropout)
        self.output = nn.Linear(spec.embedding, len(base_logits))
        # With small weights the net starts near the constant model, and no step is spent on finding the base rate; with
        # none at all, nothing else would learn until these had grown.
        nn.init.normal_(self.output.weight, std=_OUTPUT_STD)
        with torch.no_grad():
            self.output.bias.copy_(torch.tensor(base_logits))

    def store(self, sequences: Sequences, device: torch.device) -> EventStore:
        """The rows as this net reads them, on the net's device."""
        return EventStore(sequences, device, self.read_aggregates(sequences))

    def read_aggregates(self, sequences: Sequences) -> np.ndarray | None:
        """(n, A) aggregates of the rows in the form that an `EventStore` takes; None if this net reads none."""
        stats = self.inputs.stats.aggregates
        return read_aggregates(stats, sequences, torch.get_num_threads()) if stats.quantiles else None

    def forward(self, batch: PackedBatch) -> NetOutput:
        """Embeddings (B, spec.embedding) and logits (B, K)."""
        events = self.inputs(batch)
        if self.training:
            events = drop_units(events, self.spec.input_dropout, batch)
        with matrix_products(self.spec, events.device):
            states = self.encoder(events, batch)
        return self._read(events, states, batch)

    def _read(self, events: torch.Tensor, states: torch.Tensor, batch: PackedBatch) -> NetOutput:
        pooled = self.pool(states, batch)
        embedding = self.head(torch.cat([pooled, mean(events, batch), self.row(batch)], dim=1))
        return NetOutput(embedding, self.output(self.dropout(embedding)))

    @staticmethod
    def outputs(nets: Sequence["DomainNet"], batch: PackedBatch) -> Iterator[NetOutput]:
        """What several nets of one spec say of a batch, in evaluation; recurrences of few rows go side by side."""
        encoders = [net.encoder for net in nets if isinstance(net.encoder, GruEncoder)]
        if not encoders or len(batch) > FEW_ROWS:
            yield from (net(batch) for net in nets)
            return
        events = [net.inputs(batch) for net in nets]
        with matrix_products(nets[0].spec, events[0].device):
            states = GruEncoder.side_by_side(encoders, events, batch)
        for net, its_events, its_states in zip(nets, events, states, strict=True):
            yield net._read(its_events, its_states, batch)
