import numpy as np
import pytest

from anna_core.analytics.constant import constant_scores
from anna_core.errors import TrainingError
from anna_core.metrics.registry import METRICS
from anna_core.tasks.task import Task, TaskType


def task_of(task_type, metric):
    extra = {"classes": ("a", "b", "c")} if task_type is TaskType.MULTICLASS else {}
    targets = ("target_a", "target_b") if task_type is TaskType.MULTILABEL else ("target",)
    return Task(name="t", type=task_type, metric=metric, targets=targets, **extra)


def test_constants_are_weighted_and_come_from_training_rows():
    split = np.array(["train", "train", "train", "test"])
    weight = np.array([1, 1, 2, 5], dtype=np.float32)
    y = np.array([[0], [1], [1], [0]], dtype=np.float32)
    assert constant_scores(y, weight, split, task_of(TaskType.BINARY, "roc_auc")) == pytest.approx(0.75)
    classes = np.array([0, 1, 1, 2])
    rate = constant_scores(classes, weight, split, task_of(TaskType.MULTICLASS, "log_loss"))
    assert rate[3] == pytest.approx([0.25, 0.75, 0])
    amounts = np.array([[0], [10], [30], [999]], dtype=np.float32)
    assert constant_scores(amounts, weight, split, task_of(TaskType.REGRESSION, "rmse"))[0] == pytest.approx(17.5)
    assert constant_scores(amounts, weight, split, task_of(TaskType.REGRESSION, "mae"))[0] == pytest.approx(10)
    log = constant_scores(amounts, weight, split, task_of(TaskType.REGRESSION, "r2_log1p"))
    assert METRICS["r2_log1p"](amounts[:3], log[:3], weight[:3]) == pytest.approx(0, abs=1e-6)
    assert log[0, 0] == pytest.approx(np.expm1((np.log1p(10) + 2 * np.log1p(30)) / 4), rel=1e-5)


def test_no_training_rows_is_an_error():
    with pytest.raises(TrainingError, match="no rows for training"):
        constant_scores(np.zeros((1, 1)), np.ones(1), np.array(["test"]), task_of(TaskType.BINARY, "roc_auc"))


@pytest.mark.parametrize("metric", [name for name in METRICS if TaskType.REGRESSION in METRICS[name].task_types])
def test_no_other_constant_is_better_by_the_metric(metric):
    draws = np.random.default_rng(0)
    y, weight = draws.lognormal(2, 1, (300, 1)).astype(np.float32), draws.uniform(0.2, 3, 300)
    split = np.full(300, "train")
    ours = constant_scores(y, weight, split, task_of(TaskType.REGRESSION, metric))
    judge = METRICS[metric]
    for factor in (0.7, 0.95, 1.05, 1.4):
        other, best = judge(y, ours * factor, weight), judge(y, ours, weight)
        assert best >= other if judge.greater_is_better else best <= other


def test_the_constant_of_mape_leaves_out_rows_whose_target_is_0():
    y = np.array([[0], [0], [0], [0], [2], [4], [100]], dtype=np.float32)
    scores = constant_scores(y, np.ones(7), np.full(7, "train"), task_of(TaskType.REGRESSION, "mape"))
    assert scores[0] == 2
