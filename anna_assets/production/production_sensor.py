"""The sensor `production`: as soon as a month is complete, its histories are built and the champions score them.

It compares what there is (champions in the ledger, marts, histories, scores) with what there should be, at each look,
so nothing hangs on an event that was seen or missed:

- The newest complete month is scored by the champion, also by a new one; so are complete months after the last scored.
- A scored month whose marts changed since, by late events, is scored again.
- Past months are otherwise left as they were scored.
"""

import datetime as dt
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import takewhile
from zoneinfo import ZoneInfo

import dagster as dg

from anna_assets.clock import told_moment
from anna_assets.layers.fresh_marts import made_of, stale_marts
from anna_assets.past_runs import FAILED, UNDER_WAY, last_words
from anna_assets.pauses import pause_end
from anna_assets.production.scores_asset import SCORES_KEY
from anna_assets.refresh.unbuilt import months_under_way
from anna_core.domains import Domain
from anna_core.errors import AnnaError, in_words
from anna_core.months import months_between, next_month, parse_month
from anna_core.sequences.touched_months import history_months
from anna_resources.artifacts.production import Done
from anna_resources.artifacts.visible import MadeOf
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
            SCORES_KEY, *(dg.AssetKey(["history", domain.name]) for domain in domains)
        ),
        minimum_interval_seconds=WATCH_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Has the champions score each month once it is complete, and again where late events change it.",
    )
    def production(context: dg.SensorEvaluationContext, warehouse: Warehouse) -> dg.SensorResult:
        kept = [parse_month(key) for key in month.get_partition_keys()]
        there, told = {domain.name: domain for domain in domains}, list[str]()
        requests: dict[str, dg.RunRequest] = {}
        try:
            champions = Champions.of(settings).all()
        except AnnaError as error:
            return dg.SensorResult(skip_reason=f"Nobody knows the champions: {error}")
        for task, champion in champions.items():
            try:
                read = _domains_of(warehouse, champion, there)
                look = look_at(warehouse, settings, read, kept, time.time())
                for at in look.due(warehouse.production(task).all(), champion.tag):
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


@dataclass(frozen=True)
class Look:
    """What there is of a champion's domains at a look.

    Attributes:
        settings: of the deployment; `production.grace` says when a month without later events is complete.
        domains: those that the champion reads, as they are now.
        kept: the deployment's months, in order.
        rows: name of each domain → month → number of its events, as last observed.
        fingerprints: name of each domain → key of each month that is built → fingerprint of its rows.
        now: Unix time.
    """

    settings: Settings
    domains: list[Domain]
    kept: list[dt.date]
    rows: Mapping[str, Mapping[dt.date, int]]
    fingerprints: Mapping[str, Mapping[str, str]]
    now: float

    def made_of(self, month: dt.date) -> dict[str, MadeOf]:
        """Name of each domain → what its history of a month would be made of."""
        return {domain.name: made_of(domain, month, self.fingerprints[domain.name]) for domain in self.domains}

    def is_complete(self, month: dt.date) -> bool:
        """Whether no more events of a month are to be expected.

        That is so where some domain has an event up to then, and each has one of a later month, or the month has been
        over for its availability lag and `production.grace`.
        """
        end = dt.datetime.combine(next_month(month), dt.time(), tzinfo=ZoneInfo(self.settings.time_zone))
        if not any(at <= month and count for known in self.rows.values() for at, count in known.items()):
            return False
        return all(
            any(at > month and count for at, count in self.rows[domain.name].items())
            or self.now >= (end + domain.availability_lag + self.settings.production.grace).timestamp()
            for domain in self.domains
        )

    def due(self, scored: Mapping[dt.date, Done], champion: str) -> list[dt.date]:
        """The months that a champion is to score, in order.

        Args:
            scored: each month that was → what is known of its scores.
            champion: its tag.
        """
        due = {at for at, done in scored.items() if at in self.kept and self._is_late(at, done)}
        complete = [at for at in self.kept if self.is_complete(at)]
        if complete:
            newest = complete[-1]
            first = next_month(max(scored)) if scored else newest
            due |= {at for at in months_between(first, newest) if at in self.kept}
            if newest in scored and scored[newest].model != champion:
                due.add(newest)
        return sorted(due)

    def _is_late(self, month: dt.date, done: Done) -> bool:
        """Whether a month was scored on histories made of other marts than there are."""
        found = self.made_of(month)
        return any(found[name].digest != known for name, known in done.histories.items() if name in found)


def look_at(warehouse: Warehouse, settings: Settings, domains: list[Domain], kept: list[dt.date], now: float) -> Look:
    """Look at the sources and marts of a champion's domains."""
    rows = {domain.name: warehouse.source(domain).read().rows for domain in domains}
    prints = {domain.name: warehouse.mart(domain).fingerprints(kept) for domain in domains}
    return Look(settings, domains, kept, rows, prints, now)


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
            yield _request(f"history/{name} {at:%Y-%m}", key, month)
    if not stale:
        yield _request(f"{tag} {at:%Y-%m}", SCORES_KEY, str(dg.MultiPartitionKey({"month": month, "task": task})))


def _request(name: str, key: dg.AssetKey, partition: str) -> dg.RunRequest:
    return dg.RunRequest(asset_selection=[key], partition_key=partition, tags={PRODUCTION_TAG: name})


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
