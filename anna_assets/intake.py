"""Intake: how samples come in. Every door ends in the inbox, and one sensor starts the launches.

`register_sample` (Launchpad, `anna submit`, GraphQL) checks a file or table and puts it into the inbox; the sensor
`inbox` (`anna_assets/uploads/`) adds the partition and starts `train`.
"""

import dagster as dg

from anna_assets.layers.samples import CONTENT_TAG
from anna_assets.steps import explained
from anna_core.keys import sample_key
from anna_core.samples.inbox import content_hash, find_upload, read_upload_request, upload_lock
from anna_core.samples.staging import sample_name, stage_sample
from anna_core.tasks.task import parse_request
from anna_resources.settings import INBOX
from anna_resources.warehouse import Warehouse


class SampleFile(dg.Config):
    """A sample to register.

    Attributes:
        file: path of a CSV or Parquet file, a folder of Parquet files, a Delta table, or the URL of one; the server
            must be able to read it.
        task: name of the task.
        sample: name of this sample within the task; the file's name where empty.
        options: settings of the task, as in `task.yaml`: type, metric, owner, split, net, training, seed.
    """

    file: str
    task: str
    sample: str = ""
    options: dict = {}  # noqa: RUF012  # pydantic copies it


@dg.op(description="Checks a sample and puts it into the inbox; the sensor then starts its launch.", pool="hadoop")
@explained
def upload(context: dg.OpExecutionContext, config: SampleFile, warehouse: Warehouse) -> None:
    """Check a sample and put it into the inbox."""
    parse_request(config.options, "options")
    key = sample_key(config.task, config.sample or sample_name(config.file))
    inbox = warehouse.home_path / INBOX
    with upload_lock(warehouse.upload_locks, str(key)):  # of two uploads of one key, each keeps its own settings
        made = stage_sample(config.file, key, config.options, inbox)
        path = find_upload(inbox, str(key))
        content = content_hash(path, read_upload_request(path))
    # Whoever waits for the launch knows by it whether the intake speaks of this upload or of another that followed.
    context.instance.add_run_tags(context.run_id, {CONTENT_TAG: content})
    for guess in made.task.guesses:
        context.log.info(guess)
    context.log.info(f"{key}: {len(made):,} rows are in the inbox; the sensor `inbox` starts the launch.")


@dg.job(name="register_sample", description="Registers a sample from a file path or table URL and starts its launch.")
def register_sample_job() -> None:
    """Register a sample."""
    upload()
