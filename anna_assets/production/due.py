"""Which months a champion is to score: what there is, compared with what should be."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from anna_assets.layers.fresh_marts import made_of
from anna_core.domains import Domain
from anna_core.errors import AnnaError
from anna_core.months import months_between, next_month
from anna_core.sequences.touched_months import history_months
from anna_resources.artifacts.production import Done
from anna_resources.artifacts.visible import MadeOf
from anna_resources.settings import Settings
from anna_resources.warehouse import Warehouse


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

        That is so where some domain has an event of it, and each has one of a later month, or the month has been over
        for its availability lag and `production.grace`. A month of which nothing came was not delivered yet. An event
        of a month that has not begun, such as one of 2062 for 2026, says nothing of what was delivered.
        """
        zone = ZoneInfo(self.settings.time_zone)
        end = dt.datetime.combine(next_month(month), dt.time(), tzinfo=zone)
        today = dt.datetime.fromtimestamp(self.now, zone).date()
        if not any(known.get(month) for known in self.rows.values()):
            return False
        return all(
            any(month < at <= today and count for at, count in self.rows[domain.name].items())
            or self.now >= (end + domain.availability_lag + self.settings.production.grace).timestamp()
            for domain in self.domains
        )

    def due(self, scored: Mapping[dt.date, Done], latest: Done | None, champion: str) -> list[dt.date]:
        """The months that a champion is to score, in order.

        Args:
            scored: each month that was → what is known of its scores.
            latest: what is known of those that are called the newest; whoever was to write them may have been killed.
            champion: its tag.
        """
        due = {at for at, done in scored.items() if at in self.kept and self.is_late(at, done)}
        if scored and latest != scored[max(scored)]:
            due |= {max(scored)} & set(self.kept)
        complete = [at for at in self.kept if self.is_complete(at)]
        if complete:
            newest = complete[-1]
            first = next_month(max(scored)) if scored else newest
            due |= {at for at in months_between(first, newest) if at in self.kept}
            if newest in scored and scored[newest].model != champion:
                due.add(newest)
        return sorted(due)

    def is_late(self, month: dt.date, done: Done) -> bool:
        """Whether a month was scored on histories made of other marts than there are."""
        found = self.made_of(month)
        return any(found[name].digest != known for name, known in done.histories.items() if name in found)


def look_at(warehouse: Warehouse, settings: Settings, domains: list[Domain], kept: list[dt.date], now: float) -> Look:
    """Look at the sources and marts of a champion's domains."""
    rows = {domain.name: warehouse.source(domain).read().rows for domain in domains}
    prints = {domain.name: warehouse.mart(domain).fingerprints(_seen(domain, kept)) for domain in domains}
    return Look(settings, domains, kept, rows, prints, now)


def _seen(domain: Domain, kept: list[dt.date]) -> list[dt.date]:
    """The months that histories of the kept ones read: a mart of an earlier one, of before it was left out, counts."""
    return sorted({*(history_months(domain, kept[0]) if kept else ()), *kept})


def domains_read(warehouse: Warehouse, tag: str, there: Mapping[str, Domain]) -> list[Domain]:
    """The domains that a launch reads, as they are now.

    Args:
        warehouse: that keeps the launch.
        tag: of the launch.
        there: the deployment's domains by name.

    Raises:
        AnnaError: one is gone.
    """
    read = warehouse.candidate(tag).facts().domains
    if gone := sorted(domain.name for domain in read if domain.name not in there):
        raise AnnaError(f"{tag} reads {', '.join(gone)}, which is gone: put its file back, or roll back.")
    return [there[domain.name] for domain in read]
