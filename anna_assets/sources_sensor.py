"""The sensor `sources`: looks at the sources' files, and has a source observed once they change."""

import logging
import time

import dagster as dg

from anna_assets.first_month import follow_data
from anna_assets.observations import next_observation
from anna_assets.partitions import kept_months
from anna_assets.train import AssetJob
from anna_core.domains import Domain
from anna_core.errors import AnnaError, in_words
from anna_resources.blueprint import changed_since, domain_notes
from anna_resources.settings import Settings
from anna_resources.warehouse import Warehouse

WATCH_SECONDS = 30  # between two looks at the sources' file listings


def sources_sensor(
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
            told += follow_data(settings, rows)
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
