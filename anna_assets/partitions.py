"""Partitions of the graph: month, sample, task, month x sample, and period x task."""

import datetime as dt

import dagster as dg

from anna_core.domains import Domain
from anna_core.keys import check_key, check_task
from anna_core.months import next_month, parse_month
from anna_core.periods import Cadence, Period, parse_period
from anna_core.sequences.touched_months import history_months
from anna_resources.settings import Settings

SAMPLE = dg.DynamicPartitionsDefinition(name="sample")
TASK = dg.DynamicPartitionsDefinition(name="task")

TO_PERIOD = dg.MultiToSingleDimensionPartitionMapping("period")
TO_MONTH = dg.MultiToSingleDimensionPartitionMapping("month")
TO_SAMPLE = dg.MultiToSingleDimensionPartitionMapping("sample")
TO_TASK = dg.MultiToSingleDimensionPartitionMapping("task")

_MONDAY = 1  # as Dagster counts the days of a week
_WITH_THE_CURRENT = 1  # of the periods, the one that has begun is the last
_LEAP_CYCLE = [dt.date(year, month, 1) for year in range(2021, 2025) for month in range(1, 13)]


def monthly(settings: Settings) -> dg.MonthlyPartitionsDefinition:
    """The `month` partitions of a deployment, up to the current month, or the last where that is set and was before."""
    return dg.MonthlyPartitionsDefinition(
        start_date=_text(settings.first_month), end_date=_end(settings), end_offset=_WITH_THE_CURRENT
    )


def calendar(month: dg.MonthlyPartitionsDefinition) -> str:
    """First and last month of a deployment, as a text that changes when it takes in others."""
    keys = month.get_partition_keys()
    return f"{keys[0]} to {keys[-1]}" if keys else ""


def months_of(month: dg.MonthlyPartitionsDefinition) -> list[dt.date]:
    """The months of a deployment, in order."""
    return [parse_month(key) for key in month.get_partition_keys()]


def retro(month: dg.MonthlyPartitionsDefinition) -> dg.MultiPartitionsDefinition:
    """The month x sample partitions of retro-inference."""
    return dg.MultiPartitionsDefinition({"month": month, "sample": SAMPLE})


def periodic(settings: Settings) -> dg.TimeWindowPartitionsDefinition:
    """The periods after each of which production scores; the current one is among them, as of months."""
    cadence = settings.production.cadence
    if cadence is Cadence.MONTH:
        return monthly(settings)
    start, end = _text(settings.first_month), _end(settings)
    if cadence is Cadence.WEEK:
        return dg.WeeklyPartitionsDefinition(
            start_date=start, end_date=end, end_offset=_WITH_THE_CURRENT, day_offset=_MONDAY
        )
    return dg.DailyPartitionsDefinition(start_date=start, end_date=end, end_offset=_WITH_THE_CURRENT)


def periods_of(settings: Settings) -> list[Period]:
    """The periods of a deployment, in order."""
    cadence = settings.production.cadence
    return [parse_period(key, cadence) for key in periodic(settings).get_partition_keys()]


def production(settings: Settings) -> dg.MultiPartitionsDefinition:
    """The period x task partitions of production's scores."""
    return dg.MultiPartitionsDefinition({"period": periodic(settings), "task": TASK})


def window_of_marts(domain: Domain, cadence: Cadence) -> dg.TimeWindowPartitionMapping:
    """Mart months that the history of a period reads: from the earliest that the lookback can touch in any year."""
    if cadence is Cadence.MONTH:
        reach = max(_months_apart(history_months(domain, next_month(month))[0], month) for month in _LEAP_CYCLE)
    else:  # Dagster counts in periods, and takes the months that these lie in
        one = Period(dt.date(2024, 1, 1), cadence)
        reach = max(0, -(-domain.lookback // (one.as_of - one.start)) - 1)
    return dg.TimeWindowPartitionMapping(start_offset=-reach, allow_nonexistent_upstream_partitions=True)


def retro_keys(partition_keys: list[str]) -> list[tuple[str, dt.date]]:
    """Sample key and month of each `month|sample` partition key, ordered by sample, so that a model is loaded once."""
    pairs = []
    for key in partition_keys:
        month, _, sample = str(key).partition("|")
        pairs.append((check_key(sample), parse_month(month)))
    return sorted(pairs)


def task_keys(partition_keys: list[str], cadence: str) -> list[tuple[str, Period]]:
    """Task and period of each `period|task` partition key, ordered by task."""
    pairs = (str(key).partition("|") for key in partition_keys)
    return sorted((check_task(task), parse_period(start, Cadence(cadence))) for start, _, task in pairs)


def retro_key(sample: str, month: dt.date) -> str:
    """The partition key of a month of a sample."""
    return str(dg.MultiPartitionKey({"month": month.isoformat(), "sample": sample}))


def task_key(task: str, period: Period) -> str:
    """The partition key of a period of a task."""
    return str(dg.MultiPartitionKey({"period": period.key, "task": task}))


def _months_apart(first: dt.date, last: dt.date) -> int:
    return (last.year - first.year) * 12 + last.month - first.month


def _end(settings: Settings) -> str | None:
    return _text(next_month(settings.end_month)) if settings.end_month else None


def _text(month: dt.date) -> str:
    return month.isoformat()
