"""Is the metamodel of use at all, or would a constant do?"""

from dataclasses import dataclass

import numpy as np

from anna_core.analytics.formatting import format_lead
from anna_core.analytics.leaderboard import ModelScores
from anna_core.metrics.bootstrap import Interval, lead_of, resample
from anna_core.metrics.registry import Metric, get_metric
from anna_core.tasks.task import Task


@dataclass(frozen=True)
class Usefulness:
    """The metamodel held against a constant on the same rows.

    Attributes:
        metric: by which; the task's, or one that does not prefer random scores to equal ones (`Metric.fair`).
        lead: by how much the metamodel is better; NaN where that is not defined.
    """

    metric: Metric
    lead: Interval

    @property
    def proven(self) -> bool | None:
        """Whether the lead is more than chance would give; None where it is not defined."""
        return None if np.isnan(self.lead).any() else self.lead.low > 0

    def __str__(self) -> str:
        """Say it in words."""
        if self.proven is None:
            return f"{self.metric.title} is not defined on the held-out rows: no model is known to be of use"
        lead = f"{self.metric.title} {format_lead(self.lead)}"
        return f"The metamodel beats a constant: {lead}" if self.proven else f"No better than a constant: {lead}"


def usefulness(
    scores: ModelScores,
    target: np.ndarray,
    weight: np.ndarray,
    held_out: np.ndarray,
    task: Task,
    client: np.ndarray | None = None,
) -> Usefulness:
    """Hold the metamodel against the constant; arguments and errors as of `leaderboard`."""
    metric = get_metric(get_metric(task.metric, task.type).fair or task.metric, task.type)
    whose = None if client is None else client[held_out]
    ours, constant = (
        resample(metric, target[held_out], scores[kind, kind][held_out], weight[held_out], client=whose, seed=task.seed)
        for kind in ("metamodel", "constant")
    )
    return Usefulness(metric, lead_of(metric, ours, constant))
