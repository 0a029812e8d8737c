"""What a Parquet or CSV file of a source is like: its columns and their types, and whether it has rows."""

from collections.abc import Iterable
from pathlib import Path

import polars as pl

from anna_core.columns.csv_files import CsvError
from anna_core.columns.csv_headers import csv_header
from anna_core.columns.csv_records import has_records
from anna_core.columns.parquet_files import parquet_schema, scan_parquet
from anna_core.domains import Domain
from anna_core.errors import SourceError
from anna_core.sources.reading import reading


def file_schema(domain: Domain, file: Path) -> pl.Schema:
    """The columns and types of a Parquet or CSV file.

    Raises:
        SourceError: the file cannot be read, or a name is there twice.
    """
    with reading(domain, file):
        if domain.source.format == "parquet":
            return parquet_schema(file)
        return pl.Schema({name or f" {place}": pl.String() for place, name in enumerate(_csv_names(domain, file))})


def is_empty(domain: Domain, file: Path) -> bool:
    """Whether a Parquet file has no rows; its columns may then be of any type, as nobody could know a better one."""
    return domain.source.format == "parquet" and not has_rows(domain, file)


def has_rows(domain: Domain, file: Path) -> bool:
    """Whether a Parquet or CSV file has rows. Raises `SourceError` if it cannot be read."""
    with reading(domain, file):
        if domain.source.format == "csv":
            return has_records(file)
        return scan_parquet([file]).select(pl.len()).collect().item() > 0


def columns_that_count(layouts: Iterable[tuple[Iterable[str], bool]]) -> frozenset[str]:
    """Names of the columns that any file of a source with rows has, or any file at all where none has rows.

    Args:
        layouts: of each file the names of its columns, and whether it has rows.
    """
    filled, empty = set[str](), set[str]()
    for names, has_any in layouts:
        (filled if has_any else empty).update(names)
    return frozenset(filled or empty)


def filled(domain: Domain, files: list[Path]) -> list[Path]:
    """All files but Parquet files without rows; all, if none has rows: then their types are all there is."""
    return [file for file in files if not is_empty(domain, file)] or files


def _csv_names(domain: Domain, file: Path) -> list[str]:
    try:
        return csv_header(file)
    except CsvError as error:
        raise SourceError(f"domain {domain.name}: {error}") from error
