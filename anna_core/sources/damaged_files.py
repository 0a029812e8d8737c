"""Which file of a lake's table is damaged: what the libraries say of one does not always name it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit

import polars as pl

from anna_core.columns.parquet_files import PARQUET_MARK
from anna_core.errors import SourceError
from anna_core.sources.lake_failures import of_lake_library, reason
from anna_core.sources.lakes import iceberg_table
from anna_core.sources.plain_names import plainly_named


def damaged_file(table: Path, kind: str) -> str | None:
    """The first file of a table, as it is now, that is not as the table says, and how; None if each is.

    It looks at all files, so it is asked only once the table could not be read.

    Args:
        table: the table.
        kind: its format, delta or iceberg.
    """
    try:
        for file, size in _delta_files(table) if kind == "delta" else _iceberg_files(table):
            if told := _damage(file, size):
                return f"{file} {told}"
    except SourceError as error:
        return str(error)
    except Exception as error:
        if not (isinstance(error, OSError) or of_lake_library(error)):
            raise
    return None


def _damage(file: Path, size: int) -> str | None:
    """What is wrong with a file that should be so large."""
    if not file.exists():
        return "is missing"
    if (found := file.stat().st_size) != size:
        return f"has {found:,} bytes, not the {size:,} that were written"
    if file.suffix != ".parquet":
        return None
    with file.open("rb") as content:
        begins = content.read(len(PARQUET_MARK))
        content.seek(-len(PARQUET_MARK), 2)
        return None if begins == content.read() == PARQUET_MARK else "is no Parquet file"


def _delta_files(folder: Path) -> Iterator[tuple[Path, int]]:
    """The data files of a Delta table, with the sizes that its log gives."""
    from deltalake import DeltaTable

    place = plainly_named(folder)
    table = DeltaTable(str(place))
    added = pl.DataFrame(table.get_add_actions(flatten=True))
    sizes = {Path(path).name: size for path, size in added.select("path", "size_bytes").iter_rows()}
    for file in map(Path, table.file_uris()):
        yield folder / file.relative_to(place.resolve()), sizes[file.name]


def _iceberg_files(path: Path) -> Iterator[tuple[Path, int]]:
    """The data files of an Iceberg table, with the sizes that its manifests give.

    Raises:
        SourceError: a manifest, or their list, cannot be read.
    """
    table = iceberg_table(path)
    snapshot = table.current_snapshot()
    if snapshot is None:
        return
    with _told(snapshot.manifest_list):
        manifests = snapshot.manifests(table.io)
    for manifest in manifests:
        with _told(manifest.manifest_path):
            entries = manifest.fetch_manifest_entry(table.io)
        for entry in entries:
            yield _local(entry.data_file.file_path), entry.data_file.file_size_in_bytes


@contextmanager
def _told(location: str) -> Iterator[None]:
    """A context in which a file is read that an error of the library is to name."""
    try:
        yield
    except Exception as error:
        raise SourceError(f"{_local(location)} is damaged: {reason(error)}") from error


def _local(location: str) -> Path:
    """The path that a location in a table's metadata means, which may be written as a URL."""
    parts = urlsplit(location)
    return Path(unquote(parts.path)) if parts.scheme else Path(location)
