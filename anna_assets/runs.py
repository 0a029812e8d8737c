"""What sensors ask of earlier runs: whether they are under way, and what failed ones died of."""

import dagster as dg

FAILED = [dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]
UNDER_WAY = [status for status in dg.DagsterRunStatus if status not in (dg.DagsterRunStatus.SUCCESS, *FAILED)]


def last_words(instance: dg.DagsterInstance, run_id: str) -> str:
    """What a run died of, in its own words: the error of the first step that failed, or the run's own."""
    for kind in (dg.DagsterEventType.STEP_FAILURE, dg.DagsterEventType.RUN_FAILURE, dg.DagsterEventType.RUN_CANCELED):
        found = instance.get_records_for_run(run_id, of_type=kind, limit=1).records
        if found:
            return _words(found[0].event_log_entry)
    return "it left no word"


def _words(entry: dg.EventLogEntry) -> str:
    event = entry.get_dagster_event()
    if not event.is_step_failure:
        return event.message or entry.user_message
    data = event.step_failure_data
    if data.user_failure_data is not None and data.user_failure_data.description:
        return data.user_failure_data.description  # a `dagster.Failure`: an explained problem
    error = data.error
    while error is not None and error.cause is not None:
        error = error.cause
    return error.message.strip() if error is not None else entry.user_message
