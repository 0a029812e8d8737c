"""Whether a step may read the marts, or histories, asked as it begins.

What an upload waits for, `sequences/readiness.py` says.
"""

import datetime as dt
from collections.abc import Iterable, Mapping

import dagster as dg

from anna_core.domains import Domain
from anna_core.errors import MartsBehindError
from anna_core.marts.footer import Footer
from anna_core.months import month_bounds
from anna_core.periods import Cadence, Period
from anna_core.sequences.touched_months import history_months
from anna_core.sources.fingerprints import combine_fingerprints
from anna_resources.artifacts.visible import MadeOf
from anna_resources.names import OBSERVE_JOB
from anna_resources.settings import load_settings
from anna_resources.warehouse import Warehouse


def stale_marts(warehouse: Warehouse, domain: Domain, months: Iterable[dt.date]) -> list[dt.date]:
    """Those of the months whose mart is missing or behind its source, as that was last observed.

    Months that the deployment does not keep have no mart, and so no events.
    """
    return warehouse.mart(domain).stale_months([month for month in months if load_settings().keeps(month)])


def require_fresh_marts(warehouse: Warehouse, domain: Domain, months: Iterable[dt.date]) -> None:
    """Raise `MartsBehindError` if a mart that is needed is missing or behind its source, or nobody knows."""
    if not warehouse.source(domain).read().listing:
        raise MartsBehindError(
            f"domain {domain.name}: its source was never observed, so nobody knows what its marts lack. "
            f"Run {OBSERVE_JOB}{domain.name} (the sensor `sources` does it by itself), then run this again."
        )
    if stale := stale_marts(warehouse, domain, months):
        names = ", ".join(f"{month:%Y-%m}" for month in stale)
        raise MartsBehindError(
            f"domain {domain.name}: the marts of {names} are missing or older than their source. "
            f"Materialize mart/{domain.name} for these months (the refresh does it by itself), then run this again."
        )


def made_of(domain: Domain, as_of: dt.date, footers: Mapping[dt.date, Footer]) -> MadeOf:
    """What a history as of a date would be made of, if it were made of marts that say this of themselves.

    Of a month of which the history may see the last event these are the rows that it was built from; of a later one the
    events of the days that it may see, so that what comes after these leaves it as it is.
    """
    end = dt.datetime.combine(as_of, dt.time()) - domain.availability_lag
    marts = {
        month: footer.source or "" if month_bounds(month)[1] <= end else _before(end, footer)
        for month in history_months(domain, as_of)
        if (footer := footers.get(month)) is not None
    }
    return MadeOf(window=domain.window_version, marts={at.isoformat(): digest for at, digest in marts.items()})


def _before(end: dt.datetime, footer: Footer) -> str:
    """The fingerprint of a month's events on days that begin before a moment."""
    days = (footer.days or {}).items()
    return combine_fingerprints([one for day, one in days if dt.datetime.fromisoformat(day) < end])


def now_made_of(warehouse: Warehouse, domain: Domain, as_of: dt.date) -> MadeOf:
    """What a history as of a date would be made of, if it were made now."""
    return made_of(domain, as_of, warehouse.mart(domain).footers(history_months(domain, as_of)))


def history_key(domain: Domain, cadence: Cadence) -> dg.AssetKey:
    """The asset of a domain's histories; those of months are retro-inference's, too."""
    root = ["history"] if cadence is Cadence.MONTH else ["production", "history"]
    return dg.AssetKey([*root, domain.name])


def require_fresh_histories(warehouse: Warehouse, domains: Iterable[Domain], period: Period) -> None:
    """Raise `MartsBehindError` if a history of the period is missing, or was made of other marts than there are."""
    stale = [
        history_key(domain, period.cadence).to_user_string()
        for domain in domains
        if warehouse.history(domain, period).made_of() != now_made_of(warehouse, domain, period.as_of)
    ]
    if stale:
        raise MartsBehindError(
            f"{', '.join(stale)} of {period}: missing, or older than the marts. Materialize this {period.cadence} of "
            "each first; the sensor `production` does so by itself."
        )
