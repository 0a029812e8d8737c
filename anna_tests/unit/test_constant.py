import numpy as np
import pytest

from anna_core.analytics.constant import constant_scores
from anna_core.errors import TrainingError
from anna_core.metrics.registry import METRICS
from anna_core.tasks import Task, TaskType


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
