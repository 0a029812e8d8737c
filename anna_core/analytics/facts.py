"""Facts about a launch in words and small tables: the splits, and every metric of every model."""

from dataclasses import dataclass

import numpy as np

from anna_core.analytics.content import ReportContent
from anna_core.analytics.formatting import format_value
from anna_core.analytics.leaderboard import ModelKind
from anna_core.columns.shares import percent
from anna_core.metrics.registry import get_metric, metrics_of
from anna_core.samples.splits import SPLITS
from anna_core.tasks.task import TaskType

SPLIT_TITLES = {"train": "Training", "valid": "Validation", "test": "Held out"}
NAMED_CLASSES = 6  # number of classes or labels whose shares fit on a line


@dataclass(frozen=True)
class SplitFacts:
    """One split of the sample.

    Attributes:
        title: what people call it.
        rows: number of rows.
        share: share of the sample's rows.
        target: the target in this split, in words: a rate, shares, or mean and median.
        dates: first and last as_of.
    """

    title: str
    rows: int
    share: float
    target: str
    dates: str


def split_facts(content: ReportContent) -> list[SplitFacts]:
    """Facts about the training, validation and held-out rows."""
    facts = []
    for name in SPLITS:
        rows = content.split == name
        facts.append(
            SplitFacts(
                title=SPLIT_TITLES[name],
                rows=int(rows.sum()),
                share=float(rows.mean()) if len(rows) else 0.0,
                target=describe_target(content, rows),
                dates=_dates(content.as_of[rows]),
            )
        )
    return facts


def describe_target(content: ReportContent, rows: np.ndarray) -> str:
    """The weighted target of some rows (n,) bool, in words."""
    target, weight = content.target[rows], content.weight[rows].astype(np.float64)
    if not len(target):
        return "–"
    match content.task.type:
        case TaskType.BINARY:
            return percent(target[:, 0] @ weight / weight.sum())
        case TaskType.MULTICLASS:
            share = np.bincount(target, weights=weight, minlength=content.task.outputs) / weight.sum()
            return _shares(content.task.classes, share)
        case TaskType.MULTILABEL:
            names = tuple(name.removeprefix("target_") for name in content.task.targets)
            return _shares(names, target.T @ weight / weight.sum())
        case _:
            mean = target[:, 0] @ weight / weight.sum()
            median = np.quantile(target[:, 0], 0.5, weights=weight, method="inverted_cdf")
            return f"mean {format_value(mean)}, median {format_value(float(median))}"


def metric_table(content: ReportContent) -> tuple[list[str], dict[tuple[ModelKind, str], list[float]]]:
    """The titles of all metrics of the task's type, and (kind, model) → their values on the held-out rows.

    A metric that does not fit the target (r2_log1p of negative values) is left out.
    """
    names = [name for name in metrics_of(content.task.type) if name != "r2_log1p" or _not_negative(content)]
    metrics = [get_metric(name, content.task.type) for name in names]
    held_out = content.held_out
    values = {
        (row.kind, row.model): [
            metric(held_out.target, content.held_out_scores(row), held_out.weight) for metric in metrics
        ]
        for row in content.leaderboard
    }
    return [metric.title for metric in metrics], values


def _not_negative(content: ReportContent) -> bool:
    return not len(content.held_out) or bool(content.held_out.target.min() >= 0)


def _shares(names: tuple[str, ...], share: np.ndarray) -> str:
    largest = np.sort(np.argsort(-share, kind="stable")[:NAMED_CLASSES])
    text = ", ".join(f"{names[i]} {percent(share[i])}" for i in largest)
    return text + (f" and {len(names) - NAMED_CLASSES} more" if len(names) > NAMED_CLASSES else "")


def _dates(as_of: np.ndarray) -> str:
    if not len(as_of):
        return "–"
    first, last = str(as_of.min()), str(as_of.max())
    return first if first == last else f"{first} – {last}"
