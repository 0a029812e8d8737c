"""The data's own first month."""

import datetime as dt

from hypothesis import given
from hypothesis import strategies as st

from anna_core.sources.span import KEPT_SHARE, STRAY_SHARE, first_month, rows_before

LAST = dt.date(2024, 12, 1)
JAN = dt.date(2024, 1, 1)


def months(**rows: int) -> dict[dt.date, int]:
    """`m2024_03=7` → March's 7 rows."""
    return {dt.date(int(name[1:5]), int(name[6:]), 1): count for name, count in rows.items()}


def test_it_is_the_earliest_month_of_any_domain():
    cards, loans = months(m2023_05=10, m2023_06=10), months(m2021_01=5, m2024_01=5)
    assert first_month([cards, loans], LAST) == dt.date(2021, 1, 1)


def test_a_few_stray_dates_do_not_count():
    rows = months(m1970_01=1, m2024_01=500, m2024_02=500)
    assert first_month([rows], LAST) == JAN
    assert rows_before(rows, JAN) == 1


def test_a_thousandth_counts():
    assert first_month([months(m1999_01=1, m2024_01=999)], LAST) == dt.date(1999, 1, 1)
    assert first_month([months(m1999_01=1, m2024_01=1000)], LAST) == JAN


def test_months_without_rows_and_later_ones_do_not_count():
    assert first_month([months(m2020_01=0, m2024_01=3, m2999_01=10**9)], LAST) == JAN
    assert first_month([months(m2999_01=5), {}], LAST) is None
    assert first_month([], LAST) is None


def test_it_moves_back_with_the_data_at_once():
    assert first_month([months(m2020_01=5, m2024_01=5)], LAST, so_far=JAN) == dt.date(2020, 1, 1)


def test_sparse_first_months_stay_while_newer_data_comes_in():
    rows = months(m2020_01=1, m2024_01=5000)
    assert first_month([rows], LAST) == JAN
    assert first_month([rows], LAST, so_far=dt.date(2020, 1, 1)) == dt.date(2020, 1, 1)


def test_a_stray_date_of_a_first_small_delivery_is_left_behind():
    rows = months(m1970_01=1, m2024_01=50_000)
    assert first_month([rows], LAST, so_far=dt.date(1970, 1, 1)) == JAN


def test_it_moves_on_to_what_is_left_where_rows_are_gone():
    assert first_month([months(m2024_03=5)], LAST, so_far=JAN) == dt.date(2024, 3, 1)


DATES = st.dates(dt.date(1950, 1, 1), dt.date(2030, 1, 1)).map(lambda day: day.replace(day=1))
COUNTS = st.dictionaries(DATES, st.integers(0, 10**6), max_size=12)


@given(st.lists(COUNTS, max_size=4), st.none() | DATES)
def test_no_domain_loses_more_than_a_thousandth_and_the_rule_rests(domains, so_far):
    first = first_month(domains, LAST, so_far)
    counted = [{m: n for m, n in rows.items() if n and m <= LAST} for rows in domains]
    assert (first is None) == (not any(counted))
    if first is None:
        return
    for rows in counted:
        assert not rows or rows_before(rows, first) < STRAY_SHARE * sum(rows.values())
    assert first_month(domains, LAST, first) == first
    assert KEPT_SHARE < STRAY_SHARE
