"""Sources: the bank's raw tables, observed. Their data versions are those of the months' rows.

Here belong the observation and the sensor that starts it; reading for models is the marts' business.
"""

import datetime as dt
import logging
import time

import dagster as dg

from anna_assets.compute import mart_memory
from anna_assets.launches import AssetJob
from anna_assets.observations import next_observation
from anna_assets.partitions import kept_months
from anna_assets.source_versions import DATA_VERSION_TAG, told_versions
from anna_assets.steps import explained
from anna_core.domains import Domain
from anna_core.errors import AnnaError, in_words
from anna_core.sources.files import told as told_unread
from anna_core.sources.freshness import SourceState
from anna_core.sources.span import first_month
from anna_resources.blueprint import changed_since, domain_notes, read_first_month, write_first_month
from anna_resources.code_location import ReloadError, reload_definitions
from anna_resources.settings import Settings
from anna_resources.warehouse import Warehouse

WATCH_SECONDS = 30  # between two looks at the sources' file listings


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
        stored = warehouse.source(domain)
        before = stored.read()
        state = stored.observe(kept_months(month), mart_memory())
        known = set(month.get_partition_keys())
        if outside := _outside(domain, state.rows, known):
            context.log.warning(outside)
        _warn(context, domain, before, state)
        versions = told_versions(context.instance, warehouse.mart(domain), before, state)
        for key, version in versions.items():
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


def _warn(context: dg.OpExecutionContext, domain: Domain, before: SourceState, state: SourceState) -> None:
    """Say what no mart will hold, and once what is odd about the files."""
    examples = state.examples()
    for reason, count in state.left().items():
        where = f" ({', '.join(examples[reason])})" if examples.get(reason) else ""
        context.log.warning(f"{domain.name}: {reason} in {count:,} of {state.total:,} rows{where}.")
    for note in state.notes:
        if note not in before.notes:
            context.log.warning(f"{domain.name}: {note}.")
    if state.unread and state.unread != before.unread:
        context.log.warning(f"{domain.name}: {told_unread(state.unread)}.")


def _month_metadata(state: SourceState, month: str) -> dict[str, dg.MetadataValue]:
    count, _, _ = state.months[month].partition("-")
    left = {f"rows: {reason}": dg.MetadataValue.int(rows) for reason, rows in state.left(month).items()}
    return {"dagster/row_count": dg.MetadataValue.int(int(count)), **left}


def _metadata(state: SourceState) -> dict[str, dg.MetadataValue]:
    """What is told of the source as a whole."""
    examples = state.examples()
    return {
        "rows": dg.MetadataValue.int(state.total),
        "rows of no month": dg.MetadataValue.int(state.undated),
        **{f"rows: {reason}": dg.MetadataValue.int(rows) for reason, rows in state.left().items()},
        **{f"first: {reason}": dg.MetadataValue.text(", ".join(found)) for reason, found in examples.items()},
        "files": dg.MetadataValue.int(len(state.files)),
        "files not read": dg.MetadataValue.text(told_unread(state.unread) if state.unread else "none"),
        "differences between files": dg.MetadataValue.text("; ".join(state.notes) or "none"),
    }


def _outside(domain: Domain, rows: dict[dt.date, int], known: set[str]) -> str:
    """What of a source lies outside the deployment's months, as a sentence; empty where nothing does."""
    months = [at for at, count in rows.items() if count and at.isoformat() not in known]
    if not months:
        return ""
    left_out, total = sum(rows[at] for at in months), sum(rows.values())
    return (
        f"{left_out:,} of {total:,} rows of {domain.name} ({left_out / total:.2%}) lie outside the deployment's months "
        f"and are not used: {len(months)} months from {months[0]:%Y-%m} to {months[-1]:%Y-%m}. Set start_month or "
        "end_month in anna.yaml to take them in."
    )


def observe_job(domain: Domain, source: dg.SourceAsset) -> AssetJob:
    """The job that observes one source."""
    return dg.define_asset_job(
        f"observe_{domain.name}",
        selection=dg.AssetSelection.assets(source.key),
        description=f"Fingerprints the months of {domain.name}; marts of changed months are then rebuilt.",
    )


def watch_sensor(
    domains: list[Domain],
    settings: Settings,
    month: dg.MonthlyPartitionsDefinition,
    jobs: list[AssetJob],
    follows_data: bool,
) -> dg.SensorDefinition:
    """The sensor `sources`: starts an observation once a source's files change; costs no run while nothing does.

    Where the deployment begins with its data (`follows_data`), it also has the definitions loaded anew once the first
    month of the data is another.
    """

    @dg.sensor(
        name="sources",
        jobs=jobs,
        minimum_interval_seconds=WATCH_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Looks at the sources' files; where names, sizes or times changed, the source is observed.",
    )
    def sources(context: dg.SensorEvaluationContext, warehouse: Warehouse) -> dg.SensorResult | dg.SkipReason:
        told = domain_file_news(settings, domains)
        requests, rows = [], []
        for domain, job in zip(domains, jobs, strict=True):
            stored = warehouse.source(domain)
            try:
                state = stored.read()
                rows.append(state.rows)
                found = stored.listing(kept_months(month))
            except (AnnaError, OSError) as error:
                told.append(f"{domain.name}: {error}")
                continue
            except Exception as error:  # whatever is the matter with one domain's source, the others are observed
                logging.getLogger(__name__).exception("The source of %s cannot be looked at", domain.name)
                told.append(f"{domain.name}: {in_words(error)}")
                continue
            if found == state.listing:
                continue
            if request := next_observation(context.instance, job.name, found, time.time(), told):
                requests.append(request)
        for sentence in told:
            context.log.warning(sentence)
        if requests:
            return dg.SensorResult(run_requests=requests)
        if follows_data and len(rows) == len(domains):  # of a domain whose state cannot be read nobody knows the months
            told += _follow_data(settings, rows)
        return dg.SkipReason(" ".join(told) or "No source changed.")

    return sources


def domain_file_news(settings: Settings, domains: list[Domain]) -> list[str]:
    """What the domains' folder says by now that the graph does not: files that cannot be used, and other domains."""
    news = domain_notes(settings)
    if changed := changed_since(settings, domains):
        news.append(
            f"In {settings.domains} {', '.join(changed)} changed since the definitions were loaded: press Reload on "
            "the Deployment page of the UI to take that in. Launches that run or wait keep the domains that they have."
        )
    return news


def begins_elsewhere(settings: Settings, rows: list[dict[dt.date, int]]) -> dt.date | None:
    """The month in which the data begins, as far as it was observed, where the graph begins in another.

    Args:
        settings: of a deployment whose graph follows the data.
        rows: of each domain, month → number of its rows.
    """
    first = first_month(rows, settings.last_month, read_first_month(settings))
    return None if first == settings.first_month else first


def _follow_data(settings: Settings, rows: list[dict[dt.date, int]]) -> list[str]:
    """Have the definitions loaded anew where the data begins in another month than the graph; what there is to tell."""
    first = begins_elsewhere(settings, rows)
    if first is None:
        return []
    write_first_month(settings, first)
    try:
        reload_definitions(settings.webserver_url)
    except ReloadError as error:
        return [f"The data begins in {first:%Y-%m}, the graph does not. {error}"]
    return [f"The data begins in {first:%Y-%m}: the definitions were loaded anew."]
