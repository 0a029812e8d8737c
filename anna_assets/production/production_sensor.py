"""The sensor `production`: as soon as a month is complete, its histories are built and the champions score them.

It compares what there is (champions in the ledger, marts, histories, scores) with what there should be, at each look,
so nothing hangs on an event that was seen or missed:

- The newest complete month is scored by the champion, also by a new one; so are complete months after the last scored.
- A scored month whose marts changed since, by late events, is scored again.
- Past months are otherwise left as they were scored.
"""

import datetime as dt
import time
from collections.abc import Iterator
from itertools import takewhile

import dagster as dg

from anna_assets.clock import told_moment
from anna_assets.layers.fresh_marts import stale_marts
from anna_assets.past_runs import FAILED, UNDER_WAY, last_words
from anna_assets.pauses import pause_end
from anna_assets.production.due import Look, look_at
from anna_assets.production.monitoring_asset import MONITORING_KEY
from anna_assets.production.scores_asset import SCORES_KEY
from anna_assets.refresh.unbuilt import months_under_way
from anna_core.domains import Domain
from anna_core.errors import AnnaError, in_words
from anna_core.months import parse_month
from anna_core.sequences.touched_months import history_months
from anna_resources.ledger.champions import Champion, Champions
from anna_resources.names import PRODUCTION_TAG
from anna_resources.settings import Settings
from anna_resources.warehouse import Warehouse

WATCH_SECONDS = 30  # between two looks


def production_sensor(
    domains: list[Domain], settings: Settings, month: dg.MonthlyPartitionsDefinition
) -> dg.SensorDefinition:
    """The sensor `production`; costs no run while nothing is to be scored."""

    @dg.sensor(
        name="production",
        asset_selection=dg.AssetSelection.assets(
            SCORES_KEY, MONITORING_KEY, *(dg.AssetKey(["history", domain.name]) for domain in domains)
        ),
        minimum_interval_seconds=WATCH_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Has the champions score each month once it is complete, and again where late events change it.",
    )
    def production(context: dg.SensorEvaluationContext, warehouse: Warehouse) -> dg.SensorResult:
        kept = [parse_month(key) for key in month.get_partition_keys()]
        there, told = {domain.name: domain for domain in domains}, list[str]()
        requests: dict[str, dg.RunRequest] = {}
        champions = Champions.of(settings)
        for task in champions.tasks():
            try:
                champion = champions.current(task)
                if champion is None:
                    continue
                read = _domains_of(warehouse, champion, there)
                look = look_at(warehouse, settings, read, kept, time.time())
                stored = warehouse.production(task)
                for at in look.due(stored.all(), stored.latest_done(), champion.tag):
                    for request in _wanted(context.instance, warehouse, look, task, champion.tag, at):
                        name = request.tags[PRODUCTION_TAG]
                        if name not in requests and _may_begin(context.instance, name, time.time(), told):
                            requests[name] = request
            except Exception as error:  # noqa: BLE001  # whatever is wrong with one task, it is told and the others go on
                told.append(f"{task}: {in_words(error)}")
        for sentence in told:
            context.log.warning(sentence)
        if requests:
            return dg.SensorResult(run_requests=list(requests.values()))
        return dg.SensorResult(skip_reason=" ".join(told) or "All champions have scored what is complete.")

    return production


def _domains_of(warehouse: Warehouse, champion: Champion, there: dict[str, Domain]) -> list[Domain]:
    read = warehouse.candidate(champion.tag).facts().domains
    if gone := sorted(domain.name for domain in read if domain.name not in there):
        raise AnnaError(f"{champion.tag} reads {', '.join(gone)}, which is gone: put its file back, or roll back.")
    return [there[domain.name] for domain in read]


def _wanted(
    instance: dg.DagsterInstance, warehouse: Warehouse, look: Look, task: str, tag: str, at: dt.date
) -> Iterator[dg.RunRequest]:
    """What is to be built for the scores of a month: its histories, once their marts are fresh; then the scores."""
    if any(stale_marts(warehouse, domain, history_months(domain, at)) for domain in look.domains):
        return  # the refresh is about to build them
    found, month = look.made_of(at), at.isoformat()
    stale = [one.name for one in look.domains if warehouse.history(one, at).made_of() != found[one.name]]
    for name in stale:
        key = dg.AssetKey(["history", name])
        if not months_under_way(instance, key, [month]):  # of one that exists, the automation asks, too
            yield _request(f"history/{name} {at:%Y-%m}", month, key)
    if not stale:
        pair = str(dg.MultiPartitionKey({"month": month, "task": task}))
        yield _request(f"{tag} {at:%Y-%m}", pair, SCORES_KEY, MONITORING_KEY)


def _request(name: str, partition: str, *keys: dg.AssetKey) -> dg.RunRequest:
    return dg.RunRequest(asset_selection=list(keys), partition_key=partition, tags={PRODUCTION_TAG: name})


def _may_begin(instance: dg.DagsterInstance, name: str, now: float, told: list[str]) -> bool:
    """Whether no run of this name is under way, canceled, or has failed a short while ago."""
    runs = instance.get_run_records(dg.RunsFilter(tags={PRODUCTION_TAG: name}), limit=20)
    if any(record.dagster_run.status in UNDER_WAY for record in runs):
        return False
    failed = list(takewhile(lambda record: record.dagster_run.status in FAILED, runs))
    if not failed:
        return True
    latest = failed[0]
    again = pause_end(len(failed), latest.end_time or latest.update_timestamp.timestamp(), now)
    if again:
        words = last_words(instance, latest.dagster_run.run_id)
        told.append(f"{name} failed, and is tried again at {told_moment(again)}: {words}")
    return not again
