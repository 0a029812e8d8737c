"""The sensor `production`: as soon as a period is complete, its histories are built and the champions score them.

It compares what there is (champions in the ledger, marts, histories, scores) with what there should be, at each look,
so nothing hangs on an event that was seen or missed:

- The newest complete period is scored by the champion, also by a new one; so are complete ones after the last scored.
- A scored period whose marts changed since, by late events, is scored again.
- Past periods are otherwise left as they were scored.
- A challenger scores along what the champion has scored last; outcomes are read as they come; and what is new of a
  period, its scores, outcomes or a challenger's scores, is looked at.
"""

import time

import dagster as dg

from anna_assets.layers.fresh_marts import history_key
from anna_assets.partitions import periods_of
from anna_assets.production.agenda import Agenda
from anna_assets.production.image_asset import IMAGE_KEY
from anna_assets.production.in_time import in_time_news, late_periods
from anna_assets.production.monitoring_asset import MONITORING_KEY
from anna_assets.production.outcomes_asset import OUTCOMES_KEY
from anna_assets.production.scores_asset import CHALLENGER_KEY, SCORES_KEY
from anna_core.domains import Domain
from anna_core.errors import in_words
from anna_resources.ledger.champions import Champions
from anna_resources.ledger.roles import Challenger, Champion
from anna_resources.names import PRODUCTION_TAG
from anna_resources.settings import Settings
from anna_resources.warehouse import Warehouse

WATCH_SECONDS = 15  # between two looks


def production_sensor(domains: list[Domain], settings: Settings) -> dg.SensorDefinition:
    """The sensor `production`; costs no run while nothing is to be scored."""
    cadence = settings.production.cadence

    @dg.sensor(
        name="production",
        asset_selection=dg.AssetSelection.assets(
            IMAGE_KEY,
            SCORES_KEY,
            CHALLENGER_KEY,
            OUTCOMES_KEY,
            MONITORING_KEY,
            *(history_key(domain, cadence) for domain in domains),
        ),
        minimum_interval_seconds=WATCH_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=f"Has the champions score each {cadence} once it is complete, again where late events change it.",
    )
    def production(context: dg.SensorEvaluationContext, warehouse: Warehouse) -> dg.SensorResult:
        there, periods = {domain.name: domain for domain in domains}, periods_of(settings)
        agenda = Agenda(context.instance, warehouse, settings, there, periods, time.time())
        requests: dict[str, dg.RunRequest] = {}
        champions = Champions.of(settings)
        for task, head in champions.heads().items():  # by one call of git, where the ledger has no news
            try:
                champion = champions.read(Champion, task, head)
                if champion is None:
                    continue
                for request in agenda.wanted(task, champion.tag, champions.read(Challenger, task, head)):
                    name = request.tags[PRODUCTION_TAG]
                    if name not in requests and agenda.may_begin(name):
                        requests[name] = request
            except Exception as error:  # noqa: BLE001  # whatever is wrong with one task, it is told and the others go on
                agenda.told.append(f"{task}: {in_words(error)}")
        for sentence in agenda.told:
            context.log.warning(sentence)
        late = late_periods(warehouse, settings, periods)
        news, cursor = in_time_news(late, context.instance, context.cursor)
        if requests:
            return dg.SensorResult(run_requests=list(requests.values()), asset_events=news, cursor=cursor)
        said = " ".join(dict.fromkeys((*agenda.told, *agenda.waits))) or "All champions have scored what is complete."
        return dg.SensorResult(skip_reason=said, asset_events=news, cursor=cursor)

    return production
