"""How the states of a row's events become one vector."""

from typing import Any

import torch
from torch import nn

from anna_core.models.nets.batch import PackedBatch
from anna_core.tasks.net import NetSpec


class Pool(nn.Module):
    """States (N, hidden) of a batch → (B, width), by simple statistics of each row's states."""

    def __init__(self, spec: NetSpec) -> None:
        super().__init__()
        self.names = spec.pooling.split("_")
        self.width = spec.hidden * len(self.names)
        self.backwards = spec.backwards

    def forward(self, states: torch.Tensor, batch: PackedBatch) -> torch.Tensor:
        """One vector per row; several statistics are concatenated."""
        return torch.cat([self._pooled(name, states, batch) for name in self.names], dim=1)

    def _pooled(self, name: str, states: torch.Tensor, batch: PackedBatch) -> torch.Tensor:
        match name:
            case "mean":
                return mean(states, batch)
            case "max":
                return maximum(states, batch)
            case _:
                return last(states, batch, self.backwards)


class AttentionPool(nn.Module):
    """A weighted mean of the states; the weights are a softmax of learned scores over the row's events.

    Each head scores the whole state and weights its own share of the units. All scores start at 0, so training begins
    with the mean.
    """

    def __init__(self, spec: NetSpec) -> None:
        super().__init__()
        self.width = spec.hidden
        # No bias: it would be the same for all events of a row.
        self.score = nn.Linear(spec.hidden, spec.heads, bias=False)
        nn.init.zeros_(self.score.weight)

    def forward(self, states: torch.Tensor, batch: PackedBatch) -> torch.Tensor:
        """States (N, hidden) → (B, hidden)."""
        score = self.score(states)
        # Only differences between a row's scores matter; with the largest subtracted, nothing overflows.
        share = torch.exp(score - maximum(score.detach(), batch).index_select(0, batch.row))
        shares = share.repeat_interleave(states.shape[1] // share.shape[1], dim=1)
        total: torch.Tensor = _Sum.apply(shares * states, batch)
        weight: torch.Tensor = _Sum.apply(share, batch)
        return total / weight.repeat_interleave(states.shape[1] // share.shape[1], dim=1)


def make_pool(spec: NetSpec) -> Pool | AttentionPool:
    """The pooling that a spec names."""
    return AttentionPool(spec) if spec.pooling == "attention" else Pool(spec)


def last(states: torch.Tensor, batch: PackedBatch, backwards: int = 0) -> torch.Tensor:
    """The state that has read the whole row: (N, width) → (B, width).

    That is the latest event's state; for the last `backwards` units the oldest event's, with which the batch begins.
    """
    onwards = states.shape[1] - backwards
    latest = states[:, :onwards][batch.last]
    return torch.cat([latest, states[: len(batch), onwards:]], dim=1) if backwards else latest


def mean(states: torch.Tensor, batch: PackedBatch) -> torch.Tensor:
    """The mean of the events' states: (N, width) → (B, width)."""
    total: torch.Tensor = _Sum.apply(states, batch)
    return total / batch.lengths[:, None]


def maximum(states: torch.Tensor, batch: PackedBatch) -> torch.Tensor:
    """The largest value of each unit: (N, width) → (B, width)."""
    largest: torch.Tensor = _Max.apply(states, batch)
    return largest


class _Sum(torch.autograd.Function):
    """Sum over each row's events.

    On a CPU a loop over steps adds contiguous blocks, whereas `index_add_` goes event by event. On a GPU each step is a
    launch, so rows are padded there; `index_add_` would add in a different order each time.
    """

    @staticmethod
    def forward(ctx: Any, states: torch.Tensor, batch: PackedBatch) -> torch.Tensor:
        ctx.row = batch.row
        if states.is_cuda:
            return _padded(states, batch, 0.0).sum(dim=1)
        if batch.sizes[-1] == batch.sizes[0]:  # such as those of one row
            return states.reshape(len(batch.sizes), batch.sizes[0], -1).sum(dim=0)
        first, *others = states.split(batch.sizes)
        total = rows = first.clone()
        for size, block in zip(batch.sizes[1:], others, strict=True):
            if size < len(rows):
                rows = total[:size]
            rows.add_(block)
        return total

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> tuple[torch.Tensor, None]:
        return grad.index_select(0, ctx.row), None


class _Max(torch.autograd.Function):
    """Maximum over each row's events; if several events attain it, each gets the whole gradient."""

    @staticmethod
    def forward(ctx: Any, states: torch.Tensor, batch: PackedBatch) -> torch.Tensor:
        if states.is_cuda:
            largest = _padded(states, batch, -torch.inf).amax(dim=1)
        elif batch.sizes[-1] == batch.sizes[0]:  # such as those of one row
            largest = states.reshape(len(batch.sizes), len(batch), -1).amax(dim=0)
        else:
            first, *others = states.split(batch.sizes)
            largest = first.clone()
            for block in others:
                so_far = largest[: len(block)]
                torch.maximum(so_far, block, out=so_far)
        ctx.save_for_backward(states, largest)
        ctx.row = batch.row
        return largest

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> tuple[torch.Tensor, None]:
        states, largest = ctx.saved_tensors
        return grad.index_select(0, ctx.row).mul_(states == largest.index_select(0, ctx.row)), None


def _padded(states: torch.Tensor, batch: PackedBatch, padding: float) -> torch.Tensor:
    """(N, width) → (B, T, width)."""
    place, there = batch.grid
    return states[place].masked_fill_(~there[..., None], padding)
