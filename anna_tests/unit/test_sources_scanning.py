import datetime as dt
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from anna_core.errors import SourceError
from anna_core.memory import DEFAULT_MEMORY
from anna_core.months import month_bounds
from anna_core.sources.files import source_files
from anna_core.sources.fingerprints import combine_fingerprints, fingerprint, row_hash
from anna_core.sources.survey import survey
from anna_core.sources.tables import open_table, source_tables
from anna_tests.unit.conftest import MARCH, Bank, events_frame

NOON = dt.datetime(2024, 3, 5, 12)
CSV = "client_id,event_time,kind,online,amount\n"


def read(bank: Bank) -> pl.DataFrame:
    """All rows as they come through the door."""
    doors = [open_table(bank.source, table) for table in source_tables(bank.source)]
    return pl.concat(door.table.select(*door.values.values()) for door in doors).collect()


def times(bank: Bank) -> list:
    return read(bank)["time"].to_list()


def months_of(bank: Bank) -> dict[str, str]:
    """Fingerprints of the months of all files together."""
    return bank.observe(left_aside=1).months


def put_times(bank: Bank, values: list, kind: pl.DataType) -> None:
    rows = [("a", value, "x", True, 1.0) for value in values]
    bank.put(events_frame(rows, event_time=kind))


def test_a_file_and_a_folder_with_load_months_read_the_same(tmp_path):
    rows = [("a", NOON, "x", True, 1.5), ("b", NOON, "y", False, None)]
    one, several = Bank(tmp_path / "1", source={"path": "source/e.parquet"}), Bank(tmp_path / "2")
    one.put(events_frame(rows), "e.parquet")
    several.put(events_frame(rows[:1]), "load_month=2024-03/part-0.parquet")
    several.put(events_frame(rows[1:]), "load_month=2024-04/part-0.parquet")
    assert read(one).rows() == read(several).sort("client").rows() == rows
    assert months_of(one) == months_of(several)


def test_a_folder_that_is_called_as_a_file_is_not_read_twice(bank):
    bank.put(events_frame([("a", NOON, "x", True, 1.0)]), "march.parquet/part-0.parquet")
    assert len(read(bank)) == 1


def test_codes_of_a_csv_keep_their_leading_zeros(tmp_path):
    bank = Bank(tmp_path, source={"path": "source", "format": "csv"}, event_key=["id"])
    bank.put_text("id,client_id,event_time,kind,online,amount\n01,007,2024-03-05 12:00:00,0136,true,1\n")
    assert read(bank).rows() == [("007", NOON, "01", "0136", True, 1.0)]


def test_no_type_of_a_csv_hangs_on_its_first_rows(tmp_path):
    """A number that is whole for 200 rows, a yes/no that is empty for 200 rows."""
    bank = Bank(tmp_path, source={"path": "source", "format": "csv"})
    bank.put_text(
        CSV + "a,2024-03-05,x,,1\n" * 200 + "a,2024-03-05T12:00,x,1,1.5\na,2024-03-05 12:00:00.5,, No , -2e3 \n"
    )
    rows = read(bank).rows()
    assert rows[199] == ("a", dt.datetime(2024, 3, 5), "x", None, 1.0)
    assert rows[200] == ("a", NOON, "x", True, 1.5)
    assert rows[201] == ("a", NOON + dt.timedelta(seconds=0.5), None, False, -2000.0)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (
            "a,2024-03-05,x,1,12;5",
            r"amount is no number in 10 of them \(events\.csv, line 2: '12;5', .*\): write numbers as 1234\.5",
        ),
        (
            "a,2024-03-05,x,maybe,1",
            r"online is neither yes nor no in 10 of them \(events\.csv, line 2: 'maybe', .*\): write true or false, "
            "yes or no, t or f, 1 or 0, or make the field `categorical`",
        ),
    ],
)
def test_a_value_of_a_csv_that_does_not_fit_is_told(tmp_path, row, message):
    bank = Bank(tmp_path, source={"path": "source", "format": "csv"})
    bank.put_text(CSV + f"{row}\n" * 10)
    assert bank.observe().left_by_month["2024-03-01"].values()
    with pytest.raises(
        SourceError, match=f"domain cards: 2024-03 is refused, as more than 10% of its rows .10. .*{message}"
    ):
        bank.build(MARCH)


def test_files_may_differ_in_types_and_order_of_columns(bank):
    bank.put(
        pl.DataFrame({"client_id": [1], "event_time": [NOON], "kind": [5], "online": [1], "amount": [7]}), "1.parquet"
    )
    other = {"amount": [None], "online": [False], "kind": ["5"], "extra": [0], "event_time": [NOON], "client_id": ["1"]}
    bank.put(pl.DataFrame(other).with_columns(pl.col("event_time").dt.cast_time_unit("ns")), "2.parquet")
    assert sorted(read(bank).rows(), key=str) == [("1", NOON, "5", False, None), ("1", NOON, "5", True, 7.0)]
    files = source_files(bank.source).read
    parts = [survey(bank.source, file, "", None, DEFAULT_MEMORY, frozenset()).months for file in files]
    together = months_of(bank)
    assert together == {"2024-03-01": combine_fingerprints([part["2024-03-01"] for part in parts])}
    assert bank.build().source_version == together["2024-03-01"]


def test_files_of_a_csv_may_differ_in_their_columns_order(tmp_path):
    bank = Bank(tmp_path, source={"path": "source", "format": "csv"})
    bank.put_text(CSV + "a,2024-03-05,x,1,1\n", "1.csv")
    bank.put_text("amount,kind,extra,online,event_time,client_id\n2,y,?,0,2024-03-05,b\n", "2.csv")
    day = dt.datetime(2024, 3, 5)
    assert sorted(read(bank).rows()) == [("a", day, "x", True, 1.0), ("b", day, "y", False, 2.0)]


def test_delta_is_read_as_its_table_stands(tmp_path):
    bank = Bank(tmp_path, source={"path": "source", "format": "delta"})
    events_frame([("gone", NOON, "x", True, 1.0)]).write_delta(str(bank.table))
    events_frame([("a", NOON, "x", True, 1.0)]).write_delta(str(bank.table), mode="overwrite")
    assert read(bank).rows() == [("a", NOON, "x", True, 1.0)]


def test_time_stamps_with_a_zone_move_to_the_banks_clock(bank):
    put_times(bank, [dt.datetime(2024, 2, 29, 21, tzinfo=dt.UTC)], pl.Datetime("ms", "UTC"))
    assert times(bank) == [dt.datetime(2024, 3, 1)]  # Moscow is three hours ahead: another day, another month
    assert list(months_of(bank)) == ["2024-03-01"]


def test_time_stamps_without_a_zone_are_the_banks(bank):
    put_times(bank, [NOON], pl.Datetime("ns"))
    assert times(bank) == [NOON]


def test_nanoseconds_do_not_move_an_event_into_the_next_month(bank):
    frame = events_frame([("a", NOON, "x", True, 1.0)], event_time=pl.Datetime("ns"))
    last = pl.lit(pl.Series([dt.datetime(2024, 4, 1)]).cast(pl.Datetime("ns")).cast(pl.Int64)[0] - 1)
    bank.put(frame.with_columns(event_time=last.cast(pl.Datetime("ns"))))
    assert times(bank) == [dt.datetime(2024, 3, 31, 23, 59, 59, 999999)]


def test_the_repeated_hour_is_the_first_and_the_skipped_moves_on(tmp_path):
    bank = Bank(tmp_path, zone="UTC", time_zone="Europe/Berlin")
    repeated, skipped = dt.datetime(2024, 10, 27, 2, 30), dt.datetime(2024, 3, 31, 2, 30)
    put_times(bank, [NOON, repeated, skipped], pl.Datetime("us"))
    assert times(bank) == [
        dt.datetime(2024, 3, 5, 11),
        dt.datetime(2024, 10, 27, 0, 30),
        dt.datetime(2024, 3, 31, 1, 30),
    ]


def test_the_banks_own_repeated_and_skipped_hours_stay_as_they_are(tmp_path):
    bank = Bank(tmp_path, zone="Europe/Berlin")
    odd = [dt.datetime(2024, 10, 27, 2, 30), dt.datetime(2024, 3, 31, 2, 30)]
    put_times(bank, odd, pl.Datetime("us"))
    assert times(bank) == odd


def test_dates_begin_at_midnight_on_the_banks_clock(tmp_path):
    bank = Bank(tmp_path, time_zone="Asia/Tokyo")  # a day has no zone
    put_times(bank, [dt.date(2024, 3, 5), None], pl.Date())
    assert times(bank) == [dt.datetime(2024, 3, 5), None]


def test_iso_texts_may_mix_forms_and_offsets(tmp_path):
    bank = Bank(tmp_path, zone="Europe/Moscow", time_zone="UTC")
    texts = {
        "2024-03-05": dt.datetime(2024, 3, 5),  # a day has no zone
        "2024-03-05 12:00": dt.datetime(2024, 3, 5, 15),
        "2024-03-05T12:00:00": dt.datetime(2024, 3, 5, 15),
        " 2024-03-05 12:00:00.123456 ": dt.datetime(2024, 3, 5, 15, 0, 0, 123456),
        "2024-03-05T12:00:00Z": dt.datetime(2024, 3, 5, 15),
        "2024-03-05T12:00:00.5+05:00": dt.datetime(2024, 3, 5, 10, 0, 0, 500000),
        "2024-03-05 12:00:00-0100": dt.datetime(2024, 3, 5, 16),
        "05.03.2024": None,
        "2024-02-30": None,
        "soon": None,
        "": None,
    }
    put_times(bank, list(texts), pl.String())
    assert times(bank) == list(texts.values())


def test_a_column_of_texts_that_are_no_times_is_told(bank):
    put_times(bank, ["05.03.2024", "06.03.2024"] * 5, pl.String())
    with pytest.raises(
        SourceError,
        match=r"event_time is no time in 10 of them \(events.parquet, row 1: '05.03.2024', .*: write times as",
    ):
        bank.observe()


def test_a_small_file_of_odd_times_is_counted_and_holds_up_nobody(bank):
    bank.put(events_frame([("a", NOON, "x", True, 1.0)] * 20), "1.parquet")
    bank.put(events_frame([("a", dt.datetime(1, 1, 1), "x", True, 1.0)]), "2.parquet")
    state = bank.observe()
    assert list(state.months) == ["2024-03-01"]
    assert (state.undated, state.left) == (1, {"event_time is outside the years 1971 to 2199": 1})
    reason = "event_time is outside the years 1971 to 2199"
    assert state.examples() == {reason: ["2.parquet, row 1: '0001-01-01 00:00:00.000000'"]}
    (bank.table / "2.parquet").unlink()
    after = bank.observe()
    assert (after.months, after.undated) == (state.months, 0)


def test_a_field_that_one_of_the_files_lacks_is_missing_there_and_said(bank):
    bank.put(events_frame([("a", NOON, "x", True, 1.0)]), "1.parquet")
    bank.put(events_frame([("b", NOON, "x", True, 1.0)]).drop("kind", "amount"), "2.parquet")
    state = bank.observe()
    assert state.notes == [
        "column 'kind' differs between files: String in 1.parquet, missing in 2.parquet",
        "column 'amount' differs between files: Float64 in 1.parquet, missing in 2.parquet",
    ]
    assert bank.build().source_version == state.months["2024-03-01"]
    assert read(bank).sort("client").rows()[1] == ("b", NOON, None, True, None)


@pytest.mark.parametrize("column", ["client_id", "event_time", "id"])
def test_a_file_without_client_time_or_key_is_refused_by_name(tmp_path, column):
    bank = Bank(tmp_path, event_key=["id"])
    frame = events_frame([("a", NOON, "x", True, 1.0)]).with_columns(id=1)
    bank.put(frame, "1.parquet")
    bank.put(frame.drop(column), "2.parquet")
    for attempt in (bank.build, lambda: months_of(bank)):
        with pytest.raises(SourceError, match=rf"domain cards: .*2\.parquet has no column \['{column}'\]; it has"):
            attempt()


@pytest.mark.parametrize(
    ("column", "values", "message"),
    [
        (
            "kind",
            [["x"]],
            r"column 'kind' is List\(String\), but a category is one text or number; or correct `fields.kind`",
        ),
        (
            "amount",
            [NOON],
            r"column 'amount' is Datetime\(.*\), not a number: write numbers as 1234.5; or correct `fields.am",
        ),
        (
            "event_time",
            [20240305],
            "column 'event_time' is Int64, not a date, a time stamp or text of one: write times as",
        ),
        (
            "client_id",
            [17.0],
            "column 'client_id' is Float64, but clients are text or whole numbers: write ids as text",
        ),
    ],
)
def test_a_column_of_a_wrong_type_is_told_with_the_cure(bank, column, values, message):
    frame = events_frame([("a", NOON, "x", True, 1.0)]).with_columns(pl.Series(column, values))
    bank.put(frame)
    for attempt in (lambda: read(bank), bank.build, lambda: months_of(bank)):
        with pytest.raises(SourceError, match=f"domain cards: .*events.parquet: {message}"):
            attempt()


def test_numbers_and_booleans_may_be_text(bank):
    texts = [("1.5", "yes"), (" 2 ", "F"), ("", "1.0"), ("N/A", "null")]
    frame = events_frame([("a", NOON, "x", None, None)] * 4).with_columns(
        amount=pl.Series([amount for amount, _ in texts]), online=pl.Series([online for _, online in texts])
    )
    bank.put(frame)
    assert read(bank).select("field 1", "field 2").rows() == [(True, 1.5), (False, 2.0), (True, None), (None, None)]


@pytest.mark.parametrize("content", [b"", b"PAR1 no parquet at all PAR1"])
def test_a_broken_file_is_told_by_name(bank, content):
    bank.put(events_frame([]), "a.parquet")
    (bank.table / "b.parquet").write_bytes(content)
    with pytest.raises(SourceError, match=r"domain cards: .*b\.parquet cannot be read as parquet"):
        read(bank)


def test_whole_numbers_can_be_categories_clients_and_booleans(bank):
    frame = pl.DataFrame({"client_id": [17], "event_time": [NOON], "kind": [5411], "online": [0], "amount": [True]})
    bank.put(frame)
    assert read(bank).rows() == [("17", NOON, "5411", False, 1.0)]


def test_a_month_ends_where_the_next_begins():
    assert month_bounds(dt.date(2024, 12, 1)) == (dt.datetime(2024, 12, 1), dt.datetime(2025, 1, 1))


EVENT = st.tuples(
    st.sampled_from(["a", "b", ""]),
    st.sampled_from([NOON, dt.datetime(2024, 2, 29, 23, 59, 59), dt.datetime(2024, 4, 1)]),
    st.sampled_from(["x", "y", None]),
    st.sampled_from([True, False, None]),
    st.sampled_from([0.0, 1.0, -1.5, None]),
)


@settings(max_examples=100)
@given(st.lists(EVENT, max_size=12), st.randoms(use_true_random=False), st.integers(0, 12))
def test_fingerprints_do_not_depend_on_order_and_add_up(rows, random, cut):
    whole = events_frame(rows).lazy()
    shuffled = random.sample(rows, len(rows))
    parts = [events_frame(shuffled[:cut]).lazy(), events_frame(shuffled[cut:]).lazy()]
    assert fingerprint(whole) == fingerprint(pl.concat(parts, rechunk=False))
    assert fingerprint(whole) == combine_fingerprints([fingerprint(part) for part in parts])


@settings(max_examples=100, suppress_health_check=[HealthCheck.filter_too_much])
@given(st.lists(EVENT, min_size=1, max_size=6), st.data())
def test_any_changed_value_changes_the_fingerprint(rows, data):
    place = data.draw(st.integers(0, len(rows) - 1))
    changed = [*rows[:place], data.draw(EVENT), *rows[place + 1 :]]
    same = sorted(rows, key=str) == sorted(changed, key=str)
    assert (fingerprint(events_frame(rows).lazy()) == fingerprint(events_frame(changed).lazy())) == same


def test_a_rows_hash_tells_columns_apart_but_not_the_width_of_codes():
    frame = pl.LazyFrame({"a": [1, 2], "b": [2, 1]}, schema={"a": pl.UInt8, "b": pl.UInt8})
    first, second = frame.select(row_hash(frame.collect_schema())).collect().to_series()
    assert first != second
    wide = frame.cast(pl.UInt16)
    assert wide.select(row_hash(wide.collect_schema())).collect().to_series().to_list() == [first, second]


def test_a_repeated_row_counts():
    rows = [("a", NOON, "x", True, 1.0)]
    once, twice = fingerprint(events_frame(rows).lazy()), fingerprint(events_frame(rows * 2).lazy())
    assert once.startswith("1-")
    assert twice.startswith("2-")
    assert combine_fingerprints([once, once]) == twice
    assert combine_fingerprints([]) == fingerprint(events_frame([]).lazy()) == "0-0000000000000000"


def test_a_path_is_relative_to_home_absolute_or_from_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("LAKE", str(tmp_path / "lake"))
    for path, place in (("w/x", tmp_path / "w" / "x"), ("/abs", Path("/abs")), ("$LAKE/x", tmp_path / "lake" / "x")):
        assert Bank(tmp_path, source={"path": path}).source.path == place


def test_a_path_that_leads_elsewhere_is_told_with_its_domain(tmp_path):
    for path, told in (
        ("abfss://c@acc.dfs.core.windows.net/x", "is a URL"),
        ("~no-such-user/x", "names nobody's home"),
    ):
        with pytest.raises(SourceError, match=rf"domain cards: source\.path '{path}' {told}.* cards\.yaml"):
            _ = Bank(tmp_path, source={"path": path}).source.path
