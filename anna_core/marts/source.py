"""Reading a source table with Polars: its files, its rows on the bank's clock, and its months' fingerprints."""

import datetime as dt
from pathlib import Path

import polars as pl

from anna_core.domains import Domain, FieldKind
from anna_core.errors import SourceError
from anna_core.months import next_month

_TEXT = pl.String()


def source_path(domain: Domain, home: Path) -> Path:
    """Where the domain's table lies; relative paths start at ANNA_HOME."""
    return (home / Path(domain.source.path).expanduser()).resolve()


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
        if not any(part.startswith((".", "_")) for part in file.relative_to(path).parts)
    )
    if not files:
        raise SourceError(
            f"domain {domain.name}: no .{domain.source.format} file at {path}. "
            f"Correct `source.path` in {domain.name}.yaml, or bring the table there."
        )
    return files


def scan_source(domain: Domain, home: Path, bank_zone: str, files: list[Path] | None = None) -> pl.LazyFrame:
    """The source's rows in the form that marts are made of.

    Args:
        domain: the domain.
        home: ANNA_HOME.
        bank_zone: the bank's time zone.
        files: read only these; None means the whole table.

    Returns:
        Lazy columns client_id (text), event_time (datetime[us], the bank's wall clock, no zone), the event key's columns
        as they are, and the fields: categories as text, numbers as float64, booleans.

    Raises:
        SourceError: the table or a column is missing, or a column's type does not fit its kind.
    """
    table = _scan(domain, home, files)
    schema = _schema(domain, table)
    return table.select(
        pl.col(domain.columns.client_id).cast(_TEXT).str.strip_chars().alias("client_id"),
        _bank_time(domain, schema, bank_zone).alias("event_time"),
        *(pl.col(name).alias(f"key.{name}") for name in domain.event_key),
        *(_field(domain, name, kind, schema[name]) for name, kind in domain.fields.items()),
    )


def months_of(domain: Domain, home: Path, bank_zone: str, files: list[Path] | None = None) -> dict[str, str]:
    """Fingerprint of every month that has rows: month key → `<rows>-<digest>`.

    The digest is a sum of row hashes, so neither the order of the rows nor their division into files counts, and
    fingerprints of parts add up (`combine_fingerprints`). Polars may change its hash in a new release; the months are
    then rebuilt once, and as marts keep their own content digest, nothing behind them is.
    """
    rows = scan_source(domain, home, bank_zone, files)
    months = (
        rows.filter(pl.col("event_time").is_not_null())
        .select(pl.col("event_time").dt.strftime("%Y-%m-01").alias("month"), row_hash(rows).alias("hash"))
        .group_by("month")
        .agg(pl.len(), pl.col("hash").sum())
        .sort("month")
        .collect(engine="streaming")
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


def _scan(domain: Domain, home: Path, files: list[Path] | None) -> pl.LazyFrame:
    source = domain.source
    if source.format == "delta":
        return pl.scan_delta(str(source_path(domain, home)))
    if source.format == "iceberg":
        return pl.scan_iceberg(str(source_path(domain, home)))
    paths = [str(file) for file in (files if files is not None else source_files(domain, home))]
    if source.format == "parquet":
        return pl.scan_parquet(paths, hive_partitioning=False, extra_columns="ignore", missing_columns="raise")
    texts = [domain.columns.client_id, *domain.categorical]  # "007" and "0136" keep their zeros
    return pl.scan_csv(paths, schema_overrides=dict.fromkeys(texts, _TEXT), try_parse_dates=True)


def _schema(domain: Domain, table: pl.LazyFrame) -> pl.Schema:
    try:
        schema = table.collect_schema()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise SourceError(f"domain {domain.name}: the source cannot be read as {domain.source.format}: {error}") from error
    missing = [name for name in domain.source_columns if name not in schema]
    if missing:
        raise SourceError(
            f"domain {domain.name}: the source has no column {missing}; it has {schema.names()}. "
            f"Correct `columns`, `event_key` or `fields` in {domain.name}.yaml."
        )
    return schema


def _bank_time(domain: Domain, schema: pl.Schema, bank_zone: str) -> pl.Expr:
    name = domain.columns.event_time
    column, kind = pl.col(name), schema[name]
    if kind == pl.Date:
        return column.cast(pl.Datetime("us"))
    if kind == _TEXT:
        column, kind = column.str.to_datetime(time_unit="us", strict=False), pl.Datetime("us")
    if not isinstance(kind, pl.Datetime):
        raise SourceError(
            f"domain {domain.name}: event_time column '{name}' is {kind}, not a date, a time stamp or ISO text. "
            f"Name another in `columns.event_time` of {domain.name}.yaml."
        )
    zone = kind.time_zone or domain.time_zone or bank_zone
    if kind.time_zone is None and zone == bank_zone:
        return column.dt.cast_time_unit("us")
    if kind.time_zone is None:  # the hour that a clock repeats in autumn is taken as the first, the one it skips is none
        column = column.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
    return column.dt.convert_time_zone(bank_zone).dt.replace_time_zone(None).dt.cast_time_unit("us")


def _field(domain: Domain, name: str, kind: FieldKind, found: pl.DataType) -> pl.Expr:
    column = pl.col(name)
    if kind is FieldKind.CATEGORICAL and not found.is_nested():
        return column.cast(_TEXT)
    if kind is FieldKind.NUMERIC and (found.is_numeric() or found == pl.Boolean):
        return column.cast(pl.Float64)
    if kind is FieldKind.BOOLEAN and (found == pl.Boolean or found.is_integer()):
        return column.cast(pl.Boolean)
    raise SourceError(
        f"domain {domain.name}: field '{name}' is declared {kind.value}, but the source holds {found}. "
        f"Correct its kind in {domain.name}.yaml."
    )


def month_bounds(month: dt.date) -> tuple[dt.datetime, dt.datetime]:
    """First moment of a month and of the next, on the bank's clock."""
    return dt.datetime.combine(month, dt.time()), dt.datetime.combine(next_month(month), dt.time())
