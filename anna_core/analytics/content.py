"""What a report is made of."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from anna_core.analytics.coverage import DomainCoverage
from anna_core.analytics.held_out import HeldOut
from anna_core.analytics.leaderboard import LeaderboardRow, ModelKind, ModelScores
from anna_core.analytics.usefulness import Usefulness
from anna_core.metrics.registry import Metric, get_metric
from anna_core.tasks.task import Task


class Epoch(Protocol):
    """The part of a training's epoch report that is plotted."""

    @property
    def net(self) -> int:
        """Which of the model's nets it belongs to, from 1."""

    @property
    def epoch(self) -> int:
        """Its number, from 1."""

    @property
    def train_loss(self) -> float:
        """Mean loss on the training rows."""

    @property
    def valid_loss(self) -> float:
        """Mean loss on the validation rows."""

    @property
    def valid_metric(self) -> float:
        """The task's metric on the validation rows."""

    @property
    def best(self) -> bool:
        """Whether it was the best so far."""


@dataclass(frozen=True)
class ReportContent:
    """Everything that a launch's plots and report show, for n rows in the sample and K outputs.

    Attributes:
        task: the resolved task, including its guesses.
        sample: the sample's name.
        scores: (kind, name) → (n, K) float32 scores of every row, for each model of the leaderboard.
        target: (n, L) float32, or (n,) int64 class index for multiclass.
        weight: (n,) float32.
        split: (n,) 'train', 'valid' or 'test'.
        held_out: the rows of 'test', which the plots show.
        leaderboard: best first, as `leaderboard` gives it on the held-out rows.
        usefulness: the metamodel compared with a constant; left out if None.
        blend: how the metamodel uses its members, in words; left out if empty.
        curves: model's name → its epochs, in order.
        coverage: one entry per domain.
        warnings: what guards warned of before anything was trained, as sentences.
        as_of: (n,) datetime64[D], for the dates of the splits.
        provenance: what the launch was made from (data versions, seed, code version, …), shown as it is.
        created_at: when it was made.
    """

    task: Task
    sample: str
    scores: ModelScores
    target: np.ndarray
    weight: np.ndarray
    split: np.ndarray
    held_out: HeldOut
    leaderboard: Sequence[LeaderboardRow]
    usefulness: Usefulness | None
    blend: str
    curves: Mapping[str, Sequence[Epoch]]
    coverage: Sequence[DomainCoverage]
    warnings: Sequence[str]
    as_of: np.ndarray
    provenance: Mapping[str, object]
    created_at: dt.datetime

    @property
    def metric(self) -> Metric:
        """The task's metric."""
        return get_metric(self.task.metric, self.task.type)

    def held_out_scores(self, row: LeaderboardRow) -> np.ndarray:
        """Scores (m, K) of a model for the m held-out rows."""
        return self.scores[row.kind, row.model][self.held_out.rows]

    def best_of(self, *kinds: ModelKind) -> LeaderboardRow | None:
        """The best model of these kinds; None if there is none."""
        return next((row for row in self.leaderboard if row.kind in kinds), None)

    @property
    def subject(self) -> LeaderboardRow | None:
        """The model that scores clients: the metamodel or, if there is none, the best of the others."""
        return self.best_of("metamodel") or self.best_of("net", "boosting") or self.best_of("constant")
