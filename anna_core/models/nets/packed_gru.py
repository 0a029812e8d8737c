"""One layer of gated recurrent units over packed rows, with a backward pass written by hand.

The formulas are those of `torch.nn.GRU` (Cho et al., 2014, in cuDNN's form):

    r = sigmoid(W_r x + b_r + U_r h + c_r)        z = sigmoid(W_z x + b_z + U_z h + c_z)
    n = tanh(W_n x + b_n + r (U_n h + c_n))       h' = (1 - z) n + z h

Why not `torch.nn.GRU` on a CPU: it keeps a graph of small tensors for each step, and packed rows make its backward pass
pathologically slow (docs/speed.md). Here a step takes three matrix products forwards and one backwards, and everything
that the weights' gradients need is laid out so that three products cover all steps. Each event has a row [1, x, h, 1],
so that the biases are columns of the weights and need no passes of their own. Nothing is padded: step t works on the
`sizes[t]` rows that have an event there.

Matrix products may run in bfloat16; gates, states and sums stay in float32.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch

Weights = Sequence[torch.Tensor]
# The number of rows of a bfloat16 product is rounded up to a multiple of this: oneDNN compiles a kernel for each number
# of rows that it meets (a millisecond), and keeps about a thousand. The extra rows' content does not matter.
_ROWS = 16
# Up to so many rows, a step of several layers side by side takes less time than one after the other (docs/speed.md).
FEW_ROWS = 32


def packed_gru(events: torch.Tensor, weights: Weights, sizes: Sequence[int], dtype: torch.dtype) -> torch.Tensor:
    """Run the layer from zero states.

    Args:
        events: (N, inputs) float32, packed.
        weights: W (3 H, inputs), U (3 H, H), b (3 H), c (3 H), in `torch.nn.GRU`'s order r, z, n.
        sizes: T numbers of rows in descending order, with sum N.
        dtype: number type of the matrix products: float32 or bfloat16.

    Returns:
        (N, H) float32 states after each event, packed.
    """
    if torch.is_grad_enabled():
        states: torch.Tensor = _PackedGru.apply(events, *weights, sizes, dtype)
        return states
    return _forward(events, _Matrices.of(weights, dtype), sizes, kept=None)


def packed_grus(
    events: Sequence[torch.Tensor], weights: Sequence[Weights], sizes: Sequence[int], dtype: torch.dtype
) -> Sequence[torch.Tensor]:
    """Run G layers of one shape over the same packed rows, each with inputs of its own; see `packed_gru`.

    Forwards, few rows take hardly more time in a step of all layers than in a step of one.
    """
    if torch.is_grad_enabled() or sizes[0] > FEW_ROWS or dtype != torch.float32:
        return [packed_gru(x, one, sizes, dtype) for x, one in zip(events, weights, strict=True)]
    w, u, b, c = (torch.stack(same) for same in zip(*weights, strict=True))
    width = u.shape[2]
    inputs = torch.baddbmm(b[:, None], torch.stack(list(events)), w.mT)
    u, c = u.mT.contiguous(), c[:, None]
    state, states, rows = inputs.new_zeros(len(weights), sizes[0], width), [], 0
    steps = (part.split(sizes, dim=1) for part in inputs.split((2 * width, width), dim=2))
    for size, x_rz, x_n in zip(sizes, *steps, strict=True):
        if size != rows:  # what a step writes to is made anew only where it has fewer rows
            state, rows = state[:, :size], size
            gates, rz, n = (inputs.new_empty(len(weights), size, times * width) for times in (3, 2, 1))
            h_rz, h_n = gates.split((2 * width, width), dim=2)
            r, z = rz.split(width, dim=2)
        torch.baddbmm(c, state, u, out=gates)
        torch.add(x_rz, h_rz, out=rz).sigmoid_()
        torch.addcmul(x_n, r, h_n, out=n).tanh_()
        state = torch.lerp(n, state, z)
        states.append(state)
    return list(torch.cat(states, dim=1))


class _Matrices(NamedTuple):
    """The weights, transposed and side by side as the products read them, of a row [1, x, h, 1].

    Attributes:
        rz: weights for the whole row, (1 + inputs + H + 1, 2 H).
        n: weights for its part [1, x], doubled, (1 + inputs, H).
        u: weights for its part [h, 1], doubled, (H + 1, H).
    """

    rz: torch.Tensor
    n: torch.Tensor
    u: torch.Tensor

    @classmethod
    def of(cls, weights: Weights, dtype: torch.dtype) -> "_Matrices":
        w, u, b, c = weights
        gates = 2 * u.shape[1]
        x, h = torch.cat([b[:, None], w], dim=1).to(dtype), torch.cat([u, c[:, None]], dim=1).to(dtype)
        return cls(torch.cat([x[:gates], h[:gates]], dim=1).t(), (2 * x[gates:]).t(), (2 * h[gates:]).t())


class _Kept(NamedTuple):
    """What the backward pass needs to know about every event.

    Attributes:
        rows: [1, x, h, 1], with h the state before the event, in the products' type; (N, 1 + inputs + H + 1), plus
            `_ROWS` rows for products that are rounded up.
        gates: r, z, n; (N, 3 H).
        share: 2 (U_n h + c_n); (N, H).
    """

    rows: torch.Tensor
    gates: torch.Tensor
    share: torch.Tensor


def _empty(events: torch.Tensor, matrices: _Matrices, count: int) -> _Kept:
    columns, width = len(matrices.rz), matrices.u.shape[1]
    rows = events.new_empty(count + _ROWS, columns, dtype=matrices.rz.dtype)
    rows[:, 0] = rows[:, -1] = 1
    return _Kept(rows, events.new_empty(count, 3 * width), events.new_empty(count, width))


def _forward(events: torch.Tensor, matrices: _Matrices, sizes: Sequence[int], kept: _Kept | None) -> torch.Tensor:
    width, inputs = matrices.u.shape[1], events.shape[1]
    states = events.new_empty(len(events), width)
    state, minus_one = events.new_zeros(sizes[0], width), events.new_full((), -1.0)
    scratch = events.new_empty(sizes[0] + _ROWS, 2 * width, dtype=matrices.rz.dtype)
    work = kept or _empty(events, matrices, sizes[0])
    first = 0
    for size, x, after in zip(sizes, events.split(sizes), states.split(sizes), strict=True):
        begin = first if kept else 0  # otherwise each step overwrites the previous one
        row = work.rows[begin : begin + _rounded(size, scratch.dtype)]
        gates, share = work.gates[begin : begin + size], work.share[begin : begin + size]
        row[:size, 1 : 1 + inputs].copy_(x)
        row[:size, 1 + inputs : -1].copy_(state[:size])
        rz, n = gates.split((2 * width, width), dim=1)
        _product(row, matrices.rz, rz, scratch).sigmoid_()
        _product(row[:, : 1 + inputs], matrices.n, n, scratch)
        _product(row[:, 1 + inputs :], matrices.u, share, scratch)
        # tanh(a) = 2 sigmoid(2 a) - 1, and the products give 2 a: torch's tanh is much slower than its sigmoid.
        torch.sub(minus_one, n.addcmul_(rz[:, :width], share).sigmoid_(), alpha=-2, out=n)
        state = torch.lerp(n, state[:size], rz[:, width:], out=after)
        first += size
    return states


def _product(left: torch.Tensor, right: torch.Tensor, out: torch.Tensor, scratch: torch.Tensor) -> torch.Tensor:
    """Write left @ right to `out`, for as many rows as `out` has; through `scratch` if `out` is of another type."""
    if out.dtype == left.dtype:
        return torch.mm(left, right, out=out)
    return out.copy_(torch.mm(left, right, out=scratch[: len(left), : right.shape[1]])[: len(out)])


def _rounded(size: int, dtype: torch.dtype) -> int:
    return size if dtype == torch.float32 else -(-size // _ROWS) * _ROWS


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
        matrices = _Matrices.of((w, u, b, c), dtype)
        kept = _empty(events, matrices, len(events))
        states = _forward(events, matrices, sizes, kept)
        ctx.save_for_backward(w, u, kept.rows, kept.gates, kept.share)
        ctx.sizes = sizes
        return states

    @staticmethod
    def backward(ctx: Any, grad_states: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        w, u, rows, gates, share = ctx.saved_tensors
        rows = rows[: len(gates)]
        width, inputs, dtype = u.shape[1], w.shape[1], rows.dtype
        # Gradients at the pre-activations: columns n, r, z for the products with x, and r, z, n for those with h. The
        # middle two are shared, so each is a range of neighbouring columns. Those of r come out doubled, like the
        # share, which halved weights make up for.
        rounded = rows.new_empty(len(rows) + _ROWS, 4 * width)
        grads = rounded[: len(rows)]
        halves = torch.ones(3 * width, 1, device=u.device).index_fill_(0, torch.arange(width, device=u.device), 0.5)
        w_m, u_m = (halves * w).to(dtype), (halves * u).to(dtype)

        carried = grad_states.new_zeros(ctx.sizes[0], width)
        work = grad_states.new_empty(ctx.sizes[0], 4 * width)
        scratch = rows.new_empty(ctx.sizes[0] + _ROWS, width)
        first = len(rows)
        parts = [values.split(ctx.sizes) for values in (grads, grad_states, rows, gates, share)]
        for out, grad_state, row, gate, now_share in reversed(list(zip(*parts, strict=True))):
            size = len(out)
            first -= size
            grad = carried[:size].add_(grad_state)
            r, z, n = gate.split(width, dim=1)
            now = out if dtype == work.dtype else work[:size]
            at_n, at_r, at_z, at_u = now.split(width, dim=1)
            torch.addcmul(grad, grad, z, value=-1, out=at_n)
            torch.ops.aten.tanh_backward.grad_input(at_n, n, grad_input=at_n)
            torch.sub(row[:, 1 + inputs : -1], n, out=at_z)
            at_z.mul_(grad)
            torch.ops.aten.sigmoid_backward.grad_input(at_z, z, grad_input=at_z)
            torch.mul(at_n, now_share, out=at_r)
            torch.ops.aten.sigmoid_backward.grad_input(at_r, r, grad_input=at_r)
            torch.mul(at_n, r, out=at_u)
            if now is not out:
                out.copy_(now)
            wide = _rounded(size, dtype)
            product = torch.mm(rounded[first : first + wide, width:], u_m, out=scratch[:wide])
            grad.mul_(z).add_(product[:size])

        at_n, at_rz, at_u = grads.split((width, 2 * width, width), dim=1)
        grad_events = (grads[:, : 3 * width] @ torch.cat([w_m[2 * width :], w_m[: 2 * width]])).float()
        of_rz = halves[: 2 * width] * (at_rz.t() @ rows).float()
        of_x = torch.cat([of_rz[:, : 1 + inputs], (at_n.t() @ rows[:, : 1 + inputs]).float()])
        of_h = torch.cat([of_rz[:, 1 + inputs :], (at_u.t() @ rows[:, 1 + inputs :]).float()])
        return grad_events, of_x[:, 1:], of_h[:, :-1], of_x[:, 0], of_h[:, -1], None, None
