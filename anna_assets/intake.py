"""Intake: how samples come in. Every door ends in the inbox, and one sensor starts the launches.

`register_sample` (Launchpad, `anna submit`, GraphQL) checks a file or table and puts it into the inbox; the sensor
`inbox` adds the partition and starts `train`.
"""

import json
import time
from pathlib import Path

import dagster as dg

from anna_assets.launches import AssetJob
from anna_assets.layers.samples import CONTENT_TAG
from anna_assets.partitions import SAMPLE
from anna_assets.steps import explained
from anna_core.domains import Domain
from anna_core.errors import AnnaError
from anna_core.inbox import Upload, content_hash, read_upload_request, task_folders, unknown_files, uploads
from anna_core.intake import stage_sample
from anna_core.keys import sample_key
from anna_core.marts import freshness
from anna_core.months import parse_month
from anna_core.tasks import parse_request
from anna_resources.settings import INBOX, Settings
from anna_resources.warehouse import Warehouse

OWNER_TAG = "anna/owner"  # the run queue bounds how many runs an owner has
_BATCH = 20  # launches a tick; the rest come with the next one
_TICK_SECONDS = 10


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
    request = parse_request(config.options, "options")
    key = sample_key(config.task, config.sample or Path(config.file.rstrip("/")).stem)
    made = stage_sample(config.file, key, request, config.options, warehouse.home_path / INBOX)
    for guess in made.task.guesses:
        context.log.info(guess)
    context.log.info(f"{key}: {len(made):,} rows are in the inbox; the sensor `inbox` starts the launch.")


@dg.job(name="register_sample", description="Registers a sample from a file path or table URL and starts its launch.")
def register_sample_job() -> None:
    """Register a sample."""
    upload()


def inbox_sensor(domains: list[Domain], settings: Settings, train: AssetJob) -> dg.SensorDefinition:
    """The sensor `inbox`.

    Its cursor holds, for each task's folder (by inode), the ctime up to which files were taken; so it stays small
    however many samples there are. A launch's `run_key` is the content, so a file that comes again starts nothing.
    """

    @dg.sensor(
        name="inbox",
        job=train,
        minimum_interval_seconds=_TICK_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Takes complete samples from the inbox, adds their partitions and starts their launches.",
    )
    def inbox(context: dg.SensorEvaluationContext, warehouse: Warehouse) -> dg.SensorResult | dg.SkipReason:
        cursor: dict[str, int] = json.loads(context.cursor or "{}")
        found = _candidates(settings.inbox, cursor, settings.inbox_settle_seconds)
        if not found:
            return dg.SkipReason(f"No new sample in {settings.inbox}.{_left_aside(settings.inbox)}")
        if waiting := _marts_behind(domains, warehouse):
            return dg.SkipReason(f"{len(found)} samples wait until the marts are fresh: {waiting}")
        requests, keys = [], []
        for found_file in found[:_BATCH]:
            try:
                requests.append(_request(found_file))
                keys.append(str(found_file.key))
            except AnnaError as error:
                context.log.error(f"{found_file.path} is left aside: {error}")
            cursor[_inode(found_file.path.parent)] = found_file.changed
        return dg.SensorResult(
            run_requests=requests,
            dynamic_partitions_requests=[SAMPLE.build_add_request(keys)] if keys else [],
            cursor=json.dumps(cursor),
        )

    return inbox


def _candidates(inbox: Path, cursor: dict[str, int], settle_seconds: float) -> list[Upload]:
    settled = time.time_ns() - int(settle_seconds * 1e9)
    found = [u for folder in task_folders(inbox) for u in uploads(folder, cursor.get(_inode(folder), 0))]
    return sorted((u for u in found if u.changed <= settled), key=lambda upload: upload.changed)


def _left_aside(inbox: Path) -> str:
    unknown = [str(path.relative_to(inbox)) for folder in task_folders(inbox) for path in unknown_files(folder)]
    return f" Not taken, as a sample ends in .csv or .parquet: {', '.join(unknown[:_BATCH])}." if unknown else ""


def _inode(folder: Path) -> str:
    return str(folder.stat().st_ino)


def _request(upload: Upload) -> dg.RunRequest:
    key = upload.key
    request = read_upload_request(upload.path)
    content = content_hash(upload.path, request)
    tags = {CONTENT_TAG: content, OWNER_TAG: request.owner, "anna/task": key.task, "anna/sample": key.sample}
    return dg.RunRequest(run_key=f"{key}:{content}", partition_key=str(key), tags=tags)


def _marts_behind(domains: list[Domain], warehouse: Warehouse) -> str:
    """What of the marts is missing or behind its source, as a text; empty where nothing is."""
    behind = []
    for domain in domains:
        source = warehouse.source(domain.name)
        try:
            listing = freshness.listing(domain, warehouse.home_path, warehouse.time_zone)
            state = freshness.read_state(source)
        except AnnaError as error:
            behind.append(str(error))
            continue
        if state.listing != listing:
            behind.append(f"{domain.name} is to be observed")
            continue
        months = [parse_month(month) for month in state.months]
        stale = freshness.stale_months(domain, source, warehouse.mart(domain.name), months)
        if stale:
            behind.append(f"{domain.name}: {len(stale)} of {len(months)} months")
    return "; ".join(behind)
