import datetime as dt
import math
import tempfile
from dataclasses import replace
from pathlib import Path
from unittest import mock

import numpy as np
import polars as pl
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from anna_core import storage
from anna_core.errors import NotAsObservedError, SourceError
from anna_core.marts import mart, output, pieces
from anna_core.marts.footer import Footer, read_footer
from anna_core.marts.mart import MartMonth, mart_path
from anna_core.marts.merge import merge
from anna_core.marts.pieces import read_pieces
from anna_core.marts.staleness import is_stale
from anna_core.sources import survey
from anna_core.sources.batches import batches
from anna_core.sources.corrections import read_corrections
from anna_core.sources.fingerprints import combine_fingerprints, rows_in
from anna_core.sources.source_state import SourceState, read_state
from anna_tests.unit.conftest import FIELDS, MARCH, Bank, events_frame, few_open_files

NOON = dt.datetime(2024, 3, 5, 12)
HOUR = dt.timedelta(hours=1)
APRIL = dt.date(2024, 4, 1)


def versions(built: MartMonth) -> tuple[str, str]:
    return built.data_version, built.source_version


def test_events_are_encoded_and_sorted_by_client_and_time(bank):
    bank.put(
        events_frame(
            [
                ("b", NOON, "x", False, 2.5),
                ("a", NOON + HOUR, "y", True, None),
                ("a", NOON, "x", None, float("inf")),
                ("a", NOON - HOUR, None, True, float("nan")),
            ]
        )
    )
    built = bank.build()
    events = bank.events()
    assert events.columns == ["client_id", "event_time", "kind", "online", "amount"]
    assert events["client_id"].to_list() == ["a", "a", "a", "b"]
    assert events["event_time"].to_list() == [NOON - HOUR, NOON, NOON + HOUR, NOON]
    assert events["kind"].to_list() == [2, 1, 3, 1]  # x comes twice; of the rest "<missing>" is before "y"
    assert events["online"].to_list() == [2, 0, 2, 1]
    assert events["amount"].to_list() == [None, None, None, 2.5]
    assert events.dtypes == [pl.String, pl.Datetime("us"), pl.UInt8, pl.UInt8, pl.Float32]
    assert (built.rows, built.clients, built.source_rows, built.repeated, built.left_rows) == (4, 2, 4, 0, 0)
    assert built.missing == {"kind": 0.25, "online": 0.25, "amount": 0.75}
    assert built.dictionary.cardinalities == {"kind": 4, "online": 3}


def test_only_the_months_events_are_taken(bank):
    edges = [dt.datetime(2024, 2, 29, 23, 59, 59, 999999), dt.datetime(2024, 3, 1), dt.datetime(2024, 3, 31, 23, 59)]
    bank.put(events_frame([("a", moment, "x", True, 1.0) for moment in [*edges, dt.datetime(2024, 4, 1), None]]))
    assert bank.build().source_rows == 2
    assert bank.events()["event_time"].to_list() == edges[1:]
    assert bank.build(APRIL).rows == 1


def test_rows_without_a_client_are_dropped_and_counted(bank):
    clients = ("a", None, "", "  ", *[" a "] * 40)
    bank.put(events_frame([(client, NOON, "x", True, 1.0) for client in clients]))
    built = bank.build()
    assert (built.source_rows, built.left_rows, built.rows, built.clients) == (44, 3, 41, 1)
    assert set(bank.events()["client_id"]) == {"a"}


@pytest.mark.parametrize(("share", "told"), [(0.001, "0.1%"), (0.025, "2.5%"), (0.0, "0%")])
def test_the_share_that_may_be_left_aside_is_told_as_it_is_set(bank, share, told):
    bank.put(events_frame([(client, NOON, "x", True, 1.0) for client in (*["a"] * 80, *[None] * 10)]))
    with pytest.raises(SourceError, match=f"2024-03 is refused, as more than {told} of its rows"):
        bank.build_at(bank.mart, left_aside=share)


def test_a_month_where_many_rows_have_no_client_is_refused(bank):
    bank.put(events_frame([(client, NOON, "x", True, 1.0) for client in (*["a"] * 80, *[None] * 10)]))
    with pytest.raises(
        SourceError,
        match=r"2024-03 is refused, as more than 10% of its rows \(90\) .* client_id is missing in 10 of them \(events",
    ):
        bank.build()


def test_a_few_rows_are_no_reason_to_refuse_a_month(bank):
    bank.put(events_frame([(client, NOON, "x", True, 1.0) for client in ("a", *[None] * 9)]))
    built = bank.build()
    assert (built.source_rows, built.left_rows, built.rows) == (10, 9, 1)


def test_of_rows_with_one_event_key_one_is_kept(tmp_path):
    bank = Bank(tmp_path, event_key=["id"])
    rows = [(1, "a", NOON, "x", True, 1.0), (1, "a", NOON, "x", True, 1.0), (2, "a", NOON, "x", True, 1.0)]
    bank.put(pl.DataFrame(rows, schema=["id", "client_id", "event_time", "kind", "online", "amount"], orient="row"))
    built = bank.build()
    assert (built.rows, built.repeated) == (2, 1)
    assert "id" not in bank.events().columns


@pytest.mark.parametrize("kind", [pl.Categorical, pl.Binary])
def test_event_keys_may_be_stored_as_text_in_any_way(tmp_path, kind):
    bank = Bank(tmp_path, event_key=["id"])
    frame = events_frame([("a", NOON, "x", True, 1.0)]).with_columns(id=pl.Series(["k"]))
    bank.put(frame, "one.parquet")
    bank.put(frame.with_columns(pl.col("id").cast(kind)), "two.parquet")
    built = bank.build()
    assert (built.rows, built.repeated) == (1, 1)


@pytest.mark.parametrize("swapped", [False, True])
def test_which_repeated_row_is_kept_does_not_depend_on_their_order(tmp_path, swapped):
    bank = Bank(tmp_path, event_key=["id"])
    rows = [("a", NOON, "x", True, 1.0, 7), ("a", NOON, "x", True, 2.0, 7)]
    frame = events_frame([row[:-1] for row in rows]).with_columns(id=pl.Series([7, 7]))
    bank.put(frame.reverse() if swapped else frame)
    bank.build()
    assert bank.events()["amount"].to_list() == [1.0]


def test_without_an_event_key_nothing_is_dropped(bank):
    bank.put(events_frame([("a", NOON, "x", True, 1.0)] * 3))
    assert (bank.build().rows, bank.build().repeated) == (3, 0)


def test_a_late_row_joins_its_month(bank):
    bank.put(events_frame([("a", NOON, "x", True, 1.0)]), "load_month=2024-03/0.parquet")
    before = bank.build()
    bank.put(events_frame([("a", NOON - HOUR, "x", True, 2.0)]), "load_month=2024-04/0.parquet")
    after = bank.build()
    assert bank.events()["amount"].to_list() == [2.0, 1.0]
    assert after.data_version != before.data_version
    assert after.source_version != before.source_version


def test_a_mart_tells_its_days_apart(bank):
    days = {1: 1, 2: 3, 31: 2}
    rows = [
        ("ab"[n % 2], dt.datetime(2024, 3, day, 8), "x", True, float(n))
        for day, many in days.items()
        for n in range(many)
    ]
    bank.put(events_frame(rows), "0.parquet")
    whole = bank.build()
    found = read_footer(mart_path(bank.mart, MARCH))
    assert {day: rows_in(one) for day, one in found.days.items()} == {f"2024-03-{day:02}": n for day, n in days.items()}
    assert combine_fingerprints(list(found.days.values())) == whole.data_version
    bank.put(events_frame([("a", dt.datetime(2024, 3, 2), "x", True, 9.0)]), "1.parquet")
    bank.build_at(bank.mart, memory=1)
    after = read_footer(mart_path(bank.mart, MARCH))
    assert [day for day, one in after.days.items() if found.days[day] != one] == ["2024-03-02"]


def test_a_month_without_events_has_no_days_and_an_older_mart_is_stale(bank, monkeypatch):
    bank.put(events_frame([("a", NOON, "x", True, 1.0)]))
    built = bank.build(APRIL)
    assert (built.rows, read_footer(mart_path(bank.mart, APRIL)).days) == (0, {})
    monkeypatch.setattr(Footer, "as_metadata", lambda footer: {"anna.source": footer.source or ""})  # as it was written
    built = bank.build()
    assert read_footer(mart_path(bank.mart, MARCH)).days is None
    observed = SourceState(months={MARCH.isoformat(): built.source_version})
    assert is_stale(observed, bank.mart, MARCH)
    monkeypatch.undo()
    bank.build()
    assert not is_stale(observed, bank.mart, MARCH)


def rows_of_march(count: int = 300) -> pl.DataFrame:
    rng = np.random.default_rng(0)
    return events_frame(
        [
            (
                f"c{rng.integers(20)}",
                NOON + int(rng.integers(48)) * HOUR,
                f"k{rng.integers(9)}",
                bool(i % 2),
                float(i % 5),
            )
            for i in range(count)
        ]
    )


def test_the_same_rows_in_other_order_and_files_give_the_same_mart(tmp_path):
    frame = rows_of_march()
    one, several = Bank(tmp_path / "1"), Bank(tmp_path / "2")
    one.put(frame)
    shuffled = frame.sample(fraction=1, shuffle=True, seed=1)
    for i in range(4):
        several.put(shuffled[i::4], f"load_month=2024-0{i + 3}/part.parquet")
    assert versions(one.build()) == versions(several.build())
    assert one.events().equals(several.events())
    assert mart_path(one.mart, MARCH).read_bytes() == mart_path(several.mart, MARCH).read_bytes()


def test_parquet_csv_and_delta_give_the_same_mart(tmp_path):
    frame = rows_of_march()
    banks = {
        kind: Bank(tmp_path / kind, source={"path": "source", "format": kind}) for kind in ("parquet", "csv", "delta")
    }
    banks["parquet"].put(frame)
    banks["csv"].put(frame, "e.csv")
    frame.write_delta(str(banks["delta"].table))
    assert len({versions(bank.build()) for bank in banks.values()}) == 1


@pytest.mark.parametrize(("column", "value"), [("amount", 9.0), ("kind", "k8"), ("online", None), ("client_id", "c99")])
def test_a_changed_value_changes_both_versions(bank, column, value):
    frame = rows_of_march().with_columns(kind=pl.lit("k0"))
    bank.put(frame)
    before = bank.build()
    first = pl.int_range(pl.len()) == 0
    bank.put(frame.with_columns(pl.when(~first).then(pl.col(column)).otherwise(pl.lit(value)).alias(column)))
    after = bank.build()
    assert after.data_version != before.data_version
    assert after.source_version != before.source_version


def test_rebuilding_the_same_rows_after_the_dictionary_grew_keeps_the_version(bank):
    bank.put(rows_of_march(), "march.parquet")
    before = bank.build()
    many = [("a", dt.datetime(2024, 4, 2), f"new {i}", True, 1.0) for i in range(300)]
    bank.put(events_frame(many), "april.parquet")
    assert bank.build(APRIL).rows == 300
    assert bank.events(APRIL)["kind"].dtype == pl.UInt16
    after = bank.build()
    assert bank.events()["kind"].dtype == pl.UInt16  # wider codes, the same content
    assert versions(after) == versions(before)


def test_codes_are_as_small_as_they_fit(bank):
    for count, kind in ((255, pl.UInt8), (256, pl.UInt16), (65535, pl.UInt16), (65536, pl.UInt32)):
        bank.put(events_frame([("a", NOON, f"v{i}", True, 1.0) for i in range(count)]))
        assert bank.build().dictionary.cardinalities["kind"] == count + 1
        codes = bank.events()["kind"]
        assert codes.dtype == kind
        assert codes.max() == count
        assert codes.n_unique() == count


def test_a_month_without_rows_gives_an_empty_mart(bank):
    bank.put(events_frame([("a", NOON, "x", True, 1.0)]))
    built = bank.build(APRIL)
    assert (built.rows, built.clients, built.source_rows, built.missing) == (0, 0, 0, dict.fromkeys(FIELDS, 0.0))
    assert built.source_version == "0-0000000000000000"
    assert bank.events(APRIL).columns == ["client_id", "event_time", "kind", "online", "amount"]


def test_fields_that_are_not_filled_any_more_are_told(bank):
    """A month before tells so if it is built, has events, and has values of the field."""
    full, amounts = ("a", NOON, "x", True, 1.0), ("a", NOON + 31 * 24 * HOUR, None, None, 2.0)
    less, nothing = ("a", NOON + 31 * 24 * HOUR, None, None, None), ("a", NOON + 62 * 24 * HOUR, None, None, None)
    bank.put(events_frame([full, full, ("a", NOON, None, None, None), amounts, less, nothing]))
    may = dt.date(2024, 5, 1)
    assert bank.build(APRIL).ended == []
    assert bank.build(MARCH).ended == []
    assert (bank.build(APRIL).missing, bank.build(APRIL).ended) == (
        {"kind": 1.0, "online": 1.0, "amount": 0.5},
        ["kind", "online"],
    )
    assert bank.build(may).ended == ["amount"]
    bank.put(events_frame([nothing]))
    assert bank.build(APRIL).ended == bank.build(may).ended == []


def test_a_mart_tells_which_source_rows_it_was_built_from(bank):
    bank.put(rows_of_march())
    built = bank.build()
    assert read_footer(mart_path(bank.mart, MARCH)).source == built.source_version
    assert bank.observe().months == {"2024-03-01": built.source_version}


def test_a_domain_without_categories_needs_no_dictionary(tmp_path):
    bank = Bank(tmp_path, fields={"amount": "numeric"})
    bank.put(events_frame([("a", NOON, "x", True, 1.0)]))
    built = bank.build()
    assert built.dictionary.version == "empty"
    assert bank.events().columns == ["client_id", "event_time", "amount"]


def test_numbers_too_large_for_float32_are_missing_rather_than_infinite(bank):
    bank.put(events_frame([("a", NOON, "x", True, 1e39), ("b", NOON, "x", True, -1e38)]))
    built = bank.build()
    values = bank.events()["amount"].to_list()
    assert not any(value is not None and math.isinf(value) for value in values)
    assert built.missing == {"kind": 0.0, "online": 0.0, "amount": 0.5}
    assert built.left == {"amount is infinite or beyond 3.4e38": 1}
    assert built.left_rows == 0


def test_client_and_time_may_have_other_names_in_the_source(tmp_path):
    bank = Bank(tmp_path, columns={"client_id": "CUST_NO", "event_time": "TS"}, event_key=["CUST_NO", "TS"])
    bank.put(events_frame([("a", NOON, "x", True, 1.0)] * 2).rename({"client_id": "CUST_NO", "event_time": "TS"}))
    built = bank.build()
    assert (built.rows, built.repeated) == (1, 1)
    assert bank.events()["client_id"].to_list() == ["a"]


def test_a_failed_build_leaves_the_mart_as_it_was(bank):
    bank.put(events_frame([("a", NOON, "x", True, 1.0)]))
    bank.build()
    before = mart_path(bank.mart, MARCH).read_bytes()
    bank.put(events_frame([("a", NOON, "x", True, 1.0)] * 10).with_columns(amount=pl.lit("text")))
    with pytest.raises(SourceError, match="amount is no number in 10 of them"):
        bank.build()
    assert mart_path(bank.mart, MARCH).read_bytes() == before
    assert [path.name for path in mart_path(bank.mart, MARCH).parent.iterdir()] == ["events.parquet"]


class Observing(Bank):
    """A bank whose marts are made of what was observed of its source."""

    def deliver(self, name: str, *clients: str, day: dt.datetime = NOON, kind: str = "x") -> Path:
        rows = events_frame([(client, day, kind, True, 1.0) for client in clients])
        return self.put(rows, f"{name}.{self.domain.source.format}")

    def build(self, month: dt.date = MARCH) -> MartMonth:
        observed = read_state(self.state).files_of(f"{month}")
        return self.build_at(self.mart, month, observed=observed, left_aside=1.0)


@pytest.fixture(params=["parquet", "csv"])
def observing(request, tmp_path) -> Observing:
    return Observing(tmp_path, source={"path": "source", "format": request.param})


def test_a_file_that_was_not_observed_is_not_read(observing):
    observing.deliver("a", "a", "b")
    state = observing.observe()
    half = observing.deliver("b", *["c"] * 20)
    half.write_bytes(half.read_bytes()[:-90])
    built = observing.build()
    assert (built.rows, built.clients) == (2, 2)
    assert built.source_version == state.months["2024-03-01"]


def test_before_any_observation_all_files_are_read(observing):
    observing.deliver("a", "a")
    observing.deliver("b", "b")
    assert observing.build().rows == 2


def test_a_file_without_rows_of_the_month_may_be_written_meanwhile(observing):
    observing.deliver("a", "a")
    observing.deliver("b", "b", day=dt.datetime(2024, 4, 5))
    observing.observe()
    observing.deliver("b", "b", "b", day=dt.datetime(2024, 4, 5))
    assert observing.build().rows == 1
    with pytest.raises(NotAsObservedError, match=r"b\.\w+ is being written"):
        observing.build(APRIL)
    observing.observe()
    assert observing.build(APRIL).rows == 2


def test_a_month_that_no_file_holds_is_empty(observing):
    observing.deliver("a", "a")
    observing.observe()
    assert observing.build(APRIL).rows == 0


def test_rows_that_get_lost_on_the_way_stop_the_observation_or_the_month(observing, monkeypatch):
    """Whatever the reason: that Polars left out what it panicked at was no error of anybody's."""
    observing.deliver("a", *"abcd")

    def half(rows):
        return (batch.head(len(batch) // 2) for batch in batches(rows))

    with monkeypatch.context() as patched:
        patched.setattr(survey, "batches", half)
        with pytest.raises(SourceError, match=r"a\.\w+ has 4 rows, but 2 were read of it"):
            observing.observe()
    observing.observe()
    monkeypatch.setattr(pieces, "batches", half)
    with pytest.raises(NotAsObservedError, match="2 rows of 2024-03 were read, but 4 were observed"):
        observing.build()


def test_a_column_that_the_files_of_a_month_lack_is_missing(observing):
    observing.deliver("a", "a")
    later = events_frame([("b", dt.datetime(2024, 4, 5), "x", True, 1.0)]).drop("kind")
    observing.put(later, f"b.{observing.domain.source.format}")
    state = observing.observe()
    built = observing.build(APRIL)
    assert (built.rows, built.source_version) == (1, state.months["2024-04-01"])


@pytest.mark.parametrize("when", ["before", "while", "gone", "broken"])
def test_a_file_that_changed_since_it_was_observed_is_not_made_a_mart_of(observing, monkeypatch, when):
    file = observing.deliver("a", "a")
    observing.observe()
    observing.build()
    made = {path: path.read_bytes() for path in observing.home.rglob("*") if path.is_file() and path != file}

    def write(*read):
        observing.deliver("a", "a", "b", kind="new")
        return list(read)

    if when == "gone":
        file.unlink()
    elif when == "before":
        write()
    elif when == "broken":
        monkeypatch.setattr(mart, "scan_month", lambda *_: file.write_bytes(b"PAR1") and file.with_name("?").stat())
    else:
        monkeypatch.setattr(mart, "read_pieces", lambda *given: write(*read_pieces(*given)))
    with pytest.raises(NotAsObservedError, match=r"a\.\w+ is being written, or .* built once .* is observed again"):
        observing.build()
    left = {path: path.read_bytes() for path in observing.home.rglob("*") if path.is_file() and path != file}
    assert left == made
    file.unlink(missing_ok=True)
    write()
    observing.observe()
    monkeypatch.undo()
    assert observing.build().rows == 2


EVENT = st.tuples(
    st.sampled_from(["a", "b", "bb", "клиент", None, ""]),
    st.sampled_from([NOON, NOON + HOUR, dt.datetime(2024, 3, 31, 23, 59, 59, 999999), dt.datetime(2024, 4, 1)]),
    st.sampled_from(["x", "y", None]),
    st.sampled_from([True, False, None]),
    st.sampled_from([0.0, 1.0, -1.5, None]),
    st.sampled_from([1, 2, None]),
)


def naive(rows: list[tuple], codes: dict[str, int]) -> list[tuple]:
    """The mart of March, straight from the definition."""
    events = [
        (client, time, (-1 if key is None else key), codes[kind or "<missing>"], 0 if online is None else 1 + online)
        + ((-np.inf,) if amount is None else (amount,))
        for client, time, kind, online, amount, key in rows
        if client and time < dt.datetime(2024, 4, 1)
    ]
    seen: set[tuple] = set()
    found = []
    for client, time, key, kind, online, amount in sorted(events):
        if key == -1 or (client, key) not in seen:
            found.append((client, time, kind, online, None if amount == -np.inf else amount))
        seen.add((client, key))
    return found


@settings(max_examples=30)
@given(st.lists(EVENT, max_size=25), st.sampled_from([1, 700, 2000]), st.sampled_from([1, 2, 5]))
def test_neither_memory_nor_row_groups_change_what_a_mart_holds(rows, memory, row_group):
    """Little memory makes pieces of one to a few events, that are spilled and merged by ranges of clients."""
    with tempfile.TemporaryDirectory() as folder, mock.patch.object(storage, "flush"):
        bank = Bank(Path(folder), event_key=["id"])
        frame = events_frame([row[:-1] for row in rows])
        bank.put(frame.with_columns(id=pl.Series([row[-1] for row in rows], dtype=pl.Int64)))
        much = bank.build_at(bank.mart, left_aside=1.0)
        with mock.patch.object(output, "ROW_GROUP", row_group):
            little = bank.build_at(bank.home / "little", memory=memory, left_aside=1.0)
        one, other = (mart_path(path, MARCH) for path in (bank.mart, bank.home / "little"))
        assert pl.read_parquet(one).rows() == naive(rows, dict(bank.dictionary.table.select("value", "code").rows()))
        assert pl.read_parquet(other).rows() == pl.read_parquet(one).rows()
        assert pl.read_parquet(other).schema == pl.read_parquet(one).schema
    assert replace(little, dictionary=much.dictionary) == much


def test_a_month_beyond_the_memory_is_the_same_file(tmp_path, monkeypatch):
    bank = Bank(tmp_path, event_key=["id"])
    bank.put(rows_of_march(3000).with_columns(id=pl.Series(range(3000)).cast(pl.String)))
    bank.build()
    ranges = []
    monkeypatch.setattr(mart, "merge", lambda runs, *rest: ranges.append(len(runs)) or merge(runs, *rest))
    bank.build_at(tmp_path / "little", memory=360 * 500)
    assert ranges[0] == 6  # runs of 500 events
    assert 20 <= len(ranges) <= 28  # some 125 events each, as two are there at once
    assert mart_path(tmp_path / "little", MARCH).read_bytes() == mart_path(bank.mart, MARCH).read_bytes()


def test_a_part_that_cannot_be_written_leaves_the_month_as_it_was(tmp_path, monkeypatch):
    bank = Bank(tmp_path)
    bank.put(rows_of_march(3000))
    bank.build()
    before = mart_path(bank.mart, MARCH).read_bytes()
    real, added = mart.MartWriter.add, []

    def add(self, part):
        added.append(part)
        if len(added) == 8:
            raise OSError(28, "No space left on device")
        real(self, part)

    for memory in (320 * 500, 2**30):  # in parts, and the one part alone
        monkeypatch.setattr(mart.MartWriter, "add", add)
        with pytest.raises(OSError, match="No space left"):
            bank.build_at(bank.mart, memory=memory)
        assert mart_path(bank.mart, MARCH).read_bytes() == before
        added[:] = [None] * 7


def test_a_month_in_more_pieces_than_files_may_be_open_is_built(bank):
    bank.put(rows_of_march(3000))
    rows = bank.build().rows
    with few_open_files(32):
        built = bank.build_at(bank.home / "little", memory=320 * 50)
    assert built.rows == rows
    assert mart_path(bank.home / "little", MARCH).read_bytes() == mart_path(bank.mart, MARCH).read_bytes()


def test_events_of_different_clients_may_have_one_key(tmp_path):
    bank = Bank(tmp_path, event_key=["id"])
    rows = events_frame([("a", NOON, "x", True, 1.0), ("b", NOON, "x", True, 1.0), ("a", NOON + HOUR, "y", True, 2.0)])
    bank.put(rows.with_columns(id=pl.lit(7)))
    built = bank.build()
    assert (built.rows, built.repeated) == (2, 1)
    assert bank.events()["event_time"].to_list() == [NOON, NOON]  # of a client's the first


def test_clients_as_numbers_and_as_text_give_the_same_mart(tmp_path):
    rows = [(client, NOON, "x", True, 1.0) for client in (7, 10, 9, 100)]
    banks = Bank(tmp_path / "1"), Bank(tmp_path / "2"), Bank(tmp_path / "3")
    numbers = events_frame(rows, client_id=pl.Int64)
    banks[0].put(numbers)
    banks[1].put(numbers.cast({"client_id": pl.String}))
    banks[2].put(numbers[:2], "1.parquet")
    banks[2].put(numbers[2:].cast({"client_id": pl.String}), "2.parquet")
    assert len({versions(bank.build()) for bank in banks}) == 1
    assert [bank.events()["client_id"].to_list() for bank in banks] == [["10", "100", "7", "9"]] * 3


NASTY = [
    "client", "time", "from", "hash", "source hash", "key 0", "key.id", "field 0", "file", "path", "row", "month",
    "as_of", "start", "length", "position", "place", "count", "value", "code", "*", " *", "^.*$", "^a$", "a",
    "a b", "a/b", "a.b", 'a"b', "a'b", "a{b}", "клиент", "index", "literal", "len", "fault 0", "superseded", "version",
]  # fmt: skip


@settings(max_examples=30)
@given(st.lists(st.sampled_from(NASTY), min_size=4, max_size=8, unique=True), st.sampled_from(["parquet", "csv"]))
def test_columns_may_have_any_names(names, kind):
    """Client, time, key, version and fields: whatever the bank calls them, the mart holds what they hold."""
    assume(kind == "parquet" or " *" not in names)  # a CSV's names have no padding
    client, time, key, version, *fields = names
    kinds = dict(zip(fields, ["categorical", "numeric", "boolean", "categorical"], strict=False))
    values = {"categorical": ["x", "y", None], "numeric": [1.0, None, 2.5], "boolean": [True, False, None]}
    with tempfile.TemporaryDirectory() as folder, mock.patch.object(storage, "flush"):
        spec = {"event_key": [key], "version": version, "fields": kinds or {time: "categorical"}}
        spec |= {"columns": {"client_id": client, "event_time": time}, "source": {"path": "source", "format": kind}}
        bank = Bank(Path(folder), **spec)
        columns = [
            ["b", "a", "a"],
            [NOON, NOON, NOON + HOUR],
            [1, 2, 3],
            [1, 1, 1],
            *(values[of] for of in kinds.values()),
        ]
        for file, versions in enumerate(([1, 1, 1], [0, 0, 0])):
            columns[3] = versions
            frame = pl.DataFrame([pl.Series(f"column_{place}", column) for place, column in enumerate(columns)])
            frame.columns = [client, time, key, version, *kinds]  # Polars itself cannot make a series of times `^a$`
            bank.put(frame, f"{file}.{kind}")
        observed = bank.observe()
        corrections = read_corrections(bank.state, "2024-03-01")
        built = bank.build_at(bank.mart, corrections=corrections)
        assert (built.rows, built.repeated, built.left) == (3, 3, {})
        assert observed.months == {"2024-03-01": built.source_version}
        events = bank.events()
        assert events.columns == ["client_id", "event_time", *(kinds or [time])]
        assert events["client_id"].to_list() == ["a", "a", "b"]  # a at noon, then an hour later
        for name, of in kinds.items():
            if of == "numeric":
                assert events[name].to_list() == [None, 2.5, 1.0]
            if of == "boolean":
                assert events[name].to_list() == [1, 0, 2]


def test_categories_that_have_lost_their_letters_are_told_and_kept(bank):
    kinds = ["?????", "\ufffd\ufffd", "??? 24", "x?", "¿Qué?"] * 20
    bank.put(events_frame([("a", NOON, kind, True, 1.0) for kind in kinds]))
    built = bank.build()
    assert (built.rows, built.left, built.left_rows) == (100, {"kind has lost its letters": 60}, 0)
    assert set(bank.dictionary.table["value"]) >= {"?????", "\ufffd\ufffd", "x?"}


def test_the_client_with_the_most_events_is_known(bank):
    clients = ["a"] * 4 + ["0"] * 5 + ["b"]
    bank.put(events_frame([(client, NOON, "x", True, float(place)) for place, client in enumerate(clients)]))
    assert bank.build().largest == ("0", 5)
    assert bank.build_at(bank.mart, memory=1).largest == ("0", 5)
