import datetime as dt
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from anna_core.errors import ArtifactError, ChangedMeanwhileError
from anna_core.marts import output as mart_output
from anna_core.marts.dictionary import Dictionary
from anna_core.marts.mart import mart_path
from anna_core.memory import DEFAULT_MEMORY
from anna_core.months import next_month
from anna_core.sequences import build, month_reader
from anna_core.sequences.build import write_history, write_sequences
from anna_core.sequences.joined import joined
from anna_core.sequences.month_reader import _stretch
from anna_core.sequences.ragged import Sequences
from anna_core.sequences.touched_months import history_months, months_needed
from anna_tests.unit.conftest import MARCH, Bank, events_frame

DAY, HOUR = dt.timedelta(days=1), dt.timedelta(hours=1)
FIRST = dt.datetime(2024, 3, 1)
APRIL_1 = dt.date(2024, 4, 1)


def rows_frame(*rows: tuple[str, dt.date]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema={"client_id": pl.String, "as_of": pl.Date}, orient="row")


def sequences(bank: Bank, *rows: tuple[str, dt.date]) -> Sequences:
    return bank.sequences(rows_frame(*rows))


def amounts(made: Sequences) -> list[list[float]]:
    return [made.columns["amount"][s : s + n].tolist() for s, n in zip(made.start, made.length, strict=True)]


@pytest.fixture
def march(bank: Bank) -> Bank:
    """Client a has an event each noon of March, its amount the day; client b one on the tenth."""
    rows = [("a", FIRST + i * DAY + 12 * HOUR, "x", bool(i % 2), i + 1.0) for i in range(31)]
    bank.put(events_frame([*rows, ("b", FIRST + 9 * DAY, "y", None, None)]))
    bank.build()
    return bank


def test_rows_keep_their_order_and_share_their_events(march):
    made = sequences(march, ("a", dt.date(2024, 3, 5)), ("b", APRIL_1), ("a", dt.date(2024, 3, 4)), ("z", APRIL_1))
    assert made.client_id.to_pylist() == ["a", "b", "a", "z"]
    assert amounts(made)[0] == [1, 2, 3]  # noon of the 4th plus a day of lag is not before the 5th
    assert amounts(made)[2] == [1, 2]
    assert made.length.tolist() == [3, 1, 2, 0]
    assert len(made.event_time) == 4


def test_the_same_row_twice_sees_the_same(march):
    made = sequences(march, ("a", APRIL_1), ("a", APRIL_1))
    assert made.start.tolist() == [0, 0]
    assert made.length.tolist() == [30, 30]


def test_a_sequence_keeps_its_latest_events(march):
    march.domain = march.domain.model_copy(update={"max_length": 3})
    assert amounts(sequences(march, ("a", APRIL_1), ("a", dt.date(2024, 3, 3)))) == [[28, 29, 30], [1]]


def test_missing_values_are_nan_and_codes_have_their_types(march):
    made = sequences(march, ("b", APRIL_1))
    assert np.isnan(made.columns["amount"]).tolist() == [True]
    assert made.columns["kind"].tolist() == [2]
    assert made.columns["online"].tolist() == [0]
    assert {name: column.dtype.name for name, column in made.columns.items()} == {
        "kind": "uint8", "online": "uint8", "amount": "float32"
    }  # fmt: skip


def test_events_of_one_moment_keep_the_marts_order(tmp_path):
    bank = Bank(tmp_path, event_key=["id"])
    rows = [("a", FIRST, "x", True, float(amount)) for amount in (5, 3, 9, 1, 7)]
    bank.put(events_frame(rows).with_columns(id=pl.Series([3, 1, 5, 2, 4])))
    bank.build()
    assert bank.events()["amount"].to_list() == [3, 1, 5, 7, 9]  # by event key
    assert amounts(sequences(bank, ("a", APRIL_1))) == [[3, 1, 5, 7, 9]]


def test_a_sequence_reaches_over_months_and_missing_ones_are_empty(march):
    march.put(events_frame([("a", dt.datetime(2024, 1, 15), "x", True, -1.0)]), "january.parquet")
    march.build(dt.date(2024, 1, 1))
    assert not mart_path(march.mart, dt.date(2024, 2, 1)).exists()
    assert amounts(sequences(march, ("a", dt.date(2024, 3, 4)))) == [[-1, 1, 2]]
    assert amounts(sequences(march, ("a", dt.date(2023, 3, 4)))) == [[]]  # no month of it exists


def test_zero_rows_and_zero_events_are_sequences_too(march, tmp_path):
    for name, made in (("rows", sequences(march)), ("events", sequences(march, ("z", APRIL_1)))):
        (tmp_path / name).mkdir()
        made.write(tmp_path / name)
        again = Sequences.open(tmp_path / name)
        assert len(again) == len(made) == (name == "events")
        assert len(again.event_time) == 0
        assert {key: column.dtype for key, column in again.columns.items()} == {
            key: column.dtype for key, column in made.columns.items()
        }


def test_a_history_has_every_client_with_a_visible_event_as_of_the_months_end(march):
    march.put(events_frame([("late", dt.datetime(2024, 3, 31, 1), "x", True, 1.0)]), "late.parquet")
    march.build()
    history = march.history()
    assert history.client_id.to_pylist() == ["a", "b"]
    rows = sequences(march, ("a", APRIL_1), ("b", APRIL_1))
    assert history.meta.data_version == rows.meta.data_version
    assert history.as_of.astype(str).tolist() == ["2024-04-01", "2024-04-01"]
    for name in ("start", "length", "event_time"):
        assert getattr(history, name).tolist() == getattr(rows, name).tolist()


def test_a_month_without_marts_has_an_empty_history(bank):
    history = bank.history()
    assert len(history) == 0
    assert history.columns.keys() == {"kind", "online", "amount"}


def test_the_months_that_are_needed_follow_from_lookback_and_lag(bank):
    domain = bank.domain.model_copy(update={"lookback": 31 * DAY, "availability_lag": DAY})
    assert history_months(domain, next_month(MARCH)) == [MARCH]
    assert history_months(domain.model_copy(update={"lookback": 32 * DAY}), next_month(MARCH)) == [
        dt.date(2024, 2, 1),
        MARCH,
    ]
    needed = months_needed(domain, np.array(["2024-03-02", "2024-01-15"], dtype="datetime64[D]"))
    assert needed == [dt.date(2023, 12, 1), dt.date(2024, 1, 1), dt.date(2024, 2, 1)]  # 1 March is not seen yet
    needed = months_needed(domain, np.array(["2024-03-03"], dtype="datetime64[D]"))
    assert needed == [dt.date(2024, 2, 1), MARCH]


def test_what_is_written_opens_memory_mapped_and_the_same(march, tmp_path):
    made = sequences(march, ("a", dt.date(2024, 3, 20)), ("b", APRIL_1), ("клиент", APRIL_1))
    before = pa.total_allocated_bytes()
    (tmp_path / "s").mkdir()
    made.write(tmp_path / "s")
    again = Sequences.open(tmp_path / "s")
    assert pa.total_allocated_bytes() - before < 10_000  # nothing of the events was copied
    assert not again.event_time.flags.owndata
    assert not again.event_time.flags.writeable
    assert again.meta == made.meta
    assert again.client_id.to_pylist() == ["a", "b", "клиент"]
    assert again.as_of.tolist() == made.as_of.tolist()
    for name in ("start", "length", "event_time"):
        assert np.array_equal(getattr(again, name), getattr(made, name))
    for name, column in made.columns.items():
        assert np.array_equal(again.columns[name], column, equal_nan=name == "amount")
        assert again.columns[name].dtype == column.dtype


def test_other_tools_read_the_files(march, tmp_path):
    sequences(march, ("a", dt.date(2024, 3, 4))).write(tmp_path)
    assert pl.read_ipc(tmp_path / "events.arrow")["event_time"].to_list() == [
        FIRST + 12 * HOUR,
        FIRST + DAY + 12 * HOUR,
    ]
    rows = pl.read_ipc(tmp_path / "rows.arrow")
    assert rows.rows() == [("a", dt.date(2024, 3, 4), 0, 2)]


def test_a_reader_keeps_its_events_when_the_files_go(march, tmp_path):
    sequences(march, ("a", APRIL_1)).write(tmp_path)
    again = Sequences.open(tmp_path)
    for name in ("events.arrow", "rows.arrow", "sequences.json"):
        (tmp_path / name).unlink()
    assert amounts(again)[0][:3] == [1, 2, 3]


@pytest.mark.parametrize("name", ["events.arrow", "rows.arrow", "sequences.json"])
@pytest.mark.parametrize("damage", ["gone", "half", "empty"])
def test_a_damaged_file_is_told(march, tmp_path, name, damage):
    sequences(march, ("a", APRIL_1)).write(tmp_path)
    path = tmp_path / name
    content = path.read_bytes()
    path.unlink() if damage == "gone" else path.write_bytes(content[: len(content) // 2] if damage == "half" else b"")
    with pytest.raises(ArtifactError, match="these are not sequences that ANNA can read"):
        Sequences.open(tmp_path)


def test_the_version_is_that_of_the_content(march):
    rows = [("a", dt.date(2024, 3, 5)), ("b", APRIL_1)]
    first = sequences(march, *rows).meta.data_version
    assert sequences(march, *rows).meta.data_version == first
    assert sequences(march, *rows[::-1]).meta.data_version != first
    march.put(events_frame([("z", FIRST, "x", True, 1.0)]), "of somebody else.parquet")
    march.build()
    assert sequences(march, *rows).meta.data_version == first
    march.put(events_frame([("a", FIRST, "x", True, 1.0)]), "of a.parquet")
    march.build()
    assert sequences(march, *rows).meta.data_version != first


def test_codes_that_the_dictionary_does_not_know_are_refused(march, tmp_path):
    """Read before a mart was built with new categories, it would wrap code 256 around to 0."""
    with pytest.raises(ArtifactError, match="the marts hold code 1 of kind, the dictionary ends at 0"):
        write_sequences(
            march.domain, Dictionary(march.domain), march.mart, rows_frame(("a", APRIL_1)), tmp_path, DEFAULT_MEMORY
        )


def test_a_mart_that_is_built_while_it_is_read_is_told_and_worth_another_try(march, monkeypatch):
    taken = build.joined

    def rebuilt(*arguments):
        march.put(events_frame([("a", FIRST, "x", True, 1.0)]), "late.parquet")
        march.build()
        return taken(*arguments)

    monkeypatch.setattr(build, "joined", rebuilt)
    with pytest.raises(ChangedMeanwhileError, match="was built anew while it was read"):
        sequences(march, ("a", APRIL_1))


def test_wide_codes_stay_whole(bank):
    bank.put(events_frame([("a", FIRST + i * HOUR, f"v{i:03}", True, 1.0) for i in range(300)]))
    bank.build()
    made = sequences(bank, ("a", APRIL_1))
    assert made.columns["kind"].dtype == np.uint16
    assert made.columns["kind"].tolist() == list(range(1, 301))


def test_months_with_codes_of_different_widths_are_read_together(bank):
    bank.put(events_frame([("a", FIRST, "x", True, 1.0)]), "1.parquet")
    bank.build()
    bank.put(events_frame([("a", dt.datetime(2024, 4, 2), f"v{i:03}", True, 1.0) for i in range(300)]), "2.parquet")
    bank.build(dt.date(2024, 4, 1))
    made = sequences(bank, ("a", dt.date(2024, 5, 1)))
    assert made.columns["kind"].dtype == np.uint16
    assert made.columns["kind"].tolist() == list(range(1, 302))


def test_many_rows_keep_their_order(march):
    rows = [(("a", "z", "b")[i % 3], APRIL_1) for i in range(30_000)]
    assert sequences(march, *rows).length.tolist() == [30, 0, 1] * 10_000


@pytest.fixture
def many(bank: Bank, monkeypatch: pytest.MonkeyPatch) -> Bank:
    """Two months of 40 clients, in row groups of 50 events."""
    monkeypatch.setattr(mart_output, "ROW_GROUP", 50)
    rng = np.random.default_rng(0)
    for month, days in ((2, 29), (3, 31)):
        start = dt.datetime(2024, month, 1)
        drawn = rng.integers(0, [40, days * 24, 5], (1000, 3)).tolist()
        rows = [(f"c{client}", start + hour * HOUR, f"k{kind}", True, float(hour)) for client, hour, kind in drawn]
        bank.put(events_frame(rows), f"{month}.parquet")
        bank.build(dt.date(2024, month, 1))
    return bank


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("events", [1, 60, 400])
def test_little_memory_makes_more_ranges_and_the_same_files(many, tmp_path, monkeypatch, events):
    ranges = []
    monkeypatch.setattr(build, "joined", lambda *given: ranges.append(len(given[0])) or joined(*given))
    day = [dt.date(2024, 2, 20), APRIL_1, dt.date(2024, 3, 10)]
    rows = rows_frame(*((f"c{i * 7 % 45}", day[i % 3]) for i in range(60)))
    for name, memory in (("much", DEFAULT_MEMORY), ("little", 100 * events)):
        given = many.domain, many.dictionary, many.mart
        (tmp_path / name / "sequences").mkdir(parents=True)
        (tmp_path / name / "history").mkdir()
        ranges.clear()
        write_sequences(*given, rows, tmp_path / name / "sequences", memory)
        write_history(*given, next_month(MARCH), tmp_path / name / "history", memory)
        assert (len(ranges) == 2) == (name == "much")
        assert set(ranges) == {2}  # months side by side
    if events == 60:
        assert len(ranges) > 20
    for what in ("sequences", "history"):
        found = files(tmp_path / "little" / what)
        assert found.keys() == {"events.arrow", "rows.arrow", "sequences.json"}
        assert found == files(tmp_path / "much" / what)


def test_row_groups_without_a_wanted_client_are_not_read(many, tmp_path, monkeypatch):
    read = []
    monkeypatch.setattr(month_reader, "_stretch", lambda rows, wanted: read.append(len(rows)) or _stretch(rows, wanted))
    made = sequences(many, ("c20", APRIL_1))
    events = pl.concat([many.events(dt.date(2024, 2, 1)), many.events()])
    own = events.filter(pl.col("client_id") == "c20", pl.col("event_time") < dt.datetime(2024, 3, 31))
    assert made.length.tolist() == [len(own)]
    assert max(read) <= 100  # of 1000 events a month


def test_a_mart_whose_row_groups_do_not_tell_their_clients_is_refused(march):
    march.events().write_parquet(mart_path(march.mart, MARCH), statistics=False)
    with pytest.raises(ArtifactError, match="its row groups do not tell their clients; materialize the mart again"):
        sequences(march, ("a", APRIL_1))


def test_some_rows_are_taken_by_position_mask_or_range(march):
    made = sequences(march, ("a", dt.date(2024, 3, 5)), ("b", APRIL_1), ("z", APRIL_1), ("a", dt.date(2024, 3, 4)))
    picked = made.take(np.array([3, 0, 3]))
    assert picked.client_id.to_pylist() == ["a", "a", "a"]
    assert picked.as_of.tolist() == [dt.date(2024, 3, 4), dt.date(2024, 3, 5), dt.date(2024, 3, 4)]
    assert amounts(picked) == [[1, 2], [1, 2, 3], [1, 2]]
    assert picked.event_time is made.event_time
    assert made.take(made.length > 1).client_id.to_pylist() == ["a", "a"]
    assert made.take(slice(1, 3)).client_id.to_pylist() == ["b", "z"]
    assert len(made.take(np.array([], dtype=np.int64))) == 0


def test_the_history_of_clients_has_a_row_for_each_of_them(march):
    history = march.history()
    clients = pa.array(["z", "b", "a"], pa.large_string())
    asked = history.of_clients(clients)
    assert asked.client_id.to_pylist() == ["z", "b", "a"]
    assert asked.length.tolist() == [0, 1, 30]
    assert amounts(asked)[2] == list(range(1, 31))
    assert set(asked.as_of.tolist()) == {APRIL_1}
    assert asked.take(np.array([2, 1])).of_clients(clients).length.tolist() == [0, 1, 30]
    nobody = history.take(np.array([], dtype=np.int64)).of_clients(clients)
    assert nobody.length.tolist() == nobody.start.tolist() == [0, 0, 0]
    assert len(history.of_clients(pa.array([], pa.string()))) == 0
