"""Deliveries of one event: which stays, in a month and across months."""

import datetime as dt
import os
import re
import shutil
import tempfile
from decimal import Decimal
from itertools import chain
from pathlib import Path
from unittest import mock

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anna_core import storage
from anna_core.errors import ArtifactError, SourceError
from anna_core.marts.mart import mart_path
from anna_core.marts.staleness import stale_months
from anna_core.memory import DEFAULT_MEMORY
from anna_core.months import month_of
from anna_core.sources import observing
from anna_core.sources.corrections import NO_VERSION, find_corrections, read_corrections, write_run
from anna_core.sources.source_state import read_state
from anna_tests.unit.conftest import Bank, events_frame, few_open_files

MARCH, APRIL = dt.date(2024, 3, 1), dt.date(2024, 4, 1)
NOON = {3: dt.datetime(2024, 3, 5, 12), 4: dt.datetime(2024, 4, 5, 12)}


class Corrected(Bank):
    """A bank whose marts are built after an observation, as the graph does."""

    def __init__(self, home: Path, **settings) -> None:
        super().__init__(home, event_key=["id"], **settings)
        self.files = 0

    def deliver(self, *rows: tuple, name: str = "", **more) -> Path:
        """Rows (id, month or moment, amount); every file is a second younger than the one before."""
        moments = [NOON.get(moment, moment) for _, moment, _ in rows]
        frame = events_frame([("a", moment, "x", True, row[2]) for moment, row in zip(moments, rows, strict=True)])
        self.files += 1
        frame = frame.with_columns(id=pl.Series([row[0] for row in rows]), **more)
        path = self.put(frame, name or f"{9 - self.files}.parquet")  # names fall as times rise
        os.utime(path, (1_700_000_000 + self.files, 1_700_000_000 + self.files))
        return path

    def refresh(self) -> dict[int, list[float]]:
        """Amounts of each month that has events, as marts hold them after a refresh."""
        self.observe()
        return {month.month: self.amounts(month) for month in (MARCH, APRIL)}

    def build(self, month: dt.date = MARCH):
        return self.build_at(self.mart, month, corrections=read_corrections(self.state, f"{month:%Y-%m-%d}"))

    def amounts(self, month: dt.date) -> list[float]:
        self.build(month)
        return self.events(month)["amount"].sort().to_list()

    def stale(self) -> list[dt.date]:
        return stale_months(read_state(self.state), self.mart, [MARCH, APRIL])


@pytest.fixture
def corrected(tmp_path) -> Corrected:
    return Corrected(tmp_path)


def test_identities_that_are_lost_are_read_again(corrected):
    corrected.deliver((1, 3, 5.0), (2, 3, 7.0))
    assert corrected.refresh()[3] == [5.0, 7.0]
    shutil.rmtree(corrected.state / "keys")
    corrected.deliver((1, 4, 9.0))
    assert corrected.refresh() == {3: [7.0], 4: [9.0]}


def test_damaged_files_of_an_observation_are_told_with_what_to_remove(corrected):
    corrected.deliver((1, 3, 5.0), (2, 3, 7.0))
    corrected.deliver((1, 4, 9.0))
    corrected.refresh()
    found = corrected.state / "corrections.parquet"
    found.write_bytes(found.read_bytes()[:40])
    told = f"^{found} is damaged; remove {corrected.state}, and the source is observed"
    with pytest.raises(ArtifactError, match=told):
        corrected.build()
    pl.DataFrame(schema={"key": pl.UInt64, "month": pl.String}).write_parquet(
        found, metadata={"2024-03-01": "no digest"}
    )
    with pytest.raises(ArtifactError, match=told):
        corrected.build()
    run = min((corrected.state / "keys").iterdir())
    whole = run.read_bytes()
    corrected.deliver((3, 4, 1.0))
    wrong = (whole.replace(old, new, 1) for old, new in ((b"'key'", b"'kez'"), (b"{", b"("), (b"<u8", b"<u\x00")))
    for damaged in (whole[:-3], b"", b"PK\x03\x04" + whole, whole[:8], *wrong):
        run.write_bytes(damaged)
        with pytest.raises(ArtifactError, match=f"^{run} is damaged; remove it, and its file is read again"):
            corrected.observe()
    run.unlink()
    assert corrected.refresh() == {3: [7.0], 4: [1.0, 9.0]}


def test_a_reading_that_broke_off_with_less_memory_leaves_nothing_behind(corrected, monkeypatch):
    corrected.deliver(*((number, 3, 1.0) for number in range(8)))

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(observing, "keep_survey", killed)
        with pytest.raises(KeyboardInterrupt):
            corrected.observe(memory=40)
    assert len(list((corrected.state / "keys").iterdir())) > 1
    corrected.observe()
    before = {path: path.stat().st_mtime_ns for path in (corrected.state / "keys").iterdir()}
    corrected.observe()
    assert len(before) == 1
    assert {path: path.stat().st_mtime_ns for path in (corrected.state / "keys").iterdir()} == before


def test_of_two_files_the_later_wins_whatever_its_values(corrected):
    corrected.deliver((1, 3, 5.0), (2, 3, 7.0))
    corrected.deliver((1, 3, 9.0))
    assert corrected.refresh()[3] == [7.0, 9.0]
    assert corrected.build().repeated == 1


def test_files_of_one_moment_are_told_apart_by_name(corrected):
    paths = [corrected.deliver((1, 3, amount), name=name) for name, amount in (("b.parquet", 5.0), ("a.parquet", 9.0))]
    for path in paths:
        os.utime(path, (1_700_000_000, 1_700_000_000))
    assert corrected.refresh()[3] == [5.0]


def test_a_later_month_takes_an_event_from_an_earlier_one_and_back(corrected):
    corrected.deliver((1, 3, 5.0), (2, 3, 7.0))
    assert corrected.refresh() == {3: [5.0, 7.0], 4: []}
    corrected.deliver((1, 4, 6.0))
    corrected.observe()
    assert corrected.stale() == [MARCH, APRIL]
    assert corrected.refresh() == {3: [7.0], 4: [6.0]}
    assert corrected.build(MARCH).repeated == 1
    assert corrected.stale() == []
    corrected.deliver((1, 3, 8.0))
    assert corrected.refresh() == {3: [7.0, 8.0], 4: []}
    assert corrected.build(APRIL).clients == 0  # its only client has no event there any more


def test_a_file_that_is_taken_away_gives_the_event_back(corrected):
    corrected.deliver((1, 3, 5.0))
    gone = corrected.deliver((1, 4, 6.0))
    assert corrected.refresh() == {3: [], 4: [6.0]}
    gone.unlink()
    corrected.observe()
    assert corrected.stale() == [MARCH, APRIL]
    assert corrected.refresh() == {3: [5.0], 4: []}


def test_files_that_change_places_in_time_make_their_months_stale(corrected):
    first, second = corrected.deliver((1, 3, 5.0)), corrected.deliver((1, 3, 6.0))
    corrected.deliver((2, 4, 1.0))
    assert corrected.refresh()[3] == [6.0]
    os.utime(first, (1_800_000_000, 1_800_000_000))
    corrected.observe()
    assert corrected.stale() == [MARCH]
    assert corrected.refresh()[3] == [5.0]
    os.utime(second, (1_700_000_001, 1_700_000_001))  # touched, but no other file wins
    corrected.observe()
    assert corrected.stale() == []


@pytest.mark.parametrize(
    "versions",
    [[2, 1], [2.5, 1.5], [dt.datetime(2024, 5, 2), dt.datetime(2024, 5, 1)], [dt.date(2024, 5, 2), dt.date(2024, 5, 1)],
     ["10", "9"], ["2024-05-02", "2024-05-01 10:00:00"], [1, None], [2**60 + 1, 2**60],
     [Decimal(2**64 + 1), Decimal(2**64)], [str(2**60 + 1), str(2**60)],
     ["2024-05-01 10:00:00.123456789", "2024-05-01 10:00:00.123456788"]],
)  # fmt: skip
@pytest.mark.parametrize("second", [3, 4])
def test_a_greater_version_wins_over_a_later_file(tmp_path, versions, second):
    bank = Corrected(tmp_path, version="updated")
    bank.deliver((1, 3, 5.0), updated=pl.Series(versions[:1]))
    bank.deliver((1, second, 6.0), updated=pl.Series(versions[1:], dtype=pl.Series(versions).dtype))
    assert bank.refresh() == {3: [5.0], 4: []}


@pytest.mark.parametrize(
    ("first", "second", "wins"),
    [
        (pl.Series([2**60 + 1]), pl.Series([2.0**60]), "first"),
        (pl.Series([2**60]), pl.Series([2.0**60]), "second"),  # equal: the later file
        (pl.Series([2**64 - 1], dtype=pl.UInt64), pl.Series([str(2**64 - 2)]), "first"),
        (pl.Series([str(2**60)]), pl.Series([2**60 + 1]), "second"),
        (pl.Series([1_700_000_000_000_000_001]).cast(pl.Datetime("ns", "Europe/Moscow")),
         pl.Series([1_700_000_000_000_000]).cast(pl.Datetime("us", "Europe/Moscow")), "first"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("month", [3, 4])
def test_versions_of_several_types_are_compared_exactly(tmp_path, first, second, wins, month):
    bank = Corrected(tmp_path, version="updated")
    bank.deliver((1, 3, 5.0), updated=first)
    bank.deliver((1, month, 6.0), updated=second)
    assert list(chain(*bank.refresh().values())) == [5.0 if wins == "first" else 6.0]


SECONDS = 1_717_700_000  # since 1970, in June 2024


@pytest.mark.parametrize(
    ("first", "second", "told"),
    [
        (pl.Series([dt.datetime(2024, 3, 5)]), pl.Series([SECONDS * 1000]), "a time in {0} and a number in {1}"),
        (pl.Series(["7"]), pl.Series(["2024-03-05 12:00:00"]), "a time in {1} and a number in {0}"),
        (pl.Series([dt.date(2024, 3, 5)]), pl.Series(["20240607"]), "a time in {0} and a number in {1}"),
        (pl.Series([SECONDS]), pl.Series([float(SECONDS * 1000)]),
         "in seconds since 1970 in {0} and in milliseconds since 1970 in {1}"),
        (pl.Series([str(SECONDS * 10**6)]), pl.Series([SECONDS]),
         "in seconds since 1970 in {1} and in microseconds since 1970 in {0}"),
    ],
)  # fmt: skip
def test_versions_of_two_units_are_refused(tmp_path, first, second, told):
    bank = Corrected(tmp_path, version="updated")
    files = bank.deliver((1, 3, 5.0), updated=first), bank.deliver((1, 4, 6.0), updated=second)
    with pytest.raises(SourceError) as refusal:
        bank.observe()
    assert f"the version 'updated' is {told.format(*files)}: which is the later nobody can tell. Write" in str(
        refusal.value
    )
    files[1].unlink()  # and the other is as good as before
    assert bank.refresh() == {3: [5.0], 4: []}


@pytest.mark.parametrize(
    "versions",
    [[1, SECONDS], [SECONDS, 10**10, SECONDS * 1000], [dt.datetime(2024, 5, 1), None, dt.date(2024, 5, 2)],
     ["2024-05-01", "9999-12-31"], [SECONDS, float("inf")], [SECONDS * 1000, 1_262_304_000_000]],
)  # fmt: skip
def test_versions_of_one_unit_and_counters_are_compared(tmp_path, versions):
    bank = Corrected(tmp_path, version="updated")
    for version in versions:
        bank.deliver((1, 3, 5.0), updated=pl.Series([version]))
    assert bank.refresh() == {3: [5.0], 4: []}


def test_a_few_versions_of_another_unit_refuse_no_file_and_many_do(tmp_path):
    bank = Corrected(tmp_path, version="updated")
    written = ["0"] * 9 + ["2024-05-01"] * 20
    bank.deliver(*((n, 3, 1.0) for n in range(29)), updated=pl.Series(written))
    bank.observe()
    file = bank.deliver(*((n, 3, 1.0) for n in range(30)), updated=pl.Series(["0", *written]))
    with pytest.raises(SourceError, match=re.escape(f"is a time in {bank.table}") + ".* and a number in " + str(file)):
        bank.observe()


@pytest.mark.parametrize("lost", [pl.Float64, pl.Float32, pl.String])
def test_events_whose_keys_lost_digits_have_none_and_many_refuse_a_month(tmp_path, lost):
    bank = Corrected(tmp_path)
    ids = pl.Series([4_081_781_000_000_007 * 100 + n for n in range(40)])
    texts = pl.Series([f"{number:.5E}" for number in ids])
    floats = texts if lost == pl.String else ids.cast(lost)
    few = pl.select(pl.when(pl.int_range(40) < 5).then(floats).otherwise(None)).to_series()
    bank.deliver(*((n, 3, 1.0) for n in range(40)), name="few.parquet")
    bank.put(pl.read_parquet(bank.table / "few.parquet").with_columns(id=few), "few.parquet")
    reason = "id in the event key was a float once, and lost digits"
    state = bank.observe()
    assert (state.left[reason], state.left["id is missing from the event key"]) == (5, 35)
    assert bank.build().rows == 40
    assert [note.split(":")[0] for note in state.notes] == [
        "events without 'id' have no key and are told apart by nothing"
    ]
    bank.put(pl.read_parquet(bank.table / "few.parquet").with_columns(id=floats), "few.parquet")
    bank.observe()
    shown = "4.08178E+17" if lost == pl.String else "4.0817"
    with pytest.raises(
        SourceError, match=re.escape(f"{reason} in 40 of them (few.parquet, row 1: '{shown}")
    ) as refusal:
        bank.build()
    assert "write keys as text or whole numbers, 4081781000000007 and not 4.08178e+15" in str(refusal.value)


def test_an_event_of_a_domain_without_versions_takes_ten_bytes(tmp_path):
    for versions, size in ((None, 10), (np.zeros((1000, 2)), 26)):
        write_run(tmp_path / "run.npy", np.arange(1000, dtype=np.uint64), np.ones(1000), versions)
        assert np.load(tmp_path / "run.npy").nbytes == 1000 * size


@pytest.mark.parametrize("versions", [None, np.array([[NO_VERSION, 0.0]]), np.array([[1.0, 0.0]])])
def test_while_a_file_is_written_anew_its_events_may_lack_the_versions_of_others(tmp_path, versions):
    write_run(tmp_path / "old.npy", np.array([7], np.uint64), np.array([3]))
    write_run(tmp_path / "new.npy", np.array([7], np.uint64), np.array([4]), versions)
    without = versions is None or versions[0, 0] == NO_VERSION
    for order, lost in (("old", "new"), 3), (("new", "old"), 4 if without else 3):
        found = find_corrections([(name, [tmp_path / f"{name}.npy"]) for name in order], DEFAULT_MEMORY)
        assert found[lost].superseded.to_list() == [7]


def test_versions_may_be_missing_from_older_files_and_then_lose(tmp_path):
    bank = Corrected(tmp_path, version="updated")
    bank.deliver((1, 3, 5.0), updated=1)
    bank.deliver((1, 4, 6.0))
    assert bank.refresh() == {3: [5.0], 4: []}
    assert bank.observe().notes == ["column 'updated' differs between files: missing in 7.parquet, Int32 in 8.parquet"]


def test_a_version_in_one_file_decides_between_months(tmp_path):
    bank = Corrected(tmp_path, version="updated")
    bank.deliver((1, 3, 5.0), (1, 4, 6.0), (2, 3, 7.0), (2, 3, 8.0), updated=pl.Series([2, 1, 1, 2]))
    assert bank.refresh() == {3: [5.0, 8.0], 4: []}


def test_a_version_that_is_none_is_counted(tmp_path):
    bank = Corrected(tmp_path, version="updated")
    bank.deliver(*((n, 3, 1.0) for n in range(20)), updated=pl.Series(["soon", *(str(n) for n in range(19))]))
    bank.observe()
    assert bank.build().left == {"updated is no version": 1}


def test_keys_of_several_types_are_one_key(corrected):
    corrected.deliver((17, 3, 5.0))
    corrected.deliver((17.0, 4, 6.0))
    corrected.deliver(("17", 4, 7.0), (" 18 ", 4, 8.0))
    assert corrected.refresh() == {3: [], 4: [7.0, 8.0]}


def test_events_without_a_key_or_a_client_or_a_time_correct_nothing(corrected):
    corrected.deliver((None, 3, 5.0), (None, 4, 6.0))
    assert corrected.refresh() == {3: [5.0], 4: [6.0]}


def test_a_month_outside_the_marts_takes_its_event_too(corrected):
    corrected.deliver((1, 3, 5.0))
    corrected.deliver((1, dt.datetime(2031, 1, 1), 6.0))
    assert corrected.refresh() == {3: [], 4: []}


def test_keys_of_files_that_are_gone_are_swept(corrected):
    path = corrected.deliver((1, 3, 5.0))
    corrected.deliver((2, 3, 5.0))
    corrected.observe()
    assert len(list((corrected.state / "keys").iterdir())) == 2
    path.unlink()
    corrected.observe()
    assert len(list((corrected.state / "keys").iterdir())) == 1


EVENT = st.tuples(st.integers(1, 3), st.sampled_from(list(NOON)), st.sampled_from([None, 1.0, 2.0]), st.integers(0, 9))


@settings(max_examples=40)
@given(st.lists(st.lists(EVENT, min_size=1, max_size=4), min_size=1, max_size=3), st.sampled_from([1, 10**6]))
def test_of_all_deliveries_the_right_one_stays(files, memory):
    """Against the definition: greatest version, later file, later month, smaller value."""
    with tempfile.TemporaryDirectory() as folder, mock.patch.object(storage, "flush"):
        bank = Corrected(Path(folder), version="updated")
        wins: dict[int, tuple] = {}
        for place, rows in enumerate(files):
            versions = pl.Series([row[2] for row in rows], dtype=pl.Float64)
            bank.deliver(*((key, month, float(amount)) for key, month, _, amount in rows), updated=versions)
            for key, month, version, amount in rows:
                rank = (version or NO_VERSION, place, month, -amount)
                wins[key] = max(wins.get(key, rank), rank)
        expected = {
            month: sorted(float(-amount) for _, _, where, amount in wins.values() if where == month) for month in NOON
        }
        state = bank.observe(memory=memory)
        found = {month: sorted(bank.amounts(dt.date(2024, month, 1))) for month in NOON}
        assert found == expected
        assert {key: bank.build(dt.date.fromisoformat(key)).source_version for key in state.months} == state.months


def test_of_two_versions_in_the_hour_that_autumn_repeats_the_later_stays(tmp_path):
    bank = Corrected(tmp_path, zone="Europe/Berlin", version="updated")
    for amount, moment in ((2.0, dt.time(1, 15)), (1.0, dt.time(0, 30))):  # 02:15 and 02:30 in Berlin
        stamp = dt.datetime.combine(dt.date(2024, 10, 27), moment, dt.UTC)
        bank.deliver((1, 3, amount), updated=pl.Series([stamp]))
    assert bank.refresh() == {3: [2.0], 4: []}


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 2**64 - 1), st.integers(0, 3), st.integers(0, 2)), max_size=40), st.randoms())
def test_neither_memory_nor_the_division_into_runs_changes_what_is_found(rows, random):
    rows += random.choices(rows, k=len(rows) // 2) if rows else []
    with tempfile.TemporaryDirectory() as folder, mock.patch.object(storage, "flush"):

        def runs(parts: int) -> list[tuple[str, list[Path]]]:
            found = []
            for file in range(3):
                own = [(key, month) for key, month, of in rows if of == file]
                paths = []
                for part in range(parts):
                    if chosen := own[part::parts]:
                        paths.append(Path(folder, f"{parts}-{file}-{part}.npy"))
                        keys, months = (np.array(column, dtype=np.uint64) for column in zip(*chosen, strict=True))
                        write_run(paths[-1], keys, months)
                found.append((f"file {file}", paths))
            return found

        much, little = find_corrections(runs(1), DEFAULT_MEMORY), find_corrections(runs(3), memory=64)
    assert much.keys() == little.keys()
    for month, found in much.items():
        assert found.superseded.to_list() == sorted(little[month].superseded.to_list())
        assert found.digest == little[month].digest


@pytest.mark.parametrize("memory", [2**20, 64])
def test_a_source_may_have_more_files_than_may_be_open(tmp_path, memory):
    """Each event of an odd file is delivered again, in another month, by the file after it."""
    runs = []
    for file in range(60):
        runs.append((f"{file:02}", [tmp_path / f"{file}.npy"]))
        write_run(runs[-1][1][0], np.array([file // 2], np.uint64) << np.uint64(58), np.array([file % 2]))
    with few_open_files(16):
        found = find_corrections(runs, memory)
    assert list(found) == [0, 1]
    assert found[0].superseded.to_list() == [number << 58 for number in range(30)]
    assert found[1].superseded.is_empty()


def test_events_of_several_clients_may_have_one_key_in_several_months(corrected):
    frame = events_frame([("a", NOON[3], "x", True, 1.0), ("b", NOON[4], "x", True, 2.0)]).with_columns(id=7)
    corrected.put(frame, "1.parquet")
    assert corrected.refresh() == {3: [1.0], 4: [2.0]}
    assert mart_path(corrected.mart, month_of(MARCH)).exists()


def _numbered(bank: Corrected, months: list[int], days: int, rows: int = 100) -> None:
    """Events 0, 1, 2 … of each month, delivered in it, and by another file once more so many days later."""
    for month in months:
        first = [(i, dt.datetime(2024, month, 1 + i % 3, 12), 1.0) for i in range(rows)]
        bank.deliver(*first)
        bank.deliver(*((i, moment + dt.timedelta(days=days), 2.0) for i, moment, _ in first[: rows // 5]))


def test_a_key_that_comes_again_far_away_refuses_the_month(corrected):
    _numbered(corrected, [3], days=20)
    corrected.observe()
    with pytest.raises(
        SourceError, match=r"2024-03 is refused, .* \(120\) .* event_key \(id\) is also .* in 20 of them"
    ):
        corrected.build()
    assert not mart_path(corrected.mart, MARCH).exists()


def test_corrections_may_move_events_by_some_days(corrected):
    _numbered(corrected, [3], days=7)
    corrected.observe()
    built = corrected.build()
    assert (built.rows, built.repeated, built.left) == (100, 20, {})


def test_a_few_events_that_come_again_far_away_are_counted(corrected):
    _numbered(corrected, [3], days=20, rows=45)
    corrected.observe()
    built = corrected.build()
    far = "event_key (id) is also that of a row of the client more than a week away"
    assert (built.rows, built.repeated, built.left, built.left_rows) == (45, 9, {far: 9}, 0)


def test_numbers_that_restart_each_month_refuse_the_months_that_lose_their_events(corrected):
    _numbered(corrected, [3, 4, 5], days=0)
    corrected.observe()
    apart = [read_corrections(corrected.state, f"2024-0{month}-01").apart for month in (3, 4, 5)]
    assert apart == [120, 0, 0]  # April's may have been moved from its last moment to May's first
    with pytest.raises(SourceError, match=r"2024-03 is refused, .* in 120 of them: name columns in `event_key`"):
        corrected.build()


CLASH = "event_key (id) is also that of a row of the client in the same file that holds other values"


def test_a_key_that_one_file_has_for_several_events_refuses_the_month(corrected):
    corrected.deliver(*((i, 3, sign * 1.0) for i in range(50) for sign in (1, -1)))  # debit and credit
    corrected.observe()
    with pytest.raises(SourceError, match=r"2024-03 is refused, .* \(100\) .* in 50 of them: name columns in"):
        corrected.build()


def test_a_few_clashes_are_counted(corrected):
    corrected.deliver(*((i, 3, sign * 1.0) for i in range(9) for sign in (1, -1)))
    corrected.observe()
    built = corrected.build()
    assert (built.rows, built.repeated, built.left) == (9, 9, {CLASH: 9})


def test_equal_rows_of_one_file_and_other_values_of_another_are_deliveries(corrected):
    rows = [(i, 3, 1.0) for i in range(50)]
    corrected.deliver(*rows, *rows)
    corrected.deliver(*((i, 3, 2.0) for i in range(50)))
    corrected.observe()
    built = corrected.build()
    assert (built.rows, built.repeated, built.left) == (50, 100, {})
    assert corrected.events(MARCH)["amount"].unique().to_list() == [2.0]


def test_two_dumps_of_keys_that_clash_refuse_the_month_and_a_sound_dump_mends_it(corrected):
    for _ in range(9):  # each dump delivers both again
        corrected.deliver(
            *((i, 3, sign * 1.0) for i in range(50) for sign in (1, -1)), name=f"{corrected.files}.parquet"
        )
    corrected.observe()
    with pytest.raises(SourceError, match=r"is refused, .* in 450 of them"):
        corrected.build()
    corrected.deliver(*((i, 3, 1.0) for i in range(50)), name="sound.parquet")
    corrected.observe()
    assert corrected.build().left == {}


def test_versions_say_which_state_of_one_file_stays(tmp_path):
    bank = Corrected(tmp_path, version="seen")
    rows = [(i, 3, float(state)) for i in range(50) for state in (1, 2)]
    bank.deliver(*rows, seen=pl.Series([1, 2] * 50))
    bank.observe()
    assert (bank.build().rows, bank.build().left) == (50, {})
    assert bank.events(MARCH)["amount"].unique().to_list() == [2.0]


def test_one_file_with_a_key_in_two_months_clashes_in_the_month_that_loses(corrected):
    corrected.deliver(*((i, month, float(month)) for i in range(50) for month in (3, 4)))
    corrected.observe()
    found = read_corrections(corrected.state, "2024-03-01")
    assert (found.apart, found.clashing) == (0, 50)
    with pytest.raises(SourceError, match=r"2024-03 is refused, .* in 50 of them: name columns"):
        corrected.build()
    assert corrected.build(APRIL).left == {}


def test_what_clashes_far_away_is_counted_once_and_versions_settle_it(corrected, tmp_path):
    rows = [(i, dt.datetime(2024, month, 5, 12), float(month)) for i in range(50) for month in (3, 6)]
    corrected.deliver(*rows)
    corrected.observe()
    found = read_corrections(corrected.state, "2024-03-01")
    assert (found.apart, found.clashing) == (0, 50)
    versioned = Corrected(tmp_path / "versioned", version="seen")
    versioned.deliver(*((i, month, float(month)) for i in range(50) for month in (3, 4)), seen=pl.Series([1, 2] * 50))
    versioned.observe()
    built = versioned.build()
    assert (built.rows, built.repeated, built.left) == (0, 50, {})


@pytest.mark.parametrize(("amount", "refused"), [(1.0, False), (2.0, True)])
def test_a_corrected_year_is_no_other_event_but_a_number_that_restarts_is(corrected, amount, refused):
    rows = [(i, dt.datetime(2024, 3, 1 + i % 28, 12), 1.0) for i in range(200)]
    corrected.deliver(*rows)
    corrected.deliver(*((i, moment.replace(year=2023), amount + i % 7 * (amount - 1)) for i, moment, _ in rows))
    corrected.observe()
    if refused:
        with pytest.raises(SourceError, match=r"2024-03 is refused, .* more than a week away"):
            corrected.build()
        return
    assert (corrected.build().rows, corrected.build().left) == (0, {})
    assert corrected.build(dt.date(2023, 3, 1)).rows == 200


@pytest.mark.parametrize("word", ["None", "?", "-", ".", "#Н/Д", "#н/д", "NaT"])
def test_words_for_nothing_are_no_keys(tmp_path, word):
    bank = Corrected(tmp_path)
    moments = [dt.datetime(2024, 3, 5, 12, i) for i in range(20)]
    bank.deliver(*((word if i < 10 else f"e{i}", moment, 1.0) for i, moment in enumerate(moments)))
    bank.observe()
    built = bank.build()
    assert (built.rows, built.repeated, built.left) == (20, 0, {"id is missing from the event key": 10})
