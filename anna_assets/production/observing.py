"""What is looked at of a period's scores: the figures of `production/monitoring`, from what there is on disk."""

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from anna_core.analytics import performance
from anna_core.analytics.held_out import HeldOut
from anna_core.analytics.monitoring import Along, Monitoring, Moves, decile_moves, moves
from anna_core.analytics.performance import Figure
from anna_core.errors import ArtifactError
from anna_core.models.scores_file import score_columns
from anna_core.periods import Period
from anna_core.samples.sample import Sample
from anna_core.samples.splits import TEST
from anna_core.tasks.task import Task
from anna_resources.artifacts.candidate import CandidateFolder
from anna_resources.artifacts.production import Done
from anna_resources.warehouse import Warehouse

if TYPE_CHECKING:
    from anna_core.metrics.bootstrap import Interval


def observe(warehouse: Warehouse, task: str, at: Period) -> Monitoring:
    """Look at the scores of a task as of the end of a period.

    Raises:
        ArtifactError: the period is not scored, or something that is needed cannot be read.
    """
    scored = warehouse.production(task)
    done, earlier = scored.of(at).done(), scored.of(at.before)
    if done is None:
        raise ArtifactError(f"{task} is not scored as of the end of {at}: score it first.")
    kept, scores = warehouse.candidate(done.model), scored.of(at).read()
    sample, facts, judged = kept.sample(), kept.facts(), kept.scores()
    histories = [warehouse.history(one, at) for one in facts.domains]
    seen = warehouse.monitoring(task, at).read()
    found: Moves | None = seen if seen is not None and seen.scored_at == done.scored_at else None
    if found is None or all(one.exists() for one in histories):
        found = moves(
            at,
            scores,
            judged[(sample.fold >= 0) | (sample.split == TEST)],
            kept.reference(),
            {one.domain: one.read() for one in histories},
            earlier.read() if earlier.exists() else None,
        )  # else histories were too old to be kept; what was found stands, as the scores are those of then
    stored = warehouse.outcomes(task)
    outcomes, matched = stored.read(done.as_of), None
    if outcomes is not None and set(facts.task.targets) <= set(outcomes.columns):
        matched = performance.match(scores, outcomes, facts.task)
    figures = None
    if matched is not None and len(matched.held_out):
        figures = performance.performance(facts.task, matched, _judged(kept, sample, facts.task, judged))
    return Monitoring(
        **found.model_dump(include=set(Moves.model_fields)),
        model=done.model,
        scored_at=done.scored_at,
        metric=facts.task.metric,
        expected=performance.expected(facts.task, scores.select(score_columns(scores)).to_numpy()),
        outcomes=stored.facts().versions.get(done.as_of, ""),
        performance=figures,
        along=_along(warehouse, facts.task, done, at, scores, outcomes if figures else None),
    )


def _judged(kept: CandidateFolder, sample: Sample, task: Task, scores: np.ndarray) -> "Interval":
    """The task's metric on the launch's held-out rows."""
    is_test = sample.split == TEST
    held_out = HeldOut.of(is_test, sample.target, sample.weight, sample.client)
    return performance.held_out_figure(task, held_out, scores[is_test])


def _along(
    warehouse: Warehouse, task: Task, ours: Done, at: Period, scores: pl.DataFrame, outcomes: pl.DataFrame | None
) -> Along | None:
    """How the challenger's scores of the period compare; None where there are none."""
    stored = warehouse.challenger(task.name).of(at)
    done = stored.done_by_another_than(ours.model)
    if done is None:
        return None
    along, theirs = Along(model=done.model, scored_at=done.scored_at), stored.read()
    if score_columns(theirs) != score_columns(scores):
        return along  # the champion is of another kind since
    found = None if outcomes is None else performance.compared(task, scores, theirs, outcomes)
    measured, lead = (Figure.of(figure) for figure in found) if found else (None, None)
    return along.model_copy(update={"moved": decile_moves(scores, theirs), "measured": measured, "lead": lead})
