from typing import get_args

import numpy as np
import pytest
import torch

from anna_core.models.nets import code_embedding
from anna_core.models.nets.batch import EventStore
from anna_core.models.nets.domain_net import DomainNet
from anna_core.models.nets.dropout import drop_units
from anna_core.models.nets.forward import forward_rows
from anna_core.models.nets.input_stats import measure_inputs
from anna_core.models.nets.pooling import make_pool, mean
from anna_core.tasks.net import EncoderName, NetSpec, PoolingName
from anna_tests.unit.nets_toy import devices, make_sequences

ENCODERS = get_args(EncoderName)
POOLINGS = get_args(PoolingName)
LENGTHS = [30, 17, 8, 3, 1]
CPU = torch.device("cpu")


def gather(sequences, rows):
    return EventStore(sequences, CPU).gather(rows)


def _run(net, sequences, rows, device=CPU):
    return net(net.store(sequences, device).gather(rows))


def _net(sequences, **spec):
    torch.manual_seed(0)
    rows = np.flatnonzero(sequences.length)
    shape = NetSpec(**{"hidden": 16, "embedding": 8, **spec})
    net = DomainNet(shape, measure_inputs(sequences, rows, 0, shape), (0.3,))
    torch.nn.init.normal_(net.output.weight)
    return net.eval()


@pytest.mark.parametrize("device", devices())
@pytest.mark.parametrize("encoder", ENCODERS)
@pytest.mark.parametrize("pooling", POOLINGS)
def test_rows_of_a_batch_do_not_change_each_other(encoder, pooling, device):
    sequences = make_sequences(LENGTHS)
    net = _net(sequences, encoder=encoder, pooling=pooling, layers=2, precision="float32")
    with torch.no_grad():
        single = [_run(net, sequences, np.array([row])) for row in range(len(LENGTHS))]
        with torch.backends.cudnn.flags(allow_tf32=False):
            together = _run(net.to(device), sequences, np.arange(len(LENGTHS)), device)
    for row, alone in enumerate(single):
        torch.testing.assert_close(alone.embedding[0], together.embedding[row].cpu(), atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(alone.logits[0], together.logits[row].cpu(), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("device", devices())
@pytest.mark.parametrize("encoder", ENCODERS)
def test_gradients_of_a_batch_are_those_of_its_rows(encoder, device, monkeypatch):
    monkeypatch.setattr(code_embedding, "UNKNOWN_SHARE", 0.0)
    sequences = make_sequences(LENGTHS)
    net = _net(sequences, encoder=encoder, layers=2, precision="float32", dropout=0.0)
    net.train()  # cuDNN wants it, to go backwards

    def gradients(rows, device):
        net.to(device).zero_grad()
        for row in rows:
            _run(net, sequences, row, device).logits.sum().backward()
        return [parameter.grad.cpu().clone() for parameter in net.parameters()]  # moving a net moves these, too

    rows = np.arange(len(LENGTHS))
    with torch.backends.cudnn.flags(allow_tf32=False):
        alone, together = gradients(rows[:, None], CPU), gradients([rows], device)
    for one, other in zip(alone, together, strict=True):
        torch.testing.assert_close(other, one, atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize("encoder", ENCODERS)
def test_order_of_events_matters(encoder):
    amounts = np.ones(8)
    forwards = make_sequences([8], kinds=[1, 2, 3, 4, 5, 1, 2, 3], amounts=amounts)
    backwards = make_sequences([8], kinds=[3, 2, 1, 5, 4, 3, 2, 1], amounts=amounts)
    net = _net(forwards, encoder=encoder, pooling="mean")
    with torch.no_grad():
        rows = np.array([0])
        difference = _run(net, forwards, rows).embedding - _run(net, backwards, rows).embedding
    assert difference.abs().max() > 1e-4


def test_rows_keep_their_order_whatever_the_batches():
    lengths = np.random.default_rng(0).integers(1, 40, 50)
    sequences = make_sequences(lengths)
    net = _net(sequences)
    rows = np.random.default_rng(1).permutation(50)
    [embedding], [logits] = forward_rows([net], net.store(sequences, CPU), rows)
    with torch.no_grad():
        for place in (0, 7, 49):
            alone = _run(net, sequences, rows[place : place + 1])
            np.testing.assert_allclose(embedding[place], alone.embedding[0].numpy(), atol=1e-5)
            np.testing.assert_allclose(logits[place], alone.logits[0].numpy(), atol=1e-5)


def test_net_starts_near_the_base_rate():
    sequences = make_sequences(LENGTHS)
    net = DomainNet(NetSpec(hidden=8, embedding=4), measure_inputs(sequences, np.arange(5), 0, NetSpec()), (-1.5,))
    logits = _run(net, sequences, np.arange(5)).logits
    torch.testing.assert_close(logits, torch.full((5, 1), -1.5), atol=0.3, rtol=0)


def _pool(name, width, **spec):
    return make_pool(NetSpec(pooling=name, hidden=8, heads=2, **spec).model_copy(update={"hidden": width}))


def test_pooling_has_expected_values():
    batch = gather(make_sequences([3, 1]), np.array([0, 1]))
    states = torch.tensor([[1.0], [-2.0], [5.0], [3.0]])  # row 0: 1, 5, 3; row 1: -2
    pooled = {name: _pool(name, 1)(states, batch) for name in ("last", "mean", "max")}
    assert pooled["last"].tolist() == [[3.0], [-2.0]]
    assert pooled["mean"].tolist() == [[3.0], [-2.0]]
    assert pooled["max"].tolist() == [[5.0], [-2.0]]
    pool = _pool("mean_max_last", 1)
    assert pool(states, batch).tolist() == [[3.0, 5.0, 3.0], [-2.0, -2.0, -2.0]]
    assert pool.width == 3


def test_last_of_the_backward_direction_is_at_the_oldest_event():
    batch = gather(make_sequences([3, 1]), np.array([0, 1]))
    states = torch.tensor([[1.0, 10.0], [-2.0, -20.0], [5.0, 50.0], [3.0, 30.0]])
    assert _pool("last", 2, encoder="bigru")(states, batch).tolist() == [[3.0, 10.0], [-2.0, -20.0]]
    assert _pool("last", 2, encoder="gru")(states, batch).tolist() == [[3.0, 30.0], [-2.0, -20.0]]


def _attention(pool, row):
    """Attention pooling of one row's states (n, width), head by head."""
    scores = row @ pool.score.weight.T
    shares = row.chunk(scores.shape[1], dim=1)
    return torch.cat([scores[:, head].softmax(0) @ share for head, share in enumerate(shares)])


@pytest.mark.parametrize("device", devices())
@pytest.mark.parametrize("pooling", POOLINGS)
def test_pooling_and_its_gradients_are_those_of_a_loop_over_rows(pooling, device):
    lengths = [7, 4, 4, 1]
    batch = EventStore(make_sequences(lengths), device).gather(np.arange(4))
    torch.manual_seed(0)
    states = torch.randn(16, 4, dtype=torch.float64, device=device, requires_grad=True)
    pool = _pool(pooling, 4).double().to(device)
    for parameter in pool.parameters():
        torch.nn.init.normal_(parameter, std=3)
    rows = [states[batch.grid[0][row, :length]] for row, length in enumerate(lengths)]
    single = {
        "last": lambda s: s[-1],
        "mean": lambda s: s.mean(0),
        "max": lambda s: s.amax(0),
        "attention": lambda s: _attention(pool, s),
    }
    names = ["mean", "max", "last"] if pooling == "mean_max_last" else [pooling]
    expected = torch.stack([torch.cat([single[name](row) for name in names]) for row in rows])
    given = torch.randn(4, pool.width, dtype=torch.float64, device=device)
    pooled = pool(states, batch)
    torch.testing.assert_close(pooled, expected)
    leaves = [states, *pool.parameters()]
    found, wanted = (torch.autograd.grad(value, leaves, given, retain_graph=True) for value in (pooled, expected))
    for ours, theirs in zip(found, wanted, strict=True):
        torch.testing.assert_close(ours, theirs)


def test_attention_starts_as_the_mean_and_does_not_overflow():
    batch = gather(make_sequences([3, 1]), np.array([0, 1]))
    states, pool = torch.randn(4, 4), _pool("attention", 4)
    torch.testing.assert_close(pool(states, batch), mean(states, batch))
    torch.nn.init.constant_(pool.score.weight, 1e3)
    assert torch.isfinite(pool(states, batch)).all()


def test_units_are_dropped_in_all_events_of_a_row():
    batch = gather(make_sequences([50, 40, 2]), np.arange(3))
    torch.manual_seed(0)
    dropped = drop_units(torch.ones(92, 200), 0.25, batch)
    rows = torch.stack([dropped[batch.row == row].unique(dim=0)[0] for row in range(3)])
    torch.testing.assert_close(dropped, rows[batch.row])
    assert {round(value, 4) for value in rows.unique().tolist()} == {0.0, 1.3333}
    assert (rows == 0).float().mean().item() == pytest.approx(0.25, abs=0.06)
    assert (rows[0] != rows[1]).any()


def test_inputs_are_dropped_in_training_only():
    sequences = make_sequences(LENGTHS)
    torch.manual_seed(0)
    plain, dropping = (_net(sequences, dropout=0.0, input_dropout=share) for share in (0.0, 0.5))
    batch = gather(sequences, np.arange(5))
    torch.testing.assert_close(dropping(batch).logits, plain(batch).logits)
    assert (dropping.train()(batch).logits - plain(batch).logits).abs().max() > 1e-3


def test_spec_says_which_heads_fit():
    with pytest.raises(ValueError, match="multiple of 4 x heads"):
        NetSpec(encoder="transformer", hidden=20, heads=4)
    assert NetSpec(encoder="gru", hidden=20).hidden == 20
    with pytest.raises(ValueError, match=r"multiple of heads \(3\) for attention"):
        NetSpec(pooling="attention", hidden=20, heads=3)
    with pytest.raises(ValueError, match="must be even for a bigru"):
        NetSpec(encoder="bigru", hidden=21)
