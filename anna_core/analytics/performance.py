"""How good published scores were, once outcomes are known; and until then, how good they say that they are."""

import math
from typing import NamedTuple

import numpy as np
import polars as pl
from pydantic import BaseModel, ConfigDict

from anna_core.analytics.formatting import format_interval, format_lead, format_value
from anna_core.analytics.gates import calibrated
from anna_core.analytics.held_out import HeldOut
from anna_core.metrics.bootstrap import Interval, Resampled, lead_of, resample
from anna_core.metrics.registry import Metric, get_metric
from anna_core.models.scores_file import score_columns
from anna_core.samples.column_names import AS_OF, CLIENT, WEIGHT
from anna_core.samples.targets import encode_targets
from anna_core.tasks.task import Task, TaskType

_DRAWN_ROWS = 2_000_000  # outcomes that are drawn for an estimate: with so many, its third digit stands
_FEWEST_DRAWS, _MOST_DRAWS = 5, 100


class Figure(BaseModel):
    """A metric on some rows, with its interval; None where it is not defined there."""

    model_config = ConfigDict(frozen=True)

    value: float | None
    low: float | None
    high: float | None

    @classmethod
    def of(cls, interval: Interval) -> "Figure":
        """That of an interval."""
        return cls(**{name: None if math.isnan(value) else value for name, value in interval._asdict().items()})

    def __str__(self) -> str:
        """As people read it."""
        value, low, high = self._parts()
        return f"{format_value(value)} {format_interval(low, high)}".strip()

    @property
    def signed(self) -> str:
        """As people read a difference."""
        return format_lead(self._parts())

    def _parts(self) -> Interval:
        return Interval(*(math.nan if part is None else part for part in (self.value, self.low, self.high)))


class Performance(BaseModel):
    """How good the scores of a month were.

    Attributes:
        metric: name of the task's metric.
        clients: who were scored and whose outcome is known.
        unmatched: of whom an outcome is known, but no score.
        measured: the metric on their rows.
        held_out: the metric on the launch's held-out rows.
        worse: whether the former is worse than the latter beyond chance.
        calibrated: whether the scores can be taken at face value; None where that cannot be told.
        calibration: why, in words.
    """

    model_config = ConfigDict(frozen=True)

    metric: str
    clients: int
    unmatched: int
    measured: Figure
    held_out: Figure
    worse: bool
    calibrated: bool | None
    calibration: str


class Matched(NamedTuple):
    """Clients with a score and an outcome.

    Attributes:
        held_out: their outcomes (m, L).
        scores: (m, K).
        unmatched: number of outcomes whose client has no score.
    """

    held_out: HeldOut
    scores: np.ndarray
    unmatched: int


def match(scores: pl.DataFrame, outcomes: pl.DataFrame, task: Task) -> Matched:
    """Bring the published scores of a month and the outcomes of its date together."""
    found = scores.join(outcomes, on=[CLIENT, AS_OF], how="inner", maintain_order="left")
    every = np.ones(len(found), dtype=bool)
    target = encode_targets(found.select(task.targets), task)
    held_out = HeldOut.of(every, target, found[WEIGHT].to_numpy(), np.arange(len(found)))
    return Matched(held_out, found.select(score_columns(scores)).to_numpy(), len(outcomes) - len(found))


def performance(task: Task, found: Matched, judged: Interval) -> Performance:
    """Hold the scores of a month against what became of the clients.

    Args:
        task: the task.
        found: one or more clients.
        judged: the metric on the launch's held-out rows, see `held_out_figure`.
    """
    metric, told = get_metric(task.metric, task.type), calibrated(task, found.held_out, found.scores)
    measured = _resampled(metric, task, found.held_out, found.scores).interval()
    return Performance(
        metric=task.metric,
        clients=len(found.held_out),
        unmatched=found.unmatched,
        measured=Figure.of(measured),
        held_out=Figure.of(judged),
        worse=is_worse(metric, measured, judged),
        calibrated=told.passed if told.is_known else None,
        calibration=told.told,
    )


def held_out_figure(task: Task, held_out: HeldOut, scores: np.ndarray) -> Interval:
    """The task's metric on (m, K) scores of held-out rows."""
    return _resampled(get_metric(task.metric, task.type), task, held_out, scores).interval()


def compared(
    task: Task, scores: pl.DataFrame, others: pl.DataFrame, outcomes: pl.DataFrame
) -> tuple[Interval, Interval] | None:
    """How good other scores are of the clients that both score, and by how much better than these.

    None where no outcome of such a client is known.
    """
    ours = match(scores.join(others, on=CLIENT, how="semi").sort(CLIENT), outcomes, task)
    theirs = match(others.join(scores, on=CLIENT, how="semi").sort(CLIENT), outcomes, task)
    if not len(ours.held_out):
        return None
    metric = get_metric(task.metric, task.type)
    first, second = (_resampled(metric, task, one.held_out, one.scores) for one in (ours, theirs))
    return second.interval(), lead_of(metric, second, first)


def is_worse(metric: Metric, measured: Interval, judged: Interval) -> bool:
    """Whether a figure is worse than one of other rows beyond chance; no, where an interval is not known.

    The difference of two independent figures is held against the sides of their intervals that face each other, added
    as errors are (Zou & Donner, "Construction of confidence limits about effect measures", 2008).
    """
    if np.isnan([*measured, *judged]).any():
        return False
    if metric.greater_is_better:
        short, ours, theirs = judged.value - measured.value, measured.high - measured.value, judged.value - judged.low
    else:
        short, ours, theirs = measured.value - judged.value, measured.value - measured.low, judged.high - judged.value
    return bool(short > math.hypot(ours, theirs))


def expected(task: Task, scores: np.ndarray) -> float | None:
    """The metric that scores expect of themselves: its mean where outcomes are drawn by them.

    No outcome is needed, but that the scores are calibrated is taken for granted: it falls where clients become harder
    to tell apart, not where the scores become wrong. The idea is known as confidence-based performance estimation
    (NannyML). None for a regression, whose scores say nothing of their error, and where the metric is not defined.

    Args:
        task: its type and metric.
        scores: (n, K) probabilities.
    """
    if task.type is TaskType.REGRESSION or not len(scores):
        return None
    metric, random = get_metric(task.metric, task.type), np.random.default_rng(0)
    draws = int(np.clip(_DRAWN_ROWS // len(scores), _FEWEST_DRAWS, _MOST_DRAWS))
    drawn = np.array([metric(_drawn(task, scores, random), scores) for _ in range(draws)])
    return None if np.isnan(drawn).all() else float(np.nanmean(drawn))


def _drawn(task: Task, scores: np.ndarray, random: np.random.Generator) -> np.ndarray:
    if task.type is not TaskType.MULTICLASS:
        return (random.random(scores.shape) < scores).astype(np.float32)
    above = np.cumsum(scores, axis=1, dtype=np.float64)
    return np.asarray((random.random((len(scores), 1)) * above[:, -1:] >= above[:, :-1]).sum(axis=1))


def _resampled(metric: Metric, task: Task, held_out: HeldOut, scores: np.ndarray) -> Resampled:
    return resample(metric, held_out.target, scores, held_out.weight, client=held_out.client, seed=task.seed)
