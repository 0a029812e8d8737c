import dataclasses

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from anna_core.errors import TrainingError
from anna_core.metrics.registry import get_metric
from anna_core.models.nets.domain_net import DomainNet
from anna_core.models.outputs import Output
from anna_core.models.progress import EpochReport
from anna_tests.unit.nets_toy import make_sequences, make_task, order_signal, split_of, train_nets

ROWS = 300


def _ones(rows):
    return np.ones(rows, dtype=np.float32)


def _kind_signal(rows=ROWS, seed=0):
    """Sequences whose `share` of kind 1 is a number that targets can be made of."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(5, 15, rows)
    share = rng.random(rows)
    kinds = np.concatenate([np.where(rng.random(n) < p, 1, 2) for n, p in zip(lengths, share, strict=True)])
    sequences = make_sequences(lengths, kinds, seed=seed)
    begin = sequences.start
    return sequences, np.array([np.mean(kinds[b : b + n] == 1) for b, n in zip(begin, lengths, strict=True)])


@pytest.mark.parametrize(
    ("encoder", "learning_rate", "epochs"),
    [("gru", 2e-2, 12), ("bigru", 2e-2, 12), ("min_gru", 2e-2, 12), ("transformer", 3e-3, 25)],
)
def test_learns_an_order_that_a_bag_of_events_cannot_see(encoder, learning_rate, epochs):
    sequences, target = order_signal(600)
    split = split_of(600)
    task = make_task(
        net={"encoder": encoder, "hidden": 32, "layers": 1 if encoder == "gru" else 2},
        training={"epochs": epochs, "patience": epochs, "learning_rate": learning_rate},
    )
    model = train_nets(sequences, target, _ones(600), split, task, threads=1)
    test = split == "test"
    assert roc_auc_score(target[test, 0], model.predict(sequences).scores[test, 0]) > 0.95


def _targets(share):
    return {
        "binary": ((share > 0.5).astype(np.float32)[:, None], "roc_auc", {}),
        "multiclass": (np.digitize(share, [0.33, 0.66]).astype(np.int64), "log_loss", {"classes": ("a", "b", "c")}),
        "multilabel": (
            np.stack([share > 0.3, share > 0.7], 1).astype(np.float32),
            "mean_roc_auc",
            {"targets": ("a", "b")},
        ),
        "regression": ((share * 100)[:, None].astype(np.float32), "r2", {}),
        "heavy": (np.expm1(share * 8)[:, None].astype(np.float32), "r2_log1p", {}),
    }


@pytest.mark.parametrize("kind", ["binary", "multiclass", "multilabel", "regression", "heavy"])
def test_each_type_of_task_beats_the_constant(kind):
    sequences, share = _kind_signal()
    target, metric_name, settings = _targets(share)[kind]
    task = make_task("regression" if kind == "heavy" else kind, metric_name, training={"epochs": 6}, **settings)
    split = split_of(ROWS)
    model = train_nets(sequences, target, _ones(ROWS), split, task, threads=1)
    test = split == "test"
    scores = model.predict(sequences).scores
    assert scores.shape == (ROWS, task.outputs)
    output = Output.fit(task, target[split == "train"], _ones(int((split == "train").sum())))
    constant = output.scores(np.tile(np.float32(output.base_logits), (ROWS, 1)))
    metric = get_metric(metric_name, task.type)
    value, base = metric(target[test], scores[test]), metric(target[test], constant[test])
    assert value > base if metric.greater_is_better else value < base
    assert value > (0.8 if metric.greater_is_better else -1)


def test_same_seed_gives_the_same_weights_and_another_seed_others():
    sequences, share = _kind_signal(100)
    target = (share > 0.5).astype(np.float32)[:, None]

    def version(seed):
        task = make_task(net={"dropout": 0.2}, training={"epochs": 2}, seed=seed)
        return train_nets(sequences, target, _ones(100), split_of(100), task, threads=1).data_version

    assert version(1) == version(1)
    assert version(1) != version(2)


def test_test_rows_are_not_looked_at():
    sequences, share = _kind_signal(100)
    target = (share > 0.5).astype(np.float32)[:, None]
    split = split_of(100)
    hidden = target.copy()
    hidden[split == "test"] = np.nan
    task = make_task(training={"epochs": 2})
    versions = {
        train_nets(sequences, values, _ones(100), split, task, threads=1).data_version for values in (target, hidden)
    }
    assert len(versions) == 1


def test_best_epoch_is_kept_and_patience_ends_the_training():
    rng = np.random.default_rng(0)
    sequences = make_sequences(rng.integers(3, 10, 150))
    target = rng.integers(0, 2, (150, 1)).astype(
        np.float32
    )  # noise: the training loss falls, the validation's does not
    split = split_of(150)
    task = make_task(metric="log_loss", training={"epochs": 40, "patience": 3, "learning_rate": 2e-2})
    seen: list[EpochReport] = []
    model = train_nets(sequences, target, _ones(150), split, task, seen.append, threads=1)
    assert seen == model.curves
    assert len(seen) < 40
    best = min(seen, key=lambda report: report.valid_metric)
    assert [best] == model.best
    assert len(seen) == best.epoch + 3
    assert seen[-1].seconds_left == 0
    assert all(report.seconds_left > 0 for report in seen[:-1])
    assert [report.epoch for report in seen] == list(range(1, len(seen) + 1))
    valid = split == "valid"
    value = get_metric("log_loss", task.type)(target[valid], model.predict(sequences).scores[valid])
    assert value == pytest.approx(best.valid_metric, rel=1e-5)


def test_validation_rows_of_one_class_fall_back_to_the_loss():
    sequences, share = _kind_signal(100)
    target = (share > 0.5).astype(np.float32)[:, None]
    split = split_of(100)
    split[(split == "valid") & (target[:, 0] == 1)] = "test"
    model = train_nets(sequences, target, _ones(100), split, make_task(), threads=1)
    assert all(np.isnan(report.valid_metric) for report in model.curves)
    assert model.best[0].valid_loss == min(report.valid_loss for report in model.curves)


def test_events_are_left_out_in_training_only(monkeypatch):
    sequences, share = _kind_signal(100)
    target = (share > 0.5).astype(np.float32)[:, None]
    read, forward = [], DomainNet.forward

    def spy(net, batch):
        read.append((net.training, int(batch.lengths.sum()) / int(batch.held.sum())))
        return forward(net, batch)

    monkeypatch.setattr(DomainNet, "forward", spy)
    task = make_task(training={"event_dropout": 0.5})
    train_nets(sequences, target, _ones(100), split_of(100), task, threads=1)
    shares = {training: {share for mode, share in read if mode == training} for training in (True, False)}
    assert shares[False] == {1.0}
    assert all(0.5 <= share < 0.65 for share in shares[True])  # half of them, rounded up in every row


def test_weights_are_respected():
    sequences = make_sequences([3] * 200, kinds=np.ones(600), amounts=np.ones(600))
    target = (np.arange(200) % 10 < 5).astype(np.float32)[:, None]
    weight = np.where(target[:, 0] == 1, 3, 1).astype(np.float32)
    task = make_task(metric="log_loss", training={"epochs": 3})
    model = train_nets(sequences, target, weight, split_of(200), task, threads=1)
    assert model.predict(sequences).scores.mean() == pytest.approx(0.75, abs=0.05)


def test_rows_without_events_get_zeros_and_their_own_rate():
    sequences, share = _kind_signal(200)
    length = sequences.length.copy()
    length[100:] = 0
    sequences = dataclasses.replace(sequences, length=length)
    target = (share > 0.5).astype(np.float32)[:, None]
    target[100:] = np.arange(100)[:, None] % 10 == 0
    model = train_nets(sequences, target, _ones(200), split_of(200), make_task(), threads=1)
    vectors = model.predict(sequences)
    assert vectors.present.tolist() == [True] * 100 + [False] * 100
    assert not vectors.embedding[100:].any()
    assert vectors.embedding[:100].any(axis=1).all()
    # 60 absent training rows, drawn to the base rate of all 120 as if 20 rows more had that.
    train = split_of(200) == "train"
    expected = (target[100:][train[100:]].sum() + 20 * target[train].mean()) / 80
    np.testing.assert_allclose(vectors.scores[100:], expected, rtol=1e-5)


def test_a_domain_without_events_gives_an_empty_model():
    sequences = make_sequences([0] * 50)
    target = (np.arange(50) % 3 == 0).astype(np.float32)[:, None]
    model = train_nets(sequences, target, _ones(50), split_of(50), make_task(), threads=1)
    assert model.is_empty
    assert model.spec.empty_reason == "No training row has an event in this domain."
    vectors = model.predict(make_sequences([0, 4]))
    assert not vectors.present.any()
    assert not vectors.embedding.any()
    assert vectors.scores[:, 0] == pytest.approx([1 / 3, 1 / 3], abs=0.02)


def test_a_domain_seen_by_one_class_only_gives_an_empty_model():
    target = (np.arange(50) % 2).astype(np.float32)[:, None]
    sequences = make_sequences((1 - target[:, 0]) * 3)
    model = train_nets(sequences, target, _ones(50), split_of(50), make_task(), threads=1)
    assert model.spec.empty_reason.startswith("The target is the same for all training rows that have events")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda a: a["split"].__setitem__(slice(None), "valid"), "no 'train' rows"),
        (lambda a: a["split"].__setitem__(slice(None), "train"), "no 'valid' rows"),
        (lambda a: a["target"].__setitem__(slice(None), 1), "same class for all 30 training rows"),
        (lambda a: a["target"].__setitem__(0, np.nan), "missing or infinite"),
        (lambda a: a["weight"].__setitem__(0, 0), "not a positive number"),
    ],
)
def test_errors_say_what_is_wrong(change, message):
    arrays = {
        "target": (np.arange(50) % 2).astype(np.float32)[:, None],
        "weight": _ones(50),
        "split": split_of(50),
    }
    change(arrays)
    with pytest.raises(TrainingError, match=message):
        train_nets(make_sequences([3] * 50), **arrays, task=make_task(), threads=1)


def test_sequences_of_another_sample_are_refused():
    with pytest.raises(TrainingError, match="40 sequences for 50 rows"):
        train_nets(make_sequences([3] * 40), np.zeros((50, 1)), _ones(50), split_of(50), make_task())


def test_divergence_is_told_with_its_cure(monkeypatch):
    sequences, share = _kind_signal(100)
    target = (share > 0.5).astype(np.float32)[:, None]
    monkeypatch.setattr(Output, "loss", lambda self, logits, target: logits[:, 0] * np.inf)
    with pytest.raises(TrainingError, match=r"diverged.*learning_rate"):
        train_nets(sequences, target, _ones(100), split_of(100), make_task(), threads=1)
