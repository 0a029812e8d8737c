import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anna_core.durations import DAY, HOUR, MINUTE, SECOND, format_duration, parse_duration


def test_spans_are_in_microseconds():
    seconds = [dt.timedelta(microseconds=span).total_seconds() for span in (SECOND, MINUTE, HOUR, DAY)]
    assert seconds == [1, 60, 3600, 86_400]


@pytest.mark.parametrize(
    ("text", "minutes"),
    [("0m", 0), ("30m", 30), ("12h", 720), ("5d", 7200), ("8w", 80640), (" 3 d ", 4320), ("007m", 7)],
)
def test_a_text_is_a_number_and_a_unit(text, minutes):
    assert parse_duration(text) == dt.timedelta(minutes=minutes)


@given(st.integers(0, 36525 * 24 * 60))
def test_a_written_duration_reads_back_the_same(minutes):
    duration = dt.timedelta(minutes=minutes)
    assert parse_duration(format_duration(duration)) == duration


@pytest.mark.parametrize(
    ("minutes", "text"),
    [(0, "0m"), (45, "45m"), (90, "90m"), (120, "2h"), (1440, "1d"), (525600, "365d"), (10080, "1w")],
)
def test_the_largest_unit_that_fits_is_written(minutes, text):
    assert format_duration(dt.timedelta(minutes=minutes)) == text


@pytest.mark.parametrize("value", ["", "5", 365, "-5d", "1.5d", "5 days", "d5", "1y", None, True, "5d 3h", "5D"])
def test_anything_else_is_refused_with_an_example(value):
    with pytest.raises(ValueError, match="is not a duration: write a whole number and m, h, d or w, as in 12h or 365d"):
        parse_duration(value)


@pytest.mark.parametrize("value", ["36526d", "99999999999999999999d", dt.timedelta(days=40000)])
def test_more_than_a_century_is_refused(value):
    with pytest.raises(ValueError, match="longer than a hundred years"):
        parse_duration(value)


def test_a_timedelta_is_taken_if_it_can_be_written():
    assert parse_duration(dt.timedelta(hours=2)) == dt.timedelta(hours=2)
    with pytest.raises(ValueError, match="negative"):
        parse_duration(dt.timedelta(minutes=-1))
    with pytest.raises(ValueError, match="whole number of minutes"):
        parse_duration(dt.timedelta(seconds=90))
