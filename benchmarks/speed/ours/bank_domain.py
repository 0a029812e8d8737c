"""The raw events as a domain of ANNA, and their marts."""

import datetime as dt
from pathlib import Path

from anna_core.domains import Domain
from anna_core.marts.mart import build_mart
from benchmarks.speed.bank_events import CATEGORIES, MONTHS, NUMBERS, SOURCE

ZONE = "Europe/Moscow"
LOOKBACK_DAYS, LAG_DAYS, MAX_LENGTH = 90, 1, 200

DOMAIN = Domain.model_validate(
    {
        "name": "bench",
        "source": {"path": SOURCE},
        "fields": {**dict.fromkeys(CATEGORIES, "categorical"), **dict.fromkeys(NUMBERS, "numeric")},
        "availability_lag": f"{LAG_DAYS}d",
        "lookback": f"{LOOKBACK_DAYS}d",
        "max_length": MAX_LENGTH,
    }
)


def month_dates() -> list[dt.date]:
    """First days of the months that have events."""
    return [month.astype("datetime64[D]").astype(dt.date) for month in MONTHS]


def build_marts(home: Path, folder: Path, months: list[dt.date]) -> int:
    """Build marts and dictionary under `folder` from the source under `home`; the number of events."""
    built = [build_mart(DOMAIN, month, home, ZONE, mart(folder), dictionary(folder)) for month in months]
    return sum(month.rows for month in built)


def mart(folder: Path) -> Path:
    """Where the marts are."""
    return folder / "mart"


def dictionary(folder: Path) -> Path:
    """Where the dictionary is."""
    return folder / "dictionary"
