import numpy as np
import pytest

from anna_core.metrics.bootstrap import bounds, resample
from anna_core.metrics.evidence import FEWEST, evidence_of
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


def test_bounds_of_a_normal_error_are_those_of_students_distribution():
    drawn = np.random.default_rng(0).normal(5, 2, 100_000)
    assert bounds(np.median(drawn), drawn, 1e6) == pytest.approx((5 - 1.96 * 2, 5 + 1.96 * 2), abs=0.05)
    # t(0.975, 9) = 2.262, and the resamples of ten cases are too near to each other by sqrt(9 / 10)
    assert bounds(np.median(drawn), drawn, 9) == pytest.approx((5 - 2.384 * 2, 5 + 2.384 * 2), abs=0.1)
    low, high = bounds(np.quantile(drawn, 0.4), drawn, 1e6)  # resamples that lie too high are drawn down twice
    assert (low, high) == pytest.approx((5 + 2 * (-1.96 - 2 * 0.253), 5 + 2 * (1.96 - 2 * 0.253)), abs=0.1)
    assert bounds(7.0, np.full(100, 7.0), 9) == (7, 7)


def test_bounds_reach_further_to_where_the_error_has_its_tail():
    tailed = -np.random.default_rng(0).gamma(4, 1, 100_000)
    value = float(np.median(tailed))
    low, high = bounds(value, tailed, 1e6)
    assert low < np.quantile(tailed, 0.025) - 0.3
    assert high < np.quantile(tailed, 0.975)


def few(positives, seed, others=60):
    """Random scores of a few positives among others."""
    target = (np.arange(positives + others) < positives).astype(np.float32)[:, None]
    return target, np.random.default_rng(seed).random(target.shape).astype(np.float32)


@pytest.mark.parametrize("positives", [1, 2, 3, FEWEST - 2])
def test_a_handful_of_outcomes_has_a_value_but_no_interval(positives):
    found = resample(METRICS["roc_auc"], *few(positives, 0))
    assert found.value == METRICS["roc_auc"](*few(positives, 0))
    assert np.isnan(found.interval()[1:]).all()
    assert found.evidence.fewest == positives


def test_random_scores_of_the_fewest_outcomes_seldom_beat_chance():
    """2.5 of 100 expected on either side; 42 of 100 with a single outcome and plain percentiles."""
    found = [resample(METRICS["roc_auc"], *few(FEWEST, seed), seed=seed).interval() for seed in range(200)]
    assert sum(interval.low > 0.5 for interval in found) <= 10
    assert sum(interval.high < 0.5 for interval in found) <= 10


def evidence(metric, target, client=None, weight=None):
    target = np.asarray(target)
    group = np.arange(len(target)) if client is None else np.asarray(client)
    return evidence_of(METRICS[metric], target, np.ones(len(target)) if weight is None else weight, group)


def test_cases_are_clients_of_the_rarer_outcome():
    target = np.repeat([1.0, 0.0], [12, 10_000])[:, None]
    assert evidence("roc_auc", target).freedom == pytest.approx(11, abs=0.05)
    assert evidence("roc_auc", target).fewest == evidence("roc_auc", 1 - target).fewest == 12
    of_three = np.concatenate([np.arange(12) % 3, np.arange(3, 10_003)])
    assert evidence("roc_auc", target, of_three).fewest == 3
    assert not evidence("roc_auc", target, of_three).enough
    assert evidence("roc_auc", np.repeat([1.0, 0.0], 50)[:, None]).freedom == pytest.approx(98)


def test_cases_of_unequal_weight_count_for_fewer():
    target = np.repeat([1.0, 0.0], [12, 1000])[:, None]
    one_heavy = np.where(np.arange(1012) == 0, 1e6, 1.0)
    assert evidence("roc_auc", target, weight=one_heavy).fewest == 1


def test_the_rarest_class_decides_where_classes_count_the_same():
    target = np.repeat([0, 1, 2], [500, 500, 2])
    assert evidence("macro_roc_auc", target).freedom == pytest.approx(1, abs=0.1)
    assert evidence("accuracy", target).freedom > 500
    nearly_one = np.repeat([0, 1, 2], [5000, 2, 2])
    assert evidence("accuracy", nearly_one).freedom == pytest.approx(
        3, abs=0.1
    )  # four clients are not of the usual class
    labels = np.stack([np.arange(1000) < 500, np.arange(1000) < 2], axis=1)
    assert evidence("mean_roc_auc", labels).freedom == pytest.approx(1, abs=0.1)
    assert evidence("mean_roc_auc", labels[:, :1].repeat(3, axis=1)).freedom > 1000


def test_an_outcome_that_no_row_has_or_all_have_is_left_out_as_the_metric_does():
    labels = np.stack([np.arange(100) < 50, np.zeros(100)], axis=1)
    assert (
        evidence("mean_roc_auc", labels).freedom == evidence("mean_roc_auc", labels[:, :1]).freedom == pytest.approx(98)
    )
    assert evidence("roc_auc", np.zeros((5, 1))).freedom == 0


def test_cases_of_a_regression_are_its_clients():
    target = np.random.default_rng(0).normal(size=(30, 1))
    assert evidence("r2", target).freedom == pytest.approx(29)
    assert evidence("r2", target, np.arange(30) // 6).fewest == 5
