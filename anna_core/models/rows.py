"""The rows that a model is fitted and judged on, and whether that is possible."""

from dataclasses import dataclass

import numpy as np

from anna_core.errors import TrainingError
from anna_core.samples.splits import TRAIN, VALID
from anna_core.tasks.task import Task, TaskType


@dataclass(frozen=True)
class TrainingRows:
    """Positions of the sample's rows that training may use; test rows are in neither array.

    Attributes:
        train: (n1,) int64.
        valid: (n2,) int64.
    """

    train: np.ndarray
    valid: np.ndarray


def training_rows(target: np.ndarray, weight: np.ndarray, split: np.ndarray, task: Task) -> TrainingRows:
    """Find the rows and check that a model can be trained on them.

    Args:
        target: (n, L), or (n,) class index for multiclass.
        weight: (n,), positive.
        split: (n,) text: train, valid or test.
        task: named in error messages.

    Raises:
        TrainingError: the arrays do not fit together, a part has no rows, a target or weight is unusable, or the target
            does not vary over the training rows.
    """
    if not len(target) == len(weight) == len(split):
        raise TrainingError(
            f"task '{task.name}': target has {len(target)} rows, weight {len(weight)} and split {len(split)}; "
            "they must be the sample's rows, one for one."
        )
    rows = TrainingRows(train=np.flatnonzero(split == TRAIN), valid=np.flatnonzero(split == VALID))
    for name, positions in ((TRAIN, rows.train), (VALID, rows.valid)):
        if len(positions) == 0:
            raise TrainingError(
                f"task '{task.name}': the sample has no '{name}' rows; bring more rows, or change the task's split."
            )
    used = np.concatenate([rows.train, rows.valid])
    if not np.isfinite(np.asarray(target[used], dtype=np.float64)).all():
        raise TrainingError(
            f"task '{task.name}': a target of the training or validation rows is missing or infinite; "
            "remove these rows from the sample."
        )
    if not (np.isfinite(weight[used]).all() and (weight[used] > 0).all()):
        raise TrainingError(f"task '{task.name}': a weight is not a positive number; correct or remove these rows.")
    if not varies(target[rows.train]):
        raise TrainingError(
            f"task '{task.name}': {_same(task)} for all {len(rows.train)} training rows, so there is nothing to learn; "
            "bring rows of the other kind, or change the task's split."
        )
    return rows


def unit_mean(weight: np.ndarray) -> np.ndarray:
    """Weights (n,) divided by their mean, float32, so that fitting does not depend on their unit."""
    return (weight / weight.mean(dtype=np.float64)).astype(np.float32)


def varies(target: np.ndarray) -> bool:
    """Whether any column of a target, (n, L) or (n,), takes two values."""
    return len(target) > 0 and bool((target != target[0]).any())


def usable_folds(fold: np.ndarray, target: np.ndarray) -> int:
    """The number of folds for which a model can be fitted on the rows outside and stopped on those inside.

    Args:
        fold: (n,) folds of the rows that may be used, see `anna_core.samples.splits.assign_folds`.
        target: (n, L), or (n,) class index for multiclass, of the same rows.

    Returns:
        All folds; 1 if only the first will do (or any other will not); 0 if not even that one will.
    """
    will_do = [bool((fold == k).any()) and varies(target[fold != k]) for k in range(int(fold.max(initial=-1)) + 1)]
    return len(will_do) if all(will_do) else int(will_do[0])


def _same(task: Task) -> str:
    match task.type:
        case TaskType.BINARY:
            return "the target is the same class"
        case TaskType.MULTICLASS:
            return "the target is the same class"
        case TaskType.MULTILABEL:
            return "every label is the same"
        case _:
            return "the target is the same number"
