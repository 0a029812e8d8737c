"""One layer of gated recurrent units over packed rows, with a backward pass written by hand.

The formulas are those of `torch.nn.GRU` (Cho et al., 2014, in cuDNN's form):

    r = sigmoid(W_r x + b_r + U_r h + c_r)        z = sigmoid(W_z x + b_z + U_z h + c_z)
    n = tanh(W_n x + b_n + r (U_n h + c_n))       h' = (1 - z) n + z h

Why not `torch.nn.GRU` on a CPU: it keeps a graph of small tensors a step, and packed rows make its backward pass
pathological (3 to 30 times the time of padded ones). Here the products with x are one matrix product for all steps,
those with h one a step, in both directions, and all that the weights' gradients need is laid out so that they are one
product each. Nothing is padded: step t works on the rows that have an event there, `sizes[t]` of them.

Matrix products may run in bfloat16; gates, states and sums stay float32.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F

from anna_core.nets.row_shares import Spans, side_by_side

Weights = Sequence[torch.Tensor]


def packed_gru(events: torch.Tensor, weights: Weights, sizes: Sequence[int], dtype: torch.dtype) -> torch.Tensor:
    """Run the layer from zero states.

    Args:
        events: (N, inputs) float32, packed.
        weights: W (3 H, inputs), U (3 H, H), b (3 H), c (3 H), in `torch.nn.GRU`'s order r, z, n.
        sizes: T falling numbers of rows; they sum to N.
        dtype: of the matrix products: float32 or bfloat16.

    Returns:
        (N, H) float32 states after each event, packed.
    """
    if torch.is_grad_enabled():
        states: torch.Tensor = _PackedGru.apply(events, *weights, sizes, dtype)
        return states
    return _forward(events, weights, sizes, dtype, kept=None)[0]


class _Kept(NamedTuple):
    """What the backward pass needs of each event: the state h before it, (N, H), and U_n h + c_n, (N, H)."""

    previous: torch.Tensor
    share: torch.Tensor


def _keep(events: torch.Tensor, rows: int, width: int, dtype: torch.dtype) -> _Kept:
    return _Kept(events.new_empty(rows, width, dtype=dtype), events.new_empty(rows, width))


def _forward(
    events: torch.Tensor, weights: Weights, sizes: Sequence[int], dtype: torch.dtype, kept: _Kept | None
) -> tuple[torch.Tensor, torch.Tensor]:
    """States (N, H) and gates r, z, n (N, 3 H)."""
    w, u, b, c = weights
    width = u.shape[1]
    bias = b.clone()
    bias[: 2 * width] += c[: 2 * width]
    c_n, u_t = c[2 * width :], u.to(dtype).t()
    gates = F.linear(events.to(dtype), w.to(dtype)).float().add_(bias)
    states = events.new_empty(len(events), width)

    def run(spans: Spans) -> None:
        rows = spans[0][1] - spans[0][0]
        state = events.new_zeros(rows, width)
        product = events.new_empty(rows, 3 * width, dtype=dtype)
        work = kept or _keep(events, rows, width, dtype)
        for begin, end in spans:
            size = end - begin
            here = slice(begin, end) if kept else slice(size)  # else the next step writes over this one's work
            state, previous, share = state[:size], work.previous[here], work.share[here]
            previous.copy_(state)
            now = torch.mm(previous, u_t, out=product[:size])
            rz, n = gates[begin:end].split((2 * width, width), dim=1)
            rz.add_(now[:, : 2 * width]).sigmoid_()
            torch.add(now[:, 2 * width :], c_n, out=share)
            # tanh(a) = 2 sigmoid(2 a) - 1: torch's tanh takes six times as long as its sigmoid on a CPU.
            n.addcmul_(rz[:, :width], share).mul_(2).sigmoid_().mul_(2).sub_(1)
            state = torch.lerp(n, state, rz[:, width:], out=states[begin:end])

    side_by_side(run, sizes)
    return states, gates


class _PackedGru(torch.autograd.Function):
    """See `packed_gru`."""

    @staticmethod
    def forward(
        ctx: Any,
        events: torch.Tensor,
        w: torch.Tensor,
        u: torch.Tensor,
        b: torch.Tensor,
        c: torch.Tensor,
        sizes: Sequence[int],
        dtype: torch.dtype,
    ) -> torch.Tensor:
        kept = _keep(events, len(events), u.shape[1], dtype)
        states, gates = _forward(events, (w, u, b, c), sizes, dtype, kept)
        ctx.save_for_backward(events, w, u, gates, *kept)
        ctx.sizes, ctx.dtype = sizes, dtype
        return states

    @staticmethod
    def backward(ctx: Any, grad_states: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        events, w, u, gates, previous, share = ctx.saved_tensors
        sizes, dtype, width = ctx.sizes, ctx.dtype, u.shape[1]
        # Gradients at the pre-activations, columns n, r, z of the products with x and r, z, n of those with h: the
        # middle two are common, so both are a run of neighbouring columns.
        grads = events.new_empty(len(events), 4 * width, dtype=dtype)
        u_m = u.to(dtype)

        def run(spans: Spans) -> None:
            rows = spans[0][1] - spans[0][0]
            carried = events.new_zeros(rows, width)
            product = events.new_empty(rows, width, dtype=dtype)
            work = events.new_empty(rows, 4 * width)
            for begin, end in reversed(spans):
                size = end - begin
                grad, out = carried[:size].add_(grad_states[begin:end]), grads[begin:end]
                r, z, n = gates[begin:end].split(width, dim=1)
                now = out if dtype == torch.float32 else work[:size]
                at_n, at_r, at_z, at_u = now.split(width, dim=1)
                torch.addcmul(grad, grad, z, value=-1, out=at_n)
                torch.ops.aten.tanh_backward.grad_input(at_n, n, grad_input=at_n)
                torch.sub(previous[begin:end], n, out=at_z)
                at_z.mul_(grad)
                torch.ops.aten.sigmoid_backward.grad_input(at_z, z, grad_input=at_z)
                torch.mul(at_n, share[begin:end], out=at_r)
                torch.ops.aten.sigmoid_backward.grad_input(at_r, r, grad_input=at_r)
                torch.mul(at_n, r, out=at_u)
                if dtype != torch.float32:
                    out.copy_(now)
                grad.mul_(z).add_(torch.mm(out[:, width:], u_m, out=product[:size]))

        side_by_side(run, sizes)
        at_x, at_h = grads[:, : 3 * width], grads[:, width:]
        order = torch.arange(3 * width, device=w.device).roll(-width)  # n, r, z → r, z, n
        grad_events = (at_x @ torch.cat([w[2 * width :], w[: 2 * width]]).to(dtype)).float()
        grad_w = (at_x.t() @ events.to(dtype)).float()[order]
        grad_u = (at_h.t() @ previous).float()
        sums = (grads.new_ones(1, len(grads)) @ grads)[0].float()  # a product sums columns faster than `sum` does
        return grad_events, grad_w, grad_u, sums[: 3 * width][order], sums[width:], None, None
