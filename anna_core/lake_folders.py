"""Folders that are tables of a data lake, not all of whose files still count.

They are known by the log beside the data, which alone says which do, or by the names of the folders of transactions.
"""

import gzip
import json
import os
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from anna_core.file_names import shown
from anna_core.folders import UnseenError, is_hidden, right_to_read

DELTA, ICEBERG, HUDI, HIVE, SPARK = "Delta", "Iceberg", "Hudi", "transactional Hive", "Spark"
# Of these the files may be of any format.
OF_ANY_FORMAT = (HIVE, SPARK)
# The states of an Iceberg table: 00002-<uuid>.metadata.json, v2.metadata.json, also compressed.
ICEBERG_STATE = re.compile(r"v?(\d+)(-.*)?(\.gz)?\.metadata\.json(\.gz)?")
DELTA_LOG, ICEBERG_LOG, _HUDI_LOG, _SPARK_LOG = "_delta_log", "metadata", ".hoodie", "_spark_metadata"
# Hive's folders of one write or several, and of what it has merged: delta_0000002_0000002_0000, base_0000002_v0000041.
# It fills numbers up to 7 digits; of more, base_20240131 and delta_20240101_20240131 are a bank's own, of days.
_NUMBER = r"(?!(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01]))\d{7,10}"
_HIVE_WRITES = re.compile(rf"(base_{_NUMBER}|(delete_)?delta_{_NUMBER}_{_NUMBER}(_\d{{4}})?)(_v\d{{7,}})?")
_ICEBERG_DATA = "data"
_GZIP_BEGINS = b"\x1f\x8b"


@dataclass(frozen=True)
class LakeFolder:
    """A table's folder.

    Attributes:
        folder: the folder.
        kind: `DELTA`, `ICEBERG`, `HUDI`, `HIVE` or `SPARK`; of Spark's, what a stream of it writes.
        hidden: whether it lies out of sight below the folder that was looked through; nothing there is read.
        location: where an Iceberg table says that it lies, a path or URL; its log leads there. Empty for other kinds.
    """

    folder: Path
    kind: str
    hidden: bool = False
    location: str = ""

    @property
    def told(self) -> str:
        """What it is, and why its files cannot be read as they are."""
        if self.kind == SPARK:
            return "is written by a stream of Spark's, and holds files of tries that failed, which do not count"
        if self.kind == HIVE:
            return f"is a {HIVE} table, whose files also hold rows that were overwritten, deleted or merged into others"
        article = "an" if self.kind == ICEBERG else "a"
        return f"is {article} {self.kind} table, whose Parquet files also hold rows that were overwritten or deleted"

    @property
    def is_in_place(self) -> bool:
        """Whether its log leads to where it lies, and not to where it was copied from."""
        if self.kind != ICEBERG:
            return True
        try:
            return os.path.samefile(_path(self.location), self.folder)
        except OSError:
            return False


def lake_holding(folder: Path, parts: tuple[str, ...]) -> LakeFolder | None:
    """The table to whose log a file belongs, by the parts of its path below a folder; None for all other files.

    Raises:
        UnseenError: ANNA may not read what may be the state of an Iceberg table.
    """
    for place, name in enumerate(parts):
        table, hidden = folder.joinpath(*parts[:place]), is_hidden(parts[:place])
        if name == DELTA_LOG:
            return LakeFolder(table, DELTA, hidden)
        if name == _HUDI_LOG:
            return LakeFolder(table, HUDI, hidden)
        if name == _SPARK_LOG:
            return LakeFolder(table, SPARK, hidden)
        if _HIVE_WRITES.fullmatch(name) and place + 1 < len(parts):
            return LakeFolder(table, HIVE, hidden)
        if name == ICEBERG_LOG and len(parts) == place + 2 and ICEBERG_STATE.fullmatch(parts[-1]):
            if hidden:  # whatever stands in it
                return LakeFolder(table, ICEBERG, hidden)
            state = folder.joinpath(*parts)
            try:
                return _iceberg_folder(table, state, table)
            except PermissionError as error:
                raise UnseenError(
                    f"{shown(state)} cannot be read, and may belong to an Iceberg table: {error.strerror}. "
                    f"{right_to_read(state)}"
                ) from error
    return None


def lake_around(path: Path) -> LakeFolder | None:
    """The table in which a file or folder lies, as `<table>/data` or a partition does, or that the folder is.

    Folders above that may not be looked into are passed over: whoever reads below them need not be able to list them.
    """
    for folder in (path, *path.parents):
        try:
            if (found := _lake_folder(folder, path)) is not None:
                return found
        except PermissionError:
            continue
        if _HIVE_WRITES.fullmatch(folder.name):
            return LakeFolder(folder.parent, HIVE)
    return None


def _lake_folder(folder: Path, path: Path) -> LakeFolder | None:
    """The table that a folder is, if any to which a path belongs, the folder itself or one below it.

    Raises:
        PermissionError: the folder, or what may be its state, may not be looked into.
    """
    if (folder / DELTA_LOG).is_dir():
        return LakeFolder(folder, DELTA)
    tables = (_iceberg_folder(folder, state, path) for state in _iceberg_states(folder))
    if (found := next(filter(None, tables), None)) is not None:
        return found
    logs = {HUDI: _HUDI_LOG, SPARK: _SPARK_LOG}
    return next((LakeFolder(folder, kind) for kind, log in logs.items() if (folder / log).is_dir()), None)


def _iceberg_states(folder: Path) -> Iterator[Path]:
    log = folder / ICEBERG_LOG
    if log.is_dir():
        yield from (log / name for name in sorted(os.listdir(log), reverse=True) if ICEBERG_STATE.fullmatch(name))


def _iceberg_folder(folder: Path, state: Path, path: Path) -> LakeFolder | None:
    """The Iceberg table that a folder is by what stands in a state; None if it is none, or a path is none of its own.

    Others keep what they know of their data in `metadata`, too, and states are kept apart from their tables. So a path
    belongs to the table where that says that it lies in a folder of this name, whichever system it was written on, or
    where its data would lie in any case.
    """
    location = _location(state)
    if location is None:
        return None
    of_its_name = _path(location).name == folder.name
    is_data = (folder / _ICEBERG_DATA).is_dir() if path == folder else folder / _ICEBERG_DATA in (path, *path.parents)
    return LakeFolder(folder, ICEBERG, location=location) if of_its_name or is_data else None


def _path(location: str) -> PurePosixPath:
    """A location's path, on whichever system."""
    try:
        return PurePosixPath(urlsplit(location).path)
    except ValueError:  # it is no URL
        return PurePosixPath(location)


def _location(state: Path) -> str | None:
    """Where an Iceberg table lies, by a file with the name of a state; None if the file is no such state.

    Raises:
        PermissionError: it may not be read.
    """
    try:
        content = state.read_bytes()
        told = json.loads(gzip.decompress(content) if content.startswith(_GZIP_BEGINS) else content)
    except PermissionError:
        raise
    except (OSError, EOFError, zlib.error, ValueError, RecursionError):  # no JSON, or it was moved away meanwhile
        return None
    if not isinstance(told, dict) or "format-version" not in told or not {"location", "table-uuid"} & told.keys():
        return None
    return str(told.get("location", ""))
