"""Sources: the bank's raw tables, observed. Their data versions are fingerprints of the months' rows.

Here belong the observation and the sensor that starts it; reading for models is the marts' business.
"""

import json
import time

import dagster as dg

from anna_assets.compute import mart_memory
from anna_assets.launches import AssetJob
from anna_assets.partitions import kept_months
from anna_assets.steps import explained
from anna_core.domains import Domain
from anna_core.errors import AnnaError
from anna_core.marts import freshness
from anna_core.marts.files import told
from anna_resources.settings import load_settings
from anna_resources.warehouse import Warehouse

DATA_VERSION_TAG = "dagster/data_version"
WATCH_SECONDS = 30  # between two looks at the sources' file listings
ASK_AGAIN_SECONDS = 600  # an observation that has not come by then has failed, and is tried again


def source_asset(domain: Domain, month: dg.MonthlyPartitionsDefinition) -> dg.SourceAsset:
    """The observable asset `source/<domain>`."""

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
        settings, folder = load_settings(), warehouse.source(domain.name)
        before = freshness.read_state(folder)
        state = freshness.observe(
            domain,
            warehouse.home_path,
            warehouse.time_zone,
            folder,
            kept_months(month),
            settings.source_settle_seconds,
            settings.left_aside,
            mart_memory(),
        )
        known = set(month.get_partition_keys())
        if outside := [key for key in state.months if key not in known]:
            context.log.warning(
                f"{len(outside)} months of {domain.name} lie outside the deployment's months and are not used: "
                f"{outside[0]} to {outside[-1]}. Set start_month or end_month in anna.yaml to take them in."
            )
        _warn(context, domain, before, state)
        for key, version in state.months.items():
            if key in known:
                context.log_event(
                    dg.AssetObservation(
                        ["source", domain.name],
                        partition=key,
                        metadata=_month_metadata(state, key),
                        tags={DATA_VERSION_TAG: version},
                    )
                )
        context.log_event(dg.AssetObservation(["source", domain.name], metadata=_metadata(state)))
        return dg.DataVersionsByPartition({})  # they are told above, with what was counted

    return source


def _warn(
    context: dg.OpExecutionContext, domain: Domain, before: freshness.SourceState, state: freshness.SourceState
) -> None:
    """Say what no mart will hold, and once what is odd about the files."""
    examples = state.examples()
    for reason, count in state.left().items():
        where = f" ({', '.join(examples[reason])})" if examples.get(reason) else ""
        context.log.warning(f"{domain.name}: {reason} in {count:,} of {state.rows:,} rows{where}.")
    for note in state.notes:
        if note not in before.notes:
            context.log.warning(f"{domain.name}: {note}.")
    if state.unread and state.unread != before.unread:
        context.log.warning(f"{domain.name}: {told(state.unread)}.")


def _month_metadata(state: freshness.SourceState, month: str) -> dict[str, dg.MetadataValue]:
    count, _, _ = state.months[month].partition("-")
    left = {f"rows: {reason}": dg.MetadataValue.int(rows) for reason, rows in state.left(month).items()}
    return {"dagster/row_count": dg.MetadataValue.int(int(count)), **left}


def _metadata(state: freshness.SourceState) -> dict[str, dg.MetadataValue]:
    """What is told of the source as a whole."""
    examples = state.examples()
    return {
        "rows": dg.MetadataValue.int(state.rows),
        "rows of no month": dg.MetadataValue.int(state.undated),
        **{f"rows: {reason}": dg.MetadataValue.int(rows) for reason, rows in state.left().items()},
        **{f"first: {reason}": dg.MetadataValue.text(", ".join(found)) for reason, found in examples.items()},
        "files": dg.MetadataValue.int(len(state.files)),
        "files not read": dg.MetadataValue.text(told(state.unread) if state.unread else "none"),
        "differences between files": dg.MetadataValue.text("; ".join(state.notes) or "none"),
    }


def observe_job(domain: Domain, source: dg.SourceAsset) -> AssetJob:
    """The job that observes one source."""
    return dg.define_asset_job(
        f"observe_{domain.name}",
        selection=dg.AssetSelection.assets(source.key),
        description=f"Fingerprints the months of {domain.name}; marts of changed months are then rebuilt.",
    )


def watch_sensor(
    domains: list[Domain], month: dg.MonthlyPartitionsDefinition, jobs: list[AssetJob]
) -> dg.SensorDefinition:
    """The sensor `sources`: starts an observation once a source's files change; costs no run while nothing does."""

    @dg.sensor(
        name="sources",
        jobs=jobs,
        minimum_interval_seconds=WATCH_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Looks at the sources' files; where names, sizes or times changed, the source is observed.",
    )
    def sources(context: dg.SensorEvaluationContext, warehouse: Warehouse) -> dg.SensorResult | dg.SkipReason:
        asked: dict[str, list] = json.loads(context.cursor or "{}")
        requests, problems = [], []
        for domain, job in zip(domains, jobs, strict=True):
            try:
                before = freshness.read_state(warehouse.source(domain.name))
                found = freshness.listing(
                    domain, warehouse.home_path, warehouse.time_zone, kept_months(month),
                    load_settings().source_settle_seconds, before,
                )  # fmt: skip
                behind = found != before.listing
            except (AnnaError, OSError) as error:
                problems.append(f"{domain.name}: {error}")
                continue
            if behind and _may_ask(asked.get(domain.name), found):
                requests.append(dg.RunRequest(job_name=job.name))
                asked[domain.name] = [found, time.time()]
        for problem in problems:
            context.log.warning(problem)
        skipped = None if requests else dg.SkipReason("; ".join(problems) or "No source changed.")
        return dg.SensorResult(run_requests=requests, skip_reason=skipped, cursor=json.dumps(asked))

    return sources


def _may_ask(last: list | None, listing: str) -> bool:
    """Whether to ask for an observation: this state was not asked for yet, or so long ago that it must have failed."""
    return last is None or last[0] != listing or time.time() - last[1] > ASK_AGAIN_SECONDS
