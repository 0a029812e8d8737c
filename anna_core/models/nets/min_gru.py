"""minGRU: a recurrence whose gates see only the event, so that one matrix product does for all (Feng et al., 2024).

    z = sigmoid(W_z x + b_z)        n = W_n x + b_n        h' = (1 - z) h + z n

"Were RNNs All We Needed?", arXiv 2410.01201, section 3.1 (the form without logarithms, which allows for negative n).
What the gates cannot see in the state, a second layer can read from the first. The recurrence is elementwise, and
packed steps are contiguous: each step is one operation forwards and one backwards, on a CPU as well as on a GPU.
"""

import math
from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from anna_core.models.nets.batch import PackedBatch
from anna_core.models.nets.recurrent import RecurrentEncoder

# Units start out remembering from 2 to this many events. With biases of 0, so 1 - z = 1/2, they would forget within a
# few events (chrono initialisation: Tallec & Ollivier, 2018).
_LONGEST_MEMORY = 128.0


class MinGruEncoder(RecurrentEncoder):
    """Layers of minGRU, oldest event first; every layer after the first adds to the states that it reads."""

    def __init__(self, inputs: int, width: int, layers: int, dropout: float) -> None:
        super().__init__(width, dropout)
        self.products = nn.ModuleList(nn.Linear(width if layer else inputs, 2 * width) for layer in range(layers))
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(1, layers))
        memory = torch.logspace(math.log10(2), math.log10(_LONGEST_MEMORY), width)
        with torch.no_grad():
            for linear in self._linears():
                linear.bias[:width] = -torch.log(memory - 1)  # sigmoid(-log(m - 1)) = 1 / m
                linear.bias[width:] = 0

    def forward(self, events: torch.Tensor, batch: PackedBatch) -> torch.Tensor:
        """See `anna_core.models.nets.encoders.Encoder`."""
        first, *others = self._linears()
        states = packed_min_gru(first(events).float(), batch.sizes)
        for norm, linear in zip(self.norms, others, strict=True):
            read = F.dropout(norm(states), self.dropout, self.training)
            states = states + packed_min_gru(linear(read).float(), batch.sizes)
        return states

    def _linears(self) -> list[nn.Linear]:
        return [module for module in self.products if isinstance(module, nn.Linear)]


def packed_min_gru(products: torch.Tensor, sizes: Sequence[int]) -> torch.Tensor:
    """Run the recurrence from zero states.

    Args:
        products: (N, 2 H) packed: W_z x + b_z, then W_n x + b_n.
        sizes: T numbers of rows in descending order, with sum N.

    Returns:
        (N, H) states after each event, packed.
    """
    states: torch.Tensor = _PackedMinGru.apply(products, sizes)
    return states


class _PackedMinGru(torch.autograd.Function):
    """See `packed_min_gru`."""

    @staticmethod
    def forward(ctx: Any, products: torch.Tensor, sizes: Sequence[int]) -> torch.Tensor:
        width = products.shape[1] // 2
        gate, new = products[:, :width].sigmoid(), products[:, width:].contiguous()
        states = torch.empty_like(gate)
        state = gate.new_zeros(sizes[0], width)
        for size, z, n, after in zip(sizes, *(part.split(sizes) for part in (gate, new, states)), strict=True):
            state = torch.lerp(state[:size], n, z, out=after)
        ctx.save_for_backward(gate, new, states)
        ctx.sizes = sizes
        return states

    @staticmethod
    def backward(ctx: Any, grad_states: torch.Tensor) -> tuple[torch.Tensor, None]:
        gate, new, states = ctx.saved_tensors
        sizes, width = ctx.sizes, gate.shape[1]
        # Gradients at the states, including those from later events; then all the rest at once.
        grads = grad_states.clone(memory_format=torch.contiguous_format)
        pieces, keeps = grads.split(sizes), (1 - gate).split(sizes)
        for earlier, later, keep in reversed(list(zip(pieces[:-1], pieces[1:], keeps[1:], strict=True))):
            earlier[: len(later)].addcmul_(later, keep)
        out = grads.new_empty(len(grads), 2 * width)
        at_gate, at_new = out.split(width, dim=1)
        torch.mul(grads, gate, out=at_new)
        # With h the state before the event, z (1 - z) (n - h) equals z (n - h'): no need to look back.
        torch.sub(new, states, out=at_gate).mul_(at_new)
        return out, None
