"""Is the metamodel of use at all, or would a constant do?"""

from dataclasses import dataclass

import numpy as np

from anna_core.analytics.formatting import format_lead
from anna_core.analytics.held_out import HeldOut
from anna_core.analytics.leaderboard import ModelKind, ModelScores, judge
from anna_core.metrics.bootstrap import Interval, lead_of
from anna_core.metrics.evidence import FEWEST, Evidence
from anna_core.metrics.registry import Metric, get_metric
from anna_core.tasks.task import Task, TaskType


@dataclass(frozen=True)
class Usefulness:
    """The metamodel held against a constant on the same rows.

    Attributes:
        metric: by which; the task's, or one that does not prefer random scores to equal ones (`Metric.fair`).
        lead: by how much the metamodel is better; NaN where not defined, its bounds also where the cases are too few.
        evidence: what the held-out rows are worth.
    """

    metric: Metric
    lead: Interval
    evidence: Evidence

    @property
    def proven(self) -> bool | None:
        """Whether the lead is more than chance would give; None where that cannot be said."""
        return None if np.isnan(self.lead).any() else self.lead.low > 0

    def __str__(self) -> str:
        """Say it in words."""
        title = self.metric.title
        if np.isnan(self.lead.value):
            return f"{title} is not defined on the held-out rows: no model is known to be of use"
        if self.proven is None:
            return f"{self._too_few()}, so no model is known to be of use ({self._difference()})"
        if self.lead == (0, 0, 0):
            return f"No better than a constant: both have the same {title} on these rows, and on whatever part of them"
        begin = "The metamodel beats a constant" if self.proven else "No better than a constant"
        return f"{begin}: {self._difference()}"

    def _difference(self) -> str:
        return f"the difference in {self.metric.title} is {format_lead(self.lead)}"

    def _too_few(self) -> str:
        whom = "" if TaskType.REGRESSION in self.metric.task_types else " with the rarest outcome"
        return f"Only {self.evidence.fewest} held-out clients{whom}, and some {FEWEST} are needed for a verdict"


def usefulness(scores: ModelScores, held_out: HeldOut, task: Task) -> Usefulness:
    """Hold the metamodel against the constant; arguments and errors as of `leaderboard`."""
    metric = get_metric(get_metric(task.metric, task.type).fair or task.metric, task.type)
    pair: tuple[ModelKind, ModelKind] = ("metamodel", "constant")
    judged = judge(metric, {(kind, kind): scores[kind, kind] for kind in pair}, held_out, task.seed)
    ours, constant = (judged[kind, kind] for kind in pair)
    return Usefulness(metric, lead_of(metric, ours, constant), ours.evidence)
