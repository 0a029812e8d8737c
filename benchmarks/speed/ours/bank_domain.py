"""The raw events as a domain of ANNA, and their marts."""

import datetime as dt
from collections.abc import Iterable, Iterator
from pathlib import Path

from anna_core.domains import Domain
from anna_core.marts.mart import MartMonth, build_mart
from anna_core.memory import DEFAULT_MEMORY
from anna_core.sources.corrections import Corrections
from anna_core.sources.source import MOST_LEFT_ASIDE, Source
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
    made = mart(folder), dictionary(folder)
    return sum(month.rows for month in built_months(Source(DOMAIN, home, ZONE, 0.0, MOST_LEFT_ASIDE), months, *made))


def built_months(source: Source, months: Iterable[dt.date], mart: Path, dictionary: Path) -> Iterator[MartMonth]:
    """Build months of a mart from all that lies there, as where nothing was observed yet."""
    for month in months:
        yield build_mart(source, month, mart, dictionary, DEFAULT_MEMORY, Corrections(), observed=None)


def mart(folder: Path) -> Path:
    """Where the marts are."""
    return folder / "mart"


def dictionary(folder: Path) -> Path:
    """Where the dictionary is."""
    return folder / "dictionary"
