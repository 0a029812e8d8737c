"""Intake: how samples come in. Every door ends in the inbox, and one sensor starts the launches.

`register_sample` (Launchpad, `anna submit`, GraphQL) checks a file or table and puts it into the inbox; the sensor
`inbox` adds the partition and starts `train`.
"""

from typing import Any

import dagster as dg
from pydantic import Field

from anna_assets.steps import explained
from anna_assets.uploads.replacing import earlier_upload, told_replaced
from anna_core.keys import sample_key
from anna_core.samples.brought import brought_settings
from anna_core.samples.inbox import check_metric_at, find_upload, read_upload_request, upload_digest, upload_lock
from anna_core.samples.origins import sample_name
from anna_core.samples.resting import wait_for_rest
from anna_core.samples.staging import stage_sample
from anna_core.strict import settings_there_are
from anna_core.tasks.task import TaskRequest, parse_request
from anna_resources.names import CONTENT_TAG, NOTES_TAG, PRIORITY_TAG, REGISTER_JOB, REGISTER_OP, SAMPLE_TAG, TASK_TAG
from anna_resources.settings import INBOX, load_settings
from anna_resources.warehouse import Warehouse


class SampleFile(dg.Config):
    """A sample to register; the Launchpad shows these descriptions."""

    file: str = Field(
        description="Path of a CSV or Parquet file, a folder of Parquet files, a Delta table, or the URL of one; the "
        "server must be able to read it. It has the columns client_id, as_of and target."
    )
    task: str = Field(description="Name of the business problem, such as churn.")
    sample: str = Field(
        default="", description="Name of this sample within the task, such as 2024q1; the file's name where empty."
    )
    options: dict[str, Any] = Field(
        default={},
        description="Settings of the task, as in task.yaml; all have defaults, and docs/settings.md explains them. "
        "They win over those of a .yaml beside the file: q1.yaml beside q1.csv. "
        f"Example: {{type: binary, training: {{preset: fast}}}}. There are: {settings_there_are(TaskRequest)}.",
    )


@dg.op(
    name=REGISTER_OP,
    description="Checks a sample and puts it into the inbox; the sensor then starts its launch.",
    pool="hadoop",
)
@explained
def upload(context: dg.OpExecutionContext, config: SampleFile, warehouse: Warehouse) -> None:
    """Check a sample and put it into the inbox."""
    said = parse_request(config.options, "options")
    check_metric_at(said.metric, said.type, "options")
    key = sample_key(config.task, config.sample or sample_name(config.file))
    inbox = warehouse.home_path / INBOX
    rested = wait_for_rest(config.file, load_settings().inbox_settle_seconds, context.log.info)
    with upload_lock(warehouse.upload_locks, str(key)):  # of two uploads of one key, each keeps its own settings
        brought, earlier = brought_settings(config.file, key, config.options, inbox), earlier_upload(inbox, key)
        made = stage_sample(config.file, key, brought.options, inbox, rested)
        path = find_upload(inbox, str(key))
        content = upload_digest(path, read_upload_request(path))
    # Whoever waits for the launch knows by its content whether the intake speaks of this upload or of another that
    # followed; the intake knows by it of which registration the notes are.
    tags = {CONTENT_TAG: content, TASK_TAG: key.task, SAMPLE_TAG: key.sample}
    notes = [*brought.notes, *told_replaced(warehouse.uploads, key, earlier, content)]
    tags |= {NOTES_TAG: "\n".join(notes)} if notes else {}
    context.instance.add_run_tags(context.run_id, tags)
    for note in notes:
        context.log.warning(note)
    for guess in made.task.guesses:
        context.log.info(guess)
    context.log.info(f"{key}: {len(made):,} rows are in the inbox; the sensor `inbox` starts the launch.")


# What the Launchpad begins with: all that can be filled in, and what it looks like.
_EXAMPLE = SampleFile(file="/path/to/2024q1.csv", task="churn")


@dg.job(
    name=REGISTER_JOB,
    description="Registers a sample from a file path or table URL and starts its launch.",
    config={"ops": {REGISTER_OP: {"config": _EXAMPLE.model_dump()}}},
    tags={PRIORITY_TAG: "1"},  # it takes seconds, and somebody waits for its answer: before launches and refreshes
)
def register_sample_job() -> None:
    """Register a sample."""
    upload()
