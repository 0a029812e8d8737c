"""Fits LightGBM to the aggregates of one domain, or of all."""

import math
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import polars as pl

from anna_core.aggregates.columns import top_codes
from anna_core.models.bundle import TaskFacts
from anna_core.models.outputs import Output
from anna_core.models.rows import training_rows, unit_mean, usable_folds, varies
from anna_core.models.trees.features import features_of
from anna_core.models.trees.model import BoostingModel, BoostingSpec
from anna_core.models.trees.stopping import Stopping
from anna_core.samples.drawing import draw_evenly, strata
from anna_core.samples.splits import TRAIN
from anna_core.sequences.ragged import Sequences
from anna_core.tasks.task import Task, TaskType

if TYPE_CHECKING:
    import lightgbm

LEARNING_RATE = 0.03  # that of the benchmark's peer
MAX_ROUNDS = 3000
PATIENCE = 100  # rounds without a lower validation loss; at this rate, waiting less means stopping on noise
MOST_ROWS = 200_000  # with a few thousand aggregates they take 2 GB; trees on more rows are hardly better
# Many aggregates say much the same, and samples are small: each tree sees a part of the columns and rows.
PARAMETERS: dict[str, Any] = {
    "learning_rate": LEARNING_RATE,
    "num_leaves": 15,
    "min_data_in_leaf": 20,
    "feature_fraction": 0.3,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "lambda_l2": 5.0,
    "deterministic": True,
    # Left to choose, LightGBM times both ways, and the order of sums depends on the winner. With thousands of
    # aggregates, of which each tree sees a part, going by columns is faster (docs/speed.md).
    "force_col_wise": True,
    # A quarter of LightGBM's default: faster (docs/speed.md), and no worse (docs/quality.md).
    "max_bin": 63,
    "verbose": -1,
}


def train_boosting(
    sequences: Sequence[Sequences],
    target: np.ndarray,
    weight: np.ndarray,
    split: np.ndarray,
    fold: np.ndarray,
    task: Task,
    threads: int,
    order: bool = True,
) -> BoostingModel:
    """Fit a set of trees for each fold on the rows outside it; the rows inside decide when to stop.

    All of them share the task's time budget with the computing of the aggregates.

    Args:
        sequences: sequences of the sample's n rows, in one domain or in several.
        target: (n, L), or (n,) class index for multiclass.
        weight: (n,), positive.
        split: (n,) text: train, valid or test; test rows are not used.
        fold: (n,) folds from `anna_core.samples.splits.assign_folds`.
        task: gives type, metric, seed and number of outputs.
        threads: number of CPU threads for LightGBM; the result is the same for the same number.
        order: whether they also read the order of events (`anna_core.aggregates.order`).

    Returns:
        The booster; labels or classes that do not vary get a constant. Without any trees if nothing could be learned.

    Raises:
        TrainingError: no model can be trained on these rows.
    """
    deadline = time.perf_counter() + (task.training.budget or math.inf)
    rows = training_rows(target, weight, split, task)
    output = Output.fit(task, target[rows.train], weight[rows.train])
    codes = {
        part.domain.name: {name: tuple(known.tolist()) for name, known in top_codes(part, split == TRAIN).items()}
        for part in sequences
    }
    used, weights = _drawn(np.sort(np.concatenate([rows.train, rows.valid])), target, weight, task)
    features = features_of([part.take(used) for part in sequences], codes, threads, order)
    forest = fit_trees(features, target[used], weights, fold[used], output, task, threads, deadline)
    spec = BoostingSpec(
        domains=tuple(part.domain for part in sequences),
        task=TaskFacts.of(task),
        output=output,
        codes=codes,
        aggregates=tuple(features.columns),
        folds=forest.folds,
        outputs=forest.outputs,
        offsets=forest.offsets,
        out_of_time=forest.out_of_time,
    )
    return BoostingModel(spec, forest.trees, {})


class Forest(NamedTuple):
    """Trees in the form of `BoostingModel`."""

    folds: int
    outputs: tuple[int, ...]
    trees: tuple[str, ...]
    offsets: tuple[tuple[float, ...], ...]
    out_of_time: int


def fit_trees(
    features: pl.DataFrame,
    target: np.ndarray,
    weight: np.ndarray,
    fold: np.ndarray,
    output: Output,
    task: Task,
    threads: int,
    deadline: float,
) -> Forest:
    """Fit a set of boosters for each fold; none if no tree finds anything to split the rows by.

    Args:
        features: (n, F) numeric columns, NaN where not known.
        target: (n, L), or (n,) class index for multiclass.
        weight: (n,), with mean 1.
        fold: (n,), see `anna_core.samples.splits.assign_folds`.
        output: meaning of the logits.
        task: gives type and seed.
        threads: number of CPU threads for LightGBM.
        deadline: by `time.perf_counter`; each booster gets its share of the remaining time.
    """
    folds = usable_folds(fold, target)
    columns = _columns(task, output, target)
    learnable = tuple(
        place for place, values in columns.items() if all(varies(values[fold != k]) for k in range(folds))
    )
    if folds == 0 or features.width == 0 or not learnable:
        return Forest(0, (), (), (), 0)
    matrix = features.to_numpy()
    boosters: list[lightgbm.Booster] = []
    offsets: list[tuple[float, ...]] = []
    out_of_time = 0
    for k in range(folds):
        settings = _objective(task, output) | PARAMETERS | {"seed": task.seed + k, "num_threads": threads}
        data, check = _divided(matrix, weight, fold == k)
        for place in learnable:
            now, left = time.perf_counter(), folds * len(learnable) - len(boosters)
            stopping = Stopping(PATIENCE, now + (deadline - now) / left)
            boosters.append(_fit(data, check, columns[place], fold == k, settings, stopping))
            out_of_time += stopping.out_of_time
        if task.type is TaskType.MULTICLASS:
            offsets.append(_offsets(boosters[-1], matrix[:1], target[fold != k], output))
    # Too few rows, or identical aggregates: constants, which would only draw the metamodel's mean to the base rate.
    if not any(booster.feature_importance().any() for booster in boosters):
        return Forest(0, (), (), (), 0)
    trees = tuple(str(booster.model_to_string(num_iteration=booster.best_iteration)) for booster in boosters)
    return Forest(folds, learnable, trees, tuple(offsets), out_of_time)


def _columns(task: Task, output: Output, target: np.ndarray) -> dict[int, np.ndarray]:
    """What each booster learns, by the first logit that it predicts."""
    match task.type:
        case TaskType.MULTICLASS:
            return {0: target}
        case TaskType.REGRESSION:
            return {0: output.encode(target).numpy()[:, 0]}
        case _:
            return {place: (target[:, place] > 0).astype(np.float32) for place in range(target.shape[1])}


def _objective(task: Task, output: Output) -> dict[str, Any]:
    """The same loss as that of the nets, so that trees and nets can be weighed against each other."""
    match task.type:
        case TaskType.MULTICLASS:
            return {"objective": "multiclass", "num_class": task.outputs}
        case TaskType.REGRESSION:
            squared = output.transform is not None and output.transform.loss == "squared"
            return {"objective": "regression"} if squared else {"objective": "huber", "alpha": 1.0}
        case _:
            return {"objective": "binary"}


def _divided(matrix: np.ndarray, weight: np.ndarray, judge: np.ndarray) -> "tuple[lightgbm.Dataset, lightgbm.Dataset]":
    """Rows to fit on and rows to judge on; labels are set later, as the same rows may serve several of them."""
    import lightgbm as lgb

    data = lgb.Dataset(matrix[~judge], weight=weight[~judge])
    return data, lgb.Dataset(matrix[judge], weight=weight[judge], reference=data)


def _fit(
    data: "lightgbm.Dataset",
    check: "lightgbm.Dataset",
    y: np.ndarray,
    judge: np.ndarray,
    settings: dict[str, Any],
    stopping: Stopping,
) -> "lightgbm.Booster":
    import lightgbm as lgb

    data.set_label(y[~judge])
    check.set_label(y[judge])
    return lgb.train(settings, data, MAX_ROUNDS, valid_sets=[check], callbacks=[stopping])


def _offsets(booster: "lightgbm.Booster", row: np.ndarray, fitted: np.ndarray, output: Output) -> tuple[float, ...]:
    """For each class that no row (n,) has, what lifts its logit from LightGBM's log(1e-15) to that of the base rate."""
    (raw,) = booster.predict(row, raw_score=True, num_iteration=booster.best_iteration)
    unseen = np.bincount(fitted, minlength=output.outputs) == 0
    return tuple(np.where(unseen, np.asarray(output.base_logits) - raw, 0.0).tolist())


def _drawn(rows: np.ndarray, target: np.ndarray, weight: np.ndarray, task: Task) -> tuple[np.ndarray, np.ndarray]:
    """At most `MOST_ROWS` of the rows, in order, and their weights, with mean 1.

    Rows with a rare outcome are kept; rows that stand for others that were not drawn weigh correspondingly more.
    """
    stratum = strata(target[rows], task)
    drawn = np.sort(draw_evenly(stratum, MOST_ROWS, task.seed))
    whole = np.bincount(stratum, weights=weight[rows])
    part = np.bincount(stratum[drawn], weights=weight[rows[drawn]], minlength=len(whole))
    stands_for = np.divide(whole, part, out=np.ones_like(whole), where=part > 0)
    # LightGBM's ridge and minimum Hessian are absolute: with weights of mean 1 they mean the same on any scale.
    return rows[drawn], unit_mean(weight[rows[drawn]] * stands_for[stratum[drawn]])
