"""Sources: the bank's raw tables, observed. Their data versions are those of the months' rows.

Here belong the observation and its job; the sensor that starts it is in `anna_assets/refresh/`, and reading for models
is the marts' business.
"""

import datetime as dt
from pathlib import Path

import dagster as dg

from anna_assets.compute import mart_memory
from anna_assets.partitions import calendar
from anna_assets.refresh.source_versions import versions_to_tell
from anna_assets.steps import explained
from anna_assets.train import AssetJob
from anna_core.columns.shares import percent
from anna_core.domains import Domain
from anna_core.guards.files_apart import files_apart, first_clients
from anna_core.sources.files import told_unread
from anna_core.sources.observed_files import modified
from anna_core.sources.source import Source
from anna_core.sources.source_state import SourceState
from anna_core.sources.span import first_month
from anna_resources.names import DATA_VERSION_TAG, OBSERVE_JOB
from anna_resources.warehouse import Warehouse


def source_asset(domain: Domain, month: dg.MonthlyPartitionsDefinition, follows_data: bool) -> dg.SourceAsset:
    """The observable asset `source/<domain>`; `follows_data` as of `build_defs`."""

    @dg.observable_source_asset(
        key=["source", domain.name],
        partitions_def=month,
        group_name="sources",
        description=f"Raw table of {domain.name}: {domain.source.path}. {domain.description}".strip(),
        tags={"dagster/kind/" + domain.source.format: ""},
        metadata={"format": domain.source.format, "path": domain.source.path},
    )
    @explained
    def source(context: dg.OpExecutionContext, warehouse: Warehouse) -> dg.DataVersionsByPartition:
        stored = warehouse.source(domain)
        before = stored.read()
        state = stored.observe(calendar(month), mart_memory())
        known = set(month.get_partition_keys())
        if follows_data and (begin := _begins_before(state.rows, known)):
            context.log.info(
                f"{domain.name} begins in {begin:%Y-%m}; the deployment's months are about to begin there."
            )
        elif outside := _outside(domain, state.rows, known):
            context.log.warning(outside)
        _warn(context, domain, before, state)
        apart = _clients_apart(stored.source, state)
        if apart:
            context.log.warning(f"{domain.name}: {apart}")
        versions = versions_to_tell(context.instance, warehouse.mart(domain), before, state, known)
        for key, version in versions.items():
            context.log_event(
                dg.AssetObservation(
                    ["source", domain.name],
                    partition=key,
                    metadata=_month_metadata(state, key),
                    tags={DATA_VERSION_TAG: version},
                )
            )
        context.log_event(dg.AssetObservation(["source", domain.name], metadata=_metadata(state, apart)))
        stored.mark_told(state)  # last: what ends before was not told, and the source is observed once more
        return dg.DataVersionsByPartition({})  # they are told above, with what was counted

    return source


def _warn(context: dg.OpExecutionContext, domain: Domain, before: SourceState, state: SourceState) -> None:
    """Say what no mart will hold, and once what is odd about the files."""
    examples = state.examples()
    for reason, count in state.left.items():
        where = f" ({', '.join(examples[reason])})" if examples.get(reason) else ""
        context.log.warning(f"{domain.name}: {reason} in {count:,} of {state.total:,} rows{where}.")
    for note in state.notes:
        if note not in before.notes:
            context.log.warning(f"{domain.name}: {note}.")
    if state.unread and state.unread != before.unread:
        context.log.warning(f"{domain.name}: {told_unread(state.unread)}.")


def _month_metadata(state: SourceState, month: str) -> dict[str, dg.MetadataValue]:
    count, _, _ = state.months[month].partition("-")
    left: dict[str, int] = state.left_by_month.get(month, {})
    return {
        "dagster/row_count": dg.MetadataValue.int(int(count)),
        **{f"rows: {reason}": dg.MetadataValue.int(rows) for reason, rows in left.items()},
    }


def _clients_apart(source: Source, state: SourceState) -> str:
    """A sentence about files that write the same clients in different ways; empty for none."""
    if source.domain.source.is_lake:  # a table is one file
        return ""
    newest = sorted(state.files, key=lambda name: -modified(state.files[name].state))
    return files_apart(first_clients(source, map(Path, newest)))


def _metadata(state: SourceState, apart: str) -> dict[str, dg.MetadataValue]:
    """What is told of the source as a whole."""
    examples = state.examples()
    return {
        "rows": dg.MetadataValue.int(state.total),
        "rows without a usable time": dg.MetadataValue.int(state.undated),
        **{f"rows: {reason}": dg.MetadataValue.int(rows) for reason, rows in state.left.items()},
        **{f"first: {reason}": dg.MetadataValue.text(", ".join(found)) for reason, found in examples.items()},
        "files": dg.MetadataValue.int(len(state.files)),
        "files not read": dg.MetadataValue.text(told_unread(state.unread) if state.unread else "none"),
        "differences between files": dg.MetadataValue.text("; ".join(state.notes) or "none"),
        "clients of files": dg.MetadataValue.text(apart or "written in one way, as far as their first rows tell"),
    }


def _begins_before(rows: dict[dt.date, int], known: set[str]) -> dt.date | None:
    """The month in which a source's data begin, where that is before all known months; else None."""
    begin = first_month([rows], dt.date.fromisoformat(max(known)))
    return begin if begin is not None and begin.isoformat() < min(known) else None


def _outside(domain: Domain, rows: dict[dt.date, int], known: set[str]) -> str:
    """What of a source lies outside the deployment's months, as a sentence; empty where nothing does."""
    months = [at for at, count in rows.items() if count and at.isoformat() not in known]
    if not months:
        return ""
    left_out, total = sum(rows[at] for at in months), sum(rows.values())
    return (
        f"{left_out:,} of {total:,} rows of {domain.name} ({percent(left_out / total)}) lie outside the deployment's "
        f"months and are not used: {len(months)} months from {months[0]:%Y-%m} to {months[-1]:%Y-%m}. Set start_month "
        "or end_month in anna.yaml to take them in."
    )


def observe_job(domain: Domain, source: dg.SourceAsset) -> AssetJob:
    """The job that observes one source."""
    return dg.define_asset_job(
        f"{OBSERVE_JOB}{domain.name}",
        selection=dg.AssetSelection.assets(source.key).without_checks(),
        description=f"Fingerprints the months of {domain.name}; marts of changed months are then rebuilt.",
    )
