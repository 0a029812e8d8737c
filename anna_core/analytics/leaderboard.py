"""The leaderboard: every model judged on the same held-out rows by the task's metric."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from anna_core.metrics.bootstrap import bootstrap_interval
from anna_core.metrics.registry import get_metric
from anna_core.tasks import Task

ModelKind = Literal["constant", "boosting", "domain", "mean", "metamodel"]
ModelScores = Mapping[tuple[ModelKind, str], np.ndarray]


@dataclass(frozen=True)
class LeaderboardRow:
    """One model's place.

    Attributes:
        model: its name: a domain's, or what tells models of a kind apart.
        kind: what sort of model it is.
        metric: name of the task's metric.
        value: the metric on the held-out rows; NaN where not defined.
        low: lower bound of its 95% bootstrap interval.
        high: upper bound.
        rows: number of held-out rows.
    """

    model: str
    kind: ModelKind
    metric: str
    value: float
    low: float
    high: float
    rows: int


def leaderboard(
    scores: ModelScores, target: np.ndarray, weight: np.ndarray, held_out: np.ndarray, task: Task, seed: int
) -> list[LeaderboardRow]:
    """Judge models on the held-out rows, best first; those whose metric is not defined come last.

    Args:
        scores: (kind, name) → (n, K) scores of every row of the sample.
        target: (n, L), or (n,) class index for multiclass.
        weight: (n,).
        held_out: (n,) bool.
        task: its type and metric.
        seed: of the bootstrap.

    Raises:
        TaskError: the metric or the shapes do not fit the task.
        TrainingError: a model's scores are not finite numbers.
    """
    metric = get_metric(task.metric, task.type)
    rows = []
    for (kind, name), values in scores.items():
        interval = bootstrap_interval(metric, target[held_out], values[held_out], weight[held_out], seed=seed)
        rows.append(LeaderboardRow(name, kind, metric.name, *interval, rows=int(held_out.sum())))
    sign = -1 if metric.greater_is_better else 1
    return sorted(rows, key=lambda row: (np.isnan(row.value), sign * row.value))
