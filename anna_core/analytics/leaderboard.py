"""The leaderboard: every model judged on the same held-out rows by the task's metric."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from anna_core.analytics.held_out import HeldOut
from anna_core.metrics.bootstrap import Interval, Resampled, lead_of, resample
from anna_core.metrics.registry import Metric, get_metric
from anna_core.tasks.task import Task

ModelKind = Literal["constant", "boosting", "net", "mean", "metamodel"]
ModelScores = Mapping[tuple[ModelKind, str], np.ndarray]


@dataclass(frozen=True)
class LeaderboardRow:
    """One model's place.

    Attributes:
        model: its name: a domain's, or what tells models of a kind apart.
        kind: what sort of model it is.
        metric: name of the task's metric.
        value: the metric on the held-out rows; NaN where not defined.
        low: lower bound of its 95% bootstrap interval; NaN where the held-out cases are too few for one.
        high: upper bound.
        rows: number of held-out rows.
        lead: by how much the metamodel is better (worse, if negative) on the same rows, with the interval of that
            difference; None for the metamodel itself, and where value or interval are not defined.
    """

    model: str
    kind: ModelKind
    metric: str
    value: float
    low: float
    high: float
    rows: int
    lead: Interval | None


def leaderboard(scores: ModelScores, held_out: HeldOut, task: Task) -> list[LeaderboardRow]:
    """Judge models on the held-out rows, best first; those whose metric is not defined come last.

    Args:
        scores: (kind, name) → (n, K) scores of every row of the sample.
        held_out: the rows to judge them by.
        task: its type and metric, and the seed of the bootstrap.

    Raises:
        TaskError: the metric or the shapes do not fit the task.
        TrainingError: a model's scores are not finite numbers.
    """
    metric = get_metric(task.metric, task.type)
    judged = judge(metric, scores, held_out, task.seed)
    ours = next((found for (kind, _), found in judged.items() if kind == "metamodel"), None)
    rows = []
    for (kind, name), found in judged.items():
        lead = None
        if ours is not None and kind != "metamodel":
            lead = lead_of(metric, ours, found)
        rows.append(
            LeaderboardRow(
                name,
                kind,
                metric.name,
                *found.interval(),
                rows=len(held_out),
                lead=None if lead is None or np.isnan(lead).any() else lead,
            )
        )
    sign = -1 if metric.greater_is_better else 1
    return sorted(rows, key=lambda row: (np.isnan(row.value), sign * row.value))


def judge(metric: Metric, scores: ModelScores, held_out: HeldOut, seed: int) -> dict[tuple[ModelKind, str], Resampled]:
    """Judge models by a metric, all on the same resamples of the held-out rows; the rest as of `leaderboard`."""
    return {
        key: resample(
            metric, held_out.target, values[held_out.rows], held_out.weight, client=held_out.client, seed=seed
        )
        for key, values in scores.items()
    }
