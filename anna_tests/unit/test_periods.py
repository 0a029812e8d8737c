"""Periods: where they begin and end, what they are called, and which months of marts their histories read."""

import datetime as dt
from pathlib import Path

import pytest

from anna_assets.partitions import monthly, periodic, periods_of, window_of_marts
from anna_core.domains import Domain
from anna_core.periods import Cadence, Period, parse_period, periods_below
from anna_core.sequences.touched_months import history_months
from anna_resources.production_settings import Production
from anna_resources.settings import Settings

LEAP = dt.date(2024, 2, 29)


@pytest.mark.parametrize(
    ("start", "cadence", "as_of", "before", "folder"),
    [
        (dt.date(2023, 12, 1), Cadence.MONTH, dt.date(2024, 1, 1), dt.date(2023, 11, 1), "month=2023-12"),
        (dt.date(2024, 2, 26), Cadence.WEEK, dt.date(2024, 3, 4), dt.date(2024, 2, 19), "week=2024-02-26"),
        (LEAP, Cadence.DAY, dt.date(2024, 3, 1), dt.date(2024, 2, 28), "day=2024-02-29"),
    ],
)
def test_a_period_ends_where_the_next_begins(
    start: dt.date, cadence: Cadence, as_of: dt.date, before: dt.date, folder: str, tmp_path: Path
) -> None:
    period = Period(start, cadence)
    assert (period.as_of, period.before, period.folder) == (as_of, Period(before, cadence), folder)
    assert period.before.as_of == start
    assert parse_period(period.key, cadence) == parse_period(str(period), cadence) == period
    span = [period.before, period, Period(as_of, cadence)]
    for one in (*reversed(span), Period(dt.date(2024, 1, 1), Cadence.WEEK if cadence is Cadence.DAY else Cadence.DAY)):
        (tmp_path / one.folder).mkdir()
    assert periods_below(tmp_path, cadence) == span


def test_a_week_begins_on_monday() -> None:
    with pytest.raises(ValueError, match="'2024-02-29' is no Monday, on which weeks begin"):
        parse_period("2024-02-29", Cadence.WEEK)


@pytest.mark.parametrize("cadence", list(Cadence))
@pytest.mark.parametrize("last", [None, dt.date(2025, 3, 1)])
def test_the_periods_of_a_deployment_lie_one_after_another(
    tmp_path: Path, cadence: Cadence, last: dt.date | None
) -> None:
    settings = Settings(
        home=tmp_path, start_month=dt.date(2022, 11, 1), end_month=last, production=Production(cadence=cadence)
    )
    found = periods_of(settings)
    assert [one.as_of for one in found[:-1]] == [one.start for one in found[1:]]
    assert found[0].start - settings.first_month < dt.timedelta(days=7)
    if last:
        assert dt.timedelta(0) <= dt.date(2025, 4, 1) - found[-1].as_of < dt.timedelta(days=7)
    else:
        assert found[-1].as_of > dt.datetime.now(tz=dt.UTC).date()  # a bank in the east is a day ahead


@pytest.mark.parametrize("cadence", list(Cadence))
@pytest.mark.parametrize("lookback", ["1d", "7d", "31d", "90d", "365d"])
def test_a_history_hangs_on_the_marts_that_it_reads(tmp_path: Path, cadence: Cadence, lookback: str) -> None:
    settings = Settings(
        home=tmp_path,
        start_month=dt.date(2022, 1, 1),
        end_month=dt.date(2024, 12, 1),
        production=Production(cadence=cadence),
    )
    domain = Domain.model_validate(
        {"name": "cards", "source": {"path": "cards"}, "fields": {"amount": "numeric"}, "lookback": lookback}
    )
    months, periods = monthly(settings), periodic(settings)
    mapping, kept = window_of_marts(domain, cadence), set(months.get_partition_keys())
    for key in periods.get_partition_keys():
        found = mapping.get_upstream_mapped_partitions_result_for_partitions(
            downstream_partitions_subset=periods.subset_with_partition_keys([key]),
            downstream_partitions_def=periods,
            upstream_partitions_def=months,
        ).partitions_subset
        read = {f"{month}" for month in history_months(domain, parse_period(key, cadence).as_of)}
        assert read & kept <= set(found.get_partition_keys()), key
