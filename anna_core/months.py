"""Months as partition keys: `2024-03-01`, the form that Dagster's monthly partitions use."""

import datetime as dt
from collections.abc import Iterable, Iterator
from pathlib import Path

_FOLDER = "month="
_GAP = dt.timedelta(days=27)  # shorter than any month


def month_of(moment: dt.date) -> dt.date:
    """First day of the month that contains `moment`."""
    return dt.date(moment.year, moment.month, 1)


def next_month(month: dt.date, count: int = 1) -> dt.date:
    """First day of the month `count` months later (earlier if negative)."""
    year, index = divmod(month.year * 12 + month.month - 1 + count, 12)
    return dt.date(year, index + 1, 1)


def months_between(first: dt.date, last: dt.date) -> Iterator[dt.date]:
    """Every month from the one of `first` to the one of `last`, inclusive."""
    month = month_of(first)
    while month <= last:
        yield month
        month = next_month(month)


def date_spans(dates: Iterable[dt.date]) -> list[tuple[dt.date, dt.date]]:
    """First and last date of each run of dates, in order; a new run begins where a whole month could lie between.

    A few spans stand for however many dates: months that windows before the dates touch are those of the spans.
    """
    spans: list[tuple[dt.date, dt.date]] = []
    for date in sorted(set(dates)):
        if spans and date - spans[-1][1] <= _GAP:
            spans[-1] = (spans[-1][0], date)
        else:
            spans.append((date, date))
    return spans


def parse_month(key: str) -> dt.date:
    """Read `2024-03-01` or `2024-03`; raises `ValueError` if it is not a month."""
    moment = dt.date.fromisoformat(key if len(key) > len("2024-03") else f"{key}-01")
    if moment.day != 1:
        raise ValueError(f"'{key}' is not the first of a month")
    return moment


def month_folder(month: dt.date) -> str:
    """Name of the folder that holds what is of a month, such as `month=2024-03`."""
    return f"{_FOLDER}{month:%Y-%m}"


def months_below(path: Path) -> list[dt.date]:
    """The months that have a folder in this one, in order."""
    return sorted(parse_month(folder.name.removeprefix(_FOLDER)) for folder in path.glob(f"{_FOLDER}*"))


def month_bounds(month: dt.date) -> tuple[dt.datetime, dt.datetime]:
    """First moment of a month and first moment of the next, on the bank's clock."""
    return dt.datetime.combine(month, dt.time()), dt.datetime.combine(next_month(month), dt.time())
