"""The rest of what MLflow is to be told: what steps could not send, how killed launches ended, who is champion."""

import time

import dagster as dg
import requests

from anna_assets.mirror_champions import mend_champions, wrong_champions
from anna_assets.past_runs import UNDER_WAY, will_retry
from anna_assets.steps import explained
from anna_core.errors import in_words
from anna_resources.ledger.repository import LedgerError
from anna_resources.names import RETRY_TAG, ROOT_RUN_TAG
from anna_resources.tracking.outbox import KEPT_DAYS, LaunchBox
from anna_resources.tracking.resource import Tracking
from anna_resources.warehouse import Warehouse

SEND = "send_to_mlflow"
_REST_SECONDS = 15.0  # a step that still sends by itself is left alone
_TICK_SECONDS = 30
_RETRY_SECONDS = 600.0  # Dagster's daemon begins one within its next round, of some seconds
_WORDS = {
    dg.DagsterRunStatus.SUCCESS: "FINISHED",
    dg.DagsterRunStatus.FAILURE: "FAILED",
    dg.DagsterRunStatus.CANCELED: "KILLED",
}


@dg.op(description="Tells MLflow what it could not be told while it was ill.")
@explained
def send(context: dg.OpExecutionContext, tracking: Tracking, warehouse: Warehouse) -> None:
    """Send the outboxes of all launches; one that MLflow cannot take now stays as it is. Then mend the champions."""
    for box in tracking.outbox.waiting():
        problem = tracking.send(box, context.log)
        if problem is None:
            context.log.info(f"{box.key}: sent to MLflow.")
            continue
        context.log.warning(f"{box.key}: {problem}. The sensor `outbox` comes back to it.")
        if tracking.obstacle():
            return  # the others would fare no better
    if tracking.obstacle() is None:
        mend_champions(tracking, warehouse, context.log)


@dg.job(
    name=SEND,
    description="Tells MLflow what it could not be told while it was ill.",
    executor_def=dg.in_process_executor,  # one short step needs no process of its own
)
def send_job() -> None:
    """Send what is in the outbox."""
    send()


@dg.sensor(
    name="outbox",
    job=send_job,
    minimum_interval_seconds=_TICK_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Ends launches in MLflow that were cut off, and has MLflow told what launches could not tell it, once "
    "it is well again. Has the alias `champion` in MLflow's registry mended where it is not on the ledger's champion.",
)
def outbox_sensor(context: dg.SensorEvaluationContext, tracking: Tracking) -> dg.RunRequest | dg.SkipReason:
    """Request a run of `send_to_mlflow` where something waits and MLflow seems to be well.

    Launches whose own steps could not say how they ended, because they failed, were canceled or killed, are ended
    first: whichever run of a launch that was, since somebody may also materialize single steps of it.
    """
    for box in tracking.outbox.launches():
        if not box.is_ended and (status := _ended(context.instance, box)):
            try:
                box.end(status)
            except OSError as error:  # such as a full disk: it is ended at a later look
                context.log.warning(f"{box.key} cannot be ended in MLflow yet: {error}")
    for box in tracking.outbox.sweep():
        context.log.warning(f"MLflow was not well for {KEPT_DAYS:g} days: what {box.key} had to say there is given up.")
    waiting, problem = tracking.outbox.waiting(_REST_SECONDS), tracking.obstacle()
    wrong = [] if problem else _wrong_champions(context, tracking)
    if not waiting and not wrong:
        return dg.SkipReason("Everything that launches had to say is in MLflow.")
    if problem:
        return dg.SkipReason(f"{len(waiting)} launch(es) wait to be told to MLflow at {tracking.url}: {problem}")
    if context.instance.get_runs_count(dg.RunsFilter(job_name=SEND, statuses=UNDER_WAY)):
        return dg.SkipReason("A run of `send_to_mlflow` is under way.")
    return dg.RunRequest()


def _wrong_champions(context: dg.SensorEvaluationContext, tracking: Tracking) -> list[str]:
    """The tasks whose alias in MLflow is to be mended; none where it cannot be said, of which the log tells."""
    try:
        wrong, cursor = wrong_champions(tracking, context.cursor)
    except (requests.RequestException, LedgerError) as error:
        context.log.warning(f"Whether MLflow's registry has the ledger's champions cannot be said: {in_words(error)}")
        return []
    context.update_cursor(cursor)
    return wrong


def _ended(instance: dg.DagsterInstance, box: LaunchBox) -> str:
    """How a launch ended, in MLflow's words; empty while a run of it is under way, or is about to be tried again."""
    root = instance.get_run_by_id(box.root)
    retries = instance.get_runs(dg.RunsFilter(tags={ROOT_RUN_TAG: box.root}))  # the latest first
    runs = [*retries, root] if root is not None else list(retries)
    if not runs:
        return _WORDS[dg.DagsterRunStatus.CANCELED]  # somebody deleted them
    latest = runs[0]
    if any(not run.is_finished for run in runs):
        return ""
    if will_retry(latest) and RETRY_TAG not in latest.tags:
        # Its retry is about to begin; where it has one, that was deleted, or it would be the latest. Some never begin,
        # as of a backfill that was canceled. One that begins late opens the launch again.
        (record,) = instance.get_run_records(dg.RunsFilter(run_ids=[latest.run_id]))
        if time.time() - (record.end_time or 0.0) < _RETRY_SECONDS:
            return ""
    return _WORDS[latest.status]
