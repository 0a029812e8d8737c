"""Targets of one row in two hundred, and in a thousand: most batches have no such row, few rows tell epochs apart."""

import numpy as np
import polars as pl
import pytest

from anna_core.models.trees.training import train_boosting
from anna_core.samples.splits import assign_folds, assign_splits
from anna_core.samples.targets import outcome_flags
from anna_tests.unit.nets_toy import make_sequences, make_task, split_of, train_blend, train_nets

ROWS = 6000


def risky_sequences(rows, positives, seed=0):
    """Sequences of which a kind of events tells the risk of the target, so many rows of which have it."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(5, 12, rows)
    share = rng.beta(1, 4, rows)
    kinds = [np.where(rng.random(n) < p, 1, rng.integers(2, 6, n)) for n, p in zip(lengths, share, strict=True)]
    risk = np.exp(6 * np.array([np.mean(row == 1) for row in kinds]))
    target = np.zeros((rows, 1), dtype=np.float32)
    target[rng.choice(rows, positives, replace=False, p=risk / risk.sum())] = 1
    return make_sequences(lengths, np.concatenate(kinds)), target, risk


def expected_auc(scores, risk):
    """The AUC that rows would have if their targets were drawn again and again."""
    positive = risk[np.argsort(-scores)] / risk.sum()
    return float(np.mean(np.cumsum(positive) - positive / 2))


def test_a_rare_target_is_learned_and_its_rate_kept():
    sequences, target, risk = risky_sequences(ROWS, 30)
    split = split_of(ROWS)
    task = make_task(training={"epochs": 4, "batch_rows": 64, "learning_rate": 3e-3})
    model = train_nets(sequences, target, np.ones(ROWS, dtype=np.float32), split, task, threads=1)
    scores, test = model.predict(sequences).scores[:, 0], split == "test"
    assert expected_auc(scores[test], risk[test]) > 0.75
    rate = target[split == "train"].mean()
    assert scores[test].mean() == pytest.approx(rate, rel=0.5)
    assert scores.max() < 0.5


def test_one_row_in_a_thousand_gives_every_part_some_and_models_that_keep_the_rate():
    rows, positives = 10_000, 10
    sequences, target, risk = risky_sequences(rows, positives, seed=1)
    task = make_task(training={"epochs": 2, "batch_rows": 128, "learning_rate": 3e-3, "folds": 5})
    clients = pl.DataFrame({"client_id": sequences.client_id, "as_of": sequences.as_of})
    outcomes = outcome_flags(target, task)
    split, _ = assign_splits(clients, task.split, outcomes)
    fold = assign_folds(clients, split, 5, 0, outcomes)
    assert [int(target[split == part].sum()) for part in ("train", "valid", "test")] == [6, 2, 2]
    weight = np.ones(rows, dtype=np.float32)
    net = train_nets(sequences, target, weight, split, task, threads=1, fold=fold)
    trees = train_boosting([sequences], target, weight, split, fold, task, threads=1)
    members = {
        "toy": net.predict(sequences, threads=1, fold=fold),
        "boosting": trees.vectors(trees.predict([sequences], 1, fold), {"toy": sequences}),
    }
    metamodel = train_blend(members, target, weight, split, fold >= 0, task)
    scores = metamodel.predict(members)[:, 0]
    assert np.isfinite(scores).all()
    assert expected_auc(scores[split == "test"], risk[split == "test"]) > 0.6
    assert positives / rows / 3 < scores.mean() < 3 * positives / rows
