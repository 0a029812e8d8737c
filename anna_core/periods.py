"""Periods after each of which production scores: months, weeks or days."""

import datetime as dt
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from anna_core.months import next_month, parse_month

_DAYS = {"week": 7, "day": 1}


class Cadence(StrEnum):
    """How often production scores."""

    MONTH = "month"
    WEEK = "week"
    DAY = "day"


@dataclass(frozen=True, order=True)
class Period:
    """A month, a week (from Monday on) or a day; as a text `2024-03`, or its first day, as in `2024-03-18`.

    Attributes:
        start: its first day.
        cadence: what it is.
    """

    start: dt.date
    cadence: Cadence = Cadence.MONTH

    @property
    def as_of(self) -> dt.date:
        """The day after its last: the as_of date of its scores, and the first day of the next period."""
        return self._moved(1)

    @property
    def before(self) -> "Period":
        """The period before."""
        return Period(self._moved(-1), self.cadence)

    @property
    def key(self) -> str:
        """Its partition key: its first day."""
        return self.start.isoformat()

    @property
    def folder(self) -> str:
        """Name of the folder that holds what is of it, such as `month=2024-03` or `week=2024-03-18`."""
        return f"{self.cadence}={self}"

    def __str__(self) -> str:
        return f"{self.start:%Y-%m}" if self.cadence is Cadence.MONTH else self.key

    def _moved(self, count: int) -> dt.date:
        if self.cadence is Cadence.MONTH:
            return next_month(self.start, count)
        return self.start + dt.timedelta(days=count * _DAYS[self.cadence])


def parse_period(key: str, cadence: Cadence) -> Period:
    """Read a partition key, or a text of a period; raises `ValueError` if it is neither."""
    if cadence is Cadence.MONTH:
        return Period(parse_month(key))
    start = dt.date.fromisoformat(key)
    if cadence is Cadence.WEEK and start.weekday():
        raise ValueError(f"'{key}' is no Monday, on which weeks begin")
    return Period(start, cadence)


def periods_below(path: Path, cadence: Cadence) -> list[Period]:
    """The periods that have a folder in this one, in order."""
    begin, found = f"{cadence}=", list[Period]()
    for folder in path.glob(f"{begin}*"):
        with suppress(ValueError):  # what somebody put aside there, such as month=2024-03.bak, is of no period
            period = parse_period(folder.name.removeprefix(begin), cadence)
            found += [period] if period.folder == folder.name else []
    return sorted(found)
