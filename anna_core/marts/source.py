"""Reading a source table with Polars: its files, its rows on the bank's clock, and its months' fingerprints."""

import datetime as dt
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl
from narwhals.exceptions import NarwhalsError

from anna_core.domains import Domain, FieldKind
from anna_core.errors import SourceError
from anna_core.months import next_month

_TEXT = pl.String()
_ISO_FORMATS = ("%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M", "%Y-%m-%d")
_BOOLEAN_TEXTS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}  # of CSV files


def source_path(domain: Domain, home: Path) -> Path:
    """Where the domain's table lies: `$NAME` is taken from the environment, relative paths start at ANNA_HOME.

    Raises:
        SourceError: the environment lacks a name.
    """
    path = os.path.expandvars(domain.source.path)
    if "$" in path:
        raise SourceError(
            f"domain {domain.name}: source.path '{domain.source.path}' names a variable that is not set. "
            f"Set it where `anna up` is started, or write the path itself into {domain.name}.yaml."
        )
    return (home / Path(path).expanduser()).resolve()


def source_files(domain: Domain, home: Path) -> list[Path]:
    """Data files of a Parquet or CSV source, sorted; hidden files and those of running writers (`_`, `.`) are left out.

    Raises:
        SourceError: nothing is there.
    """
    path = source_path(domain, home)
    if path.is_file():
        return [path]
    files = sorted(
        file
        for file in path.rglob(f"*.{domain.source.format}")
        if file.is_file()  # Spark calls a folder of files `part.parquet`, too
        and not any(part.startswith((".", "_")) for part in file.relative_to(path).parts)
    )
    if not files:
        raise SourceError(
            f"domain {domain.name}: no .{domain.source.format} file at {path}. "
            f"Correct `source.path` in {domain.name}.yaml, or bring the table there."
        )
    return files


def table_path(domain: Domain, home: Path) -> Path:
    """Folder of a Delta table, or metadata file of an Iceberg table.

    Raises:
        SourceError: it is not there.
    """
    path = source_path(domain, home)
    mark = path / "_delta_log" if domain.source.format == "delta" else path
    if not mark.exists():
        raise SourceError(
            f"domain {domain.name}: no {domain.source.format} table at {path}. "
            f"Correct `source.path` in {domain.name}.yaml, or bring the table there."
        )
    return path


@contextmanager
def reading(domain: Domain, file: Path | None = None) -> Iterator[None]:
    """Turn what Polars finds wrong in the source's data while the block runs into a `SourceError`."""
    try:
        yield
    except (pl.exceptions.PolarsError, NarwhalsError, FileNotFoundError) as error:
        raise SourceError(
            f"domain {domain.name}: {file or 'the source'} cannot be read as {domain.source.format} with the columns "
            f"of {domain.name}.yaml: {error}"
        ) from error


def scan_source(domain: Domain, home: Path, bank_zone: str, files: list[Path] | None = None) -> pl.LazyFrame:
    """The source's rows in the form that marts are made of.

    Args:
        domain: the domain.
        home: ANNA_HOME.
        bank_zone: the bank's time zone.
        files: read only these; None means the whole table.

    Returns:
        Lazy columns client_id (text), event_time (datetime[us], the bank's wall clock, no zone), the event key's
        columns, and the fields: categories as text, numbers as float64, booleans. These types do not depend on those of
        a file, and so a row's fingerprint does not depend on the file that it lies in.

    Raises:
        SourceError: the table or a column is missing, or a column's type does not fit its kind.
    """
    return pl.concat([_canonical(domain, table, bank_zone) for table in _tables(domain, home, files)])


UNDATED = "undated"  # stands for the month of rows without a time


def months_of(domain: Domain, home: Path, bank_zone: str, files: list[Path] | None = None) -> dict[str, str]:
    """Fingerprint of every month that has rows: month key → `<rows>-<digest>`; that of rows without a time: `UNDATED`.

    The digest is a sum of row hashes, so neither the order of the rows nor their division into files counts, and
    fingerprints of parts add up (`combine_fingerprints`). Polars may change its hash in a new release; the months are
    then rebuilt once, and as marts keep their own content digest, nothing behind them is.
    """
    rows = scan_source(domain, home, bank_zone, files)
    with reading(domain):
        months = (
            rows.select(
                pl.col("event_time").dt.strftime("%Y-%m-01").fill_null(UNDATED).alias("month"),
                row_hash(rows).alias("hash"),
            )
            .group_by("month")
            .agg(pl.len(), pl.col("hash").sum())
            .sort("month")
            .collect(engine="streaming")
        )
    if months["month"].to_list() == [UNDATED]:
        raise SourceError(
            f"domain {domain.name}: no value of '{domain.columns.event_time}' is a time stamp"
            f"{' in ' + ', '.join(file.name for file in files) if files else ''}; text must be ISO, as in "
            f"2024-03-31 12:00:00. Correct the column, or name another in `columns.event_time` of {domain.name}.yaml."
        )
    return {month: _fingerprint(count, digest) for month, count, digest in months.iter_rows()}


def combine_fingerprints(fingerprints: list[str]) -> str:
    """Fingerprint of the rows of several parts together."""
    parts = [fingerprint.split("-") for fingerprint in fingerprints]
    return _fingerprint(sum(int(count) for count, _ in parts), sum(int(digest, 16) for _, digest in parts))


def fingerprint(frame: pl.LazyFrame) -> str:
    """Fingerprint of all rows of a frame, in any order: `<rows>-<digest>`."""
    count, digest = frame.select(pl.len(), row_hash(frame).sum().alias("hash")).collect(engine="streaming").row(0)
    return _fingerprint(count, digest)


def row_hash(frame: pl.LazyFrame) -> pl.Expr:
    """64-bit hash of a row over all columns; integers are widened, so that a code's storage type does not count."""
    schema = frame.collect_schema()
    wide = [pl.col(n).cast(pl.UInt32) if t in (pl.UInt8, pl.UInt16) else pl.col(n) for n, t in schema.items()]
    return pl.struct(wide).hash(seed=0)


def _fingerprint(count: int, digest: int) -> str:
    return f"{count}-{digest % 2**64:016x}"


def _tables(domain: Domain, home: Path, files: list[Path] | None) -> list[pl.LazyFrame]:
    """The source's tables: one for all files of the same columns and types, as these differ from month to month."""
    match domain.source.format:
        case "delta":
            return [pl.scan_delta(str(table_path(domain, home)))]
        case "iceberg":
            return [pl.scan_iceberg(str(table_path(domain, home)))]
    layouts: dict[tuple, list[Path]] = {}
    for file in files if files is not None else source_files(domain, home):
        with reading(domain, file):
            layouts.setdefault(tuple(_scan(domain, [file]).collect_schema().items()), []).append(file)
    return [_scan(domain, alike) for alike in layouts.values()]


def _scan(domain: Domain, files: list[Path]) -> pl.LazyFrame:
    if domain.source.format == "parquet":
        return pl.scan_parquet(files, hive_partitioning=False)
    return pl.scan_csv(files, infer_schema=False)  # as text: "007" keeps its zeros, and no type hangs on the first rows


def _canonical(domain: Domain, table: pl.LazyFrame, bank_zone: str) -> pl.LazyFrame:
    schema = _schema(domain, table)
    return table.select(
        _client(domain, schema[domain.columns.client_id]),
        _bank_time(domain, schema, bank_zone).alias("event_time"),
        *(_key(name, schema[name]).alias(f"key.{name}") for name in domain.event_key),
        *(_field(domain, name, kind, schema[name]) for name, kind in domain.fields.items()),
    )


def _schema(domain: Domain, table: pl.LazyFrame) -> pl.Schema:
    with reading(domain):
        schema = table.collect_schema()
    missing = [name for name in domain.source_columns if name not in schema]
    if missing:
        raise SourceError(
            f"domain {domain.name}: the source has no column {missing}; it has {schema.names()}. "
            f"Correct `columns`, `event_key` or `fields` in {domain.name}.yaml."
        )
    return schema


def _client(domain: Domain, found: pl.DataType) -> pl.Expr:
    name = domain.columns.client_id
    if found.is_float():  # 17.0 would never meet the 17 of a sample
        raise SourceError(
            f"domain {domain.name}: client_id column '{name}' is {found}; clients are text or whole numbers. "
            f"Write it so, or name another in `columns.client_id` of {domain.name}.yaml."
        )
    return pl.col(name).cast(_TEXT).str.strip_chars().alias("client_id")


def _bank_time(domain: Domain, schema: pl.Schema, bank_zone: str) -> pl.Expr:
    name = domain.columns.event_time
    column, kind = pl.col(name), schema[name]
    zone = domain.time_zone or bank_zone
    if kind == pl.Date:
        return column.cast(pl.Datetime("us"))
    if kind == _TEXT:
        text = column.str.strip_chars().str.replace("T", " ", literal=True)
        offset = text.str.to_datetime("%+", time_unit="us", time_zone="UTC", strict=False)
        plain = [text.str.to_datetime(iso, time_unit="us", strict=False) for iso in _ISO_FORMATS]
        return pl.coalesce(
            _wall_clock(offset, "UTC", zone, bank_zone), _wall_clock(pl.coalesce(plain), None, zone, bank_zone)
        )
    if not isinstance(kind, pl.Datetime):
        raise SourceError(
            f"domain {domain.name}: event_time column '{name}' is {kind}, not a date, a time stamp or ISO text. "
            f"Name another in `columns.event_time` of {domain.name}.yaml."
        )
    return _wall_clock(column, kind.time_zone, zone, bank_zone)


def _wall_clock(column: pl.Expr, own_zone: str | None, zone: str, bank_zone: str) -> pl.Expr:
    if own_zone is None and zone == bank_zone:
        return column.dt.cast_time_unit("us")
    if own_zone is None:  # the hour that a clock repeats in autumn is taken as the first, the one it skips is none
        column = column.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
    return column.dt.convert_time_zone(bank_zone).dt.replace_time_zone(None).dt.cast_time_unit("us")


def _key(name: str, found: pl.DataType) -> pl.Expr:
    if found.is_integer() and found != pl.UInt64:
        return pl.col(name).cast(pl.Int64)
    if isinstance(found, pl.Datetime):
        return pl.col(name).dt.cast_time_unit("us")
    return pl.col(name)


def _field(domain: Domain, name: str, kind: FieldKind, found: pl.DataType) -> pl.Expr:
    column, csv = pl.col(name), domain.source.format == "csv"
    if kind is FieldKind.CATEGORICAL and not found.is_nested():
        return column.cast(_TEXT)
    if kind is FieldKind.NUMERIC and (csv or found.is_numeric() or found in (pl.Boolean, pl.Null)):
        return (column.str.strip_chars() if csv else column).cast(pl.Float64)
    if kind is FieldKind.BOOLEAN and csv:
        return column.str.strip_chars().str.to_lowercase().replace_strict(_BOOLEAN_TEXTS, return_dtype=pl.Boolean)
    if kind is FieldKind.BOOLEAN and (found.is_integer() or found in (pl.Boolean, pl.Null)):
        return column.cast(pl.Boolean)
    raise SourceError(
        f"domain {domain.name}: field '{name}' is declared {kind.value}, but the source holds {found}. "
        f"Correct its kind in {domain.name}.yaml."
    )


def month_bounds(month: dt.date) -> tuple[dt.datetime, dt.datetime]:
    """First moment of a month and of the next, on the bank's clock."""
    return dt.datetime.combine(month, dt.time()), dt.datetime.combine(next_month(month), dt.time())
