"""Sources: the bank's raw tables, observed. Their data versions are fingerprints of the months' rows.

Here belong the observation and the sensor that starts it; reading for models is the marts' business.
"""

import json
import time

import dagster as dg

from anna_assets.launches import AssetJob
from anna_assets.partitions import kept_months
from anna_assets.steps import explained
from anna_core.domains import Domain
from anna_core.errors import AnnaError
from anna_resources.warehouse import Warehouse

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
        state = warehouse.source(domain).observe(kept_months(month))
        known = set(month.get_partition_keys())
        if outside := [key for key in state.months if key not in known]:
            context.log.warning(
                f"{len(outside)} months of {domain.name} lie outside the deployment's months and are not used: "
                f"{outside[0]} to {outside[-1]}. Set start_month or end_month in anna.yaml to take them in."
            )
        if state.undated:
            context.log.warning(
                f"{state.undated:,} rows of {domain.name} have no '{domain.columns.event_time}' that can be read as a "
                "time; no mart holds them."
            )
        return dg.DataVersionsByPartition({key: value for key, value in state.months.items() if key in known})

    return source


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
            stored = warehouse.source(domain)
            try:
                found = stored.listing(kept_months(month))
                behind = found != stored.read().listing
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
