"""The sensor `production`: as soon as a month is complete, its histories are built and the champions score them.

It compares what there is (champions in the ledger, marts, histories, scores) with what there should be, at each look,
so nothing hangs on an event that was seen or missed:

- The newest complete month is scored by the champion, also by a new one; so are complete months after the last scored.
- A scored month whose marts changed since, by late events, is scored again.
- Past months are otherwise left as they were scored.
- A challenger scores along what the champion has scored last; outcomes are read as they come; and what is new of a
  month, its scores, outcomes or a challenger's scores, is looked at.
"""

import time
from collections.abc import Sequence
from itertools import takewhile

import dagster as dg

from anna_assets.clock import told_moment
from anna_assets.past_runs import FAILED, UNDER_WAY, last_words
from anna_assets.pauses import pause_end
from anna_assets.production.desk import Desk
from anna_assets.production.image_asset import IMAGE_KEY
from anna_assets.production.in_time import in_time_news, late_months
from anna_assets.production.monitoring_asset import MONITORING_KEY
from anna_assets.production.outcomes_asset import OUTCOMES_KEY
from anna_assets.production.scores_asset import CHALLENGER_KEY, SCORES_KEY
from anna_core.domains import Domain
from anna_core.errors import in_words
from anna_core.months import parse_month
from anna_resources.ledger.champions import Champions
from anna_resources.ledger.presses import heads
from anna_resources.names import PRODUCTION_TAG
from anna_resources.settings import Settings
from anna_resources.warehouse import Warehouse

WATCH_SECONDS = 30  # between two looks
_AT_ONCE, _LATELY = 5, 6 * 3600.0  # so often within so many seconds the same is made again without a pause


def production_sensor(
    domains: list[Domain], settings: Settings, month: dg.MonthlyPartitionsDefinition
) -> dg.SensorDefinition:
    """The sensor `production`; costs no run while nothing is to be scored."""

    @dg.sensor(
        name="production",
        asset_selection=dg.AssetSelection.assets(
            IMAGE_KEY,
            SCORES_KEY,
            CHALLENGER_KEY,
            OUTCOMES_KEY,
            MONITORING_KEY,
            *(dg.AssetKey(["history", domain.name]) for domain in domains),
        ),
        minimum_interval_seconds=WATCH_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Has the champions score each month once it is complete, and again where late events change it.",
    )
    def production(context: dg.SensorEvaluationContext, warehouse: Warehouse) -> dg.SensorResult:
        kept = [parse_month(key) for key in month.get_partition_keys()]
        there, told, waits = {domain.name: domain for domain in domains}, list[str](), list[str]()
        requests: dict[str, dg.RunRequest] = {}
        champions = Champions.of(settings)
        for task, head in heads(champions).items():  # by one call of git, where the ledger has no news
            try:
                champion, challenger = champions.champion_at(task, head), champions.challenger_at(task, head)
                if champion is None:
                    continue
                desk = Desk(context.instance, warehouse, settings, there, kept, time.time())
                for request in desk.wanted(task, champion.tag, challenger, told, waits):
                    name = request.tags[PRODUCTION_TAG]
                    if name not in requests and _may_begin(context.instance, name, time.time(), told, waits):
                        requests[name] = request
            except Exception as error:  # noqa: BLE001  # whatever is wrong with one task, it is told and the others go on
                told.append(f"{task}: {in_words(error)}")
        for sentence in told:
            context.log.warning(sentence)
        late = late_months(champions, warehouse, settings, there, kept, time.time())
        news, cursor = in_time_news(late, context.cursor)
        if requests:
            return dg.SensorResult(run_requests=list(requests.values()), asset_events=news, cursor=cursor)
        said = " ".join(dict.fromkeys((*told, *waits))) or "All champions have scored what is complete."
        return dg.SensorResult(skip_reason=said, asset_events=news, cursor=cursor)

    return production


def _may_begin(instance: dg.DagsterInstance, name: str, now: float, told: list[str], waits: list[str]) -> bool:
    """Whether no run of this name is under way, was canceled or failed a short while ago, or comes again and again."""
    runs = instance.get_run_records(dg.RunsFilter(tags={PRODUCTION_TAG: name}), limit=20)
    if any(record.dagster_run.status in UNDER_WAY for record in runs):
        waits.append(f"{name} is under way.")
        return False
    failed = list(takewhile(lambda record: record.dagster_run.status in FAILED, runs))
    if not failed:
        return _is_news(name, runs, now, told)
    latest = failed[0]
    again = pause_end(len(failed), _end(latest), now)
    if again:
        words = last_words(instance, latest.dagster_run.run_id)
        told.append(f"{name} failed, and is tried again at {told_moment(again)}: {words}")
    return not again


def _is_news(name: str, runs: Sequence[dg.RunRecord], now: float, told: list[str]) -> bool:
    """Whether what came to its end is not wanted again at once, time after time, as where its end changes nothing.

    Late events and another champion may have the same made again, and soon: the first times wait for nothing.
    """
    lately = takewhile(lambda record: record.dagster_run.status not in FAILED and now - _end(record) < _LATELY, runs)
    ends = [_end(record) for record in lately]
    again = pause_end(len(ends) - _AT_ONCE, ends[0], now) if len(ends) > _AT_ONCE else 0.0
    if again:
        told.append(
            f"{name} came to its end {len(ends)} times within hours, and is wanted once more, at {told_moment(again)}: "
            "either its source changes without end, or what it makes is not what is looked for; that is a fault."
        )
    return not again


def _end(record: dg.RunRecord) -> float:
    return record.end_time or record.update_timestamp.timestamp()
