"""Launches: the job that trains all models of a sample, and what happens when it fails."""

from typing import Any, TypeAlias

import dagster as dg

from anna_resources.tracking import Tracking

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


def failure_sensor(train: AssetJob) -> dg.SensorDefinition:
    """The sensor `failed_launches`: marks the launch's MLflow run as failed."""

    @dg.run_failure_sensor(
        name="failed_launches",
        monitored_jobs=[train],
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Marks the MLflow run of a failed launch as failed.",
    )
    def failed_launches(context: dg.RunFailureSensorContext, tracking: Tracking) -> None:
        tags = context.dagster_run.tags
        key = tags.get("dagster/partition", "")
        if key and tags.get("dagster/will_retry") != "true":  # a retry goes on in the same MLflow run
            with tracking.launch(context.dagster_run, key, context.log) as launch:
                launch.finish("FAILED")

    return failed_launches
