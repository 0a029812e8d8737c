"""Attention of every event to all events of its row."""

from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as F

from anna_core.models.nets.batch import PackedBatch

# On a CPU the rows of a batch are divided into blocks in which the shortest row has at least this share of the longest
# one's events: padded to its longest row, a batch of long-tailed data would need far more products than its events do.
_SHORTEST_SHARE = 0.8


def attend(qkv: torch.Tensor, batch: PackedBatch) -> torch.Tensor:
    """Scaled dot-product attention (Vaswani et al., 2017) within each row, in the number type of its input.

    Args:
        qkv: (N, 3, heads, head width) queries, keys and values.
        batch: says which row each event belongs to.

    Returns:
        (N, heads, head width).
    """
    blocks = list(_blocks(batch, 0.0 if qkv.is_cuda else _SHORTEST_SHARE))
    event = torch.cat([events.flatten() for events, _ in blocks])
    held = torch.cat([there.flatten() for _, there in blocks]).nonzero().flatten()
    cell = torch.empty_like(held).index_copy_(0, event[held], held)
    padded = _Gather.apply(qkv, event, cell)
    parts = padded.split([len(events.flatten()) for events, _ in blocks])
    attended = [_attend_block(part, there) for part, (_, there) in zip(parts, blocks, strict=True)]
    packed: torch.Tensor = _Gather.apply(torch.cat(attended), cell, event)
    return packed


def _blocks(batch: PackedBatch, shortest_share: float) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Per block, rows x longest cells: the event in each (any event in padding), and whether there is one."""
    (event, there), lengths, begin = batch.grid, batch.lengths.tolist(), 0
    while begin < len(lengths):
        longest = lengths[begin]
        end = begin + sum(length >= shortest_share * longest for length in lengths[begin:])
        yield event[begin:end, :longest], there[begin:end, :longest]
        begin = end


def _attend_block(qkv: torch.Tensor, there: torch.Tensor) -> torch.Tensor:
    """(rows x longest, 3, heads, head width) → (rows x longest, heads, head width)."""
    query, key, value = qkv.unflatten(0, there.shape).permute(2, 0, 3, 1, 4)
    visible = None if bool(there[-1].all()) else there[:, None, None, :]  # the last row is the shortest
    attended = F.scaled_dot_product_attention(query, key, value, visible)
    return attended.transpose(1, 2).flatten(0, 1)


class _Gather(torch.autograd.Function):
    """Rows by position, into padding or out of it; `back` holds the position of each in the result."""

    @staticmethod
    def forward(ctx: Any, values: torch.Tensor, positions: torch.Tensor, back: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(positions, back)
        return values.index_select(0, positions)

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> tuple[torch.Tensor, None, None]:
        positions, back = ctx.saved_tensors
        if len(positions) >= len(back):  # into padding: what came from there does not count
            return grad.index_select(0, back), None, None
        return grad.new_zeros(len(back), *grad.shape[1:]).index_copy_(0, positions, grad), None, None
