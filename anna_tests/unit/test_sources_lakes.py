"""Delta and Iceberg tables: their states, and tables that ANNA cannot read."""

import datetime as dt
import re
import shutil

import polars as pl
import pytest
from deltalake import DeltaTable

from anna_core.errors import NotAsObservedError, SourceError
from anna_core.marts.dictionary import MISSING_VALUE
from anna_core.marts.staleness import stale_months
from anna_core.sources.plain_names import plainly_named
from anna_core.sources.source_state import read_state
from anna_tests.cases.delta import map_columns, name_partitions_as_spark_does
from anna_tests.unit.conftest import MARCH, Bank, events_frame

NOON = dt.datetime(2024, 3, 5, 12)


def frame(*amounts: float) -> pl.DataFrame:
    return events_frame([("a", NOON, "x", True, amount) for amount in amounts])


@pytest.fixture
def iceberg(tmp_path):
    """A bank whose cards are a table of a local catalog; and the table."""
    from pyiceberg.catalog.sql import SqlCatalog

    catalog = SqlCatalog("bank", uri=f"sqlite:///{tmp_path}/catalog.db", warehouse=f"file://{tmp_path}/lake")
    catalog.create_namespace("dwh")
    table = catalog.create_table("dwh.cards", schema=frame().to_arrow().schema)
    return Bank(tmp_path, source={"path": table.location().removeprefix("file://"), "format": "iceberg"}), table


def test_an_append_to_an_iceberg_table_is_seen_and_the_mart_built_anew(iceberg):
    bank, table = iceberg
    assert bank.observe().months == {}
    table.append(frame(1.0).to_arrow())
    before = bank.observe()
    assert bank.build().source_version == before.months["2024-03-01"]
    assert bank.listing() == before.listing
    table.append(frame(2.0).to_arrow())
    assert bank.listing() != before.listing
    bank.observe()
    assert stale_months(read_state(bank.state), bank.mart, [MARCH]) == [MARCH]
    assert bank.build().rows == 2


@pytest.mark.parametrize("codec", ["none", "gzip"])
@pytest.mark.parametrize("below", ["", "data"])
def test_what_is_told_of_an_iceberg_table_that_is_read_as_parquet_mends_it(iceberg, codec, below):
    bank, table = iceberg
    table.transaction().set_properties({"write.metadata.compression-codec": codec}).commit_transaction()
    table.append(frame(1.0).to_arrow())
    table.append(frame(2.0).to_arrow())
    table.delete("amount = 1.0")
    folder = table.location().removeprefix("file://")
    with pytest.raises(SourceError) as caught:
        Bank(bank.home, source={"path": f"{folder}/{below}"}).observe()
    told = re.search(r"Write `source: \{path: (\S+), format: iceberg\}` in cards\.yaml\.$", str(caught.value))
    assert told is not None
    mended = Bank(bank.home, source={"path": told[1], "format": "iceberg"})
    assert mended.observe().total == mended.build().rows == 1


def test_a_new_column_of_an_iceberg_table_is_seen(iceberg):
    bank, table = iceberg
    table.append(frame(1.0).to_arrow())
    before = bank.observe()
    from pyiceberg.types import StringType

    with table.update_schema() as update:
        update.add_column("note", StringType())
    assert bank.listing() != before.listing


def test_a_metadata_file_is_one_state_for_ever(iceberg):
    bank, table = iceberg
    table.append(frame(1.0).to_arrow())
    pinned = Bank(bank.home, source={"path": table.metadata_location.removeprefix("file://"), "format": "iceberg"})
    table.append(frame(2.0).to_arrow())
    assert pinned.observe().total == pinned.build().rows == 1


def test_the_hint_of_a_hadoop_table_decides(iceberg):
    bank, table = iceberg
    folder = bank.home / bank.domain.source.path / "metadata"
    table.append(frame(1.0).to_arrow())
    shutil.copy(table.metadata_location.removeprefix("file://"), folder / "v1.metadata.json")
    table.append(frame(2.0).to_arrow())
    (folder / "version-hint.text").write_text("1\n")
    assert bank.observe().total == 1
    (folder / "version-hint.text").write_bytes(b"\xff\xfe")
    assert bank.observe().total == 2
    (folder / "version-hint.text").unlink()
    assert bank.observe().total == 2


def test_an_iceberg_folder_without_metadata_is_told(tmp_path):
    bank = Bank(tmp_path, source={"path": "source", "format": "iceberg"})
    (bank.table / "metadata").mkdir(parents=True)
    with pytest.raises(
        SourceError, match=r"domain cards: .*source cannot be read as a table of format iceberg: .*holds no"
    ):
        bank.observe()


def test_column_mapping_of_a_delta_table_is_refused_with_domain_and_cure(tmp_path):
    bank = Bank(tmp_path, source={"path": "source", "format": "delta"})
    frame(1.0).write_delta(str(bank.table))
    map_columns(bank.table)
    for attempt in (bank.observe, bank.build, bank.listing):
        with pytest.raises(
            SourceError,
            match=r"domain cards: .*source cannot be read as a table of format delta: its columns are stored under "
            r"other names \(delta.columnMapping.mode = name\), which ANNA does not follow. Give ANNA a copy",
        ):
            attempt()


@pytest.fixture
def delta(tmp_path):
    """A bank whose cards are a Delta table in a folder that URLs write otherwise."""
    bank = Bank(tmp_path, source={"path": "мой lake #1", "format": "delta"})
    bank.table = tmp_path / "мой lake #1"
    frame(1.0).write_delta(str(bank.table))
    return bank


PLACES = ["Moscow", "St Petersburg", "Ростов", "a+b/c:d", "50%20", "x=1", None]


@pytest.mark.parametrize("folder", ["мой lake #1", "a+b", "env=prod", "100%25 [new]"])
@pytest.mark.parametrize("by_spark", [True, False])
def test_a_delta_table_is_scanned_below_any_folder_with_any_partitions(tmp_path, monkeypatch, folder, by_spark):
    rows = events_frame([("a", NOON, place, True, 1.0) for place in PLACES])
    rows.write_delta(tmp_path / "plain", delta_write_options={"partition_by": "kind"})
    if by_spark:
        name_partitions_as_spark_does(tmp_path / "plain", "kind")
    shutil.move(tmp_path / "plain", tmp_path / folder)
    bank = Bank(tmp_path, source={"path": folder, "format": "delta"})
    monkeypatch.delattr("deltalake.DeltaTable.to_pyarrow_dataset")  # which reads all of a table into memory
    assert bank.observe().total == bank.build().rows == len(PLACES)
    assert set(bank.dictionary.table["value"]) == {place or MISSING_VALUE for place in PLACES}


def test_what_comes_to_a_delta_table_in_an_odd_folder_later_is_read(delta):
    assert delta.observe().total == 1
    shutil.rmtree(plainly_named(delta.table))  # as systems clear temporary files away
    frame(2.0).write_delta(str(delta.table), mode="append")
    assert delta.observe().total == 2
    frame(3.0).write_delta(str(delta.table), mode="overwrite")
    DeltaTable(str(delta.table)).vacuum(retention_hours=0, enforce_retention_duration=False, dry_run=False)
    assert delta.observe().total == delta.build().rows == 1
    assert {link.name for link in plainly_named(delta.table).iterdir()} == {file.name for file in delta.table.iterdir()}


def test_a_temporary_folder_of_an_odd_name_is_told_where_links_are_needed(delta, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(delta.home / "мой tmp"))
    with pytest.raises(SourceError, match=r"lake #1 cannot be read .*: temporary files lie in .*TMPDIR"):
        delta.observe()


def test_a_delta_table_that_is_made_anew_is_another(delta):
    before = delta.observe()
    assert delta.build().rows == 1
    shutil.rmtree(delta.table)
    frame(2.0, 3.0).write_delta(str(delta.table))  # its version is 0 again
    assert delta.listing() != before.listing
    assert delta.observe().total == 2
    assert stale_months(read_state(delta.home / "state"), delta.mart, [MARCH]) == [MARCH]


def test_an_iceberg_table_that_is_made_anew_where_one_was_dropped_is_read(iceberg, tmp_path):
    bank, table = iceberg
    for amount in (1.0, 2.0, 3.0):
        table.append(frame(amount).to_arrow())
    assert bank.observe().total == 3
    from pyiceberg.catalog.sql import SqlCatalog

    catalog = SqlCatalog("bank", uri=f"sqlite:///{tmp_path}/catalog.db", warehouse=f"file://{tmp_path}/lake")
    catalog.drop_table("dwh.cards")  # which leaves its files
    again = catalog.create_table("dwh.cards", schema=frame().to_arrow().schema, location=table.location())
    again.append(frame(4.0, 5.0).to_arrow())
    assert bank.observe().total == 2


@pytest.mark.parametrize("lake", ["iceberg", "delta"])
def test_a_month_is_built_of_the_state_that_was_observed(request, lake):
    found = request.getfixturevalue(lake)
    bank, table = found if lake == "iceberg" else (found, None)

    def append(amount: float) -> None:
        if table is None:
            frame(amount).write_delta(str(bank.table), mode="append")
        else:
            table.append(frame(amount).to_arrow())

    append(2.0)
    state = bank.observe()
    append(3.0)
    made = bank.build_at(bank.mart, observed=state.files_of(MARCH.isoformat()))
    assert made.rows == state.total
    assert stale_months(state, bank.mart, [MARCH]) == []
    assert bank.listing() != state.listing


FILES = [
    ("iceberg", "metadata/00001-*.metadata.json"),
    ("iceberg", "metadata/snap-*.avro"),
    ("iceberg", "metadata/*-m0.avro"),
    ("iceberg", "data/**/*.parquet"),
    ("delta", "*.parquet"),
]
DAMAGES = [(*file, damage) for file in FILES for damage in ("cut", "empty", "zeros", "gone")]
DAMAGES.remove((*FILES[0], "gone"))  # then an older state is the table's newest


@pytest.mark.parametrize(("lake", "pattern", "damage"), DAMAGES)
def test_a_damaged_file_of_a_table_is_told_with_its_name_and_a_cure(request, lake, pattern, damage):
    found = request.getfixturevalue(lake)
    bank, table = found if lake == "iceberg" else (found, None)
    if table is not None:
        table.append(frame(1.0).to_arrow())
    place = bank.source.path
    (file,) = place.glob(pattern)
    content = file.read_bytes()
    if damage == "gone":
        file.unlink()
    else:
        file.write_bytes({"cut": content[: len(content) // 2], "empty": b"", "zeros": bytes(len(content))}[damage])
    with pytest.raises(SourceError, match=rf"cards: {re.escape(str(place))} .*{file.name}.* bring the table back"):
        bank.observe()


def test_a_damaged_file_is_told_when_a_month_is_built(delta):
    state = delta.observe()
    (file,) = delta.table.glob("*.parquet")
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(SourceError, match=rf"lake #1 cannot be read as delta: .*{file.name} has 100 bytes, not"):
        delta.build_at(delta.mart, observed=state.files_of(MARCH.isoformat()))


def test_a_damaged_commit_of_a_delta_table_is_told_in_one_line(delta):
    (log,) = delta.table.glob("_delta_log/*.json")
    log.write_bytes(log.read_bytes()[:100])
    with pytest.raises(SourceError, match=r"^domain cards: .*lake #1 cannot be read .*: .+\. If it stays so .*anew\.$"):
        delta.observe()


def test_a_snapshot_that_expired_after_the_observation_waits_for_the_next_one(iceberg):
    bank, table = iceberg
    table.append(frame(1.0).to_arrow())
    state = bank.observe()
    table.overwrite(frame(2.0).to_arrow())
    observed = int(next(iter(state.files.values())).state.split()[3])
    table.maintenance.expire_snapshots().by_id(observed).commit()
    with pytest.raises(NotAsObservedError, match="the snapshot that was observed has expired"):
        bank.build_at(bank.mart, observed=state.files_of(MARCH.isoformat()))


@pytest.mark.parametrize("call", [lambda: len(None), lambda: DeltaTable("place", wrong=True)])
def test_a_fault_of_annas_own_is_none_of_the_table(delta, monkeypatch, call):
    monkeypatch.setattr("anna_core.sources.lakes._delta_state", lambda path: call())
    with pytest.raises(TypeError):
        delta.observe()


def test_an_interrupt_while_a_table_is_read_stays_one(delta, monkeypatch):
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("deltalake.table.RawDeltaTable", interrupted)
    with pytest.raises(KeyboardInterrupt):
        delta.observe()
