"""What rows wait for: the months that their windows touch, and no others."""

import datetime as dt
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anna_core.domains import Domain
from anna_core.months import date_spans, months_between
from anna_core.sequences.readiness import Behind, Readiness
from anna_core.sequences.touched_months import months_needed, months_of_spans
from anna_tests.unit.conftest import MARCH, Bank, events_frame

JANUARY, FEBRUARY = dt.date(2024, 1, 1), dt.date(2024, 2, 1)
DAY = dt.timedelta(days=1)
DATES = st.dates(dt.date(2019, 1, 1), dt.date(2025, 12, 31))


def span(first: str, last: str | None = None) -> list[tuple[dt.date, dt.date]]:
    return [(dt.date.fromisoformat(first), dt.date.fromisoformat(last or first))]


@pytest.fixture
def bank(tmp_path):
    """A bank with events in January to March 2024, of which a row sees those of the last 30 days."""
    bank = Bank(tmp_path, lookback="30d")
    days = [dt.datetime(2024, month, 5) for month in (1, 2, 3)]
    bank.put(events_frame([("a", day, "x", True, 1.0) for day in days]))
    return bank


def readiness(bank, calendar="all", keeps=lambda month: True, settle=0.0) -> Readiness:
    return Readiness(replace(bank.source, settle=settle), bank.state, bank.mart, calendar, keeps)


def see(bank, calendar="all"):
    bank.observe(calendar)


def test_a_file_that_may_still_be_being_written_keeps_nobody_waiting(bank):
    see(bank)
    bank.put(events_frame([("b", dt.datetime(2024, 3, 6), "x", True, 1.0)]), "more.parquet")
    assert "is to be observed" in str(readiness(bank).behind(span("2024-03-15")))
    assert readiness(bank, settle=3600.0).behind(span("2024-03-15")).stale == (FEBRUARY, MARCH)


def test_a_source_that_was_never_observed_or_changed_since_is_waited_for(bank):
    assert str(readiness(bank).behind(span("2024-03-15"))) == "cards has not been observed yet"
    see(bank)
    assert readiness(bank).behind(span("2024-03-15")).stale == (FEBRUARY, MARCH)
    bank.put(events_frame([("a", dt.datetime(2024, 3, 6), "x", True, 1.0)]), "more.parquet")
    told = str(readiness(bank).behind(span("2024-03-15")))
    assert told == "cards is to be observed again: its files changed"
    see(bank)
    assert readiness(bank).behind(span("2024-03-15")).stale == (FEBRUARY, MARCH)
    told = str(readiness(bank, calendar="others").behind(span("2024-03-15")))
    assert told == "cards is to be observed again: the months that are kept, `left_aside` or `copies` are others now"
    bank.put_text("-", "notes.txt")
    assert str(readiness(bank).behind(span("2024-03-15"))) == "cards is to be observed again: its files changed"
    see(bank)
    (bank.table / "notes.txt").unlink()
    assert str(readiness(bank).behind(span("2024-03-15"))) == "cards is to be observed again: its files changed"
    see(bank)
    bank.source = replace(bank.source, domain=bank.domain.model_copy(update={"time_zone": "UTC"}))
    told = str(readiness(bank).behind(span("2024-03-15")))
    assert told == "cards is to be observed again: the rules by which it is read changed"


def test_a_source_that_cannot_be_read_is_told(bank):
    for file in bank.table.iterdir():
        file.unlink()
    assert "cards cannot be read: domain cards: no .parquet file at" in str(readiness(bank).behind(span("2024-03-15")))


def test_only_months_that_a_window_touches_are_waited_for(bank):
    """January is never built, and holds back nobody but who sees it."""
    see(bank)
    bank.build(MARCH)
    told = readiness(bank)
    assert told.behind(span("2024-03-15")) == Behind("cards", (FEBRUARY,))
    bank.build(FEBRUARY)
    told = readiness(bank)
    assert told.behind(span("2024-03-15")) is None
    assert told.behind(span("2024-02-15")) == Behind("cards", (JANUARY,))
    assert told.behind(span("2024-03-15") + span("2026-01-01")) is None  # nothing was seen of these months


def test_months_that_are_not_kept_are_not_waited_for(bank):
    see(bank)
    bank.build(MARCH)
    told = readiness(bank, keeps=lambda month: month >= MARCH)
    assert told.behind(span("2024-03-15")) is None
    assert told.kept_months(span("2024-03-15")) == [MARCH]


@pytest.mark.parametrize(
    ("stale", "told"),
    [
        ((JANUARY,), "cards: 2024-01 of the mart is to be built"),
        ((JANUARY, FEBRUARY), "cards: 2024-01 and 2024-02 of the mart are to be built"),
        ((JANUARY, FEBRUARY, MARCH), "cards: 2024-01 and 2 more months of the mart are to be built"),
    ],
)
def test_what_is_waited_for_is_told_by_domain_and_month(stale, told):
    assert str(Behind("cards", stale)) == told


def test_dates_far_apart_make_spans_of_their_own():
    days = [JANUARY + n * DAY for n in (0, 27, 55, 3, 0)]
    assert date_spans(days) == [(JANUARY, JANUARY + 27 * DAY), (JANUARY + 55 * DAY, JANUARY + 55 * DAY)]
    assert date_spans([]) == []


@given(st.lists(DATES, min_size=1, max_size=8), st.integers(1, 400), st.integers(0, 399))
def test_the_months_needed_are_those_of_each_rows_window(dates, lookback, lag):
    if lag >= lookback:
        lag = lookback - 1
    domain = Domain.model_validate(
        {
            "name": "cards",
            "source": {"path": "x"},
            "fields": {"kind": "categorical"},
            "lookback": f"{lookback}d",
            "availability_lag": f"{lag}d",
        }
    )
    windows = [months_between(day - lookback * DAY, day - lag * DAY - DAY) for day in dates]
    expected = sorted({month for window in windows for month in window})
    assert months_needed(domain, np.array(dates, dtype="datetime64[D]")) == expected
    assert months_of_spans(domain, date_spans(dates)) == expected
