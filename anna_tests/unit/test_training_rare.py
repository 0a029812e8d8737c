"""A target of one row in two hundred: most batches have no such row, and few validation rows tell epochs apart."""

import numpy as np
import pytest

from anna_core.training.domain import train_domain_model
from anna_tests.unit.nets_toy import make_sequences, make_task, split_of

ROWS = 6000


def test_a_rare_target_is_learned_and_its_rate_kept():
    rng = np.random.default_rng(0)
    lengths = rng.integers(5, 12, ROWS)
    share = rng.beta(1, 4, ROWS)
    kinds = [np.where(rng.random(n) < p, 1, rng.integers(2, 6, n)) for n, p in zip(lengths, share, strict=True)]
    sequences = make_sequences(lengths, np.concatenate(kinds))
    risk = np.exp(6 * np.array([np.mean(row == 1) for row in kinds]))
    target = np.zeros((ROWS, 1), dtype=np.float32)
    target[rng.choice(ROWS, 30, replace=False, p=risk / risk.sum())] = 1
    split = split_of(ROWS)
    task = make_task(training={"epochs": 4, "batch_rows": 64, "learning_rate": 3e-3})
    model = train_domain_model(sequences, target, np.ones(ROWS, dtype=np.float32), split, task, threads=1)
    scores, test = model.predict(sequences).scores[:, 0], split == "test"
    # The AUC that test rows would have if their targets were drawn again and again.
    order = np.argsort(-scores[test])
    positive = risk[test][order] / risk[test].sum()
    auc = float(np.mean(np.cumsum(positive) - positive / 2))
    assert auc > 0.75
    rate = target[split == "train"].mean()
    assert scores[test].mean() == pytest.approx(rate, rel=0.5)
    assert scores.max() < 0.5
