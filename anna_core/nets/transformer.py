"""A pre-norm transformer whose attention knows the events' order and their time."""

import math

import torch
import torch.nn.functional as F
from torch import nn

_FEED_FORWARD_FACTOR = 4  # Vaswani et al., 2017
_INIT_STD = 0.02  # GPT-2's; deeper nets than ours need no more
# Slowest and fastest turn of the rotary positions. By order: from neighbours to a whole sequence of a thousand events.
# By time: from an hour to ten years.
_ORDER_PERIODS = (2 * math.pi, 2 * math.pi * 1000)
_TIME_PERIODS_DAYS = (1 / 24 * 2 * math.pi, 3650.0)


class TransformerEncoder(nn.Module):
    """Pre-norm blocks (Xiong et al., 2020); rotary positions (Su et al., 2021) by order and by days before as_of."""

    order_turns: torch.Tensor
    time_turns: torch.Tensor

    def __init__(self, inputs: int, width: int, layers: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.width = width
        self.project = nn.Linear(inputs, width)
        self.blocks = nn.ModuleList(Block(width, heads, dropout) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        pairs = width // heads // 2
        self.register_buffer("order_turns", _turns(_ORDER_PERIODS, pairs // 2), persistent=False)
        self.register_buffer("time_turns", _turns(_TIME_PERIODS_DAYS, pairs - pairs // 2), persistent=False)

    def forward(self, events: torch.Tensor, mask: torch.Tensor, age: torch.Tensor) -> torch.Tensor:
        """See `anna_core.nets.encoders.Encoder`."""
        rotation = self._rotation(age)
        visible = mask[:, None, None, :]
        states = self.project(events)
        for block in self.blocks:
            states = block(states, visible, rotation)
        return self.norm(states)

    def _rotation(self, age: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Cosines and sines, each (B, 1, T, head width / 2)."""
        order = torch.arange(age.shape[1], device=age.device, dtype=torch.float32).expand(age.shape)
        angles = torch.cat([order[:, :, None] * self.order_turns, age[:, :, None] * self.time_turns], dim=-1)
        return torch.cos(angles)[:, None], torch.sin(angles)[:, None]


class Block(nn.Module):
    """Attention, then a feed-forward layer, each added to what came in."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.attention_norm = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.forward_norm = nn.LayerNorm(width)
        self.widen = nn.Linear(width, _FEED_FORWARD_FACTOR * width)
        self.narrow = nn.Linear(_FEED_FORWARD_FACTOR * width, width)
        self.dropout = nn.Dropout(dropout)
        for linear in (self.qkv, self.out, self.widen, self.narrow):
            nn.init.normal_(linear.weight, std=_INIT_STD)
            nn.init.zeros_(linear.bias)

    def forward(
        self, states: torch.Tensor, visible: torch.Tensor, rotation: tuple[torch.Tensor, torch.Tensor]
    ) -> torch.Tensor:
        """States (B, T, width), visible (B, 1, 1, T) bool → (B, T, width)."""
        states = states + self.dropout(self._attend(self.attention_norm(states), visible, rotation))
        return states + self.dropout(self.narrow(F.gelu(self.widen(self.forward_norm(states)))))

    def _attend(
        self, states: torch.Tensor, visible: torch.Tensor, rotation: tuple[torch.Tensor, torch.Tensor]
    ) -> torch.Tensor:
        rows, length, width = states.shape
        qkv = self.qkv(states).view(rows, length, 3, self.heads, width // self.heads)
        query, key, value = (part.transpose(1, 2) for part in qkv.unbind(dim=2))
        attended = F.scaled_dot_product_attention(_rotate(query, rotation), _rotate(key, rotation), value, visible)
        return self.out(attended.transpose(1, 2).reshape(rows, length, width))


def _rotate(vectors: torch.Tensor, rotation: tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
    """Turn the pairs (first half, second half) of (B, heads, T, head width) by the angles."""
    cosine, sine = rotation
    left, right = vectors.chunk(2, dim=-1)
    return torch.cat([left * cosine - right * sine, left * sine + right * cosine], dim=-1)


def _turns(periods: tuple[float, float], count: int) -> torch.Tensor:
    """(count,) angular speeds of periods spaced evenly on a logarithmic scale."""
    shortest, longest = periods
    return 2 * math.pi / torch.logspace(math.log10(shortest), math.log10(longest), count)
