"""Whether a step may read the marts, or histories, asked as it begins.

What an upload waits for, `sequences/readiness.py` says.
"""

import datetime as dt
from collections.abc import Iterable, Mapping

from anna_core.domains import Domain
from anna_core.errors import MartsBehindError
from anna_core.sequences.touched_months import history_months
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


def made_of(domain: Domain, month: dt.date, fingerprints: Mapping[str, str]) -> MadeOf:
    """What the history of a month would be made of, if it were made of marts with these fingerprints of their rows."""
    keys = [at.isoformat() for at in history_months(domain, month)]
    return MadeOf(window=domain.window_version, marts={key: fingerprints[key] for key in keys if key in fingerprints})


def now_made_of(warehouse: Warehouse, domain: Domain, month: dt.date) -> MadeOf:
    """What the history of a month would be made of, if it were made now."""
    return made_of(domain, month, warehouse.mart(domain).fingerprints(history_months(domain, month)))


def require_fresh_histories(warehouse: Warehouse, domains: Iterable[Domain], month: dt.date) -> None:
    """Raise `MartsBehindError` if a history of the month is missing, or was made of other marts than there are."""
    stale = [
        f"history/{domain.name}"
        for domain in domains
        if warehouse.history(domain, month).made_of() != now_made_of(warehouse, domain, month)
    ]
    if stale:
        raise MartsBehindError(
            f"{', '.join(stale)} of {month:%Y-%m}: missing, or older than the marts. Materialize this month of each "
            "first; the sensor `production` does so by itself."
        )
