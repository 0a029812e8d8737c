"""Launches: the job that trains all models of a sample, and what happens when it fails."""

from typing import Any, TypeAlias

import dagster as dg

from anna_resources.tracking.resource import Tracking

AssetJob: TypeAlias = Any  # what `define_asset_job` returns has no public name

TRAIN = "train"
LAUNCH_TAG = "anna/launch"  # the run queue bounds how many launches run beside refreshes and scoring ...
OWNER_TAG = "anna/owner"  # ... and how many an owner has ...
KEY_TAG = "anna/key"  # ... and lets one launch of a sample run at a time
PRELOADED = ("anna_assets.preload.steps",)
PRELOADED_FOR_LAUNCHES = (*PRELOADED, "anna_assets.preload.training")


def step_executor(steps: int, preloaded: tuple[str, ...] = PRELOADED) -> dg.ExecutorDefinition:
    """Steps as processes forked from one that has imported `preloaded`; at most `steps` of a run at once."""
    return dg.multiprocess_executor.configured(
        {"max_concurrent": steps, "start_method": {"forkserver": {"preload_modules": list(preloaded)}}}
    )


def train_job(steps: int) -> AssetJob:
    """The job `train`: everything from the sample to the report, domains side by side."""
    return dg.define_asset_job(
        TRAIN,
        selection=dg.AssetSelection.groups("samples", "sequences", "models", "reports"),
        tags={LAUNCH_TAG: TRAIN},
        description="Trains every domain's model and the metamodel on a sample, and writes the report.",
        executor_def=step_executor(steps, PRELOADED_FOR_LAUNCHES),
    )


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
        box = tracking.box(context.dagster_run, tags.get("dagster/partition", ""))
        if box.is_used and tags.get("dagster/will_retry") != "true":  # a retry goes on in the same MLflow run
            box.end(ended)

    return sensor
