"""The model that knows nothing about a row: any other must beat it."""

import numpy as np

from anna_core.errors import TrainingError
from anna_core.samples.splits import TRAIN
from anna_core.tasks.task import Task, TaskType


def constant_scores(target: np.ndarray, weight: np.ndarray, split: np.ndarray, task: Task) -> np.ndarray:
    """The same score for every row, fitted on the training rows.

    Args:
        target: (n, L), or (n,) class index for multiclass.
        weight: (n,).
        split: (n,) 'train', 'valid' or 'test'.
        task: its type and metric.

    Returns:
        (n, K) float32: the rate of the class, of each class or of each label. For regression, the value that the metric
        favours: the mean; for mae the median; for mape the median of rows weighted by 1 / |target|; for r2_log1p the
        mean of log1p, transformed back.

    Raises:
        TrainingError: there are no training rows.
    """
    fitted = split == TRAIN
    if not fitted.any():
        raise TrainingError("the sample has no rows for training: every row has the split valid or test.")
    y, w = target[fitted], weight[fitted].astype(np.float64)
    match task.type:
        case TaskType.MULTICLASS:
            score = np.bincount(y, weights=w, minlength=task.outputs) / w.sum()
        case TaskType.REGRESSION:
            score = np.array([_level(y[:, 0].astype(np.float64), w, task.metric)])
        case _:
            score = (y > 0).T @ w / w.sum()
    return np.tile(score.astype(np.float32), (len(target), 1))


def _level(y: np.ndarray, weight: np.ndarray, metric: str) -> float:
    match metric:
        case "r2_log1p":
            return float(np.expm1(np.log1p(y) @ weight / weight.sum()))
        case "mae":
            return _median(y, weight)
        case "mape" if y.any():
            some = y != 0
            return _median(y[some], weight[some] / np.abs(y[some]))
        case _:
            return float(y @ weight / weight.sum())


def _median(y: np.ndarray, weight: np.ndarray) -> float:
    return float(np.quantile(y, 0.5, weights=weight, method="inverted_cdf"))
