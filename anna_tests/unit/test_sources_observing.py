import datetime as dt
import json
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import polars as pl
import pytest
from filelock import FileLock, Timeout

from anna_core.errors import ArtifactError, SourceError
from anna_core.marts.staleness import stale_months
from anna_core.sources import digests, observing
from anna_core.sources.fingerprints import NO_ROWS
from anna_core.sources.observing import mark_told
from anna_core.sources.source_state import SourceState, read_state
from anna_tests.unit.conftest import MARCH, Bank, events_frame

FEBRUARY, APRIL = dt.date(2024, 2, 1), dt.date(2024, 4, 1)


def row(month: int, day: int = 5, amount: float = 1.0) -> tuple:
    return ("a", dt.datetime(2024, month, day, 12), "x", True, amount)


class Watched(Bank):
    """A bank whose readings are written down."""

    def __init__(self, home, monkeypatch, **settings):
        super().__init__(home, **settings)
        self.read: list[str] = []
        self.opened: list[str] = []
        real, real_schema = observing.survey, observing.file_schema

        def survey(source, file, *rest):
            self.read.append(file.name)
            return real(source, file, *rest)

        def file_schema(domain, file):
            self.opened.append(file.name)
            return real_schema(domain, file)

        monkeypatch.setattr(observing, "survey", survey)
        monkeypatch.setattr(observing, "file_schema", file_schema)

    def observe(self, *given, **read):
        self.read.clear()
        self.opened.clear()
        return super().observe(*given, **read)

    def stale(self, *months):
        return stale_months(read_state(self.state), self.mart, list(months))


@pytest.fixture
def watched(tmp_path, monkeypatch):
    bank = Watched(tmp_path, monkeypatch)
    bank.put(events_frame([row(2), row(3)]), "1.parquet")
    bank.put(events_frame([row(3, 6), row(4)]), "2.parquet")
    return bank


def test_a_file_is_read_once(watched):
    first = watched.observe()
    assert watched.read == ["1.parquet", "2.parquet"]
    assert list(first.months) == ["2024-02-01", "2024-03-01", "2024-04-01"]
    assert [value.split("-")[0] for value in first.months.values()] == ["1", "2", "1"]
    assert watched.observe() == first == read_state(watched.state)
    assert watched.read == []


def test_only_the_new_file_is_read(watched):
    before = watched.observe()
    watched.put(events_frame([row(3, 7)]), "3.parquet")
    after = watched.observe()
    assert watched.read == ["3.parquet"]
    changed = {month for month in after.months if after.months[month] != before.months[month]}
    assert changed == {"2024-03-01"}


def test_a_late_row_changes_the_months_it_belongs_to(watched):
    before = watched.observe()
    watched.put(events_frame([row(2, 9), row(4, 9)]), "late.parquet")
    after = watched.observe()
    assert [after.months[month] == before.months[month] for month in before.months] == [False, True, False]


def test_a_touched_file_is_read_but_nothing_is_new(watched):
    before = watched.observe()
    os.utime(watched.table / "1.parquet", ns=(1, 1))
    assert watched.listing() != before.listing
    after = watched.observe()
    assert watched.read == ["1.parquet"]
    assert after.months == before.months
    assert after.listing == watched.listing()


def test_rows_that_move_to_another_file_change_nothing(watched):
    before = watched.observe()
    (watched.table / "2.parquet").unlink()
    watched.put(events_frame([row(4), row(3), row(2), row(3, 6)]), "1.parquet")
    assert watched.observe().months == before.months


def test_a_changed_value_changes_its_month(watched):
    before = watched.observe()
    watched.put(events_frame([row(3, 6, amount=2.0), row(4)]), "2.parquet")
    after = watched.observe()
    assert [after.months[month] == before.months[month] for month in before.months] == [True, False, True]


def test_a_month_that_lost_its_rows_stays_listed_and_its_mart_is_stale(watched):
    watched.observe()
    for month in (FEBRUARY, MARCH, APRIL):
        watched.build(month)
    assert watched.stale(FEBRUARY, MARCH, APRIL) == []
    watched.put(events_frame([row(3)]), "1.parquet")
    assert watched.observe().months["2024-02-01"] == NO_ROWS
    assert watched.stale(FEBRUARY, MARCH, APRIL) == [FEBRUARY]
    assert watched.build(FEBRUARY).rows == 0
    assert watched.stale(FEBRUARY, MARCH, APRIL) == []


def test_a_mart_is_stale_until_it_is_built_from_what_was_observed(watched):
    watched.observe()
    assert watched.stale(FEBRUARY, MARCH, APRIL) == [FEBRUARY, MARCH, APRIL]
    assert watched.stale(dt.date(2023, 1, 1)) == []  # the source never had such a month
    watched.build(MARCH)
    assert watched.stale(FEBRUARY, MARCH, APRIL) == [FEBRUARY, APRIL]
    watched.put(events_frame([row(3, 8)]), "3.parquet")
    assert watched.stale(MARCH) == []  # not observed yet
    watched.observe()
    assert watched.stale(MARCH) == [MARCH]
    watched.build(MARCH)
    assert watched.stale(MARCH) == []


@pytest.mark.parametrize(
    ("change", "again"),
    [
        ({"fields": {"kind": "categorical"}}, True),
        ({"time_zone": "UTC"}, True),
        ({"event_key": ["kind"]}, True),
        ({"description": "new words", "owner": "team:x", "lookback": "30d", "max_length": 5}, False),
    ],
)
def test_files_are_read_again_when_the_rules_to_read_them_change(watched, tmp_path, monkeypatch, change, again):
    before = watched.observe()
    other = Watched(tmp_path, monkeypatch, **change)
    assert (other.listing() != before.listing) == again
    other.observe()
    assert bool(other.read) == again


def test_another_bank_zone_reads_everything_again(watched):
    before = watched.observe()
    assert watched.listing(bank_zone="UTC") != before.listing


def test_a_new_version_of_a_delta_table_is_observed(tmp_path, monkeypatch):
    bank = Watched(tmp_path, monkeypatch, source={"path": "source", "format": "delta"})
    events_frame([row(2)]).write_delta(str(bank.table))
    before = bank.observe()
    assert bank.observe() == before
    assert bank.read == []
    events_frame([row(3)]).write_delta(str(bank.table), mode="append")
    after = bank.observe()
    assert after.months == before.months | {"2024-03-01": after.months["2024-03-01"]}
    bank.build(FEBRUARY)
    assert bank.stale(FEBRUARY, MARCH) == [MARCH]


@pytest.mark.parametrize("kind", ["parquet", "csv"])
def test_only_files_that_are_to_be_read_are_opened(tmp_path, monkeypatch, kind):
    bank = Watched(tmp_path, monkeypatch, source={"path": "source", "format": kind})
    for number in range(1, 6):
        bank.put(events_frame([row(2, number)]), f"{number}.{kind}")
    bank.observe()
    assert bank.opened == bank.read == [f"{number}.{kind}" for number in range(1, 6)]
    bank.observe()
    assert bank.opened == bank.read == []
    bank.put(events_frame([row(3, 6)]), f"6.{kind}")
    (bank.table / f"7.{kind}").write_bytes(b"half")
    for wanted in ([f"6.{kind}", f"7.{kind}"], [f"7.{kind}"]):
        with pytest.raises(SourceError):
            bank.observe()
        assert bank.opened == bank.read == wanted


@pytest.mark.parametrize("ends_early", [True, False])
def test_a_column_that_no_file_has_any_more_is_missed_whoever_read_the_others(tmp_path, monkeypatch, ends_early):
    bank = Watched(tmp_path, monkeypatch)
    frame = events_frame([row(2)])
    bank.put(frame.drop("amount"), "1.parquet")
    with_amount = bank.put(frame.with_columns(kind=pl.lit("y")), "2.parquet")
    half = bank.table / "3.parquet"
    if ends_early:
        half.write_bytes(b"half")
        with pytest.raises(SourceError, match=r"^domain cards: [^\n]*3\.parquet cannot be read[^\n]*$"):
            bank.observe()
        half.unlink()
    else:
        bank.observe()
    with_amount.unlink()
    for bank.state in (tmp_path / "state", tmp_path / "anew"):
        with pytest.raises(SourceError, match=r"1\.parquet has no column \['amount'\]; it has"):
            bank.observe()


def test_a_broken_file_is_not_drowned_by_what_the_others_lack(tmp_path, monkeypatch):
    """The only file with a column is written anew, badly: of the others nothing is told."""
    bank = Watched(tmp_path, monkeypatch)
    frame = events_frame([row(2)])
    bank.put(frame.drop("amount"), "1.parquet")
    bank.put(frame.with_columns(kind=pl.lit("y")), "2.parquet")
    bank.observe()
    (bank.table / "2.parquet").write_bytes(b"half")
    with pytest.raises(SourceError, match=r"^domain cards: [^\n]*2\.parquet cannot be read[^\n]*$"):
        bank.observe()


@pytest.mark.parametrize("kind", ["parquet", "csv", "delta", "iceberg"])
def test_a_missing_source_is_told_by_the_listing(tmp_path, kind):
    bank = Bank(tmp_path, source={"path": "nowhere", "format": kind})
    with pytest.raises(SourceError, match=r"nowhere. Correct `source.path` in cards.yaml"):
        bank.listing()


def test_an_error_in_a_file_keeps_the_last_observation(watched):
    before = watched.observe()
    (watched.table / "3.parquet").write_bytes(b"half")
    with pytest.raises(SourceError, match=r"3\.parquet cannot be read"):
        watched.observe()
    assert read_state(watched.state) == before


@pytest.mark.parametrize("event_key", [[], ["kind"]])
def test_of_a_refused_observation_the_next_one_reads_only_what_was_not_read(tmp_path, monkeypatch, event_key):
    watched = Watched(tmp_path, monkeypatch, event_key=event_key)
    for number in (1, 2):
        watched.put(events_frame([row(number + 1)]), f"{number}.parquet")
    before = watched.observe()
    watched.put(events_frame([row(2, 9)]), "3.parquet")
    (watched.table / "4.parquet").write_bytes(b"half")
    watched.put(events_frame([row(4, 9)]), "5.parquet")
    for read in (["3.parquet", "4.parquet", "5.parquet"], ["4.parquet"]):
        with pytest.raises(SourceError, match=r"4\.parquet cannot be read"):
            watched.observe()
        assert watched.read == read
        assert read_state(watched.state) == before  # neither months nor files nor listing
    watched.put(events_frame([row(4, 9), row(3, 9)]), "5.parquet")  # changed since it was read
    watched.put(events_frame([row(5)]), "4.parquet")
    after = watched.observe()
    assert watched.read == ["4.parquet", "5.parquet"]
    assert [path.name for path in (watched.state / "read").iterdir()] == []
    watched.state = tmp_path / "anew"
    anew = watched.observe()
    assert (after.months, after.files, after.listing) == (anew.months, anew.files, anew.listing)


def test_what_an_observation_that_was_killed_has_read_is_not_read_again(watched, monkeypatch):
    real = observing.survey

    def killed(source, file, *rest):
        if file.name == "2.parquet":
            raise KeyboardInterrupt
        return real(source, file, *rest)

    monkeypatch.setattr(observing, "survey", killed)
    with pytest.raises(KeyboardInterrupt):
        watched.observe()
    monkeypatch.setattr(observing, "survey", real)
    assert list(watched.observe().months) == ["2024-02-01", "2024-03-01", "2024-04-01"]
    assert watched.read == ["2.parquet"]


def test_refused_observations_leave_no_identities_behind_but_those_that_may_serve(tmp_path, monkeypatch):
    watched = Watched(tmp_path, monkeypatch, event_key=["kind"])
    watched.put(events_frame([row(3, 6), row(4)]), "2.parquet")
    (watched.table / "9.parquet").write_bytes(b"half")
    for day in range(1, 4):
        watched.put(events_frame([row(2, day)]), "1.parquet")
        with pytest.raises(SourceError):
            watched.observe()
    kept = {kind: len(list((watched.state / kind).iterdir())) for kind in ("keys", "read")}
    assert kept == {"keys": 2, "read": 2}  # of 1.parquet and 2.parquet as they are


def test_what_killed_writers_left_goes_with_the_next_observation(tmp_path, monkeypatch):
    watched = Watched(tmp_path, monkeypatch, event_key=["kind"])
    watched.put(events_frame([row(2)]), "1.parquet")
    watched.observe()
    left = [tmp_path / "state" / name for name in ("keys/.tmp-1.npy", "read/.tmp-1.json")]
    for path in left:
        path.write_text("half")
    watched.observe()
    assert [path for path in left if path.exists()] == []


def test_an_observation_goes_through_its_folders_as_often_whatever_the_number_of_files(tmp_path, monkeypatch):
    """Otherwise the first one takes the square of the number of files: 20,000 are no rarity."""
    real, listed = Path.glob, []

    def glob(folder, pattern):
        listed.append(folder.name)
        return real(folder, pattern)

    monkeypatch.setattr(Path, "glob", glob)
    times = []
    for files in (2, 9):
        bank = Watched(tmp_path / f"{files}", monkeypatch, event_key=["kind"])
        for number in range(1, files + 1):
            bank.put(events_frame([row(2, number)]), f"{number}.parquet")
        listed.clear()
        bank.observe()
        times.append({name: listed.count(name) for name in ("keys", "read")})
    assert times[0] == times[1]
    assert times[0]["keys"] > 0


def test_a_broken_state_is_told_with_its_cure(watched):
    watched.observe()
    (watched.state / "fingerprints.json").write_text("{")
    with pytest.raises(ArtifactError, match="cannot be read; remove it, and the source is observed anew"):
        read_state(watched.state)


def test_a_mart_whose_month_left_while_the_last_observation_was_lost_is_stale_and_comes_out_empty(watched):
    watched.observe()
    for month in (MARCH, APRIL):
        watched.build(month)
    shutil.rmtree(watched.state)  # as the message of a damaged one says
    (watched.table / "2.parquet").unlink()
    (watched.table / "1.parquet").unlink()
    watched.put(events_frame([row(3)]), "3.parquet")
    state = watched.observe()
    assert state.rows == {MARCH: 1, APRIL: 0}
    assert watched.stale(MARCH, APRIL) == [MARCH, APRIL]
    built = watched.build_at(watched.mart, APRIL, observed=state.files_of(APRIL.isoformat()))
    assert (built.rows, built.source_version) == (0, state.months[APRIL.isoformat()])


def test_a_state_of_another_form_is_observed_anew(watched):
    after = watched.observe()
    other = {"form": "3", "listing": "x", "files": ["gone"], "months": {"2023-01": 1}}
    (watched.state / "fingerprints.json").write_text(json.dumps(other))
    assert read_state(watched.state) == SourceState()
    assert watched.observe() == after
    assert watched.read == ["1.parquet", "2.parquet"]


def test_months_that_are_taken_in_or_left_out_ask_for_an_observation_but_no_file_is_read(watched):
    kept = "2024-02-01 to 2024-03-01"
    before = watched.observe(kept)
    watched.read.clear()
    more = "2024-02-01 to 2024-04-01"
    assert watched.listing(kept) == before.listing
    assert watched.listing(more) != before.listing
    after = watched.observe(more)
    assert (after.months, watched.read) == (before.months, [])


def test_fingerprints_of_another_hash_are_made_anew(watched, monkeypatch):
    before = watched.observe()
    monkeypatch.setattr(digests, "hash_probe", lambda: "another release's")
    assert watched.listing() != before.listing
    watched.observe()
    assert watched.read == ["1.parquet", "2.parquet"]


def test_of_two_observations_at_once_one_waits_for_the_other(watched, monkeypatch):
    """The one that looked first would remove what the other has just found of events' identities."""
    real, waits = observing.survey, []

    def survey(*arguments):
        with ThreadPoolExecutor(1) as other:
            lock = FileLock(watched.state / ".lock", timeout=0)
            waits.append(isinstance(other.submit(lock.acquire).exception(), Timeout))
        return real(*arguments)

    monkeypatch.setattr(observing, "survey", survey)
    watched.observe()
    assert waits == [True, True]


def test_an_observation_counts_as_told_unless_another_has_replaced_it(watched):
    folder = watched.state
    first = watched.observe()
    assert not first.told
    mark_told(folder, first)
    assert read_state(folder) == first.model_copy(update={"told": True})
    again = watched.observe()
    assert not read_state(folder).told  # it is yet to be told, even if it found the same
    watched.put(events_frame([row(5)]), "3.parquet")
    watched.observe()
    mark_told(folder, again)
    assert not read_state(folder).told


def test_a_number_with_separate_thousands_is_counted_where_all_may_be_left_aside(watched):
    watched.put(events_frame([row(3, amount="1,234.50"), row(4, amount="5")], amount=pl.String), "3.parquet")
    with pytest.raises(SourceError, match=r"So many such values show .* `left_aside: 1` in anna\.yaml has them"):
        watched.observe()
    assert watched.observe(left_aside=1.0).left == {"amount is written with separate thousands or a decimal comma": 1}


def test_a_column_that_is_filled_in_few_rows_of_each_month_is_judged_by_the_whole_file(tmp_path):
    days = [(month, day) for month in range(1, 5) for day in range(1, 29)]
    flags = pl.Series(["x" if day <= 5 else None for _, day in days])
    frame = pl.DataFrame({"event_time": [dt.date(2024, *day) for day in days], "online": flags, "client_id": "c1"})
    bank = Bank(tmp_path, fields={"online": "boolean"})
    bank.put(frame)
    told = (
        r"of its rows \(112\), or of the values of a column, .* in 20 of the 20 rows that have a value in it \(.*: 'x'"
    )
    with pytest.raises(SourceError, match=told):
        bank.observe()
    nine = pl.int_range(pl.len()) < 32  # of 89
    bank.put(frame.with_columns(online=pl.when(nine).then("online").otherwise(pl.lit("no"))))
    assert bank.observe().left == {"online is neither yes nor no": 9}


def test_another_share_that_may_be_left_aside_is_to_be_observed(watched):
    before = watched.observe()
    assert watched.listing(left_aside=0.1) == before.listing != watched.listing(left_aside=0.9)
    assert watched.observe(left_aside=0.9).listing == watched.listing(left_aside=0.9)


def test_a_lower_share_judges_files_that_are_known_too(watched):
    undated = ("a", None, "x", True, 1.0)
    watched.put(events_frame([row(2, day) for day in range(1, 21)] + [undated] * 10), "3.parquet")
    before = watched.observe(left_aside=0.5)
    with pytest.raises(SourceError, match=r"3\.parquet is refused, as more than 10% .* event_time is missing in 10"):
        watched.observe(left_aside=0.1)
    assert watched.read == ["3.parquet"]
    assert watched.observe(left_aside=0.5) == before
    assert watched.read == []


@pytest.mark.parametrize(("amount", "times"), [("1.234.567", 1), ("1,234.50", 10)])
def test_a_lower_share_judges_proofs_in_files_that_are_known_too(watched, amount, times):
    odd = [row(3, day, amount=amount) for day in range(1, times + 1)]
    plain = [row(4, day % 28 + 1, amount="1.234") for day in range(200)]
    watched.put(events_frame(odd + plain, amount=pl.String), "3.parquet")
    before = watched.observe(left_aside=1.0)
    with pytest.raises(SourceError, match=r"3\.parquet is refused: of its rows .* how the column is written"):
        watched.observe(left_aside=0.1)
    assert watched.read == ["3.parquet"]
    assert watched.observe(left_aside=1.0) == before
    assert watched.read == []


def test_a_lower_share_judges_a_column_of_few_values_in_files_that_are_known_too(tmp_path):
    days = [dt.date(2024, month, day) for month in range(1, 5) for day in range(1, 29)]
    flags = ["x" if day.day <= 5 else "no" if day.day <= 10 else None for day in days]
    bank = Bank(tmp_path, fields={"online": "boolean"})
    bank.put(pl.DataFrame({"client_id": "c1", "event_time": days, "online": flags}))
    before = bank.observe(left_aside=0.6)
    with pytest.raises(SourceError, match="neither yes nor no in 20 of the 40 rows that have a value in it"):
        bank.observe(left_aside=0.1)
    assert bank.observe(left_aside=0.6) == before


def test_values_for_which_a_file_is_not_refused_do_not_have_it_read_again(watched):
    """Among all of the column's values, 5 of 5,100 prove nothing; among those that are numbers they would."""
    amounts = ["1,234.50"] * 5 + ["n.a."] * 400 + ["1.5"] * 4695
    watched.put(events_frame([row(3, n % 28 + 1, amount=amount) for n, amount in enumerate(amounts)], amount=pl.String))
    torn = watched.put_text("PAR1", "torn.parquet")
    with pytest.raises(SourceError, match="torn"):
        watched.observe()
    torn.unlink()
    watched.read.clear()
    for calendar in ("", "other"):
        after = watched.observe(calendar)
        assert sum(after.left.values()) == 405
        assert (watched.read, after.unread) == ([], {})


def test_a_file_that_a_lower_share_refuses_keeps_the_identities_of_its_events(tmp_path, monkeypatch):
    """A reading that is killed would leave some of its own among them, as it divides them otherwise."""
    bank = Bank(tmp_path, event_key=["event_id"])
    undated = ("a", None, "x", True, 1.0)
    bank.put(events_frame([row(3, day) for day in range(1, 21)] + [undated] * 10).with_row_index("event_id"))
    before = bank.observe(left_aside=0.5)
    (run,) = (bank.state / "keys").iterdir()
    written = run.stat()
    with pytest.raises(SourceError, match="event_time is missing in 10"):
        bank.observe(left_aside=0.1, memory=100)
    assert (run.stat().st_ino, run.stat().st_mtime_ns) == (written.st_ino, written.st_mtime_ns)
    assert bank.observe(left_aside=0.5) == before


@pytest.mark.parametrize(
    ("texts", "refused"),
    [
        (["2024-03-05T00:00:00Z"] * 5 + ["2024-03-06 00:00:00 UTC"] * 5, True),
        (["2024-03-05T00:00:00Z"] * 5 + ["2024-03-06 00:00:00+00"] * 4 + ["2024-03-07 12:00:00Z"], False),
        (["2024-03-05T00:00:00Z"] * 10, False),  # of one day, as of a nightly batch
        (["2024-03-05T00:00:00Z"] * 5 + ["2024-03-06 00:00Z"] * 4, False),
        (["2024-03-05"] * 5 + ["2024-03-06 00:00:00"] * 5, False),
    ],
)
def test_days_that_would_lie_on_the_day_before_are_refused(tmp_path, monkeypatch, texts, refused):
    bank = Watched(tmp_path, monkeypatch, zone="America/New_York")
    bank.put(events_frame([("a", text, "x", True, 1.0) for text in texts], event_time=pl.String), "1.parquet")
    if not refused:
        assert bank.observe().total == len(texts)
        return
    with pytest.raises(SourceError, match=r"all times of .*1\.parquet \(10\) are midnights of a zone other than"):
        bank.observe()


def test_a_file_of_many_headers_is_read_once(tmp_path, monkeypatch):
    bank = Watched(tmp_path, monkeypatch, source={"path": "source", "format": "csv"})
    text = events_frame([row(3), row(4)]).write_csv()
    bank.table.mkdir(exist_ok=True)
    (bank.table / "all.csv").write_text(text * 30)
    for read in (["all.csv"], []):
        state = bank.observe()
        assert (bank.read, state.left) == (read, {"event_time holds the column's name, as a header does": 29})
