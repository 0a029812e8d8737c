"""Days that were written as moments: a bank west of their zone would see what happens on each a day too early.

An export that casts dates to time stamps with a zone, as Spark and warehouses do, gives them midnight in UTC. In New
York that is eight o'clock in the evening before, when nobody could know them. Of real moments one
in 86,400 is a midnight, so a few other times among them, as of another kind of event, excuse nothing.
"""

import datetime as dt
from collections.abc import Mapping
from pathlib import Path

import polars as pl
from pydantic import BaseModel

from anna_core.columns.typed import is_text
from anna_core.domains import Domain
from anna_core.errors import SourceError
from anna_core.sources.door import TIME

_FEWEST, _FEWEST_DAYS = 10, 2  # times, and days that they are of
_ALL, _SOME = 0.99, 0.01  # shares of a file's times: from which it is refused, and from which it is told
_OF_HOURS = 0.1  # share of the times on full hours; where all are on such, one in 24 is a midnight
_MINUTE, _HOUR = 60_000_000, 3_600_000_000  # microseconds
_MIDNIGHT = r"^\s*(\d{4}-\d\d-\d\d)[T ]00:00(?::00(?:\.0+)?)? ?(?:Z|UTC|[+-]\d\d(?::?\d\d)?)\s*$"
_OWN, _DAY = "own", "day"


class MovedDays(BaseModel):
    """Times of a file that are midnights of a zone, and on the bank's clock lie on the day before.

    Attributes:
        rows: number of these.
        times: number of all times of the file; 0 where its type has no such.
        hours: number of times on full hours among those that were read together with any of these.
        days: two of the days at most, in order.
    """

    rows: int = 0
    times: int = 0
    hours: int = 0
    days: list[dt.date] = []

    @property
    def are_all(self) -> bool:
        """Whether the file holds nothing else worth mentioning."""
        return self.rows > 0 and self.rows >= _ALL * self.times

    @property
    def are_some(self) -> bool:
        """Whether it holds more than there are by chance."""
        return self.rows > 0 and self.rows >= _SOME * self.times and self.rows >= _OF_HOURS * self.hours


class DaysWatch:
    """Looks for moved days among a file's times, batch by batch.

    Args:
        kind: type of the source's column.
    """

    def __init__(self, kind: pl.DataType) -> None:
        self._kind = kind
        self._possible = is_text(kind) or (isinstance(kind, pl.Datetime) and kind.time_zone is not None)
        self._rows = self._times = self._hours = 0
        self._days: set[dt.date] = set()

    @property
    def found(self) -> MovedDays:
        """What the file has."""
        return MovedDays(rows=self._rows, times=self._times, hours=self._hours, days=sorted(self._days)[:2])

    def read(self, own: pl.Series, time: pl.Series) -> None:
        """Add a batch.

        Args:
            own: times as the source has them.
            time: the same on the bank's clock, null where there is none.
        """
        if not self._possible:
            return
        self._times += len(time) - time.null_count()
        whole = time.to_physical() % _MINUTE == 0  # as midnights of any zone are; of most files few rows pass
        times = pl.DataFrame([own.alias(_OWN), time.alias(TIME)]).filter(whole)
        days = times.select(TIME, self._day().alias(_DAY)).filter(pl.col(TIME).dt.date() < pl.col(_DAY))
        if days.is_empty():
            return
        self._rows += len(days)
        self._hours += int((time.to_physical() % _HOUR == 0).sum())
        self._days.update(days[_DAY].unique().head(2))

    def _day(self) -> pl.Expr:
        """The day of which a time is the midnight, null where it is none."""
        own = pl.col(_OWN)
        if not is_text(self._kind):
            return pl.when(own.dt.time() == dt.time()).then(own.dt.date())
        return own.cast(pl.String).str.extract(_MIDNIGHT).str.to_date("%Y-%m-%d", strict=False)


def refuse_moved_days(domain: Domain, files: Mapping[str, MovedDays]) -> None:
    """Raise `SourceError` if files hold hardly anything but moved days.

    Of fewer than ten times, or of one day, they may well be what happened at midnight.

    Args:
        domain: the domain.
        files: name of each file → what it has of them.
    """
    moved = {file: found for file, found in files.items() if found.are_all}
    if told := _told(domain, moved, next(iter(moved), "")):
        raise SourceError(f"domain {domain.name}: {told}.")


def told_moved_days(domain: Domain, files: Mapping[str, MovedDays]) -> list[str]:
    """A sentence about files that hold moved days among other times; none where there are no such.

    Args:
        domain: the domain.
        files: as of `refuse_moved_days`.
    """
    moved = {file: found for file, found in files.items() if found.are_some and not found.are_all}
    told = _told(domain, moved, Path(next(iter(moved), "")).name)
    return [told] if told else []


def _told(domain: Domain, moved: dict[str, MovedDays], first: str) -> str:
    rows = sum(found.rows for found in moved.values())
    if rows < _FEWEST or len({day for found in moved.values() for day in found.days}) < _FEWEST_DAYS:
        return ""
    times = sum(found.times for found in moved.values())
    others = len(moved) - 1
    more = f" and of {others:,} more" * bool(others)
    which = f"all times of {first}{more} ({rows:,})"
    if rows < times:
        which = f"{rows:,} of {times:,} times of {first}{more}"
    name = domain.columns.event_time
    return (
        f"{which} are midnights of a zone other than the bank's, "
        "as of days that were written as time stamps with a zone. On the bank's clock each lies on the day before, "
        f"where it would be seen too early. Write days as dates, 2024-03-31, as by cast({name} as date). If they are "
        f"moments, write them without a zone, and say in {domain.name}.yaml which it is, as in `time_zone: UTC`"
    )
