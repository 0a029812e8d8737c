"""A pre-norm transformer whose attention knows the order of the events and how long ago they were."""

import math

import torch
import torch.nn.functional as F
from torch import nn

from anna_core.models.nets.attention import attend
from anna_core.models.nets.batch import PackedBatch
from anna_core.models.nets.dropout import drop_units
from anna_core.models.nets.time_features import log_age

_FEED_FORWARD_FACTOR = 4  # Vaswani et al., 2017
_INIT_STD = 0.02  # as in GPT-2; nets deeper than ours need no more
# The periods in which the fastest and the slowest pair of units turn by a radian. By order: one event, and a whole
# sequence of a thousand. By log time before as_of: a tenth more time, and from an hour to ten years.
_ORDER_PERIODS = (2 * math.pi, 2 * math.pi * 1000)
_LOG_TIME_PERIODS = (2 * math.pi * 0.1, 2 * math.pi * 12)


class TransformerEncoder(nn.Module):
    """Pre-norm blocks (Xiong et al., 2020); rotary positions (Su et al., 2021) by order and by `log_age`."""

    # The widest activations (four times the width, for each event) should roughly fit into the processor's cache
    # (docs/speed.md).
    batch_events = 16_384
    scoring_events = 16_384

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
        self.register_buffer("time_turns", _turns(_LOG_TIME_PERIODS, pairs - pairs // 2), persistent=False)

    def forward(self, events: torch.Tensor, batch: PackedBatch) -> torch.Tensor:
        """See `anna_core.models.nets.encoders.Encoder`."""
        rotation = self._rotation(batch)
        states = self.project(events)
        for block in self.blocks:
            states = block(states, batch, rotation)
        return self.norm(states.float())

    def _rotation(self, batch: PackedBatch) -> torch.Tensor:
        """Complex numbers of size 1, (N, head width / 2), by which queries and keys are rotated."""
        order, age = batch.step.to(torch.float32), log_age(batch)
        angles = torch.cat([order[:, None] * self.order_turns, age[:, None] * self.time_turns], dim=-1)
        return torch.polar(torch.ones_like(angles), angles)


class Block(nn.Module):
    """Attention, then a feed-forward layer, each added to its input."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.attention_norm = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.forward_norm = nn.LayerNorm(width)
        self.widen = nn.Linear(width, _FEED_FORWARD_FACTOR * width)
        self.narrow = nn.Linear(_FEED_FORWARD_FACTOR * width, width)
        self.dropout = dropout
        for linear in (self.qkv, self.out, self.widen, self.narrow):
            nn.init.normal_(linear.weight, std=_INIT_STD)
            nn.init.zeros_(linear.bias)

    def forward(self, states: torch.Tensor, batch: PackedBatch, rotation: torch.Tensor) -> torch.Tensor:
        """States (N, width) → (N, width)."""
        states = states + self._drop(self._attend(self.attention_norm(states), batch, rotation), batch)
        return states + self._drop(self.narrow(F.relu(self.widen(self.forward_norm(states)))), batch)

    def _drop(self, states: torch.Tensor, batch: PackedBatch) -> torch.Tensor:
        return drop_units(states, self.dropout if self.training else 0.0, batch)

    def _attend(self, states: torch.Tensor, batch: PackedBatch, rotation: torch.Tensor) -> torch.Tensor:
        """Every event attends to all events of its row."""
        width = states.shape[1]
        turning, value = self.qkv(states).split((2 * width, width), dim=1)
        qkv = torch.cat([_turn(turning, rotation), value], dim=1)
        if qkv.device.type == "cpu":  # there, torch's attention takes twice as long in bfloat16, not half
            qkv = qkv.float()
        with torch.autocast(qkv.device.type, enabled=False):
            attended = attend(qkv.view(len(qkv), 3, self.heads, -1), batch)
        return self.out(attended.flatten(1))


def _turn(vectors: torch.Tensor, rotation: torch.Tensor) -> torch.Tensor:
    """Rotate pairs of neighbouring units of every head in (N, several x head width) by the angles."""
    pairs = torch.view_as_complex(vectors.float().view(len(vectors), -1, rotation.shape[1], 2))
    return torch.view_as_real(pairs * rotation[:, None]).view(vectors.shape).to(vectors.dtype)


def _turns(periods: tuple[float, float], count: int) -> torch.Tensor:
    """(count,) angular speeds of periods spaced evenly on a logarithmic scale."""
    shortest, longest = periods
    return 2 * math.pi / torch.logspace(math.log10(shortest), math.log10(longest), count)
