"""The job `train`: a launch, which trains all models of a sample."""

from typing import Any, TypeAlias

import dagster as dg

from anna_assets.compute import PRELOADED_FOR_LAUNCHES, step_executor
from anna_resources.names import LAUNCH_TAG, TRAIN_JOB

AssetJob: TypeAlias = Any  # what `define_asset_job` returns has no public name


def train_job(steps: int) -> AssetJob:
    """The job `train`: everything from the sample to the report, domains side by side, `steps` of them at once."""
    return dg.define_asset_job(
        TRAIN_JOB,
        selection=dg.AssetSelection.groups("samples", "sequences", "models", "reports"),
        tags={LAUNCH_TAG: TRAIN_JOB},
        description="Trains every domain's model and the metamodel on a sample, and writes the report.",
        executor_def=step_executor(steps, PRELOADED_FOR_LAUNCHES),
    )
