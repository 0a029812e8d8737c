"""The sensor `sources`: looks at the sources' files, and has a source observed once they change."""

import logging
import time

import dagster as dg

from anna_assets.partitions import calendar
from anna_assets.refresh.first_month import follow_data
from anna_assets.refresh.observations import next_observation, observation_for_builds
from anna_assets.refresh.readable import Readability, last_problem
from anna_assets.refresh.unbuilt import months_under_way
from anna_assets.train import AssetJob
from anna_core.domains import Domain
from anna_core.errors import AnnaError, in_words
from anna_core.months import parse_month
from anna_core.sources.source_state import SourceState
from anna_resources.artifacts.events import StoredMart
from anna_resources.blueprint import domain_file_news
from anna_resources.settings import Settings
from anna_resources.warehouse import Warehouse

WATCH_SECONDS = 10  # between two looks at the sources' file listings


def sources_sensor(
    domains: list[Domain],
    settings: Settings,
    month: dg.MonthlyPartitionsDefinition,
    jobs: list[AssetJob],
    follows_data: bool,
) -> dg.SensorDefinition:
    """The sensor `sources`: starts an observation once a source's files change; costs no run while nothing does.

    A source whose last observation was not told, or led to no build of its months, is observed once more. What is wrong
    with a source is told by its check `readable`, once.

    Where the deployment begins with its data (`follows_data`), it also has the definitions loaded anew once the first
    month of the data is another.
    """

    @dg.sensor(
        name="sources",
        jobs=jobs,
        minimum_interval_seconds=WATCH_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Looks at the sources' files; where names, sizes or times changed, the source is observed; "
        "so it is, after a pause, where months of its mart are behind and no run is about to build them.",
    )
    def sources(context: dg.SensorEvaluationContext, warehouse: Warehouse) -> dg.SensorResult:
        told, readable = domain_file_news(settings, domains), Readability(context.cursor)
        requests, rows = [], []
        for domain, job in zip(domains, jobs, strict=True):
            stored = warehouse.source(domain)
            try:
                state = stored.read()
                rows.append(state.rows)
                found = stored.listing(calendar(month))
                observed = state.told and found == state.listing
                behind = _unbuilt(context.instance, warehouse.mart(domain), state, month) if observed else []
            except (AnnaError, OSError) as error:
                told.append(f"{domain.name}: {error}")
                readable.note(domain.name, str(error))
                continue
            except Exception as error:  # whatever is the matter with one domain's source, the others are observed
                logging.getLogger(__name__).exception("The source of %s cannot be looked at", domain.name)
                told.append(f"{domain.name}: {in_words(error)}")
                readable.note(domain.name, in_words(error))
                continue
            is_doubtful = not observed or readable.is_doubtful(domain.name)
            latest = last_problem(context.instance, job.name) if is_doubtful else ""
            # What was wrong is gone with its files: observed anew, so that the latest observation says that.
            mended = observed and latest != ""
            problem = "" if observed else latest
            if problem is not None:
                readable.note(domain.name, problem)
            if behind:
                request = observation_for_builds(context.instance, job.name, found, behind, time.time(), told)
            elif observed and not mended:
                continue
            else:
                request = next_observation(context.instance, job.name, found, time.time(), told)
            if request is not None:
                requests.append(request)
        for sentence in told:
            context.log.warning(sentence)
        if requests:
            return dg.SensorResult(run_requests=requests, asset_events=readable.news, cursor=readable.cursor)
        if follows_data and len(rows) == len(domains):  # of a domain whose state cannot be read nobody knows the months
            told += follow_data(settings, rows)
        why = " ".join(told) or "No source changed."
        return dg.SensorResult(skip_reason=why, asset_events=readable.news, cursor=readable.cursor)

    return sources


def _unbuilt(
    instance: dg.DagsterInstance, mart: StoredMart, state: SourceState, month: dg.MonthlyPartitionsDefinition
) -> list[str]:
    """Keys of the deployment's months that are behind what was observed and that no run is about to build; in order."""
    kept = [parse_month(key) for key in month.get_partition_keys() if key in state.months]
    stale = [at.isoformat() for at in mart.stale_months(kept, state)]
    under_way = months_under_way(instance, dg.AssetKey(["mart", mart.domain.name]), stale) if stale else set()
    return [key for key in stale if key not in under_way]
