"""The hand-written packed GRU against torch's own."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from anna_core.models.nets.packed_gru import FEW_ROWS, packed_gru, packed_grus

INPUTS, WIDTH = 5, 8


def _layer():
    torch.manual_seed(1)
    return torch.nn.GRU(INPUTS, WIDTH)


def _sizes(lengths):
    return [sum(length > step for length in lengths) for step in range(max(lengths))]


def _both(lengths, dtype=torch.float32):
    """States and gradients of inputs and weights: ours, and torch's on each row alone, without any padding."""
    layer, lengths = _layer(), sorted(lengths, reverse=True)
    sizes = _sizes(lengths)
    first = np.cumsum([0, *sizes[:-1]])
    events = torch.randn(sum(sizes), INPUTS, requires_grad=True)
    wanted = torch.empty(sum(sizes), WIDTH)
    for row, length in enumerate(lengths):
        places = torch.from_numpy(first[:length] + row)
        wanted = wanted.index_copy(0, places, layer(events[places][:, None])[0][:, 0])
    found = packed_gru(events, tuple(layer.all_weights[0]), sizes, dtype)
    given_grad = torch.randn_like(found)
    leaves = [events, *layer.parameters()]
    grads = [torch.autograd.grad(states, leaves, given_grad, retain_graph=True) for states in (found, wanted)]
    with torch.no_grad():
        weights = tuple(layer.all_weights[0])
        alone = packed_gru(events, weights, sizes, dtype)
        other = [weight + 0.1 for weight in weights]
        beside = packed_grus([2 * events, events], [other, weights], sizes, dtype)[1]
    return found, wanted, grads, (alone, beside)


@settings(max_examples=50, deadline=None)
@given(lengths=st.lists(st.integers(1, 20), min_size=1, max_size=10))
def test_states_and_gradients_are_those_of_torch(lengths):
    found, wanted, (ours, theirs), alone = _both(lengths)
    torch.testing.assert_close(found, wanted, atol=1e-6, rtol=1e-5)
    for our, their in zip(ours, theirs, strict=True):
        torch.testing.assert_close(our, their, atol=1e-5, rtol=1e-4)
    for forwards in alone:
        torch.testing.assert_close(forwards, found, atol=1e-6, rtol=1e-5)


def test_bfloat16_products_stay_close():
    found, wanted, (ours, theirs), _ = _both([40, 40, 33, 12, 5, 1], torch.bfloat16)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, wanted, atol=0.03, rtol=0)
    for our, their in zip(ours, theirs, strict=True):
        assert our.dtype == torch.float32
        assert torch.nn.functional.cosine_similarity(our.flatten(), their.flatten(), dim=0) > 0.999


@pytest.mark.parametrize("encoder", ["gru", "bigru"])
@pytest.mark.parametrize("rows", [FEW_ROWS, FEW_ROWS + 1])
def test_nets_side_by_side_say_what_each_says_alone(encoder, rows):
    from anna_core.models.nets.batch import EventStore
    from anna_core.models.nets.domain_net import DomainNet
    from anna_core.models.nets.input_stats import measure_inputs
    from anna_core.tasks.net import NetSpec
    from anna_tests.unit.nets_toy import make_sequences

    sequences = make_sequences(sorted([1 + row % 9 for row in range(rows)], reverse=True))
    batch = EventStore(sequences, torch.device("cpu")).gather(np.arange(rows))
    spec = NetSpec(encoder=encoder, hidden=WIDTH, layers=2)
    stats = measure_inputs(sequences, np.arange(rows), 0, spec)
    nets = [DomainNet(spec, stats, (0.5,)).eval() for _ in range(3)]
    with torch.inference_mode():
        for net, found in zip(nets, DomainNet.outputs(nets, batch), strict=True):
            wanted = net(batch)
            torch.testing.assert_close(found.embedding, wanted.embedding, atol=1e-6, rtol=1e-5)
            torch.testing.assert_close(found.logits, wanted.logits, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("layers", [1, 2])
def test_encoder_is_the_stack_that_torch_makes_of_its_weights(layers):
    from anna_core.models.nets.batch import EventStore
    from anna_core.models.nets.gru import GruEncoder
    from anna_tests.unit.nets_toy import make_sequences

    batch = EventStore(make_sequences([9, 9, 4, 1]), torch.device("cpu")).gather(np.arange(4))
    encoder = GruEncoder(INPUTS, WIDTH, layers, dropout=0.5).eval()
    events = torch.randn(23, INPUTS)
    packed = torch.nn.utils.rnn.PackedSequence(events, torch.tensor(batch.sizes))
    torch.testing.assert_close(encoder(events, batch), encoder.gru(packed)[0].data, atol=1e-6, rtol=1e-5)
