"""Which months are complete."""

import datetime as dt
from types import SimpleNamespace
from typing import Any, cast

import pytest

from anna_assets.production.due import Look

FEBRUARY, MARCH, APRIL = dt.date(2024, 2, 1), dt.date(2024, 3, 1), dt.date(2024, 4, 1)


def is_complete(now: dt.datetime, rows: dict[dt.date, int]) -> bool:
    settings = SimpleNamespace(time_zone="Asia/Tokyo", production=SimpleNamespace(grace=dt.timedelta(days=3)))
    domain = SimpleNamespace(name="cards", availability_lag=dt.timedelta(days=1))
    look = Look(
        "churn.q1", cast(Any, settings), [cast(Any, domain)], [FEBRUARY, MARCH], {"cards": rows}, {}, now.timestamp()
    )
    return look.is_complete(MARCH)


@pytest.mark.parametrize("later", [APRIL, dt.date(2099, 1, 1)])
def test_an_event_of_a_month_that_has_not_begun_ends_none(later: dt.date) -> None:
    assert not is_complete(dt.datetime(2024, 3, 20, tzinfo=dt.UTC), {MARCH: 400, later: 1})


def test_a_month_is_complete_by_events_of_the_next_or_once_it_is_over_for_long_on_the_banks_clock() -> None:
    begun = dt.datetime(2024, 3, 31, 15, tzinfo=dt.UTC)  # April in Tokyo
    assert is_complete(begun, {MARCH: 400, APRIL: 1})
    assert not is_complete(begun - dt.timedelta(seconds=1), {MARCH: 400, APRIL: 1})
    assert not is_complete(begun, {MARCH: 400})
    assert not is_complete(begun, {MARCH: 400, APRIL: 0})
    assert is_complete(begun + dt.timedelta(days=4), {MARCH: 400})
    assert not is_complete(begun + dt.timedelta(days=40), {FEBRUARY: 400})
