import numpy as np
import pytest

from anna_core.metrics.bootstrap import resample
from anna_core.metrics.registry import METRICS


def sample(seed, n=400):
    draws = np.random.default_rng(seed)
    target = (draws.random((n, 1)) < 0.3).astype(np.float32)
    return target, (target + draws.normal(0, 1, (n, 1))).astype(np.float32)


def test_interval_holds_the_value_and_repeats_with_its_seed():
    target, scores = sample(0)
    first = resample(METRICS["roc_auc"], target, scores, seed=3).interval()
    assert first == resample(METRICS["roc_auc"], target, scores, seed=3).interval()
    assert first != resample(METRICS["roc_auc"], target, scores, seed=4).interval()
    assert first.low < first.value < first.high
    assert first.value == METRICS["roc_auc"](target, scores)


def test_interval_covers_the_true_value_about_as_often_as_it_says():
    from scipy.stats import norm

    true = norm.cdf(1 / np.sqrt(2))  # AUC of two unit normals, one apart
    covered = 0
    for seed in range(100):
        interval = resample(METRICS["roc_auc"], *sample(seed), seed=seed).interval()
        covered += interval.low <= true <= interval.high
    assert 88 <= covered <= 100  # 95 expected, standard deviation 2.2


def test_interval_narrows_with_the_square_root_of_the_rows():
    wide = resample(METRICS["roc_auc"], *sample(0, 400), resamples=500).interval()
    narrow = resample(METRICS["roc_auc"], *sample(0, 40_000), resamples=100).interval()
    assert (wide.high - wide.low) / (narrow.high - narrow.low) == pytest.approx(10, rel=0.3)


def test_not_defined_for_one_class_or_no_rows():
    for rows in (5, 0):
        interval = resample(METRICS["roc_auc"], np.zeros((rows, 1)), np.zeros((rows, 1))).interval()
        assert np.isnan(interval).all()


def test_difference_is_surer_than_its_parts():
    target, scores = sample(0, 2000)
    worse = scores + np.random.default_rng(1).normal(0, 0.5, scores.shape)
    better, other = (resample(METRICS["roc_auc"], target, s) for s in (scores, worse))
    difference = (better - other).interval()
    assert difference.value == pytest.approx(better.value - other.value)
    assert better.interval().low < other.interval().high  # the intervals overlap
    assert difference.low > 0  # and yet one is better
    assert (better - better).interval() == (0, 0, 0)


def test_the_same_rows_are_drawn_whatever_the_order_of_the_scores():
    target, scores = sample(0)
    ours, turned = (resample(METRICS["roc_auc"], target, values) for values in (scores, -scores))
    assert ours.drawn + turned.drawn == pytest.approx(np.ones(len(ours.drawn)))


def test_rows_of_a_client_that_stays_as_it_is_do_not_narrow_the_interval():
    target, scores = sample(0)
    months, client = 12, np.repeat(np.arange(len(target)), 12)
    once = resample(METRICS["roc_auc"], target, scores).interval()
    naive = resample(METRICS["roc_auc"], target.repeat(months, 0), scores.repeat(months, 0)).interval()
    drawn = resample(METRICS["roc_auc"], target.repeat(months, 0), scores.repeat(months, 0), client=client).interval()
    assert drawn == pytest.approx(once)
    assert drawn.high - drawn.low > 3 * (naive.high - naive.low)
