"""Which periods a champion is to score: what there is, compared with what should be."""

import datetime as dt
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from anna_assets.layers.fresh_marts import made_of
from anna_core.domains import Domain
from anna_core.errors import AnnaError
from anna_core.marts.footer import Footer
from anna_core.months import months_between
from anna_core.periods import Cadence, Period
from anna_core.sequences.touched_months import history_months
from anna_core.sources.fingerprints import rows_in
from anna_resources.artifacts.production import Done
from anna_resources.artifacts.visible import MadeOf
from anna_resources.settings import Settings
from anna_resources.warehouse import Warehouse

WATCHED = 24  # newest periods that are scored again where late events change them


@dataclass(frozen=True)
class Look:
    """What there is at a look of the domains that a launch reads.

    Attributes:
        tag: of the launch.
        settings: of the deployment; `production.grace` says when a period without later events is complete.
        domains: those that it reads, as they are now.
        periods: the deployment's, in order.
        rows: name of each domain → day → number of its events; where production scores by month, those of a month stand
            at its first day.
        footers: name of each domain → month that is built → what its mart says of itself.
        now: Unix time.
    """

    tag: str
    settings: Settings
    domains: list[Domain]
    periods: list[Period]
    rows: Mapping[str, Mapping[dt.date, int]]
    footers: Mapping[str, Mapping[dt.date, Footer]]
    now: float

    def made_of(self, period: Period) -> dict[str, MadeOf]:
        """Name of each domain → what its history of a period would be made of."""
        return {domain.name: made_of(domain, period.as_of, self.footers[domain.name]) for domain in self.domains}

    def is_complete(self, period: Period) -> bool:
        """Whether a period is over, and no more events are to be expected that scores as of its end may see.

        These are those that each domain's availability lag lets be known by then, so its last days may lack. No more of
        them are expected where some domain has one of the period's share, and each has a later one; or once the period
        has been over for `production.grace`. A period of which nothing came was not delivered yet. An event of a day
        that has not begun, such as one of 2062 for 2026, says nothing of what was delivered.
        """
        zone, first, end = ZoneInfo(self.settings.time_zone), _midnight(period.start), _midnight(period.as_of)
        over = end.replace(tzinfo=zone).timestamp()
        if self.now < over or not any(
            self._came(domain, first - domain.availability_lag, end - domain.availability_lag)
            for domain in self.domains
        ):
            return False
        tomorrow = _midnight(dt.datetime.fromtimestamp(self.now, zone).date() + dt.timedelta(days=1))
        return self.now >= over + self.settings.production.patience.total_seconds() or all(
            self._came(domain, end - domain.availability_lag, tomorrow) for domain in self.domains
        )

    def _came(self, domain: Domain, first: dt.datetime, end: dt.datetime) -> bool:
        """Whether a domain has an event on a day that begins from one moment on and before another."""
        return any(count and first <= _midnight(day) < end for day, count in self.rows[domain.name].items())

    def due(self, scored: Mapping[Period, Done], latest: Done | None) -> list[Period]:
        """The periods that the launch is to score as champion, in order.

        Args:
            scored: each period that was → what is known of its scores.
            latest: what is known of those that are called the newest; whoever was to write them may have been killed.
        """
        there, last = set(self.periods), max(scored, default=None)
        due = {at for at in watched(scored) if at in there and self.is_late(at, scored[at])}
        # Of a later date are the latest where the cadence was another.
        if last and (latest is None or (latest.as_of <= last.as_of and latest != scored[last])):
            due |= {last} & there
        newest = next((at for at in reversed(self.periods) if self.is_complete(at)), None)
        if newest is not None:
            due |= {at for at in self.periods if (last.as_of if last else newest.start) <= at.start <= newest.start}
            if newest in scored and scored[newest].model != self.tag:
                due.add(newest)
        return sorted(due)

    def is_late(self, period: Period, done: Done) -> bool:
        """Whether a period was scored on histories made of other marts than there are."""
        found = self.made_of(period)
        return any(found[name].digest != known for name, known in done.histories.items() if name in found)


def _midnight(day: dt.date) -> dt.datetime:
    return dt.datetime.combine(day, dt.time())


def watched(scored: Iterable[Period]) -> list[Period]:
    """Those of a champion's periods, in order, that are scored again where late events change them."""
    return sorted(scored)[-WATCHED:]


def look_at(
    warehouse: Warehouse, settings: Settings, tag: str, there: Mapping[str, Domain], periods: list[Period]
) -> Look:
    """Look at the sources and marts of the domains that a launch reads.

    Args:
        warehouse: that keeps the launch.
        settings: of the deployment.
        tag: of the launch.
        there: the deployment's domains by name.
        periods: the deployment's, in order.

    Raises:
        AnnaError: a domain that it reads is gone.
    """
    domains = domains_read(warehouse, tag, there)
    footers = {domain.name: warehouse.mart(domain).footers(_seen(domain, periods)) for domain in domains}
    if settings.production.cadence is Cadence.MONTH:
        rows = {domain.name: warehouse.source(domain).read().rows for domain in domains}
    else:
        rows = {name: _by_day(found.values()) for name, found in footers.items()}
    return Look(tag, settings, domains, periods, rows, footers, time.time())


def _seen(domain: Domain, periods: list[Period]) -> list[dt.date]:
    """The months that histories of these read: a mart of an earlier one, of before it was left out, counts."""
    if not periods:
        return []
    return list(months_between(history_months(domain, periods[0].as_of)[0], periods[-1].as_of))


def _by_day(footers: Iterable[Footer]) -> dict[dt.date, int]:
    """Day → number of its events."""
    days = (day for footer in footers for day in (footer.days or {}).items())
    return {dt.date.fromisoformat(day): rows_in(found) for day, found in days}


def domains_read(warehouse: Warehouse, tag: str, there: Mapping[str, Domain]) -> list[Domain]:
    """The domains that a launch reads, as they are now; arguments and errors as of `look_at`."""
    read = warehouse.candidate(tag).facts().domains
    if gone := sorted(domain.name for domain in read if domain.name not in there):
        raise AnnaError(f"{tag} reads {', '.join(gone)}, which is gone: put its file back, or roll back.")
    return [there[domain.name] for domain in read]
