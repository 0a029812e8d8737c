"""An event's time as nets see it: how long before as_of, how long after the previous event, where in the calendar.

All of it is relative to as_of or cyclic, so a model keeps its meaning in later months.
"""

import functools
import math
from enum import StrEnum

import numpy as np
import torch

from anna_core.durations import DAY, HOUR, MINUTE
from anna_core.models.nets.batch import PackedBatch

_DAYS_IN_WEEK = 7
_DAYS_IN_CYCLE = 146_097  # of the Gregorian calendar: 400 years, a whole number of weeks
_LONGEST_MONTH = 31
_THURSDAY = 3  # 1 January 1970, counted from Monday
_FIRST_MONTH_END = 28


class Granularity(StrEnum):
    """The finest step of a domain's time stamps; anything finer would only be noise to memorise."""

    HOUR = "hour"
    DAY = "day"
    MONTH = "month"


def log_age(batch: PackedBatch) -> torch.Tensor:
    """(N,) log(1 + hours from the event to as_of)."""
    age = (batch.as_of[batch.row] - batch.event_time).clamp(min=0).to(torch.float32) / HOUR
    return torch.log1p(age)


def log_gap(batch: PackedBatch) -> torch.Tensor:
    """(N,) log(1 + minutes since the previous event); 0 for a row's first event."""
    return torch.log1p(batch.gap.to(torch.float32) / MINUTE)


def calendar(batch: PackedBatch, granularity: Granularity) -> torch.Tensor:
    """(N, `calendar_width`) sines and cosines of day of week, day of month and time of day, if time stamps say.

    Those of days are looked up: computing them would take thirty operations per event, on a GPU as many launches.
    """
    if granularity is Granularity.MONTH:
        return batch.event_time.new_zeros(len(batch.event_time), 0, dtype=torch.float32)
    days = torch.div(batch.event_time, DAY, rounding_mode="floor")
    waves = _waves_of_days(days.device)[days % _DAYS_IN_CYCLE]
    if granularity is Granularity.DAY:
        return waves
    time_of_day = (batch.event_time - days * DAY).to(torch.float32) / DAY
    return torch.cat([waves, _waves(time_of_day)], dim=1)


@functools.cache
def _waves_of_days(device: torch.device) -> torch.Tensor:
    """(146,097, 4) sines and cosines for the days of 400 years from 1970 on, after which the calendar repeats."""
    with torch.inference_mode(False):
        days = torch.arange(_DAYS_IN_CYCLE)
        week = ((days + _THURSDAY) % _DAYS_IN_WEEK).to(torch.float32) / _DAYS_IN_WEEK
        month = torch.from_numpy(day_of_month(days.numpy()) - 1).to(torch.float32) / _LONGEST_MONTH
        return torch.cat([_waves(week), _waves(month)], dim=1).to(device)


def _waves(cycle: torch.Tensor) -> torch.Tensor:
    """Shares of a cycle (N,) → its sine and cosine (N, 2)."""
    angle = cycle * (2 * math.pi)
    return torch.stack([torch.sin(angle), torch.cos(angle)], dim=1)


def calendar_width(granularity: Granularity) -> int:
    """The number of features that `calendar` gives."""
    return {Granularity.HOUR: 6, Granularity.DAY: 4, Granularity.MONTH: 0}[granularity]


def granularity_of(event_time: torch.Tensor) -> Granularity:
    """The finest step of some time stamps (microseconds): hours, days, or only the starts and ends of months."""
    if bool((event_time % DAY != 0).any()):
        return Granularity.HOUR
    day = day_of_month((event_time // DAY).cpu().numpy())
    monthly = (day == 1) | (day >= _FIRST_MONTH_END)
    return Granularity.MONTH if bool(monthly.all()) else Granularity.DAY


def day_of_month(days: np.ndarray) -> np.ndarray:
    """Day of the month, 1 to 31, of days counted from 1 January 1970; same shape, int64."""
    return (days.astype("datetime64[D]") - days.astype("datetime64[D]").astype("datetime64[M]")).astype(np.int64) + 1
