"""Where a source lies: its path, its data files, or its table's folder."""

import os
from pathlib import Path

from anna_core.domains import Domain
from anna_core.errors import SourceError


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
