"""The simulator's calendar: month boundaries, seasons, as-of dates, and moments drawn inside a month."""

import datetime as dt
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anna_core.durations import DAY, HOUR, SECOND

QUARTER = 3  # months between the draws of churn, overdue and spending plans; as-of dates fall on its starts
RETRO_MONTHS = 6  # months kept after the last as-of date, for outcome windows and for retro-inference
SAMPLE_DATES = 3

# log-activity by calendar month: quiet January and February, holidays in summer, December's shopping
SEASON = np.array([-0.15, -0.10, 0.0, 0.0, 0.05, 0.08, 0.10, 0.08, -0.02, 0.0, 0.05, 0.25])
# Monday … Sunday: card purchases gather at the end of the week
WEEKDAY = np.array([0.9, 0.9, 0.95, 1.0, 1.25, 1.3, 1.0])
# 0 … 23 h: few at night, peaks at lunch and after work
HOURS = np.array([1, 1, 1, 1, 1, 1, 2, 4, 6, 8, 9, 10, 12, 12, 10, 9, 9, 11, 13, 13, 10, 7, 4, 2]) * 1.0


@dataclass(frozen=True)
class Months:
    """The simulated months, counted from 0; `start` is the first day of month 0."""

    start: dt.date
    count: int

    def first_day(self, month: int) -> dt.date:
        """Return the first day of a month; `month` may equal `count`, for the end of the simulation."""
        year, index = divmod(self.start.year * 12 + self.start.month - 1 + month, 12)
        return dt.date(year, index + 1, 1)

    def begin(self, month: int) -> int:
        """Return a month's first instant in microseconds since 1970."""
        return (self.first_day(month) - dt.date(1970, 1, 1)).days * DAY

    def days(self, month: int) -> int:
        """Return the length of a month in days."""
        return (self.first_day(month + 1) - self.first_day(month)).days

    def label(self, month: int) -> str:
        """Return a month as `2023-01`."""
        return f"{self.first_day(month):%Y-%m}"

    def season(self, month: int) -> float:
        """Return the seasonal shift of log-activity."""
        return float(SEASON[self.first_day(month).month - 1])

    def as_of_months(self) -> list[int]:
        """Return the months that open with an as-of date: quarter starts, `RETRO_MONTHS` or more from the end."""
        last = (self.count - RETRO_MONTHS) // QUARTER * QUARTER
        return [last - QUARTER * back for back in reversed(range(SAMPLE_DATES))]

    def moments(self, month: int, n: int, rng: np.random.Generator) -> NDArray[np.int64]:
        """Draw `n` moments of card activity in a month, in microseconds since 1970, to the second."""
        weekday = (self.first_day(month).weekday() + np.arange(self.days(month))) % 7
        per_hour = np.outer(WEEKDAY[weekday], HOURS).ravel()
        cumulative = np.cumsum(per_hour / per_hour.sum())
        hour = np.searchsorted(cumulative[:-1], rng.random(n), side="right")
        return self.begin(month) + hour * HOUR + rng.integers(0, 3600, n) * SECOND


def is_quarter_start(month: int) -> bool:
    """Tell whether a month opens a quarter of the simulation (not of the calendar)."""
    return month % QUARTER == 0
