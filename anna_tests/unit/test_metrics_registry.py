import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn import metrics as peer

from anna_core.errors import SampleError, TaskError, TrainingError
from anna_core.metrics.registry import METRICS, default_metric, get_metric, metrics_of
from anna_core.tasks.net import NetSpec
from anna_core.tasks.task import TaskType
from anna_tests.conftest import ROOT

EVERY_METRIC = [(task_type, name) for task_type in TaskType for name in metrics_of(task_type)]


def rows_of(task_type, seed=0, n=60):
    """Targets and scores with many ties."""
    draws = np.random.default_rng(seed)
    match task_type:
        case TaskType.BINARY:
            return draws.integers(0, 2, (n, 1)).astype(np.float32), draws.integers(0, 20, (n, 1)).astype(
                np.float32
            ) / 20
        case TaskType.MULTICLASS:
            raw = draws.integers(1, 9, (n, 3)).astype(np.float32)
            return draws.integers(0, 3, n), raw / raw.sum(axis=1, keepdims=True)
        case TaskType.MULTILABEL:
            return draws.integers(0, 2, (n, 3)).astype(np.float32), draws.integers(0, 20, (n, 3)).astype(
                np.float32
            ) / 20
        case _:
            return draws.integers(0, 9, (n, 1)).astype(np.float32), draws.integers(0, 9, (n, 1)).astype(np.float32)


@st.composite
def weighted_scores(draw):
    n = draw(st.integers(2, 40))
    label = draw(arrays(np.int8, n, elements=st.integers(0, 1)).filter(lambda y: 0 < y.sum() < len(y)))
    score = draw(arrays(np.float32, n, elements=st.sampled_from([0.0, 0.1, 0.2, 0.5, 0.9, 1.0])))
    weight = draw(arrays(np.float64, n, elements=st.floats(0.01, 10)))
    return label[:, None].astype(np.float32), score[:, None], weight


@settings(deadline=None)  # sklearn is slow to load
@given(weighted_scores())
def test_binary_metrics_equal_sklearn_with_ties_and_weights(rows):
    target, scores, weight = rows
    y, p = target[:, 0], scores[:, 0]
    auc = peer.roc_auc_score(y, p, sample_weight=weight)
    assert METRICS["roc_auc"](target, scores, weight) == pytest.approx(auc, abs=1e-9)
    assert METRICS["gini"](target, scores, weight) == pytest.approx(2 * auc - 1, abs=1e-9)
    area = peer.average_precision_score(y, p, sample_weight=weight)
    assert METRICS["pr_auc"](target, scores, weight) == pytest.approx(area, abs=1e-9)
    false, true, _ = peer.roc_curve(y, p, sample_weight=weight, drop_intermediate=False)
    assert METRICS["ks"](target, scores, weight) == pytest.approx(np.abs(true - false).max(), abs=1e-9)
    assert METRICS["brier"](target, scores, weight) == pytest.approx(
        peer.brier_score_loss(y, p, sample_weight=weight), abs=1e-6
    )


def test_roc_auc_of_known_pairs():
    target = np.array([[0], [0], [1], [1]], dtype=np.float32)
    scores = np.array([[0.1], [0.4], [0.35], [0.8]], dtype=np.float32)
    assert METRICS["roc_auc"](target, scores) == 0.75
    assert METRICS["roc_auc"](target, np.full((4, 1), 0.5)) == 0.5
    assert METRICS["roc_auc"](target, scores, np.array([1, 0, 1, 1])) == 1.0


@pytest.mark.parametrize("weighted", [False, True])
def test_other_metrics_equal_sklearn(weighted):
    weight = np.random.default_rng(1).uniform(0.5, 2, 60) if weighted else None

    y, p = rows_of(TaskType.MULTICLASS)
    auc = np.mean([peer.roc_auc_score(y == i, p[:, i], sample_weight=weight) for i in range(3)])
    assert METRICS["macro_roc_auc"](y, p, weight) == pytest.approx(auc)
    assert METRICS["log_loss"](y, p, weight) == pytest.approx(peer.log_loss(y, p, sample_weight=weight), rel=1e-5)
    assert METRICS["accuracy"](y, p, weight) == pytest.approx(
        peer.accuracy_score(y, p.argmax(axis=1), sample_weight=weight)
    )

    y, p = rows_of(TaskType.MULTILABEL)
    assert METRICS["mean_roc_auc"](y, p, weight) == pytest.approx(peer.roc_auc_score(y, p, sample_weight=weight))
    assert METRICS["mean_pr_auc"](y, p, weight) == pytest.approx(
        peer.average_precision_score(y, p, sample_weight=weight)
    )

    y, p = rows_of(TaskType.REGRESSION)
    assert METRICS["r2"](y, p, weight) == pytest.approx(peer.r2_score(y, p, sample_weight=weight))
    assert METRICS["r2_log1p"](y, p, weight) == pytest.approx(
        peer.r2_score(np.log1p(y), np.log1p(p), sample_weight=weight)
    )
    assert METRICS["rmse"](y, p, weight) == pytest.approx(peer.root_mean_squared_error(y, p, sample_weight=weight))
    assert METRICS["mae"](y, p, weight) == pytest.approx(peer.mean_absolute_error(y, p, sample_weight=weight))


@st.composite
def tied_rows(draw):
    """A few rows of a binary task, many of them tied, some there several times."""
    n = draw(st.integers(2, 12))
    label = draw(arrays(np.int8, n, elements=st.integers(0, 1)).filter(lambda y: 0 < y.sum() < len(y)))
    score = draw(arrays(np.float32, n, elements=st.sampled_from([0.0, 0.5, 1.0])))
    return label, score, draw(arrays(np.int64, n, elements=st.integers(1, 3)))


def top_by_repeated_draws(label, score, share):
    """Rows of the class in the top share, each tied order of the rows being equally likely: the mean over 4,000."""
    draws, found = np.random.default_rng(0), 0.0
    for _ in range(4000):
        ordered = label[np.lexsort((draws.random(len(label)), -score))].astype(float)
        whole = int(share * len(label))
        found += ordered[:whole].sum() + (share * len(label) - whole) * ordered[whole]
    return found / 4000


@settings(max_examples=10, deadline=None)
@given(rows=tied_rows())
@pytest.mark.parametrize("percent", [1, 5, 10])
def test_top_share_is_the_expectation_over_tied_orders(rows, percent):
    label, score, count = rows
    label, score = np.tile(np.repeat(label, count), 3), np.tile(np.repeat(score, count), 3)
    found, share = top_by_repeated_draws(label, score, percent / 100), percent / 100
    given_rows = label[:, None].astype(np.float32), score[:, None]
    recall, precision = (METRICS[f"{name}_at_{percent}pct"](*given_rows) for name in ("recall", "precision"))
    assert recall == pytest.approx(found / label.sum(), abs=0.03)
    assert precision == pytest.approx(recall * label.sum() / (share * len(label)))
    assert METRICS[f"lift_at_{percent}pct"](*given_rows) == pytest.approx(precision / label.mean())


def test_top_share_of_known_rows():
    scores = np.arange(200, 0, -1.0)[:, None]  # 1% is two rows, 5% ten, 10% twenty
    target = np.zeros((200, 1))
    target[[0, 4, 15, 100]] = 1
    found = {name: [METRICS[f"{name}_at_{k}pct"](target, scores) for k in (1, 5, 10)] for name in ("precision", "lift")}
    assert found["precision"] == pytest.approx([1 / 2, 2 / 10, 3 / 20])
    assert found["lift"] == pytest.approx([25, 10, 7.5])
    assert METRICS["recall_at_5pct"](target, scores) == 0.5
    assert METRICS["recall_at_5pct"](target, np.ones((200, 1))) == pytest.approx(0.05)  # all tied: chance
    assert METRICS["lift_at_1pct"](target, np.ones((200, 1))) == pytest.approx(1)
    # Weighing 6 of 205, the first row alone fills the top 1%.
    assert METRICS["precision_at_1pct"](target, scores, np.where(np.arange(200) == 0, 6, 1)) == pytest.approx(1)


@settings(deadline=None)
@given(weighted_scores())
def test_f1_is_the_best_of_all_cut_offs(rows):
    target, scores, weight = rows
    at_cut_offs = [
        peer.f1_score(target[:, 0], scores[:, 0] >= cut, sample_weight=weight, zero_division=0)
        for cut in np.unique(scores)
    ]
    assert METRICS["f1"](target, scores, weight) == pytest.approx(max(at_cut_offs))


def test_f1_of_labels_is_the_mean_of_each_label_with_its_own_cut_off():
    y, p = rows_of(TaskType.MULTILABEL)
    each = [METRICS["f1"](y[:, i], p[:, i]) for i in range(3)]
    assert METRICS["mean_f1"](y, p) == pytest.approx(np.mean(each))
    y[:, 2] = 0
    assert METRICS["mean_f1"](y, p) == pytest.approx(np.mean(each[:2]))


@pytest.mark.parametrize("weighted", [False, True])
def test_class_metrics_equal_sklearn(weighted):
    weight = np.random.default_rng(1).uniform(0.5, 2, 60) if weighted else None
    y, p = rows_of(TaskType.MULTICLASS)
    told = p.argmax(axis=1)
    assert METRICS["macro_f1"](y, p, weight) == pytest.approx(
        peer.f1_score(y, told, average="macro", sample_weight=weight)
    )
    assert METRICS["balanced_accuracy"](y, p, weight) == pytest.approx(
        peer.balanced_accuracy_score(y, told, sample_weight=weight)
    )


def test_class_metrics_leave_out_classes_without_rows():
    y, told = np.array([0, 0, 1, 1]), np.array([0, 2, 1, 1])
    assert METRICS["balanced_accuracy"](y, np.eye(3)[told]) == pytest.approx((1 / 2 + 1) / 2)
    assert METRICS["macro_f1"](y, np.eye(3)[told]) == pytest.approx((2 / 3 + 1) / 2)


def test_mape_is_not_defined_where_a_target_is_zero():
    y, p = np.array([[2.0], [-4.0], [0.0]]), np.array([[3.0], [-3.0], [1.0]])
    assert np.isnan(METRICS["mape"](y, p))
    assert METRICS["mape"](y, p, np.array([1, 3, 0])) == pytest.approx((0.5 + 3 * 0.25) / 4)
    assert METRICS["mape"](y[:2], p[:2]) == pytest.approx(peer.mean_absolute_percentage_error(y[:2, 0], p[:2, 0]))


def test_spearman_equals_scipy():
    from scipy.stats import spearmanr

    y, p = rows_of(TaskType.REGRESSION)
    assert METRICS["spearman"](y, p) == pytest.approx(spearmanr(y[:, 0], p[:, 0]).statistic)


@pytest.mark.parametrize(("task_type", "name"), EVERY_METRIC)
@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000))
def test_an_integer_weight_repeats_the_row(task_type, name, seed):
    target, scores = rows_of(task_type, seed)
    count = np.random.default_rng(seed).integers(0, 4, len(target))
    metric = get_metric(name, task_type)
    assert metric(target, scores, count) == pytest.approx(
        metric(np.repeat(target, count, axis=0), np.repeat(scores, count, axis=0)), rel=1e-6, nan_ok=True
    )


@pytest.mark.parametrize(("task_type", "name"), EVERY_METRIC)
def test_no_rows_are_not_defined(task_type, name):
    target, scores = rows_of(task_type)
    assert np.isnan(get_metric(name, task_type)(target[:0], scores[:0]))


@pytest.mark.parametrize("name", ["roc_auc", "gini", "pr_auc", "ks", "f1", "lift_at_5pct", "recall_at_1pct"])
def test_one_class_is_not_defined(name):
    assert np.isnan(METRICS[name](np.ones((5, 1)), np.linspace(0, 1, 5)[:, None]))


def test_a_class_or_label_without_rows_is_left_out_of_the_mean():
    y, p = rows_of(TaskType.MULTILABEL)
    y[:, 2] = 0
    assert METRICS["mean_roc_auc"](y, p) == pytest.approx(peer.roc_auc_score(y[:, :2], p[:, :2]))


def test_a_constant_target_has_no_r2_and_no_rank_correlation():
    constant, scores = np.full((9, 1), 0.1, dtype=np.float32), np.arange(9.0)[:, None]
    assert np.isnan(METRICS["r2"](constant, scores))
    assert np.isnan(METRICS["spearman"](constant, scores))


def test_constant_scores_have_a_rank_correlation_of_0():
    assert METRICS["spearman"](np.arange(9.0)[:, None], np.full((9, 1), 0.1)) == 0


def test_r2_log1p_cuts_negative_scores_and_refuses_negative_targets():
    y = np.array([[0.0], [1.0], [10.0]])
    scores = np.array([[0.0], [2.0], [8.0]])
    assert METRICS["r2_log1p"](y, scores - [[5.0], [0.0], [0.0]]) == METRICS["r2_log1p"](y, scores)
    with pytest.raises(TaskError, match=r"1 targets are below 0.*choose r2"):
        METRICS["r2_log1p"](y - 0.5, scores)


def test_unknown_metric_names_those_there_are():
    with pytest.raises(TaskError, match=r"'rmse' is not defined for a binary task.*roc_auc, gini, pr_auc"):
        get_metric("rmse", TaskType.BINARY)


def test_what_cannot_be_judged_says_why():
    good, bad = np.zeros((3, 1)), np.array([[0.0], [np.nan], [1.0]])
    with pytest.raises(TrainingError, match=r"1 values \(first at row 1\).*a model diverged.*lower training"):
        METRICS["brier"](good, bad)
    with pytest.raises(SampleError, match=r"first at row 1.*remove the rows"):
        METRICS["mae"](bad, good)
    with pytest.raises(TaskError, match=r"\(2, 1\).*\(3, 1\)"):
        METRICS["brier"](good[:2], good)


def test_docs_list_every_metric_and_net_setting():
    text = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    names = {name for name in METRICS if not name.startswith(("precision_at", "recall_at"))}
    missing = {name for name in names | set(NetSpec.model_fields) if f"`{name}`" not in text}
    assert not missing


def test_default_metrics():
    draws = np.random.default_rng(0)
    assert default_metric(TaskType.BINARY, np.array([0, 1])) == "roc_auc"
    assert default_metric(TaskType.MULTICLASS, np.array([0, 1, 2])) == "macro_roc_auc"
    assert default_metric(TaskType.MULTILABEL, np.zeros((2, 2))) == "mean_roc_auc"
    assert default_metric(TaskType.REGRESSION, draws.lognormal(8, 2, (500, 1))) == "r2_log1p"
    assert default_metric(TaskType.REGRESSION, draws.normal(40, 10, (500, 1))) == "r2"
    assert default_metric(TaskType.REGRESSION, draws.lognormal(8, 2, (500, 1)) - 9000) == "spearman"
    assert default_metric(TaskType.REGRESSION, draws.normal(0, 10, (500, 1))) == "r2"
    assert default_metric(TaskType.REGRESSION, np.full((5, 1), 3.0)) == "r2"
