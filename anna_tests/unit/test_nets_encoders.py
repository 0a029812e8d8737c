"""minGRU, the bidirectional GRU and attention against plain code on each row alone."""

import dataclasses

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from anna_core.models.nets.attention import attend
from anna_core.models.nets.batch import EventStore
from anna_core.models.nets.bigru import BidirectionalGruEncoder
from anna_core.models.nets.min_gru import MinGruEncoder, packed_min_gru
from anna_core.models.nets.transformer import TransformerEncoder, _turn
from anna_core.models.precision import matrix_products
from anna_core.tasks.net import NetSpec
from anna_tests.unit.nets_toy import HOUR, make_sequences

INPUTS, WIDTH = 5, 8
LENGTHS = st.lists(st.integers(1, 20), min_size=1, max_size=8).map(lambda lengths: sorted(lengths, reverse=True))


def _batch(lengths):
    return EventStore(make_sequences(lengths), torch.device("cpu")).gather(np.arange(len(lengths)))


def _places(batch):
    return [batch.grid[0][row, :length] for row, length in enumerate(batch.lengths)]


def _naive_min_gru(products):
    """States of one row, (n, 2 H) → (n, H), as the paper writes them."""
    gate, new = products.chunk(2, dim=1)
    state, states = torch.zeros(gate.shape[1], dtype=products.dtype), []
    for z, n in zip(gate.sigmoid(), new, strict=True):
        state = (1 - z) * state + z * n
        states.append(state)
    return torch.stack(states)


def _same_gradients(found, wanted, leaves, atol):
    given_grad = torch.randn_like(found)
    for our, their in zip(
        *(torch.autograd.grad(states, leaves, given_grad, retain_graph=True) for states in (found, wanted)), strict=True
    ):
        torch.testing.assert_close(our, their, atol=atol, rtol=1e-4)


@settings(max_examples=50, deadline=None)
@given(lengths=LENGTHS)
def test_min_gru_is_a_loop_over_events(lengths):
    torch.manual_seed(0)
    batch = _batch(lengths)
    products = torch.randn(sum(lengths), 2 * WIDTH, dtype=torch.float64, requires_grad=True)
    found, wanted = packed_min_gru(products, batch.sizes), torch.empty(sum(lengths), WIDTH, dtype=torch.float64)
    for places in _places(batch):
        wanted = wanted.index_copy(0, places, _naive_min_gru(products[places]))
    torch.testing.assert_close(found, wanted)
    _same_gradients(found, wanted, [products], 1e-10)


def test_min_gru_layers_add_to_what_they_read():
    torch.manual_seed(0)
    batch = _batch([6])
    encoder = MinGruEncoder(INPUTS, WIDTH, 2, dropout=0.5).eval()
    events = torch.randn(6, INPUTS)
    first = _naive_min_gru(encoder.products[0](events))
    wanted = first + _naive_min_gru(encoder.products[1](encoder.norms[0](first)))
    torch.testing.assert_close(encoder(events, batch), wanted)


def test_min_gru_starts_with_memories_of_2_to_128_events():
    bias = MinGruEncoder(INPUTS, WIDTH, 1, dropout=0).products[0].bias
    torch.testing.assert_close(1 / bias[[0, WIDTH - 1]].sigmoid(), torch.tensor([2.0, 128.0]))


@settings(max_examples=30, deadline=None)
@given(lengths=LENGTHS, layers=st.integers(1, 2))
def test_bidirectional_gru_is_that_of_torch(lengths, layers):
    torch.manual_seed(0)
    batch = _batch(lengths)
    encoder = BidirectionalGruEncoder(INPUTS, WIDTH, layers, dropout=0.5).eval()
    events = torch.randn(sum(lengths), INPUTS, requires_grad=True)
    wanted = torch.empty(sum(lengths), WIDTH)
    for places in _places(batch):
        wanted = wanted.index_copy(0, places, encoder.gru(events[places][:, None])[0][:, 0])
    found = encoder(events, batch)
    torch.testing.assert_close(found, wanted, atol=1e-6, rtol=1e-5)
    on_a_gpu = encoder.gru(torch.nn.utils.rnn.PackedSequence(events, torch.tensor(batch.sizes)))[0].data
    torch.testing.assert_close(on_a_gpu, wanted, atol=1e-6, rtol=1e-5)
    _same_gradients(found, wanted, [events, *encoder.parameters()], 1e-5)


def test_reverse_turns_each_row_round():
    batch = _batch([3, 2, 1])
    order = torch.arange(6)
    assert [order[batch.reverse][places].tolist() for places in _places(batch)] == [
        order[places].flip(0).tolist() for places in _places(batch)
    ]


@pytest.mark.parametrize("make", [MinGruEncoder, BidirectionalGruEncoder])
def test_bfloat16_products_stay_close(make):
    torch.manual_seed(0)
    batch = _batch([40, 33, 12, 5, 1])
    encoder, events = make(INPUTS, 32, 2, 0.0), torch.randn(91, INPUTS)
    wanted = encoder(events, batch)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = encoder(events, batch)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, wanted, atol=0.1, rtol=0)


@pytest.mark.parametrize(
    ("encoder", "hidden", "rounded"),
    [("gru", 64, False), ("gru", 128, True), ("bigru", 128, False), ("bigru", 256, True), ("min_gru", 128, True)],
)
def test_auto_takes_bfloat16_where_a_direction_is_wide_enough(monkeypatch, encoder, hidden, rounded):
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: True)
    with matrix_products(NetSpec(encoder=encoder, hidden=hidden), torch.device("cpu")):
        assert torch.is_autocast_enabled("cpu") == rounded


@settings(max_examples=20, deadline=None)
@given(lengths=LENGTHS)
def test_attention_in_blocks_is_attention_within_each_row(lengths):
    torch.manual_seed(0)
    batch = _batch(lengths)
    qkv = torch.randn(sum(lengths), 3, 2, 4, dtype=torch.float64, requires_grad=True)
    found, wanted = attend(qkv, batch), torch.empty(sum(lengths), 2, 4, dtype=torch.float64)
    for places in _places(batch):
        query, key, value = qkv[places].permute(1, 2, 0, 3)
        wanted = wanted.index_copy(0, places, F.scaled_dot_product_attention(query, key, value).transpose(0, 1))
    torch.testing.assert_close(found, wanted)
    _same_gradients(found, wanted, [qkv], 1e-10)


def _aged(hours):
    """One row with an event so many hours before as_of each."""
    sequences = make_sequences([len(hours)])
    as_of = sequences.as_of.astype("datetime64[us]").astype(np.int64)
    times = as_of - (np.asarray(hours) * HOUR).astype(np.int64)
    return EventStore(dataclasses.replace(sequences, event_time=times), torch.device("cpu")).gather(np.array([0]))


def test_rotary_positions_turn_by_differences_of_order_and_of_log_time():
    """What query and key give depends on how far apart two events are, in both, and on nothing else."""
    encoder = TransformerEncoder(INPUTS, width=32, layers=1, heads=2, dropout=0.0)
    query, key = torch.randn(2, 32, generator=torch.Generator().manual_seed(0))

    def products(hours):
        rotation = encoder._rotation(_aged(hours))
        turned = [_turn(vector.expand(len(hours), -1), rotation) for vector in (query, key)]
        return (turned[0][:, None] * turned[1][None]).sum(dim=2)

    even = products(np.expm1([9.0, 8.0, 7.0, 6.0]))  # a unit of log time and of order apart
    for shift in (1, 2):
        for one, other in zip(torch.diagonal(even, shift)[:-1], torch.diagonal(even, shift)[1:], strict=True):
            torch.testing.assert_close(one, other, atol=1e-3, rtol=1e-3)
    uneven = products(np.expm1([9.0, 8.5, 7.0, 6.0]))
    assert not torch.allclose(uneven[0, 1], even[0, 1], atol=1e-2)  # as many events apart, not as long
    torch.testing.assert_close(uneven[0, 2], even[0, 2], atol=1e-3, rtol=1e-3)


def test_a_transformer_knows_which_of_two_like_events_came_long_before_the_other():
    torch.manual_seed(0)  # some weights hardly look at the time
    encoder = TransformerEncoder(INPUTS, width=32, layers=1, heads=2, dropout=0.0).eval()
    events = torch.randn(3, INPUTS, generator=torch.Generator().manual_seed(0))
    soon, late = (encoder(events, _aged(hours)) for hours in ([100, 99, 1], [100, 2, 1]))
    assert not torch.allclose(soon, late, atol=1e-4)
