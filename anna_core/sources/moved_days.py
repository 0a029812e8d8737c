"""Days that were written as moments: a bank west of their zone would see what happens on each a day too early.

An export that casts dates to time stamps with a zone, as Spark and warehouses do, gives them midnight in UTC. In New
York that is eight o'clock in the evening before, when nobody could know them.
"""

import datetime as dt
from collections.abc import Mapping

import polars as pl
from pydantic import BaseModel

from anna_core.columns.typed import is_text
from anna_core.domains import Domain
from anna_core.errors import SourceError
from anna_core.sources.door import TIME

_FEWEST, _FEWEST_DAYS = 10, 2  # times, and days that they are of
_MIDNIGHT = r"^\s*(\d{4}-\d\d-\d\d)[T ]00:00(?::00(?:\.0+)?)? ?(?:Z|UTC|[+-]\d\d(?::?\d\d)?)\s*$"
_OWN, _DAY = "own", "day"


class MovedDays(BaseModel):
    """Times of a file, all of which are midnights of a zone, and on the bank's clock lie on the day before.

    Attributes:
        rows: number of the times; 0 where any is another one.
        days: two of the days at most, in order.
    """

    rows: int = 0
    days: list[dt.date] = []


class DaysWatch:
    """Looks at a file's times, batch by batch, until one shows that they are no moved days.

    Args:
        kind: type of the source's column.
    """

    def __init__(self, kind: pl.DataType) -> None:
        self._kind = kind
        self._possible = is_text(kind) or (isinstance(kind, pl.Datetime) and kind.time_zone is not None)
        self._rows = 0
        self._days: set[dt.date] = set()

    @property
    def found(self) -> MovedDays:
        """What the file has."""
        return MovedDays(rows=self._rows, days=sorted(self._days)[:2]) if self._possible else MovedDays()

    def read(self, own: pl.Series, time: pl.Series) -> None:
        """Add a batch.

        Args:
            own: times as the source has them.
            time: the same on the bank's clock, null where there is none.
        """
        if not self._possible:
            return
        times = pl.DataFrame([own.alias(_OWN), time.alias(TIME)]).drop_nulls(TIME)
        self._possible = self._are_days(times.head(_FEWEST)) and self._are_days(times)  # few settle it in most files
        if self._possible:
            self._rows += len(times)
            self._days.update(times.select(self._day()).to_series().unique().head(2))

    def _are_days(self, times: pl.DataFrame) -> bool:
        moved = times.select((pl.col(TIME).dt.date() < self._day()).fill_null(value=False).all())
        return bool(moved.item())

    def _day(self) -> pl.Expr:
        """The day of which a time is the midnight, null where it is none."""
        own = pl.col(_OWN)
        if not is_text(self._kind):
            return pl.when(own.dt.time() == dt.time()).then(own.dt.date())
        return own.cast(pl.String).str.extract(_MIDNIGHT).str.to_date("%Y-%m-%d", strict=False)


def refuse_moved_days(domain: Domain, files: Mapping[str, MovedDays]) -> None:
    """Raise `SourceError` if files hold nothing but moved days.

    Of fewer than ten times, or of one day, they may well be what happened at midnight.

    Args:
        domain: the domain.
        files: name of each file → what it has of them.
    """
    moved = {file: found for file, found in files.items() if found.rows}
    rows = sum(found.rows for found in moved.values())
    if rows < _FEWEST or len({day for found in moved.values() for day in found.days}) < _FEWEST_DAYS:
        return
    first, others = next(iter(moved)), len(moved) - 1
    more = f" and of {others:,} more" * bool(others)
    name = domain.columns.event_time
    raise SourceError(
        f"domain {domain.name}: all times of {first}{more} ({rows:,}) are midnights of a zone other than the bank's, "
        "as of days that were written as time stamps with a zone. On the bank's clock each lies on the day before, "
        f"where it would be seen too early. Write days as dates, 2024-03-31, as by cast({name} as date). If they are "
        f"moments, write them without a zone, and say in {domain.name}.yaml which it is, as in `time_zone: UTC`."
    )
