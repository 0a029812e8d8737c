"""Spans of time, in the unit of event times and as people write them in YAML (`30m`, `12h`, `5d`), and time zones."""

import datetime as dt
import re
import zoneinfo
from functools import cache
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer

# Event times are int64 microseconds, as Parquet and Polars keep them.
SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

_NO_PLACES = {"localtime", "Factory"}  # one differs between machines, the other stands for "not set"
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_LONGEST = dt.timedelta(days=36525)  # a century: subtracted from a date, it still gives a date
_MOST_DIGITS = len(str(36525 * 24 * 60))
_PATTERN = re.compile(r"(\d+)\s*([mhdw])")


def parse_duration(value: object) -> dt.timedelta:
    """Turn `12h` or a `timedelta` into a non-negative `timedelta`; raises `ValueError` for anything else."""
    if isinstance(value, dt.timedelta):
        duration = value
    else:
        match = _PATTERN.fullmatch(str(value).strip())
        if match is None:
            raise ValueError(f"'{value}' is not a duration: write a whole number and m, h, d or w, as in 12h or 365d")
        if len(match[1]) > _MOST_DIGITS:
            raise ValueError(f"'{value}' is longer than a hundred years")
        duration = dt.timedelta(**{_UNITS[match[2]]: int(match[1])})
    if duration < dt.timedelta(0):
        raise ValueError(f"'{value}' is a negative duration")
    if duration > _LONGEST:
        raise ValueError(f"'{value}' is longer than a hundred years")
    if duration % dt.timedelta(minutes=1):
        raise ValueError(f"'{value}' is not a whole number of minutes")
    return duration


def format_duration(duration: dt.timedelta) -> str:
    """Write a duration so that `parse_duration` reads the same one; whole minutes only."""
    minutes = int(duration.total_seconds() // 60)
    for size, unit in ((7 * 1440, "w"), (1440, "d"), (60, "h")):
        if minutes and minutes % size == 0:
            return f"{minutes // size}{unit}"
    return f"{minutes}m"


Duration = Annotated[dt.timedelta, BeforeValidator(parse_duration), PlainSerializer(format_duration)]


@cache
def known_zones() -> frozenset[str]:
    """Names of time zones that a setting may have: those of places, which every reader of time stamps knows."""
    return frozenset(zoneinfo.available_timezones()) - _NO_PLACES
