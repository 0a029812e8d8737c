import math

import numpy as np
import pytest
import torch

from anna_core.models.outputs import Output
from anna_core.models.target_transform import fit_transform
from anna_tests.unit.nets_toy import make_task

ONES = np.ones(4, dtype=np.float32)


def test_binary_base_rate_and_way_back():
    target = np.array([[0], [0], [0], [1]], dtype=np.float32)
    output = Output.fit(make_task(), target, ONES)
    assert output.base_logits == pytest.approx((math.log(1 / 3),))
    scores = output.scores(np.array([[0.0], [math.log(3)]]))
    np.testing.assert_allclose(scores, [[0.5], [0.75]], rtol=1e-6)
    np.testing.assert_allclose(output.logits(scores), [[0.0], [math.log(3)]], atol=1e-6)
    assert scores.dtype == np.float32


def test_weights_move_the_base_rate():
    target = np.array([[0], [0], [0], [1]], dtype=np.float32)
    output = Output.fit(make_task(), target, np.array([1, 1, 1, 3], dtype=np.float32))
    assert output.base_logits == pytest.approx((0.0,))


def test_multiclass_scores_sum_to_one():
    target = np.array([0, 1, 2, 2])
    output = Output.fit(make_task("multiclass", "macro_roc_auc", classes=("a", "b", "c")), target, ONES)
    np.testing.assert_allclose(output.scores(np.array([output.base_logits])), [[0.25, 0.25, 0.5]], rtol=1e-6)
    loss = output.loss(torch.zeros(4, 3), output.encode(target))
    torch.testing.assert_close(loss, torch.full((4,), math.log(3)))


def test_multilabel_has_a_rate_a_label():
    target = np.array([[0, 1], [0, 1], [0, 0], [1, 1]], dtype=np.float32)
    output = Output.fit(make_task("multilabel", "mean_roc_auc", targets=("a", "b")), target, ONES)
    np.testing.assert_allclose(output.scores(np.array([output.base_logits])), [[0.25, 0.75]], rtol=1e-6)


def test_rates_of_one_in_a_hundred_thousand_keep_their_order():
    target = np.zeros((200_000, 1), dtype=np.float32)
    target[:2] = 1
    output = Output.fit(make_task(), target, np.ones(len(target), dtype=np.float32))
    assert output.base_logits == pytest.approx((math.log(1e-5),), abs=1e-4)
    logits = np.array([[-13.0], [-12.0], [-11.0]], dtype=np.float32)
    np.testing.assert_allclose(output.logits(output.scores(logits)), logits, atol=1e-4)


def test_an_outcome_that_no_row_has_is_taken_for_half_a_row():
    target = np.array([0, 0, 1, 1])
    output = Output.fit(make_task("multiclass", "macro_roc_auc", classes=("a", "b", "never")), target, ONES)
    assert output.base_logits[2] == pytest.approx(math.log(0.5 / 4))


HEAVY = np.exp(np.random.default_rng(0).normal(3, 2, (500, 1))).astype(np.float32)
FLOWS = np.sinh(np.random.default_rng(0).normal(0, 3, (500, 1))).astype(np.float32) * 1e4 + 70
EVEN = np.random.default_rng(0).normal(3, 2, (500, 1)).astype(np.float32)


@pytest.mark.parametrize(
    ("target", "metric", "scale", "loss"),
    [
        (HEAVY, "r2_log1p", "log1p", "squared"),
        (HEAVY, "r2", "identity", "squared"),
        (HEAVY, "mae", "log1p", "huber"),
        (FLOWS, "mae", "asinh", "huber"),
        (FLOWS, "spearman", "asinh", "huber"),
        (FLOWS, "rmse", "identity", "squared"),
        (EVEN, "mae", "identity", "huber"),
        (EVEN, "r2_log1p", "identity", "squared"),
    ],
)
def test_scale_and_loss_follow_metric_and_tail(target, metric, scale, loss):
    transform = fit_transform(target, np.ones(len(target)), metric)
    assert (transform.scale, transform.loss) == (scale, loss)
    inside = target[(target > target.min()) & (target < target.max())]
    np.testing.assert_allclose(transform.backward(transform.forward(inside)), inside, rtol=1e-3, atol=1e-4)
    encoded = transform.forward(target)
    assert encoded.mean() == pytest.approx(0, abs=1e-4)
    assert encoded.std() == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize(("target", "metric"), [(HEAVY, "r2_log1p"), (FLOWS, "spearman")])
def test_predictions_stay_within_the_training_range(target, metric):
    transform = fit_transform(target, np.ones(len(target)), metric)
    far = transform.backward(np.array([-100.0, 100.0]))
    np.testing.assert_allclose(far, [target.min(), target.max()], rtol=1e-4)


def test_flows_that_rule_every_sum_do_not_hide_the_others():
    encoded = fit_transform(FLOWS, np.ones(len(FLOWS)), "spearman").forward(FLOWS)
    assert np.mean(np.abs(encoded) < 0.1) < 0.25  # in their own units it is 0.97


def test_absent_rows_are_drawn_to_the_base_rate():
    target = np.array([[0], [0], [1], [1]], dtype=np.float32)
    output = Output.fit(make_task(), target, ONES)
    absent = output.constant_logits(np.ones((20, 1), dtype=np.float32), np.ones(20, dtype=np.float32), prior_rows=20)
    assert output.scores(np.array([absent]))[0, 0] == pytest.approx(0.75)
    assert output.constant_logits(target[:0], ONES[:0], prior_rows=20) == output.base_logits
