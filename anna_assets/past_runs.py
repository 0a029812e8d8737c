"""What sensors ask of earlier runs: whether they are under way or tried again, and what failed ones died of."""

import dagster as dg

from anna_resources.names import WILL_RETRY_TAG

FAILED = [dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]
UNDER_WAY = [status for status in dg.DagsterRunStatus if status not in (dg.DagsterRunStatus.SUCCESS, *FAILED)]


def will_retry(run: dg.DagsterRun) -> bool:
    """Whether Dagster has said of a run that ended that another goes on from where it stopped, or is about to."""
    return run.tags.get(WILL_RETRY_TAG) == "true"


def last_words(instance: dg.DagsterInstance, run_id: str) -> str:
    """What a run died of, in its own words: the error of the first step that failed, or the run's own."""
    for kind in (dg.DagsterEventType.STEP_FAILURE, dg.DagsterEventType.RUN_FAILURE, dg.DagsterEventType.RUN_CANCELED):
        found = instance.get_records_for_run(run_id, of_type=kind, limit=1).records
        if found:
            return words_of(found[0].event_log_entry.get_dagster_event())
    return "it left no word"


def words_of(event: dg.DagsterEvent) -> str:
    """What a run or a step failed of, in one line: what ANNA explained, else the innermost cause."""
    if not event.is_step_failure:
        return " ".join((event.message or "its process died").split())
    failure = event.step_failure_data
    if failure.user_failure_data is not None and failure.user_failure_data.description:
        return failure.user_failure_data.description
    error = failure.error
    while error is not None and error.cause is not None:
        error = error.cause
    return " ".join(error.message.split()) if error is not None else "its process died"
