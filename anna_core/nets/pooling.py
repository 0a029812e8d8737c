"""How the states of a row's events become one vector; the padding takes no part."""

from collections.abc import Callable

import torch

from anna_core.nets.spec import PoolingName

Pool = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def last(states: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """The latest event's state: (B, T, width), (B, T) bool → (B, width)."""
    return states[torch.arange(len(states), device=states.device), mask.sum(dim=1) - 1]


def mean(states: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """The mean of the events' states: (B, T, width), (B, T) bool → (B, width)."""
    # A product per row sums over T without writing the masked states out.
    total = torch.bmm(mask.to(states.dtype)[:, None, :], states)[:, 0]
    return total / mask.sum(dim=1, keepdim=True)


def maximum(states: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """The largest value of each unit: (B, T, width), (B, T) bool → (B, width)."""
    return states.masked_fill(~mask[:, :, None], -torch.inf).amax(dim=1)


def mean_max_last(states: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """All three beside each other: (B, T, width), (B, T) bool → (B, 3 width)."""
    return torch.cat([mean(states, mask), maximum(states, mask), last(states, mask)], dim=1)


_POOLS: dict[PoolingName, tuple[Pool, int]] = {
    "last": (last, 1),
    "mean": (mean, 1),
    "max": (maximum, 1),
    "mean_max_last": (mean_max_last, 3),
}


def make_pool(name: PoolingName) -> tuple[Pool, int]:
    """The pooling of that name, and how many times wider than a state its result is."""
    return _POOLS[name]
