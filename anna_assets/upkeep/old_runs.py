"""Dagster's own log: runs that ended long ago and made nothing of what is there now, and events of no run.

Deleting a run deletes its events. Automation, staleness and the pages of assets live on the latest event of each
partition, and sensors on the latest runs of each job: whatever made or tells those stays.
"""

import datetime as dt
import json
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any, TypeVar

import dagster as dg
import sqlalchemy as db

from anna_assets.past_runs import FAILED
from anna_resources.names import KEY_TAG, ROOT_RUN_TAG, TRAIN_JOB

_Id = TypeVar("_Id", str, int)
_OVER = [dg.DagsterRunStatus.SUCCESS, *FAILED]
_NEWEST = 50  # runs of each job; sensors look back no farther
_CHUNK = 200  # of ids in one query
_OF_SAMPLE = {"sample", "sequences", "model", "embedding", "boosting", "metamodel", "report", "candidate", "retro"}
_TOLD = "('ASSET_MATERIALIZATION', 'ASSET_OBSERVATION')"
_LATEST = f"""
SELECT max(id) FROM event_logs WHERE dagster_event_type IN {_TOLD} GROUP BY asset_key, "partition", dagster_event_type
"""
_LATEST_RUNS = f'SELECT run_id, asset_key, "partition" FROM event_logs WHERE id IN ({_LATEST})'
_LATEST_CHECKS = """
SELECT run_id, asset_key, "partition" FROM asset_check_executions
WHERE id IN (SELECT max(id) FROM asset_check_executions GROUP BY asset_key, check_name, "partition")
"""
_OLD_EVENTS = f"""
SELECT id, length(event) FROM event_logs
WHERE run_id = '' AND "timestamp" < :before AND dagster_event_type IN {_TOLD} AND id NOT IN ({_LATEST})
"""


def old_runs(instance: dg.DagsterInstance, before: dt.datetime, samples: Collection[str]) -> list[str]:
    """Ids of the runs that can go.

    Args:
        instance: that has the runs.
        before: they have not changed since.
        samples: keys of the samples that there are; the runs of others are not needed.
    """
    found = instance.get_run_records(dg.RunsFilter(statuses=_OVER, updated_before=before))
    runs = {record.dagster_run.run_id: record.dagster_run for record in found}
    stay = _made_what_is_there(instance, samples) | _newest(instance, runs.values(), samples)
    groups: dict[str, set[str]] = {}
    for run in runs.values():
        groups.setdefault(run.root_run_id or run.run_id, set()).add(run.run_id)
    for root, ids in _retries(instance, list(groups)):
        groups[root].add(ids)
    going = (ids for ids in groups.values() if not ids & stay and ids <= runs.keys())
    return sorted(run_id for ids in going for run_id in ids)


def size_of_run(instance: dg.DagsterInstance, run_id: str) -> int:
    """Bytes of a run's log files, as far as they are files of this machine."""
    return sum(file.stat().st_size for place in _places(instance, run_id) for file in _files(place))


def delete_run(instance: dg.DagsterInstance, run_id: str) -> None:
    """Delete a run, its events and its log; the run goes last, so that what a killed call left is found by the next."""
    instance.compute_log_manager.delete_logs(prefix=[run_id])
    instance.event_log_storage.delete_events(run_id)
    for place in _places(instance, run_id):
        for file in _files(place):
            file.unlink(missing_ok=True)
    with instance.run_storage.connect() as connection:  # type: ignore[attr-defined]  # of all storages in SQL
        connection.execute(db.text("DELETE FROM run_tags WHERE run_id = :run"), {"run": run_id})  # SQLite leaves them
    instance.run_storage.delete_run(run_id)


def old_events(instance: dg.DagsterInstance, before: dt.datetime, delete: bool) -> tuple[int, int]:
    """Number and bytes of the events of no run, such as of the table of uploads, that are not the latest of their kind.

    Args:
        instance: that has the events.
        before: they are from before.
        delete: whether they are deleted, too.
    """
    storage = instance.event_log_storage
    number, size = _old_events(storage.index_connection, before, delete)  # type: ignore[attr-defined]  # as above
    if (shard := getattr(storage, "path_for_shard", None)) and Path(shard("")).exists():  # SQLite's second copy
        size += _old_events(lambda: storage.run_connection(""), before, delete)[1]  # type: ignore[attr-defined]
    return number, size


def _old_events(connect: Callable[[], Any], before: dt.datetime, delete: bool) -> tuple[int, int]:
    query = db.text(_OLD_EVENTS).bindparams(db.bindparam("before", type_=db.TIMESTAMP))
    with connect() as connection:
        values = {"before": before.astimezone(dt.UTC).replace(tzinfo=None)}
        found = {row[0]: row[1] for row in connection.execute(query, values)}
    for chunk in _chunks(sorted(found)) if delete else ():
        with connect() as connection, nullcontext() if connection.in_transaction() else connection.begin():
            for table, column in (("asset_event_tags", "event_id"), ("event_logs", "id")):
                remove = db.text(f"DELETE FROM {table} WHERE {column} IN :ids")
                connection.execute(remove.bindparams(db.bindparam("ids", expanding=True)), {"ids": chunk})
    return len(found), sum(found.values())


def _made_what_is_there(instance: dg.DagsterInstance, samples: Collection[str]) -> set[str]:
    """The runs that told the latest of any partition of an asset, or of a check."""
    with instance.event_log_storage.index_connection() as connection:  # type: ignore[attr-defined]  # as above
        rows = [*connection.execute(db.text(_LATEST_RUNS)), *connection.execute(db.text(_LATEST_CHECKS))]
    return {run for run, asset, partition in rows if run and _is_there(asset, partition, samples)}


def _is_there(asset: str, partition: str | None, samples: Collection[str]) -> bool:
    """Whether a partition is not of a sample that was deleted."""
    layer = json.loads(asset)[0]  # an asset's key is a list of names
    if partition is None or layer not in _OF_SAMPLE:
        return True
    return partition.rpartition("|")[2] in samples  # of a month, too, where it is of retro-inference


def _newest(instance: dg.DagsterInstance, runs: Collection[dg.DagsterRun], samples: Collection[str]) -> set[str]:
    """The newest runs of each job, and the newest launch of each sample that there is."""
    stay = set[str]()
    for job in {run.job_name for run in runs}:
        records = instance.get_run_records(dg.RunsFilter(job_name=job), limit=_NEWEST)
        stay |= {record.dagster_run.run_id for record in records}
    for key in {run.tags.get(KEY_TAG, "") for run in runs if run.job_name == TRAIN_JOB} & set(samples):
        latest = instance.get_runs(dg.RunsFilter(job_name=TRAIN_JOB, tags={KEY_TAG: key}), limit=1)
        stay |= {run.run_id for run in latest}
    return stay


def _retries(instance: dg.DagsterInstance, roots: list[str]) -> Iterator[tuple[str, str]]:
    """Root and id of each run that retries one of these; of a group, all stay or all go, or its pages break."""
    for chunk in _chunks(roots):
        for run in instance.get_runs(dg.RunsFilter(tags={ROOT_RUN_TAG: chunk})):
            yield run.root_run_id or run.run_id, run.run_id


def _places(instance: dg.DagsterInstance, run_id: str) -> Iterator[Path]:
    """Where a run has files: with SQLite, a database of its own; and what its steps printed."""
    if shard := getattr(instance.event_log_storage, "path_for_shard", None):
        yield from (Path(f"{shard(run_id)}{suffix}") for suffix in ("", "-wal", "-shm"))
    if folder := getattr(instance.compute_log_manager, "_base_dir", None):
        yield Path(folder) / run_id


def _files(place: Path) -> list[Path]:
    if place.is_file():
        return [place]
    return [file for file in place.rglob("*") if file.is_file()] if place.is_dir() else []


def _chunks(ids: Sequence[_Id]) -> Iterator[list[_Id]]:
    for first in range(0, len(ids), _CHUNK):
        yield list(ids[first : first + _CHUNK])
