"""The corpus of odd inputs: what is right of each, and the page that shows the refusals."""

import polars as pl
import pytest

from anna_tests.cases.bank import EVENTS, events
from anna_tests.cases.case import Case, outcome
from anna_tests.cases.page import SOURCES, page
from anna_tests.conftest import ROOT

CASES = {case.name: case for cases in SOURCES.values() for case in cases}


def test_names_of_cases_are_different():
    assert len(CASES) == sum(map(len, SOURCES.values()))


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_of_an_odd_source_comes_what_is_right(case: Case, tmp_path):
    found = outcome(case, tmp_path)
    assert case.refused in found.refusal
    if case.refused:
        assert found.refusal.startswith("domain cards: ")
        return
    assert found.refusal == ""
    assert (found.rows, found.left) == (case.rows, case.left)
    assert {name: found.codes[name] for name in case.codes} == case.codes
    assert len(found.notes) == len(case.notes)
    assert all(part in note for part, note in zip(case.notes, found.notes, strict=True))
    assert found.unread == list(case.unread)


def test_events_that_are_delivered_again_leave_the_month_that_they_were_in(tmp_path):
    found = outcome(CASES["delivered_twice"], tmp_path)
    first = tmp_path / "mart" / "month=2024-01" / "events.parquet"
    january = pl.read_parquet(tmp_path / "warehouse" / "cards" / "2024Q1.parquet").filter(
        pl.col("event_time") < pl.datetime(2024, 2, 1), pl.col("event_id") % 60 != 0
    )
    assert pl.scan_parquet(first).select(pl.len()).collect().item() == len(january)
    assert found.rows == EVENTS


def test_time_stamps_are_the_same_moments_whatever_their_zone_is_called(tmp_path):
    found = outcome(CASES["unknown_zones"], tmp_path)
    assert found.events["event_time"].sort().to_list() == events()["event_time"].sort().to_list()


def test_the_greater_version_stays_where_two_are_one_float(tmp_path):
    found = outcome(CASES["snowflake_versions"], tmp_path)
    assert found.events["event_time"].sort().to_list() == events()["event_time"].sort().to_list()


@pytest.mark.parametrize("name", ["open_end_versions", "infinite_versions"])
def test_an_open_end_is_the_latest_version(tmp_path, name):
    found = outcome(CASES[name], tmp_path)
    in_force = events()["event_time"].dt.offset_by("1m")
    assert found.events["event_time"].sort().to_list() == in_force.sort().to_list()


def test_the_page_of_errors_is_made_from_the_code():
    written = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
    assert written == page(), "make it anew: python -m anna_tests.cases > docs/errors.md"
