"""Samples that are hardly there, of every type of task: each ends in finite scores."""

import numpy as np
import polars as pl
import pytest

from anna_core.models.trees.training import train_boosting
from anna_core.samples.splits import assign_folds, assign_splits
from anna_core.samples.targets import outcome_flags
from anna_tests.unit.nets_toy import make_sequences, make_task, train_blend, train_nets

ROWS = 30
LETTERS = tuple("abcdefgh")
DRAWS = np.random.default_rng(0)
TARGETS = {
    "binary": (np.arange(ROWS)[:, None] % 2, {}),
    "multiclass": (np.arange(ROWS) % 3, {"classes": LETTERS[:3]}),
    "multiclass, rare ones": (np.where(np.arange(ROWS) < 8, np.arange(ROWS) % 8, 0), {"classes": LETTERS}),
    "multilabel": (np.stack([np.arange(ROWS) % 2, np.arange(ROWS) == 3], axis=1), {"targets": ("a", "b")}),
    "regression": (DRAWS.normal(5, 2, (ROWS, 1)), {"metric": "r2"}),
    "regression, above": (DRAWS.lognormal(5, 2, (ROWS, 1)), {"metric": "r2_log1p"}),
    "regression, both sides": (np.sinh(DRAWS.normal(0, 3, (ROWS, 1))), {"metric": "spearman"}),
}
METRICS = {"binary": "roc_auc", "multiclass": "macro_roc_auc", "multilabel": "mean_roc_auc"}
AMOUNTS = {
    "as usual": None,
    "never known": np.full(ROWS * 4, np.nan),
    "always the same": np.full(ROWS * 4, 7.0),
    "of any size": np.where(np.arange(ROWS * 4) % 2, 3e37, -1e-37),
}


@pytest.mark.parametrize("folds", [1, 5])
@pytest.mark.parametrize("kind", TARGETS)
def test_thirty_rows_of_any_type(kind, folds):
    scores = launch(kind, make_sequences(DRAWS.integers(1, 6, ROWS)), folds)
    assert np.isfinite(scores).all()


@pytest.mark.parametrize("net", [{}, {"aggregates": True}, {"numbers": "periodic"}, {"numbers": "log"}], ids=str)
@pytest.mark.parametrize("amounts", AMOUNTS.values(), ids=AMOUNTS)
def test_numbers_of_any_kind(amounts, net):
    scores = launch("binary", make_sequences([4] * ROWS, amounts=amounts), 1, net)
    assert np.isfinite(scores).all()


def launch(kind, sequences, folds, net=None):
    """Scores of all rows by a metamodel over the nets and the trees of one domain."""
    target, settings = TARGETS[kind]
    task_type = kind.partition(",")[0]
    settings = {"task_type": task_type, "metric": METRICS.get(task_type), **settings}
    task = make_task(net=net, training={"epochs": 2, "folds": folds}, **settings)
    target = target if target.ndim == 1 else target.astype(np.float32)
    rows = pl.DataFrame({"client_id": sequences.client_id, "as_of": sequences.as_of})
    outcomes = outcome_flags(target, task)
    split, _ = assign_splits(rows, task.split, outcomes)
    fold, weight = assign_folds(rows, split, folds, 0, outcomes), np.ones(ROWS, dtype=np.float32)
    nets = train_nets(sequences, target, weight, split, task, threads=1, fold=fold)
    trees = train_boosting([sequences], target, weight, split, fold, task, threads=1)
    members = {
        "toy": nets.predict(sequences, threads=1, fold=fold),
        "boosting": trees.vectors(trees.predict([sequences], 1, fold), {"toy": sequences}),
    }
    return train_blend(members, target, weight, split, fold >= 0, task).predict(members, 1)
