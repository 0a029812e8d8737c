"""Which clients and dates of a sample the marts know, and why not."""

import datetime as dt

import polars as pl
import pytest

from anna_core.guards.files_apart import files_apart
from anna_core.guards.matching import match_sample
from anna_core.guards.spellings import likely_cause
from anna_core.guards.written_apart import written_apart
from anna_tests.unit.conftest import Bank, events_frame

APRIL = dt.date(2024, 4, 1)
IDS = [f"{i}" for i in range(100, 140)]


@pytest.fixture
def march(bank: Bank) -> Bank:
    """Clients 100 to 139 have one event each on March 10th."""
    bank.put(events_frame([(id_, dt.datetime(2024, 3, 10), "x", None, None) for id_ in IDS]))
    bank.build()
    return bank


def matched(bank: Bank, clients: list[str], as_of: dt.date | list[dt.date] = dt.date(2024, 3, 15)):
    dates = as_of if isinstance(as_of, list) else [as_of] * len(clients)
    return match_sample(pl.DataFrame({"client_id": clients, "as_of": dates}), [(bank.domain, bank.mart)])


def test_where_all_is_well_or_no_mart_is_there_nothing_is_said(march, tmp_path):
    match = matched(march, IDS)
    assert (match.clients, match.met, match.warnings) == (40, 40, ())
    assert match.domains[0].met == 40
    nowhere = match_sample(pl.DataFrame({"client_id": IDS, "as_of": APRIL}), [(march.domain, tmp_path / "none")])
    assert (nowhere.met, nowhere.domains, nowhere.warnings) == (0, (), ())


def test_some_new_clients_are_no_warning(march):
    match = matched(march, [*IDS[:38], "newcomer", "another"])
    assert (match.clients, match.met, match.warnings) == (40, 38, ())


def test_half_of_the_clients_padded_is_told_with_examples_of_both_sides(march):
    match = matched(march, [*IDS[:20], *(f"00{id_}" for id_ in IDS[20:])])
    name = march.domain.name
    assert (match.met, match.domains[0].met) == (20, 20)
    assert match.warnings == (
        f"20 of 40 clients of the sample have no event in any domain in the months that their rows look back to "
        f"(clients found: {name} 50%).",
        f"{name} knows 20 of 40 clients: leading zeros are lost in one of the two (20 of 20 would meet otherwise). "
        "It does not know 00120, 00126, 00132; it knows, for instance, 100, 113, 126. Write clients as the source "
        "does.",
    )


def test_a_few_ids_written_otherwise_are_told_although_most_are_met(march):
    match = matched(march, [*IDS[:37], *(f"0{id_}" for id_ in IDS[37:])])
    assert match.met == 37
    assert len(match.warnings) == 1
    assert "knows 37 of 40 clients: leading zeros are lost" in match.warnings[0]


@pytest.mark.parametrize(
    ("ours", "theirs", "cause"),
    [
        (["007", "008", "009"], ["7", "8", "9"], "leading zeros"),
        (["AB1", "CD2", "EF3"], ["ab1", "cd2", "ef3"], "capitals"),
        (["ab-1", "cd-2", "ef-3"], ["AB1", "CD2", "EF3"], "spaces or signs within"),
        (["C7", "C8", "C9"], ["7", "8", "9"], "prefix or a suffix"),
        (["4276000000001000", "4276000000002000", "4276000000003000"],
         ["4276000000001001", "4276000000002002", "4276000000003003"], "15 digits"),
        (["x1", "x2", "x3"], ["y4", "y5"], ""),
        (["A7", "A8", "A9"], ["B7", "B8", "B9", "A1"], ""),  # the same form: other clients
        (["4276000000001001", "4276000000001002", "4276000000001003"], ["4276000000001004"], ""),
        (["007", "new", "newer"], ["7"], ""),  # one of three may be chance
    ],
)  # fmt: skip
def test_the_likely_cause_is_how_ids_are_written(ours, theirs, cause):
    found = likely_cause(pl.Series(ours), pl.Series(theirs))
    assert cause in found
    assert bool(cause) == bool(found)


def test_domains_that_write_clients_in_different_ways_are_named():
    ids = pl.Series(["7", "8", "9", "10"])
    (told,) = written_apart({"cards": ids, "loans": ids.str.zfill(3), "none": ids.clear()})
    assert told.startswith(
        "loans and cards write clients in different ways: leading zeros are lost in one of the two (4 "
    )
    assert "loans has 007, 008, 009; cards has 10, 7, 8." in told


def test_domains_with_other_clients_are_left_in_peace():
    cards = pl.Series(["a1", "a2", "a3", "a4"])
    assert written_apart({"cards": cards, "loans": pl.Series(["a3", "a4", "a5", "a6"]), "new": pl.Series(["a9"])}) == []
    assert written_apart({"cards": cards}) == written_apart({}) == []


def test_dates_years_ahead_are_told(march):
    match = matched(march, IDS, [dt.date(2024, 3, 12)] * 20 + [dt.date(2042, 1, 1)] * 20)
    assert match.warnings == (
        "20 of 40 rows are as of 2042-01-01, but the newest event of any domain is of 2024-03-10: they miss what "
        "happened since. Is the year right, or are the sources behind?",
    )


def test_dates_before_all_events_do_not_blame_the_ids(march):
    match = matched(march, IDS, [dt.date(2020, 1, 1), *[dt.date(2020, 6, 1)] * 39])
    assert match.domains == ()
    assert match.warnings == (
        "40 of 40 rows are as of 2020-01-01 to 2020-06-01, but no domain has an event before 2024-03-10: they see "
        "nothing. Leave them out, or bring older events.",
    )


def test_a_client_of_any_domain_is_known(march, tmp_path):
    other = Bank(tmp_path / "other", name="loans")
    other.put(events_frame([(f"00{id_}", dt.datetime(2024, 3, 11), "x", None, None) for id_ in IDS[:30]]))
    other.build()
    rows = pl.DataFrame({"client_id": IDS, "as_of": [dt.date(2024, 3, 15)] * 40})
    match = match_sample(rows, [(march.domain, march.mart), (other.domain, other.mart)])
    assert (match.met, [domain.met for domain in match.domains]) == (40, [40, 0])
    assert [warning.split(":")[0] for warning in match.warnings] == ["loans knows 0 of 40 clients"]
    assert "leading zeros are lost in one of the two (30 of 40 would meet otherwise)" in match.warnings[0]


def test_a_domain_that_knows_nobody_is_told_beside_one_that_knows_all(march, tmp_path):
    other = Bank(tmp_path / "other", name="loans")
    other.put(events_frame([("somebody", dt.datetime(2024, 3, 11), "x", None, None)]))
    other.build()
    rows = pl.DataFrame({"client_id": IDS, "as_of": [dt.date(2024, 3, 15)] * 40})
    match = match_sample(rows, [(march.domain, march.mart), (other.domain, other.mart)])
    assert match.warnings == (
        "loans knows 0 of 40 clients. It does not know 100, 113, 126; it knows, for instance, somebody. Write "
        "clients as the source does.",
    )


def test_a_prefix_is_told_though_a_few_of_the_others_have_one_of_their_own():
    plain = [str(number) for number in range(1000, 1100)]
    told = likely_cause(pl.Series([f"C{number}" for number in plain]), pl.Series([*plain, "TEST", "BANK-1"]))
    assert told == "one of the two has a prefix or a suffix (100 of 100 would meet otherwise)"


def test_prefixes_on_both_sides_tell_clients_apart():
    numbers = [f"{i:06d}" for i in range(100)]
    retail, corporate = (pl.Series([f"{letter}{number}" for number in numbers]) for letter in "RC")
    assert written_apart({"retail": retail, "corporate": corporate}) == []
    (told,) = written_apart({"bare": pl.Series(numbers), "retail": retail})
    assert "one of the two has a prefix or a suffix (100 of 100" in told


@pytest.mark.parametrize("newest", [[], ["7001", "7002"], [str(i) for i in range(9000, 9100)]])
def test_a_file_is_compared_with_all_newer_ones(newest):
    files = {"c": newest, "b": [str(i) for i in range(100)], "a": [f"{i:08d}" for i in range(100)]}
    told = files_apart({name: pl.Series(ids, dtype=pl.String) for name, ids in files.items()})
    assert "leading zeros are lost in one of the two (100 of " in told
    assert files_apart({name: pl.Series(ids, dtype=pl.String) for name, ids in list(files.items())[:2]}) == ""


def test_a_small_file_that_lost_its_zeros_is_told_beside_a_large_one():
    files = {"new": pl.Series([f"{i:08d}" for i in range(1000)]), "sheet": pl.Series([str(i) for i in range(10, 20)])}
    assert "leading zeros are lost in one of the two (10 of 10 " in files_apart(files)
