"""Intake: how samples come in. Every door ends in the inbox, and one sensor starts the launches.

`register_sample` (Launchpad, `anna submit`, GraphQL) checks a file or table and puts it into the inbox; the sensor
`inbox` adds the partition and starts `train`.
"""

import time
from pathlib import Path

import dagster as dg
from pydantic import BaseModel

from anna_assets.launches import TRAIN, AssetJob
from anna_assets.layers.samples import CONTENT_TAG
from anna_assets.partitions import SAMPLE, kept_months
from anna_assets.steps import explained
from anna_core.domains import Domain
from anna_core.errors import AnnaError, KeyNameError
from anna_core.keys import sample_key
from anna_core.months import parse_month
from anna_core.samples.inbox import (
    Upload,
    closed_folders,
    content_hash,
    latest_settings,
    read_upload_request,
    settings_changed,
    shown,
    task_folders,
    unfinished_files,
    unknown_files,
    uploads,
)
from anna_core.samples.origins import sample_name
from anna_core.samples.staging import stage_sample
from anna_core.tasks.task import parse_request
from anna_resources.settings import INBOX, Settings
from anna_resources.warehouse import Warehouse

OWNER_TAG = "anna/owner"  # the run queue bounds how many launches an owner has ...
KEY_TAG = "anna/key"  # ... and lets one launch of a sample run at a time
_FAILED = (dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)
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
    parse_request(config.options, "options")
    key = sample_key(config.task, config.sample or sample_name(config.file))
    made = stage_sample(config.file, key, config.options, warehouse.home_path / INBOX)
    for guess in made.task.guesses:
        context.log.info(guess)
    context.log.info(f"{key}: {len(made):,} rows are in the inbox; the sensor `inbox` starts the launch.")


@dg.job(name="register_sample", description="Registers a sample from a file path or table URL and starts its launch.")
def register_sample_job() -> None:
    """Register a sample."""
    upload()


def inbox_sensor(
    domains: list[Domain], settings: Settings, month: dg.MonthlyPartitionsDefinition, train: AssetJob
) -> dg.SensorDefinition:
    """The sensor `inbox`.

    A file that comes again with the content and settings of its sample's latest launch starts nothing, unless that
    launch failed. Where settings change, samples whose latest launch failed, or waits with the old ones, come again.
    """

    @dg.sensor(
        name="inbox",
        job=train,
        minimum_interval_seconds=_TICK_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Takes complete samples from the inbox, adds their partitions and starts their launches.",
    )
    def inbox(context: dg.SensorEvaluationContext, warehouse: Warehouse) -> dg.SensorResult | dg.SkipReason:
        cursor = Cursor.model_validate_json(context.cursor or "{}")
        found = _candidates(settings.inbox, cursor, settings.inbox_settle_seconds, context.instance)
        if not found:
            context.update_cursor(cursor.model_dump_json())
            return dg.SkipReason(f"No new sample in {settings.inbox}.{_left_aside(settings.inbox, cursor)}")
        if waiting := _marts_behind(domains, warehouse, settings, kept_months(month)):
            return dg.SkipReason(f"{len(found)} samples wait until the marts are fresh: {waiting}")
        requests, keys = [], []
        for file in _batch(found):
            cursor.take(file)
            try:
                request = _request(file, context.instance)
            except (AnnaError, OSError) as error:
                context.log.error(f"{file.path} is left aside until it or its settings change: {error}")
                cursor.refuse(file, str(error))
                continue
            if request is not None:
                requests.append(request)
                keys.append(str(file.key))
        return dg.SensorResult(
            run_requests=requests,
            dynamic_partitions_requests=[SAMPLE.build_add_request(keys)] if keys else [],
            cursor=cursor.model_dump_json(),
        )

    return inbox


class Cursor(BaseModel):
    """What the sensor remembers: little, however many samples there are.

    Attributes:
        taken: task folder (its inode) → ctime up to which its files were taken, in nanoseconds.
        refused: file → when it was refused; it is looked at again once its settings changed.
        reasons: file → why it was refused.
        settings: task folder (its inode) → latest ctime of settings in it that was looked at, in nanoseconds.
    """

    taken: dict[str, int] = {}
    refused: dict[str, int] = {}
    reasons: dict[str, str] = {}
    settings: dict[str, int] = {}

    def take(self, file: Upload) -> None:
        """Remember that a file is dealt with."""
        folder = _inode(file.path.parent)
        self.taken[folder] = max(self.taken.get(folder, 0), file.changed)
        self.refused.pop(str(file.path), None)
        self.reasons.pop(str(file.path), None)

    def refuse(self, file: Upload, reason: str) -> None:
        """Remember that a file was taken, but cannot be launched."""
        self.refused[str(file.path)] = time.time_ns()
        self.reasons[str(file.path)] = reason

    def forget_lost(self) -> None:
        """Forget the refused files that are gone."""
        for name in [name for name in self.refused if not Path(name).exists()]:
            self.refused.pop(name)
            self.reasons.pop(name, None)


def _candidates(inbox: Path, cursor: Cursor, settle_seconds: float, instance: dg.DagsterInstance) -> list[Upload]:
    settled = time.time_ns() - int(settle_seconds * 1e9)
    cursor.forget_lost()
    new = [u for folder in task_folders(inbox) for u in uploads(folder, cursor.taken.get(_inode(folder), 0))]
    mended = [
        Upload(path, path.stat().st_ctime_ns)
        for path, since in ((Path(name), since) for name, since in cursor.refused.items())
        if settings_changed(path) > since
    ]
    unfinished = [u for folder in task_folders(inbox) for u in _unfinished(folder, cursor, instance)]
    ready = [file for file in {*new, *mended, *unfinished} if file.changed <= settled]
    return sorted(ready, key=lambda file: (file.changed, file.path))


def _unfinished(folder: Path, cursor: Cursor, instance: dg.DagsterInstance) -> list[Upload]:
    """Samples of a task whose settings changed since the last look, and whose latest launch did not succeed."""
    inode, now = _inode(folder), latest_settings(folder)
    seen = cursor.settings.setdefault(inode, now)
    if now <= seen:
        return []
    cursor.settings[inode] = now
    changed = [file for file in uploads(folder, 0) if settings_changed(file.path) > seen]
    # The refused ones come again by themselves, and a name that cannot be a sample's has no launch.
    runs = [(file, _latest_launch(file, instance)) for file in changed if _has_key(file)]
    return [file for file, run in runs if run is not None and run.status is not dg.DagsterRunStatus.SUCCESS]


def _has_key(file: Upload) -> bool:
    try:
        return bool(file.key)
    except KeyNameError:
        return False


def _batch(found: list[Upload]) -> list[Upload]:
    """The next files, and all that changed in the same moment as the last of them: the cursor would pass over these."""
    return [file for place, file in enumerate(found) if place < _BATCH or file.changed == found[_BATCH - 1].changed]


def _left_aside(inbox: Path, cursor: Cursor) -> str:
    folders = list(task_folders(inbox))
    found = {
        "Not taken, as a sample ends in .csv or .parquet and has a name in UTF-8": map(unknown_files, folders),
        "Not complete yet, or damaged": map(unfinished_files, folders),
        "Folders that cannot be read": [closed_folders(inbox)],
    }
    named = {why: [shown(path.relative_to(inbox)) for part in parts for path in part] for why, parts in found.items()}
    parts = [f" {why}: {', '.join(names[:_BATCH])}." for why, names in named.items() if names]
    refused = list(cursor.reasons.items())[:_BATCH]
    return "".join([*parts, *(f" Left aside until it or its settings change: {name}: {why}" for name, why in refused)])


def _inode(folder: Path) -> str:
    return str(folder.stat().st_ino)


def _request(file: Upload, instance: dg.DagsterInstance) -> dg.RunRequest | None:
    """The launch of a file; None where the sample's latest launch was for the same content and did not fail."""
    key = file.key
    request = read_upload_request(file.path)
    content = content_hash(file.path, request)
    latest = _latest_launch(file, instance)
    if latest is not None and latest.tags.get(CONTENT_TAG) == content and latest.status not in _FAILED:
        return None
    tags = {
        CONTENT_TAG: content,
        KEY_TAG: str(key),
        OWNER_TAG: request.owner,
        "anna/task": key.task,
        "anna/sample": key.sample,
    }
    return dg.RunRequest(run_key=f"{key}:{content}:{file.changed}", partition_key=str(key), tags=tags)


def _latest_launch(file: Upload, instance: dg.DagsterInstance) -> dg.DagsterRun | None:
    filters = dg.RunsFilter(job_name=TRAIN, tags={KEY_TAG: str(file.key)})
    return next(iter(instance.get_runs(filters, limit=1)), None)


def _marts_behind(domains: list[Domain], warehouse: Warehouse, settings: Settings, kept: str) -> str:
    """What of the marts is missing or behind its source, as a text; empty where nothing is."""
    behind = []
    for domain in domains:
        source = warehouse.source(domain)
        try:
            listing, state = source.listing(kept), source.read()
        except (AnnaError, OSError) as error:
            behind.append(f"{domain.name}: {error}")
            continue
        if state.listing != listing:
            behind.append(f"{domain.name} is to be observed")
            continue
        months = [month for month in map(parse_month, state.months) if settings.keeps(month)]
        stale = warehouse.mart(domain).stale_months(months)
        if stale:
            behind.append(f"{domain.name}: {len(stale)} of {len(months)} months")
    return "; ".join(behind)
