"""The job `prune`, and its schedule: what is too old is shown, or taken away."""

import datetime as dt
import logging
import os
import time
from collections.abc import Callable
from pathlib import Path

import dagster as dg
from filelock import FileLock, Timeout
from pydantic import ByteSize, Field

from anna_assets.partitions import SAMPLE
from anna_assets.steps import explained
from anna_assets.upkeep.busy import backfills, busy
from anna_assets.upkeep.old_runs import delete_run, old_events, old_runs, size_of_run
from anna_core.errors import AnnaError, in_words
from anna_core.samples.listing import list_inbox
from anna_resources.ledger.champions import Champions
from anna_resources.names import PRUNE_JOB, PRUNE_OP
from anna_resources.settings import Keep, Settings, load_settings
from anna_resources.tracking.old_runs import delete_old_runs
from anna_resources.upkeep.lying import Lying, remove
from anna_resources.upkeep.policy import Item, Kind, Needed, going
from anna_resources.upkeep.told import Line, Told
from anna_resources.warehouse import Warehouse

_NIGHTLY = "40 3 * * *"
_EVENTS = "dagster_runs: events of no run"


class Prune(dg.Config):
    """What the form in the Launchpad asks for."""

    do: bool = Field(default=False, description="Whether to remove what is too old; otherwise it is only shown.")


@dg.op(
    name=PRUNE_OP,
    out=dg.Out(dg.Nothing),
    description="Shows what is older than `keep` in anna.yaml says, or removes it.",
)
@explained
def prune_op(context: dg.OpExecutionContext, config: Prune, warehouse: Warehouse) -> None:
    """Show or remove what is too old: files of the storage, Dagster's runs, MLflow's runs."""
    settings, storage = load_settings(), Path(warehouse.storage)
    try:
        with FileLock(storage / "upkeep" / ".lock", timeout=0):
            told = prune(context.instance, warehouse, settings, context.run_id, config.do, context.log)
    except Timeout:
        raise AnnaError("Another run of `prune` is under way: wait for its end, then look again.") from None
    for line in told.lines:
        context.log.info(f"keep.{line.what}: {line.number:,}, {ByteSize(line.size).human_readable()}")
    for note in told.notes:
        context.log.warning(note)
    rows = [dg.TableRecord({"keep": line.what, "number": line.number, "bytes": line.size}) for line in told.lines]
    context.add_output_metadata(
        {
            "removed" if told.is_done else "would be removed": dg.TableMetadataValue(rows, _SCHEMA),
            "bytes": sum(line.size for line in told.lines),
            "storage, in bytes": dg.MetadataValue.json(told.disk),
        }
    )


_SCHEMA = dg.TableSchema([dg.TableColumn("keep"), dg.TableColumn("number", "int"), dg.TableColumn("bytes", "int")])


@dg.job(
    name=PRUNE_JOB,
    description="What is older than `keep` in anna.yaml says is shown, or removed; what a champion or an open request "
    "stands on stays.",
    executor_def=dg.in_process_executor,
)
def prune_job() -> None:
    """Show or remove what is too old."""
    prune_op()


def prune_schedule(settings: Settings) -> dg.ScheduleDefinition:
    """The job each night; off where `keep.nightly` says so, until somebody switches it on in the UI."""
    on = dg.DefaultScheduleStatus.RUNNING if settings.keep.nightly else dg.DefaultScheduleStatus.STOPPED
    return dg.ScheduleDefinition(
        name=PRUNE_JOB,
        job=prune_job,
        cron_schedule=_NIGHTLY,
        execution_timezone=settings.time_zone,
        run_config={"ops": {PRUNE_OP: {"config": {"do": True}}}},
        default_status=on,
        description="Removes each night what is older than `keep` in anna.yaml says.",
    )


def prune(
    instance: dg.DagsterInstance, warehouse: Warehouse, settings: Settings, run_id: str, do: bool, log: logging.Logger
) -> Told:
    """Find what is too old, and remove it if asked to; return what that is, which is also kept for the command.

    Args:
        instance: that has the runs.
        warehouse: what is in the storage.
        settings: of the deployment.
        run_id: of the run that asks.
        do: whether to remove it.
        log: takes what could not be removed.

    Raises:
        LedgerError: it cannot be said who is champion: nothing is removed then.
        ArtifactError: nor whose scores there are.
    """
    now, keep, notes = time.time(), settings.keep, list[str]()
    samples = instance.get_dynamic_partitions(SAMPLE.name or "")
    there = {*samples, *(f"{one.task}.{one.sample}" for one in list_inbox(settings.inbox).uploads)}
    needed = _needed_tags(Champions.of(settings), warehouse)
    lines = _files(instance, Lying.of(warehouse), keep, there if samples else None, needed, now, do, notes)
    lines += _runs(instance, keep, there, now, do)
    if keep.mlflow_runs is not None:
        before = now - keep.mlflow_runs.total_seconds()
        tasks = Champions.of(settings).tasks()
        try:
            number = delete_old_runs(settings.tracking_url, tasks, before, needed, do)
            lines.append(Line(what="mlflow_runs", number=number, size=0))
        except Exception as error:  # noqa: BLE001  # whatever is wrong with MLflow, the rest is done
            notes.append(f"MLflow at {settings.tracking_url} could not be asked for old runs: {in_words(error)}")
    told = Told(
        run=run_id,
        at=dt.datetime.fromtimestamp(now, dt.UTC),
        is_done=do,
        lines=lines,
        notes=notes,
        disk=_disk(settings.storage),
    )
    told.keep(settings.storage)
    return told


def _needed_tags(champions: Champions, warehouse: Warehouse) -> set[str]:
    """Launches that are champion or challenger, that one goes back to, that are asked for, or the newest of their task.

    And those whose scores of some month are there: outcomes that come late are held against what they were judged on.
    """
    tags = set[str]()
    for task in champions.tasks():
        tags.add(champions.newest_launch(task))
        for press in (champions.current(task), champions.request(task), champions.challenger(task)):
            if press is not None:
                tags |= {press.tag, getattr(press, "instead_of", ""), getattr(press, "before", "")}
        for scores in (warehouse.production(task), warehouse.challenger(task)):
            tags |= {done.model for done in scores.all().values()}
    return tags - {""}


def _files(
    instance: dg.DagsterInstance,
    lying: Lying,
    keep: Keep,
    there: set[str] | None,
    needed: set[str],
    now: float,
    do: bool,
    notes: list[str],
) -> list[Line]:
    if count := backfills(instance):
        notes.append(f"{count} backfill(s) are under way, which may need any files: these are left alone until then.")
        return []
    if there is None:
        notes.append("Dagster knows no sample, so which were deleted cannot be said: `deleted` is passed over.")
    found = {kind: Line(what=kind.value, number=0, size=0) for kind in Kind}
    for item in going(lying.items(there, now, keep), keep, Needed(needed, busy(instance)), now):
        if do and not _removed(item, keep, now, lambda: busy(instance), notes):
            continue
        line = found[item.kind]
        found[item.kind] = Line(what=line.what, number=line.number + 1, size=line.size + item.size)
    return [line for line in found.values() if getattr(keep, line.what) is not None]


def _removed(item: Item, keep: Keep, now: float, busy_now: Callable[[], set[str]], notes: list[str]) -> bool:
    """Remove an item, unless a run has begun meanwhile that is about it; whether it was."""
    if not list(going([item], keep, Needed((), busy_now()), now)):
        return False
    try:
        remove(item, keep, now)
    except OSError as error:
        notes.append(f"{item.path} could not be removed: {error}")
        return False
    return True


def _runs(instance: dg.DagsterInstance, keep: Keep, samples: set[str], now: float, do: bool) -> list[Line]:
    if keep.dagster_runs is None:
        return []
    before = dt.datetime.fromtimestamp(now, dt.UTC) - keep.dagster_runs
    runs, size = old_runs(instance, before, samples), 0
    for run_id in runs:
        size += size_of_run(instance, run_id)
        if do:
            delete_run(instance, run_id)
    number, bytes_ = old_events(instance, before, do)
    return [Line(what="dagster_runs", number=len(runs), size=size), Line(what=_EVENTS, number=number, size=bytes_)]


def _disk(storage: Path) -> dict[str, int]:
    """Bytes in each folder of the storage; a file that has several names counts for the first of them."""
    seen, sizes = set[int](), dict[str, int]()
    for folder in filter(Path.is_dir, sorted(storage.iterdir())):
        files = {found.st_ino: found.st_size for file in folder.rglob("*") if (found := _stat(file)) is not None}
        sizes[folder.name] = sum(size for number, size in files.items() if number not in seen)
        seen |= files.keys()
    return sizes


def _stat(file: Path) -> os.stat_result | None:
    try:
        return file.stat() if file.is_file() else None
    except FileNotFoundError:  # written under another name meanwhile
        return None
