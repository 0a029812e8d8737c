"""The rest of what launches have to say to MLflow: what their steps could not send, and how killed ones ended."""

import dagster as dg

from anna_assets.past_runs import UNDER_WAY
from anna_assets.steps import explained
from anna_resources.names import PARTITION_TAG, WILL_RETRY_TAG
from anna_resources.tracking.outbox import KEPT_DAYS
from anna_resources.tracking.resource import Tracking

SEND = "send_to_mlflow"
_REST_SECONDS = 15.0  # a step that still sends by itself is left alone
_TICK_SECONDS = 30


@dg.op(description="Tells MLflow what it could not be told while it was ill.")
@explained
def send(context: dg.OpExecutionContext, tracking: Tracking) -> None:
    """Send the outboxes of all launches; one that MLflow cannot take now stays as it is."""
    for box in tracking.outbox.waiting():
        problem = tracking.send(box, context.log)
        if problem is None:
            context.log.info(f"{box.key}: sent to MLflow.")
            continue
        context.log.warning(f"{box.key}: {problem}. The sensor `outbox` comes back to it.")
        if tracking.obstacle():
            return  # the others would fare no better


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
    description="Has MLflow told what launches could not tell it, once it is well again.",
)
def outbox_sensor(context: dg.SensorEvaluationContext, tracking: Tracking) -> dg.RunRequest | dg.SkipReason:
    """Request a run of `send_to_mlflow` where something waits and MLflow seems to be well."""
    for box in tracking.outbox.sweep():
        context.log.warning(f"MLflow was not well for {KEPT_DAYS:g} days: what {box.key} had to say there is given up.")
    waiting = tracking.outbox.waiting(_REST_SECONDS)
    if not waiting:
        return dg.SkipReason("Everything that launches had to say is in MLflow.")
    if problem := tracking.obstacle():
        return dg.SkipReason(f"{len(waiting)} launch(es) wait to be told to MLflow at {tracking.url}: {problem}")
    if context.instance.get_runs_count(dg.RunsFilter(job_name=SEND, statuses=UNDER_WAY)):
        return dg.SkipReason("A run of `send_to_mlflow` is under way.")
    return dg.RunRequest()


def ending_sensors() -> list[dg.SensorDefinition]:
    """Sensors that end the MLflow run of a launch whose own steps could not: they failed, were canceled or killed.

    They look at every job: somebody may also materialize single steps of a launch.
    """
    return [
        _ending_sensor("finished_launches", dg.DagsterRunStatus.SUCCESS, "FINISHED"),
        _ending_sensor("failed_launches", dg.DagsterRunStatus.FAILURE, "FAILED"),
        _ending_sensor("canceled_launches", dg.DagsterRunStatus.CANCELED, "KILLED"),
    ]


def _ending_sensor(name: str, status: dg.DagsterRunStatus, ended: str) -> dg.SensorDefinition:
    @dg.run_status_sensor(
        name=name,
        run_status=status,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=f"Ends the MLflow run of such a launch: {ended.lower()}.",
    )
    def sensor(context: dg.RunStatusSensorContext, tracking: Tracking) -> None:
        tags = context.dagster_run.tags
        box = tracking.box(context.dagster_run, tags.get(PARTITION_TAG, ""))
        if box.is_used and tags.get(WILL_RETRY_TAG) != "true":  # a retry goes on in the same MLflow run
            box.end(ended)

    return sensor
