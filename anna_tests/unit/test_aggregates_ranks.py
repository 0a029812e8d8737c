import numpy as np
import pytest
import torch

from anna_core.aggregates.ranks import AggregateStats, measure_aggregates, read_aggregates
from anna_core.models.nets.domain_net import DomainNet
from anna_core.models.nets.input_stats import measure_inputs
from anna_core.tasks.net import NetSpec
from anna_tests.unit.nets_toy import make_sequences

LENGTHS = np.arange(1, 41)


def _stats(values):
    return AggregateStats(codes={"kind": (), "online": ()}, quantiles={"toy__events": tuple(values)})


def test_ranks_are_even_whatever_the_scale():
    sequences = make_sequences(LENGTHS**2)
    stats = measure_aggregates(sequences, np.arange(40))
    ranks = read_aggregates(stats, sequences)
    events = ranks[:, list(stats.quantiles).index("toy__events")]
    assert (np.diff(events) > 0).all()
    assert events[[0, -1]] == pytest.approx([-(3**0.5), 3**0.5], rel=1e-3)
    assert np.diff(events).max() < 0.15  # 40 rows over a width of 3.46 are 0.09 apart
    assert np.abs(ranks).max() <= 3**0.5 + 1e-3


def test_ranks_of_shared_unseen_and_unknown_values():
    sequences = make_sequences([0, 1, 2, 3, 5, 50])
    # Events 1 are three quantiles of five, the 0th to the 2nd: rank 1 of 0 to 4.
    ranks = read_aggregates(_stats([1, 1, 1, 3, 5]), sequences)[:, 0]
    np.testing.assert_allclose(ranks, np.array([-1, -0.5, 0, 0.5, 1, 1]) * 3**0.5, rtol=1e-3)
    recency = AggregateStats(codes={"kind": (), "online": ()}, quantiles={"toy__days_since_last": (1.0, 2.0)})
    assert read_aggregates(recency, sequences)[0] == 0.0  # no event, so not known: the median


def test_only_training_rows_are_measured_and_only_what_varies_among_them():
    sequences = make_sequences([4, 4, 4, 30], kinds=[1] * 12 + [2] * 30, amounts=[5.0] * 12 + [9.0] * 30)
    stats = measure_aggregates(sequences, np.arange(3))
    assert stats.codes["kind"] == (1,)
    assert not {"toy__events", "toy__amount__sum"} & stats.quantiles.keys()
    assert "toy__days_since_last" in stats.quantiles
    assert not any(name.endswith(("kind__last", "kind__last_1")) for name in stats.quantiles)


def test_head_reads_the_aggregates():
    sequences = make_sequences(LENGTHS)
    told, untold = (
        DomainNet(spec, measure_inputs(sequences, np.arange(40), 0, spec), (0.0,)).eval()
        for spec in (NetSpec(hidden=8, aggregates=True), NetSpec(hidden=8))
    )
    batch = told.store(sequences, torch.device("cpu")).gather(np.array([20]))
    batch.aggregates.requires_grad_()
    told(batch).logits.sum().backward()
    assert (batch.aggregates.grad != 0).any()
    assert untold.store(sequences, torch.device("cpu")).gather(np.array([20])).aggregates.shape == (1, 0)
