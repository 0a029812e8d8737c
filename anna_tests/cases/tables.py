"""Tables: files that are read or not, columns that come and go, event keys, lakes."""

import datetime as dt
import gzip
import json
import os
import shutil
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import DeltaTable

from anna_tests.cases.bank import CLIENTS, EVENTS, ZONE, CaseBank, as_text, events
from anna_tests.cases.case import Case
from anna_tests.cases.delta import map_columns

CSV = {"format": "csv"}


def _many_endings(bank: CaseBank) -> None:
    for part, name in enumerate(("a.csv", "b.CSV", "c.xlsx", "_late/d.csv", "README")):
        bank.put_text(as_text(events()[part::5]), name)


def _parquet_endings(bank: CaseBank) -> None:
    for part, name in enumerate(("a.parquet", "b.PARQUET", "c.parq", "000000_0")):
        bank.put(events()[part::4]).rename(bank.folder / name)


def _linked(bank: CaseBank) -> None:
    (bank.folder / "latest.parquet").symlink_to(bank.put(events()))


def _copied(bank: CaseBank) -> None:
    bank.put_text(gzip.compress(bank.put(events()).read_bytes()), "all.csv.gz")


def _dumps(bank: CaseBank) -> None:
    for month in (3, 4, 7):
        bank.put(events().filter(pl.col("event_time") < pl.datetime(2024, month, 1)), f"dump_{month:02}")


def _dumps_within_months(bank: CaseBank) -> None:
    for month in (2, 3, 4):
        bank.put(events().filter(pl.col("event_time") < pl.datetime(2024, month, 15)), f"dump_{month:02}")


def _quarter(bank: CaseBank) -> None:
    month = pl.col("event_time").dt.month()
    for number in range(1, 7):
        bank.put(events().filter(month == number), f"{number}")
    bank.put(events().filter(month <= 3), "first")


def _catalogue(bank: CaseBank) -> None:
    bank.put(events())
    for folder in (bank.folder, bank.folder.parent):
        (folder / "metadata").mkdir()
        (folder / "metadata" / "1.metadata.json").write_text(json.dumps({"name": "cards", "location": "DWH"}))


def _state_elsewhere(bank: CaseBank) -> None:
    """Beside the table, as where the states of all tables are kept in one place."""
    bank.put(events())
    (bank.folder.parent / "metadata").mkdir()
    state = {"format-version": 2, "location": "s3://bank/dwh/accounts"}
    (bank.folder.parent / "metadata" / "00007-c3.metadata.json").write_text(json.dumps(state))


def _products(bank: CaseBank) -> None:
    for product in ("cards", "deposits", "loans"):
        for month in (1, 2):
            flags = pl.DataFrame({"client_id": range(CLIENTS), "is_online": True})
            time = pl.lit(dt.datetime(2024, month, 1)).alias("event_time")
            (bank.folder / f"product={product}").mkdir(exist_ok=True)
            bank.put(flags.with_columns(time), f"product={product}/{month}")


def _loads(bank: CaseBank) -> None:
    for day in (dt.date(2024, 3, 31), dt.date(2024, 6, 30)):
        (bank.folder / f"load_date={day}").mkdir()
        bank.put(events().filter(pl.col("event_time").dt.date() <= day), f"load_date={day}/0")


def _no_files(bank: CaseBank) -> None:
    bank.put(events())
    os.mkfifo(bank.folder / "pipe.csv")
    (bank.folder / "itself.csv").symlink_to("itself.csv")


def _broken(bank: CaseBank) -> None:
    for part, name in enumerate(("a", "b", "c")):
        path = bank.put(events()[part::3], name)
        if part:
            path.write_bytes(path.read_bytes()[:5000])


def _garbled(bank: CaseBank) -> None:
    """Names as an archive of another alphabet leaves them; one is a link to nowhere, one lies in such a folder."""
    whole = bank.put(events())
    folder = os.fsencode(bank.folder)
    for name in (b"\xff\xfe note.txt", b"\xff.parquet", b"\xcc\xe0\xf0\xf2/a.parquet", b"_\xff.parquet"):
        path = os.path.join(folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        shutil.copy(whole, path)
    os.symlink(b"\xfe", os.path.join(folder, b"\xfe.parquet"))


def _mapped(bank: CaseBank) -> None:
    events().write_delta(str(bank.folder))
    map_columns(bank.folder)


def _half_deleted(folder: Path) -> None:
    events().write_delta(str(folder))
    DeltaTable(str(folder)).delete("event_id >= 3000")


def _iceberg(folder: Path) -> None:
    """What of an Iceberg table tells that it is one: the files of its states, beside its data."""
    for name in ("data", "metadata"):
        (folder / name).mkdir(parents=True)
    events().write_parquet(folder / "data" / "00000-0.parquet")
    state = {"format-version": 2, "table-uuid": "9c12d441-03fe-4693-9a96-a0705ddf69c1", "location": f"file://{folder}"}
    (folder / "metadata" / "00001-c3.metadata.json").write_text(json.dumps(state))


def _partition(bank: CaseBank, frame: pl.DataFrame, *kept: str) -> None:
    for (mcc,), part in frame.partition_by("mcc", as_dict=True).items():
        (bank.folder / f"mcc={mcc}").mkdir()
        bank.put(part if kept else part.drop("mcc"), f"mcc={mcc}/0")


def _hudi(folder: Path) -> None:
    """Two states of one group of files, as an update of a table that is copied on write leaves them."""
    (folder / ".hoodie").mkdir(parents=True)
    for state in (1, 2):
        events().write_parquet(folder / f"9f1c-0_0-{state}-{state}_2024030{state}000000000.parquet")


def _hive(bank: CaseBank) -> None:
    """Two writes and, until the cleaner comes, the folder that they were merged into."""
    whole = bank.put(events()).rename(bank.folder.parent / "whole")
    for write in ("delta_0000001_0000001_0000", "base_0000001_v0000007"):
        (bank.folder / write).mkdir()
        shutil.copy(whole, bank.folder / write / "000000_0")


def _spark(bank: CaseBank) -> None:
    """Two tries of one batch, of which the log names the second."""
    for number in (1, 2):
        bank.put(events(), f"part-0000{number}")
    bank.put_text('v1\n{"path":"part-00002.parquet","action":"add"}', "_spark_metadata/0")


def _twice(bank: CaseBank) -> None:
    bank.put_halves(events(), events())
    again = events().filter(pl.col("event_id") % 60 == 0).with_columns(pl.col("event_time").dt.offset_by("1mo"))
    bank.put(again, "corrections")


def _keyless(bank: CaseBank) -> None:
    """All is delivered twice, the second time without keys."""
    bank.put(events(), "first")
    bank.put(events().with_columns(event_id=None), "second")


def _snowflakes(bank: CaseBank) -> None:
    """All is delivered twice, the second time by a version that is one less than before."""
    rows = events().with_columns(version=pl.col("event_id") * 2 + 2**60 + 1)
    bank.put(rows.with_columns(pl.col("version").cast(pl.String)), "first")
    bank.put(rows.with_columns(pl.col("event_time").dt.offset_by("1m"), version=pl.col("version") - 1), "second")


def _in_force(bank: CaseBank, closed: pl.Expr, current: pl.Expr) -> None:
    """All is delivered twice; of the row in force the time is a minute later, its file older than the other."""
    bank.put(events().with_columns(valid_to=closed), "closed")
    later = events().with_columns(pl.col("event_time").dt.offset_by("1m"), valid_to=current)
    os.utime(bank.put(later, "current"), (1, 1))


def _open_ends(bank: CaseBank) -> None:
    _in_force(bank, pl.datetime(2024, 7, 1), pl.datetime(9999, 12, 31))


def _infinite_ends(bank: CaseBank) -> None:
    _in_force(bank, pl.lit(20_240_701), pl.lit(float("inf")))


def _arrow(bank: CaseBank, frame: pl.DataFrame, name: str = "all", **columns: pa.Array) -> None:
    """Write a file with columns of types that Polars may lack."""
    made = frame.to_arrow()
    for column, values in columns.items():
        made = made.append_column(column, values)
    pq.write_table(made, bank.folder / f"{name}.parquet")


def _zones(bank: CaseBank) -> None:
    """Zones that no table of zones knows, of the events' times and of a column that nobody uses."""
    moscow = dt.timezone(dt.timedelta(hours=3))
    for part, zone in enumerate(("MSK", "UTC+3", "Z")):
        frame = events()[part::3]
        times = pa.array([time.replace(tzinfo=moscow) for time in frame["event_time"]], pa.timestamp("us", zone))
        _arrow(bank, frame.drop("event_time"), zone, event_time=times, loaded_at=times)


def _long_decimals(bank: CaseBank) -> None:
    _arrow(bank, events().drop("amount"), amount=pa.array(range(EVENTS), pa.decimal256(76, 38)))


def _unused_long_decimals(bank: CaseBank) -> None:
    _arrow(bank, events(), amount_exact=pa.array(range(EVENTS), pa.decimal256(76, 38)))


def _no_text(bank: CaseBank) -> None:
    city = pl.when(pl.col("event_id") == 4999).then(pl.lit(b"\xcc\xee")).otherwise(pl.col("city").cast(pl.Binary))
    bank.put(events().with_columns(city=city))


def _one_name_twice(bank: CaseBank) -> None:
    _arrow(bank, events(), amount=pa.array(range(EVENTS)))


def _renamed(bank: CaseBank) -> None:
    bank.put(events().rename({"client_id": "CLIENT_ID", "mcc": " mcc"}))


def _written_again(bank: CaseBank) -> None:
    """Two deliveries of the same events, as two programs write times, numbers and yes or no."""
    bank.put(events(), "first")
    moscow = pl.col("event_time").dt.replace_time_zone(ZONE)
    forms = [
        pl.col("event_time").dt.strftime("%Y-%m-%d %H:%M:%S.0"),
        moscow.dt.convert_time_zone("UTC").dt.strftime("%Y-%m-%dT%H:%M:%SZ"),
        moscow.dt.strftime("%Y-%m-%dT%H:%M:%S.000%:z"),
    ]
    form = pl.int_range(pl.len()) % len(forms)
    bank.put(
        events().with_columns(
            event_time=pl.when(form == 0).then(forms[0]).when(form == 1).then(forms[1]).otherwise(forms[2]),
            amount=pl.when(form == 0).then(pl.format("{}0", "amount")).otherwise(pl.format("{}e0", "amount")),
            is_online=pl.when("is_online").then(pl.lit("Y")).otherwise(pl.lit("0")),
        ),
        "second",
    )


def _corrected_year(bank: CaseBank) -> None:
    bank.put(events(), "1")
    bank.put(events().with_columns(pl.col("event_time").dt.offset_by("-4y")), "2")


CASES = [
    Case("26_uppercase_ext", "files that end in other ways than .csv", _many_endings, CSV, rows=EVENTS * 2 // 5,
         unread=("README", "_late/d.csv", "c.xlsx")),
    Case("names_that_are_not_utf_8", "files beside the table whose names are not UTF-8", _garbled,
         unread=(r"\xcc\xe0\xf0\xf2/a.parquet", r"\xfe.parquet", r"\xff.parquet", r"\xff\xfe note.txt",
                 r"_\xff.parquet")),
    Case("nothing_but_a_garbled_name", "a table of one file whose name is not UTF-8",
         lambda bank: bank.put(events()).rename(os.fsdecode(os.fsencode(bank.folder) + b"/\xff.parquet")) and None,
         refused=r"(1 file is not read: \xff.parquet has a name that is not UTF-8; rename it)"),
    Case("parquet_endings", "Parquet files that end in .PARQUET, .parq or not at all", _parquet_endings),
    Case("nothing_to_read", "a folder with nothing but files that are not read",
         lambda bank: bank.put_text("?", "cards.xlsx") and None,
         refused="no .parquet file at $ANNA_HOME/warehouse/cards (1 file is not read: cards.xlsx does not end in"),
    Case("no_source", "a source that is not there", lambda bank: None,
         refused="no .parquet file at $ANNA_HOME/warehouse/cards. Correct `source.path`"),
    Case("without_footer", "Parquet files that are not whole", _broken, refused="b.parquet cannot be "
         "read as parquet: it is damaged or incomplete. Write it anew, or take it away. The same is wrong with 1 more "
         "file: c.parquet."),
    Case("unknown_zones", "time stamps of zones that no table of zones knows, such as MSK", _zones),
    Case("long_decimals", "decimals of more than 38 digits, as BigQuery's BIGNUMERIC", _long_decimals,
         refused="all.parquet cannot be read as parquet: column 'amount' holds decimals of 76 digits, of which no more "
                 "than 38 can be read. Write it as DECIMAL(38, 9), as a float or as text."),
    Case("unused_long_decimals", "decimals of more than 38 digits in a column that no field uses",
         _unused_long_decimals),
    Case("no_text", "a column of bytes of which some are no text", _no_text,
         refused="all.parquet cannot be read as parquet: column 'city' holds bytes that are no text in UTF-8, first in "
                 "row 5,000. Write it as text, such as a UUID in its letters and digits."),
    Case("one_name_twice", "two columns of one name in a Parquet file", _one_name_twice,
         refused="all.parquet cannot be read as parquet: column 'amount' is there more than once. Keep one of them"),
    Case("other_letters", "columns of a Parquet file whose names differ in letter case or padding", _renamed,
         refused="'CLIENT_ID', ' mcc' are there, and letter case and padding count: write `columns: {client_id: "
                 "CLIENT_ID, event_time: event_time}`, `fields: {' mcc': categorical, city: categorical,"),
    Case("link_to_newest", "a link to the newest file beside it, of events without a key", _linked, {"event_key": []},
         unread=("latest.parquet",)),
    Case("copy_without_key", "a file and its compressed copy, of events without a key", _copied,
         CSV | {"event_key": []}, unread=("all.csv.gz",)),
    Case("dumps", "dumps of the whole history, without keys, each a month longer than the one before", _dumps,
         CSV | {"event_key": []}, notes=(
             "dump_03.csv, dump_04.csv and 1 more hold the same rows in 3 months, 2024-01 to 2024-03, which count "
             "once; take away what is there twice, name an `event_key`, or",)),
    Case("dumps_within_months", "dumps of the whole history, without keys, each made on the 15th", _dumps_within_months,
         {"event_key": []}, rows=3472 + 446 + 467, notes=(
             "dump_02.parquet, dump_03.parquet and 1 more hold the same rows in 2 months, 2024-01 to 2024-02, which "
             "count once, but other ones in 2 months, 2024-02 to 2024-03, where all count: what is in several of them "
             "counts twice; take away",)),
    Case("quarter", "a file of a quarter beside those of its months, without keys", _quarter,
         {"event_key": []}, notes=("1.parquet, 2.parquet and 2 more hold the same rows in 3 months, 2024-01 to "
                                   "2024-03, which count once; take away",)),
    Case("partition", "a field that the folders of a partition hold in their names, as Hive and Spark write them",
         lambda bank: _partition(bank, events()),
         refused="mcc=4111/0.parquet has no column 'mcc': the folder mcc=4111 holds it in its name, which is not read. "
                 "Write the column into the files."),
    Case("half_a_partition", "the same beside files that have the column",
         lambda bank: [_partition(bank, events()[::2]), bank.put(events()[1::2])], CSV,
         refused="mcc=4111/0.csv has no column 'mcc': the folder mcc=4111 holds it in its name, which is not read."),
    Case("partition_and_column", "the same, with the column in the files as well",
         lambda bank: _partition(bank, events(), "mcc")),
    Case("two_channels", "two files that are alike with good reason, of which the domain says `copies: each`",
         lambda bank: [bank.put(events(), channel) for channel in ("push", "sms")],
         {"event_key": [], "copies": "each"}, rows=2 * EVENTS),
    Case("catalogue", "a catalogue of the bank's own beside the table and in it, of which Iceberg has a name, too",
         _catalogue, unread=("metadata/1.metadata.json",)),
    Case("state_elsewhere", "a state of an Iceberg table that lies elsewhere, beside plain files", _state_elsewhere),
    Case("products", "folders of products, without keys: a flag of each client a month, the same in all of them",
         _products, {"event_key": [], "fields": {"is_online": "boolean"}}, rows=3 * 2 * CLIENTS),
    Case("loads", "dumps in folders of their days, without keys", _loads, {"event_key": []}, rows=EVENTS, notes=(
             "load_date=2024-03-31/0.parquet and load_date=2024-06-30/0.parquet hold the same rows in 3 months, "
             "2024-01 to 2024-03, which count once; take away",)),
    Case("pipe", "a named pipe and a link to itself beside the data", _no_files, CSV,
         unread=("itself.csv", "pipe.csv")),
    Case("no_column_in_any", "a field that no file of several has",
         lambda bank: bank.put_halves(events().drop("city"), events().drop("city")),
         refused="2024Q1.parquet has no column ['city']; it has ['event_id', 'client_id', "),
    Case("28_new_column", "a column that younger files alone have",
         lambda bank: bank.put_halves(events().drop("is_online"), events()),
         notes=("column 'is_online' differs between files: missing in 2024Q1.parquet, Boolean in 2024Q2.parquet",)),
    Case("field_in_other_letters", "a field in capital letters in the younger file",
         lambda bank: bank.put_halves(events(), events().rename({"city": "CITY"})),
         notes=("column 'city' differs between files: String in 2024Q1.parquet, missing in 2024Q2.parquet, which has "
                "'CITY' (letter case and padding count: rename it there)",)),
    Case("cyrillic_column", "a field whose name has Cyrillic letters in the file and Latin ones in the domain's",
         lambda bank: bank.put(events().rename({"mcc": "мсс"})) and None,
         refused="'мсс' is there, and the м in 'мсс' is Cyrillic, but the m in 'mcc' is Latin: write `fields: {мсс: "),
    Case("no_column", "a field that no file has", lambda bank: bank.put(events().drop("city")) and None,
         refused="all.parquet has no column ['city']; it has ['event_id', 'client_id',"),
    Case("no_client_column", "a younger file without the client",
         lambda bank: bank.put_halves(events(), events().drop("client_id")),
         refused="2024Q2.parquet has no column ['client_id']; it has ['event_id', 'event_time',"),
    Case("30k_key_float", "an event key that is int in one file and float in another",
         lambda bank: bank.put_halves(events(), events().with_columns(pl.col("event_id").cast(float))),
         notes=("column 'event_id' differs between files: Int64 in 2024Q1.parquet, Float64 in 2024Q2.parquet",)),
    Case("key_of_excel", "an event key of long numbers that a spreadsheet has shortened, 4.08178E+15",
         lambda bank: bank.put(events().with_columns(event_id=pl.format(
             "{}E+15", (4.08178 + pl.col("event_id") // 7 * 0.00001).round(5)))) and None, CSV,
         refused="event_id in the event key was a float once, and lost digits in 1,037 of them (all.csv, line 2: "),
    Case("key_of_large_floats", "an event key of 18 digits that is a float",
         lambda bank: bank.put(events().with_columns(event_id=(pl.col("event_id") + 9 * 10**17).cast(float))) and None,
         refused="of them (all.parquet, row 1: '9e+17', all.parquet, row 2: '9e+17', all.parquet, row 3: '9e+17'): "
                 "write keys as text or whole numbers, 4081781000000007 and not 4.08178e+15"),
    Case("delivered_twice", "events that are delivered again, dated a month later", _twice),
    Case("written_again", "events without an id that are delivered again, with times and numbers written otherwise",
         _written_again, CSV | {"event_key": ["event_time", "amount", "is_online"]}),
    Case("no_keys", "an event key that a job no longer fills", _keyless, rows=2 * EVENTS,
         left={"event_id is missing from the event key": EVENTS},
         notes=("column 'event_id' differs between files: Int64 in first.parquet, Null in second.parquet",
                "events without 'event_id' have no key and are told apart by nothing: one that is delivered twice",)),
    Case("one_key", "an event key of which all values are 0",
         lambda bank: bank.put(events().with_columns(event_id=0)) and None,
         refused="2024-01 is refused, as more than 10% of its rows (1,037) cannot be used: event_key (event_id) is "),
    Case("keys_of_a_month", "numbers of documents that restart each month",
         lambda bank: bank.put(events().with_columns(
             event_id=pl.int_range(pl.len()).over("client_id", pl.col("event_time").dt.month()))) and None,
         refused="name columns in `event_key` that tell a client's events apart, such as the year of a number that"),
    Case("double_entry", "debit and credit under the id of their document",
         lambda bank: bank.put(events().with_columns(event_id=pl.int_range(pl.len()).over("client_id") // 2)) and None,
         refused="event_key (event_id) is also that of a row of the client in the same file that holds other values"),
    Case("corrected_year", "a file again, once its year is right",
         _corrected_year),
    Case("one_key_a_client", "an event key with one value, and one event of each client",
         lambda bank: bank.put(events().unique("client_id").with_columns(event_id=0)) and None, rows=CLIENTS),
    Case("snowflake_versions", "versions of 19 digits, as text and as numbers", _snowflakes, {"version": "version"},
         notes=("column 'version' differs",)),
    Case("open_end_versions", "versions by which the row in force is valid to 9999-12-31", _open_ends,
         {"version": "valid_to"}),
    Case("infinite_versions", "versions by which the row in force has an infinite one", _infinite_ends,
         {"version": "valid_to"}, notes=("column 'valid_to' differs",)),
    Case("versions_of_two_kinds", "versions that are times in one file and milliseconds since 1970 in another",
         lambda bank: _in_force(bank, pl.datetime(2024, 7, 1), pl.lit(1_722_470_400_000)), {"version": "valid_to"},
         refused="the version 'valid_to' is a time in $ANNA_HOME/warehouse/cards/closed.parquet and a number in "
                 "$ANNA_HOME/warehouse/cards/current.parquet: which is the later nobody can tell. Write it in one way"),
    Case("versions_of_two_units", "versions in seconds since 1970 in one file and in milliseconds in another",
         lambda bank: _in_force(bank, pl.lit(1_719_792_000), pl.lit(1_722_470_400_000)), {"version": "valid_to"},
         refused="the version 'valid_to' is in seconds since 1970 in $ANNA_HOME/warehouse/cards/closed.parquet and in "
                 "milliseconds since 1970 in $ANNA_HOME/warehouse/cards/current.parquet: which is the later"),
    Case("delta_as_parquet", "a Delta table without `format: delta`", lambda bank: _half_deleted(bank.folder),
         refused="cards is a Delta table, whose Parquet files also hold rows that were overwritten or deleted. Write "
                 "`source: {path: $ANNA_HOME/warehouse/cards, format: delta}` in cards.yaml."),
    Case("above_delta", "a folder in which a Delta table lies", lambda bank: _half_deleted(bank.folder / "export"),
         refused="`source: {path: $ANNA_HOME/warehouse/cards/export, format: delta}` in cards.yaml."),
    Case("iceberg_as_parquet", "an Iceberg table without `format: iceberg`", lambda bank: _iceberg(bank.folder),
         refused="cards is an Iceberg table, whose Parquet files also hold"),
    Case("data_of_iceberg", "the folder `data` of an Iceberg table", lambda bank: _iceberg(bank.folder),
         {"source": {"path": "warehouse/cards/data"}},
         refused="`source: {path: $ANNA_HOME/warehouse/cards, format: iceberg}` in cards.yaml."),
    Case("hudi", "a Hudi table", lambda bank: _hudi(bank.folder),
         refused="cards is a Hudi table, whose Parquet files also hold rows that were overwritten or deleted. "),
    Case("hive", "a transactional table of Hive's, merged but not yet cleaned", _hive,
         refused="cards is a transactional Hive table, whose files also hold rows that were overwritten, deleted or "
                 "merged into others. ANNA does not read these: bring a snapshot of it as Parquet files, in a folder"),
    Case("hive_csv", "a transactional table of Hive's, stored as text",
         lambda bank: bank.put_text(as_text(events()), "delta_0000001_0000001/000000_0.csv") and None, CSV,
         refused="cards is a transactional Hive table, whose files"),
    Case("spark_sink", "what a stream of Spark's writes, with a try that failed", _spark, {"event_key": []},
         refused="cards is written by a stream of Spark's, and holds files of tries that failed, which do not count. "
                 "ANNA does not read these: bring a snapshot of it as Parquet files, in a folder of its own."),
    Case("68d_delta_column_mapping", "a Delta table with column mapping", _mapped, {"format": "delta"},
         refused="its columns are stored under other names (delta.columnMapping.mode = name)"),
]  # fmt: skip
