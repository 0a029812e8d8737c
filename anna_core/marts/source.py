"""Reading a source table with Polars."""

import datetime as dt
from pathlib import Path

import polars as pl

from anna_core.domains import Domain
from anna_core.marts.columns import canonical, near, source_schema
from anna_core.marts.places import source_files, table_path
from anna_core.marts.reading import reading
from anna_core.months import month_bounds

_TEXT = pl.String()


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
    return pl.concat([canonical(domain, table, bank_zone) for table in _tables(domain, home, files)])


def scan_month(domain: Domain, month: dt.date, home: Path, bank_zone: str) -> pl.LazyFrame:
    """The source's rows of one month, as `scan_source` gives them, but for client_id.

    Clients stay whole numbers (int64) where all files have them so: text is then made once a client, not once a row.
    """
    first, following = month_bounds(month)
    tables = _tables(domain, home, None)
    kinds = [source_schema(domain, table)[domain.columns.client_id] for table in tables]
    numbers = all(kind.is_integer() and kind != pl.UInt64 for kind in kinds)
    near_by = [near(domain, table, first, following) for table in tables]
    rows = pl.concat([canonical(domain, table, bank_zone, numbers) for table in near_by])
    return rows.filter((pl.col("event_time") >= first) & (pl.col("event_time") < following))


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
