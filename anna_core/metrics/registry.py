"""The metrics that a task may name, and the one that it gets when it names none."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from anna_core.errors import SampleError, TaskError, TrainingError
from anna_core.metrics import classes, probability, ranking, regression, top_share
from anna_core.metrics.ranking import WeightedValue
from anna_core.metrics.tails import Tail, tail_of
from anna_core.strict import nearest
from anna_core.tasks.task import TaskType


@dataclass(frozen=True)
class Metric:
    """A way to judge scores.

    Attributes:
        name: as a task's YAML gives it.
        title: as people write it.
        task_types: where it applies.
        greater_is_better: whether more is better.
        prepare: (target, scores) → a function of the weights (n,); the slow part (sorting) is done once.
        fair: name of the metric by which a model is held against a constant, where this one prefers random scores to
            equal ones, as it looks for the best cut-off or counts ties as the worst order; empty: this one.
        by_class: whether it is a mean over classes that count the same, however rare they are.
    """

    name: str
    title: str
    task_types: frozenset[TaskType]
    greater_is_better: bool
    prepare: Callable[[np.ndarray, np.ndarray], WeightedValue]
    fair: str = ""
    by_class: bool = False

    def __call__(self, target: np.ndarray, scores: np.ndarray, weight: np.ndarray | None = None) -> float:
        """Judge scores; NaN where the metric is not defined, as for rows of one class only.

        Args:
            target: (n, L), or (n,) class index for multiclass.
            scores: (n, K).
            weight: (n,), not negative; None means 1 for each row.

        Raises:
            SampleError: a target is not a finite number.
            TrainingError: a score is not a finite number.
            TaskError: the shapes do not fit each other, or the target does not fit the metric.
        """
        evaluate = self.prepared(target, scores)
        return evaluate(np.ones(len(target)) if weight is None else np.asarray(weight, dtype=np.float64))

    def prepared(self, target: np.ndarray, scores: np.ndarray) -> WeightedValue:
        """Check target and scores; return the metric as a function of the weights. Raises as a call does."""
        target, scores = np.asarray(target), np.asarray(scores)
        scores = scores[:, None] if scores.ndim == 1 else scores
        if target.ndim == 1 and scores.shape[1] == 1:
            target = target[:, None]
        self._check(target, scores)
        return self.prepare(target, scores)

    def _check(self, target: np.ndarray, scores: np.ndarray) -> None:
        if len(target) != len(scores) or (target.ndim == 2 and target.shape != scores.shape):
            raise TaskError(
                f"metric '{self.name}': target of shape {target.shape} does not fit scores of shape "
                f"{scores.shape}; they need the same rows, and a score for each target."
            )
        if not np.isfinite(target).all():
            raise SampleError(
                f"metric '{self.name}': {_describe(target)} of the target; remove the rows without one from the sample."
            )
        if not np.isfinite(scores).all():
            raise TrainingError(
                f"metric '{self.name}': {_describe(scores)} of the scores: a model diverged. "
                "Train it again, a net with a lower training.learning_rate."
            )


def get_metric(name: str, task_type: TaskType) -> Metric:
    """The metric of that name.

    Raises:
        TaskError: there is none for this type of task; the message names those there are.
    """
    metric = METRICS.get(name)
    if metric is None or task_type not in metric.task_types:
        raise TaskError(
            f"metric '{name}' is not defined for a {TaskType(task_type).value} task; "
            f"choose one of: {', '.join(metrics_of(task_type))}."
        )
    return metric


def check_metric(name: str, task_type: TaskType | None) -> None:
    """Check that there is a metric of that name, for any type of task where None is given.

    Raises:
        TaskError: there is none; the message names those there are.
    """
    if name not in METRICS:
        among = METRICS if task_type is None else metrics_of(task_type)
        near = nearest(name, tuple(among))
        meant = f" Is {near} meant?" if near else ""
        raise TaskError(f"there is no metric '{name}'; choose one of: {', '.join(among)}.{meant}")
    if task_type is not None:
        get_metric(name, task_type)


def metrics_of(task_type: TaskType) -> tuple[str, ...]:
    """Names of the metrics of a type of task, the most usual first."""
    return tuple(name for name, metric in METRICS.items() if task_type in metric.task_types)


def default_metric(task_type: TaskType, target: np.ndarray) -> str:
    """The metric of a task that names none: one that readers know and that does not hang on a few rows.

    Args:
        task_type: the type of the task.
        target: the sample's target; looked at for regression only: `r2_log1p` where the tail above is heavy, `spearman`
            where those on both sides are, `r2` else.
    """
    match task_type:
        case TaskType.BINARY:
            return "roc_auc"
        case TaskType.MULTICLASS:
            return "macro_roc_auc"
        case TaskType.MULTILABEL:
            return "mean_roc_auc"
        case _:
            return {Tail.LIGHT: "r2", Tail.ABOVE: "r2_log1p", Tail.BOTH_SIDES: "spearman"}[tail_of(target)]


def _describe(values: np.ndarray) -> str:
    wrong = ~np.isfinite(values)
    return f"{int(wrong.sum())} values (first at row {int(np.argwhere(wrong)[0][0])}) are not finite numbers"


_BINARY, _CLASSES = frozenset({TaskType.BINARY}), frozenset({TaskType.MULTICLASS})
_TOP_SHARE = {"lift": top_share.lift_at, "precision": top_share.precision_at, "recall": top_share.recall_at}
_LABELS, _NUMBER = frozenset({TaskType.MULTILABEL}), frozenset({TaskType.REGRESSION})

METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("roc_auc", "ROC AUC", _BINARY, True, ranking.roc_auc),
        Metric("gini", "Gini", _BINARY, True, ranking.gini),
        Metric("pr_auc", "PR AUC", _BINARY, True, ranking.pr_auc, "roc_auc"),
        Metric("ks", "KS", _BINARY, True, ranking.ks, "roc_auc"),
        Metric("brier", "Brier score", _BINARY, False, probability.brier),
        Metric("f1", "Best F1", _BINARY, True, top_share.best_f1, "roc_auc"),
        *(
            Metric(f"{name}_at_{share}", f"{name.title()}@{share.removesuffix('pct')}%", _BINARY, True, make(k))
            for name, make in _TOP_SHARE.items()
            for share, k in top_share.SHARES.items()
        ),
        Metric("macro_roc_auc", "Macro ROC AUC", _CLASSES, True, ranking.macro_roc_auc, by_class=True),
        Metric("accuracy", "Accuracy", _CLASSES, True, probability.accuracy),
        Metric("balanced_accuracy", "Balanced accuracy", _CLASSES, True, classes.balanced_accuracy, by_class=True),
        Metric("macro_f1", "Macro F1", _CLASSES, True, classes.macro_f1, "macro_roc_auc", by_class=True),
        Metric("mean_roc_auc", "Mean ROC AUC", _LABELS, True, ranking.mean_roc_auc),
        Metric("mean_pr_auc", "Mean PR AUC", _LABELS, True, ranking.mean_pr_auc, "mean_roc_auc"),
        Metric("mean_f1", "Mean best F1", _LABELS, True, top_share.mean_best_f1, "mean_roc_auc"),
        Metric("log_loss", "Log loss", _BINARY | _CLASSES | _LABELS, False, probability.log_loss),
        Metric("r2", "R²", _NUMBER, True, regression.r2),
        Metric("r2_log1p", "R² of log1p", _NUMBER, True, regression.r2_log1p),
        Metric("rmse", "RMSE", _NUMBER, False, regression.rmse),
        Metric("mae", "MAE", _NUMBER, False, regression.mae),
        Metric("mape", "MAPE", _NUMBER, False, regression.mape),
        Metric("spearman", "Spearman correlation", _NUMBER, True, regression.spearman),
    )
}
