"""Why no row of a sample sees an event of a domain."""

import datetime as dt

import polars as pl
import pytest

from anna_core.domains import Domain, SourceSpec
from anna_core.marts.mart import mart_path
from anna_core.sequences.nothing_seen import why_unseen

CARDS = Domain(
    name="cards",
    source=SourceSpec(path="x"),
    fields={"mcc": "categorical"},
    lookback="60d",
    availability_lag="1d",
)
FEB, MARCH, JUNE = dt.date(2024, 2, 1), dt.date(2024, 3, 1), dt.date(2024, 6, 1)


def why(tmp_path, as_of, observed, clients=("7", "8"), keeps=lambda month: True, marts=None):
    for month, known in (marts or {}).items():
        path = mart_path(tmp_path, month)
        path.parent.mkdir()
        pl.DataFrame({"client_id": known}).write_parquet(path)
    rows = pl.DataFrame({"client_id": clients, "as_of": [as_of] * len(clients)})
    return why_unseen(CARDS, rows, observed, keeps, tmp_path)


AS_OF = dt.date(2024, 3, 15)


@pytest.mark.parametrize("observed", [{}, {FEB: 0}])
def test_an_empty_domain(tmp_path, observed):
    assert why(tmp_path, AS_OF, observed) == "cards has no events at all."


def test_dates_before_all_events(tmp_path):
    assert why(tmp_path, AS_OF, {JUNE: 5}) == (
        "cards has no events before 2024-06, and the rows are as of 2024-03-15: their as_of is too early."
    )


def test_dates_long_after_all_events(tmp_path):
    assert why(tmp_path, dt.date(2042, 1, 1), {FEB: 5, MARCH: 5}) == (
        "cards has no events after 2024-03, and rows as of 2042-01-01 look back for 60d only: their as_of is too late, "
        "or the source is behind."
    )


def test_a_gap_in_the_source(tmp_path):
    assert why(tmp_path, AS_OF, {dt.date(2023, 1, 1): 5, JUNE: 5}) == (
        "cards has no events in 2024-01 to 2024-03, which rows as of 2024-03-15 see."
    )


def test_months_that_the_deployment_does_not_keep(tmp_path):
    told = why(tmp_path, AS_OF, {FEB: 5, MARCH: 5, JUNE: 5}, keeps=lambda month: month >= JUNE)
    assert told == (
        "cards has events in 2024-02 to 2024-03, which rows as of 2024-03-15 see, but these are no months of this "
        "deployment: set start_month or end_month in anna.yaml."
    )


def test_clients_that_are_written_otherwise(tmp_path):
    told = why(tmp_path, AS_OF, {MARCH: 2}, clients=("007", "008"), marts={MARCH: ["7", "7", "8"]})
    assert told == (
        "cards knows none of these clients: the sample has 007, 008, …, the source has 7, 8, …. Write them as the "
        "source does."
    )


def test_clients_with_events_in_other_months_only(tmp_path):
    told = why(tmp_path, AS_OF, {MARCH: 2, JUNE: 1}, marts={MARCH: ["1", "2"], JUNE: ["7"]})
    assert told == "cards has events of these clients, but none in 2024-03, which rows as of 2024-03-15 see."


def test_clients_whose_events_are_too_fresh_or_too_old(tmp_path):
    told = why(tmp_path, AS_OF, {MARCH: 2}, marts={MARCH: ["7"]})
    assert told == (
        "cards has events of these clients, but none from as_of - 60d until as_of - 1d, and no others are seen."
    )
