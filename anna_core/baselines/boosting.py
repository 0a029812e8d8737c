"""Gradient boosting on aggregates: the peer that a net has to beat, and that banks run today."""

from typing import Any

import numpy as np
import polars as pl

from anna_core.baselines.constant import constant_scores
from anna_core.tasks import Task, TaskType

LEARNING_RATE = 0.03  # the benchmark's peer
MAX_ROUNDS = 3000
PATIENCE = 100  # rounds without a better validation loss; at this rate a shorter wait stops on noise
ROUNDS_WITHOUT_VALIDATION = 200  # about where early stopping ends on the benchmark's sets

# Many aggregates tell much the same, and samples are small: each tree sees a part of the columns and rows.
PARAMETERS: dict[str, Any] = {
    "learning_rate": LEARNING_RATE,
    "num_leaves": 15,
    "min_data_in_leaf": 20,
    "feature_fraction": 0.3,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "lambda_l2": 5.0,
    "deterministic": True,
    "force_row_wise": True,  # left to choose, LightGBM times both ways, and the sums' order depends on the winner
    "verbose": -1,
}


def boosting_scores(
    features: pl.DataFrame, target: np.ndarray, weight: np.ndarray, split: np.ndarray, task: Task, threads: int
) -> np.ndarray:
    """Fit LightGBM on the training rows, stop on the validation rows, score all rows.

    Args:
        features: (n, F) numeric columns, NaN where not known, as `aggregate` gives them.
        target: (n, L), or (n,) class index for multiclass.
        weight: (n,).
        split: (n,) 'train', 'valid' or 'test'.
        task: its type, metric, seed and number of outputs.
        threads: CPU threads of LightGBM; the result is the same for the same number.

    Returns:
        (n, K) float32 probabilities, or values in the target's own units. A label, or a class, that is constant in
        training gets its constant.

    Raises:
        TrainingError: no row is for training.
    """
    constant = constant_scores(target, weight, split, task)
    if features.width == 0:
        return constant
    matrix = features.to_numpy().astype(np.float32)
    settings = PARAMETERS | {"seed": task.seed, "num_threads": threads}
    match task.type:
        case TaskType.MULTICLASS:
            settings |= {"objective": "multiclass", "num_class": task.outputs}
            if len(np.unique(target[split == "train"])) < 2:
                return constant
            return _fit(matrix, target, weight, split, settings).astype(np.float32)
        case TaskType.REGRESSION:
            return _regression(matrix, target[:, 0], weight, split, task, settings)
        case _:
            scores = constant.copy()
            for label in range(target.shape[1]):
                y = (target[:, label] > 0).astype(np.float32)
                if len(np.unique(y[split == "train"])) > 1:
                    scores[:, label] = _fit(matrix, y, weight, split, settings | {"objective": "binary"})
            return scores


def _regression(
    matrix: np.ndarray,
    target: np.ndarray,
    weight: np.ndarray,
    split: np.ndarray,
    task: Task,
    settings: dict[str, Any],
) -> np.ndarray:
    """Fit what the metric rewards: the mean, the mean of log1p, or the median; (n, 1)."""
    y = target.astype(np.float64)
    match task.metric:
        case "r2_log1p":
            score = np.expm1(_fit(matrix, np.log1p(y), weight, split, settings | {"objective": "regression"}))
        case "mae":
            score = _fit(matrix, y, weight, split, settings | {"objective": "regression_l1"})
        case _:
            score = _fit(matrix, y, weight, split, settings | {"objective": "regression"})
    return score.astype(np.float32)[:, None]


def _fit(
    matrix: np.ndarray, y: np.ndarray, weight: np.ndarray, split: np.ndarray, settings: dict[str, Any]
) -> np.ndarray:
    import lightgbm as lgb

    train, valid = split == "train", split == "valid"
    data = lgb.Dataset(matrix[train], y[train], weight=weight[train], free_raw_data=False)
    if not valid.any():
        return lgb.train(settings, data, ROUNDS_WITHOUT_VALIDATION).predict(matrix)
    check = lgb.Dataset(matrix[valid], y[valid], weight=weight[valid], reference=data)
    stop = lgb.early_stopping(PATIENCE, verbose=False)
    return lgb.train(settings, data, MAX_ROUNDS, valid_sets=[check], callbacks=[stop]).predict(matrix)
