"""A source's files as tables: those of the same columns and types are one, which Polars scans as one."""

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from anna_core.columns.parquet_files import scan_parquet
from anna_core.domains import Domain
from anna_core.sources.door import Door, open_door
from anna_core.sources.files import source_files
from anna_core.sources.lakes import lake_state, scan_lake
from anna_core.sources.layouts import file_schema, filled
from anna_core.sources.missing_columns import refuse_missing
from anna_core.sources.observed_files import ObservedFiles
from anna_core.sources.reading import reading
from anna_core.sources.source import Source


@dataclass(frozen=True)
class SourceTable:
    """The rows of all files of a source that have the same columns and types.

    Attributes:
        files: the files; for a lake's table, the table's folder.
        rows: the rows as they are stored.
        schema: their columns and types.
        path_column: the column of `rows` that names each row's file; None if there is one file, or events have no key.
        is_csv: whether the files are CSV, whatever their names.
    """

    files: list[Path]
    rows: pl.LazyFrame
    schema: pl.Schema
    path_column: str | None = None
    is_csv: bool = False


def observed_tables(source: Source, observed: ObservedFiles | None) -> list[SourceTable]:
    """The tables (`source_tables`) of the files as they were observed; with None, of all that lies there now."""
    if observed is None:
        return source_tables(source)
    state = next(iter(observed.states.values())) if source.domain.source.is_lake else None
    return source_tables(source, observed.paths, observed.columns, state)


def source_tables(
    source: Source,
    files: list[Path] | None = None,
    known: frozenset[str] = frozenset(),
    state: str | None = None,
) -> list[SourceTable]:
    """Group the source's files, whose layout may change over the years, into tables of the same columns and types.

    Args:
        source: the source.
        files: the files to read; None: the whole table.
        known: names of columns that other files have, and that these may therefore lack.
        state: of a lake's table: the state to read it in; None: as it is now.

    Raises:
        SourceError: a file cannot be read, or a column that the domain names is in no file.
    """
    domain = source.domain
    if domain.source.is_lake:
        place, _ = lake_state(source)
        rows = scan_lake(source, state)
        tables = [SourceTable([Path(place)], rows, rows.collect_schema())]
    else:
        alike: dict[tuple, list[Path]] = {}
        for file in files if files is not None else filled(domain, source_files(source).read):
            alike.setdefault(tuple(file_schema(domain, file).items()), []).append(file)
        tables = [_table(domain, same, pl.Schema(layout)) for layout, same in alike.items()]
    layouts = [(table.files[0], table.schema.names()) for table in tables]
    refuse_missing(domain, layouts, known, several=sum(len(table.files) for table in tables) > 1)
    return tables


def open_table(source: Source, table: SourceTable) -> Door:
    """Open the door to a table."""
    return open_door(source.domain, table.rows, table.schema, source.bank_zone, table.files[0])


def _table(domain: Domain, files: list[Path], schema: pl.Schema) -> SourceTable:
    path_column = None
    if len(files) > 1 and domain.event_key:
        path_column = "path"
        while path_column in schema:
            path_column += "_"
    if domain.source.format == "parquet":
        with reading(domain, files[0]):
            rows = scan_parquet(files, path_column)
            kinds = rows.collect_schema()
        schema = pl.Schema({name: kinds[name] for name in schema})  # in which zones are known
    else:  # as text: "007" keeps its zeros, and no type hangs on the first rows
        rows = pl.scan_csv(
            files, infer_schema=False, new_columns=list(schema), glob=False, include_file_paths=path_column
        )
    return SourceTable(files, rows, schema, path_column, is_csv=domain.source.format == "csv")
