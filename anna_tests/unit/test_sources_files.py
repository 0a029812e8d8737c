"""Which files of a source are read, which are named as not read, and when."""

import datetime as dt
import errno
import gzip
import json
import os
import re
import time
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest

from anna_core.errors import SourceError
from anna_core.sources import corrections, looking, observing
from anna_core.sources import survey as surveying
from anna_core.sources.files import source_files, told_unread
from anna_core.sources.preview import preview
from anna_core.sources.reading import reading
from anna_core.sources.same_faults import told_once
from anna_core.sources.source_state import ReadFile, read_state
from anna_tests.unit.conftest import MARCH, Bank, events_frame

NOON = dt.datetime(2024, 3, 5, 12)
REAL_TIME = time.time
CSV = "client_id,event_time,kind,online,amount\n"
ROW = "a,2024-03-05,x,1,1\n"


@pytest.fixture
def texts(tmp_path) -> Bank:
    return Bank(tmp_path, source={"path": "source", "format": "csv"})


def test_endings_in_any_letters_and_compressed_csv_are_read(texts):
    for name in ("a.csv", "b.CSV", "c.Csv"):
        texts.put_text(CSV + ROW, name)
    (texts.table / "d.csv.gz").write_bytes(gzip.compress((CSV + ROW).encode()))
    with pa.output_stream(str(texts.table / "e.CSV.ZST"), compression="zstd") as stream:
        stream.write((CSV + ROW).encode())
    (texts.table / "f.csv").write_bytes(gzip.compress((CSV + ROW).encode()))
    state = texts.observe()
    assert [file.name for file in source_files(texts.source).read] == [
        "a.csv", "b.CSV", "c.Csv", "d.csv.gz", "e.CSV.ZST", "f.csv"]  # fmt: skip
    assert state.total == texts.build().source_rows == 6
    assert state.unread == {}


def test_parquet_has_several_endings_or_none(bank):
    frame = events_frame([("a", NOON, "x", True, 1.0)])
    for name in ("a.parquet", "b.PARQUET", "c.parq", "d.pq", "000000_0", "with [1] * é %20.parquet"):
        frame.write_parquet(bank.put(frame).with_name(name))
    (bank.table / "events.parquet").unlink()
    assert bank.observe().total == bank.build().source_rows == 6


def test_what_lies_beside_the_files_is_named_with_the_reason(texts):
    texts.put_text(CSV + ROW, "a.csv")
    for name in ("march.xlsx", "README", "old/b.parquet", "_temporary/0/c.csv", ".d.csv", "x/_delta_log/e.parquet"):
        texts.put_text("?", name)
    for name in ("_SUCCESS", ".a.csv.crc", "_committed_17", ".DS_Store"):  # what writers leave
        texts.put_text("", name)
    (texts.table / "link").symlink_to(texts.home)
    found = source_files(texts.source)
    assert found.unread == {
        "march.xlsx": "does not end in .csv, .csv.gz, .csv.zst",
        "README": "does not end in .csv, .csv.gz, .csv.zst",
        "old/b.parquet": "is not of the format csv",
        "link": "is a link to a folder; links are not followed",
    }
    assert found.hidden == {
        "_temporary/0/c.csv": "is out of sight: '_temporary' begins as what writers have not finished",
        ".d.csv": "is out of sight: '.d.csv' begins as what writers have not finished",
        "x/_delta_log/e.parquet": "belongs to a Delta table: set `format: delta`",
    }
    assert texts.observe().unread == found.not_read
    assert told_unread(found.not_read).startswith("7 files are not read: .d.csv is out of sight: ")
    assert told_unread(found.not_read).endswith("; and 2 more")


def test_a_table_of_a_lake_that_is_out_of_sight_or_beside_csv_stops_nobody(bank, texts):
    bank.put(events_frame([("a", NOON, "x", True, 1.0)]))
    (bank.table / "_old" / "_delta_log").mkdir(parents=True)
    (bank.table / "metadata").mkdir()  # holds no state of a table
    texts.put_text(CSV + ROW, "a.csv")
    assert [file.name for file in source_files(bank.source).read] == ["events.parquet"]
    (bank.table / "_delta_log").mkdir()
    assert [file.name for file in source_files(texts.source).read] == ["a.csv"]
    with pytest.raises(SourceError, match="is a Delta table"):
        source_files(bank.source)


@pytest.mark.parametrize("folder", ["base_20240131", "delta_20240101_20240131", "base_20240131235959"])
def test_folders_of_days_are_no_transactions_of_hives(texts, folder):
    texts.put_text(CSV + ROW, f"{folder}/a.csv")
    assert len(source_files(texts.source).read) == 1
    inside = Bank(texts.home, source={"path": f"source/{folder}", "format": "csv"})
    assert len(source_files(inside.source).read) == 1
    texts.put_text(CSV + ROW, "base_10000000/a.csv")
    with pytest.raises(SourceError, match="is a transactional Hive table"):
        source_files(texts.source)


def test_a_single_file_of_a_lakes_table_is_refused_too(tmp_path):
    bank = Bank(tmp_path, source={"path": "source/part=1/a.parquet"})
    (tmp_path / "source" / "part=1").mkdir(parents=True)
    (tmp_path / "source" / ".hoodie").mkdir()
    events_frame([("a", NOON, "x", True, 1.0)]).write_parquet(tmp_path / "source" / "part=1" / "a.parquet")
    with pytest.raises(SourceError, match="source is a Hudi table"):
        source_files(bank.source)


def iceberg_state(table, content: object, name: str = "v2.metadata.json") -> None:
    (table / "metadata").mkdir(parents=True, exist_ok=True)
    text = content if isinstance(content, bytes) else json.dumps(content).encode()
    (table / "metadata" / name).write_bytes(text)


@pytest.mark.parametrize(
    ("folder", "name", "content"),
    [
        (".", "v2.metadata.json", {}), (".", "v2.metadata.json", []), (".", "v2.metadata.json", b"not finished"),
        ("source", "1.metadata.json", {"location": "DWH"}),
        ("source", "1.metadata.json", {"format-version": 1, "name": "cards"}),
        ("source", "1.metadata.json.gz", gzip.compress(b"{}", mtime=0)[:-3]),
        ("source", "cards.metadata.json", {"format-version": 2, "location": "/dwh/source"}),  # no state has such a name
        (".", "v2.metadata.json", {"format-version": 2, "location": "s3://dwh/accounts"}),  # of a table elsewhere
        ("source", "v2.metadata.json", {"format-version": 2, "location": "s3://dwh/accounts"}),
        ("source/_old", "v2.metadata.json", {"format-version": 2, "location": "s3://dwh/_old"}),
    ],
)  # fmt: skip
def test_what_is_no_state_of_the_table_stops_nobody(bank, folder, name, content):
    bank.put(events_frame([("a", NOON, "x", True, 1.0)]))
    iceberg_state(bank.home / folder, content, name)
    assert bank.observe().total == 1


@pytest.mark.parametrize(
    ("path", "table", "location"),
    [
        ("source", "source", "s3://dwh/source/"), ("source/data/day=1", "source", "hdfs://a:8020/dwh/source"),
        ("source/month=3", "source", "/dwh/source"), ("source/data", "source", "s3://dwh/cards"),  # a renamed copy
        ("source", "source", "s3://dwh/cards"), ("source", "source/export", "file:/dwh/export"),
    ],
)  # fmt: skip
def test_files_of_a_copied_iceberg_table_are_refused_with_a_cure_that_works(tmp_path, path, table, location):
    bank = Bank(tmp_path, source={"path": path})
    for folder in (tmp_path / path, tmp_path / table / "data"):
        folder.mkdir(parents=True, exist_ok=True)
        events_frame([("a", NOON, "x", True, 1.0)]).write_parquet(folder / "0.parquet")
    state = gzip.compress(json.dumps({"format-version": 2, "table-uuid": "9c", "location": location}).encode())
    iceberg_state(tmp_path / table, state, "00001-c3.gz.metadata.json")
    iceberg_state(tmp_path / table, b"half", "00002-c3.metadata.json")
    with pytest.raises(SourceError) as caught:
        bank.observe()
    assert str(caught.value) == (
        f"domain cards: {tmp_path / table} is an Iceberg table, whose Parquet files also hold rows that were "
        f"overwritten or deleted. Its log leads to {location}, not here: bring a snapshot of it as Parquet files, in a "
        "folder of its own."
    )


def test_a_state_that_anna_may_not_read_is_told(bank, monkeypatch):
    bank.put(events_frame([("a", NOON, "x", True, 1.0)]))
    iceberg_state(bank.table, {"format-version": 2})
    read = Path.read_bytes

    def refuse(path):
        if path.name == "v2.metadata.json":
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", refuse)
    told = (
        r"domain cards: .*v2\.metadata\.json cannot be read, and may belong to an Iceberg table: Permission denied\. G"
    )
    with pytest.raises(SourceError, match=told):
        bank.observe()


@pytest.mark.parametrize("kind", ["parquet", "csv", "delta"])
@pytest.mark.parametrize("sub", [True, False])
def test_a_folder_that_may_be_listed_but_not_entered_is_told_with_the_right_that_it_lacks(tmp_path, close, kind, sub):
    bank = Bank(tmp_path, source={"path": "source/sub" if kind == "delta" else "source", "format": kind})
    for name in ("0", "sub/1"):
        bank.put(events_frame([("a", NOON, "x", True, 1.0)]), f"{name}.{'csv' if kind == 'csv' else 'parquet'}")
    (bank.table / "sub" / "_delta_log").mkdir()
    closed = bank.table / "sub" if sub else bank.table
    close(closed)
    told = f"Permission denied. Give ANNA's user the right to enter the folder {closed}."
    for look in (bank.observe, bank.listing, lambda: preview(bank.source)):
        with pytest.raises(SourceError, match=rf"^domain cards: .*{re.escape(told)}$"):
            look()


def test_a_month_whose_file_may_not_be_looked_at_any_more_is_told(bank, close):
    bank.put(events_frame([("a", NOON, "x", True, 1.0)]))
    observed = bank.observe().files_of(f"{MARCH}")
    close(bank.table)
    with pytest.raises(SourceError, match=rf"domain cards: .* the right to enter the folder {bank.table}\."):
        bank.build_at(bank.mart, observed=observed)


def test_names_of_one_file_are_one_and_names_of_none_are_told(texts):
    texts.put_text(CSV + ROW, "a/march.csv")
    texts.put_text(CSV + ROW, "../elsewhere/april.csv")
    place = texts.table
    (place / "a" / "latest.csv").symlink_to("march.csv")
    os.link(place / "a" / "march.csv", place / "same.csv")
    for name in ("april.csv", "b.csv"):
        (place / name).symlink_to(texts.home / "elsewhere" / "april.csv")
    (place / "gone.csv").symlink_to(texts.home / "nothing.csv")
    (place / "itself.csv").symlink_to("itself.csv")
    os.mkfifo(place / "pipe.csv")
    found = source_files(texts.source)
    assert found.read == [place / "a" / "march.csv", place / "april.csv"]
    assert found.unread == {
        "a/latest.csv": "is the same file as a/march.csv, by another name",
        "same.csv": "is the same file as a/march.csv, by another name",
        "b.csv": "is the same file as april.csv, by another name",
        "gone.csv": "is a link that leads nowhere",
        "itself.csv": "is a link that leads nowhere",
        "pipe.csv": "is a pipe, a socket or a device, not a file",
    }
    state = texts.observe()
    assert (state.total, texts.build().source_rows, state.unread) == (2, 2, found.unread)
    assert texts.listing() == state.listing


@pytest.mark.parametrize("kind", ["pipe", "link to itself"])
def test_a_source_that_is_neither_file_nor_folder_is_told(texts, kind):
    if kind == "pipe":
        os.mkfifo(texts.table)
    else:
        texts.table.symlink_to(texts.table)
    wanted = "is neither a file nor a folder" if kind == "pipe" else "no .csv file at"
    with pytest.raises(SourceError, match=wanted):
        texts.observe()


EACH = "; `copies: each` counts both (only columns that the domain names are compared)"
MANY = [("a", NOON + dt.timedelta(hours=hour), "x", True, 1.0) for hour in range(20)]


def test_a_copy_counts_once_where_events_have_no_key(texts):
    rows = events_frame(MANY)
    texts.put(rows, "march.csv")
    before = texts.observe()
    (texts.table / "a.csv.gz").write_bytes(gzip.compress((texts.table / "march.csv").read_bytes()))
    texts.put(rows.reverse(), "march (copy).csv")
    texts.put(rows.head(19), "b.csv")
    state = texts.observe()
    assert state.unread == dict.fromkeys(["a.csv.gz", "march (copy).csv"], f"holds the same rows as march.csv{EACH}")
    assert (state.total, state.rows) == (39, {MARCH: 39})
    assert state.listing == texts.listing()
    assert texts.observe() == state
    observed_files = state.files_of(f"{MARCH}")
    assert [path.name for path in observed_files.paths] == ["b.csv", "march.csv"]
    (texts.table / "march.csv").unlink()
    (texts.table / "b.csv").unlink()
    now = texts.observe()
    assert now.months == before.months
    assert now.unread == {"march (copy).csv": f"holds the same rows as a.csv.gz{EACH}"}


def test_files_that_differ_in_a_column_that_the_domain_does_not_name_are_told_with_what_was_compared(bank):
    for contract in "AB":
        numbers = pl.Series("booking", [f"{contract}{row}" for row in range(len(MANY))])
        bank.put(events_frame(MANY).with_columns(numbers), f"{contract}.parquet")
    assert bank.observe().unread == {"B.parquet": f"holds the same rows as A.parquet{EACH}"}
    each = Bank(bank.home, source={"path": "source", "copies": "each"})
    assert each.observe().total == 2 * len(MANY)
    keyed = Bank(bank.home, event_key=["booking"])
    assert keyed.observe().total == 2 * len(MANY)


def test_few_rows_may_be_the_same_in_two_deliveries(texts):
    for name in ("monday.csv", "tuesday.csv"):
        texts.put(events_frame(MANY[:9]), name)
    assert texts.observe().total == 18


def test_a_copy_of_events_with_a_key_is_read_and_its_events_dropped(tmp_path):
    bank = Bank(tmp_path, source={"path": "source", "format": "csv"}, event_key=["event_time"])
    for name in ("march.csv", "march (copy).csv"):
        bank.put(events_frame(MANY), name)
    state = bank.observe()
    assert (state.total, state.unread, bank.build().rows) == (40, {}, 20)


def test_other_content_of_the_same_size_and_time_is_noticed(bank):
    """As where a file is mended in place and its time set back, which rsync and backups do."""
    path = bank.put(events_frame([("a", NOON, "x", True, 1.0)]))
    before, status = bank.observe(), path.stat()
    content = bank.put(events_frame([("b", NOON, "x", True, 1.0)]), "other.parquet").read_bytes()
    (bank.table / "other.parquet").unlink()
    path.write_bytes(content)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    now = path.stat()
    assert (now.st_size, now.st_mtime_ns, now.st_ino) == (status.st_size, status.st_mtime_ns, status.st_ino)
    assert bank.listing() != before.listing
    assert bank.observe().months != before.months


def test_a_new_file_that_is_not_read_asks_for_an_observation(texts):
    texts.put_text(CSV + ROW, "a.csv")
    before = texts.observe()
    texts.put_text("?", "march.xlsx")
    assert texts.listing() != before.listing
    assert texts.observe().months == before.months
    texts.put_text("?", "_temporary/0/b.csv")  # a writer's files come and go
    assert texts.listing() == read_state(texts.state).listing


def test_where_nothing_can_be_read_what_is_there_is_told(texts):
    texts.put_text("?", "march.xlsx")
    with pytest.raises(
        SourceError, match=r"no .csv file at .*source \(1 file is not read: march.xlsx does not end in .csv"
    ):
        texts.observe()


def test_a_path_of_one_file_may_end_as_it_likes(tmp_path):
    bank = Bank(tmp_path, source={"path": "source/march.txt", "format": "csv"})
    bank.put_text(CSV + ROW, "march.txt")
    assert bank.observe().total == bank.build().rows == 1


def test_a_folder_without_rights_is_named(texts, monkeypatch):
    texts.put_text(CSV + ROW, "closed/a.csv")
    scan = os.scandir

    def refuse(path):  # as the system does, but also for root
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(SourceError, match=r"closed cannot be looked into: Permission denied"):
        texts.observe()


def clock(monkeypatch, seconds: float) -> None:
    """Let it be some seconds later."""
    now = REAL_TIME() + seconds
    monkeypatch.setattr(looking.time, "time", lambda: now)


def test_a_file_counts_once_it_rests_and_as_it_was_until_then(bank, monkeypatch):
    bank.put(events_frame([("a", NOON, "x", True, 1.0)]), "1.parquet")
    clock(monkeypatch, 60)
    before = bank.observe(settle=30)
    assert before.total == 1

    clock(monkeypatch, 0)
    bank.put(events_frame([("a", NOON, "x", True, 1.0)] * 2), "1.parquet")
    (bank.table / "2.parquet").write_bytes(b"PAR1 half of it")
    os.utime(bank.table / "2.parquet", ns=(1, 1))  # a copy may keep the time of the original
    now = bank.listing(settle=30)
    assert now == before.listing
    state = bank.observe(settle=30)
    assert (state.months, state.listing) == (before.months, before.listing)
    assert state.unread == dict.fromkeys([str(bank.table / name) for name in ("1.parquet", "2.parquet")],
                                         "is still being written")  # fmt: skip

    clock(monkeypatch, 60)
    bank.put(events_frame([("b", NOON, "x", True, 1.0)]), "2.parquet")
    assert bank.listing(settle=30) != before.listing
    assert bank.observe(settle=30).total == 3


def test_a_file_that_changes_while_it_is_read_is_not_kept(bank, monkeypatch):
    path = bank.put(events_frame([("a", NOON, "x", True, 1.0)]), "1.parquet")
    before = bank.observe()
    real = observing.survey

    def survey(*arguments):
        found = real(*arguments)
        bank.put(events_frame([("a", NOON, "x", True, 1.0)] * 3), "1.parquet")
        return found

    bank.put(events_frame([("a", NOON, "x", True, 1.0)] * 2), "1.parquet")
    with monkeypatch.context() as patched:
        patched.setattr(observing, "survey", survey)
        torn = bank.observe()
    assert torn.months == before.months
    assert torn.unread == {str(path): "is still being written"}
    assert bank.listing() != torn.listing  # it is asked for again
    assert bank.observe().total == 3


def test_of_a_file_that_is_found_wrong_while_it_is_written_nothing_is_said_yet(bank, monkeypatch):
    path = bank.put(events_frame([("a", NOON, "x", True, 1.0)]), "1.parquet")
    before = bank.observe()
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    real = observing.survey

    def survey(*arguments):
        try:
            return real(*arguments)
        finally:
            path.write_bytes(whole + b"more")

    with monkeypatch.context() as patched:
        patched.setattr(observing, "survey", survey)
        torn = bank.observe()
    assert (torn.months, torn.unread) == (before.months, {str(path): "is still being written"})


def test_a_full_disk_of_anna_s_own_is_not_told_of_the_source(tmp_path, monkeypatch):
    bank = Bank(tmp_path, event_key=["kind"])
    bank.put(events_frame([("a", NOON, "x", True, 1.0)]), "1.parquet")

    def full(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(corrections, "write_file", full)
    with pytest.raises(OSError, match="No space left on device"):
        bank.observe()


def test_a_file_that_anna_may_not_read_is_told_with_that_cure(bank, monkeypatch):
    bank.put(events_frame([("a", NOON, "x", True, 1.0)]), "1.parquet")

    def refuse(*_, **__):
        raise PermissionError(errno.EACCES, "Permission denied", "1.parquet")

    monkeypatch.setattr(pl, "scan_parquet", refuse)
    with pytest.raises(SourceError, match=r"1\.parquet cannot be read .* Give ANNA's user the right to read it\."):
        bank.observe()


def test_rows_of_a_csv_file_of_any_name_are_told_by_line(tmp_path):
    bank = Bank(tmp_path, source={"path": "events.txt", "format": "csv"})
    (tmp_path / "events.txt").write_text(CSV + "a,never,x,1,1\n" * 20)
    with pytest.raises(SourceError, match=r"event_time is no time in 20 of them \(events\.txt, line 2: 'never'"):
        bank.observe()


def test_values_of_a_month_of_a_csv_file_of_any_name_are_told_by_line(tmp_path):
    bank = Bank(tmp_path, source={"path": "events.txt", "format": "csv"})
    (tmp_path / "events.txt").write_text(CSV + "a,2024-02-05,x,1,1\n" + "a,2024-03-05,x,1,one\n" * 20)
    bank.observe()
    with pytest.raises(SourceError, match=r"amount is no number in 20 of them \(events\.txt, line 3: 'one'"):
        bank.build()


def test_a_home_that_nobody_has_is_told(tmp_path):
    bank = Bank(tmp_path, source={"path": "~nobody-of-that-name/events"})
    with pytest.raises(SourceError, match=r"names nobody's home .* Write the whole path into cards\.yaml\."):
        bank.observe()


@pytest.mark.parametrize("frame", [pl.DataFrame(schema={"client_id": pl.Float64, "event_time": pl.Float64}),
                                   pl.DataFrame(schema={"index": pl.Int64})])  # fmt: skip
def test_a_file_without_rows_may_have_columns_of_any_type_or_none(bank, frame):
    full = bank.put(events_frame([("a", NOON, "x", True, 1.0)]), "1.parquet")
    before = bank.observe()
    bank.put(frame, "2.parquet")
    for _ in range(2):
        after = bank.observe()
        assert (after.months, after.notes) == (before.months, [])
        assert list(after.files_of("2024-03-01").states) == list(after.files_of("2024-07-01").states) == [str(full)]
    assert bank.build_at(bank.mart, observed=after.files_of("2024-03-01")).rows == 1


def test_where_no_file_has_rows_their_columns_have_to_fit(bank):
    bank.put(pl.DataFrame(schema={"index": pl.Int64}), "1.parquet")
    for look in (bank.observe, lambda: preview(bank.source)):
        with pytest.raises(SourceError, match=r"1\.parquet has no column \['client_id'"):
            look()
    bank.put(events_frame([("a", NOON, "x", True, 1.0)])[:0], "1.parquet")
    assert (bank.observe().months, preview(bank.source).refused) == ({}, [])


def test_a_month_that_two_files_hold_counts_once_whichever_of_them_goes(bank):
    def rows(month: int, count: int, amount: float = 1.0) -> list[tuple]:
        return [(f"c{i}", dt.datetime(2024, month, 5, 12), "x", True, amount) for i in range(count)]

    def marts() -> tuple[dict[str, int], list[int]]:
        state = bank.observe()
        months = [dt.date.fromisoformat(key) for key in state.months]
        built = [bank.build_at(bank.mart, month, observed=state.files_of(month.isoformat())) for month in months]
        assert [month.source_version for month in built] == list(state.months.values())
        again = {name.rpartition("/")[2]: list(file.again) for name, file in state.files.items() if file.again}
        return again, [month.rows for month in built]

    bank.put(events_frame([*rows(2, 12), *rows(3, 11)]), "long name.parquet")
    assert marts() == ({}, [12, 11])
    bank.put(events_frame([*rows(2, 12), *rows(3, 10), *rows(4, 9)]), "a.parquet")
    assert marts() == ({"a.parquet": ["2024-02-01"]}, [12, 21, 9])
    assert marts() == ({"a.parquet": ["2024-02-01"]}, [12, 21, 9])  # the one of the shorter name came later
    bank.put(events_frame(rows(4, 9)), "few.parquet")  # so few may well be alike
    assert marts() == ({"a.parquet": ["2024-02-01"]}, [12, 21, 18])
    (bank.table / "long name.parquet").unlink()
    assert marts() == ({}, [12, 10, 18])


@pytest.mark.parametrize(
    ("first", "second", "times"),
    [
        ("product=cards", "product=loans", 2), ("year=2024/product=cards", "year=2024/product=loans", 2),
        ("product=cards/load=1", "product=loans/load=2", 2), ("region=a%20b", "region=__HIVE_DEFAULT_PARTITION__", 2),
        ("product=market", "product=mayor", 2), ("product=cards", "backup/product=cards", 1),
        ("product=cards", "all", 1), ("load_date=2024-01-31", "load_date=2024-02-29", 1), ("v=1", "v=2", 1),
        ("at=2024-01-31 00%3A00%3A00", "at=2024-02-29 00%3A00%3A00.5", 1), ("at=20240131T101500Z", "at=20240229T1Z", 1),
        ("week=2024-W05", "week=2024-W06", 1), ("month=January", "month=feb", 1), ("quarter=Q1", "quarter=2024Q2", 1),
        ("v=v1", "v=v1.2", 1), ("cards", "loans", 1), ("product=cards/load=1", "product=cards/load=2", 1),
        ("run=9c12d441-03fe-4693-9a96-a0705ddf69c1", "run=0c12d441-03fe-4693-9a96-a0705ddf69c2", 1),
    ],
)  # fmt: skip
@pytest.mark.parametrize("more", [0, 1])
def test_parts_of_one_table_may_hold_equal_rows_and_deliveries_of_it_count_once(bank, first, second, times, more):
    rows = [(f"c{i}", NOON, "x", True, 1.0) for i in range(12)]
    later = dt.datetime(2024, 4, 5)
    bank.put(events_frame(rows), f"{first}/0.parquet")
    bank.put(events_frame([*rows, *[("a", later, "x", True, 1.0)] * more]), f"{second}/0.parquet")
    for _ in range(2):
        state = bank.observe()
        assert state.rows == {MARCH: 12 * times} | ({dt.date(2024, 4, 1): 1} if more else {})
        assert bool(state.notes or state.unread) == (times == 1)


@pytest.mark.parametrize("count", [2, 12, 40])
def test_however_many_dumps_there_are_one_note_tells_of_them(bank, count):
    months = [dt.datetime(2000 + month // 12, month % 12 + 1, 5) for month in range(count)]
    for number in range(1, count + 1):
        rows = [(f"c{i}", month, "x", True, 1.0) for month in months[:number] for i in range(10)]
        bank.put(events_frame(rows), f"day={number:02}/part-0.parquet")
    names, several = "day=01/part-0.parquet and day=02/part-0.parquet", "2000-01, which counts"
    if count > 2:
        names = f"day=01/part-0.parquet, day=02/part-0.parquet and {count - 2} more"
        several = f"{count - 1} months, 2000-01 to {months[-2]:%Y-%m}, which count"
    assert bank.observe().notes == [
        f"{names} hold the same rows in {several} once; take away what is there twice, name an `event_key`, or say "
        "`copies: each` where all are events: only columns that the domain names are compared"
    ]


def test_the_months_of_each_file_are_put_together_once(bank, monkeypatch):
    months, asked = [dt.datetime(2024, month, 5) for month in range(1, 9)], []
    for number in range(4):
        bank.put(events_frame([(f"c{number}", month, "x", True, 1.0) for month in months]), f"{number}.parquet")
    state, own = bank.observe(), ReadFile.months.fget
    monkeypatch.setattr(ReadFile, "months", property(lambda file: asked.append(file) or own(file)))
    for month in months:
        found = state.files_of(f"{month:%Y-%m-01}")
        assert (len(found.states), found.rows) == (4, 4)
    assert len(asked) == 4


def test_groups_of_files_are_told_apart_and_the_first_of_them_named(bank):
    for group in range(13):
        rows = [(f"c{i}", dt.datetime(2024, 3, 5, group), "x", True, 1.0) for i in range(10)]
        bank.put(events_frame(rows), f"{group:02}-a.parquet")
        bank.put(events_frame([*rows, ("a", dt.datetime(2024, 4, 5), "x", True, 1.0)]), f"{group:02}-b.parquet")
    notes = bank.observe().notes
    assert notes[:-1] == [
        f"{group:02}-a.parquet and {group:02}-b.parquet hold the same rows in 2024-03, which counts once; take away "
        "what is there twice, name an `event_key`, or say `copies: each` where all are events: only columns that the "
        "domain names are compared"
        for group in range(10)
    ]
    assert notes[-1].startswith("3 more groups of files hold the same rows in some months; take away")


def test_rows_of_no_month_and_what_is_wrong_with_rows_count_as_often_as_the_rows_do(texts):
    """Of rows without a time nobody knows whether they are the same; a value is lost once where its month is one."""
    undated = [f"u{i},,x,1,1\n" for i in range(10)]
    march = [f"c{i},2024-03-05,x,1,{'odd' if i == 0 else i}\n" for i in range(100)]
    april = [f"c{i},2024-04-05,x,1,{'odd' if i == 0 else i}\n" for i in range(100)]
    texts.put_text(CSV + "".join([*undated, *march]), "a.csv")
    texts.put_text(CSV + "".join([*undated, *march, *april]), "b.csv")
    state = texts.observe()
    assert (state.total, state.undated, state.rows) == (220, 20, {MARCH: 100, dt.date(2024, 4, 1): 100})
    assert state.left == {"event_time is missing": 20, "amount is no number": 2}
    (note,) = state.notes
    assert note.startswith("a.csv and b.csv hold the same rows in 2024-03, which counts once; ")


@pytest.mark.parametrize(("rows", "told"), [(10, 0), (11, 1)])
def test_that_all_keys_are_the_same_is_told_of_more_than_some_deliveries_of_one_event(tmp_path, rows, told):
    bank = Bank(tmp_path, event_key=["kind"])
    bank.put(events_frame([("a", NOON + dt.timedelta(hours=hour), "x", True, 1.0) for hour in range(rows)]))
    assert len(bank.observe().notes) == told


def test_keys_that_are_the_same_in_each_batch_of_rows_but_not_in_all_tell_events_apart(tmp_path, monkeypatch):
    bank = Bank(tmp_path, event_key=["kind"])
    bank.put(events_frame([("a", NOON, kind, True, 1.0) for kind in "xy" for _ in range(20)]))
    real = surveying.batches

    def halves(rows):
        for batch in real(rows):
            yield from batch.partition_by("key 0")

    monkeypatch.setattr(surveying, "batches", halves)
    assert bank.observe().notes == []


def test_all_broken_files_are_named_at_once(bank):
    bank.put(events_frame([("a", NOON, "x", True, 1.0)]), "good.parquet")
    whole = (bank.table / "good.parquet").read_bytes()
    (bank.table / "b.parquet").write_bytes(whole[: len(whole) // 2])  # without its footer
    (bank.table / "c.parquet").write_bytes(b"")
    with pytest.raises(SourceError) as caught:
        bank.observe()
    assert str(caught.value) == (
        f"domain cards: {bank.table / 'b.parquet'} cannot be read as parquet: it is damaged or incomplete. Write it "
        "anew, or take it away. The same is wrong with 1 more file: c.parquet."
    )
    bank.put(events_frame([("a", NOON, "x", True, 1.0)]).drop("client_id"), "a.parquet")
    with pytest.raises(SourceError) as caught:
        bank.observe()
    lines = str(caught.value).splitlines()
    assert lines[0] == "domain cards: 3 files are refused:"
    assert [line.split(".parquet ")[0] for line in lines[1:]] == [
        f"- domain cards: {bank.table / name}" for name in "ab"
    ]


def test_a_fault_of_many_files_is_told_once_with_the_names_of_the_others(texts):
    """Whatever differs between the files: how many rows, and what stands in them."""
    for number in range(1, 9):
        row = f"a,2024-03-05,x,1,{number}\n" * 20
        odd = f'b,0{number}.03.2024,x,1,"{number},5"\n' * (20 + number)
        texts.put_text(CSV + row + odd, f"load={number}/part-0.csv")
    others = ", ".join(f"load={number}/part-0.csv" for number in range(2, 7))
    with pytest.raises(SourceError) as caught:
        texts.observe()
    assert str(caught.value).count("\n") == 0
    assert str(caught.value).startswith(f"domain cards: {texts.table}/load=1/part-0.csv is refused, as more than 10%")
    assert str(caught.value).endswith(f" The same is wrong with 7 more files: {others} and 2 more.")
    (told,) = preview(texts.source).refused
    assert "The same is wrong with 7 more files: " in told


def test_folders_of_a_partition_have_one_fault(texts):
    for kind in ("cash", "card", "__HIVE_DEFAULT_PARTITION__"):
        texts.put_text("client_id,event_time,online,amount\na,2024-03-05,1,1\n", f"kind={kind}/0.csv")
    with pytest.raises(SourceError, match=r"the folder kind=\w+ holds it in its name.* with 2 more files: ") as caught:
        texts.observe()
    assert "\n" not in str(caught.value)


def test_files_that_lack_different_columns_are_told_each(texts):
    for name in ("client_id", "event_time"):
        texts.put_text(CSV.replace(name, "other") + ROW, f"{name}.csv")
    with pytest.raises(SourceError) as caught:
        texts.observe()
    assert str(caught.value).startswith("domain cards: 2 files are refused:\n- ")
    assert "The same" not in str(caught.value)


def test_types_that_differ_between_files_are_said(bank):
    rows = [("a", NOON, 5411, True, 1.0)]
    bank.put(events_frame(rows, kind=pl.Int64), "1.parquet")
    bank.put(events_frame(rows, kind=pl.Int64), "2.parquet")
    bank.put(events_frame([("a", NOON, 5411.0, True, 1.0)], kind=pl.Float64), "3.parquet")
    state = bank.observe()
    assert state.notes == ["column 'kind' differs between files: Int64 in 1.parquet and 1 more, Float64 in 3.parquet"]
    assert bank.build().dictionary.table["value"].to_list() == ["5411"]


@pytest.mark.parametrize("kind", ["parquet", "csv"])
def test_a_column_that_only_files_without_rows_have_is_in_none(tmp_path, kind):
    bank = Bank(tmp_path, source={"path": "source", "format": kind})
    frame = events_frame([("a", NOON, "x", True, 1.0)])
    bank.put(frame[:0], f"empty.{kind}")
    assert bank.observe().total == 0
    bank.put(frame.drop("amount"), f"full.{kind}")
    for look in (bank.observe, bank.observe, lambda: preview(bank.source)):
        with pytest.raises(SourceError, match=r"full\.\w+(, line 1: there is| has) no column \['amount'\]"):
            look()
    bank.state = tmp_path / "anew"
    with pytest.raises(SourceError, match=r"full\.\w+(, line 1: there is| has) no column"):
        bank.observe()
    bank.put(frame, f"whole.{kind}")
    before = bank.observe()
    assert (preview(bank.source).refused, before.total, bank.observe()) == ([], 2, before)
    assert bank.build_at(bank.mart, observed=before.files_of("2024-03-01")).missing["amount"] == 0.5


def test_before_any_observation_files_without_rows_are_left_out_whatever_their_types(bank):
    bank.put(events_frame([], amount=pl.List(pl.Int8)), "empty.parquet")
    bank.put(events_frame([("a", NOON, "x", True, 1.0)]))
    assert bank.build().rows == 1


def test_of_files_without_rows_alone_the_types_are_looked_at(bank):
    bank.put(events_frame([], amount=pl.List(pl.Int8)))
    with pytest.raises(SourceError, match=r"events\.parquet: column 'amount' is List\(Int8\), not a number"):
        bank.observe()


def test_a_file_that_cannot_be_read_is_told_before_the_types_of_those_without_rows(bank):
    bank.put(events_frame([], amount=pl.List(pl.Int8)), "empty.parquet")
    (bank.table / "half.parquet").write_bytes(b"half")
    with pytest.raises(SourceError, match=r"half\.parquet cannot be read as parquet: it is damaged or incomplete"):
        bank.observe()


def test_a_first_look_leaves_files_without_rows_out_whatever_their_types(bank):
    bank.put(pl.DataFrame(schema={"client_id": pl.Float64, "event_time": pl.Boolean}), "empty.parquet")
    bank.put(events_frame([("a", NOON, "x", True, 1.0)]))
    seen = preview(bank.source)
    assert (seen.refused, seen.rows, seen.files) == ([], 1, 2)


def test_a_first_look_counts_nothing_where_there_is_nothing(bank):
    bank.put(pl.DataFrame(schema=dict.fromkeys(events_frame([]).columns, pl.Null)))
    seen = preview(bank.source)
    assert (seen.rows, seen.left, seen.refused) == (0, {}, [])


def test_a_panic_without_words_is_told_by_its_kind(bank):
    with (
        pytest.raises(SourceError, match=r"the source cannot be read as parquet: PanicException\. Write"),
        reading(bank.domain),
    ):
        raise pl.exceptions.PanicException


def test_a_first_look_sees_headers_among_the_rows_as_an_observation_does(tmp_path):
    bank = Bank(tmp_path, source={"path": "source", "format": "csv"})
    header, row = "client_id,event_time,kind,online,amount\n", "a,2024-03-05 12:00:00,x,true,1\n"
    bank.table.mkdir()
    (bank.table / "0.csv").write_text((header + row * 4) * 60)
    assert (bank.observe().total, preview(bank.source).refused) == (299, [])
    (bank.table / "0.csv").write_text(header + row * 4 + header.replace("kind,online", "online,kind") + row)
    told = "0.csv, line 6: the columns' names stand here again, in another order"
    assert told in preview(bank.source).refused[0]
    with pytest.raises(SourceError, match=re.escape(told)):
        bank.observe()


def test_a_header_again_is_known_whatever_is_wrapped_around_its_names(texts):
    header = CSV.replace("amount", "'0").replace("event_time", '"=""event_time"""')
    bank = Bank(texts.home, source={"path": "source", "format": "csv"}, fields={"0": "numeric"})
    bank.put_text((header + ROW * 4) * 2)
    assert bank.observe().left == {"event_time holds the column's name, as a header does": 1}


def test_blank_records_hide_no_rows_without_a_time(texts):
    texts.put_text(CSV + ROW * 88 + "a,,x,1,1\n" * 12 + ",,,,\n" * 200)
    told = r"more than 10% of its rows \(100\) cannot be used: event_time is missing in 12 of them"
    with pytest.raises(SourceError, match=told):
        texts.observe()
    assert texts.observe(left_aside=0.5).left == {"no column has a value": 200, "event_time is missing": 12}
    with pytest.raises(SourceError, match=told):
        texts.observe()


def test_moments_on_full_hours_are_no_moved_days(tmp_path):
    bank = Bank(tmp_path, "America/New_York")
    hours = [dt.datetime(2024, 3, 2) + dt.timedelta(hours=hour) for hour in range(480)]  # 20 of which are midnights
    frame = events_frame([("a", hour, "x", True, float(i)) for i, hour in enumerate(hours)])
    bank.put(frame.with_columns(pl.col("event_time").dt.replace_time_zone("UTC")))
    assert bank.observe().notes == []
    bank.put(
        frame.filter(pl.col("event_time").dt.hour() % 4 == 0).with_columns(
            pl.col("event_time").dt.replace_time_zone("UTC")
        )
    )
    assert bank.observe().notes[0].startswith("20 of 120 times of events.parquet are midnights")


def test_one_fault_in_other_rows_of_other_files_is_told_once():
    def refused(name: str, line: int, value: str) -> tuple[Path, str]:
        return Path(
            f"/t/{name}"
        ), f"/t/{name} is refused: it is wrong in {line} of them ({name}, line {line}: {value!r}): cure"

    files = [refused("a.csv", 1, "x (1)"), refused("b.csv", 22, 'it\'s "y"'), (Path("/t/c.csv"), "/t/c.csv is torn.")]
    first, torn = told_once(files)
    assert first == f"{files[0][1]} The same is wrong with 1 more file: b.csv."
    assert torn == "/t/c.csv is torn."


def test_a_row_without_a_time_is_no_header_though_its_values_are_names_of_columns(texts):
    wide = CSV.replace("\n", ",0,1\n")
    texts.put_text(wide + "a,2024-03-05,x,1,1,0,1\n" * 4 + "a,,1,1,0,0,1\n")
    assert texts.observe().left == {"event_time is missing": 1}


@pytest.mark.parametrize("kind", ["parquet", "csv"])
@pytest.mark.parametrize(("moments", "what"), [(0, "all times of"), (2, "198 of 200 times of"), (3, "")])
def test_a_first_look_judges_moved_days_as_an_observation_does(tmp_path, kind, moments, what):
    bank = Bank(tmp_path, "America/New_York", source={"path": "source", "format": kind})
    days = [dt.datetime(2024, 3, 2 + i % 20, 13 * (i < moments)) for i in range(200)]
    frame = events_frame([("a", day, "x", True, float(i)) for i, day in enumerate(days)])
    zoned = pl.col("event_time").dt.replace_time_zone("UTC")
    bank.put(frame.with_columns(zoned if kind == "parquet" else zoned.dt.strftime("%Y-%m-%dT%H:%M:%SZ")), f"0.{kind}")
    seen = preview(bank.source)
    if what:
        assert seen.refused[0].startswith(f"domain cards: {what}")
        with pytest.raises(SourceError, match=f"^domain cards: {what}"):
            bank.observe()
        return
    assert seen.refused == []
    assert seen.notes == bank.observe().notes
    assert seen.notes[0].startswith("197 of 200 times of 0.")
