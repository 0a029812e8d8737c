"""Tables of a data lake, Delta or Iceberg: the state that a table is in, and its rows in that state."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from anna_core.domains import Domain
from anna_core.errors import NotAsObservedError, SourceError
from anna_core.folders import UnseenError, status
from anna_core.lake_folders import DELTA_LOG, ICEBERG_LOG, ICEBERG_STATE
from anna_core.sources.lake_failures import CURE, of_lake_library, reason
from anna_core.sources.plain_names import plainly_named
from anna_core.sources.source import Source

if TYPE_CHECKING:
    from pyiceberg.table import StaticTable

_HINT = "version-hint.text"


def lake_state(source: Source) -> tuple[str, str]:
    """Return where a table lies, and a text that differs whenever its rows or columns may have changed.

    Raises:
        SourceError: the table is missing, or ANNA cannot read it; the message says what to do.
    """
    domain, path = source.domain, _table(source)
    with _lake(domain, path):
        return str(path), _delta_state(path) if domain.source.format == "delta" else _iceberg_state(path)


def scan_lake(source: Source, state: str | None = None) -> pl.LazyFrame:
    """Scan the rows of the table in a state that `lake_state` gave, or as it is now. Raises as `lake_state` does."""
    domain, path = source.domain, _table(source)
    with _lake(domain, path):
        return _scan_delta(path, state) if domain.source.format == "delta" else _scan_iceberg(path, state)


def _table(source: Source) -> Path:
    domain, path = source.domain, source.path
    mark = path / (DELTA_LOG if domain.source.format == "delta" else ICEBERG_LOG)
    try:
        is_there = status(mark) is not None or (domain.source.format == "iceberg" and path.is_file())
    except UnseenError as error:
        raise SourceError(f"domain {domain.name}: {error}") from error
    if not is_there:
        raise SourceError(
            f"domain {domain.name}: no {domain.source.format} table at {path}. "
            f"Correct `source.path` in {domain.name}.yaml, or bring the table there."
        )
    return path


@contextmanager
def _lake(domain: Domain, path: Path) -> Iterator[None]:
    kind = domain.source.format
    what = f"domain {domain.name}: {path} cannot be read as a table of format {kind}"
    try:
        yield
    except SourceError as error:
        raise type(error)(f"{what}: {error}.") from error
    except ImportError as error:
        raise SourceError(
            f"domain {domain.name}: format {kind} needs more packages ({error}): "
            "pip install 'anna-platform[lakehouse]'."
        ) from error
    except BaseException as error:
        if not (isinstance(error, (OSError, pl.exceptions.PolarsError)) or of_lake_library(error)):
            raise
        raise SourceError(f"{what}: {reason(error)}. {CURE}") from error


def _delta_state(path: Path) -> str:
    from deltalake import DeltaTable

    table = DeltaTable(str(plainly_named(path)))
    metadata = table.metadata()
    mapping = metadata.configuration.get("delta.columnMapping.mode", "none")
    if mapping != "none":
        raise SourceError(
            f"its columns are stored under other names (delta.columnMapping.mode = {mapping}), which ANNA does not "
            "follow. Give ANNA a copy without column mapping, or the rows as Parquet files"
        )
    return f"table {metadata.id} version {table.version()}"  # a table that is made anew begins with version 0 again


def _scan_delta(path: Path, state: str | None) -> pl.LazyFrame:
    from deltalake.exceptions import DeltaProtocolError

    now = _delta_state(path)  # refuses column mapping in clearer words than Polars
    version = _number_of(state or now, now)
    scan = pl.scan_delta(str(plainly_named(path)), version=version)
    try:
        scan.collect_schema()
    except DeltaProtocolError as error:  # another feature of Delta that Polars lacks
        raise SourceError(f"{reason(error)}. Give ANNA a copy without it, or the rows as Parquet files") from error
    return scan


def _scan_iceberg(path: Path, state: str | None) -> pl.LazyFrame:
    table = iceberg_table(path)
    now = _state_of(table)
    if state in (None, now):
        scan = pl.scan_iceberg(table)
    elif (snapshot := _number_of(state or now, now)) is None:
        scan = pl.scan_iceberg(table).head(0)
    elif table.snapshot_by_id(snapshot) is None:
        raise NotAsObservedError("the snapshot that was observed has expired, and it is read once it is observed again")
    else:
        scan = pl.scan_iceberg(table, snapshot_id=snapshot)
    scan.collect_schema()
    return scan


def _number_of(state: str, now: str) -> int | None:
    """The number of a state's version or snapshot, if there was any; the present state must be of the same table."""
    (_, table, _, number, *_), (_, same, *_) = state.split(), now.split()
    if table != same:
        raise NotAsObservedError("it was made anew since it was observed, and is read once it is observed again")
    return None if number == str(None) else int(number)


def _iceberg_state(path: Path) -> str:
    return _state_of(iceberg_table(path))


def _state_of(table: "StaticTable") -> str:
    snapshot = table.current_snapshot()
    known = f"snapshot {snapshot.snapshot_id if snapshot else None} schema {table.schema().schema_id}"
    return f"table {table.metadata.table_uuid} {known}"


def iceberg_table(path: Path) -> "StaticTable":
    """An Iceberg table in its newest state.

    Raises:
        SourceError: it has no metadata, or they cannot be read.
    """
    return _table_of(_newest_metadata(path))


def _table_of(metadata: Path) -> "StaticTable":
    from pyiceberg.table import StaticTable

    try:
        return StaticTable.from_metadata(str(metadata))
    except Exception as error:
        if not of_lake_library(error):
            raise
        raise SourceError(f"{metadata.name} is damaged: {reason(error)}. {CURE.rstrip('.')}") from error


def _newest_metadata(path: Path) -> Path:
    """The metadata file of an Iceberg table's newest state.

    That is the one which the hint of a Hadoop table names, else the one with the highest number; but a table that was
    dropped may have left its own, with higher numbers than the one that was made in its place, so the latest file is
    looked at, too. If `path` itself is a file, it is taken: one state of the table for ever.
    """
    if path.is_file():
        return path
    folder, hint = path / ICEBERG_LOG, path / ICEBERG_LOG / _HINT
    files = {file: match for file in folder.iterdir() if (match := ICEBERG_STATE.fullmatch(file.name))}
    if hint.is_file():
        version = hint.read_text(encoding="utf-8", errors="replace").strip()  # a damaged one names none
        named = [file for file, match in files.items() if file.name == version or match[1].lstrip("0") == version]
        if named:
            return named[0]
    if not files:
        raise SourceError(f"{folder} holds no *.metadata.json")
    times = {file: file.stat().st_mtime_ns for file in files}
    highest = max(files, key=lambda file: (int(files[file][1]), times[file], file.name))
    latest = max(files, key=lambda file: (times[file], int(files[file][1]), file.name))
    return highest if highest == latest else max((highest, latest), key=_updated)


def _updated(metadata: Path) -> int:
    """When a state was written, by what it says itself: copies of files have other times."""
    return _table_of(metadata).metadata.last_updated_ms
