"""Parquet files as both doors scan them, and why one cannot be read: Polars names neither the column nor a cure."""

import os
from collections.abc import Collection
from functools import cache
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from anna_core.columns.typed import first_without_text, no_text

# Without this Polars refuses a whole file for a column, used or not, of a zone that it does not know.
os.environ["POLARS_IGNORE_TIMEZONE_PARSE_ERROR"] = "1"

PARQUET_MARK = b"PAR1"  # at both ends of a file
_MOST_DIGITS = 38  # of a decimal that Polars reads
_TEXTS = (
    pa.types.is_string, pa.types.is_large_string, pa.types.is_binary, pa.types.is_large_binary,
    pa.types.is_fixed_size_binary,
)  # fmt: skip


def parquet_schema(file: Path) -> pl.Schema:
    """The columns and types of a file as it stores them, whatever their zones.

    Raises:
        polars.exceptions.PolarsError, polars.exceptions.PanicException: it cannot be read (`why_unreadable`).
    """
    return _scan([file]).collect_schema()


def scan_parquet(files: list[Path], path_column: str | None = None) -> pl.LazyFrame:
    """Scan files of the same `parquet_schema`.

    Time stamps of a zone that Polars does not know (`MSK`, `UTC+3`, `Z`) come out in UTC, in which Parquet stores all
    that have a zone.

    Args:
        files: the files.
        path_column: name of a column to add that holds each row's file.

    Raises:
        polars.exceptions.PolarsError, polars.exceptions.PanicException: they cannot be read (`why_unreadable`).
    """
    rows = _scan(files, path_column)
    return rows.with_columns(
        pl.nth(place).cast(pl.Datetime(kind.time_unit, "UTC"))
        for place, kind in enumerate(rows.collect_schema().dtypes())
        if isinstance(kind, pl.Datetime) and kind.time_zone is not None and not _is_known(kind.time_zone)
    )


def why_unreadable(file: Path, used: Collection[str] | None = None) -> str | None:
    """Why Polars cannot read a Parquet file, and what to do; None if nothing is found.

    It may read the whole file, so it is to be asked only once the file could not be read.

    Args:
        file: the file.
        used: names of the columns that are needed; None: all that are there are read, and some may be left out.
    """
    spare = " A column that is not used may be left out." if used is None else ""
    try:
        schema = pq.read_schema(file)
        if twice := sorted({name for name in schema.names if schema.names.count(name) > 1}):
            return f"column '{twice[0]}' is there more than once. Keep one of them, or rename the others."
        names = [name for name in schema.names if used is None or name in used]
        for name in names:
            kind = schema.field(name).type
            if pa.types.is_decimal(kind) and kind.precision > _MOST_DIGITS:
                return (
                    f"column '{name}' holds decimals of {kind.precision} digits, of which no more than {_MOST_DIGITS} "
                    f"can be read. Write it as DECIMAL({_MOST_DIGITS}, 9), as a float or as text.{spare}"
                )
        for name in names:
            if (row := _first_without_text(file, schema.field(name).type, name)) is not None:
                return f"column '{name}' {no_text(row)}{spare}"
    except (pa.ArrowException, OSError):
        return "it is damaged or incomplete. Write it anew, or take it away."
    return None


def _scan(files: list[Path], path_column: str | None = None) -> pl.LazyFrame:
    return pl.scan_parquet(files, hive_partitioning=False, glob=False, include_file_paths=path_column)


@cache
def _is_known(zone: str) -> bool:
    try:
        pl.Series([], dtype=pl.Datetime("us")).dt.replace_time_zone(zone)
    except pl.exceptions.ComputeError:
        return False
    return True


def _first_without_text(file: Path, kind: pa.DataType, name: str) -> int | None:
    """The first row, from 0, whose bytes in a column are no text; None if all are, or it is of numbers or the like."""
    if isinstance(kind, pa.BaseExtensionType):
        kind = kind.storage_type
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    if not any(of(kind) for of in _TEXTS):
        return None
    with pq.ParquetFile(file) as content:
        columns = (batch.column(0).cast(pa.large_binary()) for batch in content.iter_batches(columns=[name]))
        return first_without_text(value for column in columns for value in column.to_pylist())
