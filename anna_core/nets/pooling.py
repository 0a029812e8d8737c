"""How the states of a row's events become one vector."""

from collections.abc import Callable
from typing import Any

import torch

from anna_core.nets.batch import PackedBatch
from anna_core.nets.spec import PoolingName

Pool = Callable[[torch.Tensor, PackedBatch], torch.Tensor]


def last(states: torch.Tensor, batch: PackedBatch) -> torch.Tensor:
    """The latest event's state: (N, width) → (B, width)."""
    return states[batch.last]


def mean(states: torch.Tensor, batch: PackedBatch) -> torch.Tensor:
    """The mean of the events' states: (N, width) → (B, width)."""
    total: torch.Tensor = _Sum.apply(states, batch)
    return total / batch.lengths[:, None]


def maximum(states: torch.Tensor, batch: PackedBatch) -> torch.Tensor:
    """The largest value of each unit: (N, width) → (B, width)."""
    largest: torch.Tensor = _Max.apply(states, batch)
    return largest


def mean_max_last(states: torch.Tensor, batch: PackedBatch) -> torch.Tensor:
    """All three beside each other: (N, width) → (B, 3 width)."""
    return torch.cat([mean(states, batch), maximum(states, batch), last(states, batch)], dim=1)


_POOLS: dict[PoolingName, tuple[Pool, int]] = {
    "last": (last, 1),
    "mean": (mean, 1),
    "max": (maximum, 1),
    "mean_max_last": (mean_max_last, 3),
}


def make_pool(name: PoolingName) -> tuple[Pool, int]:
    """The pooling of that name, and how many times wider than a state its result is."""
    return _POOLS[name]


class _Sum(torch.autograd.Function):
    """Sum over each row's events. A loop over steps adds contiguous blocks; `index_add_` goes event by event."""

    @staticmethod
    def forward(ctx: Any, states: torch.Tensor, batch: PackedBatch) -> torch.Tensor:
        first, *others = states.split(batch.sizes)
        total = first.clone()
        for block in others:
            total[: len(block)].add_(block)
        ctx.row = batch.row
        return total

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> tuple[torch.Tensor, None]:
        return grad.index_select(0, ctx.row), None


class _Max(torch.autograd.Function):
    """Maximum over each row's events; where several events share it, each gets the whole gradient."""

    @staticmethod
    def forward(ctx: Any, states: torch.Tensor, batch: PackedBatch) -> torch.Tensor:
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
