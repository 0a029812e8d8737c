import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anna_core.months import month_of, months_between, next_month, parse_month

DAYS = st.dates(dt.date(1900, 1, 1), dt.date(2200, 1, 1))


@pytest.mark.parametrize(
    ("count", "expected"),
    [(1, (2024, 1, 1)), (0, (2023, 12, 1)), (-1, (2023, 11, 1)), (-12, (2022, 12, 1)), (13, (2025, 1, 1))],
)
def test_months_are_counted_over_the_year(count, expected):
    assert next_month(dt.date(2023, 12, 1), count) == dt.date(*expected)


def test_both_ends_belong_to_months_between():
    assert list(months_between(dt.date(2023, 11, 30), dt.date(2024, 2, 1))) == [
        dt.date(2023, 11, 1), dt.date(2023, 12, 1), dt.date(2024, 1, 1), dt.date(2024, 2, 1)
    ]  # fmt: skip
    assert list(months_between(dt.date(2024, 2, 2), dt.date(2024, 2, 1))) == [dt.date(2024, 2, 1)]
    assert list(months_between(dt.date(2024, 3, 1), dt.date(2024, 2, 1))) == []


@given(DAYS)
def test_a_day_lies_in_its_month(day):
    first = month_of(day)
    assert first <= day < next_month(first)
    assert parse_month(first.isoformat()) == parse_month(f"{first:%Y-%m}") == first


@given(DAYS, st.integers(-300, 300))
def test_going_back_undoes_going_on(day, count):
    assert next_month(next_month(month_of(day), count), -count) == month_of(day)


@pytest.mark.parametrize("key", ["2024-03-02", "2024-13", "2024", "", "march"])
def test_what_is_no_month_is_refused(key):
    with pytest.raises(ValueError, match=r".+"):
        parse_month(key)
