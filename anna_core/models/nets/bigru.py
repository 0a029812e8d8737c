"""Two GRUs over the same events, one from the oldest and one from the latest: each state has seen its whole row."""

from collections.abc import Sequence
from typing import Any

import torch

from anna_core.models.nets.batch import PackedBatch
from anna_core.models.nets.gru import GruEncoder
from anna_core.models.nets.packed_gru import Weights, packed_grus


class BidirectionalGruEncoder(GruEncoder):
    """Layers of two GRUs side by side, each of half the width.

    States are in the events' order in both directions, as `torch.nn.GRU` has them: the second half of a row's units has
    read the whole row at its oldest event (`NetSpec.backwards`).
    """

    directions = 2

    def layer(
        self,
        events: Sequence[torch.Tensor],
        weights: Sequence[Sequence[Weights]],
        batch: PackedBatch,
        dtype: torch.dtype,
    ) -> Sequence[torch.Tensor]:
        """See `GruEncoder.layer`; the forward states come before the backward ones."""
        inputs = [*events, *(_Reverse.apply(x, batch) for x in events)]
        states = packed_grus(inputs, [one[way] for way in range(2) for one in weights], batch.sizes, dtype)
        ahead, behind = states[: len(events)], states[len(events) :]
        return [torch.cat([a, _Reverse.apply(b, batch)], dim=1) for a, b in zip(ahead, behind, strict=True)]


class _Reverse(torch.autograd.Function):
    """Reverse each row's events, (N, width) → (N, width); it is its own inverse, and so its own gradient."""

    @staticmethod
    def forward(ctx: Any, packed: torch.Tensor, batch: PackedBatch) -> torch.Tensor:
        ctx.batch = batch
        return packed.index_select(0, batch.reverse)

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> tuple[torch.Tensor, None]:
        return grad.index_select(0, ctx.batch.reverse), None
